"""Conditions in SQL: what they may say, and that they see single rows only."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from corpus.errors import ConfigError
from corpus.schema import corpus_schema
from corpus.shards.where import Where

SCHEMA = corpus_schema(["lines"])


def batch() -> pa.RecordBatch:
    rows = [
        {
            "doc_key": bytes([n]) * 16,
            "part": 0,
            "path": "a",
            "offset": n,
            "cluster_size": 1,
            "quality": n / 10,
            "source_type": "news" if n % 2 else None,
            "domains": [{"name": "legal", "score": 0.7}] if n == 3 else [],
            "fetched_at": datetime.datetime(2019 + n, 12, 31, 23, 30, tzinfo=datetime.UTC),
            "signal_lines": float(n),
            "text": f"第{n}条规定",
        }
        for n in range(6)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


@pytest.mark.parametrize(
    ("expression", "rows", "columns"),
    [
        ("quality > 0.25 AND source_type = 'news'", [3, 5], ("quality", "source_type")),
        ("source_type IS NULL", [0, 2, 4], ("source_type",)),
        ("source_type <> 'news'", [], ("source_type",)),  # unknown is not true
        ("text LIKE '%3%' OR signal_lines >= 5 -- a remark", [3, 5], ("signal_lines", "text")),
        ("list_contains(list_transform(domains, lambda d: d.name), 'legal')", [3], ("domains",)),
        ("year(fetched_at) = 2021", [2], ("fetched_at",)),  # in UTC, whatever the machine's zone
        ('"Quality" >= 0.5', [5], ("quality",)),
        ("documents.part = 0 AND length(text) = 5", [0, 1, 2, 3, 4, 5], ("part", "text")),
        ("1 = 1", [0, 1, 2, 3, 4, 5], ()),
    ],
)
def test_rows_that_satisfy_a_condition(expression: str, rows: list[int], columns: tuple[str, ...]) -> None:
    where = Where(expression, SCHEMA)
    assert where.mask(batch()).nonzero()[0].tolist() == rows
    assert where.columns == columns
    sliced = batch().slice(2)
    assert where.mask(sliced).nonzero()[0].tolist() == [row - 2 for row in rows if row >= 2]


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "quality > ",
        "quality > 0.5; DROP TABLE documents",
        "quality > 0.5) OR (1 = 1",
        "1 = 1 FROM documents",
        "quality > 0.5 AS good",
        "quality > 0.5, part = 0",
        "SELECT true",
        "quality > (SELECT avg(quality) FROM documents)",
        "EXISTS (FROM read_text('/etc/passwd'))",
        "text IN (SELECT content FROM read_text('/etc/hostname'))",
        "random() < 0.5",
        "fetched_at < now()",
        "fetched_at < current_date",
        "count(*) > 1",
        "row_number() OVER () > 2",
        "quality",
        "text",
        "nonesuch = 1",
        "quality > ?",
        "COLUMNS('signal.*') > 0",
        "1 = 1 UNION SELECT 2",
        "a" * 20_000,
    ],
)
def test_what_is_not_one_boolean_expression_over_a_row_is_refused(expression: str) -> None:
    with pytest.raises(ConfigError, match=r"^--where: [^\n]+$"):
        Where(expression, SCHEMA)


def test_a_value_that_cannot_be_computed_is_said_in_a_sentence() -> None:
    where = Where("CAST(text AS INTEGER) > 1", SCHEMA)
    with pytest.raises(ConfigError, match=r"^--where: [^\n]+$"):
        where.mask(batch())
