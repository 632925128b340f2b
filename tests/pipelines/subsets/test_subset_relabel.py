"""`wudao labels apply`: new labels, the same texts and tokens."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from corpus.errors import BuildError
from corpus.shards.manifest import read_manifest
from corpus.shards.selection import Selection
from corpus.shards.verify import verify
from corpus.shards.view import Dataset
from corpus.storage import Store
from pipelines.commands.labels import relabel
from pipelines.derivation import Derivation, Parent
from pipelines.subset import extract

Derive = Callable[..., Derivation]
LABELS = ('label.domains=["medical", "legal", "finance", "sports"]', "label.min_score=0.3")
CHANGED = {"domains", "source_type", "source_type_score"}
CHANGED_CODES = {"domain", "domain_mask", "source_type"}


def table(place: Path, kind: str) -> pa.Table:
    dataset = Dataset.of(read_manifest(Store(place).sub(kind)))
    return pa.Table.from_batches([b for shard in dataset.manifest.shards() for b in dataset.batches(shard)])


def check(before: Path, after: Path) -> None:
    assert verify(Store(after)).problems == []
    old, new = table(before, "corpus"), table(after, "corpus")
    assert old.drop_columns(list(CHANGED)).equals(new.drop_columns(list(CHANGED)))
    old_tokens, new_tokens = table(before, "tokens"), table(after, "tokens")
    assert old_tokens.drop_columns(list(CHANGED_CODES)).equals(new_tokens.drop_columns(list(CHANGED_CODES)))
    names = read_manifest(Store(after).sub("tokens")).root["tables"]["domains"]
    for row, tokens in zip(new.to_pylist(), new_tokens.to_pylist(), strict=True):
        given = [one["name"] for one in row["domains"]]
        assert tokens["domain"] == (names.index(given[0]) if given else -1)
        assert tokens["domain_mask"] == sum(1 << names.index(name) for name in given)


def test_a_relabelled_copy(derive: Derive, small_corpus: Path, tmp_path: Path) -> None:
    relabel(derive(small_corpus, tmp_path / "out", *LABELS), None, in_place=False)
    check(small_corpus, tmp_path / "out")
    rows = table(tmp_path / "out", "corpus").to_pylist()
    medical = [row for row in rows if "患者" in row["text"]]
    # Every document on patients is medical now, whatever stood there before.
    assert all(row["domains"] and row["domains"][0]["name"] == "medical" for row in medical)
    root = read_manifest(Store(tmp_path / "out/corpus")).root
    assert root["totals"]["columns"]["domain"]["medical"] >= len(medical)
    assert root["tables"]["domains"][-1] == "sports"


def test_in_place_and_again(
    derive: Derive, other_corpus: Callable[[Path], Path], small_corpus: Path, tmp_path: Path
) -> None:
    place = other_corpus(tmp_path / "corpus")
    first = derive(place, place, *LABELS)
    relabel(first, None, in_place=True)
    check(small_corpus, place)
    root_hash = read_manifest(Store(place).sub("corpus")).root_hash
    assert orjson.loads((place / "build.json").read_bytes())["root_hash"] == root_hash
    relabel(derive(place, place, *LABELS), None, in_place=True)
    assert read_manifest(Store(place).sub("corpus")).root_hash == root_hash


def test_an_interrupted_relabelling_goes_on(
    derive: Derive, other_corpus: Callable[[Path], Path], small_corpus: Path, tmp_path: Path
) -> None:
    place = other_corpus(tmp_path / "corpus")
    shutil.copytree(place / "tokens/manifest", tmp_path / "kept/manifest")
    shutil.copy(place / "tokens/manifest.json", tmp_path / "kept/manifest.json")
    relabel(derive(place, place, *LABELS), None, in_place=True)
    # As if the process had died between the two manifests.
    shutil.copytree(tmp_path / "kept", place / "tokens", dirs_exist_ok=True)
    assert verify(Store(place)).problems
    relabel(derive(place, place, *LABELS), None, in_place=True)
    check(small_corpus, place)


def test_a_view_is_refused(derive: Derive, small_corpus: Path, tmp_path: Path) -> None:
    extract(derive(small_corpus, tmp_path / "view"), Selection(sample=5), view=True)
    assert Parent.open(str(tmp_path / "view")).corpus.is_view
    with pytest.raises(BuildError, match="no rows of its own"):
        relabel(derive(tmp_path / "view", tmp_path / "out"), None, in_place=False)
