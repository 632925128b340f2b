"""Quality of duplicate detection on labelled pairs and planted duplicates.

``python benchmarks/dedupe_quality.py DATA [--seeds 4] [--planted 500]``

DATA holds ``neardup/*.jsonl.zst`` (pairs ``text``, ``text_b``) and ``text/*.jsonl.zst``
(``text``). A pair counts as a duplicate where the Jaccard similarity of the
character 5-grams of its hash forms is at least 0.8 or the forms are equal;
pairs with a side too short for a signature count where the forms are equal.
Prints one JSON object: shingle lengths, each set at the default, planted kinds.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import zstandard

from corpus.config.dedupe import DedupeSettings
from corpus.dedupe.clusters import find_clusters
from corpus.dedupe.signatures import Signer
from corpus.kernels.hash_form import hash_form
from corpus.kernels.minwise import similarities
from corpus.steps.sign import Sign
from pipelines.engines.duckdb_session import DuckDBSession

PAIR_SETS = (
    "article_versions_goldminer",
    "law_revisions",
    "paraphrase_lcqmc_dev",
    "paraphrase_bq_dev",
    "pawsx_zh_dev",
)
PARAPHRASES = PAIR_SETS[2:]
TEXT_SETS = ("news_sohu", "legal_statutes_local", "blog_cosx", "medical_tcm_classical", "encyclopedia_cmrc2018")


def read(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a zstd JSONL file."""
    return [
        json.loads(line) for line in zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read().splitlines()
    ]


def buffers(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return UTF-8 bytes and offsets of ``texts``."""
    encoded = [text.encode() for text in texts]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(part) for part in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets


def jaccard(left: str, right: str) -> float:
    """True Jaccard similarity of the 5-gram sets of two hash forms."""
    one, other = ({form[at : at + 5] for at in range(len(form) - 4)} for form in (left, right))
    return len(one & other) / max(len(one | other), 1)


class Pairs:
    """One labelled set with its true similarities."""

    def __init__(self, name: str, rows: list[dict[str, Any]]) -> None:
        self.name = name
        self.labels = np.array([str(row["label"]) for row in rows])
        self.left = buffers([row["text"] for row in rows])
        self.right = buffers([row["text_b"] for row in rows])
        forms = [(hash_form(row["text"]), hash_form(row["text_b"])) for row in rows]
        self.jaccard = np.array([jaccard(*pair) for pair in forms])

    def judge(self, settings: DedupeSettings) -> dict[str, np.ndarray]:
        """Return masks over the pairs: exact, true, removed."""
        signer = Signer(settings)
        signer.load()
        one, other = signer.sign_texts(*self.left), signer.sign_texts(*self.right)
        exact = (one.content == other.content).all(axis=1)
        long = one.signed & other.signed
        near = similarities(one.sketches.view(np.uint64), other.sketches.view(np.uint64)) >= settings.threshold * 10_000
        candidate = (one.bands == other.bands).any(axis=1)
        return {
            "exact": exact,
            "true": exact | (long & (self.jaccard >= 0.8)),
            "removed": exact | (long & candidate & near),
        }


def counts(judged: list[dict[str, np.ndarray]]) -> dict[str, float]:
    """Recall and precision over several sets together."""
    true, removed, right = (
        sum(int((one[a] & one[b]).sum()) for one in judged)
        for a, b in (("true", "true"), ("removed", "removed"), ("true", "removed"))
    )
    exact = sum(int(one["exact"].sum()) for one in judged)
    return {
        "true": true,
        "removed": removed,
        "recall": round(right / max(true, 1), 4),
        "precision": round(right / max(removed, 1), 4),
        "precision_without_exact": round((right - exact) / max(removed - exact, 1), 4),
    }


def shingle_lengths(sets: list[Pairs], seeds: int) -> list[dict[str, Any]]:
    """Compare shingle lengths, each with the threshold at which it loses least."""
    rows = []
    for shingle, threshold in ((5, 0.8), (8, 0.8), (8, 0.75), (9, 0.8), (9, 0.7), (13, 0.8), (13, 0.65)):
        judged = []
        for seed in range(1, seeds + 1):
            settings = DedupeSettings(shingle=shingle, threshold=threshold, seed=seed, min_shingles=69 - shingle)
            judged += [pairs.judge(settings) for pairs in sets]
        rows.append({"shingle": shingle, "threshold": threshold, **counts(judged)})
    return rows


def plant(rng: random.Random, kind: str, text: str, converter: Callable[[str], str]) -> str:
    """Return a duplicate of ``text`` of one kind."""
    if kind.startswith("edited"):
        share = float(kind.split("_")[1]) / 100
        characters = list(text)
        for place in rng.sample(range(len(text)), max(1, round(share * len(text)))):
            characters[place] = chr(0x4E00 + rng.randrange(3000))
        return "".join(characters)
    if kind == "paragraphs_moved":
        parts = [part for part in text.split("\n") if part.strip()]
        if len(parts) < 3:
            parts = [part + "。" for part in text.split("。") if part.strip()]
        border = rng.randrange(1, max(len(parts) - 1, 2))
        return "\n".join(parts[border:] + parts[:border])
    if kind == "header_footer":
        return (
            "首页 > 新闻中心 > 正文　字号：大 中 小\n" + text + "\n责任编辑：本站　上一篇　下一篇　打印本页　关闭窗口"
        )
    if kind == "traditional":
        return converter(text)
    return "".join(chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character for character in text)


def clusters_of(
    texts: list[str], qualities: list[float], settings: DedupeSettings
) -> tuple[list[dict[str, Any]], pa.Table]:
    """Return the rows of ``clusters`` and the signatures of ``texts``, all in one split."""
    rng = random.Random(21)
    step = Sign(settings)
    step.load()
    batch = pa.record_batch(
        {
            "doc_key": pa.array([rng.randbytes(16) for _ in texts], pa.binary(16)),
            "text": pa.array(texts, pa.large_string()),
            "quality": pa.array(qualities, pa.float32()),
            "n_chars": pa.array([len(text) for text in texts], pa.int32()),
        }
    )
    table = pa.Table.from_batches([step.signatures(batch, 0)])
    table = table.add_column(0, "split", pa.array(np.zeros(len(table), dtype=np.int32)))
    with tempfile.TemporaryDirectory() as folder, DuckDBSession(Path(folder), "1GB", 2) as session:
        session.register("signatures", table)
        find_clusters(session, settings)
        rows = session.arrow("SELECT row, kind, keeper, component FROM clusters").read_all().to_pylist()
    return rows, table


def planted(texts: list[str], count: int) -> dict[str, dict[str, float]]:
    """Plant ``count`` duplicates of each kind among ``texts``; return the share removed, by kind."""
    import opencc

    rng = random.Random(20)
    converter = opencc.OpenCC("s2t").convert
    kinds = ("edited_1", "edited_5", "paragraphs_moved", "header_footer", "traditional", "full_width")
    documents = list(texts)
    origins: list[tuple[str, int]] = [("", -1)] * len(texts)
    for kind in kinds:
        for origin in rng.sample(range(len(texts)), count):
            documents.append(plant(rng, kind, texts[origin], converter))
            origins.append((kind, origin))
    rows, table = clusters_of(documents, [1.0 if origin < 0 else 0.5 for _, origin in origins], DedupeSettings())
    removed = {row["row"]: row for row in rows if row["kind"] != "keeper"}
    keys = table["doc_key"].to_pylist()
    component = {row["row"]: row["component"] for row in rows}
    result = {}
    for kind in kinds:
        places = [place for place, (own, _) in enumerate(origins) if own == kind]
        pairs = [(place, origins[place][1]) for place in places]
        truth = [jaccard(hash_form(documents[place]), hash_form(documents[origin])) for place, origin in pairs]
        result[kind] = {
            "planted": len(places),
            "mean_jaccard": round(float(np.mean(truth)), 3),
            "at_or_above_0.8": sum(value >= 0.8 for value in truth),
            "removed": sum(place in removed for place in places),
            "removed_of_those_at_or_above_0.8": round(
                float(
                    np.mean(
                        [place in removed for place, value in zip(places, truth, strict=True) if value >= 0.8] or [0]
                    )
                ),
                4,
            ),
            "in_component_of_origin": sum(
                component.get(a) is not None and component.get(a) == component.get(b) for a, b in pairs
            ),
            "keeper_is_origin": sum(a in removed and removed[a]["keeper"] == keys[b] for a, b in pairs),
        }
    return result


def end_to_end(texts: list[str]) -> dict[str, Any]:
    """Find clusters among all documents of the near-duplicate sets together; judge by true similarity.

    A true pair is handled where at least one of its documents is removed; a
    removal is right where the document's true similarity to its keeper reaches
    0.8 or their forms are equal.
    """
    texts = sorted(set(texts))
    settings = DedupeSettings()
    rows, table = clusters_of(texts, [0.5] * len(texts), settings)
    signer = Signer(settings)
    signer.load()
    signed = signer.sign_texts(*buffers(texts))
    long = np.flatnonzero(signed.signed)
    sketches = signed.sketches.view(np.uint64)
    forms = [hash_form(text) for text in texts]
    true_pairs = []
    for position, one in enumerate(long[:-1]):
        others = long[position + 1 :]
        estimates = similarities(np.repeat(sketches[one : one + 1], len(others), axis=0), sketches[others])
        near = others[estimates >= 7_000]
        true_pairs += [(int(one), int(other)) for other in near if jaccard(forms[one], forms[other]) >= 0.8]
    place = {key: row for row, key in enumerate(table["doc_key"].to_pylist())}
    removed = {row["row"]: place[row["keeper"]] for row in rows if row["kind"] != "keeper"}
    true_similarity = [
        jaccard(forms[row], forms[keeper]) for row, keeper in removed.items() if forms[row] != forms[keeper]
    ]
    wrong = sum(value < 0.8 for value in true_similarity)
    handled = sum(a in removed or b in removed for a, b in true_pairs)
    return {
        "documents": len(texts),
        "true_pairs": len(true_pairs),
        "handled": round(handled / max(len(true_pairs), 1), 4),
        "removed": len(removed),
        "removed_near": len(true_similarity),
        "precision": round(1 - wrong / max(len(removed), 1), 4),
        "precision_without_exact": round(1 - wrong / max(len(true_similarity), 1), 4),
        "lowest_true_similarity_to_keeper": round(min(true_similarity, default=1.0), 3),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--planted", type=int, default=500)
    arguments = parser.parse_args()
    sets = [Pairs(name, read(arguments.data / "neardup" / f"{name}.jsonl.zst")) for name in PAIR_SETS]
    by_set = {}
    judged = []
    for pairs in sets:
        own = pairs.judge(DedupeSettings())
        judged.append(own)
        by_set[pairs.name] = {**counts([own]), "pairs": len(pairs.labels), "exact": int(own["exact"].sum())}
        if pairs.name == "law_revisions":
            by_set[pairs.name]["removed_of_different_laws"] = int(
                (own["removed"] & (pairs.labels == "different_law")).sum()
            )
    paraphrases = [own for pairs, own in zip(sets, judged, strict=True) if pairs.name in PARAPHRASES]
    total = sum(len(own["removed"]) for own in paraphrases)
    texts = [row["text"] for name in TEXT_SETS for row in read(arguments.data / "text" / f"{name}.jsonl.zst")]
    documents = [row["text"] for row in read(arguments.data / "neardup" / "ndd_docsets_en.jsonl.zst")]
    for name in PAIR_SETS:
        for row in read(arguments.data / "neardup" / f"{name}.jsonl.zst"):
            documents += [row["text"], row["text_b"]]
    seen: set[str] = set()
    unique = [text for text in texts if 300 <= len(text) <= 20_000 and not (text[:200] in seen or seen.add(text[:200]))]
    report = {
        "shingle_lengths": shingle_lengths(sets, arguments.seeds),
        "default": {"all": counts(judged), **by_set},
        "paraphrases_removed_share": round(sum(int(own["removed"].sum()) for own in paraphrases) / total, 5),
        "paraphrases_removed_not_identical": sum(int((own["removed"] & ~own["exact"]).sum()) for own in paraphrases),
        "all_documents": end_to_end(documents),
        "planted": planted(unique, arguments.planted),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
