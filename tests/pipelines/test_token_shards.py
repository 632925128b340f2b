"""What cannot be tokenised is said before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pytest

from corpus.config.build import BuildConfig
from corpus.errors import BuildError, ConfigError, CorruptionError
from corpus.shards.manifest import TEXT_SHARDS, Manifest, write_manifest
from corpus.storage import Store
from pipelines.passes.tokenise import find_tokenizer, load_tokenizer
from pipelines.token_shards import tokenise


def never(*_: Any) -> NoReturn:
    raise AssertionError("nothing may run")


def corpus(folder: Path, domains: int, rows: int) -> Manifest:
    names = [f"领域{number}" for number in range(domains)]
    tables = {"domains": names, "source_types": ["news"]}
    return write_manifest(Store(folder).sub("corpus"), TEXT_SHARDS, [], {"tables": tables, "totals": {"rows": rows}})


@pytest.mark.parametrize(
    ("domains", "rows", "sentence"),
    [(33, 1, "33 domains, and token shards hold 32 at most"), (32, 0, "nothing was published")],
)
def test_a_corpus_that_cannot_be_tokenised_is_refused(tmp_path: Path, domains: int, rows: int, sentence: str) -> None:
    with pytest.raises(BuildError, match=sentence):
        tokenise(BuildConfig(), Store(tmp_path), corpus(tmp_path, domains, rows), never)


def test_a_tokenizer_is_found_in_its_folder_and_in_the_one_that_training_was_given(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no tokenizer lies here"):
        find_tokenizer(str(tmp_path / "tok"))
    first = tmp_path / "tok" / "bpe-1"
    first.mkdir(parents=True)
    (first / "meta.json").write_text("{}")
    (tmp_path / "tok" / "work").mkdir()
    assert find_tokenizer(str(first)) == find_tokenizer(str(tmp_path / "tok")) == str(first)
    second = tmp_path / "tok" / "cpm-2"
    second.mkdir()
    (second / "meta.json").write_text("{}")
    with pytest.raises(ConfigError, match="bpe-1, cpm-2"):
        find_tokenizer(str(tmp_path / "tok"))
    with pytest.raises(ConfigError, match="several"):
        tokenise(BuildConfig(tokenizer_path=str(tmp_path / "tok")), Store(tmp_path), corpus(tmp_path, 1, 1), never)


@pytest.mark.parametrize("meta", ["{", '{"format_version": 99}'])
def test_a_tokenizer_that_cannot_be_read_is_one_sentence(tmp_path: Path, meta: str) -> None:
    (tmp_path / "meta.json").write_text(meta)
    with pytest.raises(CorruptionError, match="not a tokenizer that can be read"):
        load_tokenizer(str(tmp_path))
