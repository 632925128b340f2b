"""What a response leads to: links of pages, sitemap entries, and what a page asks of robots."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin

from resiliparse.parse.html import HTMLTree

from corpus.charset.content_coding import Budget, undo_content_encoding, undo_transfer_encoding
from corpus.charset.labels import header_charset, markup_charset
from corpus.reading.headers import first, joined, media_type, reservations

MAX_LINKS = 2_000  # of one page; a page with more is a directory of a farm
MAX_SITEMAP_ENTRIES = 50_000  # sitemaps.org
MAX_PARSED_BYTES = 8 << 20
_HTML = frozenset(["text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml", ""])
_REFRESH = re.compile(r"^\s*[\d.]+\s*[;,]\s*(?:url\s*=)?\s*['\"]?([^'\"\s]+)", re.IGNORECASE)
_LOC = re.compile(r"<(?:\w+:)?loc\b[^>]*>\s*(?:<!\[CDATA\[)?\s*([^<\]\s]+)", re.IGNORECASE)
_SITEMAP_INDEX = re.compile(r"<(?:\w+:)?sitemapindex\b", re.IGNORECASE)
_UNSTABLE = re.compile(rb"[0-9\s]+")
_ROBOTS_META = ("robots", "ai")
_RESTRICTIONS = frozenset(["noindex", "nofollow", "noarchive", "noai", "noimageai"])
_SELECTOR = "a[href], area[href], iframe[src], frame[src], link[rel], meta, base[href]"


@dataclass(slots=True)
class Found:
    """What a page says: links to follow (absolute, as written), and reservations ("noindex", "tdm-reservation", …)."""

    links: list[str] = field(default_factory=list)
    reservations: set[str] = field(default_factory=set)
    encoding: str = "utf-8"
    skeleton: bytes = b""  # hash of the page without digits and white space


def header_reservations(fields: dict[str, list[str]], token: str) -> set[str]:
    """Return the restrictions of the response headers that hold for everybody or for the robot named ``token``."""
    found: set[str] = set()
    for one in reservations(fields) or ():
        agent, _, directive = one.rpartition(":")
        if agent in ("", token):
            found.add(directive)
    return found


def decoded_body(body: bytes, fields: dict[str, list[str]], budget: Budget) -> bytes:
    """Return a body without transfer and content codings.

    Raises BudgetExceeded and CodingError of :mod:`corpus.charset.content_coding`.
    """
    plain = undo_transfer_encoding(body, joined(fields, "transfer-encoding"))
    return undo_content_encoding(plain, joined(fields, "content-encoding"), budget)


def read_page(body: bytes, url: str, fields: dict[str, list[str]], token: str) -> Found:
    """Return what the HTML page ``body`` (codings undone) says. A body that is no HTML says nothing.

    ``token`` is the crawler's product token: ``<meta name="token">`` holds for it as ``robots`` does.
    """
    found = Found(skeleton=hashlib.blake2b(_UNSTABLE.sub(b"", body), digest_size=8).digest())
    content_type = first(fields, "content-type")
    if media_type(content_type) not in _HTML:
        return found
    text, found.encoding = _text(body[:MAX_PARSED_BYTES], content_type)
    document = HTMLTree.parse(text).document
    if document is None:
        return found
    base = url
    references: dict[str, None] = {}
    for element in document.query_selector_all(_SELECTOR):
        tag = element.tag
        if tag == "base":
            base = _joined(url, (element.getattr("href") or "").strip()) if base == url else base
        elif tag == "meta":
            _read_meta(element, found, references, token)
        elif tag == "link":
            relations = (element.getattr("rel") or "").lower().split()
            if "canonical" in relations or "next" in relations or "prev" in relations:
                references[element.getattr("href") or ""] = None
        elif "nofollow" not in (element.getattr("rel") or "").lower().split():
            references[element.getattr("href") or element.getattr("src") or ""] = None
        if len(references) >= MAX_LINKS:
            break
    found.links = list(_absolute(references, base))
    return found


def _read_meta(element: object, found: Found, references: dict[str, None], token: str) -> None:
    read = element.getattr  # type: ignore[attr-defined]
    name = (read("name") or "").strip().lower()
    content = read("content") or ""
    if name in (*_ROBOTS_META, token):
        words = set(re.split(r"[\s,]+", content.lower()))
        if "none" in words:
            words |= {"noindex", "nofollow"}
        found.reservations |= words & _RESTRICTIONS
    elif name == "tdm-reservation" and content.strip() == "1":
        found.reservations.add("tdm-reservation")
    elif (read("http-equiv") or "").strip().lower() == "refresh" and (match := _REFRESH.match(content)):
        references[match.group(1)] = None


def _absolute(references: dict[str, None], base: str) -> Iterator[str]:
    for reference in references:
        reference = reference.strip()
        if not reference or reference.startswith("#"):
            continue
        yield _joined(base, reference)


def _joined(base: str, reference: str) -> str:
    """Return ``reference`` made absolute; what urllib cannot read stays as it is, and is refused by its reader."""
    try:
        return urljoin(base, reference)
    except ValueError:
        return reference


def _text(body: bytes, content_type: str | None) -> tuple[str, str]:
    """Return ``body`` as text, and the charset in which its queries are escaped. Tags and URLs are mostly ASCII, so
    that the declared charset will do here; the decode step decides properly."""
    try:
        return body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        declared = header_charset(content_type) or markup_charset(body)
        codec = declared.codec if declared else "gb18030"
        return body.decode(codec, "replace"), codec


def read_sitemap(body: bytes) -> tuple[list[str], bool]:
    """Return the URLs of a sitemap (XML, index or plain text), and whether they are sitemaps themselves.

    Read by pattern and not by an XML parser: broken sitemaps are common, and
    entities must not be expanded.
    """
    text = body.decode("utf-8", "replace")
    entries = [html.unescape(match.group(1)) for match in _LOC.finditer(text)]
    if not entries and "<" not in text[:256]:
        entries = [line.strip() for line in text.splitlines() if line.strip().startswith(("http://", "https://"))]
    return entries[:MAX_SITEMAP_ENTRIES], _SITEMAP_INDEX.search(text) is not None
