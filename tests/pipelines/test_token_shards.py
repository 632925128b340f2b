"""What cannot be tokenised is said before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pytest

from corpus.config.build import BuildConfig
from corpus.errors import BuildError
from corpus.shards.manifest import TEXT_SHARDS, Manifest, write_manifest
from corpus.storage import Store
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
