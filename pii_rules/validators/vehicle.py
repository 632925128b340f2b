"""Number plates."""

from __future__ import annotations

import re

from corpus.pii.candidate import Candidate

# Province characters that end common words: 最新, 阿里云, 很贵. After a Han character and without a cue: no plate.
ALSO_WORDS = frozenset("新云使青黑宁吉贵甘藏川蒙晋湘赣桂琼")


def plate(candidate: Candidate) -> Candidate | None:
    """GA 36-2018: five places with at most two letters; new energy six, D or F (A-K since 2021) first or last."""
    value = candidate.value
    serial = re.sub(r"[^0-9A-Za-z]", "", value[2:])
    tail = value[-1] if value[-1] in "挂学警港澳领试超" else ""
    digits = sum(char.isdigit() for char in serial)
    letters = len(serial) - digits
    size = len(serial) + len(tail)
    if not digits or (size == 5 and not candidate.cued and not (letters <= 2 and digits >= 2)):
        return None
    if size == 6 and not candidate.cued:
        small = re.fullmatch(r"[A-HJ-Ka-hj-k][0-9A-HJ-NP-Za-hj-np-z][0-9]{4}", serial)
        large = re.fullmatch(r"[0-9]{5}[A-HJ-Ka-hj-k]", serial)
        if not (small or large):
            return None
    if size not in (5, 6):
        return None
    before = candidate.text[candidate.start - 1 : candidate.start]
    if not candidate.cued:
        if re.search(r"[a-z]", value):
            return None
        if value[0] in ALSO_WORDS and "一" <= before <= "龥":
            return None
    return candidate
