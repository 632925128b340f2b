"""What a page says about itself: title, publication date, reservations, schema types, site builder.

Sources in order of trust: <meta>, JSON-LD (within a byte budget), <time>, then
what is visible near the title.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field
from typing import Any

from corpus.extraction import dates
from corpus.extraction.page import Page
from corpus.kernels.markup import TEXT

_JSON_LD_BYTES = 262_144  # of one page, all blocks together: larger ones are product catalogues
_LONGEST_TITLE = 500  # characters: longer ones are keyword stuffing
_LEAST_COVER = 0.25  # of the longest piece of the stated title: shorter headings name a section
_NODES_BEFORE, _NODES_AFTER = 15, 40  # around a heading: where its dateline stands
_DATE_META = (
    "article:published_time", "og:article:published_time", "og:published_time", "bytedance:published_time",
    "datepublished", "date_published", "publishdate", "pubdate", "publish_date", "publication_date", "parsely-pub-date",
    "sailthru.date", "dc.date.issued", "dc.date", "dcterms.created", "dcterms.issued", "citation_publication_date",
    "weibo:article:create_at", "og:time", "article.published", "publish-date", "createdate", "og:release_date", "date",
)  # fmt: skip
_RESERVATIONS = ("noindex", "none", "noarchive", "nosnippet", "noai", "noimageai")
_SEPARATORS = re.compile(
    r"\s*(?:[|｜»«·•]|_{1,2}|(?<=\s)[-–—:](?=\s)|[-–](?=[^\x00-\x7f])|(?<!—)—(?=[^\x00-\x7f—])|--)\s*"
)
_TAGS = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_SPACES = re.compile(r"\s+")


@dataclass(slots=True)
class Metadata:
    """What the head of a page states."""

    title: str = ""  # og:title
    head_title: str = ""  # <title>
    site: str = ""
    published_at: int | None = None
    opt_out: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)  # schema.org types of the page, e.g. "NewsArticle"
    og_type: str = ""
    generator: str = ""
    headline: str = ""  # JSON-LD headline

    @property
    def is_article(self) -> bool:
        """Whether the page says that it is an article."""
        return self.og_type in ("article", "news") or any(name.endswith(("Article", "Posting")) for name in self.types)


def clean(text: str) -> str:
    """Return one line of text: entities resolved, white space collapsed."""
    return _SPACES.sub(" ", html.unescape(_TAGS.sub(" ", text))).strip()


def read(page: Page) -> Metadata:
    """Read a page's <meta>, <title> and JSON-LD."""
    out = Metadata()
    titles = page.named("title")
    if len(titles):
        out.head_title = clean(page.raw_text(int(titles[0]))[:_LONGEST_TITLE])
    dated: dict[str, str] = {}
    for node in page.named("meta")[:200]:
        attributes = page.attributes(int(node))
        name = (
            (attributes.get("property") or attributes.get("name") or attributes.get("itemprop") or "").strip().lower()
        )
        value = attributes.get("content", "")
        if not name or not value:
            continue
        if name == "og:title":
            out.title = out.title or clean(value[:_LONGEST_TITLE])
        elif name == "og:site_name":
            out.site = clean(value[:_LONGEST_TITLE])
        elif name == "og:type":
            out.og_type = value.strip().lower()[:40]
        elif name == "generator":
            out.generator = out.generator or clean(value).lower()[:80]
        elif name in _DATE_META:
            dated.setdefault(name, value)
        elif name in ("robots", "googlebot", "baiduspider", "ai"):
            out.opt_out.update(word for word in re.split(r"[\s,]+", value.lower()) if word in _RESERVATIONS)
        elif name == "tdm-reservation" and value.strip() == "1":
            out.opt_out.add("tdm-reservation")
    for name in _DATE_META:
        if name in dated:
            out.published_at = dates.parse_machine(dated[name])
            if out.published_at is not None:
                break
    _read_json_ld(page, out)
    return out


def _read_json_ld(page: Page, out: Metadata) -> None:
    budget = _JSON_LD_BYTES
    tree = page.tree
    for node in page.named("script"):
        if tree.end[node] == node + 1 or tree.stop[node] - tree.start[node] < 20:
            continue
        head = page.data[tree.start[node] : tree.stop[node]].tobytes()
        if b"ld+json" not in head:
            continue
        size = int(tree.stop[node + 1] - tree.start[node + 1])
        if size > budget:
            continue
        budget -= size
        try:
            value = json.loads(page.raw_text(int(node)).strip().removeprefix("<!--").removesuffix("-->"), strict=False)
        except (ValueError, RecursionError):
            continue
        _read_schema(value, out)


def _read_schema(value: Any, out: Metadata) -> None:
    """Collect types, headline and date from the top objects of a JSON-LD value (two levels: lists and @graph)."""
    queue = value if isinstance(value, list) else [value]
    for item in queue[:50]:
        if not isinstance(item, dict):
            continue
        graph = item.get("@graph")
        entities = graph[:50] if isinstance(graph, list) else [item]
        for entity in entities:
            if not isinstance(entity, dict):
                continue
            kind = entity.get("@type")
            names = kind if isinstance(kind, list) else [kind]
            out.types.update(name[:40] for name in names if isinstance(name, str))
            headline = entity.get("headline")
            if isinstance(headline, str) and not out.headline:
                out.headline = clean(headline)
            stated = entity.get("datePublished") or entity.get("pubDate")
            if out.published_at is None and isinstance(stated, str):
                out.published_at = dates.parse_machine(stated)


def heading_of(page: Page, stated: Metadata) -> tuple[int, str]:
    """Return the longest heading that the page's stated title contains, and its text; (-1, "") where none does."""
    stated_titles = [_squeeze(title) for title in (stated.head_title, stated.title, stated.headline) if title]
    if not stated_titles:
        return -1, ""
    piece = max((len(_squeeze(piece)) for title in stated_titles for piece in split_title(title)), default=0)
    best, best_text, longest = -1, "", max(3, int(_LEAST_COVER * piece))
    for name in ("h1", "h2", "h3"):
        for node in page.named(name)[:8]:
            if longest < page.text[node] <= 200:
                text = page.line(int(node))
                squeezed = _squeeze(text)
                if (
                    len(squeezed) > longest
                    and text != stated.site
                    and any(squeezed in title for title in stated_titles)
                ):
                    best, best_text, longest = int(node), text, len(squeezed)
    return best, best_text


def _squeeze(text: str) -> str:
    return _SPACES.sub("", text).casefold()


def title_of(page: Page, stated: Metadata, heading: str) -> str:
    """Return a page's title: its heading, else og:title or <title> without the site's name, else an <h1>."""
    if heading:
        return heading
    best = without_site(stated.title or stated.head_title, stated.site)
    if len(best) >= 4 and best[0] not in "-_|":
        return best
    for node in page.named("h1")[:3]:
        if 2 <= page.text[node] <= 200:
            return page.line(int(node))
    return stated.headline[:200] or best.strip("-_| ")


def published_at(page: Page, stated: Metadata, heading: int, url: str | None) -> int | None:
    """Return when the page was published, in seconds since the epoch.

    In order: what the head states, the first <time> at or after the heading,
    a date shown within a few nodes of the heading or in a byline, the URL.
    """
    if stated.published_at is not None:
        return stated.published_at
    tree = page.tree
    for node in page.named("time")[:8]:
        if node >= heading:
            value = page.attributes(int(node)).get("datetime") or page.line(int(node))
            seconds = dates.parse_machine(value)
            if seconds is not None:
                return seconds
    if heading >= 0:
        first, last = max(page.body, heading - _NODES_BEFORE), min(len(tree.tag), int(tree.end[heading]) + _NODES_AFTER)
        shown = [
            i
            for i in range(first, last)
            if tree.tag[i] == TEXT and page.text[i] and not heading <= i < tree.end[heading]
        ]
        seconds = dates.parse_visible("\n".join(page.slice(int(tree.start[i]), int(tree.stop[i]))[:200] for i in shown))
        if seconds is not None:
            return seconds
    for node in (tree.cues & page.words.cues("meta")).nonzero()[0][:12]:
        if 6 <= page.text[node] <= 100:
            seconds = dates.parse_visible(page.line(int(node)))
            if seconds is not None:
                return seconds
    return dates.parse_address(url) if url else None


def split_title(title: str) -> list[str]:
    """Return the pieces of a <title> between its separators."""
    return [piece for piece in _SEPARATORS.split(title) if piece]


def without_site(title: str, site: str) -> str:
    """Return ``title`` without the names of site and section that follow a separator."""
    pieces = split_title(title)
    if len(pieces) < 2:
        return title
    if site and pieces[-1] == site:
        pieces.pop()
    first = pieces[0]
    longest = max(pieces, key=len)
    return first if len(first) >= 4 or first == longest else longest
