"""One host within one round: robots.txt first, then its pages, one request at a time."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from corpus.charset.content_coding import Budget, BudgetExceeded, CodingError
from corpus.config.crawl import CrawlSettings
from corpus.reading.headers import first, media_type, parse_fields, status_of
from pipelines.crawl.addresses import AddressRefused
from pipelines.crawl.clock import Clock
from pipelines.crawl.exchange import Connection, Exchange, FetchFailed
from pipelines.crawl.links import Found, decoded_body, header_reservations, read_page, read_sitemap
from pipelines.crawl.pace import Pace
from pipelines.crawl.part import Part
from pipelines.crawl.robots import Rules, SiteReservations, rules_of
from pipelines.crawl.urls import PageUrl, Refusal, Scope, normalise, shape_hash

Row = dict[str, Any]

ROBOTS_REDIRECTS = 5  # RFC 9309, 2.3.1.2
SITE_FILE_BYTES = 1 << 20  # of tdmrep.json and ai.txt
SITEMAP_BYTES = 50 << 20  # sitemaps.org, uncompressed
SITEMAP_DEPTH = 3  # an index may name indexes so deep
EXPANSION_FLOOR = 10 << 20
PAGE_TYPES = frozenset(["", "text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml", "text/plain"])
_REDIRECTS = frozenset([301, 302, 303, 307, 308])
_NO_ORIGIN_ANSWER = 500  # and above: the server's failure, tried again


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


@dataclass(frozen=True)
class Tools:
    """What all hosts of a task share."""

    settings: CrawlSettings
    scope: Scope
    clock: Clock
    part: Part
    connect: Callable[[], Connection]
    deadline: float  # epoch seconds: no request begins later


class HostCrawler:
    """Fetches the pages of one host. One coroutine, one connection, so never two requests at once."""

    def __init__(self, work: HostWork, tools: Tools) -> None:
        self._work, self._tools = work, tools
        self._settings, self._clock, self._part = tools.settings, tools.clock, tools.part
        self._pace = Pace(tools.settings, tools.clock.draw, not_before=work.not_before, pressure=work.pressure)
        self._connection = tools.connect()
        self._rules: dict[str, Rules] = {}
        self._reserved: dict[str, SiteReservations] = {}
        self._failures = 0
        self._answers = 0

    async def run(self) -> None:
        """Fetch until everything is done, the deadline has come, or the host fails too often in a row."""
        try:
            for row in self._work.rows:
                if row["key"] in self._work.done:
                    continue
                if self._failures >= self._settings.max_failures:
                    if self._answers:
                        return  # it was well a while ago: the rest waits for the next round as it is
                    self._retry(row, "host_down")
                elif not await self._settle(row):
                    return
        finally:
            await self._connection.close()

    async def _settle(self, row: Row) -> bool:
        """Take one URL as far as it goes; return False where time is up."""
        origin = _origin(row["url"])
        try:
            if origin not in self._rules and not await self._ask_site(origin):
                return False
        except AddressRefused as error:
            self._refuse(row, "address", str(error))
            return True
        rules = self._rules[origin]
        if rules.parser is None and not rules.allow_all:
            self._retry(row, "robots_unreachable")
        elif row["kind"] != "sitemap" and not rules.allows(row["url"]):
            self._refuse(row, "robots")
        elif reserved := self._honoured(self._reserved[origin].of(row["url"])):
            self._refuse(row, f"reserved:{reserved[0]}")
        else:
            return await self._fetch(row)
        return True

    def _honoured(self, reservations: list[str]) -> list[str]:
        return sorted(name for name in reservations if name in self._settings.reservations)

    async def _wait(self) -> bool:
        """Wait until the host may be asked; return False where that is behind the deadline."""
        while (now := self._clock.now()) < self._pace.not_before:
            if self._pace.not_before > self._tools.deadline:
                return False
            await self._clock.sleep(self._pace.not_before - now)
        return now <= self._tools.deadline

    async def _request(self, url: str, headers: dict[str, str] | None = None, limit: int | None = None) -> Exchange:
        """Make one request and keep the pace informed. Raises as :meth:`Connection.fetch` does."""
        started = self._clock.now()
        try:
            exchange = await self._connection.fetch(url, headers, limit, _is_page if limit is None else _anything)
        except FetchFailed:
            self._pace.answered(self._clock.now(), self._clock.now() - started, None, None)
            self._failures += 1
            raise
        fields = exchange.fields
        self._pace.answered(self._clock.now(), exchange.seconds, exchange.status, first(fields, "retry-after"))
        self._failures = self._failures + 1 if _is_failure(exchange.status) else 0
        self._answers += not _is_failure(exchange.status)
        return exchange

    # -- robots.txt and site-wide reservations -------------------------------------------------------------------

    async def _ask_site(self, origin: str) -> bool:
        """Learn the rules of ``origin``, from what is known where that is fresh; return False where time is up."""
        settings = self._settings
        site = self._work.sites.get(origin)
        now = self._clock.now()
        if site is None or now - site["robots_at"] > settings.robots_max_age or site["unreachable_since"] is not None:
            if not await self._wait():
                return False
            site = await self._fetch_site(origin, site)
            self._work.sites[origin] = site
            self._note({"type": "site", "site": _jsonable(site)})
        token = settings.robots_token
        since = site["unreachable_since"]
        if since is None:
            rules = rules_of(site["robots_status"], site["robots"] or b"", token)
        elif site["robots"] is not None:
            rules = rules_of(200, site["robots"], token)  # the copy of better days (RFC 9309, 2.3.1.4)
        else:
            rules = rules_of(None, b"", token, self._clock.now() - since)
        self._rules[origin] = rules
        self._reserved[origin] = SiteReservations(site["tdmrep"] or b"", site["ai_txt"] or b"", token)
        self._pace.ask(rules.delay)
        return True

    async def _fetch_site(self, origin: str, before: Row | None) -> Row:
        status, body = await self._fetch_file(f"{origin}/robots.txt", self._settings.robots_max_bytes)
        unreachable = status is None or status >= _NO_ORIGIN_ANSWER or status == 429
        now = self._clock.now()
        site: Row = {
            "origin": origin,
            "host": self._work.host,
            "robots_status": status,
            "robots": body if status is not None and 200 <= status < 300 else None,
            "robots_at": now,
            "unreachable_since": None,
            "tdmrep": None,
            "ai_txt": None,
            "not_before": 0.0,
            "pressure": 0.0,
        }
        if unreachable:
            site["robots"] = before["robots"] if before else None
            site["unreachable_since"] = (before["unreachable_since"] if before else None) or now
            return site
        rules = rules_of(status, body, self._settings.robots_token)
        self._pace.ask(rules.delay)
        for column, path in (("tdmrep", "/.well-known/tdmrep.json"), ("ai_txt", "/ai.txt")):
            if await self._wait():
                found, content = await self._fetch_file(origin + path, SITE_FILE_BYTES)
                site[column] = content if found == 200 else None
        return site

    async def _fetch_file(self, url: str, limit: int) -> tuple[int | None, bytes]:
        """Return status and decoded body of a site's file, through redirects; status None where there is no answer."""
        for _ in range(ROBOTS_REDIRECTS + 1):
            try:
                exchange = await self._request(url, limit=limit)
            except FetchFailed:
                return None, b""
            now = self._clock.now()
            self._part.response(exchange, now, [])
            location = first(exchange.fields, "location")
            if exchange.status not in _REDIRECTS or not location:
                break
            try:
                url = normalise(location, url).url
            except Refusal:
                return 404, b""
            if not await self._wait():
                return None, b""
        try:
            budget = Budget(self._settings.max_expansion, limit, limit)
            return exchange.status, decoded_body(exchange.body, exchange.fields, budget)[:limit]
        except (BudgetExceeded, CodingError):
            return exchange.status, b""

    # -- pages ---------------------------------------------------------------------------------------------------

    async def _fetch(self, row: Row) -> bool:
        if not await self._wait():
            return False
        headers = {}
        if row["etag"]:
            headers["If-None-Match"] = row["etag"]
        if row["last_modified"]:
            headers["If-Modified-Since"] = row["last_modified"]
        try:
            exchange = await self._request(row["url"], headers, SITEMAP_BYTES if row["kind"] == "sitemap" else None)
        except AddressRefused as error:
            self._refuse(row, "address", str(error))
            return True
        except FetchFailed as error:
            self._retry(row, str(error))
            return True
        now = self._clock.now()
        if _is_failure(exchange.status):
            self._retry(row, f"status_{exchange.status}", status=exchange.status)
        elif exchange.status in _REDIRECTS and (location := first(exchange.fields, "location")):
            self._redirect(row, exchange, now, location)
        elif exchange.status == 304 and row["digest"]:
            self._part.revisit(exchange, now, row["digest"], row["stored_at"])
            self._fetched(row, exchange, now, "unchanged", [])
        elif row["kind"] == "sitemap":
            self._take_sitemap(row, exchange, now)
        else:
            self._take_page(row, exchange, now)
        return True

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

    def _take_page(self, row: Row, exchange: Exchange, now: float) -> None:
        settings = self._settings
        fields = exchange.fields
        site_wide = self._reserved[_origin(row["url"])].of(row["url"])
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
                budget = Budget(settings.max_expansion, EXPANSION_FLOOR, 1 << 30)
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
        about += [("fetchTimeMs", str(round(exchange.seconds * 1000))), ("outlinks", str(len(links)))]
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
        """Return frontier rows for those references that are in scope, each URL once; in order of first mention."""
        found: dict[bytes, Row] = {}
        for reference in references:
            try:
                page = normalise(reference, row["url"], encoding)
                if page.key in found or page.key == row["key"]:
                    continue
                if kind == "page":
                    self._tools.scope.check(page)
                elif not self._tools.scope.has_host(page.host):
                    continue
            except Refusal:
                continue
            found[page.key] = new_row(page, depth, kind=kind, redirects=redirects, via=row["url"])
        return list(found.values())

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
        self._done(row | state | {"due_at": max(now + wait, self._pace.not_before), "status": status}, [])

    def _refuse(self, row: Row, reason: str, detail: str | None = None) -> None:
        """Put ``row`` aside. It is looked at again when robots.txt, reservations or the DNS may have changed."""
        due = self._clock.now() + self._settings.freshness_seconds
        if detail is not None:
            self._part.metadata(row["url"], self._clock.now(), [("refused", detail)])
        self._done(row | {"state": "refused", "reason": reason, "tries": 0, "due_at": due}, [], detail)

    def _done(self, row: Row, links: list[Row], detail: str | None = None) -> None:
        self._note({"type": "row", "row": _jsonable(row), "links": [_jsonable(link) for link in links], "why": detail})

    def _note(self, line: dict[str, Any]) -> None:
        pace = {"host": self._work.host, "not_before": self._pace.not_before, "pressure": self._pace.pressure}
        self._part.note(line | pace)


def new_row(page: PageUrl, depth: int, *, kind: str = "page", redirects: int = 0, via: str | None = None) -> Row:
    """Return the frontier row of a URL that was just found."""
    return {
        "key": page.key,
        "url": page.url,
        "host": page.host,
        "kind": kind,
        "depth": depth,
        "redirects": redirects,
        "via": via,
        "shape": shape_hash(page.url),
        "state": "queued",
        "reason": None,
        "tries": 0,
        "due_at": 0.0,
        "status": None,
        "fetched_at": None,
        "stored_at": None,
        "digest": None,
        "etag": None,
        "last_modified": None,
        "skeleton": None,
    }


def sitemap_rows(site: Row, scope: Scope, token: str) -> list[Row]:
    """Return frontier rows for the sitemaps that the robots.txt of ``site`` names, those in scope."""
    if site["robots"] is None:
        return []
    rows = []
    for url in rules_of(200, site["robots"], token).sitemaps:
        try:
            page = normalise(url, site["origin"])
        except Refusal:
            continue
        if scope.has_host(page.host):
            rows.append(new_row(page, 0, kind="sitemap", via=f"{site['origin']}/robots.txt"))
    return rows


def _jsonable(row: Row) -> Row:
    return {name: {"hex": value.hex()} if isinstance(value, bytes) else value for name, value in row.items()}


def from_json(row: Row) -> Row:
    """Return a row that a journal line holds."""
    return {name: bytes.fromhex(value["hex"]) if isinstance(value, dict) else value for name, value in row.items()}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_failure(status: int) -> bool:
    return status >= _NO_ORIGIN_ANSWER or status == 429


def _is_page(head: bytes) -> bool:
    return status_of(head) != 200 or media_type(first(parse_fields(head), "content-type")) in PAGE_TYPES


def _anything(head: bytes) -> bool:
    return True


def _body_digest(exchange: Exchange) -> str:
    """Return the payload digest that a response record of ``exchange`` has: SHA-1 in Base32, as warcio writes it."""
    return "sha1:" + base64.b32encode(hashlib.sha1(exchange.body, usedforsecurity=False).digest()).decode("ascii")
