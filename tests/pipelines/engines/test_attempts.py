"""Two attempts of one split at the same time, as Spark's speculation makes them, and attempts that end too late."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.build import Build
from pipelines.clean import clean
from pipelines.engines.committed import CommitWatcher, run_bundle
from pipelines.engines.local import LocalEngine
from pipelines.engines.supervisor import Supervisor
from pipelines.passes.reports import Report, commit, committed, report_name
from pipelines.passes.task import Announce, Isolation, Item, Progress, Task, run_and_commit

TEXT = "夜航的船在江心停了一会儿，船工们听见岸上有人唱歌，却看不清是谁。"


@dataclass(frozen=True)
class MeetingTask:
    """Writes a file in two halves; between them it waits until another attempt of the same item is as far."""

    folder: str
    name: str = "meeting"

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        store = Store(self.folder)
        announce(Progress(0, 1, 0, 0, 0))
        path = f"out/{item.fingerprint}-{attempt}"
        with store.open_write(path) as stream:
            stream.write(TEXT.encode())
            stream.flush()
            while len(list(store.names("out"))) < 2:
                announce(Progress(0, 1, 0, 0, 0))
            stream.write(TEXT.encode())
        return {"files": [{"path": path}]}


def in_threads(*calls: Callable[[], object]) -> None:
    failures: list[BaseException] = []

    def guarded(call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised in the test's own thread below
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.fixture
def supervisors() -> Iterator[list[Supervisor]]:
    both = [Supervisor(stall_seconds=60, memory_bytes=1 << 30) for _ in range(2)]
    yield both
    for one in both:
        one.close()


def test_two_attempts_at_once_write_different_files_and_either_report_is_whole(
    supervisors: list[Supervisor], tmp_path: Path
) -> None:
    task, work, item = MeetingTask(str(tmp_path)), Store(tmp_path), Item("ab", {})
    in_threads(*(lambda one=one: list(run_bundle(one, [item], task, work)) for one in supervisors))
    written = list(work.names("out"))
    assert len(written) == len(list(work.names("reports/meeting"))) == 2
    assert {work.read_bytes(name) for name in written} == {TEXT.encode() * 2}
    assert committed(work, "meeting", ["ab"])["ab"]["files"][0]["path"] in written
    # A third attempt finds the work done.
    assert list(run_bundle(supervisors[0], [item], task, work)) == [("ab", None)]
    assert list(work.names("out")) == written


class TwiceEngine(LocalEngine):
    """Runs every item twice at the same time, as if each split had a speculative copy."""

    def run(self, task: Task, work: Store, items, on_report, on_progress) -> None:  # type: ignore[no-untyped-def]
        for item in items:
            in_threads(
                *(lambda item=item: run_and_commit(task, work, item, Isolation(), lambda _: None) for _ in range(2))
            )
        found = committed(work, task.name, [item.fingerprint for item in items])
        for item in items:
            on_report(item, found[item.fingerprint])


def build(config: BuildConfig, engine: type[LocalEngine] = LocalEngine) -> str:
    runner = engine(config.run)
    try:
        Build(config, runner, Console(file=StringIO())).run()
    finally:
        runner.close()
    root_hash: str = orjson.loads(Store(config.output).read_bytes("build.json"))["root_hash"]
    return root_hash


def test_a_build_whose_every_split_ran_twice_has_the_same_bytes(
    written_input: Path, make_config: Callable[..., BuildConfig], tmp_path: Path
) -> None:
    twice, once = (
        make_config(written_input, tmp_path / name, run={"workers": 1}, scrub={"enabled": False})
        for name in ("twice", "once")
    )
    assert build(twice, TwiceEngine) == build(once)
    output = Store(twice.output)
    assert clean(output).files > 0  # the losers' files
    assert verify(output).problems == []
    assert clean(output).files == 0
    assert build(twice) == build(once)


def test_an_attempt_that_ends_behind_the_manifest_takes_no_shard_away(
    written_input: Path, make_config: Callable[..., BuildConfig], tmp_path: Path
) -> None:
    config = make_config(written_input, tmp_path / "out", run={"workers": 1}, scrub={"enabled": False})
    expected = build(config)
    work = Store(config.output).sub("work")
    for name in list(work.names("reports/publish")):
        mark = name.rsplit("/", 1)[-1].split("-", 1)[0]
        report = committed(work, "publish", [mark])[mark]
        late = "0" * 12  # sorts first, so every reader takes it
        for split, shard in report["shards"].items():
            path = shard["path"].rsplit("-", 1)[0] + f"-{late}.arrow"
            Path(Store(config.output).path(path)).write_bytes(Store(config.output).read_bytes(shard["path"]))
            report["shards"][split] = {**shard, "path": path}
        commit(work, "publish", mark, late, report)
        assert work.exists(report_name("publish", mark, late))
    clean(Store(config.output))
    assert verify(Store(config.output)).problems == []
    assert build(config) == expected
    assert verify(Store(config.output)).problems == []


def test_the_watcher_tells_of_every_commit_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.engines.committed.POLL_S", 0.01)
    work, heard, seen = Store(tmp_path), threading.Event(), list[str]()

    def on_report(item: Item, report: Report) -> None:
        assert report == {"of": item.fingerprint}
        seen.append(item.fingerprint)
        heard.set()

    watcher = CommitWatcher(work, "ingest", [Item(mark, {}) for mark in ("aa", "bb", "cc")], on_report)
    watcher.start()
    for mark in ("aa", "zz", "bb"):
        commit(work, "ingest", mark, "1", {"of": mark})
    while {"aa", "bb"} - set(seen):
        assert heard.wait(60)
        heard.clear()
    watcher.stop()
    commit(work, "ingest", "cc", "1", {"of": "cc"})
    assert sorted(seen) == ["aa", "bb"]
    watcher.look()
    assert sorted(seen) == ["aa", "bb", "cc"]
