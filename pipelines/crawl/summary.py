"""What a crawl says of itself: ``crawl.json``, and lines on the console."""

from __future__ import annotations

from typing import Any

import orjson
from rich.console import Console

from corpus.config.crawl import CrawlSettings
from corpus.storage import Store
from pipelines.passes.reports import Report

SUMMARY_NAME = "crawl.json"
COMMON_CRAWL_SUMMARY = "commoncrawl.json"


def write_summary(store: Store, state: Report, totals: dict[str, Any], settings: CrawlSettings) -> dict[str, Any]:
    """Write and return the summary of the crawl at ``state``; ``totals`` are those of its frontier."""
    summary = {
        "round": state["round"],
        "pages": state["pages"],
        "outcomes": state["outcomes"],
        "urls": totals["states"],
        "reasons": totals["reasons"],
        "refused_addresses": state.get("refused_addresses", []),
        "refused_links": state.get("refused_links", {}),
        "warcs": state["warcs"],
        "user_agent": settings.user_agent,
    }
    store.write_atomic(SUMMARY_NAME, orjson.dumps(summary, option=orjson.OPT_INDENT_2) + b"\n")
    return summary


def print_round(console: Console, summary: dict[str, Any]) -> None:
    """Print where the crawl stands."""
    states = ", ".join(f"{count:,} {name}" for name, count in summary["urls"].items())
    console.print(f"round {summary['round']}: {summary['pages']:,} pages, {states}", highlight=False)


def print_end(console: Console, summary: dict[str, Any], hours: float | None) -> None:
    """Print what was not followed, and when the next URL is due (``hours`` from now, None where none is waited for)."""
    refused = sorted(summary["refused_links"].items(), key=lambda item: (-item[1]["links"], item[0]))
    if refused:
        counted = ", ".join(f"{counts['links']:,} {reason}" for reason, counts in refused)
        console.print(f"links not followed: {counted}; examples in {SUMMARY_NAME}", highlight=False)
    if summary["refused_addresses"]:
        places = len(summary["refused_addresses"])
        console.print(f"addresses refused: {places:,}, listed in {SUMMARY_NAME} with the reason", highlight=False)
    if hours is not None:
        queued = summary["urls"].get("queued", 0)
        console.print(f"{queued:,} URLs are queued; the next is due in {hours:.1f} h", highlight=False)
