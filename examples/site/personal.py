"""Invented personal data with valid checksums, to be planted and then found by the scrub step.

Nobody's: the numbers come from a hash. They keep the published forms (GB 11643-1999 for resident IDs, ISO/IEC 7812-1
Annex B for cards) because a recogniser that checks sums would rightly leave anything else alone.
"""

from __future__ import annotations

from draw import Draw

ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECKS = "10X98765432"
AREAS = ("110105", "310112", "320106", "330108", "420111", "440305", "510107", "610113")
CARD_PREFIXES = ("622202", "622848", "621700", "622588", "621661")
MOBILE_PREFIXES = ("135", "137", "139", "150", "158", "176", "186", "188", "199")
MAIL_HOSTS = ("163.com", "qq.com", "126.com", "sina.com", "foxmail.com")
PLATES = ("京A", "沪B", "苏A", "浙A", "鄂A", "粤B", "川A", "陕A")
STREETS = (
    "南京市鼓楼区中山北路{n}号{m}幢{k}室", "杭州市滨江区江南大道{n}号{m}单元{k}室", "武汉市洪山区珞喻路{n}号{m}栋{k}室",
    "成都市武侯区人民南路{n}号{m}栋{k}号", "西安市雁塔区长安南路{n}号{m}号楼{k}室", "上海市闵行区沪闵路{n}弄{m}号{k}室",
)  # fmt: skip


def resident_id(draw: Draw) -> str:
    """A resident ID number of 18 characters with its check character (ISO 7064 MOD 11-2)."""
    body = f"{draw.choice(AREAS)}{draw.between(1950, 2004)}{draw.between(1, 12):02d}{draw.between(1, 28):02d}{draw.digits(3)}"
    return body + ID_CHECKS[sum(int(digit) * weight for digit, weight in zip(body, ID_WEIGHTS, strict=True)) % 11]


def bank_card(draw: Draw) -> str:
    """A card number of 19 digits that passes Luhn."""
    body = draw.choice(CARD_PREFIXES) + draw.digits(12)
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return body + str(-total % 10)


def values(draw: Draw) -> dict[str, str]:
    """One invented person: every kind of number that ``banks/personal.yaml`` may ask for, by slot name."""
    return {
        "id_card": resident_id(draw),
        "mobile": draw.choice(MOBILE_PREFIXES) + draw.digits(8),
        "bank_card": bank_card(draw),
        "email": f"{draw.choice(['xiaolin', 'fengyu', 'chenxi', 'maipian', 'yunshu', 'dongli'])}{draw.digits(4)}@{draw.choice(MAIL_HOSTS)}",
        "plate": f"{draw.choice(PLATES)}{draw.digits(3)}{draw.choice('ABCDEFGH')}{draw.digits(1)}",
        "address": draw.choice(STREETS).format(
            n=draw.between(2, 399), m=draw.between(1, 30), k=draw.between(101, 1802)
        ),
        "qq": str(draw.between(1, 9)) + draw.digits(8),
    }
