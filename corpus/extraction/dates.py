"""Publication dates: from machine-readable values and from the forms that Chinese pages show.

A date without a zone is taken as China Standard Time (UTC+8) when it is
written in a Chinese form, else as UTC; the result is seconds since the epoch.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
_EARLIEST = 1990  # before the Web: an event's date, not a page's
_LATEST = 2100

_MACHINE = re.compile(
    r"(?P<year>(?:19|20)\d\d)[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
    r"(?:[T\s]+(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)?)?"
)
_COMPACT = re.compile(
    r"^(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)(?:(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?)?$"
)
_CHINESE = re.compile(
    r"(?P<year>(?:19|20)\d\d)\s*年\s*(?P<month>\d{1,2})\s*月\s*(?P<day>\d{1,2})\s*[日号號]"
    r"(?:\s*[(（]?(?:星期.|周.|週.)?[)）]?\s*(?P<half>上午|下午|晚上|中午|凌晨)?"
    r"\s*(?P<hour>\d{1,2})\s*[:：时時]\s*(?P<minute>\d\d)(?:\s*[:：分]\s*(?P<second>\d\d)?)?)?"
)
_MINGUO = re.compile(r"民[國国]\s*(?P<year>\d{2,3})\s*年\s*(?P<month>\d{1,2})\s*月\s*(?P<day>\d{1,2})\s*日")
_DIGITS = str.maketrans("〇○零一二三四五六七八九", "000123456789")
_NUMERALS = re.compile(
    r"(?P<year>[二一][〇○零一二三四五六七八九]{3})年(?P<month>十?[一二三四五六七八九]?|十)月(?P<day>[二三]?十?[一二三四五六七八九]?)日"
)


def parse_machine(value: str) -> int | None:
    """Return the time of a machine-readable value (ISO 8601 and near forms, ``20230501``, epoch seconds), or None."""
    value = value.strip()[:64]
    match = _MACHINE.search(value) or _COMPACT.match(value)
    if match:
        return _seconds(match, UTC if "T" in value else CHINA)
    if re.fullmatch(r"1\d{9}(?:\d{3})?", value):
        return int(value[:10])
    return parse_visible(value)


def parse_visible(text: str) -> int | None:
    """Return the time of the first date in ``text`` (2023年5月1日, 民國112年5月1日, 2023-05-01 08:30), or None."""
    best: tuple[int, int] | None = None
    for pattern in (_CHINESE, _MACHINE):
        match = pattern.search(text)
        if match and (best is None or match.start() < best[0]):
            seconds = _seconds(match, CHINA)
            if seconds is not None:
                best = (match.start(), seconds)
    if best:
        return best[1]
    match = _MINGUO.search(text)
    if match:
        return _time(int(match["year"]) + 1911, int(match["month"]), int(match["day"]), CHINA)
    match = _NUMERALS.search(text)
    if match:
        return _time(int(match["year"].translate(_DIGITS)), _numeral(match["month"]), _numeral(match["day"]), CHINA)
    return None


_ADDRESS = (
    re.compile(
        r"/(?P<year>(?:19|20)\d\d)[-/_]?(?P<month>0[1-9]|1[0-2])[-/_]?(?P<day>0[1-9]|[12]\d|3[01])(?=[/_.\-]|\D)"
    ),
    re.compile(r"/t(?P<year>20\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])_"),
)


def parse_address(url: str) -> int | None:
    """Return the day that a URL's path names (/2023/05/01/, /20230501/, /2023-05/01/, /t20230501_1.html), or None."""
    for pattern in _ADDRESS:
        match = pattern.search(url)
        if match:
            return _seconds(match, CHINA)
    return None


def _numeral(text: str) -> int:
    """Value of a Chinese numeral below one hundred; 0 for an empty one."""
    tens, ten, units = text.rpartition("十")
    value = int(units.translate(_DIGITS)) if units else 0
    return value + (10 * (int(tens.translate(_DIGITS)) if tens else 1) if ten else 0)


def _seconds(match: re.Match[str], zone: timezone) -> int | None:
    parts = match.groupdict()
    named = parts.get("zone")
    if named in ("Z", "UTC", "GMT"):
        zone = UTC
    elif named:
        sign = -1 if named[0] == "-" else 1
        minutes = int(named[1:3]) * 60 + int(named[-2:])
        if minutes >= 24 * 60:
            return None
        zone = timezone(sign * timedelta(minutes=minutes))
    hour = int(parts.get("hour") or 0)
    if parts.get("half") in ("下午", "晚上") and hour < 12:
        hour += 12
    return _time(
        int(parts["year"]), int(parts["month"]), int(parts["day"]), zone, hour,
        int(parts.get("minute") or 0), int(parts.get("second") or 0),
    )  # fmt: skip


def _time(
    year: int, month: int, day: int, zone: timezone, hour: int = 0, minute: int = 0, second: int = 0
) -> int | None:
    if not _EARLIEST <= year < _LATEST:
        return None
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp())
    except ValueError:
        return None


_ENGLISH = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+(?:19|20)\d\d\b"
    r"|\b\d{1,2}(?:st|nd|rd|th)?\s+(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.?,?\s+(?:19|20)\d\d\b",
    re.IGNORECASE,
)


def has_date(text: str) -> bool:
    """Return whether a full date is written in ``text``, in a Chinese, numeric or English form."""
    return any(pattern.search(text) for pattern in (_MACHINE, _CHINESE, _ENGLISH, _MINGUO))
