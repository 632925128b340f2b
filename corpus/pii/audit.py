"""An independent look for what scrubbing has left behind.

This shares no code with the rules: no expressions of theirs, no shadow, no validators. It takes every run of
digits, however spaced, and asks the checksums; and looks for e-mail addresses by hand. What it reports is a
suspicion, not a finding: one in ten numbers passes Luhn, one in eleven MOD 11-2 (before date and province).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

ZERO_WIDTH = frozenset("\u200b\u200c\u200d\ufeff")
JOINERS = frozenset(" -.·\u00a0") | ZERO_WIDTH  # what may stand, once, between the digits of a number
MOBILE_GROUPS = ((11,), (3, 4, 4), (4, 4, 3), (3, 8), (1,) * 11)  # how people write one; other groups are other numbers
COUNTRY_CODE = ("86", 2)
MIN_DIGITS, MAX_DIGITS = 11, 19
ID_FACTORS: list[int] = [2**power % 11 for power in range(17, 0, -1)]
FIRST_YEAR, LAST_YEAR = 1900, 2035
MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
PROVINCES = frozenset(
    [*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83]
)
LEFT_OUT = ("13800138000", "10000000000")
# RFC 2606 and RFC 6761: nobody's. git@host is how a repository's address begins.
RESERVED_DOMAINS = ("example.com", "example.net", "example.org")
RESERVED_SUFFIXES = (".example", ".test", ".invalid", ".localhost", ".example.com", ".example.net", ".example.org")
NOT_PERSONS = ("git",)


class Suspicion(NamedTuple):
    """A place that may still hold personal information."""

    text: int  # number of the text
    start: int  # code points
    end: int
    check: str  # "resident_id", "mobile", "bank_card", "email"


def audit(texts: Iterable[str]) -> list[Suspicion]:
    """Return what the checks suspect in ``texts``, in order."""
    found: list[Suspicion] = []
    for number, text in enumerate(texts):
        found.extend(Suspicion(number, *place) for place in sorted([*_numbers(text), *_addresses(text)]))
    return found


def leak_rate(suspicions: Sequence[Suspicion], characters: int) -> float:
    """Return suspicions per million characters, quantised to 1e-4."""
    return round(len(suspicions) * 1e6 / characters, 4) if characters else 0.0


def _numbers(text: str) -> list[tuple[int, int, str]]:
    """Return the digit runs that pass a check."""
    found = []
    at = 0
    while at < len(text):
        if not _digit(text[at]):
            at += 1
            continue
        places = [at]
        groups = [1]
        joiners = ""
        end = at + 1
        while end < len(text) and (
            _digit(text[end]) or (text[end] in JOINERS and end + 1 < len(text) and _digit(text[end + 1]))
        ):
            if _digit(text[end]):
                places.append(end)
                groups[-1] += 1
            elif text[end] not in ZERO_WIDTH:
                joiners += text[end]
                groups.append(0)
            end += 1
        if end < len(text) and text[end] in "xXＸｘ":
            places.append(end)
            end += 1
        before = text[at - 1] if at else " "
        if MIN_DIGITS <= len(places) <= MAX_DIGITS and not (before.isascii() and before.isalnum()):
            digits = "".join("X" if text[p] in "xXＸｘ" else str(unicodedata.digit(text[p])) for p in places)
            check = _check(digits, tuple(groups), joiners)
            if check is not None:
                found.append((at, end, check))
        at = end
    return found


def _is_decimal(groups: Sequence[int], joiners: str) -> bool:
    """Whether the points make a decimal fraction or the address of a machine, not one number in groups."""
    return joiners.count(".") == 1 or (joiners == "..." and max(groups) <= 3)


def _digit(char: str) -> bool:
    return char.isdigit() and unicodedata.digit(char, -1) >= 0


def _check(digits: str, groups: tuple[int, ...], joiners: str) -> str | None:
    """Return the name of the strongest check that ``digits`` passes.

    They are written in ``groups`` of these sizes with ``joiners`` between. Of a resident ID province, date and check
    digit tell; a mobile number or a card is believed only where it is no decimal fraction.
    """
    if len(digits) == 18 and _resident_id(digits):
        return "resident_id"
    if "X" in digits or _is_decimal(groups, joiners):
        return None
    code, size = COUNTRY_CODE
    if len(digits) == 11 + size and digits.startswith(code):
        digits = digits[size:]
        groups = groups[1:] if groups[0] == size else (groups[0] - size, *groups[1:])
    if len(digits) == 11 and digits[0] == "1" and digits[1] in "3456789" and digits not in LEFT_OUT:
        return "mobile" if groups in MOBILE_GROUPS else None
    if len(digits) in (16, 19) and digits[:2] == "62" and _doubled_sum(digits) % 10 == 0:
        return "bank_card"
    return None


def _resident_id(digits: str) -> bool:
    year, month, day = digits[6:10], digits[10:12], digits[12:14]
    if not digits[:17].isdigit() or int(digits[:2]) not in PROVINCES:
        return False
    if not FIRST_YEAR <= int(year) <= LAST_YEAR or not 1 <= int(month) <= 12:
        return False
    if not 1 <= int(day) <= MONTH_DAYS[int(month) - 1]:
        return False
    total = sum(int(digit) * factor for digit, factor in zip(digits, ID_FACTORS, strict=False))
    checked: bool = (total + (10 if digits[17] == "X" else int(digits[17]))) % 11 == 1
    return checked


def _doubled_sum(digits: str) -> int:
    """Return the Luhn sum, by table."""
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    return sum(int(d) if place % 2 == 0 else doubled[int(d)] for place, d in enumerate(reversed(digits)))


def _addresses(text: str) -> list[tuple[int, int, str]]:
    """Return places that look like e-mail addresses."""
    found = []
    for at, char in enumerate(text):
        if char not in "@＠":
            continue
        start = at
        while start and text[start - 1].isascii() and (text[start - 1].isalnum() or text[start - 1] in "._%+-"):
            start -= 1
        end = at + 1
        while end < len(text) and text[end].isascii() and (text[end].isalnum() or text[end] in ".-"):
            end += 1
        domain = text[at + 1 : end].rstrip(".-")
        if start < at and _is_personal(text[start:at], domain.lower()):
            found.append((start, at + 1 + len(domain), "email"))
    return found


def _is_personal(name: str, domain: str) -> bool:
    """Whether ``name`` at ``domain`` (lower case) may be somebody's address."""
    if domain.startswith(".") or "." not in domain or not domain.rpartition(".")[2].isalpha():
        return False
    return name not in NOT_PERSONS and domain not in RESERVED_DOMAINS and not domain.endswith(RESERVED_SUFFIXES)
