"""JSONL, Parquet, WuDao, HTML and text files."""

from __future__ import annotations

import gzip
import json

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from corpus.config.input import InputSettings
from corpus.reading import Split, plan_splits, read_split
from corpus.reading.digests import DigestCache

POEMS = ["床前明月光，疑是地上霜。", "白日依山尽，黄河入海流。", "春眠不觉晓，处处闻啼鸟。"]


def lines(count: int) -> bytes:
    rows = (
        {"id": number, "text": POEMS[number % 3] * (number % 7 + 1), "url": f"http://a.cn/{number}"}
        for number in range(count)
    )
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_jsonl_plain_and_compressed(tmp_path, read, pack):
    (tmp_path / "a.jsonl").write_bytes(pack(lines(300)))
    found = read(tmp_path)
    assert len(found.records) == found.n_read == 300
    assert found.records[8]["record_id"] == "8"
    assert found.payloads[8].decode() == POEMS[2] * 2
    data = lines(300)
    assert all(
        orjson.loads(data[record["offset"] :].split(b"\n")[0])["url"] == record["url"] for record in found.records
    )


def test_jsonl_odd_lines(tmp_path, read):
    rows = [
        '{"text": "好的一行", "title": null, "time": "2021年3月5日"}',
        '{"text": "坏的一行"',
        "",
        '{"text": "半个表情 \\ud83d 在这里"}',
        '{"text": "空字符 \\u0000 在这里"}',
        '{"text": null}',
        '{"text": "  "}',
        '{"text": {"a": 1}}',
        '{"other": 1}',
        "[1, 2]",
        '{"text": "非数", "score": NaN}',
        '{"text": ["第一段", "第二段"], "meta": {"url": "http://a.cn/x"}}',
        '{"text": "没有换行的最后一行"}',
    ]
    data = b"\xef\xbb\xbf" + "\n".join(rows).encode() + b""
    (tmp_path / "a.jsonl").write_bytes(data)
    found = read(tmp_path)
    assert [payload.decode() for payload in found.payloads] == [
        "好的一行",
        "半个表情 \ufffd 在这里",
        "空字符 \0 在这里",
        "非数",
        "第一段\n第二段",
        "没有换行的最后一行",
    ]
    assert found.records[0]["published_at"].isoformat() == "2021-03-05T00:00:00+00:00"
    assert found.records[4]["url"] == "http://a.cn/x"
    assert found.skipped == {"no_text": 2, "empty_body": 1}
    assert [letter["reason"] for letter in found.quarantined] == [
        "malformed_json",
        "text_not_a_string",
        "malformed_json",
    ]
    assert data[found.quarantined[0]["offset"] :].startswith('{"text": "坏的'.encode())


@pytest.mark.parametrize("size", [1, 7, 100, 1000, 4096])
def test_jsonl_byte_ranges_read_each_line_once(tmp_path, read, size):
    (tmp_path / "a.jsonl").write_bytes(lines(60))
    whole = read(tmp_path)
    cut = read(tmp_path, split_bytes=size)
    assert cut.records == whole.records


def test_jsonl_lines_longer_than_a_block_and_many_line_ends(tmp_path, read):
    long = orjson.dumps({"id": "长", "text": "长" * 700_000}) + b"\n"
    data = lines(3) + long + b"\n" * 1_500_000 + long + lines(3)
    (tmp_path / "a.jsonl.zst").write_bytes(zstandard.compress(data))
    found = read(tmp_path)
    assert [len(payload) for payload in found.payloads if len(payload) > 1000] == [2_100_000] * 2
    assert len(found.records) == found.n_read == 8
    assert all((b"\n" + data)[record["offset"] :].startswith(b"\n{") for record in found.records)


def test_jsonl_line_longer_than_the_limit(tmp_path, read):
    long = orjson.dumps({"text": "长" * 700_000}) + b"\n"
    (tmp_path / "a.jsonl").write_bytes(lines(2) + long + lines(2))
    found = read(tmp_path, max_record_bytes=100_000)
    assert len(found.records) == 4
    assert [letter["reason"] for letter in found.quarantined] == ["record_too_large"]


def test_truncated_gzip_keeps_what_decodes(tmp_path, read):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines(5000))[:-2000])
    found = read(tmp_path)
    assert 1000 < len(found.records) < 5000
    assert [letter["reason"] for letter in found.quarantined] == ["truncated_gzip"]


def test_named_fields_and_html(tmp_path, read):
    row = {"页面": "<p>你好</p>", "text": "不要", "meta": {"where": "http://b.cn/"}, "kind": "新闻"}
    (tmp_path / "a.jsonl").write_bytes(orjson.dumps(row))
    (record,) = read(tmp_path, html_field="页面", url_field="meta.where", label_field="kind").records
    assert (record["format"], record["payload"].decode()) == ("html", "<p>你好</p>")
    assert (record["url"], record["given_label"]) == ("http://b.cn/", "新闻")


def test_batches_end_at_bytes_and_rows(tmp_path, read):
    (tmp_path / "a.jsonl").write_bytes(lines(100))
    assert read(tmp_path, batch_rows=30).batches == [30, 30, 30, 10]
    assert max(read(tmp_path, batch_bytes=500).batches) < 15


def test_parquet_row_groups(tmp_path, read):
    table = pa.table({
        "content": [POEMS[number % 3] for number in range(1000)],
        "link": [f"http://a.cn/{number}" for number in range(1000)],
        "unused": [{"x": number} for number in range(1000)],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=100)
    whole = read(tmp_path)
    assert [record["offset"] for record in whole.records] == list(range(1000))
    assert whole.records[999]["url"] == "http://a.cn/999"
    assert read(tmp_path, split_bytes=6000).records == whole.records


def test_parquet_damaged_page_and_footer(tmp_path, read):
    pq.write_table(pa.table({"text": POEMS * 200}), tmp_path / "a.parquet", row_group_size=300, use_dictionary=False)
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[4:40] = bytes(36)
    (tmp_path / "a.parquet").write_bytes(data)
    (tmp_path / "b.parquet").write_bytes(b"PAR1" + bytes(100))
    found = read(tmp_path)
    assert len(found.records) == 300
    assert [letter["reason"] for letter in found.quarantined] == ["corrupt_parquet"] * 2


def wudao(count: int) -> list[dict[str, object]]:
    return [
        {
            "id": number,
            "uniqueKey": f"key{number}",
            "titleUkey": f"title{number}",
            "dataType": "百科",
            "title": f"第{number}首",
            "content": POEMS[number % 3] + ' 引号"},{" 与 } , { 括号',
        }
        for number in range(count)
    ]


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_wudao_array(tmp_path, read, indent):
    (tmp_path / "part-1.json").write_text(json.dumps(wudao(50), ensure_ascii=False, indent=indent), "utf-8")
    found = read(tmp_path)
    assert len(found.records) == found.n_read == 50
    record = found.records[4]
    assert (record["given_label"], record["title"], record["record_id"]) == ("百科", "第4首", "key4")
    assert record["payload"].decode() == wudao(5)[4]["content"]


def test_wudao_nested_objects_and_empty_array(tmp_path, read):
    rows = [{"content": "正文", "refs": [{"a": number} for number in range(9)], "end": {}}, {"content": "又一篇"}, {}]
    (tmp_path / "part-1.json").write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
    (tmp_path / "part-2.json").write_text("[]", "utf-8")
    found = read(tmp_path, format="wudao")
    assert [payload.decode() for payload in found.payloads] == ["正文", "又一篇"]
    assert found.skipped == {"no_text": 1}
    assert not found.quarantined


def test_wudao_broken_objects_cost_themselves_only(tmp_path, read):
    parts = [json.dumps(row, ensure_ascii=False) for row in wudao(9)]
    parts[3] = parts[3].replace('"title": ', '"title": 坏')
    parts[6] = parts[6].replace('"dataType": "百科"', '"dataType": "百科')
    (tmp_path / "part-1.json").write_text("[" + ",\n".join(parts)[:-20], "utf-8")
    found = read(tmp_path)
    assert [record["record_id"] for record in found.records] == [f"key{number}" for number in (0, 1, 2, 4, 5, 7)]
    assert [letter["reason"] for letter in found.quarantined] == ["malformed_json", "malformed_json", "truncated_json"]


def test_wudao_object_longer_than_the_limit(tmp_path, read):
    rows = wudao(4)
    rows[1]["content"] = "长" * 400_000
    (tmp_path / "part-1.json").write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
    found = read(tmp_path, max_record_bytes=200_000)
    assert [record["record_id"] for record in found.records] == ["key0", "key2", "key3"]
    assert [letter["reason"] for letter in found.quarantined] == ["record_too_large"]


def test_html_and_text_files_in_legacy_charsets(tmp_path, read):
    (tmp_path / "a.html").write_bytes("<html><body>你好</body></html>".encode("gb18030"))
    (tmp_path / "b.txt").write_bytes(POEMS[0].encode("big5"))
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(POEMS[1].encode()))
    (tmp_path / "d.txt").write_bytes(b" \n")
    (tmp_path / "e.txt").write_bytes(POEMS[2].encode("utf-16"))
    found = read(tmp_path)
    assert [(record["path"], record["format"]) for record in found.records] == [
        ("a.html", "html"),
        ("b.txt", "text"),
        ("c.txt.gz", "text"),
        ("e.txt", "text"),
    ]
    assert found.skipped == {"empty_body": 1}


def test_splits_survive_json(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines(10))
    settings = InputSettings(paths=[str(tmp_path)])
    (split,) = plan_splits(settings, DigestCache()).splits
    again = Split.from_json(json.loads(json.dumps(split.to_json())))
    assert again == split
    assert [batch.n_read for batch in read_split(again, settings)] == [10]
