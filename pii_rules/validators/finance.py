"""Bank cards, IMEI, wallets."""

from __future__ import annotations

import re

from corpus.pii.candidate import Candidate
from pii_rules.validators import checksums
from pii_rules.validators.tables import pairs

VALID = 0.85
UNCUED = 0.6
WEAK = 0.3


def bank_card(candidate: Candidate) -> Candidate | None:
    """Luhn, an issuer prefix, and a length that the issuer uses (ISO/IEC 7812).

    One in ten random numbers passes Luhn: without a cue only UnionPay prefixes in a usual grouping count.
    """
    number = re.sub(r"[^0-9]", "", candidate.value)
    table = pairs("card_prefixes")
    lengths = next((table[number[:width]] for width in (6, 4, 3, 2, 1) if number[:width] in table), "")
    if str(len(number)) not in lengths.split(",") or not checksums.luhn(number) or len(set(number)) < 4:
        return None
    groups = [len(group) for group in re.findall(r"[0-9]+", candidate.value)]
    usual = len(groups) == 1 or all(size == 4 for size in groups[:-1])
    unionpay = number[:4] in table and number.startswith("62")
    return candidate._replace(score=UNCUED if usual and unionpay else WEAK)


def imei(candidate: Candidate) -> Candidate | None:
    """15 digits, Luhn (3GPP TS 23.003); the rule requires context."""
    number = re.sub(r"[^0-9]", "", candidate.value)
    return candidate if checksums.luhn(number) and len(set(number)) > 2 else None


def base58_wallet(candidate: Candidate) -> Candidate | None:
    """Bitcoin (P2PKH, P2SH) and Tron addresses."""
    return candidate._replace(score=VALID) if checksums.base58check(candidate.value) else None


def bech32_wallet(candidate: Candidate) -> Candidate | None:
    """Segregated witness addresses."""
    return candidate._replace(score=VALID) if checksums.bech32(candidate.value) else None


def ethereum_wallet(candidate: Candidate) -> Candidate | None:
    """40 hexadecimal digits that are not a pattern; the rule's score needs a cue, contracts look the same."""
    return candidate if len(set(candidate.value[2:].lower())) >= 8 else None
