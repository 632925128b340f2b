"""One loaded scrub step for all tests: importing Presidio takes seconds."""

from __future__ import annotations

import pytest

from corpus.config.scrub import ScrubSettings
from corpus.steps.scrub import Scrub


@pytest.fixture(scope="session")
def scrub() -> Scrub:
    pytest.importorskip("presidio_analyzer")
    step = Scrub(ScrubSettings())
    step.load()
    return step
