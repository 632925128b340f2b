"""Near-duplicate removal beside datasketch's MinHashLSH and datatrove's MinHash stages on the same Chinese documents.

    python benchmarks/dedupe_peers.py DATA/text [--documents 20000] [--datatrove PYTHON] [--pairs out.tsv]

Documents: those of at least 100 characters with the smallest blake2b(id) over
all files of DATA/text. All sides see the same character 5-grams of the same
hash form, 14 bands of 8 rows. datasketch is used as its guide shows: MinHash,
``MinHashLSH.query`` before ``insert``, a document with any hit is removed, its
hits are not verified. datatrove runs in the environment of ``--datatrove`` (a
Python with ``datatrove[processing]``), its four stages with one task each, its
shingles replaced by the same 5-grams (its own tokenizer for Chinese wants a
model). Time is process CPU seconds with signatures, buckets and clusters; peak
memory is of a process of its own.

Agreement: a pair of documents is joined by a side where both lie in one of
its groups. Disagreements are pairs of a removed document and its keeper that
the other side does not join; ``--pairs`` writes those of datasketch with the
true Jaccard similarity and an empty verdict, ids only, the smallest
blake2b(ids) first. Texts are shown on the screen with ``--show``.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import zstandard
from dedupe_quality import clusters_of, jaccard

from corpus.config.dedupe import DedupeSettings
from corpus.kernels.hash_form import hash_form

SHINGLE, BANDS, ROWS = 5, 14, 8
LEAST = 100  # characters: shorter texts have too few shingles for any signature
Groups = dict[str, str]  # id of a document -> id of the document that stands for its group

DATATROVE = r"""
import json, resource, sys, time
from pathlib import Path
import numpy as np
from datatrove.data import Document
from datatrove.pipeline.dedup import minhash as m
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
from datatrove.utils.hashing import HashConfig

folder = Path(sys.argv[1])
rows = [json.loads(line) for line in (folder / "forms.jsonl").read_text("utf-8").splitlines()]
m.load_word_tokenizer = lambda language: None


class Signature(MinhashDedupSignature):
    def get_shingles(self, text):
        grams = sorted({text[i : i + 5] for i in range(len(text) - 4)})
        return np.fromiter([self._hash_func(gram) for gram in grams], dtype=np.uint64).reshape((-1, 1))


config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(precision=64))
start = time.process_time()
Signature(str(folder / "sig"), config=config).run((Document(text=r["form"], id=r["id"]) for r in rows), 0, 1)
for bucket in range(14):
    MinhashDedupBuckets(str(folder / "sig"), str(folder / "buckets"), config=config).run(None, bucket, 14)
MinhashDedupCluster(str(folder / "buckets"), str(folder / "remove"), config=config, save_cluster_id=True, lines_to_buffer=5).run(None, 0, 1)
seconds = time.process_time() - start
ids = lambda name: np.fromfile(folder / "remove" / name, dtype="<u4").tolist()
pairs = np.fromfile(folder / "remove" / "000000.clusters", dtype="<u4").reshape(-1, 2).tolist()
gone = set(ids("000000.remove"))  # of a cluster all but the root of its union by size, which may be any of them
kept = {cluster: document for document, cluster in pairs if document not in gone}
groups = {rows[document]["id"]: rows[kept[cluster]]["id"] for document, cluster in pairs}
removed = [rows[document]["id"] for document in gone]
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
(folder / "result.json").write_text(json.dumps({"groups": groups, "removed": removed, "seconds": seconds, "megabytes": memory}))
"""


def documents(folder: Path, count: int) -> list[tuple[str, str]]:
    """Return (id, text) of the documents drawn, in the order of their ids."""
    found: list[tuple[bytes, str, str]] = []
    for path in sorted(folder.glob("*.jsonl.zst")):
        for line in zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read().splitlines():
            row = json.loads(line)
            if len(row["text"]) >= LEAST:
                found.append((hashlib.blake2b(row["id"].encode()).digest(), row["id"], row["text"]))
    return sorted((identity, text) for _, identity, text in sorted(found)[:count])


def ours(rows: list[tuple[str, str]]) -> tuple[Groups, set[str]]:
    """Return the groups of this project (members near their keeper only) and the ids removed."""
    found, table = clusters_of([text for _, text in rows], [0.5] * len(rows), DedupeSettings())
    place = {key: row for row, key in enumerate(table["doc_key"].to_pylist())}
    groups = {rows[one["row"]][0]: rows[place[one["keeper"]]][0] for one in found}
    return groups, {rows[one["row"]][0] for one in found if one["kind"] != "keeper"}


def datasketch(rows: list[tuple[str, str]]) -> tuple[Groups, set[str]]:
    """Return the groups that MinHashLSH's hits make (transitively, as a user would remove) and the ids removed."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    groups: Groups = {}
    removed = set()
    for identity, text in rows:
        form = hash_form(text)
        signature = MinHash(num_perm=BANDS * ROWS, seed=1)
        signature.update_batch([form[at : at + SHINGLE].encode() for at in range(len(form) - SHINGLE + 1)])
        hits = sorted(index.query(signature))
        if hits:
            removed.add(identity)
            groups[identity] = groups.setdefault(hits[0], hits[0])
        else:
            index.insert(identity, signature)
    return groups, removed


def datatrove(rows: list[tuple[str, str]], python: str) -> tuple[Groups, set[str], dict[str, Any]]:
    """Run datatrove's four stages in its own environment."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        lines = (json.dumps({"id": identity, "form": hash_form(text)}) for identity, text in rows)
        (folder / "forms.jsonl").write_text("\n".join(lines), encoding="utf-8")
        (folder / "run.py").write_text(DATATROVE, encoding="utf-8")
        subprocess.run(
            [python, str(folder / "run.py"), place],
            check=True,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"LOGURU_LEVEL": "WARNING"},
        )
        result = json.loads((folder / "result.json").read_text())
    return result["groups"], set(result["removed"]), result


def joined(groups: Groups, one: str, other: str) -> bool:
    """Whether two documents lie in one group."""
    return one in groups and groups.get(one) == groups.get(other)


def only(left: Groups, removed: set[str], right: Groups) -> list[tuple[str, str]]:
    """Return (removed, keeper) pairs of ``left`` that ``right`` does not join."""
    return sorted((one, left[one]) for one in removed if not joined(right, one, left[one]))


def measured(side: str, rows: list[tuple[str, str]]) -> tuple[Groups, set[str]]:
    """Run one side and print what it cost; peak memory is that of the process so far."""
    start = time.process_time()
    groups, removed = {"ours": ours, "datasketch": datasketch}[side](rows)
    seconds, memory = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{side}: {len(removed)} removed, {seconds:.1f} s CPU, peak of the process so far {memory} MB", flush=True)
    return groups, removed


def agreement(
    name: str, mine: Groups, my_removed: set[str], theirs: Groups, removed: set[str], forms: dict[str, str]
) -> None:
    """Print what both sides remove, and the true similarity of the pairs that one side joins."""
    extra, missing = only(mine, my_removed, theirs), only(theirs, removed, mine)
    print(
        f"{name}: both remove {len(my_removed & removed)}; pairs joined only here {len(extra)}, only there {len(missing)}"
    )
    for title, pairs in (("only here", extra), ("only there", missing)):
        true = [jaccard(forms[a], forms[b]) for a, b in pairs]
        bins = collections.Counter("1" if v == 1 else f"{int(v * 20) / 20:.2f}" for v in true)
        print(f"  {title}: true Jaccard " + ", ".join(f"{low} {count}" for low, count in sorted(bins.items())))


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--datatrove", help="Python of an environment with datatrove[processing]")
    parser.add_argument("--pairs", type=Path, help="write the disagreements with datasketch here, without texts")
    parser.add_argument("--show", type=int, default=0, help="show the texts of so many disagreements")
    given = parser.parse_args()
    rows = documents(given.folder, given.documents)
    print(f"{len(rows)} documents, {sum(len(text.encode()) for _, text in rows) / 1e6:.1f} MB")
    ours(rows[:200])  # compiles the kernels
    mine, my_removed = measured("ours", rows)
    theirs, their_removed = measured("datasketch", rows)
    forms = {identity: hash_form(text) for identity, text in rows}
    agreement("datasketch", mine, my_removed, theirs, their_removed, forms)
    pairs = [("ours", a, b) for a, b in only(mine, my_removed, theirs)]
    pairs += [("datasketch", a, b) for a, b in only(theirs, their_removed, mine)]
    pairs.sort(key=lambda pair: hashlib.blake2b("\0".join(pair[1:]).encode()).digest())
    if given.pairs:
        with given.pairs.open("w", encoding="utf-8") as stream:
            for side, a, b in pairs:
                stream.write(f"{a}\t{b}\t{side}\t{jaccard(forms[a], forms[b]):.3f}\t\n")
    texts = dict(rows)
    for number, (side, a, b) in enumerate(pairs[: given.show]):
        print(f"\n{number}\t{a}\t{b}\t{side}\t{jaccard(forms[a], forms[b]):.3f}")
        print(f"  {texts[a][:230]!r}\n  {texts[b][:230]!r}", flush=True)
    if given.datatrove:
        groups, removed, cost = datatrove(rows, given.datatrove)
        print(f"datatrove: {len(removed)} removed, {cost['seconds']:.1f} s CPU, {cost['megabytes']} MB")
        agreement("datatrove", mine, my_removed, groups, removed, forms)


if __name__ == "__main__":
    main()
