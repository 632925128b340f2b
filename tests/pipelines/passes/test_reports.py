"""Commit by report: a torn file is no report, the first whole attempt counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.errors import BuildError
from corpus.storage import Store
from pipelines.passes.ledger import Ledger
from pipelines.passes.reports import Ordered, Reports, canonical, commit, committed, fingerprint, report_name


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


def test_reports_behave_as_the_mapping_that_was_put_in() -> None:
    plain = {"b": {"rows": 3, "reasons": {"太短": 2}}, "a": {"rows": 1, "batches": [{"rows": 1}] * 3}}
    reports = Reports((mark, canonical(report)) for mark, report in plain.items())
    assert reports == plain
    assert list(reports) == ["b", "a"]
    reports["c"] = {"rows": 7}
    reports["a"] = reports["a"] | {"place": "00"}
    del reports["b"]
    assert reports == {"a": plain["a"] | {"place": "00"}, "c": {"rows": 7}}
    assert "b" not in reports
    reports["c"]["rows"] = 8  # what is handed out is a copy
    assert reports["c"] == {"rows": 7}


def test_ordered_reports_come_in_the_order_of_the_plan() -> None:
    reports = {mark: {"rows": number} for number, mark in enumerate("acb")}
    ordered = Ordered("cab", reports)
    assert list(ordered) == [("c", {"rows": 1}), ("a", {"rows": 0}), ("b", {"rows": 2})]
    assert ordered[1] == ("a", {"rows": 0})
    assert list(ordered[1:]) == list(ordered)[1:]
    assert len(ordered) == 3
