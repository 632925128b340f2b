"""Dates as web sources write them, as seconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

_PATTERN = re.compile(
    r"\s*(\d{4})(?:[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?)?月?)?"
    r"(?:[T\s]+(\d{1,2})[:时点](\d{1,2})(?:[:分](\d{1,2})(?:[.,]\d+)?秒?)?分?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?\s*年?\Z"
)
# A number is seconds below this, else milliseconds: 1e11 seconds is the year 5138, 1e11 milliseconds is 1973.
_MILLISECONDS_FROM = 10**11
_LAST = 253402300799  # 9999-12-31T23:59:59Z


def epoch_seconds(value: object) -> int | None:
    """Return ``value`` as seconds since 1970 UTC, or None where it is not a date.

    Takes ISO 8601 of any precision (WARC-Date allows the year alone), slashes
    or 年月日 as separators, RFC 2822, and epoch numbers in seconds or
    milliseconds. A date without an offset is taken as UTC.
    """
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _from_number(value)
    if not isinstance(value, str) or len(value) > 64:
        return None
    match = _PATTERN.match(value)
    if match is None:
        return _from_words(value)
    year, month, day, hour, minute, second, zone = match.groups()
    try:
        moment = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), min(int(second or 0), 59), 0,
            _zone(zone),
        )  # fmt: skip
    except ValueError:
        return None
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


def _from_number(value: float) -> int | None:
    if value != value or abs(value) > _LAST * 1000:
        return None
    seconds = value if abs(value) < _MILLISECONDS_FROM else value // 1000
    return int(seconds) if 0 < seconds <= _LAST else None


def _from_words(value: str) -> int | None:
    text = value.strip()
    if text.isascii() and text.isdigit():
        return _from_number(int(text))
    try:
        moment = parsedate_to_datetime(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _zone(text: str | None) -> timezone:
    if text is None or text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
