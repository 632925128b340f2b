"""What a site asks of robots: robots.txt and its site-wide reservations, fetched once a day and kept."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from corpus.charset.content_coding import Budget, BudgetExceeded, CodingError
from corpus.reading.headers import first
from pipelines.crawl.addresses import AddressRefused
from pipelines.crawl.exchange import FetchFailed
from pipelines.crawl.links import decoded_body
from pipelines.crawl.refusals import Refusals
from pipelines.crawl.requester import REDIRECTS, Requester, Tools, is_failure
from pipelines.crawl.robots import Rules, SiteReservations, rules_of
from pipelines.crawl.rows import Row
from pipelines.crawl.urls import Refusal, normalise

ROBOTS_REDIRECTS = 5  # RFC 9309, 2.3.1.2
SITE_FILE_BYTES = 1 << 20  # of tdmrep.json and ai.txt
SITE_FILES = {"tdmrep": "/.well-known/tdmrep.json", "ai_txt": "/ai.txt"}


class Sites:
    """The rules of one host's origins. ``known`` holds SITES rows by origin; ``learnt`` is called with new ones.

    Redirects of the sites' files that are not followed are added to ``refusals``.
    """

    def __init__(
        self,
        host: str,
        known: dict[str, Row],
        requester: Requester,
        tools: Tools,
        learnt: Callable[[Row], None],
        refusals: Refusals,
    ) -> None:
        self._refusals = refusals
        self._host, self._known, self._requester, self._tools, self._learnt = host, known, requester, tools, learnt
        self._rules: dict[str, Rules] = {}
        self._reserved: dict[str, SiteReservations] = {}

    async def ask(self, origin: str) -> tuple[Rules, SiteReservations]:
        """Return what ``origin`` allows and reserves, fetched where it is not known freshly.

        Raises TimeUp, and AddressRefused where the host's own address must not
        be connected to.
        """
        if origin not in self._rules:
            site = before = self._known.get(origin)
            if site is None or self._is_stale(site):
                site = self._keep(await self._robots(origin, before))
            token = self._tools.settings.robots_token
            rules = self._rules_of(site)
            self._requester.pace.ask(rules.delay)
            for name, path in SITE_FILES.items():
                if site[name] is None and rules.reachable:
                    # Kept one by one: with a long Crawl-delay a round has time for one request only.
                    site = self._keep(site | {name: await self._reservation(origin + path, (before or site)[name])})
            self._rules[origin] = rules
            self._reserved[origin] = SiteReservations(site["tdmrep"] or b"", site["ai_txt"] or b"", token)
        return self._rules[origin], self._reserved[origin]

    def _keep(self, site: Row) -> Row:
        self._known[site["origin"]] = site
        self._learnt(site)
        return site

    def _is_stale(self, site: Row) -> bool:
        age = self._tools.clock.now() - site["robots_at"]
        return age > self._tools.settings.robots_max_age or site["unreachable_since"] is not None

    def _rules_of(self, site: Row) -> Rules:
        token = self._tools.settings.robots_token
        since = site["unreachable_since"]
        if since is None:
            return rules_of(site["robots_status"], site["robots"] or b"", token)
        if site["robots"] is not None:
            return rules_of(200, site["robots"], token)  # the copy of better days (RFC 9309, 2.3.1.4)
        return rules_of(None, b"", token, self._tools.clock.now() - since)

    async def _robots(self, origin: str, before: Row | None) -> Row:
        """Fetch robots.txt and return the site's row, its other files not yet asked for."""
        status, body = await self._file(f"{origin}/robots.txt", self._tools.settings.robots_max_bytes)
        now = self._tools.clock.now()
        site: Row = {"origin": origin, "host": self._host, "robots_status": status, "robots_at": now}
        site |= {"not_before": 0.0, "pressure": 0.0}
        if status is None or is_failure(status):
            old = before or dict.fromkeys(("robots", "unreachable_since", *SITE_FILES))
            site |= {name: old[name] for name in ("robots", *SITE_FILES)}
            return site | {"unreachable_since": old["unreachable_since"] or now}
        site |= dict.fromkeys(SITE_FILES)
        return site | {"robots": body if status // 100 == 2 else None, "unreachable_since": None}

    async def _reservation(self, url: str, before: bytes | None) -> bytes:
        """Return the file at ``url``, b"" where there is none; the one known ``before`` where there is no answer."""
        status, content = await self._file(url, SITE_FILE_BYTES)
        if status is None or is_failure(status):
            return before or b""
        return content if status == 200 else b""

    async def _file(self, url: str, limit: int) -> tuple[int | None, bytes]:
        """Return status and decoded body of a site's file, through redirects; status None where there is no answer."""
        start = url
        for _ in range(ROBOTS_REDIRECTS + 1):
            try:
                exchange = await self._requester.get(url, limit=limit)
            except FetchFailed:
                return None, b""
            except AddressRefused:
                if url == start:
                    raise
                self._refusals.add("address", url, start)
                return None, b""  # a redirect to where nobody from outside must look: no answer
            if urlsplit(url).path == "/robots.txt":  # readers know it by its name; others would pass for documents
                self._tools.part.response(exchange, self._tools.clock.now(), [])
            location = first(exchange.fields, "location")
            if exchange.status not in REDIRECTS or not location:
                break
            try:
                url = normalise(location, url).url
            except Refusal as refusal:
                self._refusals.add(str(refusal), location, url)
                return 404, b""
        budget = Budget(self._tools.settings.max_expansion, limit, limit)
        try:
            return exchange.status, decoded_body(exchange.body, exchange.fields, budget)[:limit]
        except (BudgetExceeded, CodingError):
            return exchange.status, b""
