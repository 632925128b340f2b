"""Charset detection of the decode step on labelled pages, and its speed on UTF-8.

    python benchmarks/charset.py --data DATA [--failures N]

``DATA/web`` holds WARC files with ``labels.jsonl.zst`` (charset_true,
charset_case by WARC-Record-ID), ``DATA/charset`` feeds in their native encodings.
The right text is what the true codec makes of the body; vendor mappings of the
same byte (wave dash, middle dot) count as equal.
"""

from __future__ import annotations

import argparse
import base64
import io
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import zstandard

from corpus.charset.content_coding import Budget, undo_content_encoding, undo_transfer_encoding
from corpus.charset.gb18030_private import to_today
from corpus.config.decode import DecodeSettings
from corpus.schema import RECORDS
from corpus.steps.decode import Decode

BUDGET = Budget(1000, 64 << 20, 64 << 20)
BATCH_ROWS = 200
# Pairs of code points that vendors' tables give the same byte sequence.
VENDOR_PAIRS = str.maketrans(
    "\u301c\u2016\u2212\u2015\u30fb\u2027\u2022\uffe0\uffe1\uffe2\u2014\u00a5\u203e\u20a9",
    "\uff5e\u2225\uff0d\u2014\u00b7\u00b7\u00b7\u00a2\u00a3\u00ac\u2014\\~\\",
)
# Feeds' labels end in a language where one charset has several.
LABEL_LANGUAGES = (
    "russian", "bulgarian", "hebrew", "hungarian", "greek", "turkish", "slovak", "czech", "polish", "croatian",
    "arabic",
)  # fmt: skip
DECLARED_AS = {"gbk": "gb18030", "gb2312": "gb18030", "iso-8859-1": "cp1252", "euc_kr": "cp949", "shift_jis": "cp932"}


def read_jsonl(path: Path) -> Iterator[dict]:
    """Yield the rows of a zstd JSONL file."""
    with path.open("rb") as file:
        for line in io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file)):
            yield orjson.loads(line)


def warc_responses(path: Path) -> Iterator[tuple[str, dict]]:
    """Yield record id and a RECORDS row for each response with a body."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    with path.open("rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=True, auto_decode="none"):
            headers = record.http_headers
            yield record.record_id, {
                "path": path.name, "offset": record.stream_pos, "format": "html", "payload": record.reader.read(),
                "http_content_type": headers.get("Content-Type"),
                "http_content_encoding": headers.get("Content-Encoding"),
                "http_transfer_encoding": headers.get("Transfer-Encoding"),
            }  # fmt: skip


def canonical(text: str) -> str:
    """Return ``text`` with vendors' variants of one character made equal, without U+FEFF."""
    return unicodedata.normalize("NFC", text.translate(VENDOR_PAIRS)).replace("\ufeff", "")


def expected_text(row: dict, codec: str) -> str | None:
    """Return the text of a record's body by its true codec; None where the codec cannot decode it."""
    body = undo_transfer_encoding(row["payload"], row.get("http_transfer_encoding"))
    body = undo_content_encoding(body, row.get("http_content_encoding"), BUDGET)
    for candidate in (DECLARED_AS.get(codec, codec), codec):
        try:
            text = body.decode(candidate)
        except (UnicodeDecodeError, LookupError):
            continue
        return canonical(to_today(text) if candidate == "gb18030" else text)
    return None


def decode_rows(step: Decode, rows: list[dict]) -> list[dict | None]:
    """Return the decoded rows in order, None for a removed one."""
    outcome = step.apply(pa.RecordBatch.from_pylist(rows, schema=RECORDS))
    gone = {removal.row: removal for removal in outcome.removals}
    kept = iter(outcome.batch.to_pylist())
    return [None if row in gone else next(kept) for row in range(len(rows))]


def compare(step: Decode, cases: list[tuple[str, dict, str]], failures: int) -> None:
    """Print the share of right texts by case for ``(case, row, true codec)``."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    shown = 0
    for start in range(0, len(cases), BATCH_ROWS):
        part = cases[start : start + BATCH_ROWS]
        for (case, row, codec), decoded in zip(part, decode_rows(step, [row for _, row, _ in part]), strict=True):
            expected = expected_text(row, codec)
            if expected is None or not expected:
                total[f"{case} (not decodable by its label)"] += 1
                continue
            total[case] += 1
            found = canonical(decoded["content"]) if decoded else None
            if found == expected:
                right[case] += 1
            elif shown < failures:
                shown += 1
                at = next((i for i, (a, b) in enumerate(zip(found or "", expected, strict=False)) if a != b), -1)
                how = [decoded[key] for key in ("charset", "charset_source")] if decoded else "removed"
                window = slice(max(0, at - 8), at + 8)
                print("   wrong:", case, codec, how, at, repr((found or "")[window]), repr(expected[window]))
    for case in sorted(total):
        if "not decodable" in case:
            print(f"{case:60} {total[case]:6}")
        else:
            print(f"{case:60} {right[case]:6} / {total[case]:6}  {right[case] / total[case]:.4f}")
    decodable = sum(count for case, count in total.items() if "not decodable" not in case)
    print(f"{'all':60} {sum(right.values()):6} / {decodable:6}  {sum(right.values()) / max(decodable, 1):.4f}")


def speed(step: Decode, bodies: list[bytes], name: str) -> None:
    """Print MB/s of process time over ``bodies`` as they are."""
    rows = [{"path": "", "offset": 0, "format": "html", "payload": body} for body in bodies]
    batches = [pa.RecordBatch.from_pylist(rows[i : i + 1000], schema=RECORDS) for i in range(0, len(rows), 1000)]
    size = sum(map(len, bodies))
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for batch in batches:
            step.apply(batch)
        best = min(best, time.process_time() - start)
    print(f"{name:40} {size / best / 1e6:8.0f} MB/s over {size / 1e6:.1f} MB, {len(bodies)} bodies")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--failures", type=int, default=10)
    options = parser.parse_args()
    step = Decode(DecodeSettings())
    step.load()

    labels = {row["id"]: row for row in read_jsonl(options.data / "web" / "labels.jsonl.zst")}
    web = []
    for path in sorted((options.data / "web").glob("*.warc.gz")):
        for record_id, row in warc_responses(path):
            label = labels.get(record_id)
            if label and label.get("charset_true"):
                web.append((label["charset_case"], row, label["charset_true"]))
    print("web, by charset case")
    compare(step, web, options.failures)
    feeds = []
    for row in read_jsonl(options.data / "charset" / "chardet_pages.jsonl.zst"):
        codec = row["label"]
        for language in LABEL_LANGUAGES:
            codec = codec.removesuffix("-" + language)
        codec = {"MacCyrillic": "mac_cyrillic", "Johab": "johab", "CP932": "cp932"}.get(codec, codec)
        payload = base64.b64decode(row["bytes_b64"])
        feeds.append((row["label"], {"path": "", "offset": 0, "format": "html", "payload": payload}, codec))
    print("\nfeeds, by encoding")
    compare(step, feeds, options.failures)
    print()
    clean = [expected for _, row, codec in web if codec == "utf-8" and (expected := expected_text(row, codec))]
    speed(step, [text.encode() for text in clean[:2000]], "2,000 UTF-8 pages")
    speed(step, [text.encode("gb18030") for text in clean[:2000]], "the same as GB 18030")


if __name__ == "__main__":
    main()
