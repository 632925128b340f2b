"""Commit by report: a torn file is no report, the first whole attempt counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.errors import BuildError
from corpus.storage import Store
from pipelines.passes.ledger import Ledger
from pipelines.passes.reports import commit, committed, fingerprint, report_name


def test_a_committed_report_is_found(tmp_path: Path) -> None:
    work = Store(tmp_path)
    commit(work, "ingest", "ab", "1", {"rows": 3})
    assert committed(work, "ingest", ["ab", "cd"]) == {"ab": {"rows": 3}}


@pytest.mark.parametrize("keep", [0, 1, 8, 20])
def test_a_torn_report_does_not_count(tmp_path: Path, keep: int) -> None:
    work = Store(tmp_path)
    commit(work, "ingest", "ab", "1", {"rows": 3})
    path = tmp_path / report_name("ingest", "ab", "1")
    path.write_bytes(path.read_bytes()[:keep])
    assert committed(work, "ingest", ["ab"]) == {}


def test_two_attempts_of_one_split_do_not_disturb_each_other(tmp_path: Path) -> None:
    work = Store(tmp_path)
    commit(work, "ingest", "ab", "2", {"attempt": 2})
    commit(work, "ingest", "ab", "1", {"attempt": 1})
    assert committed(work, "ingest", ["ab"]) == {"ab": {"attempt": 1}}


def test_a_fingerprint_does_not_depend_on_key_order() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint("ab", "c") != fingerprint("a", "bc")


def test_a_ledger_that_does_not_balance_fails_the_build() -> None:
    ledger = Ledger(read=2, with_documents=1)
    with pytest.raises(BuildError, match="2 records read, 1 accounted for"):
        ledger.check("split x")
    ledger.skipped["not_html"] += 1
    ledger.documents, ledger.kept = 3, 2
    with pytest.raises(BuildError, match="3 documents in, 2 out"):
        ledger.check("split x")
    ledger.dropped["too_short"] += 1
    ledger.check("split x")
    assert Ledger.from_json(ledger.to_json()) == ledger
