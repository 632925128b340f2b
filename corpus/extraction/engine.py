"""From a page's bytes to its documents: kind, text, title, date, features."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from corpus.errors import MissingDependency
from corpus.extraction import features, metadata, stated_body
from corpus.extraction.boilerplate import LineFilter
from corpus.extraction.kind import POSTS, KindDecider
from corpus.extraction.page import Page
from corpus.extraction.selection import Selector
from corpus.extraction.vocabulary import Vocabulary, load


@dataclass(slots=True)
class Extraction:
    """What one page yields."""

    kind: str
    parts: list[str]  # texts in page order; one for an article, one per post for pages made of posts
    title: str = ""
    published_at: int | None = None  # seconds since the epoch
    link_density: float = 0.0
    hints: list[str] = field(default_factory=list)
    opt_out: list[str] = field(default_factory=list)


class Extractor:
    """Extracts pages. ``max_nodes`` and ``max_depth`` bound the tree of one page.

    ``engine`` names who finds the text (see ``ExtractSettings.engine``); kind,
    title, date and features are always this package's.
    """

    def __init__(self, engine: str = "wudao", max_nodes: int = 1 << 21, max_depth: int = 512) -> None:
        self.engine = engine
        self.max_nodes = max_nodes
        self.max_depth = max_depth
        self.words: Vocabulary = load()
        self.selector = Selector(self.words)
        self.kinds = KindDecider(self.words)
        self.lines = LineFilter()

    def extract(self, data: NDArray[np.uint8], url: str | None = None) -> Extraction:
        """Extract one page from its UTF-8 bytes.

        Raises ValueError where the page is too deep for the chosen engine or that engine fails on it.
        """
        page = Page(data, self.words, self.max_nodes, self.max_depth)
        stated = metadata.read(page)
        heading, heading_text = metadata.heading_of(page, stated)
        kind = self.kinds.decide(page, stated, heading, url)
        kind, parts = self.selector.select(page, kind, heading, stated.is_article, url)
        body = page.body
        title = metadata.title_of(page, stated, heading_text)
        if self.engine != "wudao":
            if page.tree.depth > self.max_depth:
                raise ValueError(f"tags nested {page.tree.depth} deep, more than max_depth = {self.max_depth}")
            parts = [other_text(self.engine, data.tobytes().decode("utf-8", "replace"))]
        elif kind in POSTS:
            parts = self.lines.clean_posts(parts)
        else:
            if kind == "article" and stated.body:
                parts = [stated_body.checked("\n".join(parts), stated.plain_body())]
            parts = [self.lines.clean(part, title) for part in parts]
        return Extraction(
            kind=kind,
            parts=[part for part in parts if part.strip()],
            title=title,
            published_at=metadata.published_at(page, stated, heading, url),
            link_density=round(float(page.links[body]) / max(1, int(page.text[body])), 4),
            hints=features.page_hints(page, stated, kind),
            opt_out=sorted(stated.opt_out),
        )


def other_text(engine: str, markup: str) -> str:
    """Return the main text that ``resiliparse`` or ``trafilatura`` (default settings) finds, or an empty string."""
    if engine == "resiliparse":
        from resiliparse.extract.html2text import extract_plain_text

        return str(extract_plain_text(markup, main_content=True, alt_texts=False, list_bullets=False))
    try:
        from trafilatura import extract
    except ImportError as error:
        raise MissingDependency("extract.engine: trafilatura needs the package: pip install trafilatura") from error
    return extract(markup) or ""
