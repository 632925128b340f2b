"""Workers forked from a template: as good as fresh interpreters, whatever dies."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from corpus.config.label import LabelSettings
from corpus.config.normalise import NormaliseSettings
from corpus.config.section import Section
from corpus.storage import Store
from pipelines.engines import worker_start
from pipelines.engines.supervisor import Supervisor
from pipelines.engines.worker_start import Template
from pipelines.passes import loading
from pipelines.passes.reports import Report
from pipelines.passes.task import Announce, Isolation, Item, Progress

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="workers are forked on Linux only")

RECORDS = 12
FOREVER_S = 600


@dataclass(frozen=True)
class Errand:
    """Goes through records one by one; some of them end the process. Says who ran it, and with what loaded."""

    deadly: tuple[int, ...] = ()
    wait: bool = False
    name: str = "errand"

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        poison = []
        for record in range(RECORDS):
            if record in isolation.poison:
                poison.append(record)
                continue
            announce(Progress(record, record + 1, 0, 0, 0))
            if record in self.deadly:
                os.kill(os.getpid(), signal.SIGSEGV)
            if self.wait:
                time.sleep(FOREVER_S)
        loaded = loading._loaded.cache_info().currsize
        return {"pid": os.getpid(), "parent": os.getppid(), "poison": poison, "loaded": loaded}


@pytest.fixture
def template() -> Iterator[Template]:
    steps: list[tuple[str, Section]] = [("normalise", NormaliseSettings())]
    one = Template(steps)
    yield one
    one.close()


@pytest.fixture
def supervisors(template: Template) -> Iterator[list[Supervisor]]:
    both = [Supervisor(FOREVER_S, 1 << 30, template.start_worker) for _ in range(2)]
    yield both
    for one in both:
        one.close()


def process_of(template: Template) -> psutil.Process:
    assert template._process is not None
    return psutil.Process(template._process.pid)


def run(supervisor: Supervisor, folder: Path, task: Errand | None = None, mark: str = "ab") -> Report:
    return supervisor.run(task or Errand(), Store(folder), Item(mark, {}), lambda progress: None)


def test_workers_are_forks_with_the_steps_loaded(
    template: Template, supervisors: list[Supervisor], tmp_path: Path
) -> None:
    reports = [run(one, tmp_path, mark=f"a{n}") for n, one in enumerate(supervisors)]
    assert {report["parent"] for report in reports} == {process_of(template).pid}
    assert len({report["pid"] for report in reports}) == len(supervisors)
    assert [report["loaded"] for report in reports] == [1, 1]
    assert process_of(template).num_threads() == 1


def test_a_deadly_record_is_isolated_and_the_signal_named(supervisors: list[Supervisor], tmp_path: Path) -> None:
    report = run(supervisors[0], tmp_path, Errand(deadly=(3, 7)))
    assert report["poison"] == [3, 7]
    process, connection = supervisors[0]._start()
    with connection:
        process.kill()
        assert process.wait() == -signal.SIGKILL
        process.kill()  # nothing happens
        assert process.wait() == -signal.SIGKILL


def test_the_template_may_die(template: Template, supervisors: list[Supervisor], tmp_path: Path) -> None:
    """Its workers go on, what starts afterwards is fresh, and who died is still noticed."""
    first = run(supervisors[0], tmp_path, mark="a0")
    process_of(template).kill()
    assert run(supervisors[0], tmp_path, mark="a1")["pid"] == first["pid"]
    fresh = run(supervisors[1], tmp_path, mark="a2")
    assert fresh["parent"] == os.getpid()
    os.kill(first["pid"], signal.SIGKILL)
    again = run(supervisors[0], tmp_path, mark="a3")
    assert again["parent"] == os.getpid()
    assert again["poison"] == []


def test_a_template_that_dies_while_it_loads_costs_nothing(tmp_path: Path) -> None:
    template = Template([])
    process_of(template).kill()
    supervisor = Supervisor(FOREVER_S, 1 << 30, template.start_worker)
    try:
        assert run(supervisor, tmp_path)["parent"] == os.getpid()
    finally:
        supervisor.close()
        template.close()


def test_a_template_that_answers_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_start, "LOAD_LIMIT_S", 0.5)
    template = Template([])
    process = process_of(template)
    process.suspend()
    supervisor = Supervisor(FOREVER_S, 1 << 30, template.start_worker)
    try:
        assert run(supervisor, tmp_path)["parent"] == os.getpid()
        assert not process.is_running()
    finally:
        supervisor.close()
        template.close()


def test_a_step_that_cannot_be_loaded_is_left_to_the_worker(tmp_path: Path) -> None:
    steps: list[tuple[str, Section]] = [("label", LabelSettings(calibration=str(tmp_path / "none.json")))]
    template = Template([*steps, ("normalise", NormaliseSettings())])
    supervisor = Supervisor(FOREVER_S, 1 << 30, template.start_worker)
    try:
        report = run(supervisor, tmp_path)
        assert (report["parent"], report["loaded"]) == (process_of(template).pid, 1)
    finally:
        supervisor.close()
        template.close()


def test_template_and_workers_end_with_the_driver(tmp_path: Path) -> None:
    """However the driver ends, and whatever its workers are at."""
    script = tmp_path / "driver.py"
    script.write_text(
        "import sys\n"
        "from test_worker_start import Errand, run\n"
        "from pipelines.engines.supervisor import Supervisor\n"
        "from pipelines.engines.worker_start import Template\n"
        "from pathlib import Path\n"
        "template = Template([])\n"
        "supervisor = Supervisor(600, 1 << 30, template.start_worker)\n"
        "run(supervisor, Path(sys.argv[1]))\n"
        "print('running', flush=True)\n"
        "run(supervisor, Path(sys.argv[1]), Errand(wait=True), 'cd')\n",
        encoding="utf-8",
    )
    environment = dict(os.environ) | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    }
    driver = psutil.Popen([sys.executable, str(script), str(tmp_path)], env=environment, stdout=-1)
    try:
        assert driver.stdout.readline() == b"running\n"
        below = driver.children(recursive=True)
        assert len(below) == 2
        driver.kill()
        driver.wait()
        gone, alive = psutil.wait_procs(below, timeout=30)
        assert not alive
        assert len(gone) == 2
    finally:
        with suppress(psutil.NoSuchProcess):
            driver.kill()
