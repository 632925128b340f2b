"""Check digits, from their standards. Arguments are ASCII strings of the right length and alphabet."""

from __future__ import annotations

import hashlib

MOD_11_2_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # 2^(17-i) mod 11
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I O S V Z
TW_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # value of the n-th letter: 10 + n
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)  # BIP 173
BECH32_CONSTANTS = (1, 0x2BC830A3)  # BIP 173 (bech32), BIP 350 (bech32m)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: bank cards, IMEI (3GPP TS 23.003)."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        digit = ord(char) - 48
        if place % 2:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return total % 10 == 0


def mod_11_2(number: str) -> bool:
    """ISO 7064 MOD 11-2 over 17 digits and a check character (GB 11643-1999; foreigner's permanent residence card)."""
    total = sum((ord(char) - 48) * weight for char, weight in zip(number, MOD_11_2_WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == number[17].upper()


def uscc(code: str) -> bool:
    """GB 32100-2015: weights 3^i mod 31 over 17 characters, check 31 - sum mod 31."""
    values = [USCC_ALPHABET.find(char) for char in code.upper()]
    if min(values) < 0:
        return False
    total = sum(value * pow(3, place, 31) for place, value in enumerate(values[:17]))
    return (31 - total % 31) % 31 == values[17]


def hong_kong_id(letters: str, digits: str, check: str) -> bool:
    """Weights 9..1 over one or two letters (A = 10, blank = 36), six digits and the check (A = 10), modulo 11."""
    padded = letters.rjust(2)
    values = [36 if char == " " else ord(char) - 55 for char in padded] + [ord(char) - 48 for char in digits]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return (total + (10 if check == "A" else ord(check) - 48)) % 11 == 0


def taiwan_id(number: str) -> bool:
    """A letter (two digits, weights 1 and 9) and nine digits (weights 8..1, 1), modulo 10."""
    return _taiwan(number[0], number[1:])


def taiwan_resident_id(number: str) -> bool:
    """The resident certificate before 2021: two letters, eight digits; the second letter counts by its last digit."""
    return _taiwan(number[0], str(TW_LETTERS.index(number[1]) % 10) + number[2:])


def _taiwan(letter: str, digits: str) -> bool:
    value = 10 + TW_LETTERS.index(letter)
    total = value // 10 + value % 10 * 9
    total += sum((ord(char) - 48) * weight for char, weight in zip(digits, (8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True))
    return total % 10 == 0


def base58check(text: str) -> bool:
    """Bitcoin and Tron addresses: 25 bytes, the last four the head of a double SHA-256 of the others."""
    number = 0
    for char in text:
        place = BASE58.find(char)
        if place < 0:
            return False
        number = number * 58 + place
    if number >= 1 << 200:
        return False
    data = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(data[:21]).digest()).digest()[:4] == data[21:]


def bech32(text: str) -> bool:
    """BIP 173 and BIP 350 addresses: human-readable part, ``1``, data with a six-character checksum."""
    text = text.lower()
    prefix, _, data = text.rpartition("1")
    values = [BECH32.find(char) for char in data]
    if not prefix or len(values) < 7 or min(values) < 0:
        return False
    state = 1
    for value in [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(BECH32_GENERATOR):
            state ^= generator if top >> bit & 1 else 0
    return state in BECH32_CONSTANTS
