"""Rows made into columns say what single records say, in the same order and with the same batch borders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.config.input import InputSettings
from corpus.reading.fields import FieldMap
from corpus.reading.records import Batcher, Rows

SENTENCE = "山重水复疑无路，柳暗花明又一村。"
TEXTS = st.one_of(
    st.integers(1, 40).map(lambda times: SENTENCE * times),
    st.sampled_from([None, "", " \t", "\u3000", 7, True, ["一", "二"], ["一", 2], {"text": "x"}, "长" * 900]),
)
VALUES = st.sampled_from(
    [
        None,
        "",
        " ",
        "\u3000",
        "\x1c边\x85",
        " http://a.cn/ ",
        0,
        12,
        2.5,
        False,
        [],
        {"url": "http://b.cn"},
        "2021年3月5日",
    ]
)
ROWS = st.fixed_dictionaries(
    {"text": TEXTS},
    optional=dict.fromkeys(
        ("url", "link", "id", "uid", "title", "date", "time", "label", "category", "meta", "meta.url", "x"), VALUES
    )
    | {"content": TEXTS, "html": TEXTS},
)
PLAIN = st.fixed_dictionaries({"text": st.just(SENTENCE), "id": st.integers(0, 9).map(str), "label": VALUES})


def batches(settings: InputSettings, items: Any) -> list[Any]:
    batcher = Batcher(settings.batch_bytes, settings.batch_rows)
    found = [*batcher.batches("a.jsonl", items), *batcher.rest()]
    for batch in found:
        batch.records.validate(full=True)
    return [
        (batch.records.to_pylist(), batch.skipped, batch.quarantined.to_pylist(), batch.n_read, batch.records.schema)
        for batch in found
    ]


@given(
    rows=st.one_of(
        st.lists(ROWS, max_size=40),
        st.tuples(st.lists(PLAIN, min_size=24, max_size=60), st.lists(ROWS, max_size=3)).map(
            lambda both: both[0][:20] + both[1] + both[0][20:]
        ),
    ),
    batch_rows=st.sampled_from([1, 5, 17, 4096]),
    batch_bytes=st.sampled_from([1, 700, 1 << 23]),
    names=st.sampled_from([{}, {"html_field": "html"}, {"text_field": "content"}, {"url_field": "meta.url"}]),
)
def test_columns_say_what_records_say(rows, batch_rows, batch_bytes, names):
    settings = InputSettings(batch_rows=batch_rows, batch_bytes=batch_bytes, max_record_bytes=2000, **names)
    offsets = [100 * at for at in range(len(rows))]
    single = batches(settings, map(FieldMap(settings).record, rows, offsets))
    assert batches(settings, FieldMap(settings).items(rows, offsets, "a.jsonl")) == single


def test_plain_rows_are_read_as_columns():
    rows = [{"id": str(at), "text": SENTENCE} for at in range(64)]
    rows[40] = {"id": "40", "text": ""}
    items = list(FieldMap(InputSettings()).items(rows, range(64), "a.jsonl"))
    assert [type(item) for item in items if isinstance(item, Rows)] == [Rows, Rows]
    assert [item.records.num_rows for item in items if isinstance(item, Rows)] == [40, 23]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_faults_among_plain_lines_keep_their_places(tmp_path: Path, read, newline):
    lines = [json.dumps({"id": str(at), "text": f"第{at}行。" + SENTENCE}, ensure_ascii=False) for at in range(600)]
    lines[100], lines[250], lines[251], lines[400] = lines[100][:-1], "[1]", '{"text": "\\ud83d半个"}', "  "
    data = newline.join(lines).encode()
    (tmp_path / "a.jsonl").write_bytes(data)
    whole, single = read(tmp_path), read(tmp_path, batch_rows=1)
    assert [letter["offset"] for letter in whole.quarantined] == [
        data.index(lines[100].encode() + newline.encode()),
        data.index(b"[1]"),
    ]
    assert whole.n_read == 599
    assert len(whole.records) == 597
    assert whole.records == single.records
    assert whole.quarantined == single.quarantined
    assert all(data[one["offset"] :].startswith(b"{") for one in whole.records)
