"""Small sound inputs of every kind, and seeded mutations of them: what ``input_mutations`` feeds to a build.

Mutations are bit flips, cuts, repeated and moved slices, changed lengths, huge numbers, deep nesting, bytes that are no
UTF-8, and compression of what is broken.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

SENTENCES = (
    "渡口的船少了一半，剩下的也只在正午开一趟。",
    "老人说，旧县志里记着三次大水，最近一次是民国廿年。",
    "本实验在恒温条件下重复五次，误差不超过百分之二。",
    "承租人逾期支付租金的，出租人可以解除合同。",
)
HUGE = (
    b"0", b"-1", b"9" * 19, b"4294967296", b"1e999", b"9" * 5000, b"0x10", "４２".encode(), b"1" + b"0" * 400, b"NaN",
)  # fmt: skip
NESTING = (b"[", b'{"a":', b"<div>", b"<table><tr><td>", b"- ", b"{", b"[{", b"<b>")
NOISE = (
    b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\x00", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\\ud83d", b"\\u0000",
    b"\r\n\r\n", b"WARC/1.0\r\n", b"PAR1", b"<!--", b"</", b"&#x110000;", b"&#0;", b"\xef\xbb\xbf", b"\xe2\x80\xa8",
    b"<script>", b"<plaintext>", b"charset=utf-7", b"<meta charset=utf-16>", b'"text":', b"null", b"!!bool ", b"!!int ''",
    b"&a [*a]", b"? [a]: b\n", b"<<: 5\n", b"2020-99-99", b"2001-01-01T00:00:00+99:99", b"\t", b"}{", b"},{", b"]", b"%YAML 9.9\n",
)  # fmt: skip


def _gzip(data: bytes) -> bytes:
    """Compress without the time of day in the header: inputs are functions of their number."""
    return gzip.compress(data, mtime=0)


PACKERS: tuple[Callable[[bytes], bytes], ...] = (bytes, _gzip, zstandard.compress)


def text(number: int) -> str:
    """Return a short Chinese text, different for each number."""
    rng = random.Random(number)
    return f"第{number}篇。" + "".join(rng.choice(SENTENCES) for _ in range(rng.randint(1, 12)))


def page(number: int, charset: str = "utf-8") -> bytes:
    """Return a page of a few paragraphs."""
    body = "".join(f"<p>{text(number * 7 + n)}</p>" for n in range(3))
    markup = f"<!doctype html><html><head><meta charset={charset}><title>第{number}页</title></head><body>{body}"
    return (markup + "<ul><li><a href=/a>目录</a><li><a href=/b>留言</a></ul></body></html>").encode(
        charset, "xmlcharrefreplace"
    )


def warc(number: int) -> bytes:
    """Return an archive of four records, plain, gzip or zstd by number."""
    records = []
    for n in range(number, number + 4):
        block = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset={('utf-8', 'gbk')[n % 2]}\r\n".encode()
        body = page(n, ("utf-8", "gbk")[n % 2])
        if n % 3 == 0:
            block, body = block + b"Content-Encoding: gzip\r\n", _gzip(body)
        if n % 5 == 0:
            body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
            block += b"Transfer-Encoding: chunked\r\n"
        block += b"\r\n" + body
        head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://例{n}.cn/\r\nWARC-Date: 2020-07-01T08:00:00Z\r\n"
        head += f"WARC-Record-ID: <urn:uuid:{n}>\r\nContent-Type: application/http; msgtype=response\r\n"
        records.append(f"{head}Content-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n")
    return b"".join(map(PACKERS[number % 3], records))


def rows(number: int) -> list[dict[str, Any]]:
    """Return rows as WuDao and JSONL files have them."""
    return [
        {"id": n, "uniqueKey": f"k{n}", "titleUkey": f"t{n}", "dataType": "新闻", "title": f"第{n}则", "content": text(n),
         "url": f"http://例.cn/{n}", "date": "2021-03-04", "meta": {"refs": [{"a": 1}, {"b": [2, 3.5]}]}}
        for n in range(number, number + 5)
    ]  # fmt: skip


def jsonl(number: int) -> bytes:
    """Return JSON Lines, plain, gzip or zstd by number."""
    data = "".join(json.dumps(row, ensure_ascii=number % 2 == 0) + "\n" for row in rows(number)).encode()
    return PACKERS[number % 3](data)


def wudao(number: int) -> bytes:
    """Return one JSON array of objects."""
    return json.dumps(rows(number), ensure_ascii=False, indent=number % 2 or None).encode()


def parquet(number: int) -> bytes:
    """Return a Parquet file of two row groups."""
    sink = pa.BufferOutputStream()
    codec = ("zstd", "snappy", "none", "gzip")[number % 4]
    pq.write_table(pa.Table.from_pylist(rows(number) * 4), sink, row_group_size=10, compression=codec)
    return bytes(sink.getvalue())


def configuration(number: int) -> bytes:
    """Return two sections of the commented default configuration: the whole of it takes PyYAML a tenth of a second."""
    whole = (Path(__file__).parents[1] / "corpus.yaml").read_text(encoding="utf-8")
    sections = re.split(r"^(?=[a-z_]+:)", whole, flags=re.MULTILINE)[1:]
    return "".join(sections[place % len(sections)] for place in (number, number + 1 + number // 7)).encode()


SAMPLES: dict[str, Callable[[int], bytes]] = {
    "warc": warc,
    "html": lambda number: page(number, ("utf-8", "gb18030", "big5")[number % 3] if number % 7 else "utf-16"),
    "jsonl": jsonl,
    "wudao": wudao,
    "parquet": parquet,
    "yaml": configuration,
}


def mutate(data: bytearray, rng: random.Random) -> None:
    """Change ``data`` once."""
    at = rng.randrange(len(data) + 1)
    kind = rng.randrange(10)
    if kind == 0 and data:
        for _ in range(rng.choice((1, 1, 8, 64))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        del data[at : at + rng.choice((1, 4, 40, 400))]
    elif kind == 3:
        start = rng.randrange(len(data) + 1)
        data[at:at] = data[start : start + rng.choice((1, 16, 256, 4096))] * rng.choice((1, 1, 2, 20))
    elif kind == 4:
        digits = [place for place, byte in enumerate(data[:20_000]) if 0x30 <= byte <= 0x39]
        start = rng.choice(digits) if digits else at
        end = start
        while end < len(data) and 0x30 <= data[end] <= 0x39:
            end += 1
        data[start:end] = rng.choice(HUGE)
    elif kind == 5 and len(data) >= 8:
        # A length field of a binary format: four bytes little-endian, more often than not at the end (Parquet's footer).
        place = len(data) - 8 if rng.random() < 0.3 else rng.randrange(len(data) - 4)
        data[place : place + 4] = rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, len(data))).to_bytes(4, "little")
    elif kind == 6:
        data[at:at] = rng.choice(NESTING) * rng.choice((3, 30, 600, 20_000))
    elif kind == 7:
        data[at:at] = rng.choice(NOISE)
    elif kind == 8:
        data[at:at] = rng.choice(NOISE) * rng.choice((2, 50, 3000))
    else:
        data[at : at + rng.choice((1, 20))] = rng.randbytes(rng.choice((1, 20, 300)))


def mutated(kind: str, number: int, seed: int) -> bytes:
    """Return input ``number`` of ``kind``: a function of its arguments."""
    rng = random.Random(f"{seed} {kind} {number}")
    data = bytearray(SAMPLES[kind](rng.randrange(1000)))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        mutate(data, rng)
    whole = bytes(data)
    if kind not in ("yaml", "parquet") and rng.random() < 0.08:
        whole = PACKERS[1 + rng.randrange(2)](whole)
    return whole
