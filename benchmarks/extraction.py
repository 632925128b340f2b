"""Main-text extraction against gold texts, beside other extractors, and its speed.

    python benchmarks/extraction.py --data DATA [--split dev|held-out|all] [--systems NAME ...] [--pages 60]
        [--magic-html DIR]

``DATA/html_gold`` holds the gold sets, ``DATA/web`` the WARC pages that
``site_template_gold`` refers to; the project's own pages come from
``benchmarks/extraction_pages``. Text is compared by the multiset of its
character bigrams, white space apart: precision, recall and F1 per page, their
means over pages, 95 % bootstrap intervals of F1 and of its difference to each
other system on the same pages. Speed is megabytes of HTML per second of process
CPU time, in the same run.

No system is told the kind of a page, with one exception: magic-html has a mode
for articles and one for forums and does not choose, so it gets the one that its
authors give it on their sets, and the article mode elsewhere. ``DIR`` is a
folder that holds the package ``magic_html`` (``pip install --target DIR
magic-html``, with ``--ignore-requires-python`` before Python 3.12).

A page is held out when the first byte of BLAKE2b(id) is divisible by three;
the extractor was developed on the others.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
import zstandard

from corpus.charset.content_coding import Budget, undo_content_encoding, undo_transfer_encoding
from corpus.extraction.engine import Extractor

BUDGET = Budget(1000, 64 << 20, 64 << 20)
RESAMPLES = 2000
_SPACE = re.compile(r"\s+")


@dataclass
class GoldPage:
    """A page with what its extraction should hold."""

    id: str
    url: str
    markup: str
    text: str = ""
    chinese: bool = False
    layout: str = "article"  # the mode of magic-html
    must: list[str] = field(default_factory=list)
    must_not: list[str] = field(default_factory=list)


def is_held_out(page_id: str) -> bool:
    """Return whether a page belongs to the split that was looked at only at the end."""
    return hashlib.blake2b(page_id.encode(), digest_size=4).digest()[0] % 3 == 0


def read_jsonl(path: Path) -> Iterator[dict]:
    """Yield the rows of a zstd JSONL file."""
    with path.open("rb") as file:
        for line in io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file)):
            yield orjson.loads(line)


def inline_gold(data: Path, name: str) -> list[GoldPage]:
    """Return the pages of a set whose HTML is in the gold file."""
    return [
        GoldPage(
            row["id"],
            row.get("url") or "",
            row["html"],
            row.get("text") or row.get("text_gold") or "",
            (row.get("han") or 0) > 0.1,
            "forum" if name == "magic_forum" else "article",
            row.get("with") or [],
            row.get("without") or [],
        )
        for row in read_jsonl(data / "html_gold" / f"{name}.jsonl.zst")
    ]


def template_gold(data: Path, per_site: int) -> list[GoldPage]:
    """Return Chinese WARC pages with the text of their site's article container, at most ``per_site`` of each site."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    sites: dict[str, list[dict]] = defaultdict(list)
    for row in read_jsonl(data / "html_gold" / "site_template_gold.jsonl.zst"):
        if row["content_script"] in ("zh", "zh_in_code") and len(_SPACE.sub("", row["text"])) >= 50:
            sites[row["source"].split("@")[0].split(":")[0] + row["selector"]].append(row)
    wanted = {}
    for rows in sites.values():
        rows.sort(key=lambda row: hashlib.blake2b(row["id"].encode()).digest())
        wanted.update({row["id"]: row for row in rows[:per_site]})
    charsets = {row["id"]: row.get("charset_true") or "utf-8" for row in read_jsonl(data / "web" / "labels.jsonl.zst")}
    pages = []
    for path in sorted((data / "web").glob("*.warc.gz")):
        for record in ArchiveIterator(path.open("rb"), record_types=WarcRecordType.response, auto_decode="none"):
            gold = wanted.get(record.record_id) or wanted.get(f"<{record.record_id}>")
            if gold is None:
                continue
            headers = record.http_headers
            body = undo_transfer_encoding(record.reader.read(), headers.get("Transfer-Encoding"))
            body = undo_content_encoding(body, headers.get("Content-Encoding"), BUDGET)
            body = body[0] if isinstance(body, tuple) else body
            markup = body.decode(charsets[gold["id"]], "replace")
            pages.append(GoldPage(gold["id"], gold["url"], markup, gold["text"], True))
    return pages


def bigrams(text: str) -> Counter[str]:
    """Return the character bigrams of ``text`` without white space (the text itself where it has one character)."""
    text = _SPACE.sub("", text)
    return Counter(map("".join, itertools.pairwise(text))) if len(text) > 1 else Counter([text] if text else [])


def compare(found: str, gold: Counter[str]) -> tuple[float, float, float]:
    """Return precision, recall and F1 of ``found`` by bigrams."""
    mine = bigrams(found)
    shared = sum((mine & gold).values())
    precision = shared / max(1, mine.total())
    recall = shared / max(1, gold.total())
    return precision, recall, 2 * shared / max(1, mine.total() + gold.total())


def systems(magic_html: Path | None) -> dict[str, Callable[[GoldPage], str]]:
    """Return the extractors by name; one that is not installed is left out."""
    own = Extractor()

    def wudao(page: GoldPage) -> str:
        data = np.frombuffer(page.markup.encode("utf-8", "replace"), np.uint8)
        return "\n\n".join(own.extract(data, page.url or None).parts)

    found: dict[str, Callable[[GoldPage], str]] = {"wudao": wudao}
    try:
        import trafilatura

        found["trafilatura"] = lambda page: trafilatura.extract(page.markup) or ""
        found["trafilatura precision"] = lambda page: trafilatura.extract(page.markup, favor_precision=True) or ""
    except ImportError:
        pass
    try:
        from lxml.html import document_fromstring
        from readability import Document

        def readability(page: GoldPage) -> str:
            try:
                summary = Document(page.markup).summary()
                return "\n".join(document_fromstring(summary).itertext())
            except Exception:  # noqa: BLE001 the library raises what lxml and its own code raise
                return ""

        found["readability-lxml"] = readability
    except ImportError:
        pass
    from resiliparse.extract.html2text import extract_plain_text

    found["resiliparse main"] = lambda page: extract_plain_text(page.markup, main_content=True)
    if magic_html is not None:
        found["magic-html, kind given"] = magic_html_system(magic_html)
    return found


def magic_html_system(folder: Path) -> Callable[[GoldPage], str]:
    """Return magic-html from ``folder``, told the kind of a page and its address as in its own benchmark."""
    sys.path.append(str(folder))
    from lxml.html import document_fromstring
    from magic_html import GeneralExtractor

    extractor = GeneralExtractor()

    def run(page: GoldPage) -> str:
        mode = {"html_type": "forum"} if page.layout == "forum" else {}
        try:
            found = extractor.extract(html=page.markup, base_url=page.url, **mode)["html"]
            return "\n".join(document_fromstring(found).itertext()) if found.strip() else ""
        except Exception:  # noqa: BLE001 the library raises what lxml and its own code raise
            return ""

    return run


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean of ``values`` (2,000 resamples, fixed seed)."""
    generator = np.random.default_rng(20210601)
    means = values[generator.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def report_text(name: str, pages: list[GoldPage], chosen: dict[str, Callable[[GoldPage], str]]) -> None:
    """Print one set's table."""
    golds = [bigrams(page.text) for page in pages]
    size = sum(len(page.markup.encode("utf-8", "replace")) for page in pages) / 1e6
    print(f"\n{name}: {len(pages)} pages, {size:.1f} MB of HTML")
    scores: dict[str, np.ndarray] = {}
    for system, run in chosen.items():
        began = time.process_time()
        texts = [run(page) for page in pages]
        seconds = time.process_time() - began
        scores[system] = np.array([compare(text, gold) for text, gold in zip(texts, golds, strict=True)])
        low, high = interval(scores[system][:, 2])
        precision, recall, f1 = scores[system].mean(axis=0)
        print(
            f"  {system:22} P {precision:.3f}  R {recall:.3f}  F {f1:.3f} [{low:.3f}, {high:.3f}]  {size / seconds:7.1f} MB/s"
        )
        chinese = np.array([page.chinese for page in pages])
        if 0 < chinese.sum() < len(pages):
            print(f"  {'':22} Chinese pages ({chinese.sum()}): F {scores[system][chinese, 2].mean():.3f}")
    for system in [name for name in scores if name != "wudao" and "wudao" in scores]:
        margin = scores["wudao"][:, 2] - scores[system][:, 2]
        low, high = interval(margin)
        print(f"  wudao over {system}: {margin.mean():+.3f} [{low:+.3f}, {high:+.3f}]")


def report_segments(pages: list[GoldPage], chosen: dict[str, Callable[[GoldPage], str]]) -> None:
    """Print must and must-not accuracy over segments."""
    print(f"\ntrafilatura_segments: {len(pages)} pages")
    for system, run in chosen.items():
        must, must_not = [], []
        for page in pages:
            text = run(page)
            must.extend(segment in text for segment in page.must)
            must_not.extend(segment not in text for segment in page.must_not)
        total = (sum(must) + sum(must_not)) / (len(must) + len(must_not))
        print(f"  {system:22} must {np.mean(must):.3f}  must not {np.mean(must_not):.3f}  accuracy {total:.3f}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", choices=("dev", "held-out", "all"), default="all")
    parser.add_argument("--systems", nargs="*")
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--pages", type=int, default=60, help="pages of each site of site_template_gold")
    parser.add_argument("--magic-html", type=Path, metavar="DIR", help="folder that holds the package magic_html")
    arguments = parser.parse_args()
    found = systems(arguments.magic_html)
    chosen = {name: run for name, run in found.items() if not arguments.systems or name in arguments.systems}

    def wanted(name: str) -> bool:
        return not arguments.sets or name in arguments.sets

    def split(pages: list[GoldPage]) -> list[GoldPage]:
        if arguments.split == "all":
            return pages
        return [page for page in pages if is_held_out(page.id) == (arguments.split == "held-out")]

    warm_up = GoldPage("", "", "<title>题</title><article><p>正文，第一段。</p></article>" * 3)
    for run in chosen.values():
        run(warm_up)
    for name in ("magic_article", "magic_forum", "readability", "scrapinghub"):
        if wanted(name):
            report_text(name, split(inline_gold(arguments.data, name)), chosen)
    if wanted("site_template"):
        report_text("site_template", split(template_gold(arguments.data, arguments.pages)), chosen)
    if wanted("own"):
        from extraction_pages.generate import KINDS, pages

        for kind in KINDS:
            own = [
                GoldPage(f"{kind}-{i}", url, markup, text, True) for i, (url, markup, text) in enumerate(pages(kind))
            ]
            report_text(f"own {kind}", own, chosen)
    if wanted("segments"):
        report_segments(split(inline_gold(arguments.data, "trafilatura_segments")), chosen)


if __name__ == "__main__":
    main()
