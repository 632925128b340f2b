"""robots.txt by RFC 9309, site-wide reservations, and the pace of a host."""

from __future__ import annotations

import pytest

from corpus.config.crawl import CrawlSettings
from pipelines.crawl.pace import Pace, retry_after_seconds
from pipelines.crawl.robots import SiteReservations, rules_of

BOT = "wudaobot"
PAGE = "http://a.example/x/1.html"


def rules(text: str) -> object:
    return rules_of(200, text.encode(), BOT)


@pytest.mark.parametrize(("status", "allowed"), [(404, True), (401, True), (403, True), (410, True), (302, True)])
def test_unavailable_means_everything_is_allowed(status: int, allowed: bool) -> None:
    assert rules_of(status, b"User-agent: *\nDisallow: /", BOT).allows(PAGE) is allowed


@pytest.mark.parametrize("status", [500, 503, 599, 429, None])
def test_unreachable_means_nothing_is_allowed_for_thirty_days(status: int | None) -> None:
    assert not rules_of(status, b"", BOT).allows(PAGE)
    assert not rules_of(status, b"", BOT, 29 * 86_400).allows(PAGE)
    assert rules_of(status, b"", BOT, 31 * 86_400).allows(PAGE)


def test_the_group_of_the_robot_replaces_the_general_one() -> None:
    found = rules_of(200, f"User-agent: {BOT.upper()}\nDisallow: /y\n\nUser-agent: *\nDisallow: /".encode(), BOT)
    assert found.allows(PAGE)
    assert not found.allows("http://a.example/y/1")


def test_the_longest_rule_wins_and_allow_wins_a_tie() -> None:
    found = rules_of(200, b"User-agent: *\nDisallow: /x/\nAllow: /x/1\nDisallow: /*.php$", BOT)
    assert found.allows(PAGE)
    assert not found.allows("http://a.example/x/2")
    assert not found.allows("http://a.example/i.php")
    assert found.allows("http://a.example/i.php?x")


def test_delay_and_sitemaps() -> None:
    found = rules_of(
        200,
        b"\xef\xbb\xbfUser-agent: *\r\nCrawl-delay: 2.5\r\nRequest-rate: 1/10\r\nSitemap: http://a.example/s.xml",
        BOT,
    )
    assert found.delay == 10
    assert found.sitemaps == ["http://a.example/s.xml"]


def test_binary_noise_allows_and_does_not_raise() -> None:
    assert rules_of(200, bytes(range(256)) * 50, BOT).allows(PAGE)


def test_tdmrep_first_match_decides() -> None:
    data = b'[{"location": "/x/*.html$", "tdm-reservation": 1}, {"location": "/*", "tdm-reservation": 0}]'
    site = SiteReservations(data, b"", BOT)
    assert site.of(PAGE) == ["tdm-reservation"]
    assert site.of("http://a.example/y/1.html") == []


@pytest.mark.parametrize(
    ("pattern", "path", "wanted"),
    [
        ("/x/", "/x/1", True),
        ("/x/", "/y/x/", False),
        ("/*.html$", "/a/b.html", True),
        ("/*.html$", "/a/b.html?x", False),
        ("/a*b*c", "/a1b2c3", True),
        ("/a*b*c", "/a1c2b3", False),
        ("/x$", "/x", True),
        ("/x$", "/x/", False),
        ("/ab*b$", "/ab", False),
        ("*", "/", True),
        ("/" + "*a" * 500 + "$", "/" + "a" * 499 + "b", False),
    ],
)
def test_tdmrep_patterns(pattern: str, path: str, wanted: bool) -> None:
    data = f'[{{"location": "{pattern}", "tdm-reservation": 1}}]'.encode()
    assert bool(SiteReservations(data, b"", BOT).of("http://a.example" + path)) is wanted


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b'["x"]', b'[{"location": 3}]', b"\xff\xfe"])
def test_broken_tdmrep_reserves_nothing(data: bytes) -> None:
    assert SiteReservations(data, b"", BOT).of(PAGE) == []


def test_ai_txt() -> None:
    site = SiteReservations(b"", b"User-Agent: *\nDisallow: /x/", BOT)
    assert site.of(PAGE) == ["ai.txt"]
    assert SiteReservations(b"", b"<!DOCTYPE html>User-Agent: *\nDisallow: /", BOT).of(PAGE) == []


def pace(**changes: object) -> Pace:
    return Pace(
        CrawlSettings.model_validate({"min_delay": 1, "delay_factor": 2, "delay_jitter": 0.5} | changes), lambda: 0.0
    )


def test_delay_follows_response_time_and_requests_of_the_host() -> None:
    one = pace()
    one.answered(100, 0.1, 200, None)
    assert one.not_before == 101
    one.answered(200, 3.0, 200, None)
    assert one.not_before == 206
    one.ask(10)
    assert one.not_before == 210
    one.answered(300, 0.1, 200, None)
    assert one.not_before == 310


def test_overload_doubles_the_delay_and_good_answers_lower_it() -> None:
    one = pace()
    waits = []
    for status in (503, 503, None, 200, 200):
        one.answered(0, 0.1, status, None)
        waits.append(one.not_before)
    assert waits[:3] == [2, 4, 8]
    assert 8 > waits[3] > waits[4] > 1


def test_retry_after_is_waited_for_in_full_up_to_its_bound() -> None:
    one = pace(max_retry_after=500)
    one.answered(0, 0.1, 429, "120")
    assert one.not_before == 120
    one.answered(0, 0.1, 503, "99999")
    assert one.not_before == 500


def test_retry_after_values() -> None:
    assert retry_after_seconds("Thu, 01 Jan 1970 00:01:40 GMT", 40) == 60
    assert retry_after_seconds("Thu, 01 Jan 1970 00:00:10 GMT", 40) == 0
    assert retry_after_seconds("soon", 0) is None
    assert retry_after_seconds(None, 0) is None
