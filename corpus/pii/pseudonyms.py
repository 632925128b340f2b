"""Pseudonyms: the same person gets the same invented value wherever the same key is used.

Each keeps the format of its kind and is invalid by construction, so that it can never be somebody's: a number
range that is not assigned, a letter that the standard excludes, a checksum that fails. Kinds without a format
that can be broken get their placeholder with a short tag.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

STEMS = "甲乙丙丁戊己庚辛壬癸"
BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999, ISO 7064 MOD 11-2


def pseudonym(kind: str, value: str, stream: bytes) -> str:
    """Return the pseudonym of ``value`` drawn from ``stream`` (32 bytes of HMAC)."""
    maker = MAKERS.get(kind)
    number = int.from_bytes(stream, "big")
    return maker(value, number) if maker is not None else f"<{kind}:{stream[:4].hex()}>"


def _digits(number: int, count: int) -> str:
    return str(number % 10**count).zfill(count)


def _mobile(_: str, number: int) -> str:
    return "12" + _digits(number, 9)  # mobile numbers start with 13..19 (ITU E.164 list, MIIT)


def _landline(_: str, number: int) -> str:
    return "0999-0" + _digits(number, 6)  # 0999 is Yili's, and no subscriber number starts with 0


def _resident_id(_: str, number: int) -> str:
    day = date.fromordinal(date(1950, 1, 1).toordinal() + number % 20000)
    body = f"99{_digits(number >> 16, 4)}{day:%Y%m%d}{_digits(number >> 40, 3)}"
    check = "10X98765432"[sum(int(d) * w for d, w in zip(body, ID_WEIGHTS, strict=True)) % 11]
    return body + ("1" if check == "0" else "0")


def _bank_card(value: str, number: int) -> str:
    length = min(19, max(13, sum(char.isdigit() for char in value)))
    body = "0" + _digits(number, length - 2)  # 0: no issuer (ISO/IEC 7812 major industry identifier of ISO/TC 68)
    return body + str((_luhn(body) + 1) % 10)


def _imei(_: str, number: int) -> str:
    body = "00" + _digits(number, 12)
    return body + str((_luhn(body) + 1) % 10)


def _luhn(body: str) -> int:
    """Return the check digit that makes ``body`` + digit valid."""
    total = 0
    for place, char in enumerate(reversed(body)):
        digit = int(char) * (2 if place % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit
    return -total % 10


def _email(_: str, number: int) -> str:
    return f"user{_digits(number, 10)}@example.invalid"  # RFC 2606


def _ip(value: str, number: int) -> str:
    if ":" in value:
        return f"2001:db8:{number % 65536:x}:{(number >> 16) % 65536:x}::{(number >> 32) % 65536:x}"  # RFC 3849
    return f"{('192.0.2', '198.51.100', '203.0.113')[number % 3]}.{(number >> 8) % 256}"  # RFC 5737


def _mac(_: str, number: int) -> str:
    return ":".join(
        ["03", *(f"{(number >> shift) % 256:02X}" for shift in range(0, 40, 8))]
    )  # group bit: no card's own


def _passport(_: str, number: int) -> str:
    return "EI" + _digits(number, 7)  # the second letter is never I or O


def _plate(value: str, number: int) -> str:
    province = value[0] if "\u4e00" <= value[0] <= "\u9fa5" else "京"
    return f"{province}I{_digits(number, 5)}"  # no issuing office has the letter I (GA 36-2018)


def _qq(_: str, number: int) -> str:
    return "0" + _digits(number, 9)  # QQ numbers start with 1..9


def _wechat(_: str, number: int) -> str:
    return f"0wx{_digits(number, 10)}"  # WeChat ids start with a letter


def _hk_id(_: str, number: int) -> str:
    digits = _digits(number, 6)
    total = 36 * 9 + 33 * 8 + sum(int(d) * w for d, w in zip(digits, range(7, 1, -1), strict=True))  # blank, X
    check = "0123456789A"[-total % 11]
    return f"X{digits}({'1' if check == '0' else '0'})"


def _macau_id(_: str, number: int) -> str:
    return f"0{_digits(number, 6)}({number % 7})"  # valid ones start with 1, 5 or 7


def _tw_id(_: str, number: int) -> str:
    return "Z0" + _digits(number, 8)  # second digit: 1, 2 (citizens), 8, 9 (residents)


def _permit(_: str, number: int) -> str:
    return "X" + _digits(number, 8)


def _pr_card(_: str, number: int) -> str:
    body = f"999{_digits(number, 14)}"
    check = "10X98765432"[sum(int(d) * w for d, w in zip(body, ID_WEIGHTS, strict=True)) % 11]
    return body + ("1" if check == "0" else "0")


def _gps(_: str, number: int) -> str:
    return f"{91 + number % 9}.{_digits(number >> 8, 6)},{181 + number % 19}.{_digits(number >> 40, 6)}"


def _birth_date(value: str, number: int) -> str:
    # Month 13: the layout stays, the date exists in no calendar.
    parts = re.findall(r"[0-9]+", value)
    year = f"18{_digits(number, 2)}"
    if len(parts) >= 3 and len(parts[0]) == 4:
        places = iter([year, "13", _digits(number >> 8, 1) + "0"])
        return re.sub(r"[0-9]+", lambda match: next(places, match.group()), value, count=3)
    return f"{year}年13月"


def _person(_: str, number: int) -> str:
    return "某" + STEMS[number % 10] + BRANCHES[(number >> 8) % 12]  # 某 is the courts' way of writing no name


def _address(_: str, number: int) -> str:
    return f"某省某市某路{1 + number % 9999}号"


MAKERS: dict[str, Callable[[str, int], str]] = {
    "CN_MOBILE": _mobile,
    "CN_LANDLINE": _landline,
    "CN_ID_CARD": _resident_id,
    "CN_PR_CARD": _pr_card,
    "BANK_CARD": _bank_card,
    "IMEI": _imei,
    "EMAIL": _email,
    "IP_ADDRESS": _ip,
    "MAC_ADDRESS": _mac,
    "PASSPORT": _passport,
    "TRAVEL_PERMIT": _permit,
    "LICENSE_PLATE": _plate,
    "QQ": _qq,
    "WECHAT_ID": _wechat,
    "HK_ID": _hk_id,
    "MACAU_ID": _macau_id,
    "TW_ID": _tw_id,
    "GPS": _gps,
    "BIRTH_DATE": _birth_date,
    "PERSON": _person,
    "ADDRESS": _address,
}
