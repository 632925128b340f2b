"""Dates as Chinese pages write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from corpus.extraction import dates

CHINA = timezone(timedelta(hours=8))


def at(*parts: int, zone: timezone = CHINA) -> int:
    return int(datetime(*parts, tzinfo=zone).timestamp())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("发布时间：2025年3月9日 08:30 来源", at(2025, 3, 9, 8, 30)),
        ("2025年03月09日", at(2025, 3, 9)),
        ("2025-03-09 08:30:15", at(2025, 3, 9, 8, 30, 15)),
        ("2025/3/9", at(2025, 3, 9)),
        ("2025.03.09", at(2025, 3, 9)),
        ("二〇二五年三月九日", at(2025, 3, 9)),
        ("二○二五年十二月二十五日", at(2025, 12, 25)),
        ("民國112年5月1日", at(2023, 5, 1)),
        ("2025年3月9日星期日下午3時05分", at(2025, 3, 9, 15, 5)),
        ("2025年2月30日", None),
        ("生于1949年10月1日", None),
        ("电话 2025-130-900", None),
        ("没有日期", None),
    ],
)
def test_visible_dates(text: str, seconds: int | None) -> None:
    assert dates.parse_visible(text) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2025-03-09T08:30:00+08:00", at(2025, 3, 9, 8, 30)),
        ("2025-03-09T08:30:00Z", at(2025, 3, 9, 8, 30, zone=UTC)),
        ("2025-03-09T08:30:00.123", at(2025, 3, 9, 8, 30, zone=UTC)),
        ("2025-03-09 08:30", at(2025, 3, 9, 8, 30)),
        ("20250309", at(2025, 3, 9)),
        ("20250309083000", at(2025, 3, 9, 8, 30)),
        ("1741480200", 1741480200),
        ("1741480200000", 1741480200),
        ("2025-03-09T08:30:00+99:99", None),
        ("", None),
    ],
)
def test_machine_dates(value: str, seconds: int | None) -> None:
    assert dates.parse_machine(value) == seconds


@pytest.mark.parametrize(
    ("url", "seconds"),
    [
        ("https://a.example/2025/03/09/x.html", at(2025, 3, 9)),
        ("https://a.example/20250309/c.html", at(2025, 3, 9)),
        ("http://a.example/zw/202503/t20250309_1.htm", at(2025, 3, 9)),
        ("https://a.example/c/2025-03-09/doc-1.shtml", at(2025, 3, 9)),
        ("https://a.example/p/20251399.html", None),
        ("https://a.example/id/1202503091", None),
    ],
)
def test_dates_in_addresses(url: str, seconds: int | None) -> None:
    assert dates.parse_address(url) == seconds
