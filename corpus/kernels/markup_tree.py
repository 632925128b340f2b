"""What a parsed page consists of: element flags, tag numbers, and the arrays of its tree."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numba.extending import typeof_impl
from numpy.typing import NDArray

# Element flags, one uint32 per tag (see corpus/extraction/tags.tsv).
BLOCK = 1  # begins and ends a line
VOID = 2  # has no content and no end tag
RAW = 4  # content is not markup
UNSEEN = 8  # content is never shown as text
CLOSES_P = 16  # its start tag ends an open paragraph
BARRIER = 32  # end tags of other elements do not reach through it
HEAD_ONLY = 64  # may stand in <head>
FORMATTING = 128  # its end tag may come after the end of a block inside it

# Node flags, one uint8 per node.
SPACE_BEFORE = 1  # white space between this node and the one before
LINK = 2  # an <a> with an href
HIDDEN = 4  # the hidden attribute or an inline style of display: none
HAS_IMAGE_TEXT = 8  # an image with a text alternative
PERSON = 16  # an <a> whose address looks like a user's page

TEXT, OTHER = 0, 1  # tag numbers of text nodes and of elements that the table does not name

# Tag numbers that tree construction asks for; the table must give them in this order from 2 on.
STRUCTURAL = (
    "html", "head", "body", "p", "a", "li", "ul", "ol", "dt", "dd", "dl", "table", "tr", "td", "th",
    "tbody", "thead", "tfoot", "option", "select", "br", "pre", "img", "button", "script", "caption",
    "math", "annotation",
)  # fmt: skip
(HTML, HEAD, BODY, P, A, LI, UL, OL, DT, DD, DL, TABLE, TR, TD, TH, TBODY, THEAD, TFOOT, OPTION, SELECT, BR, PRE, IMG,
 BUTTON, SCRIPT, CAPTION, MATH, ANNOTATION) = range(2, 2 + len(STRUCTURAL))  # fmt: skip

FNV_OFFSET, FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)


class Tree(NamedTuple):
    """A parsed page: arrays of one entry per node, in document order. Node 0 is a root above all.

    ``start:stop`` are byte offsets: of a text node's characters, of an
    element's attributes. ``chars`` and ``stops`` count the code points other
    than white space, and the sentence punctuation, of a text node (an entity
    counts as one). ``cues`` is the union of the class cues found in an
    element's class, id, role and itemprop; ``signature`` hashes its tag and
    first class without digits, so that repeated records of a page share it.
    """

    tag: NDArray[np.int16]
    flags: NDArray[np.uint8]
    parent: NDArray[np.int32]
    end: NDArray[np.int32]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]
    chars: NDArray[np.int32]
    stops: NDArray[np.int32]
    cues: NDArray[np.uint64]
    signature: NDArray[np.uint32]
    depth: int  # deepest element met, before the limit
    truncated: bool  # the node budget ended the parse


@cache
def _tree_type() -> types.Type:
    names = ("int16", "uint8", *["int32"] * 6, "uint64", "uint32")  # as markup.parse makes them
    arrays = [types.Array(getattr(types, name), 1, "C") for name in names]
    kind: types.Type = types.BaseTuple.from_types([*arrays, types.int64, types.boolean], Tree)  # type: ignore[no-untyped-call]
    return kind


@typeof_impl.register(Tree)
def _typeof_tree(tree: Tree, context: object) -> types.Type:
    """Return the type of every tree at once: asked field by field at each of a page's kernel calls it cost a tenth."""
    return _tree_type()


@njit(cache=True, nogil=True)
def nodes_by_tag(tag: Any, n_tags: int) -> Any:
    """Return (nodes, starts): the nodes of tag number t, ascending, are ``nodes[starts[t] : starts[t + 1]]``."""
    starts = np.zeros(n_tags + 1, np.int32)
    for i in range(tag.size):
        starts[tag[i] + 1] += 1
    for number in range(n_tags):
        starts[number + 1] += starts[number]
    places = starts[:-1].copy()
    nodes = np.empty(tag.size, np.int32)
    for i in range(tag.size):
        nodes[places[tag[i]]] = i
        places[tag[i]] += 1
    return nodes, starts


def name_hash(name: str) -> int:
    """Return the 32-bit FNV-1a hash under which ``parse`` looks up a lower-case ASCII name."""
    value = 2166136261
    for byte in name.encode("ascii"):
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value


@njit(cache=True, nogil=True)
def find_tag(key: Any, tag_keys: Any, tag_values: Any) -> int:
    """Return the tag number of a name's hash, OTHER for a name that the table does not have."""
    slot = int(key) & (tag_keys.size - 1)
    while tag_values[slot] >= 0:
        if tag_keys[slot] == key:
            return int(tag_values[slot])
        slot = (slot + 1) & (tag_keys.size - 1)
    return OTHER
