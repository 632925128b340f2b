"""Time and chance, as something that can be replaced."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """What the crawler knows of time and chance. Must be picklable: it travels to workers."""

    def now(self) -> float:
        """Return epoch seconds."""

    async def sleep(self, seconds: float) -> None:
        """Let others run for ``seconds``."""

    def pause(self, seconds: float) -> None:
        """Block for ``seconds``."""

    def draw(self) -> float:
        """Return a random number in [0, 1)."""


@dataclass(frozen=True)
class SystemClock:
    """The machine's time."""

    def now(self) -> float:
        """See :class:`Clock`."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """See :class:`Clock`."""
        await asyncio.sleep(seconds)

    def pause(self, seconds: float) -> None:
        """See :class:`Clock`."""
        time.sleep(seconds)

    def draw(self) -> float:
        """See :class:`Clock`."""
        return random.random()  # noqa: S311 - spreads requests, guards nothing
