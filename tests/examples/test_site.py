"""The example site: the generator gives the same bytes at every run, and what it says it planted is in the archive."""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib
import re
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "examples" / "site"


def build(out: Path) -> Path:
    subprocess.run([sys.executable, str(SITE / "build.py"), str(out)], check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def planted(example: Path) -> list[dict[str, str]]:
    with (example / "planted.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def records(example: Path) -> list[tuple[dict[str, str], bytes]]:
    """(WARC headers, block) of every gzip member, read without trusting any length inside."""
    rest, found = (example / "example.warc.gz").read_bytes(), []
    while rest:
        member = zlib.decompressobj(wbits=31)
        head, _, block = member.decompress(rest).partition(b"\r\n\r\n")
        rest = member.unused_data
        version, *lines = head.decode().split("\r\n")
        assert version == "WARC/1.1"
        found.append((dict(line.split(": ", 1) for line in lines), block.removesuffix(b"\r\n\r\n")))
    return found


@pytest.fixture(scope="module")
def payloads(records: list[tuple[dict[str, str], bytes]]) -> dict[str, bytes]:
    """URL to entity, content and transfer encodings undone."""
    found = {}
    for headers, block in records:
        if headers["WARC-Type"] != "response" or headers["WARC-Target-URI"].startswith("dns:"):
            continue
        head, _, body = block.partition(b"\r\n\r\n")
        if b"Transfer-Encoding: chunked" in head:
            parts = []
            while True:
                size, _, body = body.partition(b"\r\n")
                if not int(size, 16):
                    break
                parts.append(body[: int(size, 16)])
                body = body[int(size, 16) + 2 :]
            body = b"".join(parts)
        if b"Content-Encoding: gzip" in head and "WARC-Truncated" not in headers:
            body = gzip.decompress(body)
        found[headers["WARC-Target-URI"]] = body
    return found


def test_two_runs_give_the_same_bytes(example: Path, tmp_path: Path) -> None:
    again = build(tmp_path)
    for name in ("example.warc.gz", "planted.tsv"):
        assert (
            hashlib.sha256((example / name).read_bytes()).digest()
            == hashlib.sha256((again / name).read_bytes()).digest()
        )


def test_the_committed_list_is_the_one_that_the_generator_writes(example: Path) -> None:
    assert (SITE / "planted.tsv").read_text(encoding="utf-8") == (example / "planted.tsv").read_text(encoding="utf-8")


def test_every_url_of_the_list_is_in_the_archive(planted: list[dict[str, str]], payloads: dict[str, bytes]) -> None:
    assert {row["url"] for row in planted} <= set(payloads)


def test_record_ids_and_urls_are_unique(records: list[tuple[dict[str, str], bytes]]) -> None:
    ids = Counter(headers["WARC-Record-ID"] for headers, _ in records)
    assert max(ids.values()) == 1
    urls = Counter(headers["WARC-Target-URI"] for headers, _ in records if headers["WARC-Type"] == "response")
    assert max(urls.values()) == 1


def test_one_record_declares_a_wrong_length(records: list[tuple[dict[str, str], bytes]]) -> None:
    wrong = [headers for headers, block in records if int(headers["Content-Length"]) != len(block)]
    assert [headers["WARC-Target-URI"].rpartition("/")[2] for headers in wrong] == ["bad-length.html"]


def test_the_list_has_every_kind_in_the_promised_number(planted: list[dict[str, str]]) -> None:
    kinds = Counter(row["what"].partition(":")[0] for row in planted)
    assert kinds["exact-copy"] == 20
    assert kinds["near"] == 25
    assert kinds["junk"] == 20
    assert kinds["language"] == 15
    assert len({row["url"] for row in planted if row["what"].startswith("personal:")}) == 30
    legacy = [row for row in planted if re.match("charset:(gbk|gb18030|big5):", row["what"])]
    assert len(legacy) >= 60
    assert {row["what"].rpartition(":")[2] for row in legacy} == {"declared", "undeclared", "wrongly-declared"}
    whats = {row["what"] for row in planted}
    assert whats >= {"coding:gzip", "coding:chunked", "coding:gzip+chunked", "record:revisit", "record:image"}
    assert whats >= {"record:robots", "record:404", "record:301", "broken:empty", "broken:truncated", "broken:garbled"}


def test_exact_copies_have_the_bytes_of_their_original(
    planted: list[dict[str, str]], payloads: dict[str, bytes]
) -> None:
    for row in planted:
        if row["what"] == "exact-copy":
            assert payloads[row["url"]] == payloads[row["detail"]]


def test_legacy_pages_decode_strictly_and_hold_their_personal_data(
    planted: list[dict[str, str]], payloads: dict[str, bytes]
) -> None:
    codecs = {row["url"]: row["what"].split(":")[1] for row in planted if row["what"].startswith("charset:")}
    for url, codec in codecs.items():
        assert re.search("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]{2}", payloads[url].decode(codec)), url
    for row in planted:
        if row["what"].startswith("personal:"):
            assert row["detail"] in payloads[row["url"]].decode(codecs.get(row["url"], "utf-8"))


def test_personal_numbers_pass_their_checksums(planted: list[dict[str, str]]) -> None:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    for row in planted:
        if row["what"] == "personal:id_card":
            total = sum(int(digit) * weight for digit, weight in zip(row["detail"], weights, strict=False))
            assert row["detail"][17] == "10X98765432"[total % 11]
        elif row["what"] == "personal:bank_card":
            digits = [int(digit) for digit in reversed(row["detail"])]
            assert (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def test_the_half_character_page_is_not_valid_gbk(planted: list[dict[str, str]], payloads: dict[str, bytes]) -> None:
    (url,) = [row["url"] for row in planted if row["what"] == "broken:cut-gbk-character"]
    with pytest.raises(UnicodeDecodeError):
        payloads[url].decode("gbk")
    assert payloads[url].decode("gbk", "replace").count("\ufffd") <= 2


def test_texts_written_by_hand_are_unique() -> None:
    headings, lines = Counter[str](), Counter[str]()
    for path in sorted((SITE / "texts").glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("=== "):
                headings[line.partition("|")[0]] += 1
            elif len(line) > 12 and not line.startswith(("#", "    ")):
                lines[line] += 1
    assert headings.total() >= 130
    assert max(headings.values()) == 1
    assert max(lines.values()) == 1


def test_no_two_articles_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside the planted copies no two articles share three fifths of their 5-character shingles."""
    monkeypatch.syspath_prepend(str(SITE))
    content = importlib.import_module("content")
    shingles = []
    for article in content.written() + content.generated():
        text = "".join(re.findall(r"\w+", article.text))
        shingles.append((article.key, {text[start : start + 5] for start in range(len(text) - 4)}))
    alike = []
    for place, (first, one) in enumerate(shingles):
        for second, two in shingles[place + 1 :]:
            if min(len(one), len(two)) >= 0.6 * max(len(one), len(two)):
                shared = len(one & two)
                if shared >= 0.6 * (len(one) + len(two) - shared):
                    alike.append((first, second, round(shared / (len(one) + len(two) - shared), 2)))
    assert alike == []


def test_links_between_pages_lead_somewhere(payloads: dict[str, bytes]) -> None:
    """The navigation and lists of every section page name pages that exist, so that a crawl finds the site."""
    for url, payload in payloads.items():
        if re.search(r"\.example/(s\d\d/)?$", url):
            base = re.match(r"http://[^/]+", url)
            assert base is not None
            for href in re.findall(r'href="(/[^"]*)"', payload.decode("utf-8")):
                assert base.group() + href in payloads
