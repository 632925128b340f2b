"""Which kind of page this is, from its markup, title and address, before anything is extracted.

Kinds: ``article``, ``forum`` (threads), ``qa``, ``comments``, ``wechat``;
``index``, and ``comments`` again, are found when an article's text has been
selected and the page has hardly any.
Evidence is counted in points (``kinds.yaml``); no single source decides alone
except a schema type or a generator that names the kind.
"""

from __future__ import annotations

import re
from importlib.resources import files
from urllib.parse import urlsplit

import numpy as np

from corpus.extraction.metadata import Metadata, split_title
from corpus.extraction.page import Page
from corpus.extraction.vocabulary import Vocabulary
from corpus.kernels import markup_measure
from corpus.safe_yaml import read_yaml

POSTS = frozenset(("forum", "qa", "comments"))
_LONG_PIECE = 24  # characters of a title's piece that is no site's name
_SHORTEST, _BLURB = 20, 50  # characters of prose up to which a page has none of its own, or a blurb
_LONG_ARTICLE = 1000  # characters of prose from which a text stands by itself, however many comments it has
_MANY_COMMENTS = 10  # comments of one form from which a page may be a discussion
_COMMENTS_OUTWEIGH = 4  # times the text selected that they must hold for it
_ENTRIES = 3  # headings that lead to pages of the same site make a page without a heading of its own an index
_LISTING = re.compile(r"/(?:archives?|tags?|categor(?:y|ies)|page)(?:/|$)", re.IGNORECASE)


class KindDecider:
    """Decides the kind of a page; tables are read once."""

    def __init__(self, words: Vocabulary) -> None:
        tables = read_yaml((files("corpus.extraction") / "kinds.yaml").read_text(encoding="utf-8"))
        self._least = int(tables["least"])
        self._address = [(kind, points, re.compile(pattern)) for kind, points, pattern in tables["address"]]
        self._title = [(kind, points, re.compile(pattern, re.IGNORECASE)) for kind, points, pattern in tables["title"]]
        self._generator = [(kind, points, re.compile(pattern)) for kind, points, pattern in tables["generator"]]
        self._schema: dict[str, tuple[str, int]] = {
            name: (kind, points) for name, (kind, points) in tables["schema"].items()
        }
        self._cues = {name: words.cues(name) for name in ("comment", "answer", "question", "post_body", "thread_page")}
        self._wechat = words.cues("wechat")

    def decide(self, page: Page, stated: Metadata, heading: int, url: str | None) -> str:
        """Return the kind of a page."""
        if (page.tree.cues & self._wechat).any() and (
            "weixin" in (url or "") or "rich_media" in page.slice(0, 1 << 20)
        ):
            return "wechat"
        points = {"article": 0, "forum": 0, "qa": 0, "comments": 0}
        self._stated(stated, url, points)
        self._marked(page, heading, points)
        kind = max(("forum", "qa", "comments"), key=lambda name: points[name])
        return kind if points[kind] - points["article"] >= self._least else "article"

    def _stated(self, stated: Metadata, url: str | None, points: dict[str, int]) -> None:
        if url:
            address = url.lower().split("://", 1)[-1].split("#", 1)[0]
            for name in ("forum", "qa", "comments"):
                hits = [value for kind, value, pattern in self._address if kind == name and pattern.search(address)]
                points[name] += max(hits, default=0) + min([0, *hits])
        pieces = split_title(stated.head_title)
        longest = max(pieces, key=len, default="")
        sites = [piece for piece in pieces if piece != longest and len(piece) <= _LONG_PIECE] + [stated.site]
        for kind, value, pattern in self._title:
            if any(pattern.search(site) for site in sites):
                points[kind] += value
        strongest: dict[str, int] = {}
        for name in stated.types:
            if name in self._schema:
                kind, value = self._schema[name]
                strongest[kind] = max(value, strongest.get(kind, 0))
        for kind, value in strongest.items():
            points[kind] += value
        for kind, value, pattern in self._generator:
            if pattern.search(stated.generator):
                points[kind] += value

    def _marked(self, page: Page, heading: int, points: dict[str, int]) -> None:
        """Add what class names say: message bodies, answers, comments and their share of the page's text."""
        tree, body = page.tree, page.body
        whole = max(1, int(page.text[body] - page.links[body]))
        wrappers = tree.cues[: body + 1] & self._cues["thread_page"]
        if wrappers.any():
            points["forum"] += 3
        count, mass, groups = markup_measure.cue_mass(
            tree, page.text, page.links, body, heading,
            np.array([self._cues[name] for name in ("comment", "answer", "question", "post_body")], np.uint64),
        )  # fmt: skip
        if groups[3] >= 2 and mass[3] >= 0.3 * whole and mass[0] < 0.5 * mass[3]:
            points["forum"] += 2
        if count[1] >= 1 and count[2] >= 1 and mass[1] >= 0.2 * whole:
            points["qa"] += 2
        if count[0] >= 3 and mass[0] >= 0.65 * whole:
            points["comments"] += 3


def is_discussion(page: Page, comment: np.uint64, prose: int, records: int, heading: int) -> bool:
    """Whether comments are what a page has: four times the text selected, which is short.

    Ten of one form, or any number under hardly any text. ``comment`` is the
    cue of a comment, ``records`` the characters of what has the form of comments.
    """
    marked = np.flatnonzero((page.tree.cues & comment) != 0)
    if heading < 0 or prose >= _LONG_ARTICLE or not (len(marked) or records):
        return False
    _, mass, _ = markup_measure.cue_mass(page.tree, page.text, page.links, page.body, heading, np.array([comment]))
    if max(mass[0], records) < _COMMENTS_OUTWEIGH * max(prose, _SHORTEST):
        return False
    _, forms = np.unique(page.tree.signature[marked[page.text[marked] > 0]], return_counts=True)
    return prose < _BLURB or forms.max(initial=0) >= _MANY_COMMENTS


def is_index(page: Page, prose: int, heading: int) -> bool:
    """Whether a page is a list of links: 20 or more of them, most of its text, and hardly any prose selected."""
    body = page.body
    if page.anchors[body] < 20 or 2 * page.links[body] < page.text[body]:
        return False
    return prose < _BLURB or (heading < 0 and prose < 4 * _BLURB and 15 * prose < page.links[body])


def is_listing(page: Page, heading: int, url: str | None) -> bool:
    """Whether headings lead to several pages of the site; none is the page's own, or its address names a list."""
    try:
        own = urlsplit(url or "")
    except ValueError:
        return False
    if heading >= 0 and not _LISTING.search(own.path):
        return False
    targets = set()
    for node in page.named("h1", "h2"):
        links = page.links_in(int(node))
        if not links or page.links[node] < page.text[node] or not page.text[node]:
            continue
        try:
            target = urlsplit(page.attributes(links[0]).get("href", ""))
        except ValueError:
            continue
        if target.path.strip("./") and not target.fragment and target.netloc in ("", own.netloc):
            targets.add(target.path)
    return len(targets) >= _ENTRIES
