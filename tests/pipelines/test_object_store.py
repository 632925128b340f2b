"""From s3:// to s3://, on a server on loopback: the same root hash, also where one call in twenty fails."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import orjson
import pytest
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.build import Build
from pipelines.engines.registry import make_engine

pytest.importorskip("s3fs", reason="s3fs is not installed")
moto_server = pytest.importorskip("moto.server", reason="moto's server is not installed")
BUCKET = "wudao-test"


class Flaky:
    """WSGI middleware that answers a share of the requests with 503, as a busy store does."""

    def __init__(self, application: Any) -> None:
        self.application = application
        self.share = 0.0
        self.rng = random.Random(5)
        self.failed = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if self.rng.random() < self.share:
            self.failed += 1
            start_response("503 Slow Down", [("Content-Type", "application/xml"), ("Content-Length", "0")])
            return [b""]
        return self.application(environ, start_response)


class Quiet(WSGIRequestHandler):
    """No log line per request."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Threaded(WSGIServer):
    """One thread per connection."""

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handle a request in a thread of its own."""
        threading.Thread(target=self._answer, args=(request, client_address), daemon=True).start()

    def _answer(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flaky]:
    """An S3 server on loopback with an empty bucket; the environment points to it."""
    import fsspec
    from moto.server import DomainDispatcherApplication, create_backend_app

    flaky = Flaky(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, flaky, server_class=Threaded, handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
    }.items():
        monkeypatch.setenv(name, value)
    fsspec.config.conf.pop("s3", None)
    filesystem = fsspec.filesystem("s3", skip_instance_cache=True)
    filesystem.mkdir(BUCKET)
    yield flaky
    server.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.05])
def test_a_build_on_an_object_store_gives_the_same_hash(
    store: Flaky, share: float, written_input: Path, make_config: Callable[..., BuildConfig], tmp_path: Path
) -> None:
    import fsspec

    local = run(make_config(written_input, tmp_path / "local", run={"workers": 1}))
    filesystem = fsspec.filesystem("s3", skip_instance_cache=True)
    filesystem.put(str(written_input) + "/", f"{BUCKET}/in/", recursive=True)
    config = make_config(written_input, tmp_path / "none", run={"workers": 1}, input={"paths": [f"s3://{BUCKET}/in"]})
    config = config.model_copy(update={"output": f"s3://{BUCKET}/out"})
    store.share = share
    remote = run(config)
    store.share = 0.0
    assert remote == local
    assert (store.failed > 0) == (share > 0)
    assert verify(Store(config.output)).problems == []


def run(config: BuildConfig) -> str:
    """Run a build and return its root hash."""
    engine = make_engine(config.run)
    try:
        Build(config, engine, Console(file=StringIO())).run()
    finally:
        engine.close()
    return str(orjson.loads(Store(config.output).read_bytes("build.json"))["root_hash"])
