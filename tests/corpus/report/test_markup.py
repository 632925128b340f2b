"""Escaping by default: nothing that others wrote becomes markup, a link of another kind, or an order of its own."""

from __future__ import annotations

import html
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.report.markup import data, element, is_address, joined, link, plain, share, size

BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@given(st.text(max_size=400))
def test_whatever_is_written_stays_text(text: str) -> None:
    made = element("td", text, data(text), title=text)
    assert re.sub(r"</?(td|bdi)( title=\"[^\"<>]*\")?>", "", made).count("<") == 0
    assert '"' not in re.sub(r'<td title="[^"]*">', "", made)
    assert not BIDI.search(made)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", made)
    made.encode()


@given(st.text("渡口灯火 &<>'\"", max_size=80))
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    assert html.unescape(element("b", text)) == f"<b>{re.sub(' +', ' ', text)}</b>"


def test_a_title_of_ten_million_characters_costs_nothing() -> None:
    long = "渡" * 10_000_000
    started = time.process_time()
    shown = plain(long)
    assert time.process_time() - started < 0.05
    assert shown == "渡" * 300 + "…"


def test_the_order_of_text_cannot_be_turned() -> None:
    assert data("渡口\u202e笔记") == "<bdi>渡口\N{REPLACEMENT CHARACTER}笔记</bdi>"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "//site.example/x",
        "渡口.example/x",
        "https://",
        "http://[::1",
        "https://bank.example@evil.example/",
        "https://site.example/\u202egpj.exe",
        "https://site.example/ x",
        "https://site.example/" + "a" * 3000,
        "ftp://site.example/",
    ],
)
def test_what_is_no_plain_address_is_no_link(url: str) -> None:
    assert not is_address(url)
    assert "href" not in link(url)
    assert "<script" not in link(url)


@pytest.mark.parametrize(
    "url", ["https://渡口.example/笔记?a=1&b=2#三", "http://site.example:8080/", "HTTP://SITE.example"]
)
def test_addresses_are_links_that_tell_nobody_where_they_were_clicked(url: str) -> None:
    made = link(url)
    assert f'href="{html.escape(url)}"' in made
    assert "noreferrer" in made


@given(st.text(max_size=60))
def test_an_address_with_anything_in_it_cannot_leave_its_attribute(text: str) -> None:
    made = link(f"https://site.example/{text}")
    assert re.fullmatch(r'(<a href="[^"<>]*" rel="[a-z ]+">)?<bdi>[^<>]*</bdi>(</a>)?', made)


def test_pieces_are_escaped_once() -> None:
    assert joined(["a & b", element("b", "c & d"), None, [1, "<"]]) == "a &amp; b<b>c &amp; d</b>1&lt;"


def test_shares_and_sizes_are_said_as_a_person_would() -> None:
    assert [share(1, 3), share(1, 1000), share(1, 10**9), share(0, 5), share(3, 0)] == [
        "33.3 %",
        "0.10 %",
        "< 0.01 %",
        "0.00 %",
        "",
    ]
    assert [size(0), size(999), size(1000), size(2_500_000), size(7e15)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "2.5 MB",
        "7000.0 TB",
    ]
