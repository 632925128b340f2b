"""The growing WARC file: whatever a crash leaves behind, the next attempt goes on from whole pages."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from corpus.errors import BuildError, ConfigError
from corpus.storage import Store
from pipelines.crawl.configuration import load_crawl_config, read_seeds
from pipelines.crawl.exchange import Exchange
from pipelines.crawl.part import Part

EXCHANGE = Exchange(
    "http://a.example/", b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", "内容".encode(), 200, "192.0.2.1", 0.1
)


def written(folder: Path, pages: int) -> list[int]:
    with Part(folder, "m").opened() as part:
        ends = []
        for number in range(pages):
            part.response(EXCHANGE, 1e9, [])
            part.note({"type": "row", "page": number})
            ends.append(part.size)
    return ends


def test_an_interrupted_part_is_recovered_to_the_last_noted_page(tmp_path: Path) -> None:
    ends = written(tmp_path, 3)
    warc, journal = tmp_path / "m.warc.gz.part", tmp_path / "m.journal"
    warc.write_bytes(warc.read_bytes() + b"\x1f\x8btorn")
    journal.write_bytes(journal.read_bytes() + b'{"type": "ro')
    with Part(tmp_path, "m").opened() as part:
        assert [line["page"] for line in part.lines] == [0, 1, 2]
        assert part.size == ends[-1]
        part.note({"type": "row", "page": 3})
    with Part(tmp_path, "m").opened() as part:
        assert len(part.lines) == 4
    assert gzip.decompress(warc.read_bytes()).count(b"WARC-Type: response") == 3


def test_a_journal_that_promises_more_than_there_is_counts_for_nothing(tmp_path: Path) -> None:
    ends = written(tmp_path, 2)
    with (tmp_path / "m.warc.gz.part").open("r+b") as stream:
        stream.truncate(ends[0] + 5)
    with Part(tmp_path, "m").opened() as part:
        assert part.lines == []
        assert part.size == 0


@pytest.mark.parametrize("when", ["before the move", "after the move"])
def test_a_finished_part_is_finished_once_more(tmp_path: Path, when: str) -> None:
    store = Store(str(tmp_path / "out"))
    written(tmp_path, 1)
    with Part(tmp_path, "m").opened() as part:
        if when == "before the move":
            part.note({"type": "finished"})
        else:
            part.finish(store, "warc/x.warc.gz")
    with Part(tmp_path, "m").opened() as part:
        assert part.finished
        size = part.finish(store, "warc/x.warc.gz")
    assert size == store.size("warc/x.warc.gz") > 100


def test_a_remote_output_gets_a_whole_object(tmp_path: Path) -> None:
    written(tmp_path, 2)
    store = Store("memory://crawl-part")
    with Part(tmp_path, "m").opened() as part:
        part.finish(store, "warc/y.warc.gz")
    assert gzip.decompress(store.read_bytes("warc/y.warc.gz")).count(b"WARC-Type: response") == 2


def test_two_processes_do_not_share_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.crawl.part._LOCK_SECONDS", 0.2)
    with Part(tmp_path, "m").opened(), pytest.raises(BuildError, match="another crawl"), Part(tmp_path, "m").opened():
        pass


def test_reservations_of_the_site_stand_in_the_record_header(tmp_path: Path) -> None:
    with Part(tmp_path, "m").opened() as part:
        part.response(EXCHANGE, 1e9, ["ai.txt", "tdm-reservation"])
        part.note({})
    block = gzip.decompress((tmp_path / "m.warc.gz.part").read_bytes())
    assert b"\r\nWUDAO-Opt-Out: ai.txt, tdm-reservation\r\n" in block
    assert b"HTTP/1.1 200 OK\r\n\r\n\xe5\x86\x85" in block


def test_configuration(tmp_path: Path) -> None:
    path = tmp_path / "crawl.yaml"
    path.write_text("crawl:\n  contact: a@b.example\n  min_delay: 3\n")
    config = load_crawl_config(path, ["crawl.max_depth=2", "run.workers=1"], crawl={"min_delay": 5, "max_pages": None})
    assert (config.crawl.contact, config.crawl.min_delay, config.crawl.max_depth) == ("a@b.example", 5, 2)
    assert config.crawl.user_agent == "wudaobot/1.0 (a@b.example)"
    assert config.run.workers == 1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("crawl.contact=nobody", "crawl.contact is"),
        ("crawl.product=two words", "crawl.product is"),
        ("crawl.nonsense=1", "crawl.nonsense is"),
        ("crawl", "section.key=value"),
        ("crawl.robots_max_bytes=5", "robots_max_bytes"),
    ],
)
def test_wrong_configuration_is_one_sentence(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_crawl_config(None, [override])


def test_seeds_from_files_and_arguments(tmp_path: Path) -> None:
    path = tmp_path / "seeds.txt"
    path.write_text("\ufeffhttp://a.example/\n\n# 注释\nb.example\n", encoding="utf-8")
    assert read_seeds([str(path), "https://c.example/x"]) == ["http://a.example/", "b.example", "https://c.example/x"]
    with pytest.raises(ConfigError):
        read_seeds([str(tmp_path / "absent")])
