"""robots.txt (RFC 9309) and reservations that a whole site makes (TDMRep, ai.txt)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from protego import Protego

UNREACHABLE_AS_UNAVAILABLE_S = 30 * 86_400  # RFC 9309, 2.3.1.4: "a reasonably long period (for example, 30 days)"
_TDMREP_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What one host allows one robot."""

    parser: Protego | None  # None: everything, or nothing
    allow_all: bool
    token: str

    def allows(self, url: str) -> bool:
        """Return whether ``url`` may be fetched."""
        return self.allow_all if self.parser is None else self.parser.can_fetch(url, self.token)

    @property
    def reachable(self) -> bool:
        """Whether anything may be asked of the host."""
        return self.parser is not None or self.allow_all

    @property
    def delay(self) -> float | None:
        """Seconds between requests that the host asks for: Crawl-delay or Request-rate, the longer one."""
        if self.parser is None:
            return None
        delay = self.parser.crawl_delay(self.token)
        rate = self.parser.request_rate(self.token)
        asked = [] if delay is None else [float(delay)]
        if rate is not None and rate.requests:
            asked.append(rate.seconds / rate.requests)
        return max(asked, default=None)

    @property
    def sitemaps(self) -> list[str]:
        """URLs of the sitemaps that are named."""
        return [] if self.parser is None else list(dict.fromkeys(self.parser.sitemaps))


def rules_of(status: int | None, body: bytes, token: str, unreachable_for: float = 0.0) -> Rules:
    """Return the rules that a fetch of robots.txt gave.

    2xx: the file. 4xx ("unavailable"): everything is allowed; but 429 asks to
    stay away and counts as unreachable. 5xx and no answer (``status`` None,
    "unreachable"): nothing is allowed, for 30 days at most. 3xx here means more
    redirects than are followed: unavailable (RFC 9309, 2.3.1).
    """
    if status is not None and 200 <= status < 300:
        text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").replace("\x00", "")
        return Rules(Protego.parse(text), True, token)
    if status is not None and 300 <= status < 500 and status != 429:
        return Rules(None, True, token)
    return Rules(None, unreachable_for > UNREACHABLE_AS_UNAVAILABLE_S, token)


class SiteReservations:
    """What a site reserves for all or some of its paths: ``/.well-known/tdmrep.json`` and ``/ai.txt``."""

    def __init__(self, tdmrep: bytes = b"", ai_txt: bytes = b"", token: str = "") -> None:
        self._tdm = _tdm_rules(tdmrep)
        text = ai_txt.decode("utf-8", "replace")
        # A page that a site sends for every path is no ai.txt.
        self._ai = Protego.parse(text) if text and "<" not in text[:256] else None
        self._token = token

    def of(self, url: str) -> list[str]:
        """Return the reservations that hold for ``url``: "tdm-reservation", "ai.txt"."""
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        found = []
        if self._ai is not None and not self._ai.can_fetch(url, self._token):
            found.append("ai.txt")
        reserved = next((reserved for pattern, reserved in self._tdm if pattern.match(path)), False)
        return [*found, "tdm-reservation"] if reserved else found


def _tdm_rules(data: bytes) -> list[tuple[_Location, bool]]:
    """Return the rules of a tdmrep.json, in their order: the first whose location matches decides (W3C TDMRep)."""
    try:
        entries: Any = orjson.loads(data) if data else []
    except orjson.JSONDecodeError:
        return []
    return [
        (_Location.parse(entry["location"]), entry.get("tdm-reservation") in (1, "1", True))
        for entry in (entries[:_TDMREP_LIMIT] if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("location"), str)
    ]


@dataclass(frozen=True, slots=True)
class _Location:
    """TDMRep's path pattern: "*" is any characters, "$" at the end the end. Matched in linear time: a hostile file must
    not cost more than its bytes."""

    pieces: tuple[str, ...]
    to_end: bool

    @classmethod
    def parse(cls, pattern: str) -> _Location:
        return cls(tuple(re.split(r"\*+", pattern.removesuffix("$"))), pattern.endswith("$"))

    def match(self, path: str) -> bool:
        first, *rest = self.pieces
        if not path.startswith(first):
            return False
        place = len(first)
        last = rest.pop() if rest and self.to_end else None
        for piece in rest:
            found = path.find(piece, place)
            if found < 0:
                return False
            place = found + len(piece)
        if last is not None:
            return len(path) - place >= len(last) and path.endswith(last)
        return place == len(path) if self.to_end else True
