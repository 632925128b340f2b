"""One host within one round: each URL as far as its rules and the network let it go."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

from corpus.charset.content_coding import Budget, BudgetExceeded, CodingError
from corpus.reading.headers import first, media_type, parse_fields, status_of
from pipelines.crawl.addresses import AddressRefused
from pipelines.crawl.exchange import Exchange, FetchFailed
from pipelines.crawl.links import Found, decoded_body, header_reservations, read_page, read_sitemap
from pipelines.crawl.refusals import Refusals
from pipelines.crawl.requester import REDIRECTS, Requester, TimeUp, Tools, is_failure
from pipelines.crawl.rows import Row, new_row, origin_of, to_json
from pipelines.crawl.site import Sites
from pipelines.crawl.urls import Refusal, normalise

SITEMAP_BYTES = 50 << 20  # sitemaps.org, uncompressed
SITEMAP_DEPTH = 3  # an index may name indexes so deep
EXPANSION_FLOOR, EXPANSION_CEILING = 10 << 20, 64 << 20  # bytes that a page may decompress to, whatever its size
PAGE_TYPES = frozenset(["", "text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml", "text/plain"])


@dataclass
class HostWork:
    """What a task knows about one host when it begins, and what earlier attempts have done."""

    host: str
    rows: list[Row]  # frontier rows in order of fetching
    sites: dict[str, Row]  # by origin
    done: set[bytes] = field(default_factory=set)
    deadly: set[bytes] = field(default_factory=set)  # keys whose pages killed a worker twice while being parsed
    not_before: float = 0.0
    pressure: float = 0.0


class HostCrawler:
    """Fetches the pages of one host. One coroutine, one connection, so never two requests at once."""

    def __init__(self, work: HostWork, tools: Tools) -> None:
        self._work, self._tools = work, tools
        self._settings, self._clock, self._part = tools.settings, tools.clock, tools.part
        self._requester = Requester(tools, work.not_before, work.pressure)
        self._refusals = Refusals()  # since the last row was noted
        self._sites = Sites(work.host, work.sites, self._requester, tools, self._learnt, self._refusals)

    async def run(self) -> None:
        """Fetch until everything is done, time is up, or the host fails too often in a row."""
        try:
            for row in self._work.rows:
                if row["key"] in self._work.done:
                    continue
                if self._requester.failures < self._settings.max_failures:
                    await self._settle(row)
                elif self._requester.answers:
                    return  # it was well a while ago: the rest waits for the next round as it is
                else:
                    self._retry(row, "host_down")
        except TimeUp:
            return
        finally:
            await self._requester.close()

    async def _settle(self, row: Row) -> None:
        """Take one URL as far as it goes."""
        try:
            rules, reservations = await self._sites.ask(origin_of(row["url"]))
            if not rules.reachable:
                self._retry(row, "robots_unreachable")
            elif row["kind"] != "sitemap" and not rules.allows(row["url"]):
                self._refuse(row, "robots")
            elif honoured := self._honoured(reservations.of(row["url"])):
                self._refuse(row, f"reserved:{honoured[0]}")
            else:
                await self._fetch(row, reservations.of(row["url"]))
        except AddressRefused as error:
            self._refuse(row, "address", str(error))
        except FetchFailed as error:
            self._retry(row, str(error))

    def _honoured(self, reservations: list[str]) -> list[str]:
        return sorted(name for name in reservations if name in self._settings.reservations)

    def _learnt(self, site: Row) -> None:
        self._note({"type": "site", "site": to_json(site)})

    async def _fetch(self, row: Row, site_wide: list[str]) -> None:
        """Request the URL and do what its response asks for. ``site_wide``: reservations that are recorded only."""
        headers = {"If-None-Match": row["etag"], "If-Modified-Since": row["last_modified"]}
        asked = {name: value for name, value in headers.items() if value}
        if row["kind"] == "sitemap":
            exchange = await self._requester.get(row["url"], asked, SITEMAP_BYTES)
        else:
            exchange = await self._requester.get(row["url"], asked, wanted=_is_page)
        now = self._clock.now()
        if is_failure(exchange.status):
            self._retry(row, f"status_{exchange.status}", status=exchange.status)
        elif exchange.status in REDIRECTS and (location := first(exchange.fields, "location")):
            self._redirect(row, exchange, now, location)
        elif exchange.status == 304 and row["digest"]:
            self._part.revisit(exchange, now, row["digest"], row["stored_at"])
            self._fetched(row, exchange, now, "unchanged", [])
        elif row["kind"] == "sitemap":
            self._take_sitemap(row, exchange, now)
        else:
            self._take_page(row, exchange, now, site_wide)

    def _redirect(self, row: Row, exchange: Exchange, now: float, location: str) -> None:
        self._part.response(exchange, now, [])
        hops = row["redirects"] + 1
        if hops > self._settings.max_redirects:
            self._fetched(row, exchange, now, "too_many_redirects", [])
            return
        links = self._links([location], row, row["depth"], redirects=hops, kind=row["kind"])
        self._fetched(row, exchange, now, "redirect", links)

    def _take_sitemap(self, row: Row, exchange: Exchange, now: float) -> None:
        """Sitemaps are read and not stored: as records of a WARC file they would be taken for documents."""
        links: list[Row] = []
        reason = None
        if exchange.status == 200:
            try:
                budget = Budget(self._settings.max_expansion, SITEMAP_BYTES, SITEMAP_BYTES)
                entries, is_index = read_sitemap(decoded_body(exchange.body, exchange.fields, budget))
                kind = "sitemap" if is_index else "page"
                if not is_index or row["depth"] < SITEMAP_DEPTH:
                    links = self._links(entries, row, row["depth"] + 1, kind=kind)
            except BudgetExceeded:
                reason = "decompression_bomb"
            except CodingError:
                reason = "content_coding"
        self._fetched(row, exchange, now, reason, links)

    def _take_page(self, row: Row, exchange: Exchange, now: float, site_wide: list[str]) -> None:
        settings = self._settings
        fields = exchange.fields
        token = settings.robots_token
        reserved = header_reservations(fields, token)
        if exchange.status != 200:
            self._part.response(exchange, now, [])
            self._fetched(row, exchange, now, None, [])
            return
        if not _is_page(exchange.head):
            self._fetched(row, exchange, now, "media_type", [])
            return
        found = Found()
        if row["key"] not in self._work.deadly:
            self._note({"type": "parse", "key": row["key"].hex()})
            try:
                budget = Budget(settings.max_expansion, EXPANSION_FLOOR, EXPANSION_CEILING)
                found = read_page(decoded_body(exchange.body, fields, budget), row["url"], fields, token)
            except BudgetExceeded:
                self._fetched(row, exchange, now, "decompression_bomb", [])
                return
            except CodingError:
                pass  # kept as it is; ingest quarantines it
        reserved |= found.reservations
        links = []
        if "nofollow" not in reserved and row["depth"] < settings.max_depth:
            links = self._links(found.links, row, row["depth"] + 1, encoding=found.encoding)
        honoured = self._honoured(sorted(reserved))
        about = [("via", row["via"] or ""), ("hopsFromSeed", str(row["depth"]))]
        if settings.record_date is None:
            about.append(("fetchTimeMs", str(round(exchange.seconds * 1000))))
        about.append(("outlinks", str(len(found.links))))
        about += [("reservation", name) for name in sorted({*reserved, *site_wide})]
        if honoured:
            about.append(("notKept", honoured[0]))
            self._part.metadata(row["url"], now, about)
            self._fetched(row, exchange, now, f"reserved:{honoured[0]}", links, skeleton=found.skeleton)
            return
        digest = _body_digest(exchange)
        if row["digest"] and row["digest"] == digest and row["stored_at"]:
            self._part.revisit(exchange, now, digest, row["stored_at"])
            self._fetched(row, exchange, now, "unchanged", links, skeleton=found.skeleton)
            return
        digest = self._part.response(exchange, now, site_wide)
        self._part.metadata(row["url"], now, about)
        self._fetched(row, exchange, now, None, links, skeleton=found.skeleton, digest=digest)

    def _links(
        self,
        references: list[str],
        row: Row,
        depth: int,
        *,
        redirects: int = 0,
        kind: str = "page",
        encoding: str = "utf-8",
    ) -> list[Row]:
        """Return frontier rows for those references that are in scope and new to this task, in order of mention."""
        found: list[Row] = []
        known = self._tools.known
        for reference in references:
            try:
                page = normalise(reference, row["url"], encoding)
                if page.key in known:
                    continue
                if kind == "page":
                    self._tools.scope.check(page)
                else:
                    self._tools.scope.check_host(page)
            except Refusal as refusal:
                self._refusals.add(str(refusal), reference, row["url"])
                continue
            known.add(page.key)
            found.append(new_row(page, depth, kind=kind, redirects=redirects, via=row["url"]))
        return found

    # -- outcomes ------------------------------------------------------------------------------------------------

    def _fetched(
        self,
        row: Row,
        exchange: Exchange,
        now: float,
        reason: str | None,
        links: list[Row],
        *,
        skeleton: bytes = b"",
        digest: str | None = None,
    ) -> None:
        fields = exchange.fields
        stored = digest is not None
        keep = reason == "unchanged"
        self._done(
            row
            | {
                "state": "fetched",
                "reason": reason,
                "tries": 0,
                "due_at": now + self._settings.freshness_seconds,
                "status": exchange.status,
                "fetched_at": now,
                "stored_at": now if stored else row["stored_at"] if keep else None,
                "digest": digest if stored else row["digest"] if keep else None,
                "etag": first(fields, "etag") or (row["etag"] if keep else None) if stored or keep else None,
                "last_modified": first(fields, "last-modified") or (row["last_modified"] if keep else None)
                if stored or keep
                else None,
                "skeleton": int.from_bytes(skeleton, "little", signed=True) if skeleton else row["skeleton"],
            },
            links,
        )

    def _retry(self, row: Row, reason: str, status: int | None = None) -> None:
        tries = row["tries"] + 1
        now = self._clock.now()
        failed = tries >= self._settings.max_tries
        wait = self._settings.freshness_seconds if failed else self._settings.retry_seconds * 2 ** (tries - 1)
        state = {"state": "failed" if failed else "queued", "reason": reason, "tries": 0 if failed else tries}
        self._done(row | state | {"due_at": max(now + wait, self._requester.pace.not_before), "status": status}, [])

    def _refuse(self, row: Row, reason: str, detail: str | None = None) -> None:
        """Put ``row`` aside. It is looked at again when robots.txt, reservations or the DNS may have changed."""
        due = self._clock.now() + self._settings.freshness_seconds
        if detail is not None:
            self._part.metadata(row["url"], self._clock.now(), [("refused", detail)])
        self._done(row | {"state": "refused", "reason": reason, "tries": 0, "due_at": due}, [], detail)

    def _done(self, row: Row, links: list[Row], detail: str | None = None) -> None:
        about = {"why": detail, "refused": self._refusals.take()}
        self._note({"type": "row", "row": to_json(row), "links": [to_json(link) for link in links], **about})

    def _note(self, line: dict[str, Any]) -> None:
        pace = self._requester.pace
        self._part.note(line | {"host": self._work.host, "not_before": pace.not_before, "pressure": pace.pressure})


def _is_page(head: bytes) -> bool:
    return status_of(head) != 200 or media_type(first(parse_fields(head), "content-type")) in PAGE_TYPES


def _body_digest(exchange: Exchange) -> str:
    """Return the payload digest that a response record of ``exchange`` has: SHA-1 in Base32, as warcio writes it."""
    return "sha1:" + base64.b32encode(hashlib.sha1(exchange.body, usedforsecurity=False).digest()).decode("ascii")
