"""Builds from copies of Common Crawl, in a folder and on an object store: the same bytes as from the server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from commoncrawl_builds import Configure, Mini, RecordingEngine, build, settings, shards
from miniature_common_crawl import chinese
from rich.console import Console

from corpus.shards.manifest import read_manifest
from corpus.storage import Store
from pipelines.build import Build


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
