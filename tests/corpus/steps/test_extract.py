"""The extract step's contract: schema, conservation, identity, budgets, engines."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from corpus.config.extract import ExtractSettings
from corpus.identity import document_key, payload_digest
from corpus.schema import EXTRACTED, RECORDS
from corpus.steps import make_step
from corpus.steps.extract import Extract, host_of

LONG = "入冬以后，渡口的船少了一半，剩下的几条也只在正午开一趟。老船工说，水位低的时候看得见江心的石头。"
ARTICLE = f"<title>渡口的冬天</title><body><h1>渡口的冬天</h1><div class=content><p>{LONG}</p><p>{LONG}</p></div>"
COMMENTS = "<title>渡口 短评</title><body><div id=comments>" + "".join(
    f"<div class=comment-item><p class=comment-content>第{n}条：江水的声音好听，看完想去坐一次船。</p></div>"
    for n in range(4)
)


def batch_of(*rows: dict[str, Any]) -> pa.RecordBatch:
    fields = [field for field in RECORDS if field.name != "payload"]
    fields += [
        pa.field("payload_digest", pa.binary(16)), pa.field("charset", pa.string()), pa.field("charset_source", pa.string()),
        pa.field("replacement_share", pa.float32()), pa.field("content", pa.large_string()),
    ]  # fmt: skip
    defaults = {
        "path": "a.warc.gz",
        "format": "html",
        "charset": "utf-8",
        "charset_source": "utf-8",
        "replacement_share": 0.0,
    }
    full = [
        {**defaults, "offset": i, "payload_digest": payload_digest((row.get("content") or "").encode()), **row}
        for i, row in enumerate(rows)
    ]
    return pa.RecordBatch.from_pylist(full, schema=pa.schema(fields))


def step(**settings: Any) -> Extract:
    made = make_step("extract", ExtractSettings(**settings))
    assert isinstance(made, Extract)
    made.load()
    return made


STEP = step()


def test_output_has_the_schema_and_copies_the_record() -> None:
    fetched = datetime(2025, 12, 4, tzinfo=UTC)
    row = {
        "url": "https://WWW.Jiang.example/a.html",
        "record_id": "r1",
        "fetched_at": fetched,
        "given_label": "新闻",
        "content": ARTICLE,
    }
    outcome = STEP.apply(batch_of(row))
    assert outcome.batch.schema == EXTRACTED
    assert outcome.origin is None
    found = outcome.batch.to_pylist()[0]
    assert found["doc_key"] == document_key(row["url"], "r1", payload_digest(ARTICLE.encode()), 0)
    assert (found["host"], found["page_kind"], found["title"]) == ("www.jiang.example", "article", "渡口的冬天")
    assert (found["fetched_at"], found["given_label"], found["part"]) == (fetched, "新闻", 0)
    assert found["text"] == f"{LONG}\n{LONG}"
    assert 0 < found["markup_density"] < 1


def test_text_passes_through() -> None:
    text = "  第一行\n\n  第二行 <b>不是标记</b> &amp; "
    found = STEP.apply(
        batch_of({"format": "text", "content": text, "title": "题", "record_id": "9"})
    ).batch.to_pylist()[0]
    assert found["text"] == text
    assert (found["page_kind"], found["title"], found["link_density"], found["markup_density"]) == (
        "text",
        "题",
        None,
        None,
    )


def test_source_metadata_wins_and_opt_outs_merge() -> None:
    given = datetime(2020, 1, 1, tzinfo=UTC)
    page = '<meta name=robots content="noai"><meta property="article:published_time" content="2025-01-01">' + ARTICLE
    found = STEP.apply(
        batch_of({"content": page, "title": "来源的题", "published_at": given, "opt_out": ["noindex"]})
    ).batch.to_pylist()[0]
    assert (found["title"], found["published_at"], found["opt_out"]) == ("来源的题", given, ["noai", "noindex"])


@pytest.mark.parametrize("content", [None, "", "   ", "<html><body><img src=a.png></body></html>", "\u200b\ufeff"])
def test_no_text_is_skipped(content: str | None) -> None:
    outcome = STEP.apply(batch_of({"content": content}))
    assert outcome.batch.num_rows == 0
    assert [(removal.kind, removal.reason) for removal in outcome.removals] == [("skipped", "no_text")]


def test_posts_as_one_document_or_as_parts() -> None:
    rows = (
        {"content": ARTICLE, "url": "http://a.example/1"},
        {"content": COMMENTS, "url": "http://a.example/subject/1/comments"},
        {"content": ""},
    )
    whole = STEP.apply(batch_of(*rows))
    assert whole.batch.num_rows == 2
    assert whole.batch.column("text")[1].as_py().count("\n\n") == 3
    parts = step(posts="parts").apply(batch_of(*rows))
    assert parts.origin is not None
    assert parts.origin.to_pylist() == [0, 1, 1, 1, 1]
    assert parts.batch.column("part").to_pylist() == [0, 0, 1, 2, 3]
    assert len(set(parts.batch.column("doc_key").to_pylist())) == 5
    assert [removal.row for removal in parts.removals] == [2]
    assert parts.batch.column("path").null_count == 0


def test_result_does_not_depend_on_batching_or_slicing() -> None:
    rows = [{"content": ARTICLE, "record_id": str(i)} for i in range(3)] + [
        {"content": COMMENTS, "url": "http://a.example/comments"}
    ]
    whole = batch_of(*rows)
    one_by_one = [STEP.apply(whole.slice(i, 1)).batch for i in range(4)]
    assert pa.Table.from_batches([STEP.apply(whole).batch]).equals(pa.Table.from_batches(one_by_one).combine_chunks())


def test_budget_ends_in_quarantine() -> None:
    outcome = step(max_bytes=2048).apply(batch_of({"content": "<p>" + "长" * 2000}, {"content": ARTICLE}))
    assert outcome.batch.num_rows == 1
    assert (outcome.removals[0].kind, outcome.removals[0].reason) == ("quarantined", "extract_error")
    assert "max_bytes" in outcome.removals[0].detail


@pytest.mark.parametrize("engine", ["wudao", "resiliparse", "trafilatura"])
def test_engines(engine: str) -> None:
    if engine == "trafilatura":
        pytest.importorskip("trafilatura")
    outcome = step(engine=engine).apply(batch_of({"content": ARTICLE}, {"content": "<div>" * 100_000 + "深处有字"}))
    assert LONG in outcome.batch.column("text")[0].as_py()
    if engine == "wudao":
        assert outcome.batch.column("text")[1].as_py() == "深处有字"
    else:
        assert outcome.removals[0].reason == "extract_error"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://News.Example/a", "news.example"),
        ("http://用户@例子.中国:8080/", "例子.中国"),
        ("http://[broken", None),
        ("", None),
        (None, None),
        ("相对路径", None),
    ],
)
def test_host(url: str | None, host: str | None) -> None:
    assert host_of(url) == host
