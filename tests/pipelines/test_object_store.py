"""From s3:// to s3:// on a server on loopback: the bytes of a local build, also where one call in twenty fails."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.shards.manifest import read_manifest
from corpus.shards.reader import open_corpus, read_corpus
from corpus.shards.selection import Selection
from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.build import Build
from pipelines.clean import clean
from pipelines.commands.extract import extract_command
from pipelines.commands.inspect import trace_command
from pipelines.engines.interface import Engine

pytest.importorskip("s3fs", reason="s3fs is not installed")
pytest.importorskip("moto.server", reason="moto's server is not installed")
pytestmark = pytest.mark.slow
BUCKET = "wudao-test"


class Flaky:
    """WSGI middleware that disturbs a share of the requests: busy, broken, or cut off in the middle of the body."""

    def __init__(self, application: Any) -> None:
        self.application = application
        self.share = 0.0
        self.rng = random.Random(5)
        self.disturbed = {"503 Slow Down": 0, "500 Internal Server Error": 0, "cut": 0}
        self.requests = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.requests += 1
        if self.rng.random() >= self.share:
            return self.application(environ, start_response)
        kind = self.rng.choice(list(self.disturbed))
        self.disturbed[kind] += 1
        if kind != "cut":
            start_response(kind, [("Content-Type", "application/xml"), ("Content-Length", "0")])
            return [b""]
        body = b"".join(self.application(environ, start_response))
        return [body[: len(body) // 2]]  # the server closes the connection after every answer


@pytest.fixture(scope="module")
def storage() -> Iterator[Flaky]:
    """An S3 server with an empty bucket; this process and its children find it in the environment."""
    import fsspec
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    class Handler(MotoRequestHandler):
        protocol_version = "HTTP/1.1"  # in 1.0 "Expect: 100-continue" is not answered, and every upload waits for it

        def log(self, *_: object) -> None:
            """No line per request."""

    flaky = Flaky(DomainDispatcherApplication(create_backend_app))
    listener = make_server("127.0.0.1", 0, flaky, threaded=True, request_handler=Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.server_port}")
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir(BUCKET)
        yield flaky
        fsspec.get_filesystem_class("s3").clear_instance_cache()
    listener.shutdown()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, written_input: Path) -> Path:
    """A smaller input: documents with copies, a page, a file of a kind that is not read."""
    folder = tmp_path_factory.mktemp("source")
    lines = (written_input / "b_documents.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "documents.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "pages").mkdir()
    for name in ("p0.html", "p1.html"):
        (folder / "pages" / name).write_bytes((written_input / "d_pages" / name).read_bytes())
    (folder / "old.arc").write_bytes((written_input / "f_archive.arc").read_bytes())
    return folder


@pytest.fixture(scope="module")
def configured(source: Path, storage: Flaky, configured: Callable[..., BuildConfig]) -> Callable[[str], BuildConfig]:
    """Return a function from an output to its configuration; the input of a remote one is remote too."""
    bucket = Store(f"s3://{BUCKET}/in")
    for path in sorted(source.rglob("*")):
        if path.is_file():
            bucket.write_atomic(path.relative_to(source).as_posix(), path.read_bytes())

    def configure(output: str) -> BuildConfig:
        return configured(output, input={"paths": [bucket.root if "://" in output else str(source)]})

    return configure


Built = tuple[dict[str, Any], list[bytes]]


def build(config: BuildConfig, engine: Engine) -> Built:
    """Run a build; return its summary and the bytes of all its shards."""
    Build(config, engine, Console(file=StringIO())).run()
    output = Store(config.output)
    shards = []
    for dataset in ("corpus", "tokens"):
        manifest = read_manifest(output.sub(dataset))
        shards += [manifest.store.read_bytes(shard["path"]) for shard in manifest.shards()]
    return orjson.loads(output.read_bytes("build.json")), shards


@pytest.fixture(scope="module")
def local(configured: Callable[[str], BuildConfig], engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(configured(str(tmp_path_factory.mktemp("local"))), engine)


@pytest.fixture(scope="module")
def remote(configured: Callable[[str], BuildConfig], engine: Engine, local: Built) -> tuple[str, Built]:
    output = f"s3://{BUCKET}/out"
    return output, build(configured(output), engine)


def same(one: Built, other: Built) -> bool:
    names = ("root_hash", "tokens_root_hash", "funnel")
    return all(one[0][name] == other[0][name] for name in names) and one[1] == other[1]


def test_a_remote_build_has_the_bytes_of_a_local_one(local: Built, remote: tuple[str, Built]) -> None:
    output, built = remote
    assert built[0]["funnel"]["published"] > 20
    assert same(built, local)
    assert verify(Store(output)).problems == []


def test_a_rerun_does_nothing_and_clean_leaves_what_is_named(
    remote: tuple[str, Built], configured: Callable[[str], BuildConfig], engine: Engine
) -> None:
    output = Store(remote[0])
    output.write_atomic("work/documents/attempt-of-nobody.arrow", b"half")
    before = set(output.names())
    assert clean(output).files >= 1
    assert not output.exists("work/documents/attempt-of-nobody.arrow")
    assert clean(output).files == 0
    printed = StringIO()
    Build(configured(output.root), engine, Console(file=printed, width=200)).run()
    for name in ("ingest", "publish", "tokenizer", "tokenise"):
        assert f"{name}: 0 splits to run" in printed.getvalue()
    assert set(output.names()) <= before
    assert verify(output).problems == []


def test_subsets_and_traces_of_a_remote_corpus(remote: tuple[str, Built], capsys: pytest.CaptureFixture[str]) -> None:
    output = remote[0]
    first = next(read_corpus(open_corpus(output))).slice(0, 1).to_pylist()[0]
    trace_command(output, "0", 0)
    assert first["doc_key"].hex() in capsys.readouterr().out
    subset = f"s3://{BUCKET}/subset"
    chosen = Selection(where="n_chars > 10")
    extract_command(output, subset, chosen, False, None, 1, None, [])
    assert verify(Store(subset)).problems == []
    view = f"s3://{BUCKET}/view"
    extract_command(output, view, chosen, True, None, 1, None, [])
    assert open_corpus(view).root_hash == open_corpus(subset).root_hash
    assert open_corpus(subset).root["totals"]["rows"] == open_corpus(output).root["totals"]["rows"]


def test_one_call_in_twenty_fails(
    storage: Flaky, local: Built, configured: Callable[[str], BuildConfig], engine: Engine
) -> None:
    output = f"s3://{BUCKET}/disturbed"
    storage.share = 0.05
    try:
        built = build(configured(output), engine)
        problems = verify(Store(output)).problems
    finally:
        storage.share = 0.0
    assert same(built, local)
    assert problems == []
    assert all(storage.disturbed.values()), storage.disturbed
    assert verify(Store(output)).problems == []


def test_a_tokenizer_from_elsewhere_goes_beside_a_remote_corpus(
    remote: tuple[str, Built], configured: Callable[[str], BuildConfig], engine: Engine, tmp_path: Path
) -> None:
    output = Store(remote[0])
    told = read_manifest(output.sub("tokens")).root["tokenizer"]
    artifact = output.sub("tokens", told["path"])
    for name in artifact.names():
        Store(tmp_path).write_atomic(name, artifact.read_bytes(name))
    config = configured(f"s3://{BUCKET}/given").model_copy(update={"tokenizer_path": str(tmp_path)})
    summary, _ = build(config, engine)
    tokens = read_manifest(Store(config.output).sub("tokens"))
    assert summary["tokens_root_hash"] == remote[1][0]["tokens_root_hash"]
    assert json.loads(tokens.store.sub(tokens.root["tokenizer"]["path"]).read_bytes("meta.json"))["kind"] == "bpe"
