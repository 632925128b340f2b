"""Tolerant parsing of header blocks (WARC and HTTP), and what HTTP headers say about reuse."""

from __future__ import annotations

import re

# Blank line that ends a header block. Bare LF occurs in archives of old tools, CR CR LF where text mode rewrote one.
BLANK_LINE = re.compile(rb"\r{0,2}\n\r{0,2}\n")
# An HTTP header block longer than this is no header block (servers limit it to 8 to 64 KiB).
MAX_HEADER_BYTES = 1 << 16

_STATUS_LINE = re.compile(rb"(?:HTTP|ICY)(?:/[\d.]+)?[ \t]+(\d{3})(?!\d)")
# Directives of X-Robots-Tag: developers.google.com/search/docs/crawling-indexing/robots-meta-tag, and noai and
# noimageai as introduced by DeviantArt in 2022.
ROBOTS_DIRECTIVES = frozenset(
    ["all", "none", "noindex", "nofollow", "noarchive", "nocache", "nosnippet", "noimageindex", "noai", "noimageai"]
)
_NOT_RESERVATIONS = frozenset(["all"])


def decode(value: bytes) -> str:
    """Return a header value as text: UTF-8 where it is, else Latin-1 (RFC 9110 leaves other bytes opaque)."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def parse_fields(block: bytes) -> dict[str, list[str]]:
    """Return lower-case name -> values in order of the header lines in ``block`` (without its first line).

    Lines without a colon are ignored, folded lines (RFC 822) are joined.
    """
    fields: dict[str, list[str]] = {}
    values: list[str] | None = None
    try:
        lines = block.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        lines = [decode(line) for line in block.split(b"\n")]
    for line in lines[1:]:
        if line[:1] in (" ", "\t") and values:
            values[-1] = f"{values[-1]} {line.strip()}".strip()
            continue
        name, colon, value = line.partition(":")
        if not colon:
            values = None
            continue
        values = fields.setdefault(name.strip().lower(), [])
        values.append(value.strip())
    return fields


def first(fields: dict[str, list[str]], name: str) -> str | None:
    """Return the first non-empty value of header ``name``.

    First wins where a name is repeated: proxies append, so the origin's own comes first.
    """
    return next((value for value in fields.get(name, ()) if value), None)


def joined(fields: dict[str, list[str]], name: str) -> str | None:
    """Return all values of a list header (Content-Encoding) joined by commas, as RFC 9110 section 5.3 defines."""
    return ", ".join(value for value in fields.get(name, ()) if value) or None


def status_of(block: bytes) -> int | None:
    """Return the status code of an HTTP response, or None where ``block`` does not begin like one."""
    match = _STATUS_LINE.match(block)
    return int(match.group(1)) if match else None


def media_type(content_type: str | None) -> str:
    """Return the bare lower-case media type of a Content-Type value, "" without one."""
    return re.split(r"[;,\s]", (content_type or "").strip().lower(), maxsplit=1)[0].strip("\"'")


def reservations(fields: dict[str, list[str]]) -> list[str] | None:
    """Return the reservations of an HTTP response, sorted and distinct, or None.

    From ``X-Robots-Tag``: directives that restrict use; one that names a
    crawler is kept with it ("gptbot:noindex"). ``none`` stands for noindex and
    nofollow. From ``tdm-reservation: 1`` (W3C TDMRep): "tdm-reservation".
    """
    found: set[str] = set()
    for value in fields.get("x-robots-tag", ()):
        agent = ""
        for part in value.lower().split(","):
            name, colon, directive = part.strip().rpartition(":")
            if colon and directive.strip() in ROBOTS_DIRECTIVES:
                agent = "" if name.strip() == "*" else name.strip() + ":"
            directive = directive.strip()
            if directive in ROBOTS_DIRECTIVES - _NOT_RESERVATIONS:
                meant = ("noindex", "nofollow") if directive == "none" else (directive,)
                found.update(agent + each for each in meant)
    if any(value.strip() == "1" for value in fields.get("tdm-reservation", ())):
        found.add("tdm-reservation")
    return sorted(found) or None
