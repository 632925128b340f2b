"""Requests to one host: one at a time, never before the host's pace allows it, never after the task's deadline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from corpus.config.crawl import CrawlSettings
from corpus.reading.headers import first
from pipelines.crawl.clock import Clock
from pipelines.crawl.exchange import Connection, Exchange, FetchFailed
from pipelines.crawl.pace import Pace
from pipelines.crawl.part import Part
from pipelines.crawl.urls import Scope

REDIRECTS = frozenset([301, 302, 303, 307, 308])
_SERVER_ERROR, _TOO_MANY_REQUESTS = 500, 429


@dataclass(frozen=True)
class Tools:
    """What all hosts of a task share."""

    settings: CrawlSettings
    scope: Scope
    clock: Clock
    part: Part
    connect: Callable[[], Connection]
    deadline: float  # epoch seconds: no request begins later
    known: set[bytes]  # keys of links that were handed on already


class TimeUp(Exception):
    """The next request would begin behind the deadline."""


class Requester:
    """Makes the requests of one host and keeps its pace. Not for concurrent use: that is the point."""

    def __init__(self, tools: Tools, not_before: float, pressure: float) -> None:
        self.pace = Pace(tools.settings, tools.clock.draw, not_before=not_before, pressure=pressure)
        self.failures = 0  # in a row
        self.answers = 0
        self._clock, self._deadline = tools.clock, tools.deadline
        self._connection = tools.connect()

    async def get(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        limit: int | None = None,
        wanted: Callable[[bytes], bool] = lambda head: True,
    ) -> Exchange:
        """Wait for the host's turn and request ``url``.

        Raises TimeUp, and what :meth:`pipelines.crawl.exchange.Connection.fetch` raises.
        """
        await self._wait()
        started = self._clock.now()
        try:
            exchange = await self._connection.fetch(url, headers, limit, wanted)
        except FetchFailed:
            now = self._clock.now()
            self.pace.answered(now, now - started, None, None)
            self.failures += 1
            raise
        retry_after = first(exchange.fields, "retry-after")
        self.pace.answered(self._clock.now(), exchange.seconds, exchange.status, retry_after)
        failed = is_failure(exchange.status)
        self.failures = self.failures + 1 if failed else 0
        self.answers += not failed
        return exchange

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def _wait(self) -> None:
        while (now := self._clock.now()) < self.pace.not_before:
            if self.pace.not_before > self._deadline:
                raise TimeUp
            await self._clock.sleep(self.pace.not_before - now)
        if now > self._deadline:
            raise TimeUp


def is_failure(status: int) -> bool:
    """Return whether a response is the server's failure or refusal for now: to be tried again."""
    return status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS
