"""Configuration of the extract step: the extractor, how pages of posts are cut, the budgets of one page."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from corpus.config.section import Section


class ExtractSettings(Section):
    """How the text of a page is taken from its markup."""

    engine: Literal["wudao", "resiliparse", "trafilatura"] = Field(
        "wudao",
        description="Which extractor finds the main text: this project's (benchmarks/RESULTS.md compares them), "
        "resiliparse's main content, or trafilatura's default. Kind, title, date and features are always ours.",
    )
    posts: Literal["page", "parts"] = Field(
        "page",
        description="Forum threads, answers and comments: 'page' makes one document of a page, its posts separated by "
        "an empty line (replies make sense beside what they answer); 'parts' makes one document of each post.",
    )
    max_bytes: int = Field(
        64 << 20,
        ge=1 << 10,
        description="UTF-8 bytes of markup of one page; larger ones are quarantined. The largest page of Common Crawl "
        "is 1 MiB (its truncation limit), so this meets only broken or hostile input.",
    )
    max_nodes: int = Field(
        1 << 21,
        ge=1 << 8,
        description="Elements and runs of text of a page; it is read up to there. 1 MiB of page has some 30,000.",
    )
    max_depth: int = Field(
        512,
        ge=16,
        le=4096,
        description="Depth of the tree; deeper elements become siblings. 512 is what Blink and WebKit allow. Pages "
        "deeper than this are quarantined by the other engines, whose parsers recurse.",
    )
