"""A tolerant HTML parser that writes a page as flat arrays, in one pass and without recursion.

The tree is a struct of arrays in document order: node ``i`` is an element or a
run of text, its descendants are exactly the nodes ``i + 1 .. end[i] - 1``, so
that every later question about a page (link density, score of a container,
rendering) is one linear loop. Nothing recurses, the stack of open elements is
bounded, and time is linear in the input: tags nested 10^5 deep or a line of
50 MB cost what their bytes cost.

Tree construction follows the HTML standard (section 13.2.6) where it decides
where text belongs: implied end tags, void and raw-text elements, tables as
scope borders, formatting elements closed across blocks. It leaves out what
only matters to a renderer: foster parenting and the reopening of formatting
elements.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpus.kernels.markup_scan import count_text, equals, is_person, is_space, lower, match_cues, style_hides

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

_FNV_OFFSET, _FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)


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


def name_hash(name: str) -> int:
    """Return the 32-bit FNV-1a hash under which ``parse`` looks up a lower-case ASCII name."""
    value = 2166136261
    for byte in name.encode("ascii"):
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value


@njit(cache=True, nogil=True)
def _find_tag(key: Any, tag_keys: Any, tag_values: Any) -> int:
    slot = int(key) & (tag_keys.size - 1)
    while tag_values[slot] >= 0:
        if tag_keys[slot] == key:
            return int(tag_values[slot])
        slot = (slot + 1) & (tag_keys.size - 1)
    return OTHER


_CLASS = np.frombuffer(b"class", np.uint8)
_ID = np.frombuffer(b"id", np.uint8)
_ROLE = np.frombuffer(b"role", np.uint8)
_ITEMPROP = np.frombuffer(b"itemprop", np.uint8)
_STYLE = np.frombuffer(b"style", np.uint8)
_HREF = np.frombuffer(b"href", np.uint8)
_HIDDEN = np.frombuffer(b"hidden", np.uint8)
_ALT = np.frombuffer(b"alt", np.uint8)


@njit(cache=True, nogil=True)
def parse(
    data: Any, tag_keys: Any, tag_values: Any, tag_flags: Any, goto: Any, accepts: Any, max_nodes: int, max_depth: int
) -> Any:
    """Parse ``data`` (UTF-8 bytes of a page) and return the fields of :class:`Tree` as a tuple.

    ``tag_keys``/``tag_values`` are an open-addressing table (size a power of
    two) from :func:`name_hash` to tag number, ``tag_flags`` the flags by tag
    number, ``goto``/``accepts`` the cue automaton. Elements deeper than
    ``max_depth`` become siblings; after ``max_nodes`` nodes the rest of the
    page is left out. Time and memory are linear in ``data``.
    """
    size = data.size
    estimate = 4
    for i in range(size):
        if data[i] == 60:
            estimate += 2
    capacity = min(estimate, max_nodes)
    tag = np.zeros(capacity, np.int16)
    flags = np.zeros(capacity, np.uint8)
    parent = np.zeros(capacity, np.int32)
    end = np.zeros(capacity, np.int32)
    start = np.zeros(capacity, np.int32)
    stop = np.zeros(capacity, np.int32)
    chars = np.zeros(capacity, np.int32)
    stops = np.zeros(capacity, np.int32)
    cues = np.zeros(capacity, np.uint64)
    signature = np.zeros(capacity, np.uint32)

    stack = np.zeros(max_depth + 2, np.int32)
    names = np.zeros(max_depth + 2, np.uint32)
    open_count = np.zeros(tag_flags.size, np.int32)
    top = 0  # stack[0] is the root
    tag[0] = OTHER
    parent[0] = -1
    count = 1
    overflow = 0  # elements open beyond the depth limit
    deepest = 0
    space = 0
    truncated = False
    seen_html = False
    seen_body = False

    i = 0
    while i < size:
        if count >= capacity - 1:
            truncated = count >= max_nodes - 1
            break
        byte = data[i]
        if byte != 60 or i + 1 >= size:
            # A run of text up to the next "<" that opens something.
            j = i + 1
            while j < size and data[j] != 60:
                j += 1
            blank = True
            for k in range(i, j):
                if not is_space(data[k]):
                    blank = False
                    break
            if blank and open_count[PRE] == 0:
                space = SPACE_BEFORE
            else:
                if not blank and open_count[HEAD] > 0 and tag[stack[top]] == HEAD:
                    open_count[HEAD] -= 1
                    top -= 1
                tag[count] = TEXT
                flags[count] = space
                parent[count] = stack[top]
                start[count] = i
                stop[count] = j
                chars[count], stops[count] = count_text(data, i, j)
                count += 1
                space = 0
            i = j
            continue

        following = data[i + 1]
        if following == 33:  # <! comment, doctype, CDATA
            if i + 3 < size and data[i + 2] == 45 and data[i + 3] == 45:
                j = i + 4
                if j < size and data[j] == 62:
                    i = j + 1
                    continue
                while j + 2 < size and not (
                    data[j] == 45 and data[j + 1] == 45 and (data[j + 2] == 62 or data[j + 2] == 33)
                ):
                    j += 1
                if j + 2 >= size:
                    i = size
                else:
                    j += 2
                    while j < size and data[j] != 62:
                        j += 1
                    i = j + 1
            else:
                j = i + 2
                while j < size and data[j] != 62:
                    j += 1
                i = j + 1
            continue
        if following == 63:  # <? processing instruction
            j = i + 2
            while j < size and data[j] != 62:
                j += 1
            i = j + 1
            continue
        closing = following == 47
        j = i + 2 if closing else i + 1
        if j >= size or not ((97 <= data[j] <= 122) or (65 <= data[j] <= 90)):
            if closing:  # "</" followed by anything else is a bogus comment
                while j < size and data[j] != 62:
                    j += 1
                i = j + 1
                continue
            # A lone "<" is text: emit it with what follows.
            j = i + 1
            while j < size and data[j] != 60:
                j += 1
            tag[count] = TEXT
            flags[count] = space
            parent[count] = stack[top]
            start[count] = i
            stop[count] = j
            chars[count], stops[count] = count_text(data, i, j)
            count += 1
            space = 0
            i = j
            continue
        key = _FNV_OFFSET
        while j < size and data[j] != 62 and data[j] != 47 and not is_space(data[j]):
            key = np.uint32((key ^ np.uint32(lower(data[j]))) * _FNV_PRIME)
            j += 1
        number = _find_tag(key, tag_keys, tag_values)
        kind = tag_flags[number]

        if closing:
            while j < size and data[j] != 62:
                j += 1
            i = j + 1
            if number == BR or (number == P and open_count[P] == 0):
                tag[count] = BR
                flags[count] = space
                parent[count] = stack[top]
                count += 1
                space = 0
                continue
            if overflow > 0 and number != TABLE and number != TD and number != BODY and number != HTML:
                overflow -= 1
                continue
            if open_count[number] == 0 or number in (HTML, BODY):
                continue
            level = top
            blocks_between = False
            while level > 0:
                element = tag[stack[level]]
                if element == number and (number != OTHER or names[level] == key):
                    break
                if tag_flags[element] & BARRIER and not (tag_flags[number] & BARRIER):
                    level = 0
                    break
                if element == TABLE and number != TABLE:
                    level = 0
                    break
                if tag_flags[element] & BLOCK:
                    blocks_between = True
                level -= 1
            if level == 0:
                continue
            if blocks_between and not (kind & BLOCK):
                # An inline end tag inside an open block closes only the inline element.
                open_count[number] -= 1
                for k in range(level, top):
                    stack[k] = stack[k + 1]
                    names[k] = names[k + 1]
                top -= 1
            else:
                for k in range(level, top + 1):
                    open_count[tag[stack[k]]] -= 1
                top = level - 1
            continue

        # Attributes.
        attributes_start = j
        node_flags = space
        node_cues = np.uint64(0)
        node_signature = np.uint32((key ^ np.uint32(1)) * _FNV_PRIME)
        self_closing = False
        while j < size:
            while j < size and (is_space(data[j]) or data[j] == 47):
                self_closing = data[j] == 47
                j += 1
            if j >= size or data[j] == 62:
                break
            name_start = j
            j += 1
            while j < size and data[j] != 61 and data[j] != 62 and data[j] != 47 and not is_space(data[j]):
                j += 1
            name_stop = j
            while j < size and is_space(data[j]):
                j += 1
            value_start = value_stop = j
            if j < size and data[j] == 61:
                j += 1
                while j < size and is_space(data[j]):
                    j += 1
                if j < size and (data[j] == 34 or data[j] == 39):
                    quote = data[j]
                    value_start = j + 1
                    j += 1
                    while j < size and data[j] != quote:
                        j += 1
                    value_stop = j
                    j += 1
                else:
                    value_start = j
                    while j < size and data[j] != 62 and not is_space(data[j]):
                        j += 1
                    value_stop = j
            self_closing = False
            length = name_stop - name_start
            if length == 5:
                if equals(data, name_start, name_stop, _CLASS):
                    node_cues |= match_cues(data, value_start, value_stop, goto, accepts)
                    for k in range(value_start, value_stop):
                        byte = data[k]
                        if is_space(byte):
                            if k > value_start:
                                break
                            continue
                        if not 48 <= byte <= 57:
                            node_signature = np.uint32((node_signature ^ np.uint32(byte)) * _FNV_PRIME)
                elif equals(data, name_start, name_stop, _STYLE) and style_hides(data, value_start, value_stop):
                    node_flags |= HIDDEN
            elif (
                (length == 2 and equals(data, name_start, name_stop, _ID))
                or (length == 8 and equals(data, name_start, name_stop, _ITEMPROP))
                or (length == 4 and equals(data, name_start, name_stop, _ROLE))
            ):
                node_cues |= match_cues(data, value_start, value_stop, goto, accepts)
            elif length == 4 and number == A and equals(data, name_start, name_stop, _HREF):
                node_flags |= LINK
                if is_person(data, value_start, value_stop):
                    node_flags |= PERSON
            elif length == 6 and equals(data, name_start, name_stop, _HIDDEN):
                node_flags |= HIDDEN
            elif (
                length == 3 and number == IMG and value_stop > value_start and equals(data, name_start, name_stop, _ALT)
            ):
                node_flags |= HAS_IMAGE_TEXT
        attributes_stop = min(j, size)
        i = min(j, size) + 1

        # Where the element belongs.
        if number in (HTML, BODY):
            if (number == HTML and seen_html) or (number == BODY and seen_body):
                continue
            seen_html = seen_html or number == HTML
            seen_body = seen_body or number == BODY
        if open_count[HEAD] > 0 and not (kind & HEAD_ONLY) and number != HEAD:
            for k in range(1, top + 1):
                if tag[stack[k]] == HEAD:
                    for m in range(k, top + 1):
                        open_count[tag[stack[m]]] -= 1
                    top = k - 1
                    break
        if kind & CLOSES_P and open_count[P] > 0:
            level = top
            while level > 0 and tag[stack[level]] != P and not (tag_flags[tag[stack[level]]] & BARRIER):
                level -= 1
            if level > 0 and tag[stack[level]] == P:
                for k in range(level, top + 1):
                    open_count[tag[stack[k]]] -= 1
                top = level - 1
        if number in (LI, DT, DD, OPTION) or (number == A and open_count[A] > 0):
            level = top
            while level > 0:
                element = tag[stack[level]]
                if element == number or (number == DT and element == DD) or (number == DD and element == DT):
                    break
                if (
                    tag_flags[element] & BARRIER
                    or element == SELECT
                    or (number == LI and (element in (UL, OL)))
                    or (number != A and number != LI and element == DL)
                ):
                    level = 0
                    break
                level -= 1
            if level > 0:
                for k in range(level, top + 1):
                    open_count[tag[stack[k]]] -= 1
                top = level - 1
        elif TR <= number <= TFOOT and open_count[TABLE] > 0:
            level = top
            best = 0
            while level > 0:
                element = tag[stack[level]]
                if element == TABLE:
                    break
                if number in (TD, TH):
                    if element in (TR, TBODY):
                        break
                    if element in (TD, TH):
                        best = level
                        break
                elif number == TR:
                    if element in (TBODY, THEAD, TFOOT):
                        break
                    if element == TR:
                        best = level
                elif element in (TBODY, THEAD, TFOOT):
                    best = level
                if element == CAPTION:
                    best = level
                level -= 1
            if best > 0:
                for k in range(best, top + 1):
                    open_count[tag[stack[k]]] -= 1
                top = best - 1

        node = count
        tag[node] = number
        flags[node] = node_flags
        parent[node] = stack[top]
        start[node] = attributes_start
        stop[node] = attributes_stop
        cues[node] = node_cues
        signature[node] = node_signature
        count += 1
        space = 0

        if kind & RAW and not (self_closing and number == OTHER):
            # Everything up to the matching end tag is one run of text, never markup.
            name_size = attributes_start
            k = attributes_start - 1
            while data[k] != 60:
                k -= 1
            name_from = k + 1
            name_size = attributes_start - name_from
            j = i
            while j < size:
                if data[j] == 60 and j + 1 + name_size < size and data[j + 1] == 47:
                    same = True
                    for m in range(name_size):
                        if lower(data[j + 2 + m]) != lower(data[name_from + m]):
                            same = False
                            break
                    if same:
                        break
                j += 1
            if j > i and count < capacity - 1:
                tag[count] = TEXT
                parent[count] = node
                start[count] = i
                stop[count] = j
                if not (kind & UNSEEN):
                    chars[count], stops[count] = count_text(data, i, j)
                count += 1
            while j < size and data[j] != 62:
                j += 1
            i = j + 1
            continue
        if kind & VOID or (self_closing and number == OTHER):
            continue
        if top + overflow + 1 > deepest:
            deepest = top + overflow + 1
        if top >= max_depth:
            overflow += 1
            continue
        top += 1
        stack[top] = node
        names[top] = key
        open_count[number] += 1

    for node in range(count):
        end[node] = node + 1
    for node in range(count - 1, 0, -1):
        above = parent[node]
        if end[node] > end[above]:
            end[above] = end[node]
    return (
        tag[:count], flags[:count], parent[:count], end[:count], start[:count], stop[:count], chars[:count],
        stops[:count], cues[:count], signature[:count], deepest, truncated,
    )  # fmt: skip
