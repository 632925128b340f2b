"""The chain of steps: balances, isolation of errors, documents cut into parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from corpus.errors import BuildError
from corpus.steps.interface import Outcome, Removal, keep_rows
from pipelines.passes.steps import Chain

NAMES = ["doc_key", "path", "offset", "part", "url", "text"]


def documents(texts: list[str]) -> pa.RecordBatch:
    rows = [
        {"doc_key": b"%016d" % n, "path": "a.jsonl", "offset": n, "part": 0, "url": None, "text": text}
        for n, text in enumerate(texts)
    ]
    types = [pa.binary(16), pa.string(), pa.int64(), pa.int32(), pa.string(), pa.large_string()]
    return pa.RecordBatch.from_pylist(rows, schema=pa.schema(list(zip(NAMES, types, strict=True))))


class Made:
    """A step made from a function over batches."""

    version = 1

    def __init__(self, apply: Callable[[pa.RecordBatch], Outcome], name: str = "quality") -> None:
        self.apply = apply
        self.name = name

    def load(self) -> None: ...

    def artifacts(self) -> dict[str, str]:
        return {}


def chain(*steps: Any, rows: int) -> Chain:
    made = Chain(list(steps))
    made.ledger.read = made.ledger.with_documents = made.ledger.documents = rows
    return made


def drop_short(batch: pa.RecordBatch) -> Outcome:
    removals = [
        Removal(row, "dropped", "too_short", float(len(text)), 4.0)
        for row, text in enumerate(batch.column("text").to_pylist())
        if len(text) < 4
    ]
    return Outcome(keep_rows(batch, removals), removals)


def test_a_dropped_document_is_counted_and_written_down() -> None:
    running = chain(Made(drop_short), rows=3)
    kept = running.run(documents(["一条完整的消息", "短", "另一条完整的消息"]))
    running.ledger.kept = kept.num_rows
    running.ledger.check("test")
    assert running.ledger.dropped == {"too_short": 1}
    assert running.reject_table().select(["offset", "reason", "score", "threshold"]).to_pylist() == [
        {"offset": 1, "reason": "too_short", "score": 1.0, "threshold": 4.0}
    ]


def test_a_row_that_vanishes_stops_the_build() -> None:
    running = chain(Made(lambda batch: Outcome(batch.slice(1), [])), rows=2)
    with pytest.raises(BuildError, match="2 rows in"):
        running.run(documents(["甲", "乙"]))


def test_an_error_costs_its_own_row_only() -> None:
    def fragile(batch: pa.RecordBatch) -> Outcome:
        if any("坏" in text for text in batch.column("text").to_pylist()):
            raise ValueError("读不懂")
        return Outcome(batch, [])

    texts = [f"第{n}条" for n in range(37)]
    texts[11] = texts[30] = "坏的"
    running = chain(Made(fragile), rows=37)
    kept = running.run(documents(texts))
    assert kept.column("text").to_pylist() == [text for text in texts if text != "坏的"]
    assert running.ledger.document_quarantined == {"quality_error": 2}
    letters = running.dead_letter_table().to_pylist()
    assert [(row["offset"], row["detail"]) for row in letters] == [
        (11, "ValueError: 读不懂"),
        (30, "ValueError: 读不懂"),
    ]


def test_parts_of_a_long_document_count_as_documents() -> None:
    def split(batch: pa.RecordBatch) -> Outcome:
        # Row 0 becomes three parts, of which one is dropped; row 1 stays.
        rows = batch.take(pa.array([0, 0, 1]))
        return Outcome(rows, [Removal(0, "dropped", "too_short", 1.0, 4.0)], pa.array([0, 0, 1], pa.int32()))

    running = chain(Made(split), rows=2)
    running.ledger.kept = running.run(documents(["很长的一篇", "短的一篇"])).num_rows
    running.ledger.check("test")
    assert running.ledger.documents == 4


def test_removals_of_several_kinds_keep_place_and_order() -> None:
    def judge(batch: pa.RecordBatch) -> Outcome:
        removals = [
            Removal(0, "dropped", "too_short", 1.0, 4.0),
            Removal(1, "quarantined", "quality_error", detail="读不懂"),
            Removal(3, "dropped", "promotion", 0.9),
        ]
        return Outcome(keep_rows(batch, removals), removals)

    running = Chain([Made(judge)], keep_rejects=True)
    running.ledger.documents = 5
    running.ledger.kept = running.run(documents(["短", "坏", "好的一条", "广告", "另一条"])).num_rows
    running.ledger.check("test")
    rejects = running.reject_table()
    rejects.validate(full=True)
    assert [(row["offset"], row["reason"], row["threshold"], row["text"]) for row in rejects.to_pylist()] == [
        (0, "too_short", 4.0, "短"),
        (3, "promotion", None, "广告"),
    ]
    assert rejects.column("doc_key").to_pylist() == [b"%016d" % 0, b"%016d" % 3]
    assert running.dead_letter_table().select(["offset", "part", "reason", "detail"]).to_pylist() == [
        {"offset": 1, "part": 0, "reason": "quality_error", "detail": "读不懂"}
    ]


def test_the_place_of_a_record_that_decode_refuses_is_written_down() -> None:
    def refuse(batch: pa.RecordBatch) -> Outcome:
        removals = [Removal(1, "quarantined", "content_encoding"), Removal(2, "skipped", "binary")]
        return Outcome(keep_rows(batch, removals), removals)

    records = documents(["甲", "乙", "丙"]).select(["path", "offset", "url"])
    running = Chain([Made(refuse, "decode")])
    assert running.run(records).num_rows == 1
    assert running.ledger.skipped == {"binary": 1}
    assert running.ledger.quarantined == {"content_encoding": 1}
    assert running.dead_letter_table().to_pylist() == [
        {"path": "a.jsonl", "offset": 1, "part": -1, "url": None, "step": "decode", "reason": "content_encoding",
         "detail": "content_encoding", "reproducible": True}
    ]  # fmt: skip


def test_a_kind_of_removal_that_a_step_may_not_use_stops_the_build() -> None:
    running = chain(Made(lambda batch: Outcome(batch.slice(1), [Removal(0, "skipped", "binary")])), rows=2)
    with pytest.raises(BuildError, match="'skipped' is not possible"):
        running.run(documents(["甲", "乙"]))
