"""Dates of birth."""

from __future__ import annotations

import re

from corpus.pii.candidate import Candidate
from pii_rules.validators.identity import is_date

NUMERALS = {char: index for index, char in enumerate("〇一二三四五六七八九")} | {"零": 0, "○": 0, "元": 1}


def birth_date(candidate: Candidate) -> Candidate | None:
    """A date that exists, in digits or Chinese numerals, with or without its day, separated or not."""
    value = candidate.value
    if re.fullmatch(r"[0-9]{8}", value):
        parts = [value[:4], value[4:6], value[6:]]
    else:
        parts = re.findall(r"[0-9]+|[〇零○一二三四五六七八九十元]+", value)
    numbers = [_number(part) for part in parts]
    if not 2 <= len(numbers) <= 3:
        return None
    year, month, day = (*numbers, 1)[:3]
    if year < 100:
        year += 1900
    return candidate if is_date(year, month, day) else None


def _number(text: str) -> int:
    """Return the value of ASCII digits, of digits read out (一九八五), or of a number below 100 (二十三)."""
    if text.isdigit() and text.isascii():
        return int(text)
    if "十" not in text:
        return int("".join(str(NUMERALS[char]) for char in text))
    tens, _, ones = text.partition("十")
    return NUMERALS.get(tens, 1) * 10 + NUMERALS.get(ones, 0)
