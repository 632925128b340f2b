"""A parsed page and what can be read off it directly: attributes, text of a node, measures."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
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
        self._bytes = data.data
        self.words = words
        self.tree = markup_tree.Tree(
            *markup.parse(
                data, words.tag_keys, words.tag_values, words.tag_flags, words.goto, words.accepts, max_nodes, max_depth
            )
        )
        self.text, self.links, self.stops, self.anchors, self.has_block = markup_measure.measure(
            self.tree, words.tag_flags
        )
        nodes, starts = markup_tree.nodes_by_tag(self.tree.tag, len(words.tag_names))
        self._nodes, self._starts = nodes, starts.tolist()
        self._cues = np.bitwise_or.reduce(self.tree.cues)

    @cached_property
    def body(self) -> int:
        """The body element, or the root where there is none."""
        return next(iter(self.named("body")), 0)

    @cached_property
    def nothing(self) -> NDArray[np.uint8]:
        """A mask that skips no node."""
        return np.zeros(self.tree.tag.size, dtype=np.uint8)

    def named(self, *names: str) -> list[int]:
        """Return the elements with one of the given tag names, in document order."""
        found: list[int] = []
        for name in names:
            number = self.words.tag_numbers[name]
            found += self._nodes[self._starts[number] : self._starts[number + 1]].tolist()
        return sorted(found) if len(names) > 1 else found

    def has_cue(self, mask: np.uint64) -> bool:
        """Whether any element of the page has one of the cues of ``mask``."""
        return bool(self._cues & mask)

    def slice(self, start: int, stop: int) -> str:
        """Return the page's characters between two byte offsets."""
        return str(self._bytes[start:stop], "utf-8", "replace")

    def tag_text(self, node: int) -> str:
        """Return the characters of an element's start tag behind its name, of a text node its own."""
        return self.slice(self.tree.start.item(node), self.tree.stop.item(node))

    def attributes(self, node: int) -> dict[str, str]:
        """Return an element's attributes, names in lower case, entities resolved; the first of a name wins."""
        out: dict[str, str] = {}
        for name, double, single, bare in _ATTRIBUTE.findall(self.tag_text(node)):
            value = double or single or bare
            out.setdefault(name.lower(), unescape(value))
        return out

    def links_in(self, node: int) -> list[int]:
        """Return the <a> elements inside a node."""
        number = self.words.tag_numbers["a"]
        links = self._nodes[self._starts[number] : self._starts[number + 1]]
        first, last = links.searchsorted((node + 1, self.tree.end[node]))
        found: list[int] = links[first:last].tolist()
        return found

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
        return _shown(raw.tobytes())

    def line(self, node: int) -> str:
        """Return the text of an element on one line."""
        return self.lines([node])[0]

    def lines(self, nodes: Sequence[int]) -> list[str]:
        """Return the text of each of some elements on one line."""
        if not nodes:
            return []
        raw, offsets = markup_render.render_each(
            self.data, self.tree, self.nothing, self.has_block, self.words.tag_flags, np.array(nodes, np.int64)
        )
        held = raw[: offsets[-1]].tobytes()
        return [" ".join(_shown(held[start:stop]).split()) for start, stop in itertools.pairwise(offsets.tolist())]


def _shown(raw: bytes) -> str:
    """Return rendered bytes as text, entities resolved."""
    text = raw.decode("utf-8", "replace")
    if "&" in text:
        text = unescape(text)
    if "\u3000" in text or "\u00a0" in text:
        text = _without_indents(text)
    return text
