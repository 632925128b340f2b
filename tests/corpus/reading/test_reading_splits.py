from __future__ import annotations

import os
import shutil

import fsspec
import pytest
from reading_archives import http, members, page, warc_record

from corpus.config.input import InputSettings
from corpus.reading import InputError, plan_splits, read_split
from corpus.reading.digests import DigestCache


def plan(*paths, **settings):
    return plan_splits(InputSettings(paths=[str(path) for path in paths], **settings), DigestCache())


def identities(found):
    return [split.identity() for split in found.splits]


@pytest.fixture
def site(tmp_path):
    root = tmp_path / "site"
    for number in range(200):
        folder = root / f"folder{number % 7}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.html").write_bytes(page(number))
    return root


def test_moving_the_input_changes_no_identity(site, tmp_path):
    before = plan(site, bundle_bytes=20_000)
    shutil.move(site, tmp_path / "elsewhere")
    after = plan(tmp_path / "elsewhere", bundle_bytes=20_000)
    assert len(before.splits) > 3
    assert identities(after) == identities(before)
    assert before.splits[0].pieces[0].uri != after.splits[0].pieces[0].uri


def test_an_added_file_disturbs_one_bundle(site):
    before = set(identities(plan(site, bundle_bytes=20_000)))
    for number in range(5):
        (site / "folder3" / f"added{number}.html").write_bytes(page(1000 + number))
        after = set(identities(plan(site, bundle_bytes=20_000)))
        assert len(before - after) <= 1
        assert len(after - before) <= 2
        before = after


def test_content_and_format_change_identity(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("一", "utf-8")
    first = identities(plan(path))
    path.write_text("二", "utf-8")
    assert identities(plan(path)) != first
    assert identities(plan(path, format="html")) != identities(plan(path))
    assert identities(plan(path, format={"*.txt": "html"})) == identities(plan(path, format="html"))


def test_relative_paths_of_files_folders_and_globs(site, tmp_path):
    def paths(given):
        return {piece.path for split in plan(given).splits for piece in split.pieces}

    assert paths(site / "folder1" / "8.html") == {"8.html"}
    assert "folder1/8.html" in paths(site)
    assert "folder1/8.html" in paths(site / "*" / "*.html")
    assert "site/folder1/8.html" in paths(tmp_path / "**" / "*.html")


def test_colliding_paths_are_told_apart_and_a_file_named_twice_is_read_once(tmp_path):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name, "utf-8")
    pieces = [piece for split in plan(tmp_path / "x", tmp_path / "y", tmp_path / "x").splits for piece in split.pieces]
    assert sorted(piece.path for piece in pieces) == ["@2/a.txt", "a.txt"]


def test_hidden_files_job_files_and_link_loops(site, read):
    for name in ("_SUCCESS", ".hidden.html", "folder1/.8.html.crc", "a.html.tmp"):
        (site / name).write_bytes(page(1))
    (site / "folder1" / "loop").symlink_to(site, target_is_directory=True)
    assert len(read(site).records) == 200


def test_unreadable_kinds_are_one_dead_letter_each(tmp_path, read):
    (tmp_path / "good.html").write_bytes(page(1))
    (tmp_path / "old.arc.gz").write_bytes(members(b"filedesc://old.arc 0.0.0.0 2020 text/plain 76\n"))
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.7 ...")
    (tmp_path / "meta.warc.wat.gz").write_bytes(members(warc_record(b"{}", "metadata")))
    (tmp_path / "data.bin").write_bytes(bytes(range(256)))
    (tmp_path / "empty.txt").write_bytes(b"")
    found = read(tmp_path)
    assert len(found.records) == 1
    assert [letter["path"] for letter in found.refused] == [
        "data.bin",
        "empty.txt",
        "meta.warc.wat.gz",
        "old.arc.gz",
        "paper.pdf",
    ]
    assert {(letter["offset"], letter["part"], letter["reason"]) for letter in found.refused} == {
        (-1, -1, "unsupported_format")
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing", "does not exist"), ("*.nothing", "nothing matches"), ("empty", "no file"), ("pdf", "None of the 1")],
)
def test_input_errors_are_one_sentence(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "pdf").mkdir()
    (tmp_path / "pdf" / "a.pdf").write_bytes(b"%PDF-1.7")
    with pytest.raises(InputError, match=message) as caught:
        plan(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_content_decides_before_the_name(tmp_path, read):
    (tmp_path / "archive.txt.bin").write_bytes(members(warc_record(http(page(1)))))
    (tmp_path / "rows.json").write_text('[{"content": "数组"}]', "utf-8")
    (tmp_path / "rows.data").write_text('{"content": "一行"}\n', "utf-8")
    (tmp_path / "page").write_bytes(page(2))
    formats = {piece.path: piece.format for split in plan(tmp_path).splits for piece in split.pieces}
    assert formats == {"archive.txt.bin": "warc", "rows.json": "wudao", "rows.data": "jsonl", "page": "html"}
    assert len(read(tmp_path).records) == 4


def test_unchanged_files_are_not_read_again(tmp_path):
    (tmp_path / "a.txt").write_text("不变", "utf-8")
    os.utime(tmp_path / "a.txt", (1_600_000_000, 1_600_000_000))
    settings = InputSettings(paths=[str(tmp_path / "a.txt")])
    cache = DigestCache()
    first = plan_splits(settings, cache)
    cache.save(tmp_path / "digests.json")
    kept = DigestCache()
    kept.load(tmp_path / "digests.json")
    (tmp_path / "a.txt").write_text("变了", "utf-8")
    os.utime(tmp_path / "a.txt", (1_600_000_000, 1_600_000_000))
    assert identities(plan_splits(settings, kept)) == identities(first)
    os.utime(tmp_path / "a.txt", (1_600_000_001, 1_600_000_001))
    assert identities(plan_splits(settings, kept)) != identities(first)


def test_a_file_that_changed_since_planning_stops_the_read(tmp_path):
    (tmp_path / "a.txt").write_text("短", "utf-8")
    settings = InputSettings(paths=[str(tmp_path)])
    (split,) = plan_splits(settings, DigestCache()).splits
    (tmp_path / "a.txt").write_text("长了一些", "utf-8")
    with pytest.raises(InputError, match="has changed"):
        list(read_split(split, settings))


def test_remote_storage(read):
    system = fsspec.filesystem("memory")
    system.pipe("/bucket/in/a.warc.gz", members(warc_record(http(page(1)))))
    system.pipe("/bucket/in/sub/b.jsonl", '{"text": "远处的一行"}\n'.encode())
    try:
        assert {record["path"] for record in read("memory://bucket/in").records} == {"a.warc.gz", "sub/b.jsonl"}
        assert {record["path"] for record in read("memory://bucket/in/**/*.jsonl").records} == {"sub/b.jsonl"}
        assert {record["path"] for record in read("memory://bucket/in/a.warc.gz").records} == {"a.warc.gz"}
        with pytest.raises(InputError):
            read("memory://bucket/nothing")
    finally:
        system.rm("/bucket", recursive=True)
