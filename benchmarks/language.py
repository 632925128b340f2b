"""Language and script of the language step on labelled text, and its speed.

    python benchmarks/language.py --data DATA [--wrong N]

Prints a confusion table by source, recall by length, the reliability of the
score, Hans/Hant accuracy, and MB/s. Pages of ``DATA/web`` are decoded by the
decode step and stripped to plain text by resiliparse (language is measured apart
from extraction); their gold is ``content_script`` of the labels. Rows of
``DATA/lang`` carry their language, those of ``DATA/text`` are Chinese. Classical
and Cantonese count as Chinese in recall.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from corpus.config.decode import DecodeSettings
from corpus.config.language import LanguageSettings
from corpus.config.normalise import NormaliseSettings
from corpus.steps.decode import Decode
from corpus.steps.language import Language
from corpus.steps.normalise import Normalise

sys.path.insert(0, str(Path(__file__).parent))
from charset import decode_rows, read_jsonl, warc_responses

# Labels of udhr whose text is written Chinese: Mandarin of several places, Jin, Gan, Hakka, Xiang, Min Nan, Wu.
SINITIC = ("cmn", "023", "cjy", "gan", "hak", "hsn", "nan", "wuu")
CHINESE = ("zh", "lzh", "yue")
COLUMNS = ("zh", "lzh", "yue", "ja", "ko", "en", "other", "und")
HAN = re.compile("[㐀-鿿]")
LENGTHS = (1, 5, 10, 20, 50, 200, 1000, 10**9)


class Case(NamedTuple):
    """A labelled text; ``gold`` "code" is a Chinese page that is mostly code, "?" counts for the table only."""

    source: str
    gold: str
    script: str | None
    text: str


def web_cases(data: Path) -> Iterator[Case]:
    """Yield the pages of the WARC files as plain text."""
    from resiliparse.extract.html2text import extract_plain_text

    step = Decode(DecodeSettings())
    step.load()
    labels = {row["id"]: row for row in read_jsonl(data / "web" / "labels.jsonl.zst")}
    for path in sorted((data / "web").glob("*.warc.gz")):
        rows = [(labels[key], row) for key, row in warc_responses(path) if labels.get(key, {}).get("content_script")]
        for start in range(0, len(rows), 200):
            part = rows[start : start + 200]
            for (label, _), decoded in zip(part, decode_rows(step, [row for _, row in part]), strict=True):
                if decoded is None:
                    continue
                kind, site = label["content_script"], label["site_lang"] or ""
                gold = {"zh": "zh", "ja": "ja", "ko": "ko"}.get(kind, "?")
                if kind == "zh_in_code" and site.startswith("zh"):
                    gold = "code"
                hans = {"zh-Hans": "hans", "zh-Hant": "hant"}.get(site) if kind in ("zh", "zh_in_code") else None
                yield Case(f"web {kind} (site {site})", gold, hans, extract_plain_text(decoded["content"]))


def file_cases(data: Path) -> Iterator[Case]:
    """Yield the rows of ``lang`` and ``text``."""
    for path in sorted((data / "lang").glob("*.zst")):
        name = path.name.split(".")[0]
        for row in read_jsonl(path):
            if name == "udhr":
                gold = {"jpn": "ja", "kor": "ko", "yue": "yue"}.get(row["label"].split("_")[0], "")
                gold = gold or ("zh" if row["label"].startswith(SINITIC) else "other")
                for paragraph in row["text"].split("\n"):
                    if len(paragraph.strip()) > 4:
                        yield Case(f"udhr {gold}", gold, None, paragraph.strip())
                continue
            label = row["label"]
            gold = "zh" if label.startswith("zh") else label
            hans = {"classical_modern": "hans"}.get(name)
            yield Case(f"{name} {label}", gold, hans, row["text"])
    for path in sorted((data / "text").glob("*.zst")):
        name = path.name.split(".")[0]
        hans = "hant" if name.endswith("_hant") else "hans"
        for row in read_jsonl(path):
            yield Case(f"text {name}", "zh", hans, row["text"])


def classify(batch: pa.RecordBatch) -> list[dict]:
    """Return language, score and script of every row: a first run names the languages, a second keeps them all."""
    step = Language(LanguageSettings(keep=("any",)))
    step.load()
    languages = {removal.detail for removal in step.apply(batch).removals}
    step = Language(LanguageSettings(keep=tuple(sorted(languages))))
    step.load()
    return step.apply(batch).batch.select(["language", "language_score", "script"]).to_pylist()


def table(cases: list[Case], found: list[dict]) -> None:
    """Print the confusion table by source."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for case, row in zip(cases, found, strict=True):
        language = row["language"]
        rows[case.source][language if language in COLUMNS else "other"] += 1
    print(f"{'source':46}" + "".join(f"{column:>8}" for column in COLUMNS))
    for source, counts in sorted(rows.items()):
        print(f"{source:46}" + "".join(f"{counts[column] or '':>8}" for column in COLUMNS))


def summary(cases: list[Case], found: list[dict]) -> None:
    """Print recall by length, leaks, reliability and script accuracy."""
    recall: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    leaks: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    reliability: dict[int, list[float]] = defaultdict(lambda: [0, 0, 0.0])
    scripts: Counter[tuple[str, str]] = Counter()
    for case, row in zip(cases, found, strict=True):
        chinese = row["language"] in CHINESE
        length = len(case.text)
        if case.gold in CHINESE:
            bucket = recall[next(limit for limit in LENGTHS if length <= limit)]
            bucket[0] += chinese
            bucket[1] += 1
        elif case.gold != "?":
            leak = leaks[case.gold]
            leak[0] += chinese
            leak[1] += 1
            if length >= 10:
                leak[2] += chinese
                leak[3] += 1
        if chinese and case.gold not in ("?", "code"):
            entry = reliability[min(int(row["language_score"] * 10), 9)]
            entry[0] += case.gold in CHINESE
            entry[1] += 1
        if case.script and row["script"] and len(HAN.findall(case.text)) >= 20:
            scripts[case.script, row["script"]] += 1
    print("\nChinese recall by characters")
    low = 0
    for limit in LENGTHS:
        right, total = recall[limit]
        print(f"  {low + 1:>6} .. {limit:<12} {right:>7} / {total:<7} {right / max(total, 1):.4f}")
        low = limit
    right = sum(recall[limit][0] for limit in LENGTHS if limit > 50)
    total = sum(recall[limit][1] for limit in LENGTHS if limit > 50)
    print(f"  from 50 characters on: {right / max(total, 1):.4f} of {total}")
    for gold, (taken, total, longer, long_total) in sorted(leaks.items()):
        name = "code-heavy Chinese pages kept" if gold == "code" else f"{gold} taken for Chinese"
        print(f"  {name}: {taken} / {total} = {taken / total:.4f}; from 10 characters on {longer} / {long_total}")
    print("score -> share that is Chinese")
    for decile in sorted(reliability):
        right, total, _ = reliability[decile]
        print(f"  {decile / 10:.1f}..: {right / total:.4f} of {total}")
    agreed = sum(count for (gold, name), count in scripts.items() if gold == name)
    print(f"script from 20 Han on: {agreed / max(sum(scripts.values()), 1):.4f}", dict(scripts))


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--wrong", type=int, default=0, help="show so many wrong texts of each source")
    parser.add_argument("--no-web", action="store_true")
    options = parser.parse_args()
    normalise = Normalise(NormaliseSettings())
    normalise.load()

    cases = list(file_cases(options.data))
    if not options.no_web:
        cases += list(web_cases(options.data))
    texts = pa.array([case.text for case in cases], type=pa.large_string())
    batch = pa.RecordBatch.from_arrays([texts], names=["text"])
    outcome = normalise.apply(batch)
    gone = {removal.row for removal in outcome.removals}
    cases = [case for row, case in enumerate(cases) if row not in gone]
    found = classify(outcome.batch)
    table(cases, found)
    summary(cases, found)
    shown: Counter[str] = Counter()
    for case, row in zip(cases, found, strict=True):
        wrong = (case.gold in CHINESE) != (row["language"] in CHINESE) and case.gold not in ("?", "code")
        wrong |= case.gold == "code" and row["language"] not in CHINESE
        if wrong and shown[case.source] < options.wrong:
            shown[case.source] += 1
            print(case.source, row, repr(case.text[:160]))

    chinese = outcome.batch.filter(pa.array([row["language"] in CHINESE for row in found]))
    size = sum(len(case.text.encode()) for case, row in zip(cases, found, strict=True) if row["language"] in CHINESE)
    parts = [chinese.slice(start, 1000) for start in range(0, chinese.num_rows, 1000)]
    default = Language(LanguageSettings())
    default.load()
    for name, timed in (("language", default), ("normalise", normalise)):
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            for part in parts:
                timed.apply(part)
            best = min(best, time.process_time() - start)
        print(f"{name}: {size / best / 1e6:.0f} MB/s over {size / 1e6:.0f} MB of Chinese text in {len(parts)} batches")


if __name__ == "__main__":
    main()
