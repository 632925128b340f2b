"""The scrub step on batches: replacement, counts, limits, actions, audit."""

from __future__ import annotations

import builtins
import importlib.util
from typing import Any

import pyarrow as pa
import pytest

from corpus.config.scrub import ScrubSettings
from corpus.pii import MissingDependency
from corpus.pii.audit import audit
from corpus.pii.key import KeyMissing
from corpus.schema import PII_COUNT
from corpus.steps.scrub import PII_AUDIT, Scrub

KEY = "an invented key of 32 characters"
MOBILE = "13761234095"
ROWS = [
    {"title": f"转让店铺 {MOBILE}", "url": "https://weibo.com/u/2813947561", "source_type": "forum", "text": f"店铺转让，联系{MOBILE}或li.xiaoman@163.com。"},
    {"title": None, "url": None, "source_type": None, "text": "今天天气很好，适合出门散步。"},
    {"title": "新闻", "url": "https://news.example.cn/a.html", "source_type": "news", "text": "记者在现场看到，钟若彤女士正在发言。"},
]  # fmt: skip


def batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    full = [{"doc_key": bytes([i]) * 16, "n_chars": len(row["text"]), **row} for i, row in enumerate(rows)]
    schema = pa.schema(
        [("doc_key", pa.binary(16)), ("title", pa.string()), ("url", pa.string()), ("source_type", pa.string()), ("n_chars", pa.int32()), ("text", pa.large_string())]
    )  # fmt: skip
    return pa.RecordBatch.from_pylist(full, schema=schema)


def step(**settings: Any) -> Scrub:
    pytest.importorskip("presidio_analyzer")
    return Scrub(ScrubSettings(**settings))


@pytest.fixture(scope="module")
def default() -> Scrub:
    return step()


def test_placeholders_counts_and_lengths(default: Scrub) -> None:
    outcome = default.apply(batch(ROWS))
    rows = outcome.batch.to_pylist()
    assert rows[0]["text"] == "店铺转让，联系<CN_MOBILE>或<EMAIL>。"
    assert rows[0]["title"] == "转让店铺 <CN_MOBILE>"
    assert rows[0]["url"] == "https://weibo.com/<URL_USER>"
    assert rows[0]["pii"] == [
        {"kind": "CN_MOBILE", "count": 2},
        {"kind": "EMAIL", "count": 1},
        {"kind": "URL_USER", "count": 1},
    ]
    assert rows[0]["n_chars"] == len(rows[0]["text"])
    assert rows[1] == {**batch(ROWS).to_pylist()[1], "pii": []}
    assert "钟若彤" in rows[2]["text"]  # names are off in news
    assert outcome.removals == []
    assert outcome.batch.schema.field("pii").type == pa.list_(PII_COUNT)


def test_scrubbing_twice_changes_nothing(default: Scrub) -> None:
    once = default.apply(batch(ROWS)).batch.select(["title", "url", "source_type", "text"])
    twice = default.apply(once).batch.select(["title", "url", "source_type", "text"])
    assert once.equals(twice)


def test_independent_audit_finds_nothing_left(default: Scrub) -> None:
    assert len(audit([row["text"] for row in ROWS])) == 2
    assert audit(default.apply(batch(ROWS)).batch.column("text").to_pylist()) == []


def test_a_leaked_table_is_dropped(default: Scrub) -> None:
    table = "\n".join(
        f"联系电话 139{place:04d}{place * 37 % 10000:04d}，请勿外传，仅供内部使用" for place in range(1001, 1013)
    )
    outcome = default.apply(batch([{"title": None, "url": None, "source_type": None, "text": table}]))
    assert outcome.batch.num_rows == 0
    assert [(r.kind, r.reason, r.score, r.threshold) for r in outcome.removals] == [
        ("dropped", "pii_count", 12.0, 10.0)
    ]


def test_dense_text_is_dropped_but_a_short_one_with_one_phone_is_not(default: Scrub) -> None:
    dense = {
        "title": None,
        "url": None,
        "source_type": None,
        "text": f"{MOBILE}，li.xiaoman@163.com，身份证11010519491231002X",
    }
    short = {"title": None, "url": None, "source_type": None, "text": f"电话{MOBILE}"}
    outcome = default.apply(batch([dense, short]))
    assert [(r.row, r.reason) for r in outcome.removals] == [(0, "pii_density")]


def test_actions() -> None:
    made = step(actions={"CN_MOBILE": "mask", "EMAIL": "tag"})
    row = made.apply(batch(ROWS[:1])).batch.to_pylist()[0]
    assert row["text"] == "店铺转让，联系***********或li.xiaoman@163.com。"
    assert {"kind": "EMAIL", "count": 1} in row["pii"]
    dropped = step(actions={"EMAIL": "drop"}).apply(batch(ROWS))
    assert [(r.row, r.reason) for r in dropped.removals] == [(0, "pii_email")]


def test_pseudonyms_are_consistent_and_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WUDAO_PII_KEY", KEY)
    made = step(action="pseudonym")
    texts = [f"打{MOBILE}找我", "电话：１３７ ６１２３ ４０９５", "身份证号11010519491231002X"]
    rows = [{"title": None, "url": None, "source_type": None, "text": text} for text in texts]
    first, second, third = made.apply(batch(rows)).batch.column("text").to_pylist()
    number = first.removeprefix("打").removesuffix("找我")
    assert number.startswith("12")
    assert len(number) == 11
    assert number in second
    assert audit([first, second, third]) == []
    assert made.spans([first, second, third]) == [[], [], []]


def test_pseudonyms_need_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WUDAO_PII_KEY", raising=False)
    with pytest.raises(KeyMissing, match="WUDAO_PII_KEY"):
        step(action="pseudonym").load()


def test_audit_rows_hold_no_values(default: Scrub, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, rows = default.apply_with_audit(batch(ROWS))
    assert outcome.batch.num_rows == 3
    assert rows.schema == PII_AUDIT
    assert [(r["field"], r["kind"]) for r in rows.to_pylist()] == [
        ("title", "CN_MOBILE"),
        ("url", "URL_USER"),
        ("text", "CN_MOBILE"),
        ("text", "EMAIL"),
    ]
    assert rows.column("hash").null_count == rows.num_rows  # no key: a bare hash could be searched
    monkeypatch.setenv("WUDAO_PII_KEY", KEY)
    keyed = step()
    _, rows = keyed.apply_with_audit(batch(ROWS))
    hashes = rows.column("hash").to_pylist()
    assert hashes[0] == hashes[2]
    assert MOBILE.encode() not in b"".join(hashes)
    assert "pii_key" in keyed.artifacts()
    assert KEY not in repr(keyed.artifacts())


def test_spans_are_code_points_of_the_text_as_given(default: Scrub) -> None:
    text = "😀邮箱：ａｂ\u200b１２@qq.com，再见"
    (span,) = default.spans([text])[0]
    assert text[span.start : span.end] == "ａｂ\u200b１２@qq.com"
    assert default.spans(["\ud800" + f"手机{MOBILE}"])[0][0].start == 3


def test_missing_packages_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def refuse(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "regex":
            raise ImportError(name)
        return original(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingDependency, match=r"pip install 'wudao-corpus\[pii\]'"):
        Scrub(ScrubSettings()).load()


def test_without_presidio_the_build_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"pip install 'wudao-corpus\[pii\]'"):
        Scrub(ScrubSettings()).load()


def test_disabled_passes_everything_through() -> None:
    outcome = Scrub(ScrubSettings(enabled=False)).apply(batch(ROWS))
    assert outcome.batch.column("text").to_pylist() == [row["text"] for row in ROWS]
    assert outcome.batch.column("pii").to_pylist() == [[], [], []]
