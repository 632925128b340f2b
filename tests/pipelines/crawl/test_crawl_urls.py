"""One URL for each page, scope, and traps."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.config.crawl import CrawlSettings
from pipelines.crawl.urls import Refusal, Scope, normalise, shape


@pytest.mark.parametrize(
    ("reference", "wanted"),
    [
        ("HTTP://WWW.Example.COM:80/", "http://www.example.com/"),
        ("https://www.example.com:443", "https://www.example.com/"),
        ("http://a.example/x/../p/./1.html#top", "http://a.example/p/1.html"),
        ("http://a.example/../../1", "http://a.example/1"),
        ("http://新闻.例子/路径", "http://xn--efvy88h.xn--fsqu00a/%E8%B7%AF%E5%BE%84"),
        ("http://a.example/?utm_source=x&id=3&PHPSESSID=abcdef123", "http://a.example/?id=3"),
        ("http://a.example/p;jsessionid=AB12?x=1", "http://a.example/p?x=1"),
        ("http://a.example/p?sid=9f8e7d6c5b4a", "http://a.example/p"),
        ("http://a.example/p?sid=12", "http://a.example/p?sid=12"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://a.example./", "http://a.example/"),
        (" /b?q=中 ", "http://a.example/b?q=%E4%B8%AD"),
    ],
)
def test_normal_form(reference: str, wanted: str) -> None:
    assert normalise(reference, "http://a.example/a/").url == wanted


def test_queries_are_escaped_in_the_charset_of_the_page() -> None:
    assert normalise("/s?q=中&p=路", "http://a.example/", "gb18030").url == "http://a.example/s?q=%D6%D0&p=%C2%B7"


def test_the_order_of_query_fields_makes_no_second_page() -> None:
    one, two = (normalise(f"http://a.example/x?{query}") for query in ("a=1&b=2", "b=2&a=1"))
    assert one.key == two.key
    assert one.key != normalise("http://a.example/x?a=2&b=1").key


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("file:///etc/passwd", "scheme:file"),
        ("javascript:alert(1)", "scheme:javascript"),
        ("gopher://a.example/", "scheme:other"),
        ("http://user:secret@a.example/", "credentials_in_url"),
        ("http://a.example:99999/", "malformed_url"),
        ("http://a b.example/", "malformed_host"),
        ("http://256.256.256.256/", "malformed_host"),
        ("http:///path", "malformed_url"),
        ("http://[::1/", "malformed_url"),
    ],
)
def test_refused_references(reference: str, why: str) -> None:
    with pytest.raises(Refusal, match=f"^{why}$"):
        normalise(reference)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["utf-8", "gb18030", "big5"]))
def test_normalising_ends_in_a_fixed_point_or_a_refusal(reference: str, encoding: str) -> None:
    try:
        page = normalise(reference, "http://a.example/dir/page.html", encoding)
    except Refusal:
        return
    assert page.url.isascii()
    assert normalise(page.url).url == page.url
    assert normalise(page.url).key == page.key


def check(url: str, **changes: object) -> None:
    scope = Scope(CrawlSettings.model_validate(changes), ["a.example"], 2026)
    scope.check(normalise(url))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://b.example/", "out_of_scope"),
        ("http://a.example:8080/", "out_of_scope"),
        ("http://198.51.100.7.example/", "out_of_scope"),
        ("http://8.8.8.8/", "out_of_scope"),
        ("http://192.168.1.1/admin", "private_address"),
        ("http://2130706433/", "private_address"),
        ("http://0x7f.1:8080/", "private_address"),
        ("http://[::ffff:10.0.0.1]/", "private_address"),
        ("http://[fe80::1]/", "private_address"),
        ("http://a.example/x.JPG", "no_page"),
        ("http://a.example/" + "d/" * 30, "trap_deep_path"),
        ("http://a.example/a/b/a/b/a/", "trap_repeated_segment"),
        ("http://a.example/cal/2031/05", "trap_calendar"),
        ("http://a.example/cal?year=2090&m=1", "trap_calendar"),
        ("http://a.example/?" + "&".join(f"f{n}=1" for n in range(20)), "trap_query"),
        ("http://a.example/" + "x" * 3000, "url_too_long"),
    ],
)
def test_out_of_scope_and_traps(url: str, why: str) -> None:
    with pytest.raises(Refusal, match=f"^{why}$"):
        check(url)


@pytest.mark.parametrize(
    "url",
    ["http://a.example/", "http://a.example/1949/10/01.html", "http://a.example/2027-01", "http://a.example/a.b/c"],
)
def test_pages_pass(url: str) -> None:
    check(url)


def test_scope_by_globs_and_exclusion() -> None:
    check("http://news.b.example:8080/", hosts=["*.b.example"])
    with pytest.raises(Refusal, match="excluded"):
        check("http://a.example/print/1", exclude=["*/print/*"])


def test_shape_forgets_digits_and_query_values() -> None:
    assert shape("http://a.example/cal/2026/11?d=3&v=x") == shape("http://a.example/cal/1/2?v=y&d=9")
    assert shape("http://a.example/cal/1") != shape("http://a.example/list/1")
