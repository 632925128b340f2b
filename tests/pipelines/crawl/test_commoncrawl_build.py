"""A build whose source is Common Crawl: the miniature selected, fetched and ingested in one go."""

from __future__ import annotations

import io
from pathlib import Path

import orjson
import pytest
from commoncrawl_builds import Configure, Mini, RecordingEngine, build, documents, settings, shards
from miniature_common_crawl import CRAWL, chinese
from rich.console import Console

from corpus.config.load import load_config
from corpus.errors import BuildError, ConfigError
from corpus.shards.manifest import read_manifest
from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.commands.inspect import trace_command
from pipelines.crawl.commoncrawl import CommonCrawl
from pipelines.crawl.configuration import load_crawl_config
from pipelines.inputs import dry_run

EXAMPLE = Path(__file__).parents[3] / "examples" / "common_crawl.yaml"


def test_a_build_from_common_crawl_is_the_build_over_what_the_command_fetches(
    mini: Mini, configure: Configure, tmp_path: Path
) -> None:
    server, rows = mini
    inside = configure("inside", settings(server))
    summary = build(inside)
    wanted = chinese(rows)
    asked = sorted(server.ranges())
    assert asked == sorted(
        (row["warc_filename"], row["warc_record_offset"], row["warc_record_length"]) for row in wanted
    )  # gap_bytes 0: a range a record where no two stand side by side, and none asked for twice

    engine = RecordingEngine(inside)
    CommonCrawl(inside.input.commoncrawl, str(tmp_path / "cc"), engine, Console(quiet=True)).run()
    after = configure("two-step", None, input={"paths": [str(tmp_path / "cc" / "warc")]})
    assert build(after)["root_hash"] == summary["root_hash"]
    assert shards(after) == shards(inside)
    roots = [read_manifest(Store(config.output).sub("corpus")).root for config in (inside, after)]
    assert roots[0]["config_hash"] == roots[1]["config_hash"]
    assert roots[0]["input_hash"] == roots[1]["input_hash"]
    assert verify(Store(inside.output)).problems == []
    assert summary["funnel"]["read"] == len(wanted)


def test_documents_say_where_they_lie_in_common_crawl(
    mini: Mini, configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server, rows = mini
    config = configure("out", settings(server))
    build(config)
    places = {row["url"]: row for row in chinese(rows)}
    found = documents(config)
    assert found
    for row in found:
        source = places[row["url"]]
        assert (row["path"], row["offset"]) == (source["warc_filename"], source["warc_record_offset"])
        assert row["path"].startswith(f"crawl-data/{CRAWL}/")
    two_step = configure("two-step", None, input={"paths": [f"{config.output}/crawl/warc"]})
    build(two_step)
    for output in (config.output, two_step.output):
        capsys.readouterr()
        trace_command(output, "0", 0)
        told = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
        source = places[told["url"]]
        assert told["path"] == source["warc_filename"]
        assert told["offset"] == str(source["warc_record_offset"])
        assert told["crawl"] == CRAWL
        assert told["length"] == str(source["warc_record_length"])
        warc, _, offset = told["fetched"].removeprefix("to ").strip().partition("@")
        assert source["url"].encode() in _member(Path(warc).read_bytes()[int(offset) :])


def _member(data: bytes) -> bytes:
    import zlib

    return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data)


def test_the_dry_run_says_what_a_build_fetches_and_the_build_selects_nothing_again(
    mini: Mini, configure: Configure
) -> None:
    server, rows = mini
    config = configure("out", settings(server))
    printed = io.StringIO()
    dry_run(config, Store(config.output), RecordingEngine(config), Console(file=printed, width=200))
    told = printed.getvalue()
    wanted = chinese(rows)
    assert f"records  {len(wanted)} in " in told
    size = sum(row["warc_record_length"] for row in wanted) / 1e6
    assert f"requests  {len(wanted)} in " in told
    assert f"{size:,.1f} MB" in told
    assert "0.00 USD" in told
    assert server.ranges() == []
    assert not (Path(config.output) / "corpus").exists()
    engine = RecordingEngine(config)
    build(config, engine)
    assert "select" not in {name for name, _ in engine.handed}


def test_corrupt_ranges_are_quarantined_and_the_build_goes_on(mini: Mini, configure: Configure) -> None:
    server, rows = mini
    broken = chinese(rows)[2]
    data = bytearray(server.files[broken["warc_filename"]])
    data[broken["warc_record_offset"] + 60] ^= 0xFF
    server.files[broken["warc_filename"]] = bytes(data)
    config = configure("out", settings(server))
    assert build(config)["funnel"]["read"] == len(chinese(rows)) - 1
    summary = orjson.loads((Path(config.output) / "crawl" / "commoncrawl.json").read_bytes())
    assert summary["quarantined"] == {"corrupt_gzip": 1}
    assert broken["url"] not in {row["url"] for row in documents(config)}


def test_a_selection_of_nothing_and_two_sources_are_one_sentence(
    mini: Mini, configure: Configure, tmp_path: Path
) -> None:
    server, _ = mini
    with pytest.raises(BuildError, match=r"of 0 records selected none is there; .* input\.commoncrawl"):
        build(configure("out", settings(server, hosts=["nobody.example"])))
    with pytest.raises(ConfigError, match="names nothing"):
        build(configure("out", {}))
    for tree, sentence in (
        ("source: commoncrawl, paths: [x.warc.gz]", "source commoncrawl reads no paths"),
        ("commoncrawl: {crawls: [CC-MAIN-2025-8]}", "'CC-MAIN-2025-8' is no name of a crawl"),
        ("commoncrawl: {crawl: [CC-MAIN-2025-08]}", "did you mean 'crawls'"),
    ):
        path = tmp_path / "bad.yaml"
        path.write_text(f"input: {{{tree}}}\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=sentence):
            load_config(path)


def test_the_command_reads_the_configuration_of_a_build(tmp_path: Path) -> None:
    path = tmp_path / "corpus.yaml"
    path.write_text("input: {commoncrawl: {crawls: [CC-MAIN-2025-08], gap_bytes: 5}}\nquality: {profile: web}\n")
    assert load_crawl_config(path, []).commoncrawl.gap_bytes == 5
    assert load_crawl_config(path, ["commoncrawl.gap_bytes=7"]).commoncrawl.crawls == ["CC-MAIN-2025-08"]
    assert load_config(EXAMPLE).input.source == "commoncrawl"
