"""The decode step, loaded, and the pages that its tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from corpus.config.decode import DecodeSettings
from corpus.steps.decode import Decode

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def step() -> Decode:
    decode = Decode(DecodeSettings())
    decode.load()
    return decode
