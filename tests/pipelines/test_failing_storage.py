"""Full disks, read-only outputs, inputs that vanish: one sentence each, nothing half-written is read, a rerun goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import fsspec
import orjson
import pytest
import yaml
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.errors import BuildError, WudaoError, io_sentence
from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.build import Build
from pipelines.clean import clean
from pipelines.engines.interface import Engine, OnProgress, OnReport
from pipelines.passes.task import Item, Task

PLUGINS = Path(__file__).parent / "storage_plugins"
UNLIMITED = 1 << 40


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make ``limited://`` known as an installed package would, so that worker processes know it too."""
    described = tmp_path_factory.mktemp("site") / "limited_files-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: limited-files\nVersion: 1.0\n", encoding="utf-8")
    (described / "entry_points.txt").write_text(
        "[fsspec.specs]\nlimited = limited_files:LimitedFiles\n", encoding="utf-8"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PLUGINS))
        patch.syspath_prepend(str(described.parent))
        fsspec.register_implementation("limited", "limited_files.LimitedFiles", clobber=True)
        yield


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, written_input: Path) -> Path:
    folder = tmp_path_factory.mktemp("source")
    lines = (written_input / "b_documents.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "a.jsonl").write_text("\n".join(lines[:12]), encoding="utf-8")
    (folder / "b.jsonl").write_text("\n".join(lines[12:20] + lines[:2]), encoding="utf-8")
    (folder / "page.html").write_bytes((written_input / "d_pages" / "p0.html").read_bytes())
    return folder


Hashes = tuple[str, str]


def build(config: BuildConfig, engine: Engine) -> Hashes:
    Build(config, engine, Console(file=StringIO())).run()
    summary = orjson.loads(Store(config.output).read_bytes("build.json"))
    return summary["root_hash"], summary["tokens_root_hash"]


def refusal(config: BuildConfig, engine: Engine) -> str:
    """Run a build that must fail and return the sentence that the command prints."""
    with pytest.raises((WudaoError, OSError)) as caught:
        build(config, engine)
    error = caught.value
    told = io_sentence(error) if isinstance(error, OSError) else str(error)
    assert "\n" not in told
    return told


@pytest.fixture(scope="module")
def undisturbed(
    configured: Callable[..., BuildConfig], engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Hashes, int]:
    """The hashes of a build that nothing disturbs, and the bytes that it leaves."""
    output = tmp_path_factory.mktemp("undisturbed")
    hashes = build(configured(str(output)), engine)
    return hashes, sum(Store(output).sizes().values())


class Limited:
    """An output on ``limited://`` and its rules."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = f"limited://{folder}/out"
        self.set()

    def set(self, size: int = UNLIMITED, *, read_only: bool = False) -> None:
        (self.folder / ".rules.json").write_text(json.dumps({"bytes": size, "read_only": read_only}), encoding="utf-8")


@pytest.fixture
def limited(tmp_path: Path, storage: None) -> Limited:
    return Limited(tmp_path)


def test_a_disk_that_runs_full_again_and_again(
    limited: Limited, configured: Callable[..., BuildConfig], engine: Engine, undisturbed: tuple[Hashes, int]
) -> None:
    hashes, size = undisturbed
    config = configured(limited.output)
    output = Store(limited.output)
    steps = 24
    failed = 0
    for step in range(steps):
        limited.set(size * step // steps)
        try:
            assert build(config, engine) == hashes
            break
        except (WudaoError, OSError):
            failed += 1
        used = sum(output.sizes().values())
        assert "no space is left; free some and run the same command again" in refusal(config, engine)
        assert sum(output.sizes().values()) <= used  # a failed attempt takes nothing from the next one
    assert failed > steps // 2
    limited.set()
    assert build(config, engine) == hashes
    assert verify(output).problems == []
    clean(output)
    assert verify(output).problems == []
    assert [name for name in output.names() if name.endswith(".tmp")] == []
    assert clean(output).files == 0


def test_a_manifest_survives_a_disk_that_is_full_when_it_changes(
    limited: Limited,
    configured: Callable[..., BuildConfig],
    engine: Engine,
    undisturbed: tuple[Hashes, int],
    source: Path,
    tmp_path: Path,
) -> None:
    config = configured(limited.output)
    assert build(config, engine) == undisturbed[0]
    output = Store(limited.output)
    more = tmp_path / "more"
    shutil.copytree(source, more)
    (more / "c.jsonl").write_text((more / "a.jsonl").read_text(encoding="utf-8").replace("集", "聚"), encoding="utf-8")
    larger = config.model_copy(update={"input": config.input.model_copy(update={"paths": [str(more)]})})
    step = 2_000
    while True:
        limited.set(sum(output.sizes().values()) + step)
        try:
            build(larger, engine)
            break
        except (WudaoError, OSError):
            assert orjson.loads(output.read_bytes("corpus/manifest.json"))["root_hash"]
            assert orjson.loads(output.read_bytes("build.json"))["root_hash"]
        step += step // 2
    assert verify(output).problems == []


def test_a_read_only_output(
    limited: Limited, configured: Callable[..., BuildConfig], engine: Engine, undisturbed: tuple[Hashes, int]
) -> None:
    limited.set(read_only=True)
    config = configured(limited.output)
    told = refusal(config, engine)
    assert "the file system is read-only; choose another output" in told
    assert limited.output in told
    limited.set()
    assert build(config, engine) == undisturbed[0]


class Meddling:
    """An engine in front of which ``meddle`` happens: after the plan, before the tasks."""

    def __init__(self, engine: Engine, meddle: Callable[[], object]) -> None:
        self.name, self.expect, self.clusters, self.close = engine.name, engine.expect, engine.clusters, engine.close
        self._engine, self._meddle = engine, meddle

    def run(self, task: Task, work: Store, items: Sequence[Item], on_report: OnReport, on_progress: OnProgress) -> None:
        self._meddle()
        self._engine.run(task, work, items, on_report, on_progress)


@pytest.mark.parametrize("place", ["local", "remote"])
def test_an_input_that_vanishes_between_planning_and_reading(
    place: str,
    limited: Limited,
    configured: Callable[..., BuildConfig],
    engine: Engine,
    undisturbed: tuple[Hashes, int],
    source: Path,
    tmp_path: Path,
) -> None:
    copy, aside = tmp_path / "in", tmp_path / "aside"
    shutil.copytree(source, copy)
    root = str(copy) if place == "local" else f"limited://{copy}"
    config = configured(str(tmp_path / "local"), input={"paths": [root]})
    told = refusal(config, Meddling(engine, lambda: (copy / "b.jsonl").rename(aside)))
    assert (
        told
        == f"{root}/b.jsonl: it is not there (any more); put it back, or name another place, and run the same command again"
    )
    assert not (tmp_path / "local" / "corpus").exists()
    aside.rename(copy / "b.jsonl")
    assert build(config, engine) == undisturbed[0]


def test_an_input_that_changes_between_planning_and_reading(
    configured: Callable[..., BuildConfig], engine: Engine, source: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "in"
    shutil.copytree(source, copy)
    config = configured(str(tmp_path / "out"), input={"paths": [str(copy)]})
    told = refusal(config, Meddling(engine, lambda: (copy / "b.jsonl").write_bytes(b"{}\n")))
    assert "b.jsonl has changed since the build was planned; start it again" in told


def test_a_build_that_cannot_fit_does_not_begin(
    configured: Callable[..., BuildConfig], engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = tmp_path / "in"
    huge.mkdir()
    with (huge / "huge.jsonl").open("wb") as stream:
        stream.write(b'{"text": "x"}\n')
        stream.truncate(8 * shutil.disk_usage(tmp_path).free)  # a hole: it takes no space
    from corpus.reading.digests import DigestCache

    monkeypatch.setattr(DigestCache, "digest", lambda *_: "0" * 32)  # hashing the hole would take hours
    config = configured(str(tmp_path / "out"), input={"paths": [str(huge)], "split_bytes": 1 << 50})
    with pytest.raises(BuildError, match=r"GB will be written and .* GB are free; choose another output"):
        build(config, engine)


def _may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not _may_mount(), reason="file systems cannot be mounted here")
def test_the_command_on_a_small_disk(
    configured: Callable[..., BuildConfig], undisturbed: tuple[Hashes, int], tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    hashes, size = undisturbed
    config: dict[str, Any] = configured(str(disk / "out"), run={"workers": 1}).model_dump(mode="json")
    (tmp_path / "corpus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = f"{sys.executable} -m pipelines.cli build -c {tmp_path}/corpus.yaml > /dev/null 2>"
    script = [
        f"mount -t tmpfs -o size={size // 8192 * 4}k none {disk}",
        f"{command} full1; echo $?",
        f"mount -o remount,size={size // 5120 * 4}k {disk}",
        f"{command} full2; echo $?",
        f"mount -o remount,size=64m,ro {disk}",
        f"{command} read-only; echo $?",
        f"mount -o remount,rw {disk}",
        f"{command} last; echo $?",
        f"cp {disk}/out/build.json {tmp_path}",
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", "\n".join(script)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    said = {name: (tmp_path / name).read_text(encoding="utf-8").strip() for name in ("full1", "full2", "read-only")}
    assert done.stdout.split() == ["1", "1", "1", "0"], said
    assert all(line.startswith("wudao: ") and "\n" not in line for line in said.values()), said
    assert "free" in said["full1"]
    assert "no space is left" in said["full2"]
    assert "the file system is read-only" in said["read-only"]
    summary = orjson.loads((tmp_path / "build.json").read_bytes())
    assert (summary["root_hash"], summary["tokens_root_hash"]) == hashes
