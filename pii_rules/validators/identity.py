"""Identity numbers of persons and organisations."""

from __future__ import annotations

from datetime import date

from corpus.pii.candidate import Candidate
from pii_rules.validators import checksums
from pii_rules.validators.tables import words

VALID = 0.85  # checksum holds
FIRST_BIRTH_YEAR = 1880  # nobody older is alive; resident IDs exist since 1984
LAST_BIRTH_YEAR = 2049


def compact(value: str) -> str:
    """Return ``value`` without separators, upper case."""
    return "".join(char for char in value if char.isalnum()).upper()


def is_date(year: int, month: int, day: int) -> bool:
    """Whether the date exists and may be a birth date."""
    if not FIRST_BIRTH_YEAR <= year <= LAST_BIRTH_YEAR:
        return False
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def is_resident_id(number: str) -> bool:
    """GB 11643-1999: province, real date, check character. The county may be abolished: people keep their number."""
    return (
        len(number) == 18
        and number[:17].isdigit()
        and number[:2] in words("province_codes")
        and is_date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
        and checksums.mod_11_2(number)
    )


def resident_id(candidate: Candidate) -> Candidate | None:
    """18-digit resident ID, residence permits of Hong Kong, Macau and Taiwan residents (81-83) among them."""
    number = compact(candidate.value)
    # 1..7 in the last place of a separated number may be the head of the next one; the checksum settles it.
    return candidate._replace(score=VALID) if is_resident_id(number) else None


def resident_id_15(candidate: Candidate) -> Candidate | None:
    """15-digit resident ID (before 1999): no check digit, so the rule requires context."""
    number = compact(candidate.value)
    valid = number[:2] in words("province_codes") and is_date(
        1900 + int(number[6:8]), int(number[8:10]), int(number[10:12])
    )
    return candidate if valid else None


def permanent_resident(candidate: Candidate) -> Candidate | None:
    """Foreigner's permanent residence card since 2023-12-01: 9, province, country, date, sequence, MOD 11-2."""
    number = compact(candidate.value)
    valid = (
        number[1:3] in words("province_codes")
        and is_date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
        and checksums.mod_11_2(number)
    )
    return candidate._replace(score=VALID) if valid else None


def organisation(candidate: Candidate) -> Candidate | None:
    """Unified social credit code."""
    return candidate._replace(score=VALID) if checksums.uscc(candidate.value) else None


def hong_kong(candidate: Candidate) -> Candidate | None:
    """Hong Kong identity card; without brackets round the check digit the rule's score needs a cue."""
    number = compact(candidate.value)
    letters = number[:-7]
    if not checksums.hong_kong_id(letters, number[-7:-1], number[-1]):
        return None
    return candidate


def taiwan(candidate: Candidate) -> Candidate | None:
    """Taiwan national ID and resident certificate."""
    number = compact(candidate.value)
    check = checksums.taiwan_id if number[1].isdigit() else checksums.taiwan_resident_id
    return candidate if check(number) else None
