"""A build whose source is Common Crawl: the miniature selected, fetched and ingested in one go."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from miniature_common_crawl import CRAWL, RangeServer, chinese, served
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.config.load import load_config
from corpus.errors import BuildError, ConfigError
from corpus.shards.manifest import read_manifest
from corpus.shards.reader import open_corpus, read_corpus
from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.build import Build
from pipelines.clean import clean
from pipelines.commands.inspect import trace_command
from pipelines.crawl.commoncrawl import CommonCrawl
from pipelines.crawl.configuration import load_crawl_config
from pipelines.engines.local import LocalEngine
from pipelines.inputs import dry_run
from pipelines.passes.task import Isolation, run_and_commit

EXAMPLE = Path(__file__).parents[3] / "examples" / "common_crawl.yaml"

Rows = list[dict[str, Any]]
Mini = tuple[RangeServer, Rows]
Configure = Callable[..., BuildConfig]


class RecordingEngine(LocalEngine):
    """Runs tasks in this process, writes down what it is handed, and dies in front of a task when its lives are used up."""

    def __init__(self, config: BuildConfig, lives: int | None = None) -> None:
        super().__init__(config.run)
        self.lives = lives
        self.handed: list[tuple[str, str]] = []

    def run(self, task: Any, work: Any, items: Any, on_report: Any, on_progress: Any) -> None:
        for item in items:
            if self.lives is not None and len(self.handed) >= self.lives:
                raise KeyboardInterrupt
            self.handed.append((task.name, item.fingerprint))
            on_report(item, run_and_commit(task, work, item, Isolation(), lambda progress: None))


@pytest.fixture
def mini() -> Iterator[Mini]:
    with served() as (server, rows):
        yield server, rows


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    def make(output: str, commoncrawl: dict[str, Any] | None, **sections: Any) -> BuildConfig:
        source = {"source": "commoncrawl", "commoncrawl": commoncrawl} if commoncrawl is not None else {}
        tree = {
            "input": source | sections.pop("input", {}),
            "output": output if "://" in output else str(tmp_path / output),
            "publish": {"shard_bytes": 1 << 16, "valid_share": 0.2},
            "scrub": {"enabled": False},
            "tokenise": False,
            "run": {"workers": 1},
        }
        return BuildConfig.model_validate(tree | sections)

    return make


def settings(server: RangeServer, **changes: Any) -> dict[str, Any]:
    small = {"gap_bytes": 0, "task_bytes": 6000, "connections": 1}
    return {"crawls": [CRAWL], "data": server.url} | small | changes


def build(config: BuildConfig, engine: RecordingEngine | None = None) -> dict[str, Any]:
    Build(config, engine or RecordingEngine(config), Console(quiet=True)).run()
    summary: dict[str, Any] = orjson.loads((Path(config.output) / "build.json").read_bytes())
    return summary


def shards(config: BuildConfig) -> list[bytes]:
    manifest = open_corpus(config.output)
    return [manifest.store.read_bytes(shard["path"]) for shard in manifest.shards()]


def documents(config: BuildConfig) -> Rows:
    return [row for batch in read_corpus(open_corpus(config.output)) for row in batch.to_pylist()]


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


def test_a_build_that_dies_after_every_task_hands_none_to_the_engine_twice(mini: Mini, configure: Configure) -> None:
    server, _ = mini
    reference = build(configure("reference", settings(server)))
    count = len(server.ranges())
    server.sent.clear()
    config = configure("disturbed", settings(server))
    handed: list[tuple[str, str]] = []
    for _ in range(100):
        engine = RecordingEngine(config, lives=1)
        try:
            summary = build(config, engine)
        except KeyboardInterrupt:
            continue
        finally:
            handed += engine.handed
        break
    assert len(handed) == len(set(handed))
    assert {"select", "ranges", "ingest", "publish"} <= {name for name, _ in handed}
    assert len(server.ranges()) == count
    assert summary["root_hash"] == reference["root_hash"]
    finished = RecordingEngine(config)
    assert build(config, finished)["root_hash"] == reference["root_hash"]
    assert finished.handed == []
    assert len(server.ranges()) == count


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


def test_a_changed_selection_reads_its_own_records_and_fetches_only_what_is_new(
    mini: Mini, configure: Configure
) -> None:
    server, rows = mini
    build(configure("out", settings(server, url_pattern="/f0/")))
    first = set(server.ranges())
    narrow = configure("out", settings(server, url_pattern="/f1/"))
    build(narrow)
    assert {row["path"] for row in documents(narrow)} == {
        row["warc_filename"] for row in chinese(rows) if "/f1/" in row["url"]
    }
    before = len(server.ranges())
    build(configure("out", settings(server, url_pattern="/f0/")))
    assert len(server.ranges()) == before
    assert first <= set(server.ranges())


def test_clean_keeps_what_the_build_stands_on_and_empties_what_holds_text(
    mini: Mini, configure: Configure, tmp_path: Path
) -> None:
    server, _ = mini
    build(configure("out", settings(server, url_pattern="/f0/")))
    config = configure("out", settings(server, url_pattern="/f1/"))
    root = build(config)["root_hash"]
    crawl = Path(config.output) / "crawl"
    assert crawl.stat().st_mode & 0o077 == 0
    summary = orjson.loads((crawl / "commoncrawl.json").read_bytes())
    named = {one["path"] for one in summary["warcs"]}
    assert {f"warc/{path.name}" for path in crawl.glob("warc/*")} > named
    clean(Store(config.output))
    assert {f"warc/{path.name}" for path in crawl.glob("warc/*")} == named
    asked = len(server.ranges())
    assert build(config)["root_hash"] == root
    assert len(server.ranges()) == asked
    clean(Store(config.output), intermediates=True)
    assert list(crawl.glob("warc/*")) == []
    assert build(config)["root_hash"] == root
    assert len(server.ranges()) > asked


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


@pytest.mark.slow
def test_a_build_killed_at_any_moment_ends_with_the_same_root(mini: Mini, configure: Configure, tmp_path: Path) -> None:
    """``kill -9`` of the whole process group while the index is read, ranges are fetched, documents are built."""
    server, _ = mini
    reference = build(configure("reference", settings(server)))
    asked = sorted(server.ranges())
    config = configure("killed", settings(server), run={"workers": 2})
    path = tmp_path / "killed.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")), encoding="utf-8")
    command = [sys.executable, "-m", "pipelines.cli", "build", "-c", str(path)]
    server.sent.clear()
    rng = random.Random(11)
    strikes = 0
    for goal in (1, 4, 9, len(asked)):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while process.poll() is None and len(set(server.ranges())) < goal:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.05))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            strikes += 1
        process.wait()
    assert strikes >= 2
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert orjson.loads((Path(config.output) / "build.json").read_bytes())["root_hash"] == reference["root_hash"]
    assert sorted(set(server.ranges())) == asked
    in_flight = 2 * config.input.commoncrawl.connections  # of two workers, at each strike
    assert len(server.ranges()) <= len(asked) + strikes * in_flight


def test_a_local_copy_gives_the_same_bytes(mini: Mini, configure: Configure, tmp_path: Path) -> None:
    server, _ = mini
    for name, data in server.files.items():
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / name).write_bytes(data)
    here = configure("here", settings(server))
    there = configure("there", settings(server, data=str(tmp_path / "copy"), connections=3))
    assert build(here)["root_hash"] == build(there)["root_hash"]
    assert shards(here) == shards(there)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The file system of an S3 server on loopback, with a bucket for Common Crawl and one for outputs."""
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    pytest.importorskip("moto.server", reason="moto's server is not installed")
    import fsspec
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    class Handler(MotoRequestHandler):
        protocol_version = "HTTP/1.1"  # in 1.0 "Expect: 100-continue" is not answered, and every upload waits for it

        def log(self, *_: object) -> None:
            """No line per request."""

    listener = make_server(
        "127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True, request_handler=Handler
    )
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.server_port}")
    fsspec.get_filesystem_class("s3").clear_instance_cache()  # they hold the endpoint of other tests
    system = fsspec.filesystem("s3", skip_instance_cache=True)
    for bucket in ("commoncrawl", "outputs"):
        system.mkdir(bucket)
    yield system
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    listener.shutdown()
    listener.server_close()


@pytest.mark.slow
def test_from_s3_to_s3_it_is_the_same_corpus(mini: Mini, configure: Configure, s3: Any) -> None:
    server, rows = mini
    here = configure("here", settings(server))
    build(here)
    for name, data in server.files.items():
        s3.pipe_file(f"commoncrawl/{name}", data)
    asked = settings(server, data="s3://commoncrawl")
    outputs = [configure(f"s3://outputs/{name}", asked) for name in ("one", "two")]
    for config in outputs:
        Build(config, RecordingEngine(config), Console(quiet=True)).run()
    assert shards(outputs[0]) == shards(here)
    one, two = (read_manifest(Store(config.output).sub("corpus")).root_hash for config in outputs)
    assert one == two
    last = chinese(rows)[-1]
    ended = server.files[last["warc_filename"]][: last["warc_record_offset"]]
    s3.pipe_file(f"commoncrawl/{last['warc_filename']}", ended)
    cut = configure("cut", asked)
    assert build(cut)["funnel"]["read"] == len(chinese(rows)) - 1
    summary = orjson.loads((Path(cut.output) / "crawl" / "commoncrawl.json").read_bytes())
    assert summary["quarantined"] == {"beyond_the_file": 1}
