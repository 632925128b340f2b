"""Speed and accuracy of scrubbing, beside Presidio's own engine with the same recognisers and with its defaults.

    python benchmarks/pii.py speed TEXT.jsonl[.zst] [...] [--megabytes 8]
    python benchmarks/pii.py spans PASSAGES.jsonl OUT.jsonl          # then score_pii.py PASSAGES.jsonl OUT.jsonl
    python benchmarks/pii.py hits TEXT.jsonl[.zst] [...] --per-kind 40   # hits to read, kind by kind, to the screen only
    python benchmarks/pii.py rates TEXT.jsonl[.zst] [...] --verdicts benchmarks/readings/pii-text.tsv

Times are process CPU seconds of one process. Values are printed by ``hits`` only, and written nowhere.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import io
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import zstandard

from corpus.config.scrub import NEUTRAL, ScrubSettings
from corpus.pii.engine import Engine
from corpus.pii.shadow import shadow
from corpus.steps.scrub import Scrub

DOCUMENT = 2000  # characters: short texts of a source are joined to documents of about this length
SAMPLES = (
    "联系人李文博，手机13761234095，",
    "邮箱li.xiaoman@163.com，",
    "身份证号11010519491231002X，",
    "家住湖南省长沙市岳麓区梅溪湖街道环湖路88号3栋2单元1601室，",
)


def texts(path: Path, limit: int) -> Iterator[str]:
    """Yield the ``text`` of each line until ``limit`` bytes."""
    raw: Any = path.open("rb")
    if path.suffix == ".zst":
        raw = zstandard.ZstdDecompressor().stream_reader(raw)
    for line in io.TextIOWrapper(raw, "utf-8"):
        text = json.loads(line).get("text")
        if not isinstance(text, str):
            continue
        limit -= len(text.encode())
        if limit < 0:
            return
        yield text


def source_type(path: Path) -> str:
    """Return the source type that the file's name tells."""
    if "news" in path.name:
        return "news"
    return "encyclopedia" if "encyclopedia" in path.name else "other"


def documents(paths: list[Path], megabytes: float) -> list[str]:
    """Return documents of about :data:`DOCUMENT` characters, the same number of bytes from each file."""
    made: list[str] = []
    for path in paths:
        part: list[str] = []
        for text in texts(path, int(megabytes * 1e6 / len(paths))):
            part.append(text[: 4 * DOCUMENT])
            if sum(map(len, part)) >= DOCUMENT:
                made.append("\n".join(part))
                part = []
    return made


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds of ``work``, the best of three."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def speed(paths: list[Path], megabytes: float) -> None:
    """Print MB/s on documents without and with personal information, for this engine and Presidio's."""
    import logging

    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NoOpNlpEngine

    logging.getLogger("tldextract").setLevel(logging.CRITICAL)  # Presidio's e-mail recogniser asks the network first
    engine, plain = Engine(ScrubSettings()), Engine(ScrubSettings(prefilter="none"))
    engine.load()
    plain.load()
    everything = documents(paths, megabytes)
    found = engine.scan(pa.array(everything, pa.large_string()))
    clean = [text for row, text in enumerate(everything) if row not in found]
    randomness = random.Random(7)
    dirty = []
    for text in clean[: len(clean) // 2]:
        place = text.find("。") + 1
        dirty.append(text[:place] + randomness.choice(SAMPLES) + text[place:])
    nlp = NoOpNlpEngine(models=[{"lang_code": "zh", "model_name": "no_op"}])
    nlp.load()
    own = AnalyzerEngine(
        registry=RecognizerRegistry(recognizers=engine.recognizers, supported_languages=["zh"]),
        nlp_engine=nlp,
        supported_languages=["zh"],
    )
    defaults = RecognizerRegistry(supported_languages=["zh"])
    defaults.load_predefined_recognizers(languages=["zh"])
    defaults.remove_recognizer("SpacyRecognizer")  # needs a model; without it the ten pattern recognisers remain
    default = AnalyzerEngine(registry=defaults, nlp_engine=nlp, supported_languages=["zh"])
    for name, docs in (("natural", everything), ("clean", clean), ("every document has PII", dirty)):
        column = pa.array(docs, pa.large_string())
        size = sum(len(text.encode()) for text in docs) / 1e6
        few = docs[:: max(1, len(docs) // 60)]
        few_size = sum(len(text.encode()) for text in few) / 1e6
        shadows = [shadow(text) for text in few]
        same = engine.scan(column) == plain.scan(column)
        print(f"{name}: {len(docs)} documents, {size:.1f} MB; spans with and without prefilter identical: {same}")
        fast = size / cpu(lambda column=column: engine.scan(column))
        print(f"  this engine, {engine.prefilter_name:10s} {fast:8.1f} MB/s")
        print(f"  this engine, no prefilter {size / cpu(lambda column=column: plain.scan(column)):8.1f} MB/s")
        for label, analyzer, given in (("same recognisers", own, shadows), ("defaults", default, few)):
            took = cpu(lambda analyzer=analyzer, given=given: [analyzer.analyze(text, "zh") for text in given])
            print(
                f"  AnalyzerEngine, {label:17s} {few_size / took:6.2f} MB/s  (this engine is {fast * took / few_size:.0f} times as fast)"
            )


def spans(gold: Path, out: Path) -> None:
    """Write ``{"id", "spans"}`` for the passages in ``gold``."""
    rows = [json.loads(line) for line in gold.read_text(encoding="utf-8").splitlines()]
    found = Scrub(ScrubSettings()).spans([row["text"] for row in rows])
    with out.open("w", encoding="utf-8") as stream:
        for row, of_row in zip(rows, found, strict=True):
            places = [{"start": s.start, "end": s.end, "type": s.kind} for s in of_row]
            stream.write(json.dumps({"id": row["id"], "spans": places}) + "\n")


def key(path: Path, row: int, kind: str, start: int) -> str:
    """Return the key of a hit: it names a place, and says nothing about what stands there."""
    return hashlib.blake2b(f"{path.name}\0{row}\0{kind}\0{start}".encode(), digest_size=6).hexdigest()


def hits(
    paths: list[Path], megabytes: float
) -> tuple[dict[str, list[tuple[str, Path, str]]], collections.Counter[str]]:
    """Return kind -> (key, file, hit in its context), and characters read per file."""
    engine = Engine(ScrubSettings())
    found: dict[str, list[tuple[str, Path, str]]] = collections.defaultdict(list)
    characters: collections.Counter[str] = collections.Counter()
    for path in paths:
        read = list(texts(path, int(megabytes * 1e6)))
        characters[path.name] = sum(map(len, read))
        by_row = engine.scan(pa.array(read, pa.large_string()), None, [source_type(path)] * len(read))
        for row, of_row in by_row.items():
            for s in of_row:
                if s.kind not in NEUTRAL:
                    text = read[row]
                    shown = (
                        f"{text[max(0, s.start - 24) : s.start]}[[{text[s.start : s.end]}]]{text[s.end : s.end + 12]}"
                    )
                    found[s.kind].append((key(path, row, s.kind, s.start), path, shown.replace("\n", "⏎")))
    return found, characters


def read(paths: list[Path], megabytes: float, per_kind: int) -> None:
    """Print up to ``per_kind`` hits of each kind, drawn evenly."""
    found, _ = hits(paths, megabytes)
    for kind in sorted(found):
        drawn = sorted(found[kind])[:per_kind]
        print(f"{kind}: {len(found[kind])} hits, {len(drawn)} shown")
        for name, path, shown in drawn:
            print(f"  {name}\t{path.name[:18]}\t{shown}")


def rates(paths: list[Path], megabytes: float, verdicts: Path) -> None:
    """Print false positives per million characters, by the share of wrong ones among the hits that were read."""
    found, characters = hits(paths, megabytes)
    total = sum(characters.values())
    wrong: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for line in verdicts.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            _, kind, verdict = line.split("\t")[:3]
            wrong[kind][verdict] += 1
    overall = 0.0
    for kind in sorted(found):
        of_kind = wrong[kind]
        share = of_kind["wrong"] / max(1, of_kind.total())
        rate = share * len(found[kind]) * 1e6 / total
        overall += rate
        print(
            f"{kind:16s} hits {len(found[kind]):6d}  read {of_kind.total():4d}  wrong {of_kind['wrong']:3d}  per million characters {rate:6.2f}"
        )
    print(f"{total} characters; false positives per million characters: {overall:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "spans", "hits", "rates"])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--megabytes", type=float, default=8.0, help="speed: in all; hits, rates: of each file")
    parser.add_argument("--per-kind", type=int, default=40)
    parser.add_argument("--verdicts", type=Path, default=Path("benchmarks/readings/pii-text.tsv"))
    given = parser.parse_args()
    if given.what == "speed":
        speed(given.paths, given.megabytes)
    elif given.what == "spans":
        spans(*given.paths)
    elif given.what == "hits":
        read(given.paths, given.megabytes, given.per_kind)
    else:
        rates(given.paths, given.megabytes, given.verdicts)


if __name__ == "__main__":
    main()
