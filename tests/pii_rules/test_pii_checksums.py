"""Checksums against values that the standards print or that follow from them by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pii_rules.validators import checksums

BODY = st.text("0123456789", min_size=17, max_size=17)


def test_resident_id_example_of_the_standard() -> None:
    assert checksums.mod_11_2("11010519491231002X")  # GB 11643-1999, 4.3
    assert checksums.mod_11_2("440524188001010014")


@given(BODY)
def test_exactly_one_check_character_fits(body: str) -> None:
    assert sum(checksums.mod_11_2(body + check) for check in "0123456789X") == 1


@given(BODY, st.integers(0, 16), st.integers(1, 9))
def test_every_single_digit_error_is_found(body: str, place: int, shift: int) -> None:
    check = next(c for c in "0123456789X" if checksums.mod_11_2(body + c))
    wrong = body[:place] + str((int(body[place]) + shift) % 10) + body[place + 1 :]
    assert not checksums.mod_11_2(wrong + check)


@given(st.text("0123456789", min_size=12, max_size=18))
def test_luhn_has_one_check_digit_and_finds_single_errors(body: str) -> None:
    valid = [digit for digit in "0123456789" if checksums.luhn(body + digit)]
    assert len(valid) == 1
    assert not checksums.luhn(str((int(body[0]) + 1) % 10) + body[1:] + valid[0])


@pytest.mark.parametrize("card", ["4111111111111111", "5555555555554444", "378282246310005", "6011000990139424"])
def test_luhn_on_test_cards(card: str) -> None:
    assert checksums.luhn(card)


def test_unified_social_credit_code() -> None:
    assert checksums.uscc("91350100M000100Y43")  # GB 32100-2015, annex
    assert not checksums.uscc("91350100M000100Y44")
    assert not checksums.uscc("9135010OM000100Y43")  # O is not in the alphabet


@pytest.mark.parametrize(
    ("letters", "digits", "check"), [("G", "123456", "A"), ("C", "123456", "9"), ("AB", "987654", "3")]
)
def test_hong_kong_id(letters: str, digits: str, check: str) -> None:
    assert checksums.hong_kong_id(letters, digits, check)
    assert not checksums.hong_kong_id(letters, digits, "2")


def test_taiwan_ids() -> None:
    assert checksums.taiwan_id("A123456789")
    assert not checksums.taiwan_id("A123456788")
    assert checksums.taiwan_resident_id("AC01234567")


def test_wallets() -> None:
    assert checksums.base58check("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")  # the genesis block's
    assert not checksums.base58check("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb")
    assert checksums.bech32("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4")  # BIP 173
    assert checksums.bech32("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0")  # BIP 350
    assert not checksums.bech32("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5")
