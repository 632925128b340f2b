"""The crawl: rounds of select, fetch, merge over the frontier, each committed by one small report."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console

from corpus.config.crawl import CrawlSettings
from corpus.errors import BuildError, ConfigError
from corpus.shards.writer import write_parquet
from corpus.storage import Store
from pipelines.crawl.clock import Clock, SystemClock
from pipelines.crawl.fetch import FetchTask
from pipelines.crawl.frontier import FRONTIER, Frontier
from pipelines.crawl.part import parts_folder
from pipelines.crawl.refusals import Refusals
from pipelines.crawl.rows import new_row
from pipelines.crawl.summary import print_end, print_round, write_summary
from pipelines.crawl.urls import Refusal, normalise
from pipelines.engines.interface import Engine
from pipelines.lock import exclusive
from pipelines.passes.reports import Report, commit, committed, fingerprint, read_report
from pipelines.passes.task import Item, attempt_name
from pipelines.progress import PassProgress

KEPT_FRONTIERS = 2  # of rounds behind: the present one and the one before


@dataclass
class Crawl:
    """Crawls ``seeds`` (URLs) into the folder ``output``. ``engine`` decides where requests are made, never which."""

    settings: CrawlSettings
    output: str
    engine: Engine
    console: Console
    memory_limit: str = "2GB"
    clock: Clock = field(default_factory=SystemClock)

    def run(self, seeds: Sequence[str]) -> dict[str, Any]:
        """Crawl until nothing is due, and return the summary that ``crawl.json`` holds.

        Raises
        ------
        ConfigError
            without a contact or without a usable seed.
        BuildError
            where another crawl writes to the same output, or an account does not balance.
        """
        if not self.settings.contact:
            raise ConfigError("crawl.contact is not set; give a URL or e-mail address with --contact")
        self._store = Store(self.output)
        self._work = self._store.sub("work")
        self._work.make_private()
        held = f"{self._store.root}: another crawl is running here; wait for it or choose another output"
        with exclusive(self._work, held):
            remote = None if self._store.local else self._store.filesystem
            self._frontier = Frontier(Path(tempfile.gettempdir()), self.memory_limit, remote)
            state = self._begin(seeds)
            while (after := self._next_round(state)) is not None:
                state = after
                print_round(self.console, self._summarise(state))
            return self._finish(state)

    # -- state ---------------------------------------------------------------------------------------------------

    def _state(self) -> Report:
        """Return the report of the last committed round."""
        for name in sorted(self._work.names("reports/round"), reverse=True):
            report = read_report(self._work, name) if name.endswith(".json") else None
            if report is not None:
                return report
        return {"round": -1, "frontier": None, "sites": None, "pages": 0, "warcs": [], "seeds": [], "outcomes": {}}

    def _begin(self, seeds: Sequence[str]) -> Report:
        """Return the last state with new seeds merged in."""
        state = self._state()
        if state["frontier"] is not None and self._known_plan(state) is not None:
            state = self._next_round(state) or state  # a round that a crash cut short comes to its end first
        pages = {}
        for seed in seeds:
            try:
                page = normalise(seed if "://" in seed else f"http://{seed}")
            except Refusal as refusal:
                raise ConfigError(
                    f"the seed {seed} cannot be crawled ({refusal}); give a URL of http or https"
                ) from None
            pages[page.key] = page
        hosts = sorted({*state["seeds"], *(page.host for page in pages.values())})
        if not hosts:
            raise ConfigError("there is no seed; give URLs or files with a URL a line")
        if hosts == state["seeds"] and self._frontier.knows(self._work.path(state["frontier"]), list(pages)):
            return state
        table = pa.Table.from_pylist([new_row(page, 0) for page in pages.values()], FRONTIER)
        links = f"links/seeds-{attempt_name()}.parquet"
        write_parquet(self._work, links, table)
        return self._commit(state | {"seeds": hosts}, [], [self._work.path(links)], [], state["round"] + 1)

    def _local(self, name: str | None) -> str | None:
        return None if name is None else self._work.path(name)

    def _commit(self, state: Report, results: list[str], links: list[str], sites: list[str], number: int) -> Report:
        """Write the next frontier and commit it as round ``number``."""
        stem = f"{number:06d}-{attempt_name()}"
        frontier, site_file = f"frontier/{stem}.parquet", f"frontier/{stem}.sites.parquet"
        if self._work.local:
            os.makedirs(self._work.path("frontier"), exist_ok=True)
        self._frontier.merge(
            self._work.path(frontier), self._local(state["frontier"]), results, links, self.settings.trap_pages
        )
        self._frontier.merge_sites(self._work.path(site_file), self._local(state["sites"]), sites)
        after = {**state, "round": number, "frontier": frontier, "sites": site_file}
        commit(self._work, "round", f"{number:06d}", attempt_name(), after)
        return after

    # -- one round -----------------------------------------------------------------------------------------------

    def _next_round(self, state: Report) -> Report | None:
        """Plan, fetch and merge one round; None where nothing is due soon."""
        plan = self._plan(state)
        if plan is None:
            return None
        task = FetchTask(self.settings, self.output, tuple(state["seeds"]), self.clock)
        items = [Item(one["fingerprint"], one, one["pages"]) for one in plan["items"]]
        reports = committed(self._work, task.name, [item.fingerprint for item in items])
        todo = [item for item in items if item.fingerprint not in reports]
        with PassProgress(self.console, f"round {plan['round']}", sum(item.weight for item in todo), len(todo)) as bar:

            def on_report(item: Item, report: Report) -> None:
                reports[item.fingerprint] = report
                ledger = report["ledger"]
                bar.done(item.fingerprint, ledger["documents"], ledger["kept"], report["read_bytes"])

            if todo:
                self.engine.run(task, self._work, todo, on_report, bar.seen)
        after = self._merge(state, plan, [reports[item.fingerprint] for item in items])
        self._sweep(after)
        return after

    def _known_plan(self, state: Report) -> Report | None:
        number = f"{state['round'] + 1:06d}"
        return committed(self._work, "plan", [number]).get(number)

    def _plan(self, state: Report) -> Report | None:
        """Return the plan of the next round: the one that was made before a crash, or a new one.

        A plan is committed before anything is fetched, so that a rerun knows
        which selections the parts on disk belong to.
        """
        known = self._known_plan(state)
        if known is not None:
            return known
        settings = self.settings
        while True:
            now = self.clock.now()
            left = None if settings.max_pages is None else settings.max_pages - state["pages"]
            frontier, sites = self._work.path(state["frontier"]), self._work.path(state["sites"])
            rows = self._frontier.select(frontier, sites, settings, now, left)
            if rows.num_rows:
                break
            due = self._frontier.next_due(frontier, sites)
            if left == 0 or due is None or due - now > settings.wait_seconds:
                return None
            self.clock.pause(max(due - now, 0.05))
        plan = {"round": state["round"] + 1, "items": list(self._items(rows, sites, state["round"] + 1))}
        commit(self._work, "plan", f"{state['round'] + 1:06d}", attempt_name(), plan)
        return plan

    def _items(self, rows: pa.Table, sites: str, number: int) -> Iterator[dict[str, Any]]:
        """Write a selection file for each group of hosts and yield what its item holds."""
        counts = pc.value_counts(rows.column("host")).to_pylist()
        # By hash, so that the hosts of one farm, whose names are alike, are spread over the tasks.
        hosts = sorted(
            (one["values"] for one in counts), key=lambda host: hashlib.blake2b(host.encode(), digest_size=8).digest()
        )
        size = self.settings.hosts_per_task
        groups = [hosts[start : start + size] for start in range(0, len(hosts), size)]
        for index, (group, known) in enumerate(zip(groups, self._frontier.sites_of(sites, groups), strict=True)):
            chosen = rows.filter(pc.is_in(rows.column("host"), pa.array(group)))
            stem = f"{number:06d}-{index:05d}-{attempt_name()}"
            selection = f"selected/{stem}.parquet"
            entry = write_parquet(self._work, selection, chosen)
            kept = write_parquet(self._work, f"selected/{stem}.sites.parquet", known)
            assert entry is not None
            split = fingerprint("fetch", number, entry["sha256"], stem)
            pages = fingerprint("pages", chosen.column("url").to_pylist())
            yield {
                "fingerprint": split,
                "name": split if self.settings.record_date is None else pages,  # in the name of the WARC file
                "round": number,
                "selection": selection,
                "sites": kept["path"] if kept else None,
                "pages": chosen.num_rows,
            }

    def _merge(self, state: Report, plan: Report, reports: list[Report]) -> Report:
        outcomes: Counter[str] = Counter(state["outcomes"])
        for report in reports:
            if sum(report["outcomes"].values()) != report["selected"]:
                raise BuildError(
                    f"round {plan['round']}: {report['selected']} URLs selected, {sum(report['outcomes'].values())} "
                    "accounted for; this is a bug, nothing was merged"
                )
            outcomes.update(report["outcomes"])
        files = {
            name: [self._work.path(report["files"][name]["path"]) for report in reports if report["files"][name]]
            for name in ("results", "links", "sites")
        }
        pages = sum(
            report["outcomes"].get(name, 0) for report in reports for name in ("fetched", "unchanged", "redirect")
        )
        refused = [one for report in reports for one in report["refused_addresses"]]
        links = Refusals()
        links.merge(state.get("refused_links", {}))
        for report in reports:
            links.merge(report["refused_links"])
        outcomes.pop("deferred", None)  # they are selected again and counted then
        after = {
            **state,
            "pages": state["pages"] + pages,
            "warcs": state["warcs"] + [report["warc"] for report in reports if report["warc"]],
            "outcomes": dict(sorted(outcomes.items())),
            "refused_addresses": (state.get("refused_addresses", []) + refused)[-1_000:],
            "refused_links": links.counts(),
        }
        return self._commit(after, files["results"], files["links"], files["sites"], plan["round"])

    def _sweep(self, state: Report) -> None:
        """Delete what no later round reads: parts too, for no task runs between rounds."""
        shutil.rmtree(parts_folder(self._store), ignore_errors=True)
        oldest = state["round"] - KEPT_FRONTIERS
        for name in list(self._work.names("frontier")):
            if int(name.split("/")[1].split("-")[0]) <= oldest:
                self._work.delete(name)
        for folder in ("selected", "results", "links", "sites", "reports/fetch"):
            for name in list(self._work.names(folder)):
                self._work.delete(name)
        for folder in ("reports/plan", "reports/round"):
            for name in list(self._work.names(folder)):
                if int(name.rsplit("/", 1)[1].split("-")[0]) <= oldest:
                    self._work.delete(name)

    # -- the end -------------------------------------------------------------------------------------------------

    def _summarise(self, state: Report) -> dict[str, Any]:
        totals = self._frontier.totals(self._work.path(state["frontier"]))
        return write_summary(self._store, state, totals, self.settings)

    def _finish(self, state: Report) -> dict[str, Any]:
        summary = self._summarise(state)
        due = self._frontier.next_due(self._work.path(state["frontier"]), self._work.path(state["sites"]))
        waits = due is not None and self.settings.max_pages != state["pages"]
        print_end(self.console, summary, max(due - self.clock.now(), 0) / 3600 if waits and due is not None else None)
        return summary
