"""Domain and source-type labels across sources, and their speed.

    python benchmarks/labels.py ../shared/data/text --parts lexicon,bootstrap,train,types,speed

Leave sources out: the sources of each class are dealt into three folds by a
hash of their names; whatever is learned (calibration, pseudo-label model,
supervised model) sees the other folds only. Up to ``--documents`` texts of at
least 20 characters are drawn from each source by hash. Abstracts and app
descriptions count as one source per class; disciplines and topics that lie
between classes (business administration, veterinary medicine, lotteries, ...)
are left out of the gold.

The text model of source types learns nothing, but its author read errors: those
of the development sources only, every second one of each type in the order of
the hash of the names (:func:`development_sources`), chosen before any was read.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import io
import itertools
import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import zstandard

from corpus.config.label import LabelSettings
from corpus.labels.bootstrap import BootstrapOptions, bootstrap
from corpus.labels.domains import save_calibration, sigmoid
from corpus.labels.evaluate import Evaluation, evaluate
from corpus.labels.fasttext_kernel import FastTextScorer
from corpus.labels.labeller import Labeller
from corpus.labels.lexicon import compile_lexicons
from corpus.labels.scan import scan
from corpus.labels.source_type_text import cue_lexicons, load_text_model
from corpus.labels.source_types import softmax
from corpus.labels.tokens import tokens
from corpus.labels.training import LabelledText, calibrate, lexicon_logits, train

CLASSES = ("medical", "legal", "finance")
FOLDS = 3
UNLABELLED = ("academic_csl_fewclue", "news_sohu", "news_titles_tnews")  # no gold domain; bootstrap may read them
# The builder's own `domain` field misses the disciplines with a slash in their names.
DISCIPLINES = {
    "medical": {"中医学/中药学", "基础医学/临床医学", "口腔医学", "药学", "公共卫生与预防医学"},
    "legal": {"法学"},
    "finance": {"理论经济学", "应用经济学"},
    None: {
        "工商管理", "农林经济管理", "心理学", "畜牧学/兽医学", "生物学/生物科学与工程", "公共管理", "社会学", "政治学",
    },
}  # fmt: skip
TOPICS = {
    "medical": {"医疗服务", "问诊挂号", "养生保健"},
    "finance": {"借贷", "理财", "股票", "银行", "保险", "记账"},
    None: {
        "减肥瘦身", "支付", "收款", "彩票", "政务", "母婴", "女性", "薅羊毛", "成人", "其他", "职考", "违章",
        "运动健身", "新闻", "公务员",
    },
}  # fmt: skip
SOURCE_TYPES = {
    "news": (
        "news_sohu", "news_titles_tnews", "finance_news_fincuge_ese", "finance_news_fincuge_na",
        "finance_news_fincuge_nl", "finance_news_fincuge_qa",
    ),
    "comment": ("comments_eprstmt", "comments_hotel", "comments_shopping", "comments_waimai"),
    "encyclopedia": ("encyclopedia_cmrc2018", "wiki_oi"),
    "forum": ("forum_lccc_toy", "forum_lccc_toy2", "finance_comments_guba"),
    "blog": ("blog_cosx", "blog_goldminer", "blog_weekly"),
    "academic": ("academic_csl_fewclue", "academic_csldcp"),
    "qa": (
        "legal_advice_questions", "medical_cmedqa", "medical_qa_ner", "medical_toyhom", "medical_cmdd_dialogue",
    ),
    "manual": ("docs_vue_zh", "general_howtocook"),
    "other": (
        "legal_statutes_local", "legal_statutes_national", "legal_tw_statutes_hant", "medical_tcm_classical",
        "app_descriptions_iflytek", "legal_cail2021_args", "legal_lecard_queries", "legal_cail2021_focus",
    ),
}  # fmt: skip
SIX = ("news", "comment", "forum", "qa", "academic", "manual")  # the task of an earlier study (.691)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a zstd JSONL file."""
    with open(path, "rb") as stream:
        yield from map(orjson.loads, io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(stream)))


def by_hash(name: str) -> bytes:
    """Return the order in which documents and sources are drawn."""
    return hashlib.blake2b(name.encode()).digest()


def drawn(found: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Return the ``count`` rows with the smallest hashes of their ids."""
    return sorted(found, key=lambda row: by_hash(row["id"]))[:count]


@lru_cache(maxsize=2)
def gold(folder: Path, count: int) -> list[LabelledText]:
    """Return the documents with a gold class: ``domains`` is () for "other"."""
    documents = []
    for path in sorted(folder.glob("*.jsonl.zst")):
        name = path.name.removesuffix(".jsonl.zst")
        groups: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
        table, key = {
            "academic_csldcp": (DISCIPLINES, "discipline"),
            "app_descriptions_iflytek": (TOPICS, "topic"),
        }.get(name, ({}, ""))
        for row in rows(path) if name not in UNLABELLED else ():
            if len(row["text"]) < 20 or (table and row[key] in table[None]):
                continue
            if table:
                label = next((c for c in CLASSES if row[key] in table.get(c, ())), "other")
            else:
                label = row["label"] if row["label"] in CLASSES else "other"
            groups[label].append(row)
        for label, found in sorted(groups.items()):
            source = f"{name}:{label}" if table else name
            domains = (label,) if label in CLASSES else ()
            documents += [LabelledText(row["text"], domains, source) for row in drawn(found, count)]
    return documents


def folds(documents: list[LabelledText]) -> np.ndarray:
    """Return each document's fold; every source lies in one."""
    place = {}
    for domains in sorted({document.domains for document in documents}):
        for index, source in enumerate(sorted({d.source for d in documents if d.domains == domains}, key=by_hash)):
            place[source] = index % FOLDS
    return np.array([place[document.source] for document in documents])


def show(title: str, result: Evaluation, sources: bool) -> None:
    """Print one evaluation."""
    classes = ", ".join(f"{name} {found.f1:.3f}" for name, found in result.by_class.items())
    lengths = ", ".join(f"{name} {value:.3f} (n={count})" for name, (count, value) in result.by_length.items())
    errors = ", ".join(f"{name} {value:.3f}" for name, value in result.calibration_error.items())
    print(f"\n{title}: macro F1 {result.macro_f1:.4f}, accuracy {result.accuracy:.4f}\n  F1: {classes}")
    print(f"  macro F1 by characters: {lengths}\n  calibration error: {errors}")
    if sources:
        for (source, label), (count, value) in sorted(result.by_source.items(), key=lambda item: (item[0][1], item[0])):
            print(f"    {label:8} {source:34} n={count:4} {value:.2f}")


def domain_parts(folder: Path, parts: set[str], count: int) -> None:
    """Evaluate lexicon, bootstrap and supervised training across sources."""
    documents = gold(folder, count)
    fold = folds(documents)
    truth = [document.domains[0] if document.domains else "other" for document in documents]
    sources = [document.source for document in documents]
    lengths = [len(document.text) for document in documents]
    texts = pa.array([document.text for document in documents], pa.large_string())
    plain = Path(__file__).with_name("labels_uncalibrated.json")
    raw = Labeller(LabelSettings(calibration=str(plain)))
    columns = [raw.domains.index(name) for name in CLASSES]

    def judge(title: str, scores: np.ndarray, by_source: bool, threshold: float) -> None:
        show(title, evaluate(scores[:, columns], CLASSES, truth, sources, lengths, threshold), by_source)

    print({name: len({s for s, t in zip(sources, truth, strict=True) if t == name}) for name in (*CLASSES, "other")})
    judge("lexicons, constants set by hand (no labels at all)", sigmoid(lexicon_logits(raw, texts)), True, 0.5)
    with tempfile.TemporaryDirectory() as place:
        results = {name: np.zeros((len(documents), len(raw.domains))) for name in ("calibrated", "bootstrap", "train")}
        for index in range(FOLDS):
            inside = [d for d, f in zip(documents, fold, strict=True) if f != index]
            out = np.nonzero(fold == index)[0]
            kept = texts.take(pa.array(out))
            path = Path(place) / f"calibration-{index}.json"
            save_calibration(calibrate(inside, raw, "other folds"), path)
            labeller = Labeller(LabelSettings(calibration=str(path)))
            lexicon = lexicon_logits(labeller, kept)
            results["calibrated"][out] = sigmoid(lexicon)
            names = raw.domains
            if "bootstrap" in parts:
                batch = pa.RecordBatch.from_pydict(unlabelled(folder, {d.source for d in inside}))
                before = lexicon_logits(raw, kept)
                model = bootstrap([batch], Path(place) / f"bootstrap-{index}", raw, BootstrapOptions(per_domain=1000))
                results["bootstrap"][out] = sigmoid(model.combine(before, kept, names))
            if "train" in parts:
                model = train(inside, Path(place) / f"train-{index}", labeller)
                results["train"][out] = sigmoid(model.combine(lexicon, kept, names))
    judge("lexicons, calibrated on the other folds", results["calibrated"], True, LabelSettings().min_score)
    if "bootstrap" in parts:
        judge("bootstrap on the other folds' text, no labels", results["bootstrap"], False, 0.5)
    if "train" in parts:
        judge("calibrated and trained on the other folds' labels", results["train"], False, LabelSettings().min_score)


def unlabelled(folder: Path, sources: set[str], count: int = 800) -> dict[str, pa.Array]:
    """Return text and path columns of the sources of a fold, without their labels, and of those without gold."""
    documents = [document for document in gold(folder, count) if document.source in sources]
    texts = [document.text for document in documents]
    paths = [document.source for document in documents]
    for name in UNLABELLED:
        found = drawn(list(rows(folder / f"{name}.jsonl.zst")), count)
        texts += [row["text"] for row in found]
        paths += [name] * len(found)
    return {"text": pa.array(texts, pa.large_string()), "path": pa.array(paths)}


def development_sources() -> set[str]:
    """Return the sources whose errors may be read: of each type every second, in the order of the hash of their names."""
    return {source for members in SOURCE_TYPES.values() for source in sorted(members, key=by_hash)[::2]}


def type_part(folder: Path, count: int) -> None:
    """Evaluate the source types of bare text: on development sources, on those never read, and over all."""
    drawn_texts = [
        (name, source, row["text"])
        for name, members in SOURCE_TYPES.items()
        for source in sorted(members, key=by_hash)
        for row in drawn(list(rows(folder / f"{source}.jsonl.zst")), count)
    ]
    types, sources, texts = (list(column) for column in zip(*drawn_texts, strict=True))
    model = load_text_model()
    logits = model.logits(scan(pa.array(texts, pa.large_string()), *compile_lexicons(cue_lexicons())))
    truth = np.array([model.types.index(name) for name in types])
    read = np.isin(sources, sorted(development_sources()))
    for title, part in (("development sources", read), ("test sources", ~read), ("all sources", read | ~read)):
        show_types(f"source types of bare text, {title}", logits[part], truth[part], np.array(texts)[part], model.types)
    guessed = logits.argmax(axis=1)
    for source in dict.fromkeys(sources):
        of_source = np.array(sources) == source
        taken = collections.Counter(model.types[index] for index in guessed[of_source])
        name = types[sources.index(source)]
        rest = ", ".join(f"{other} {n}" for other, n in taken.most_common(4) if other != name)
        group = "development" if source in development_sources() else "test"
        print(f"    {group:11} {name:12} {source:26} {taken[name] / of_source.sum():.2f}  {rest}")


def show_types(title: str, logits: np.ndarray, truth: np.ndarray, texts: np.ndarray, names: tuple[str, ...]) -> None:
    """Print accuracy of source types: of documents, the mean over types, by type and by length."""
    right = logits.argmax(axis=1) == truth
    by_type = {name: right[truth == index].mean() for index, name in enumerate(names)}
    print(f"\n{title}: accuracy {right.mean():.3f}, mean over types {np.mean(list(by_type.values())):.3f}")
    print("  " + ", ".join(f"{name} {value:.2f}" for name, value in by_type.items()))
    lengths = np.array([len(text) for text in texts])
    for low, high in itertools.pairwise((0, 30, 100, 300, 1000, 1 << 30)):
        some = right[(lengths >= low) & (lengths < high)]
        print(f"  {low:5d} characters and more: {some.mean():.3f} (n={len(some)})")
    six = [names.index(name) for name in SIX]
    among = np.array(six)[logits[:, six].argmax(axis=1)] == truth
    print(f"  the six types of an earlier study: {among[np.isin(truth, six)].mean():.3f} (there: .691)")
    chances = softmax(logits).max(axis=1)
    sure = chances >= LabelSettings().source_type_min_score
    print(f"  answered with default settings: {sure.mean():.3f}, right of these {right[sure].mean():.3f}")


def speed_part(folder: Path, count: int) -> None:
    """Time the label step's parts and fastText's own prediction on the same documents (process CPU time)."""
    import fasttext

    texts = [row["text"] for path in sorted(folder.glob("*.jsonl.zst")) for row in drawn(list(rows(path)), count)]
    column = pa.array(texts, pa.large_string())
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    labeller = Labeller(LabelSettings())
    with tempfile.TemporaryDirectory() as place:
        model = train(gold(folder, 60), Path(place), labeller)
        own = FastTextScorer.load(Path(place) / "model.bin")
        head = FastTextScorer.load(Path(place) / "model.bin", max_tokens=model.meta["max_tokens"])
        theirs = fasttext.load_model(str(Path(place) / "model.bin"))

    def predict_all() -> None:
        for text in texts:
            theirs.f.predict(" ".join(tokens(text)) + "\n", 4, -1.0, "strict")

    jobs = {
        "lexicon and cue scan": lambda: scan(column, labeller.automaton, labeller.channels),
        "whole label step, lexicons": lambda: labeller.label(column),
        "fastText kernel, whole documents": lambda: own.logits(column),
        "fastText kernel, first 1000 tokens": lambda: head.logits(column),
        "fastText's own predict (with tokenising in Python)": predict_all,
    }
    print(f"\nspeed, {len(texts)} documents, {megabytes:.1f} MB, best of 3, one core")
    for name, job in jobs.items():
        job() if name.startswith(("lexicon", "whole", "fastText kernel")) else None
        times = []
        for _ in range(3):
            start = time.process_time()
            job()
            times.append(time.process_time() - start)
        print(f"  {name:52} {megabytes / min(times):7.1f} MB/s")


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--parts", default="lexicon,bootstrap,train,types,speed")
    parser.add_argument("--documents", type=int, default=300, help="per source")
    arguments = parser.parse_args()
    parts = set(arguments.parts.split(","))
    if parts & {"lexicon", "bootstrap", "train"}:
        domain_parts(arguments.folder, parts, arguments.documents)
    if "types" in parts:
        type_part(arguments.folder, arguments.documents)
    if "speed" in parts:
        speed_part(arguments.folder, max(arguments.documents // 3, 10))


if __name__ == "__main__":
    main()
