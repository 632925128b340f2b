"""What is read off the shards, whole and by sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus.report import rows as module
from corpus.report.rows import EXCERPT, SHOWN, Rows, read_rows_of
from corpus.shards.reader import open_corpus, open_dataset, read_corpus


def read(output: Path, **options: Any) -> Rows:
    return read_rows_of(open_dataset(str(output)), ["function_share"], **options)


def test_everything_is_counted(finished: Path) -> None:
    found = read(finished)
    everything = [row for batch in read_corpus(open_corpus(str(finished))) for row in batch.to_pylist()]
    assert found.complete
    assert found.rows == len(everything) == 42
    assert found.numbers["n_chars"].tolist() == [row["n_chars"] for row in everything]
    assert len(found.numbers["function_share"]) == 42
    assert sum(found.hosts.values()) == 42
    assert found.hosts["site1.example"] == sum(row["host"] == "site1.example" for row in everything)
    assert found.years == {2020: 28}
    assert found.without_year == 14
    assert found.fetched == ("2020-09-13", "2020-10-24")
    assert found.opt_out == {"noai": 1}


def test_documents_are_drawn_by_key_and_found_again_in_their_place(finished: Path) -> None:
    found = read(finished)
    everything = [row for batch in read_corpus(open_corpus(str(finished))) for row in batch.to_pylist()]
    smallest = sorted(everything, key=lambda row: row["doc_key"])[:SHOWN]
    assert [one.place.key for one in found.drawn] == [row["doc_key"] for row in smallest]
    assert [one.excerpt for one in found.drawn] == [row["text"][:EXCERPT] for row in smallest]
    manifest = open_corpus(str(finished))
    for one in found.drawn:
        entry = next(shard for shard in manifest.shards() if shard["path"] == one.shard_path)
        held = [row["doc_key"] for batch in open_dataset(str(finished)).batches(entry) for row in batch.to_pylist()]
        assert held[one.place.row] == one.place.key


def test_the_biggest_clusters_come_first_and_single_documents_are_none(finished: Path) -> None:
    largest = read(finished).largest
    assert [one.cluster_size for one in largest] == [40, 2, 2, 2, 2, 2]
    assert [one.place.key for one in largest[1:]] == sorted(one.place.key for one in largest[1:])


def test_a_sample_takes_whole_shards_the_same_ones_every_time(finished: Path) -> None:
    found = read(finished, max_shards=2)
    assert (found.shards, found.of_shards) == (2, 3)
    assert not found.complete
    assert found.rows == 20 + 16
    assert read(finished, max_shards=2).drawn == found.drawn


def test_few_rows_are_read_of_large_shards(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 15)
    assert read(finished).shards == 1


def test_names_of_hosts_do_not_fill_the_memory(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_HOSTS", 10)
    output = write(lambda number, row: row | {"host": "often.example" if number % 2 else f"once{number}.example"})
    found = read(output)
    assert found.hosts_let_go
    assert len(found.hosts) <= 10
    assert found.hosts["often.example"] == 21
