"""What a page says about itself: title, publication date, reservations, schema types, site builder.

Sources in order of trust: <meta>, JSON-LD (within a byte budget), <time>, then
what is visible near the title.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from corpus.extraction import dates
from corpus.extraction.page import Page
from corpus.extraction.references import unescape
from corpus.kernels.markup_tree import TEXT

_JSON_LD_BYTES = 262_144  # of one page, all blocks together: larger ones are product catalogues
_LONGEST_TITLE = 500  # characters: longer ones are keyword stuffing
_LEAST_COVER = 0.25  # of the longest piece of the stated title: shorter headings name a section
_NODES_BEFORE, _NODES_AFTER = 15, 40  # around a heading: where its dateline stands
_ABOVE = 3  # elements above a heading whose class may say that it names the site
_SITE_NAME = re.compile(
    r"(?:^|[\s_-])(?:site|menu|blog|brand|navbar|header|logo)[_-]?(?:title|name|brand|logo)(?=$|[\s_-])|^logo$"
)
_HOME = re.compile(r"(?:https?://[^/?#]+)?/?(?:(?:\.\.?/)+)?(?:index\.\w{3,5})?$")
_SECTION_NUMBER = re.compile(r"^(?:第\d+[章节節篇]|(?:\d+\.)+\d+|\d+(?=[.、:：)）])|[a-z]\.\d+)[.、:：)）]*")
_DATE_META = (
    "article:published_time", "og:article:published_time", "og:published_time", "bytedance:published_time",
    "datepublished", "date_published", "publishdate", "pubdate", "publish_date", "publication_date", "parsely-pub-date",
    "sailthru.date", "dc.date.issued", "dc.date", "dcterms.created", "dcterms.issued", "citation_publication_date",
    "weibo:article:create_at", "og:time", "article.published", "publish-date", "createdate", "og:release_date", "date",
)  # fmt: skip
# One of these stands in every <meta> that is read here; "&" may spell any of them.
_STATED = (
    "date", "og:", "publi", "creat", "issued", "generator", "robots", "googlebot", "baiduspider", "tdm-", "&",
)  # fmt: skip
_STATED_SHORT = re.compile(r"(?<![^\s=\"'])ai(?![^\s\"'/])")
_RESERVATIONS = ("noindex", "none", "noarchive", "nosnippet", "noai", "noimageai")
_SEPARATORS = re.compile(
    r"\s*(?:[|｜»«·•]|(?<![a-zA-Z0-9])_{1,2}|_{1,2}(?![a-zA-Z0-9_])|(?<=\s)[-–—:](?=\s)|[-–](?=[^\x00-\x7f])|(?<!—)—(?=[^\x00-\x7f—])|--)\s*"
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
    body: str = ""  # JSON-LD articleBody, the longest

    @property
    def is_article(self) -> bool:
        """Whether the page says that it is an article."""
        return self.og_type in ("article", "news") or any(name.endswith(("Article", "Posting")) for name in self.types)

    def plain_body(self) -> str:
        """Return the stated text without markup, white space collapsed line by line."""
        text = unescape(_TAGS.sub("\n" if "</p>" in self.body else " ", self.body))
        return "\n".join(line for line in (" ".join(line.split()) for line in text.split("\n")) if line)


def clean(text: str) -> str:
    """Return one line of text: entities resolved, white space collapsed."""
    return _SPACES.sub(" ", unescape(_TAGS.sub(" ", text))).strip()


def read(page: Page) -> Metadata:
    """Read a page's <meta>, <title> and JSON-LD."""
    out = Metadata()
    titles = page.named("title")
    if titles:
        out.head_title = clean(page.raw_text(titles[0])[:_LONGEST_TITLE])
    dated: dict[str, str] = {}
    for node in page.named("meta")[:200]:
        if not _may_state(page.tag_text(node).lower()):
            continue
        attributes = page.attributes(node)
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


def _may_state(tag: str) -> bool:
    """Whether a <meta> whose tag reads so, in lower case, may have a name that :func:`read` knows."""
    for word in _STATED:
        if word in tag:
            return True
    return "ai" in tag and _STATED_SHORT.search(tag) is not None


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
            value = json.loads(page.raw_text(node).strip().removeprefix("<!--").removesuffix("-->"), strict=False)
        except (ValueError, RecursionError):
            continue
        _read_schema(value, out)


def _read_schema(value: Any, out: Metadata) -> None:
    """Collect types, headline, text and date from the top objects of a JSON-LD value (two levels: lists and @graph)."""
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
            body = entity.get("articleBody")
            if isinstance(body, str) and len(body) > len(out.body):
                out.body = body
            stated = entity.get("datePublished") or entity.get("pubDate")
            if out.published_at is None and isinstance(stated, str):
                out.published_at = dates.parse_machine(stated)


def heading_of(page: Page, stated: Metadata) -> tuple[int, str]:
    """Return the longest heading that the page's stated title contains, and its text; (-1, "") where none does.

    Headings that name the site do not count, and the number of a section is no
    part of its title. Where the page states its site's name only, its single
    other <h1> is the heading.
    """
    stated_titles = [_squeeze(title) for title in (stated.head_title, stated.title, stated.headline) if title]
    if not stated_titles:
        return -1, ""
    stated_pieces = [
        [_squeeze(piece) for piece in split_title(title)]
        for title in (stated.head_title, stated.title, stated.headline)
        if title
    ]
    # A short heading is the title where it is a whole piece of it; the last piece is the site's more often than not.
    whole = {piece for pieces in stated_pieces for piece in pieces[: max(1, len(pieces) - 1)] if len(piece) >= 2}
    longest = max(3, int(_LEAST_COVER * max((len(piece) for pieces in stated_pieces for piece in pieces), default=0)))
    best, best_text, best_length = -1, "", 0
    headings = [node for name in ("h1", "h2", "h3") for node in page.named(name)[:8] if 2 <= page.text[node] <= 200]
    for node, text in zip(headings, page.lines(headings), strict=True):
        squeezed = _SECTION_NUMBER.sub("", _squeeze(text))
        if (
            len(squeezed) > best_length
            and (squeezed in whole or len(squeezed) > longest)
            and text != stated.site
            and any(squeezed in title for title in stated_titles)
            and not _names_site(page, node)
        ):
            best, best_text, best_length = node, text, len(squeezed)
    if best < 0 and stated.site and len(split_title(stated.title or stated.head_title)) == 1:
        own = [node for node in page.named("h1")[:8] if not _names_site(page, node)]
        if len(own) == 1 and 2 <= page.text[own[0]] <= 200 and _squeeze(stated.site) in stated_titles[0]:
            return own[0], page.line(own[0])
    return best, best_text


def _names_site(page: Page, node: int) -> bool:
    """Whether a heading is the site's name: marked so, or a link to the site's front page."""
    tree = page.tree
    above = node
    for _ in range(_ABOVE):
        classes = page.attributes(above).get("class", "").lower()
        if classes and _SITE_NAME.search(classes):
            return True
        above = int(tree.parent[above])
        if above <= page.body:
            break
    links = page.links_in(node)
    return (
        bool(links)
        and page.links[node] == page.text[node]
        and _HOME.match(page.attributes(links[0]).get("href") or "#") is not None
    )


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
            return page.line(node)
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
            value = page.attributes(node).get("datetime") or page.line(node)
            seconds = dates.parse_machine(value)
            if seconds is not None:
                return seconds
    if heading >= 0:
        first, last = max(page.body, heading - _NODES_BEFORE), min(len(tree.tag), int(tree.end[heading]) + _NODES_AFTER)
        inside = zip(range(first, last), tree.tag[first:last].tolist(), page.text[first:last].tolist(), strict=True)
        shown = [i for i, tag, text in inside if tag == TEXT and text and not heading <= i < tree.end[heading]]
        seconds = dates.parse_visible("\n".join(page.tag_text(i)[:200] for i in shown))
        if seconds is not None:
            return seconds
    meta = page.words.cues("meta")
    for node in np.flatnonzero(tree.cues & meta)[:12] if page.has_cue(meta) else ():
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
