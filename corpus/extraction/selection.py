"""Which parts of a page are its text, by the kind of the page.

Every constant was set on the dev part of html_gold (benchmarks/extraction.py
names the split); they work together, so none should be tuned alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpus.extraction.kind import POSTS, is_discussion, is_index, is_listing
from corpus.extraction.page import Page
from corpus.extraction.vocabulary import Vocabulary
from corpus.kernels import markup_choose, markup_exclude, markup_measure, markup_records, markup_render

_SHORTEST = 20  # characters of prose that are a text of their own
_LONGEST_LEAD = 400  # characters of a lead or abstract that stands before the text
_BLURB = 50  # characters of prose up to which a page of links is an index
_NOTE_MARK = 6  # characters of a reference to a note: "[12]", "注 3"
_BEFORE_TITLE = 400  # characters of lines before the title, inside the text's element
_NOTE = re.compile(r"#|.*#(?:fn|cite|note|ref|_ftn|foot)")

Mask = NDArray[np.uint8]

_ALWAYS_DROPPED = ("nav", "sidebar", "footer", "related", "share", "ad", "overlay", "formula_markup", "player")
_INLINE_DROPPED = ("share", "ad", "overlay", "headerlink", "formula_markup")
_DROPPED_TAGS = ("nav", "footer", "aside", "form", "menu", "dialog", "label", "search")
_CONTAINERS = (
    "div",
    "article",
    "main",
    "section",
    "body",
    "html",
    "td",
    "center",
    "form",
    "#other",
    "fieldset",
    "font",
)


@dataclass(frozen=True, slots=True)
class Rules:
    """Constants of selection for a family of kinds; lengths in characters other than white space."""

    masks: NDArray[np.uint64]  # for markup_exclude.exclude
    spared: np.uint64  # cues that no teaser has
    kept_share: float = 0.45  # of the page's text: an element of that much is not dropped for a cue
    kept_content_share: float = 0.25  # the same where another cue speaks for content
    small: int = 120  # a byline, a user's card
    teaser_link: int = 8  # the shortest headline
    prose: int = 25  # a line of so many characters is prose without punctuation
    weight: float = 0.3  # of recall in the choice of the container
    hinted: float = 1.5  # factor of a container whose class says that it is the text
    near_heading: float = 1.3  # factor of a container that holds the title or stands beside it
    link_limit: float = 0.6  # share of link text above which a block is a list of links
    captions: bool = False  # whether figure captions are kept


def _masks(*masks: np.uint64) -> NDArray[np.uint64]:
    """Return the eight masks of ``markup_exclude.exclude`` in its order; the last two may be left out."""
    return np.array([*masks, *[0] * (8 - len(masks))], np.uint64)


class _Choice(NamedTuple):
    """Where a text is."""

    root: int  # the node that holds it
    skip: Mask  # what is left out
    prose: int  # characters of prose in it
    leads: list[int]  # elements before it that belong to it
    records: int  # characters of comments that were left out for their form


class Selector:
    """Chooses the nodes of a page that are content."""

    def __init__(self, words: Vocabulary) -> None:
        self._words = words
        self._dropped_tags = words.tags(*_DROPPED_TAGS)
        self._heading_tags = words.tags("h2", "h3", "h4", "h5")
        self._containers = words.tags(*_CONTAINERS)
        self._body = words.cues("article_body")
        self._article = words.tag_numbers["article"]
        self._post_body = words.cues("post_body")
        self._post_item = words.cues("post", "comment", "answer", "question")
        self._comment = words.cues("comment")
        self._reply = words.cues("comment", "answer")
        self._wechat = words.cues("wechat")
        always, inline, gutter = words.cues(*_ALWAYS_DROPPED), words.cues(*_INLINE_DROPPED), words.cues("gutter")
        content = words.cues("content", "post")
        replies = words.cues("comment", "answer", "question")
        self.article = Rules(
            masks=_masks(
                always | words.cues("comment", "gallery"),
                words.cues("user", "credit"),
                self._body,
                content,
                inline,
                gutter,
            ),
            spared=words.cues("comment", "answer"),
        )
        trusting = words.cues("nav", "footer", "overlay", "formula_markup", "comment")
        self.trusting = replace(
            self.article, masks=_masks(trusting, words.cues("user"), self._body, content, inline, gutter)
        )
        self.posts = Rules(
            masks=_masks(
                always | words.cues("signature", "notice"), words.cues("user", "meta"), self._body | self._post_body,
                content | replies, inline, gutter, words.cues("related", "meta"), words.cues("comment"),
            ),
            small=60, spared=self._post_item | words.cues("user"), teaser_link=12, prose=4, weight=1.5, hinted=1.0,
            near_heading=1.0, captions=True,
        )  # fmt: skip

    def select(
        self, page: Page, kind: str, heading: int, stated_article: bool = False, url: str | None = None
    ) -> tuple[str, list[str]]:
        """Return the page's kind and the texts of its parts, in page order.

        ``heading`` is the node of the page's title, -1 for none. A page with
        hardly any prose among many links becomes an ``index``, unless it says
        that it is an article; where it has none, its text is the links' lines.
        So does a page of excerpts, whose headings all lead to pages of its site.
        """
        rules = self.posts if kind in POSTS else self.article
        choice = self._container(page, rules, kind, heading)
        if (
            kind == "article"
            and not self._has_marked_text(page)
            and is_discussion(page, self._comment, choice.prose, choice.records, heading)
        ):
            kind, rules = "comments", self.posts
            choice = self._container(page, rules, kind, heading)
        if rules is self.article and 4 * choice.prose < page.text[page.body] - page.links[page.body]:
            # Cues may have taken the text itself: its own element, marked as such, shows it without them.
            again = self._container(page, self.trusting, kind, heading)
            if page.tree.cues[again.root] & self._body and again.prose > 4 * choice.prose + _LONGEST_LEAD:
                choice = again
        root, skip, prose, leads, _ = choice
        if kind in POSTS:
            _drop_before_title(page, skip, root, heading, self._post_body)
            left, _ = markup_measure.remaining(page.tree, skip, root)
            starts = markup_choose.post_starts(
                page.tree, skip, left, root, self._post_body, self._post_item, self._reply
            )
            return kind, _parts(page, root, skip, starts)
        marked = prose >= _BLURB and page.tree.cues[root] & self._body
        if kind == "article" and not (stated_article or marked) and is_index(page, prose, heading):
            kind = "index"
            if prose >= _SHORTEST:
                return kind, _parts(page, root, skip, page.nothing)
            skip = markup_exclude.unseen(page.tree, self._words.tag_flags)
            self._exclude(page, skip, rules, heading)
            left, _ = markup_measure.remaining(page.tree, skip, page.body)
            root = int(
                markup_choose.best_container(
                    page.tree, skip, left, left, self._body, self._article, page.body, heading,
                    rules.hinted, rules.near_heading, 1.0,
                )
            )  # fmt: skip
            return kind, _parts(page, root, skip, page.nothing)
        if kind == "article" and is_listing(page, heading, url):
            return "index", _parts(page, root, skip, page.nothing)
        _drop_before_title(page, skip, root, heading)
        lead = "\n".join(page.render(node, skip, page.nothing).strip("\n") for node in leads)
        return kind, [(lead + "\n" + part).strip("\n") for part in _parts(page, root, skip, page.nothing)]

    def _exclude(self, page: Page, skip: Mask, rules: Rules, heading: int) -> None:
        tree, body = page.tree, page.body
        markup_exclude.show_formulas(page.data, tree, skip)
        markup_exclude.exclude(
            page.data, tree, skip, page.text, page.links, body, heading, self._words.tag_flags, self._dropped_tags,
            rules.masks, np.array([rules.kept_share, rules.kept_content_share, rules.small]),
        )  # fmt: skip
        if not rules.captions:
            for node in page.named("figcaption"):
                skip[node : tree.end[node]] = 1
        _drop_note_marks(page, skip)

    def _container(self, page: Page, rules: Rules, kind: str, heading: int) -> _Choice:
        tree, body, flags = page.tree, page.body, self._words.tag_flags
        posts = kind in POSTS
        skip = markup_exclude.unseen(tree, flags)
        self._exclude(page, skip, rules, heading)
        if posts:
            markup_exclude.drop_names(tree, skip, flags, body, 30)
        left, linked = markup_measure.remaining(tree, skip, body)
        headings = markup_measure.linked_headings(tree, self._heading_tags)
        markup_exclude.mark_teasers(
            tree,
            skip,
            left,
            linked,
            page.anchors,
            page.has_block,
            headings,
            rules.spared,
            body,
            rules.teaser_link,
            posts,
        )
        records = 0
        before = skip.copy()
        if not posts:
            records = markup_records.mark_records(page.data, tree, skip, left, body, heading)
        value = markup_measure.score(tree, skip, flags, body, rules.prose)
        if records and heading < 0 and value[body] < 2 * _BLURB:  # they are the page
            records, skip = 0, before
            value = markup_measure.score(tree, skip, flags, body, rules.prose)
        text, links = markup_measure.remaining(tree, skip, body)
        root = -1
        if kind == "wechat":
            root = self._hinted(page, value, self._wechat)
        if root < 0:
            root = markup_choose.best_container(
                tree, skip, value, text, self._body, -1 if posts else self._article, body, heading,
                rules.hinted, rules.near_heading, rules.weight,
            )  # fmt: skip
            root = markup_choose.lift(tree, value, text, links, self._body, self._containers, root, body, 0.5)
        markup_choose.prune_links(
            page.data,
            tree,
            skip,
            text,
            links,
            page.anchors,
            page.has_block,
            value,
            flags,
            root,
            rules.link_limit,
            not posts,
        )
        leads: list[int] = []
        if not posts and 0 <= heading < root:
            leads = markup_choose.leads(tree, skip, value, text, heading, root, _LONGEST_LEAD).tolist()
        return _Choice(int(root), skip, int(value[root]), leads, int(records))

    def _has_marked_text(self, page: Page) -> bool:
        """Whether an element that its class or its tag names an article's text holds more than a blurb."""
        named = (page.tree.cues & self._body != 0) | (page.tree.tag == self._article)
        nodes = np.flatnonzero(named & (page.tree.cues & (self._comment | self._reply) == 0))
        return bool((page.text[nodes] - page.links[nodes] > 2 * _BLURB).any())

    @staticmethod
    def _hinted(page: Page, value: NDArray[np.int32], cue: np.uint64) -> int:
        """Return the element with the cue that holds most prose, -1 where none holds any."""
        nodes = np.flatnonzero(page.tree.cues & cue)
        if not len(nodes) or value[nodes].max() == 0:
            return -1
        return int(nodes[np.argmax(value[nodes])])


def _drop_note_marks(page: Page, skip: Mask) -> None:
    """Set ``skip`` on raised marks that link to a note, and on the marks that lead back from it."""
    tree, link_tag = page.tree, page.words.tag_numbers["a"]
    for node in page.named("sup"):
        if skip[node] or not 0 < page.text[node] <= _NOTE_MARK or page.links[node] < page.text[node]:
            continue
        above = int(tree.parent[node])
        inside = page.links_in(int(node))
        link = above if tree.tag[above] == link_tag and page.text[above] <= _NOTE_MARK else (inside or [-1])[0]
        if link >= 0 and _NOTE.match(page.attributes(link).get("href", "")):
            outer = min(int(node), link)
            skip[outer : tree.end[outer]] = 1


def _drop_before_title(page: Page, skip: Mask, root: int, heading: int, post_body: np.uint64 | None = None) -> None:
    """Set ``skip`` on the lines that stand before the title, in the element of the text.

    In a text they stay where one of them holds a sentence, on a page of posts
    where one of them is a post (an element that holds no title and whose cues meet ``post_body``).
    """
    tree = page.tree
    if not root < heading < tree.end[root]:
        return
    before = [i for i in range(root + 1, heading) if tree.parent[i] == root or tree.end[tree.parent[i]] > heading]
    before = [i for i in before if tree.end[i] <= heading and not skip[i]]
    if post_body is None:
        stays = any(page.stops[i] for i in before)
    else:
        stays = any((tree.cues[i : tree.end[i]] & post_body).any() for i in before)
    if sum(int(page.text[i]) for i in before) <= _BEFORE_TITLE and not stays:
        for i in before:
            skip[i : tree.end[i]] = 1


def _parts(page: Page, root: int, skip: Mask, starts: Mask) -> list[str]:
    """Return the text of the subtree, cut before each post; what precedes the first post belongs to it."""
    pieces = page.render(root, skip, starts).split(chr(markup_render.POST_MARK))
    parts = [piece.strip("\n") for piece in pieces if piece.strip()]
    if len(parts) > 1 and pieces[0].strip():
        parts[:2] = [parts[0] + "\n" + parts[1]]
    return parts
