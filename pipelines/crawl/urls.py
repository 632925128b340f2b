"""URLs: one form for each page, what is in scope, and what looks like a trap."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urljoin, urlsplit, urlunsplit

from w3lib.url import canonicalize_url, safe_url_string

from corpus.config.crawl import CrawlSettings
from pipelines.crawl.addresses import AddressRefused, is_inner_literal, parse_ipv4

KEY_BYTES = 16
DEFAULT_PORTS = {"http": 80, "https": 443}
# Schemes that refusals are counted by; the rest is one, so that a page cannot invent reasons without end.
_KNOWN_SCHEMES = frozenset(["about", "blob", "data", "file", "ftp", "javascript", "mailto", "sms", "tel", "weixin"])
_HOST = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
# Fields that name a session or a click, never a page. Session ids: PHP, ASP, ColdFusion, Java, Discuz!; campaign
# marks: Google, Facebook, Microsoft, Alibaba (spm), Bilibili.
_NOISE_FIELDS = re.compile(
    r"(?:php|asp|jsp|cf)?sess?ion_?id|phpsessid|aspsessionid\w*|jsessionid|cfid|cftoken|sid|osCsid|zenid"
    r"|utm_\w+|gclid|fbclid|msclkid|yclid|spm|spm_id_from|vd_source|share_source|_t_timestamp",
    re.IGNORECASE,
)
_SESSION_VALUE = re.compile(r"[0-9a-zA-Z]{6,64}")
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|sid|phpsessid)=[^/?]*|/\([a-z]\([0-9a-z]{20,}\)\)", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x20\x7f]+")
_DIGITS = re.compile(r"\d+")
# A year and a month written apart (2150-03, 2150/3), or a field named for the year.
_YEAR = re.compile(
    r"(?<!\d)([12]\d{3})(?:[-/_.]|%E5%B9%B4)(?:0?[1-9]|1[0-2])(?!\d)|\by(?:ear)?=([12]\d{3})(?!\d)", re.IGNORECASE
)
# Suffixes of what is no page. The list is long on purpose: each entry saves a request.
_NO_PAGE = frozenset(
    "7z aac apk avi avif bin bmp bz2 css csv deb dmg doc docx eot epub exe flac flv gif gz ico ipa iso jar jpeg jpg js "  # noqa: SIM905
    "json jsonp m3u8 m4a m4v map mid mkv mobi mov mp3 mp4 mpeg mpg msi ogg ogv otf pdf png ppt pptx ps psd rar rm rmvb "
    "rpm rtf svg swf tar tgz tif tiff torrent ts ttf wasm wav webm webmanifest webp wma wmv woff woff2 xls xlsx xz "
    "zip zst".split()
)


@dataclass(frozen=True, slots=True)
class PageUrl:
    """A URL as it is requested, and the key under which the frontier knows it."""

    url: str
    key: bytes
    host: str  # lower case, with the port where it is not the scheme's own: "bbs.example:8080"


class Refusal(ValueError):
    """A URL that is not taken; the message is a short reason for counting."""


def normalise(reference: str, base: str = "", encoding: str = "utf-8") -> PageUrl:
    """Return ``reference``, relative to ``base``, in the form in which it is requested.

    Host to lower case and Punycode, numeric hosts to dotted decimal, default
    port, fragment, session and campaign fields dropped, dot segments resolved,
    characters outside of ASCII escaped: in the path as UTF-8, in the query in
    the page's ``encoding`` (URL Standard). The key is over w3lib's canonical
    form, in which the order of query fields does not matter.

    Raises :class:`Refusal`.
    """
    try:
        absolute = urljoin(base, _CONTROLS.sub("", reference) if "\n" in reference else reference.strip())
        parts = urlsplit(absolute)
        port = parts.port
        hostname = parts.hostname
    except ValueError as error:
        raise Refusal("malformed_url") from error
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise Refusal(f"scheme:{scheme if scheme in _KNOWN_SCHEMES else 'other'}")
    if parts.username is not None or parts.password is not None:
        raise Refusal("credentials_in_url")
    if not hostname:
        raise Refusal("malformed_url")
    host = _host(hostname)
    authority = host if port in (None, DEFAULT_PORTS[scheme]) else f"{host}:{port}"
    path = _SESSION_IN_PATH.sub("", parts.path) or "/"
    query = "&".join(field for field in parts.query.split("&") if field and not _is_noise(field))
    try:
        safe = safe_url_string(urlunsplit((scheme, authority, path, query, "")), encoding=encoding)
        url = urlunsplit((*urlsplit(safe)[:2], _without_dots(urlsplit(safe).path), urlsplit(safe).query, ""))
        canonical = canonicalize_url(url)
    except (ValueError, UnicodeError) as error:
        raise Refusal("malformed_url") from error
    key = hashlib.blake2b(canonical.encode("utf-8"), digest_size=KEY_BYTES).digest()
    return PageUrl(url, key, authority)


def _host(hostname: str) -> str:
    if ":" in hostname:
        return f"[{hostname}]"
    try:
        name = hostname.removesuffix(".").encode("idna").decode("ascii").lower()
        literal = parse_ipv4(name)
    except (UnicodeError, AddressRefused) as error:
        raise Refusal("malformed_host") from error
    if literal is not None:
        return str(literal)
    if not _HOST.fullmatch(name):
        raise Refusal("malformed_host")
    return name


def _without_dots(path: str) -> str:
    if "/." not in path:
        return path or "/"
    # urljoin resolves dot segments of a path against any base of the same authority.
    return urlsplit(urljoin("http://h/", path)).path or "/"


def _is_noise(field: str) -> bool:
    name, _, value = field.partition("=")
    if _NOISE_FIELDS.fullmatch(name) is None:
        return False
    return name.lower() != "sid" or (_SESSION_VALUE.fullmatch(value) is not None and not value.isdigit())


def split_authority(url: str) -> tuple[str, str, int]:
    """Return scheme, host (no brackets) and port of a normalised URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]


def shape(url: str) -> str:
    """Return ``url`` without what counters and calendars change: digits, and the values of the query."""
    parts = urlsplit(url)
    names = sorted(field.partition("=")[0] for field in parts.query.split("&") if field)
    return f"{_DIGITS.sub('0', parts.path)}?{'&'.join(names)}"


def shape_hash(url: str) -> int:
    """Return 64 bits, signed, that stand for the shape of ``url``."""
    return int.from_bytes(hashlib.blake2b(shape(url).encode("utf-8"), digest_size=8).digest(), "little", signed=True)


class Scope:
    """Decides which normalised URLs belong to the crawl. ``year`` is the present one."""

    def __init__(self, settings: CrawlSettings, seed_hosts: Sequence[str], year: int) -> None:
        self._settings, self._year = settings, year
        self._patterns = [host.lower() for host in settings.hosts]
        # Sites send from the bare name to www or back; that is the same site.
        self._seed_hosts = frozenset(host.removeprefix("www.") for host in seed_hosts)

    def check(self, page: PageUrl) -> None:
        """Raise :class:`Refusal` where ``page`` is out of scope or looks like a trap."""
        settings = self._settings
        self.check_host(page)
        if any(fnmatchcase(page.url, pattern) for pattern in settings.exclude):
            raise Refusal("excluded")
        if len(page.url) > settings.max_url_length:
            raise Refusal("url_too_long")
        parts = urlsplit(page.url)
        segments = [segment for segment in parts.path.split("/") if segment]
        if segments and segments[-1].rpartition(".")[2].lower() in _NO_PAGE and "." in segments[-1]:
            raise Refusal("no_page")
        if len(segments) > settings.max_path_segments:
            raise Refusal("trap_deep_path")
        if segments and max(Counter(segments).values()) > settings.max_repeated_segments:
            raise Refusal("trap_repeated_segment")
        if parts.query.count("&") >= settings.max_query_fields:
            raise Refusal("trap_query")
        years = [int(match.group(1) or match.group(2)) for match in _YEAR.finditer(f"{parts.path}?{parts.query}")]
        if any(year > self._year + 1 for year in years):
            raise Refusal("trap_calendar")  # the past may hold archives, what lies ahead of next year holds nothing

    def check_host(self, page: PageUrl) -> None:
        """Raise :class:`Refusal` where the host of ``page`` is out of scope: "private_address" if it is one itself."""
        if not self.has_host(page.host):
            literal = split_authority(page.url)[1]
            raise Refusal("private_address" if is_inner_literal(literal) else "out_of_scope")

    def has_host(self, authority: str) -> bool:
        """Return whether ``authority`` (host, perhaps with port) is in scope."""
        if not self._patterns:
            return authority.removeprefix("www.") in self._seed_hosts
        host = authority.rpartition(":")[0] if ":" in authority and not authority.endswith("]") else authority
        return any(fnmatchcase(name, pattern) for name in (host, authority) for pattern in self._patterns)
