"""Share kept of genuine texts by source, share dropped of junk by kind, and the kernel's speed.

    python benchmarks/quality.py --data DATA [--profile web fineweb2-zh] [--per-source 800] [--pages] [--cohesion] [--speed]

Genuine: every source under ``DATA/text`` and verse, classical and Cantonese texts of
``DATA/lang``. A document counts as long enough where the profile's own length
rule does not name it; both shares are printed. ``source_type`` and ``domains``
come from the label step (``--no-labels``: unknown), ``language`` from the language
step, where these are installed; never from the data's file names or labels.

Junk: the kinds of :mod:`quality_junk`, and with ``--pages`` the navigation and
index pages among the WARC files: pages whose URL names a tag, category,
or archive, or an index or site map. Those that show whole paragraphs of their
articles are listed apart. They are taken as the extract step leaves them ("navigation, extracted") and as their whole visible
text ("navigation, whole page"), which is what a poor extractor would hand over.

``--cohesion`` judges with a cohesion table besides: every source, and the salad
made of its texts, with one learnt from other kinds of sources (:mod:`quality_folds`).
Spliced fragments are then shown by the length of the fragments too.
"""

from __future__ import annotations

import argparse
import io
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import zstandard
from quality_folds import FOLDS, fold_of, learn_tables, texts_by_fold
from quality_junk import KINDS, make, make_fragments

from corpus.config.quality import QualitySettings
from corpus.schema import RECORDS
from corpus.steps.quality import Quality

# Read as machine-spun or glued together by whoever made the file (MANIFEST): listed, not counted.
NOT_GENUINE = ("medical_toyhom", "finance_news_fincuge_ese")
LENGTH_RULES = {"too_short", "few_chinese_characters", "gopher_short_doc"}
LISTING = re.compile(r"(genindex|/archives?(/\d+)*/?(index\.html)?$|/tags?/|/categor(y|ies)/|sitemap)", re.I)
BATCH = 400
VERSE_AND_SPEECH = ("poetry", "classical_modern", "cantonese_hkcancor")
FRAGMENTS = (2, 3, 4, 6, 9, 12, 20, 40)  # characters


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a zstd JSONL file."""
    with path.open("rb") as file:
        for line in io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file)):
            yield orjson.loads(line)


def sample(path: Path, count: int) -> list[dict[str, Any]]:
    """Return about ``count`` documents, evenly spaced."""
    rows = list(read_jsonl(path))
    return rows[:: max(1, len(rows) // count)]


class Bench:
    """The steps before quality, and quality by one profile and, where named, a cohesion table."""

    def __init__(self, profile: str, before: list[Any], table: Path | None = None) -> None:
        self.quality = Quality(QualitySettings(profile=profile, cohesion=None if table is None else str(table)))
        self.quality.load()
        self._before = before

    def judge(self, batch: pa.RecordBatch) -> list[tuple[str, float, float] | None]:
        """Return the (reason, score, threshold) of each dropped row of ``batch``, None for a kept one.

        A row that the language step refuses has the reason "language:..." .
        """
        verdicts: list[tuple[str, float, float] | None] = [None] * batch.num_rows
        numbers = np.arange(batch.num_rows)
        for step in (*self._before, self.quality):
            outcome = step.apply(batch)
            gone = []
            for removal in outcome.removals:
                reason = removal.reason if step is self.quality else f"{step.name}:{removal.reason}"
                verdicts[int(numbers[removal.row])] = (reason, removal.score or 0.0, removal.threshold or 0.0)
                gone.append(removal.row)
            left = np.delete(np.arange(len(numbers)), gone) if outcome.origin is None else outcome.origin.to_numpy()
            numbers = numbers[left]
            batch = outcome.batch
        return verdicts

    def judge_texts(self, texts: list[str]) -> list[tuple[str, float, float] | None]:
        """Judge bare texts, as ``wudao apply`` would."""
        result = []
        for start in range(0, len(texts), BATCH):
            part = texts[start : start + BATCH]
            columns = {"text": pa.array(part, pa.large_string()), "page_kind": pa.array(["text"] * len(part))}
            result += self.judge(pa.RecordBatch.from_pydict(columns))
        return result


def labelling_steps() -> list[Any]:
    """Return the language and the label step, loaded."""
    from corpus.config.label import LabelSettings
    from corpus.config.language import LanguageSettings
    from corpus.steps.label import Label
    from corpus.steps.language import Language

    steps = [Language(LanguageSettings()), Label(LabelSettings())]
    for step in steps:
        step.load()
    return steps


def extracted_pages(data: Path) -> Iterator[tuple[str, pa.RecordBatch, str]]:
    """Yield (url, EXTRACTED batch of one page, whole visible text) for the listing pages in Chinese of the WARC files."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    from corpus.config.decode import DecodeSettings
    from corpus.config.extract import ExtractSettings
    from corpus.steps.decode import Decode
    from corpus.steps.extract import Extract

    decode, extract = Decode(DecodeSettings()), Extract(ExtractSettings())
    decode.load()
    extract.load()
    labels = {row["id"].strip("<>"): row for row in read_jsonl(data / "web" / "labels.jsonl.zst")}
    for path in sorted((data / "web").glob("*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.response):
                label = labels.get(record.record_id.strip("<>"), {})
                url = record.headers.get("WARC-Target-URI") or ""
                chinese = label.get("content_script") in ("zh", "zh_in_code") and label.get("kind") == "site"
                if not chinese or not LISTING.search(re.sub(r"[?#].*", "", url)):
                    continue
                headers = record.http_headers
                row = {
                    "path": path.name, "offset": record.stream_pos, "format": "html", "url": url,
                    "http_content_type": headers.get("Content-Type"),
                    "http_content_encoding": headers.get("Content-Encoding"),
                    "http_transfer_encoding": headers.get("Transfer-Encoding"), "payload": record.reader.read(),
                }  # fmt: skip
                full = {name: row.get(name) for name in RECORDS.names}
                decoded = decode.apply(pa.RecordBatch.from_pylist([full], schema=RECORDS)).batch
                if decoded.num_rows:
                    whole = extract_plain_text(decoded.column("content")[0].as_py(), main_content=False, links=False)
                    yield url, extract.apply(decoded).batch, whole


def paragraphs(text: str) -> int:
    """Return how many finished lines of eighty characters a page has; from three on it shows its articles."""
    lines = (line.strip() for line in text.split("\n"))
    return sum(len(line) >= 80 and line.endswith(("。", "！", "？", "…", "：")) for line in lines)


def report(name: str, verdicts: list[tuple[str, float, float] | None], genuine: bool) -> tuple[int, int]:
    """Print one line of the table; return (documents long enough, kept of them), or (documents, dropped) for junk."""
    reasons = Counter(verdict[0] for verdict in verdicts if verdict)
    short = sum(reasons[rule] for rule in LENGTH_RULES)
    dropped = sum(reasons.values())
    total = len(verdicts)
    shown = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common(4))
    if genuine:
        enough = total - short
        kept = total - dropped
        print(f"| {name} | {total} | {short} | {kept / max(total, 1):.3f} | {kept / max(enough, 1):.3f} | {shown} |")
        return enough, kept
    print(f"| {name} | {total} | {dropped / max(total, 1):.3f} | {shown} |")
    return total, dropped


def anchors_and_texts(data: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Return label-like lines of the WARC pages' gold and genuine texts by source, the raw material of junk."""
    texts: dict[str, list[str]] = {}
    for path in sorted((data / "text").glob("*.zst")):
        name = path.name.removesuffix(".jsonl.zst")
        if name not in NOT_GENUINE and not re.search(r"comments|titles|lccc|guba|docs_vue|wiki_oi|goldminer", name):
            texts[name] = [row["text"] for row in sample(path, 150)]
    anchors = set()
    for row in read_jsonl(data / "html_gold" / "site_template_gold.jsonl.zst"):
        for line in row["text"].split("\n"):
            if 2 <= len(line.strip()) <= 30 and re.search("[一-龥]{2}", line) and not re.search("[。，；]", line):
                anchors.add(line.strip())
    return sorted(anchors), texts


def speed(data: Path) -> None:
    """Print the kernels' and the whole step's megabytes of UTF-8 per second of process CPU time (best of five)."""
    from corpus.kernels.buffers import text_buffers
    from corpus.kernels.text_counts import load_tables
    from corpus.kernels.text_signals import measure
    from corpus.quality.cohesion import Cohesion, learn
    from corpus.quality.lexicon import make_lexicon

    texts = [row["text"] for path in sorted((data / "text").glob("*.zst")) for row in sample(path, 300)]
    column = pa.array(texts, pa.large_string())
    buffer, offsets = text_buffers(column)
    tables, lexicon = load_tables(), make_lexicon()
    size = (offsets[-1] - offsets[0]) / 1e6
    step = Quality(QualitySettings())
    step.load()
    batches = [pa.RecordBatch.from_pydict({"text": column.slice(i, BATCH)}) for i in range(0, len(column), BATCH)]

    def whole() -> None:
        for batch in batches:
            step.apply(batch)

    cohesion = Cohesion(learn(column))
    for name, job in (
        ("kernel", lambda: measure(buffer, offsets, tables, lexicon)),
        ("cohesion", lambda: cohesion.incohesion(buffer, offsets)),
        ("step, without a cohesion table", whole),
    ):
        best = min(_cpu(job) for _ in range(5))
        print(f"{name}: {size / best:.0f} MB/s ({size:.1f} MB, {len(texts)} documents)")


def _cpu(job: Any) -> float:
    start = time.process_time()
    job()
    return time.process_time() - start


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--profile", nargs="+", default=["web"])
    parser.add_argument("--per-source", type=int, default=800)
    parser.add_argument("--junk", type=int, default=150, help="documents per kind of junk")
    parser.add_argument("--no-labels", action="store_true")
    parser.add_argument("--pages", action="store_true", help="the WARC files' listing pages too")
    parser.add_argument("--cohesion", action="store_true", help="with cohesion tables learnt from other sources")
    parser.add_argument("--speed", action="store_true", help="only the speed")
    options = parser.parse_args()
    if options.speed:
        speed(options.data)
        return
    sources = {path.name.removesuffix(".jsonl.zst"): path for path in sorted((options.data / "text").glob("*.zst"))}
    sources |= {name: options.data / "lang" / f"{name}.jsonl.zst" for name in VERSE_AND_SPEECH}
    anchors, by_source = anchors_and_texts(options.data)
    pages = list(extracted_pages(options.data)) if options.pages else []
    before = [] if options.no_labels else labelling_steps()
    with tempfile.TemporaryDirectory() as folder:
        folds, tables = None, [None]
        if options.cohesion:
            folds = fold_of([*sources])
            learnt = [name for name in sources if name not in NOT_GENUINE]
            tables = learn_tables(
                learnt, folds, lambda name: [row["text"] for row in read_jsonl(sources[name])], Path(folder)
            )
        for profile in options.profile:
            benches = [Bench(profile, before, table) for table in tables]
            report_genuine(profile, benches, sources, folds, options.per_source)
            report_junk(profile, benches, texts_by_fold(by_source, folds), anchors, options.junk)
            if pages:
                report_pages(benches[0], pages)


def report_genuine(
    profile: str, benches: list[Bench], sources: dict[str, Path], folds: dict[str, int] | None, count: int
) -> None:
    """Print the share kept of every source."""
    print(f"\n## {profile}: genuine\n\n| source | documents | too short | kept | kept of long enough | reasons |")
    print("|-|-|-|-|-|-|")
    for name, path in sources.items():
        bench = benches[0 if folds is None else folds[name]]
        verdicts = bench.judge_texts([row["text"] for row in sample(path, count)])
        report(name + (" (spun or glued)" if name in NOT_GENUINE else ""), verdicts, genuine=True)


def report_junk(profile: str, benches: list[Bench], texts: list[list[str]], anchors: list[str], count: int) -> None:
    """Print the share dropped of every kind, and with folds that of spliced fragments by their length."""
    print(f"\n## {profile}: junk\n\n| kind | documents | dropped | reasons |\n|-|-|-|-|")
    # A fold of verse and chat alone has no text that is long enough to be shuffled.
    used = [(bench, part) for bench, part in zip(benches, texts, strict=True) if any(len(t) >= 200 for t in part)]
    for kind in KINDS:
        verdicts = []
        for fold, (bench, part) in enumerate(used):
            verdicts += bench.judge_texts(list(make(kind, -(-count // len(used)), part, anchors, seed=7 + fold)))
        report(kind, verdicts, genuine=False)
    for length in FRAGMENTS if len(benches) == FOLDS else ():
        verdicts = []
        for bench, part in used:
            verdicts += bench.judge_texts(list(make_fragments(-(-count // len(used)), part, length)))
        report(f"spliced of fragments of {length} characters", verdicts, genuine=False)


def report_pages(bench: Bench, pages: list[tuple[str, pa.RecordBatch, str]]) -> None:
    """Print the share dropped of the listing pages, by how many paragraphs they show."""
    for kind, least, most in (
        ("navigation (fewer than three paragraphs)", 0, 2),
        ("of these, without any paragraph", 0, 0),
        ("listing with paragraphs (no junk)", 3, len(pages) * 1000),
    ):
        chosen = [page for page in pages if least <= paragraphs(page[2]) <= most]
        verdicts = []
        for _, batch, _ in chosen:
            verdicts += bench.judge(batch) if batch.num_rows else [("extract:no_text", 0.0, 0.0)]
        report(f"{kind}, extracted", verdicts, genuine=False)
        report(f"{kind}, whole page", bench.judge_texts([whole for _, _, whole in chosen]), genuine=False)


if __name__ == "__main__":
    main()
