"""Mobile and fixed-line numbers of mainland China."""

from __future__ import annotations

import re

from corpus.pii.candidate import Candidate
from pii_rules.validators.tables import pairs, words

# How people write eleven digits; other groupings are believed near a cue only.
GROUPINGS = {(11,), (3, 4, 4), (4, 3, 4), (4, 4, 3), (3, 8), (3, 3, 5), (5, 6), (7, 4), (3, 2, 3, 3), (1,) * 11}
WEAK = 0.3
GROUPED = 0.7
PLAIN = 0.75
# Marks that divide the groups of a telephone number: ITU-T E.123 (blank), RFC 3966, 5.1.1 (hyphen, full stop). Others
# are a file's or a variable's name, a product, a fraction, unless a cue says that someone hides a number.
VISUAL_SEPARATORS = frozenset(" -.")
DOTTED_QUAD = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")
MORE_BEFORE = re.compile(r"[0-9] {1,3}$")  # one column of a row of numbers
MORE_AFTER = re.compile(r" {1,3}[0-9]")
NEIGHBOURS = 4  # characters looked at beside the number


def mobile(candidate: Candidate) -> Candidate | None:
    """Eleven digits with an assigned prefix; a country code before them belongs to the span."""
    local = re.sub(r"^\(?\+? ?(?:0086|86)\)?[-. ]{0,2}(?=1)", "", candidate.value)
    groups = tuple(len(group) for group in re.findall(r"[0-9]+", local))
    number = re.sub(r"[^0-9]", "", local)
    if len(number) != 11 or not _assigned(number) or _is_ipv4(local):
        return None
    if groups not in GROUPINGS or (not candidate.cued and _is_other_notation(candidate, local, groups)):
        return candidate._replace(score=WEAK)
    if len(set(number[3:])) == 1 and not candidate.cued:
        return None  # 13800000000: a sample or a pattern
    return candidate._replace(score=PLAIN if groups == (11,) else GROUPED)


def _is_ipv4(written: str) -> bool:
    """Whether the digits are written as an IPv4 address (RFC 6943, 3.1.1: four decimal octets)."""
    return DOTTED_QUAD.fullmatch(written) is not None and all(int(octet) < 256 for octet in written.split("."))


def _is_other_notation(candidate: Candidate, written: str, groups: tuple[int, ...]) -> bool:
    """Whether separators or neighbours say that this is a name with digits or a row of numbers."""
    if len(groups) == 1:
        return False
    if not VISUAL_SEPARATORS.issuperset(re.sub(r"[0-9]", "", written)) or max(groups) == 1:
        return True
    before = candidate.text[max(0, candidate.start - NEIGHBOURS) : candidate.start]
    after = candidate.text[candidate.end : candidate.end + NEIGHBOURS]
    return " " in written and bool(MORE_BEFORE.search(before) or MORE_AFTER.match(after))


def _assigned(number: str) -> bool:
    prefixes = words("mobile_prefixes")
    return number[:3] in prefixes or number[:4] in prefixes


def landline(candidate: Candidate) -> Candidate | None:
    """Area code of the table and as many digits as its numbers have; an extension belongs to the span."""
    body = re.split(r"转|-(?=[0-9]{1,6}$)|ext", candidate.value)[0]
    number = re.sub(r"[^0-9]", "", re.sub(r"^\(?\+? ?(?:0086|86)[)-]? ?", "0", body))
    number = "0" + number.lstrip("0")
    lengths = pairs("area_codes")
    for width in (3, 4):
        wanted = lengths.get(number[:width])
        if wanted is not None and str(len(number) - width) in wanted.split(","):
            if number[width] in "01":
                return None
            return candidate
    return None
