"""Frontier rows as they are made, and as the journal holds them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pipelines.crawl.refusals import Refusals
from pipelines.crawl.robots import rules_of
from pipelines.crawl.urls import PageUrl, Refusal, Scope, normalise, shape_hash

Row = dict[str, Any]  # columns of pipelines.crawl.frontier.FRONTIER or SITES


def new_row(page: PageUrl, depth: int, *, kind: str = "page", redirects: int = 0, via: str | None = None) -> Row:
    """Return the frontier row of a URL that was just found."""
    return {
        "key": page.key,
        "url": page.url,
        "host": page.host,
        "kind": kind,
        "depth": depth,
        "redirects": redirects,
        "via": via,
        "shape": shape_hash(page.url),
        "state": "queued",
        "reason": None,
        "tries": 0,
        "due_at": 0.0,
        "status": None,
        "fetched_at": None,
        "stored_at": None,
        "digest": None,
        "etag": None,
        "last_modified": None,
        "skeleton": None,
    }


def sitemap_rows(site: Row, scope: Scope, token: str, refusals: Refusals) -> list[Row]:
    """Return frontier rows for the sitemaps that the robots.txt of ``site`` names; others go to ``refusals``."""
    if site["robots"] is None:
        return []
    rows = []
    for url in rules_of(200, site["robots"], token).sitemaps:
        via = f"{site['origin']}/robots.txt"
        try:
            page = normalise(url, site["origin"])
            scope.check_host(page)
        except Refusal as refusal:
            refusals.add(str(refusal), url, via)
            continue
        rows.append(new_row(page, 0, kind="sitemap", via=via))
    return rows


def to_json(row: Row) -> Row:
    """Return ``row`` as JSON values."""
    return {name: {"hex": value.hex()} if isinstance(value, bytes) else value for name, value in row.items()}


def from_json(row: Row) -> Row:
    """Return the row that :meth:`to_json` made."""
    return {name: bytes.fromhex(value["hex"]) if isinstance(value, dict) else value for name, value in row.items()}


def origin_of(url: str) -> str:
    """Return scheme and authority of a normalised URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
