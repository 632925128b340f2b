"""The fetch task: the hosts of one selection side by side, one connection each; WARC and new frontier rows come out."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import pyarrow as pa

from corpus.config.crawl import CrawlSettings
from corpus.parquet import read_parquet
from corpus.shards.writer import write_parquet
from corpus.storage import Store
from pipelines.crawl.addresses import Guard
from pipelines.crawl.clock import Clock, SystemClock
from pipelines.crawl.exchange import Connection, Limits
from pipelines.crawl.frontier import FRONTIER, SITES
from pipelines.crawl.host import HostCrawler, HostWork
from pipelines.crawl.part import Line, Part, parts_folder
from pipelines.crawl.refusals import Refusals
from pipelines.crawl.requester import Tools
from pipelines.crawl.rows import Row, from_json, sitemap_rows
from pipelines.crawl.urls import Scope
from pipelines.passes.reports import Report
from pipelines.passes.task import Announce, Isolation, Item, Progress

HEARTBEAT_S = 0.5
DEATHS_WHILE_PARSING = 2  # one may be somebody else's kill


@dataclass(frozen=True)
class FetchTask:
    """Fetches what one selection file names."""

    settings: CrawlSettings
    output: str
    seed_hosts: tuple[str, ...]
    clock: Clock = field(default_factory=SystemClock)
    name: str = "fetch"

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Fetch the selection of ``item``, going on where an earlier attempt stopped.

        ``isolation`` is not used: the journal of the part tells what the dead
        attempt was doing.
        """
        output = Store(self.output)
        work = output.sub("work")
        announce(Progress(0, 0, 0, 0, 0))
        selected: list[Row] = _table(work, item.payload["selection"]).to_pylist()
        sites: list[Row] = _table(work, item.payload["sites"]).to_pylist() if item.payload["sites"] else []
        unique = item.payload["name"] if output.local else f"{item.payload['name']}-{attempt}"
        warc_name = f"warc/{item.payload['round']:06d}-{unique}.warc.gz"
        date = self.settings.record_date
        seconds = date.timestamp() if date else None
        with Part(parts_folder(output), item.fingerprint, warc_name, seconds).opened() as part:
            hosts = _host_works(selected, sites, part.lines)
            written: list[Line] = []
            part.watch(written.append)
            if not part.finished:
                if not part.lines:
                    part.warcinfo(warc_name.rpartition("/")[2], self._about(), self.clock.now())
                _run(self._crawl(hosts, part, written, announce))
            lines = [*part.lines, *written]
            size = part.finish(output, warc_name)
        warc = {"path": warc_name, "bytes": size} if size else None
        return self._report(work, item, attempt, selected, sites, lines, warc)

    def _about(self) -> dict[str, str]:
        return {
            "software": self.settings.product,
            "http-header-user-agent": self.settings.user_agent,
            "operator": self.settings.contact,
            "robots": "obey (RFC 9309)",
            "format": "WARC File Format 1.1",
            "conformsTo": "https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
        }

    async def _crawl(self, hosts: list[HostWork], part: Part, written: list[Line], announce: Announce) -> None:
        settings = self.settings
        started = self.clock.now()
        guard = Guard(settings.resolve, settings.allow_private_hosts, settings.ports)
        limits = Limits(
            settings.connect_seconds, settings.read_seconds, settings.total_seconds, settings.max_body_bytes
        )
        tools = Tools(
            settings,
            Scope(settings, self.seed_hosts, datetime.fromtimestamp(started, UTC).year),
            self.clock,
            part,
            # One context for all hosts, and none without https: reading the system's certificates takes a while.
            partial(Connection, guard, settings.user_agent, limits, cache(ssl.create_default_context)),
            started + settings.round_seconds,
            _known_links(hosts, part.lines),
        )

        async def heartbeat() -> None:
            while True:
                rows = sum(line["type"] == "row" for line in written)
                announce(Progress(rows, rows, rows, rows, part.size))
                await asyncio.sleep(HEARTBEAT_S)

        async with asyncio.TaskGroup() as group:
            beating = group.create_task(heartbeat())
            async with asyncio.TaskGroup() as crawling:
                for work in hosts:
                    crawling.create_task(HostCrawler(work, tools).run())
            beating.cancel()

    def _report(
        self,
        work: Store,
        item: Item,
        attempt: str,
        selected: list[Row],
        known: list[Row],
        lines: list[Line],
        warc: dict[str, Any] | None,
    ) -> Report:
        token = self.settings.robots_token
        year = datetime.fromtimestamp(self.clock.now(), UTC).year
        scope = Scope(self.settings, self.seed_hosts, year)
        rows = {line["row"]["key"]["hex"]: line for line in lines if line["type"] == "row"}
        sites = _latest_sites(known, lines)
        links: dict[bytes, Row] = {}
        for line in rows.values():
            for link in map(from_json, line["links"]):
                links.setdefault(link["key"], link)
        refusals = Refusals()
        for line in rows.values():
            refusals.merge(line["refused"])
        if self.settings.sitemaps:
            learnt = {line["site"]["origin"] for line in lines if line["type"] == "site"}
            for site in sites:
                counted = refusals if site["origin"] in learnt else Refusals()  # once for each robots.txt
                for link in sitemap_rows(site, scope, token, counted):
                    links[link["key"]] = link
        settled = [from_json(line["row"]) for line in rows.values()]
        outcomes = Counter(_outcome(row) for row in settled)
        outcomes["deferred"] = len(selected) - len(settled)
        stem = f"{item.fingerprint}-{attempt}.parquet"
        return {
            "selected": len(selected),
            "outcomes": dict(sorted(outcomes.items())),
            "refused_addresses": [[line["row"]["url"], line["why"]] for line in rows.values() if line["why"]],
            "refused_links": refusals.counts(),
            "warc": warc,
            "read_bytes": warc["bytes"] if warc else 0,
            "ledger": {"documents": len(settled), "kept": outcomes["fetched"]},
            "files": {
                "results": write_parquet(work, f"results/{stem}", pa.Table.from_pylist(settled, FRONTIER)),
                "links": write_parquet(work, f"links/{stem}", pa.Table.from_pylist(list(links.values()), FRONTIER)),
                "sites": write_parquet(work, f"sites/{stem}", pa.Table.from_pylist(sites, SITES)),
            },
        }


def _table(work: Store, name: str) -> pa.Table:
    with work.open_read(name) as stream:
        return read_parquet(stream)


def _host_works(selected: list[Row], sites: list[Row], lines: list[Line]) -> list[HostWork]:
    """Return the work of each host, what earlier attempts have done taken off."""
    hosts: dict[str, HostWork] = {}
    for row in selected:
        hosts.setdefault(row["host"], HostWork(row["host"], [], {})).rows.append(row)
    for site in sites:
        if (work := hosts.get(site["host"])) is not None:
            work.sites[site["origin"]] = site
            work.not_before = max(work.not_before, site["not_before"])
            work.pressure = max(work.pressure, site["pressure"])
    parsed: Counter[str] = Counter()
    for line in lines:
        work = hosts.get(line.get("host", ""))
        if work is None:
            continue
        work.not_before, work.pressure = line["not_before"], line["pressure"]
        if line["type"] == "site":
            site = from_json(line["site"])
            work.sites[site["origin"]] = site
        elif line["type"] == "row":
            work.done.add(bytes.fromhex(line["row"]["key"]["hex"]))
        elif line["type"] == "parse":
            parsed[line["key"]] += 1
            if parsed[line["key"]] >= DEATHS_WHILE_PARSING:
                work.deadly.add(bytes.fromhex(line["key"]))
    return list(hosts.values())


def _known_links(hosts: list[HostWork], lines: list[Line]) -> set[bytes]:
    """Return the keys that need not be handed on: of what was selected, and of links that are journalled."""
    known = {row["key"] for work in hosts for row in work.rows}
    known.update(bytes.fromhex(link["key"]["hex"]) for line in lines for link in line.get("links", ()))
    return known


def _latest_sites(known: list[Row], lines: list[Line]) -> list[Row]:
    """Return the sites of all hosts that were asked, with the pace that the hosts have at the end."""
    sites = {site["origin"]: site for site in known}
    sites |= {line["site"]["origin"]: from_json(line["site"]) for line in lines if line["type"] == "site"}
    pace = {line["host"]: (line["not_before"], line["pressure"]) for line in lines if "host" in line}
    asked = [site for site in sites.values() if site["host"] in pace]
    for site in asked:
        site["not_before"], site["pressure"] = pace[site["host"]]
    return asked


def _outcome(row: Row) -> str:
    if row["state"] == "queued":
        return "retry"
    if row["state"] == "fetched" and row["reason"] in ("unchanged", "redirect"):
        return str(row["reason"])
    return str(row["state"])


def _run(coroutine: Any) -> None:
    """Run ``coroutine``; of an exception group only the first exception is raised, as a supervisor expects it."""
    try:
        asyncio.run(coroutine)
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
