"""When the next request to a host may begin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

from corpus.config.crawl import CrawlSettings

_SLOW_DOWN, _SPEED_UP = 2.0, 0.8


class Pace:
    """The delay of one host: adapts to its answers, keeps to what it asks for. Times are epoch seconds.

    At least ``min_delay``, at least Crawl-delay, at least ``delay_factor``
    times the last response time, doubled by 429 and 5xx and slowly shrinking
    again; a Retry-After is waited for in full.
    """

    def __init__(
        self,
        settings: CrawlSettings,
        draw: Callable[[], float],
        *,
        not_before: float = 0.0,
        pressure: float = 0.0,
    ) -> None:
        self._settings, self._draw = settings, draw
        self.asked = 0.0  # Crawl-delay of robots.txt
        self.pressure = pressure  # seconds that overload has added
        self.not_before = not_before
        self._answered_at: float | None = None

    def ask(self, delay: float | None) -> None:
        """Take the delay that robots.txt asks for; it also holds for the request that may come next."""
        self.asked = max(delay or 0.0, self.asked)
        if self._answered_at is not None:
            self.not_before = max(self.not_before, self._answered_at + self.asked)

    def answered(self, now: float, seconds: float, status: int | None, retry_after: str | None) -> None:
        """Take the end of a request at ``now`` that took ``seconds``; ``status`` None means no answer."""
        settings = self._settings
        self._answered_at = now
        if status is None or status == 429 or status >= 500:
            self.pressure = min(max(self.pressure, settings.min_delay, 0.1) * _SLOW_DOWN, settings.max_delay)
        else:
            self.pressure = self.pressure * _SPEED_UP if self.pressure > 0.05 else 0.0
        adaptive = min(max(settings.min_delay, settings.delay_factor * seconds, self.pressure), settings.max_delay)
        delay = max(adaptive, self.asked)
        self.not_before = now + delay * (1 + settings.delay_jitter * self._draw())
        if status in (429, 503, 301, 302, 307, 308):
            wait = retry_after_seconds(retry_after, now)
            if wait is not None:
                self.not_before = max(self.not_before, now + min(wait, settings.max_retry_after))


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """Return the seconds from ``now`` that a Retry-After header asks for (RFC 9110, 10.2.3), None where unreadable."""
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)
