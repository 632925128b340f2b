"""A few of the inputs of benchmarks/input_mutations.py: nothing but own errors, every record accounted for."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from input_mutations import Reader, chunk, in_child, settings
from mutated_inputs import SAMPLES, mutated

from corpus.reading import plan_splits
from corpus.reading.digests import DigestCache


@pytest.fixture(scope="module")
def reader() -> Reader:
    loaded = Reader()
    loaded.load()
    return loaded


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_mutated_inputs_are_accounted_for(kind: str, reader: Reader, tmp_path: Path) -> None:
    found = chunk(kind, range(40), 7, tmp_path, reader)
    assert found["failures"] == []
    assert sum(found["counts"].values()) > 0


@pytest.mark.parametrize("kind", sorted(set(SAMPLES) - {"yaml"}))
def test_what_is_not_mutated_gives_documents(kind: str, reader: Reader, tmp_path: Path) -> None:
    """Else the mutations would only show that nothing is ever read."""
    for number in range(4):
        (tmp_path / f"{number}.{kind}").write_bytes(SAMPLES[kind](number))
    splits = plan_splits(settings(tmp_path), DigestCache()).splits
    counts = sum((reader.account(split, settings(tmp_path)) for split in splits), start=Counter())
    assert counts["documents"] >= 4
    assert counts["quarantined"] == 0


def test_a_mutated_input_is_a_function_of_seed_and_number() -> None:
    assert mutated("warc", 5, 1) == mutated("warc", 5, 1)
    assert mutated("warc", 5, 1) != mutated("warc", 5, 2)


def test_the_death_of_a_child_is_seen() -> None:
    assert in_child(lambda: os.kill(os.getpid(), signal.SIGKILL) or {}) == "died: signal 9"
    assert in_child(lambda: {"counts": {}, "failures": []}) == {"counts": {}, "failures": []}
