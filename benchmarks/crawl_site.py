"""A site of many virtual hosts, made to try a crawler: manners, traps, breakage, attacks. ``crawl_server`` serves it.

The host's number decides its robots.txt and its features (see ``ROBOTS``);
pages are generated from their number. The log holds every request with its
times, so that a test can ask what the crawler really did.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import brotli
import yaml

BOT = "wudaobot"
KINDS = 10


def host_name(number: int) -> str:
    """Return the name of a virtual host."""
    return f"h{number:02d}.crawl.example"


def kind_of(host: str) -> int:
    """Return which robots.txt and features a host has."""
    return int(host[1:3]) % KINDS


@cache
def word_lists() -> tuple[list[str], ...]:
    """Return places, subjects, what is done about them, and what came of it."""
    lists = yaml.safe_load(Path(__file__).with_name("crawl_site_words.yaml").read_text(encoding="utf-8"))
    return lists["places"], lists["subjects"], lists["verbs"], lists["outcomes"]


def paragraph(key: str, sentences: int = 8) -> str:
    """Return Chinese text that is a function of ``key``."""
    text = []
    for index in range(sentences):
        draw = int.from_bytes(hashlib.blake2b(f"{key}/{index}".encode(), digest_size=8).digest(), "little")
        parts = []
        for words in word_lists():
            draw, pick = divmod(draw, len(words))
            parts.append(words[pick])
        text.append(f"在{parts[0]}，关于{parts[1]}的事情由当地人{parts[2]}，{parts[3]}。")
    return "".join(text)


# Kind of host -> status and body of its robots.txt; of a redirect, where it leads.
ROBOTS: dict[int, tuple[int, str]] = {
    0: (404, "没有"),
    1: (200, "User-agent: *\nDisallow: /private/\nAllow: /private/open/\n"),
    2: (200, f"User-agent: {BOT}\nDisallow: /closed/\n\nUser-agent: *\nDisallow: /\n"),
    3: (301, "/moved-robots.txt"),
    4: (503, ""),
    5: (200, "User-agent: *\nCrawl-delay: 0.2\nSitemap: http://{host}/sitemap.xml\n"),
    6: (403, ""),
    7: (200, "User-agent: *\nDisallow: /*?print=\nDisallow: /*.do$\n"),
    8: (200, "User-agent: *\nDisallow:\n"),
    9: (200, "\ufeffUser-Agent: *\r\nDISALLOW: /private/\r\nunknown: x\r\n"),
}
MOVED_ROBOTS = "User-agent: *\nDisallow: /private/\n"
TDMREP = [{"location": "/reserved/*", "tdm-reservation": 1}, {"location": "/*", "tdm-reservation": 0}]
AI_TXT = f"User-Agent: {BOT}\nDisallow: /noai/\n"


@dataclass
class Request:
    """One line of the server's log. Times are of the server's monotonic clock."""

    host: str
    target: str
    began: float
    ended: float = 0.0
    agent: str = ""
    status: int = 0


@dataclass
class Site:
    """``hosts`` virtual hosts of ``pages`` pages each. :meth:`expected` says what a crawl must have fetched."""

    hosts: int = 10
    pages: int = 20
    log: list[Request] = field(default_factory=list)
    flaky_seen: set[str] = field(default_factory=set)
    version: int = 1  # of the page texts
    robots: dict[int, tuple[int, str]] = field(default_factory=ROBOTS.copy)

    def names(self) -> list[str]:
        """Return all host names."""
        return [host_name(number) for number in range(self.hosts)]

    def seeds(self) -> list[str]:
        """Return the URL of each host's front page."""
        return [f"http://{name}/" for name in self.names()]

    def crawl_settings(self, port: int) -> dict[str, Any]:
        """Return ``crawl`` settings that reach the site at ``port`` of this machine."""
        return {
            "contact": "https://wudao.example/bot",
            "resolve": dict.fromkeys(self.names(), f"127.0.0.1:{port}"),
            "allow_private_hosts": ["*.crawl.example"],
        }

    def expected(self) -> set[str]:
        """Return the URLs of pages that must be fetched exactly once: everything allowed that is not a trap."""
        urls = set()
        for host in self.names():
            kind = kind_of(host)
            if kind == 4:
                continue
            urls.add(f"http://{host}/")
            urls |= {f"http://{host}/p/{number}.html" for number in range(self.pages)}
            urls |= {
                f"http://{host}{path}"
                for path in ("/r/1", "/loop/a", "/loop/b", "/noindex", "/tagged", "/order?a=1&b=2")
            }
            if kind == 1:
                urls.add(f"http://{host}/private/open/1")
            if kind in (0, 6, 8):
                urls |= {f"http://{host}/private/1", f"http://{host}/closed/1"}
            if kind == 8:
                urls -= {f"http://{host}/noai/1", f"http://{host}/reserved/1"}
        return urls

    def forbidden(self, host: str, target: str) -> bool:
        """Return whether a request for ``target`` breaks a rule of ``host``."""
        kind = kind_of(host)
        path = target.partition("?")[0]
        if path in ("/robots.txt", "/moved-robots.txt"):
            return False
        if kind == 4:
            return True
        if path.startswith("/private/"):
            return kind in (3, 9) or (kind == 1 and not path.startswith("/private/open/"))
        if kind == 8 and path.startswith(("/reserved/", "/noai/")):
            return True
        if kind == 2 and path.startswith("/closed/"):
            return True
        if kind == 7 and ("?print=" in target or target.endswith(".do")):
            return True
        return path.startswith("/nofollowed/")

    # -- answers -------------------------------------------------------------------------------------------------

    def answer(self, host: str, target: str) -> tuple[int, dict[str, str], bytes, float]:
        """Return status, headers, body and the seconds to wait first. Status 0: garbage; -1: cut in the middle."""
        path, _, query = target.partition("?")
        kind = kind_of(host)
        plain = {"Content-Type": "text/plain; charset=utf-8"}
        if path == "/robots.txt":
            status, text = self.robots[kind]
            return (status, plain | ({"Location": text} if status == 301 else {}), text.format(host=host).encode(), 0)
        if path == "/moved-robots.txt":
            return 200, plain, MOVED_ROBOTS.encode(), 0
        if path == "/.well-known/tdmrep.json" and kind == 8:
            return 200, {"Content-Type": "application/json"}, json.dumps(TDMREP).encode(), 0
        if path == "/ai.txt" and kind == 8:
            return 200, plain, AI_TXT.encode(), 0
        if path == "/sitemap.xml":
            return 200, {"Content-Type": "application/xml"}, self._sitemap_index(host), 0
        if path == "/sitemap-1.xml.gz":
            return 200, {"Content-Type": "application/gzip"}, gzip.compress(self._sitemap(host), mtime=0), 0
        if path.startswith("/r/"):
            return 302, {"Location": f"/p/{path[3:]}.html"}, b"", 0
        if path.startswith("/loop/"):
            return 301, {"Location": "/loop/b" if path.endswith("a") else "/loop/a"}, b"", 0
        if path == "/hop":
            return 302, {"Location": f"/hop?n={int(query[2:] or 0) + 1}"}, b"", 0
        if path == "/inside":
            return 302, {"Location": "http://127.0.0.1/secret"}, b"", 0
        if path == "/garbage":
            return 0, {}, b"\x00\x01\x02 nothing like HTTP\r\n\r\n", 0
        if path == "/flaky" and (key := host) not in self.flaky_seen:
            self.flaky_seen.add(key)
            return 503, plain | {"Retry-After": "1"}, b"busy", 0
        if path == "/bomb":
            return 200, {"Content-Type": "text/html", "Content-Encoding": "gzip"}, _BOMB, 0
        return self._page(host, path, query)

    def _page(self, host: str, path: str, query: str) -> tuple[int, dict[str, str], bytes, float]:
        head = ""
        headers: dict[str, str] = {}
        links: list[str] = []
        number = None
        if path == "/":
            links = self._front_links(host)
        elif path.startswith("/p/") and path[3:-5].isdigit() and int(path[3:-5]) < self.pages:
            number = int(path[3:-5])
            linked = [] if kind_of(host) == 5 else [2 * number + 1, 2 * number + 2]
            links = [self._spelling(host, child) for child in linked if child < self.pages]
        elif path.startswith("/cal/"):
            year, month = (int(part) for part in path[5:].split("/"))
            months = year * 12 + month
            links = [f"/cal/{months // 12}/{months % 12 + 1}"]
            return 200, {"Content-Type": "text/html"}, _html("日历", f"{year}年{month}月没有活动", links), 0
        elif path.startswith("/deep"):
            links = [path + "/deep"]
        elif path.startswith("/count"):
            links = [f"/count?page={int(query[5:] or 0) + 1}"]
            return 200, {"Content-Type": "text/html"}, _html("列表", f"第{query[5:]}页没有内容", links), 0
        elif path == "/noindex":
            head = '<meta name="robots" content="noindex,nofollow">'
            links = ["/nofollowed/meta"]
        elif path == "/tagged":
            headers["X-Robots-Tag"] = "noai"
        elif path not in ("/order", "/slow", "/cut", "/flaky") and not path.startswith(
            ("/private/", "/closed/", "/reserved/", "/noai/", "/nofollowed/", "/act")
        ):
            return 404, {"Content-Type": "text/html; charset=utf-8"}, "找不到".encode(), 0
        text = paragraph(f"{host}{path}" if path not in ("/p/3.html",) else "shared") + (
            "" if self.version == 1 else "改"
        )
        body = _html(f"{path} 的标题", text, links, head)
        headers["Content-Type"] = "text/html; charset=utf-8"
        if number is not None and number % 7 == 3:
            headers["Content-Type"] = "text/html; charset=gbk"
            body = body.decode().replace("utf-8", "gbk").encode("gbk")
        if number is not None and number % 5 in (1, 4):
            body, headers["Content-Encoding"] = gzip.compress(body, mtime=0), "gzip"
        elif number is not None and number % 5 == 2:
            body, headers["Content-Encoding"] = brotli.compress(body), "br"
        if number is not None and number % 5 in (3, 4):
            headers["Transfer-Encoding"] = "chunked"
        if number is not None and number % 4 == 0:
            headers["ETag"] = f'"{self.version}-{number}"'
        return (-1 if path == "/cut" else 200), headers, body, 0.2 if path == "/slow" else 0.0

    def _spelling(self, host: str, child: int) -> str:
        """Return one of the many ways to write the URL of a page."""
        url = f"/p/{child}.html"
        return [
            url,
            f"{url}?utm_source=weixin",
            f"http://{host.upper()}:80{url}",
            f"/x/../p/./{child}.html#part",
            f"{url}?PHPSESSID=0123456789abcdef",
            f"{url};jsessionid=A1B2C3D4E5",
        ][child % 6]

    def _front_links(self, host: str) -> list[str]:
        kind = kind_of(host)
        links = ["/p/0.html", "/p/0.html#top", "/r/1", "/loop/a", "/noindex", "/tagged", "/slow", "/cut", "/garbage"]
        links += ["/order?a=1&b=2", "/order?b=2&a=1", "/flaky", "/bomb", "/inside", "/hop?n=0", "/cal/2026/1"]
        links += ["/deep", "/count?page=1", "/private/1", "/private/open/1", "/closed/1", "/photo.jpg", "/missing"]
        links += ["/reserved/1", "/noai/1", "file:///etc/passwd", "javascript:void(0)", "mailto:a@b.example"]
        links += ["http://outside.example/", "http://2130706433/", "http://0x7f.1/", "http://[::ffff:127.0.0.1]/"]
        if kind == 7:
            links += ["/p/0.html?print=1", "/act.do"]
        return links

    def _sitemap_index(self, host: str) -> bytes:
        return (
            '<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap>'
            f"<loc>http://{host}/sitemap-1.xml.gz</loc></sitemap></sitemapindex>"
        ).encode()

    def _sitemap(self, host: str) -> bytes:
        entries = "".join(f"<url><loc>http://{host}/p/{number}.html</loc></url>" for number in range(self.pages))
        return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'.encode()


_BOMB = gzip.compress(bytes(30 << 20), 9, mtime=0)


def _html(title: str, text: str, links: list[str], head: str = "") -> bytes:
    anchors = "".join(f'<li><a href="{link.replace("&", "&amp;")}">相关内容</a></li>' for link in links)
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title>{head}</head><body><h1>{title}</h1>'
        f'<article><p>{text}</p></article><ul>{anchors}</ul><a rel="nofollow" href="/nofollowed/1">不要跟随</a>'
        "</body></html>"
    ).encode()
