"""A parsed page and what can be read off it directly: attributes, text of a node, measures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus.extraction.references import unescape
from corpus.extraction.vocabulary import Vocabulary
from corpus.kernels import markup, markup_measure, markup_render, markup_tree

_ATTRIBUTE = re.compile(r"""([^\s=/"'<>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_INDENT = "\u3000\u00a0"  # ideographic and no-break spaces indent a paragraph or stand for an empty one


def _without_indents(text: str) -> str:
    """Return ``text`` without such spaces around its lines, and without lines of nothing else.

    Indentation by ASCII spaces alone is code's and stays.
    """
    lines = []
    for line in text.split("\n"):
        if _INDENT[0] in line or _INDENT[1] in line:
            bare = line.lstrip(" \t" + _INDENT)
            margin = line[: len(line) - len(bare)]
            line = (bare if _INDENT[0] in margin or _INDENT[1] in margin else line).rstrip(" \t" + _INDENT)
            if not line:
                continue
        lines.append(line)
    return "\n".join(lines)


class Page:
    """One page's markup as flat arrays.

    ``data`` holds the page's UTF-8 bytes as a uint8 array (it may be a view
    of an Arrow buffer). Parsing happens in the constructor, in linear time;
    ``max_nodes`` and ``max_depth`` are the budgets of
    :func:`corpus.kernels.markup.parse`.
    """

    def __init__(self, data: NDArray[np.uint8], words: Vocabulary, max_nodes: int, max_depth: int) -> None:
        self.data = data
        self.words = words
        self.tree = markup_tree.Tree(
            *markup.parse(
                data, words.tag_keys, words.tag_values, words.tag_flags, words.goto, words.accepts, max_nodes, max_depth
            )
        )
        self.text, self.links, self.stops, self.anchors, self.has_block = markup_measure.measure(
            self.tree, words.tag_flags
        )

    @cached_property
    def body(self) -> int:
        """The body element, or the root where there is none."""
        nodes = self.named("body")
        return int(nodes[0]) if len(nodes) else 0

    @cached_property
    def nothing(self) -> NDArray[np.uint8]:
        """A mask that skips no node."""
        return np.zeros(self.tree.tag.size, dtype=np.uint8)

    def named(self, *names: str) -> NDArray[np.intp]:
        """Return the elements with one of the given tag names, in document order."""
        numbers = self.words.tag_numbers
        mask = self.tree.tag == numbers[names[0]]
        for name in names[1:]:
            mask |= self.tree.tag == numbers[name]
        return np.flatnonzero(mask)

    def slice(self, start: int, stop: int) -> str:
        """Return the page's characters between two byte offsets."""
        return self.data[start:stop].tobytes().decode("utf-8", "replace")

    def attributes(self, node: int) -> dict[str, str]:
        """Return an element's attributes, names in lower case, entities resolved; the first of a name wins."""
        out: dict[str, str] = {}
        raw = self.slice(int(self.tree.start[node]), int(self.tree.stop[node]))
        for name, double, single, bare in _ATTRIBUTE.findall(raw):
            value = double or single or bare
            out.setdefault(name.lower(), unescape(value))
        return out

    def links_in(self, node: int) -> list[int]:
        """Return the <a> elements inside a node."""
        inside = self.tree.tag[node + 1 : self.tree.end[node]] == self.words.tag_numbers["a"]
        return [int(place) + node + 1 for place in np.flatnonzero(inside)]

    def raw_text(self, node: int) -> str:
        """Return the characters of a raw-text element (script, style, title) as they stand."""
        child = node + 1
        if child < self.tree.end[node] and self.tree.tag[child] == markup_tree.TEXT:
            return self.slice(int(self.tree.start[child]), int(self.tree.stop[child]))
        return ""

    def children(self, node: int) -> Iterator[int]:
        """Yield the children of a node, text runs too."""
        end = self.tree.end
        child = node + 1
        last = int(end[node])
        while child < last:
            yield child
            child = int(end[child])

    def render(self, root: int, skip: NDArray[np.uint8], starts: NDArray[np.uint8]) -> str:
        """Return the text of a subtree without its skipped nodes, entities resolved; see ``markup_render.render``."""
        raw: Any = markup_render.render(self.data, self.tree, skip, starts, self.has_block, self.words.tag_flags, root)
        text: str = raw.tobytes().decode("utf-8", "replace")
        if "&" in text:
            text = unescape(text)
        if "\u3000" in text or "\u00a0" in text:
            text = _without_indents(text)
        return text

    def line(self, node: int) -> str:
        """Return the text of an element on one line."""
        return " ".join(self.render(node, self.nothing, self.nothing).split())
