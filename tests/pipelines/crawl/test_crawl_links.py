"""What pages and sitemaps lead to."""

from __future__ import annotations

import gzip

import pytest

from corpus.charset.content_coding import Budget, BudgetExceeded
from pipelines.crawl.links import decoded_body, header_reservations, read_page, read_sitemap

URL = "http://a.example/dir/page.html"
HTML = {"content-type": ["text/html; charset=utf-8"]}


def page(markup: str, fields: dict[str, list[str]] | None = None, encoding: str = "utf-8") -> object:
    return read_page(markup.encode(encoding), URL, fields or HTML, "wudaobot")


def test_links_of_every_kind() -> None:
    found = page(
        '<head><base href="/other/"><link rel="canonical" href="/c"><link rel="stylesheet" href="/s.css">'
        '<meta http-equiv="refresh" content="5; URL=\'/later\'"></head>'
        '<a href="x?a=1&amp;b=2">文</a><a href="#top">顶</a><a href="">空</a><area href="/map"><iframe src="f.html"></iframe>'
        '<a href="/no" rel="external NOFOLLOW">否</a><a href="javascript:x()">脚本</a>'
    )
    assert found.links == [
        "http://a.example/c", "http://a.example/later", "http://a.example/other/x?a=1&b=2", "http://a.example/map",
        "http://a.example/other/f.html", "javascript:x()",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("meta", "wanted"),
    [
        ('<meta name="robots" content="noindex, nofollow">', {"noindex", "nofollow"}),
        ('<meta name="ROBOTS" content="none">', {"noindex", "nofollow"}),
        ('<meta name="wudaobot" content="noai">', {"noai"}),
        ('<meta name="otherbot" content="noindex">', set()),
        ('<meta name="robots" content="index,follow,max-snippet:-1">', set()),
        ('<meta name="tdm-reservation" content="1">', {"tdm-reservation"}),
    ],
)
def test_reservations_of_the_page(meta: str, wanted: set[str]) -> None:
    assert page(f"<head>{meta}</head><p>文</p>").reservations == wanted


def test_reservations_of_the_header() -> None:
    fields = {"x-robots-tag": ["noarchive", "otherbot: noindex", "wudaobot: nofollow"], "tdm-reservation": ["1"]}
    assert header_reservations(fields, "wudaobot") == {"noarchive", "nofollow", "tdm-reservation"}


def test_a_gbk_page_tells_its_charset_for_queries() -> None:
    found = page('<meta charset="gbk"><a href="/s?q=中文">搜</a>', {"content-type": ["text/html"]}, "gbk")
    assert found.encoding == "gb18030"
    assert found.links == ["http://a.example/s?q=中文"]


def test_what_is_no_html_has_no_links() -> None:
    assert page('<a href="/x">x</a>', {"content-type": ["text/plain"]}).links == []


@pytest.mark.parametrize(
    "markup", ["", "<", "<a href", "\x00" * 50, "<a href='http://[bad'>x</a>", "<base href='http://['>"]
)
def test_broken_pages_do_not_raise(markup: str) -> None:
    page(markup)


def test_skeletons_differ_by_words_and_not_by_digits() -> None:
    one, two, three = (
        page(f"<p>{text}</p>").skeleton for text in ("2026年1月无活动", "2031年12月无活动", "2026年1月有活动")
    )
    assert one == two
    assert one != three


def test_sitemaps() -> None:
    urls, is_index = read_sitemap(
        b'<?xml version="1.0"?><urlset><url><loc> http://a.example/?a=1&amp;b=2 </loc></url>'
        b"<url><loc><![CDATA[http://a.example/2]]></loc></url><url><loc>http://a.example/3"
    )
    assert urls == ["http://a.example/?a=1&b=2", "http://a.example/2", "http://a.example/3"]
    assert not is_index
    assert read_sitemap(b"<sitemapindex><sitemap><loc>http://a.example/s.xml</loc></sitemap>")[1]
    assert read_sitemap(b"http://a.example/1\r\nhttp://a.example/2\n# x")[0] == [
        "http://a.example/1",
        "http://a.example/2",
    ]
    assert read_sitemap(b"<html>not found</html>") == ([], False)


def test_bombs_are_over_the_budget() -> None:
    bomb = gzip.compress(bytes(1 << 20))
    with pytest.raises(BudgetExceeded):
        decoded_body(bomb, {"content-encoding": ["gzip"]}, Budget(10, 1000, 1 << 30))
