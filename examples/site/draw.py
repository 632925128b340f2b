"""Choices that depend on nothing but a key: the same site at every run, on every machine and Python."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

SLOT = re.compile(r"\{([^{}]+)\}")
WHOLE_RANGE = re.compile(r"(\d+)-(\d+)\Z")
DECIMAL_RANGE = re.compile(r"(\d+\.\d+)-(\d+\.\d+)\Z")


def hash_number(*key: object) -> int:
    """A 64-bit number from the parts of a key."""
    return int.from_bytes(hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()[:8], "big")


def shuffled(values: Sequence[T], *key: object) -> list[T]:
    """The values in an order that the key decides."""
    ranked = sorted(range(len(values)), key=lambda index: hash_number(*key, index))
    return [values[index] for index in ranked]


class Draw:
    """A counter-based stream of choices for one page."""

    def __init__(self, *key: object) -> None:
        self._key = key
        self._count = 0

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit - 1``."""
        self._count += 1
        return hash_number(*self._key, self._count) % limit

    def between(self, low: int, high: int) -> int:
        """A number from ``low`` to ``high``, both possible."""
        return low + self.below(high - low + 1)

    def choice(self, values: Sequence[T]) -> T:
        """One of the values."""
        return values[self.below(len(values))]

    def sample(self, values: Sequence[T], size: int) -> list[T]:
        """``size`` different positions of the values, in drawn order."""
        self._count += 1
        return shuffled(values, *self._key, self._count)[:size]

    def digits(self, size: int) -> str:
        """A string of decimal digits."""
        return "".join(str(self.below(10)) for _ in range(size))

    def fill(self, pattern: str, slots: dict[str, str]) -> str:
        """Fill ``{name}`` from the slots, ``{3-12}`` and ``{1.5-4.0}`` with a number, ``{a|b}`` with one of the two.

        Raises:
            KeyError: a name without a slot.
        """

        def value(match: re.Match[str]) -> str:
            inner: str = match.group(1)
            if whole := WHOLE_RANGE.match(inner):
                return str(self.between(int(whole.group(1)), int(whole.group(2))))
            if decimal := DECIMAL_RANGE.match(inner):
                places = len(decimal.group(1).split(".")[1])
                low, high = (round(float(end) * 10**places) for end in decimal.groups())
                return f"{self.between(low, high) / 10**places:.{places}f}"
            if "|" in inner:
                return self.choice(inner.split("|"))
            return self.fill(slots[inner], slots)

        return SLOT.sub(value, pattern)
