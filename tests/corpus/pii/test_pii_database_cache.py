"""Compiled databases on disk: the same matches from the file, and no belief in a file that is not whole or not ours."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from corpus.pii import database_cache
from corpus.pii.prefilter import HyperscanPrefilter, _hyperscan_database

pytest.importorskip("hyperscan")

EXPRESSIONS = ["编号[0-9]{4}", "甲[乙丙]丁"]
TEXT = "编号2048，甲丙丁；甲丁，编号77。"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "cache" / "hyperscan"
    monkeypatch.setattr(database_cache, "cache_folders", lambda: iter([place]))
    return place


def hits(expressions: list[str] = EXPRESSIONS) -> list[tuple[int, int, int]]:
    _hyperscan_database.cache_clear()  # of this process; the files stay
    data = np.frombuffer((TEXT + "\n").encode(), dtype=np.uint8)
    found = HyperscanPrefilter(expressions).hits(data, np.array([0, len(data)]))
    return list(zip(*(column.tolist() for column in found), strict=True))


def test_the_file_gives_the_same_matches_and_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = hits()
    assert {expression for _, expression, _ in made} == {0, 1}
    (path,) = folder.iterdir()
    original = database_cache._compile

    def only_the_probe(expressions: list[bytes], flags: int) -> object:
        assert len(expressions) == 1, "compiled although the file is there"
        return original(expressions, flags)

    monkeypatch.setattr(database_cache, "_compile", only_the_probe)
    assert hits() == made
    assert list(folder.iterdir()) == [path]


def test_other_expressions_are_other_files(folder: Path) -> None:
    hits()
    hits(["编号[0-9]{5}", "甲[乙丙]丁"])
    hits(["编号[0-9]{4}甲", "[乙丙]丁"])  # the same characters, divided otherwise
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign", "sealed rubbish"])
def test_a_file_that_is_not_whole_is_made_anew(folder: Path, damage: str) -> None:
    made = hits()
    (path,) = folder.iterdir()
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[:-100])
    elif damage == "flipped":
        path.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "foreign":
        path.write_bytes(b"#!/bin/sh\n" * 1000)
    else:
        database_cache.write_private(path, b"not a database" * 100)  # hyperscan itself refuses it
    assert hits() == made
    assert path.read_bytes() == content


def test_a_file_that_others_may_write_is_not_read(folder: Path) -> None:
    hits()
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o077 == 0
    assert database_cache.read_private(path) is not None
    path.chmod(0o666)
    assert database_cache.read_private(path) is None


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    hits()
    (path,) = folder.iterdir()
    elsewhere = tmp_path / "elsewhere"
    os.rename(path, elsewhere)
    path.symlink_to(elsewhere)
    assert database_cache.read_private(path) is None
    assert database_cache.read_private(elsewhere) is not None


def test_a_folder_that_others_may_write_is_not_used(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    made = hits()
    assert made
    assert list(folder.iterdir()) == []


def test_without_any_folder_it_is_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(database_cache, "cache_folders", lambda: iter([tmp_path / "file" / "hyperscan"]))
    assert hits()


def test_only_the_newest_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_cache, "MOST_FILES", 2)
    for number in range(4):
        hits([f"编号{number}[0-9]", "甲[乙丙]丁"])
    assert len(list(folder.iterdir())) == 2
