"""The text that a page states in JSON-LD (``articleBody``), as a check of the text that was selected.

Publishers give search engines their text without what surrounds it, as one
string, often cut short and without its paragraphs: the selected text is the
better one wherever it holds the stated one.
"""

from __future__ import annotations

import re

from corpus.extraction.boilerplate import is_prose

_SHORTEST = 200  # characters of a stated text that says anything
_PROBE, _STEP = 16, 100  # characters of the pieces looked up in the selected text, and from one to the next
_PIECES = 200  # at most
_FOUND = 0.3  # share of pieces below which the selection missed the text
_MOST_AFTER = 0.3  # share of the selected text that may stand after the stated one
_END = 12  # characters by which two ends are compared
_SPACES = re.compile(r"\s+")


def checked(text: str, stated: str) -> str:
    """Return ``text`` without what surrounds the stated one, or ``stated`` where ``text`` lacks it.

    Before its beginning only lines that are no prose go (a summary or an
    editor's note stays); after its end all do. An end that is not the end of a
    line of ``text`` was cut short and says nothing.
    """
    whole = _SPACES.sub("", stated)
    if len(whole) < _SHORTEST:
        return text
    mine = _SPACES.sub("", text)
    step = max(_STEP, len(whole) // _PIECES)
    pieces = [whole[i : i + _PROBE] for i in range(0, len(whole) - _PROBE, step)]
    if sum(piece in mine for piece in pieces) < _FOUND * len(pieces):
        return stated if len(whole) > len(mine) else text
    lines = text.split("\n")
    squeezed = [_SPACES.sub("", line) for line in lines]
    ends = [len(line) >= _END for line in squeezed]
    first = next((i for i, line in enumerate(squeezed) if ends[i] and whole.startswith(line[:_END])), 0)
    last = next((i for i in reversed(range(len(lines))) if ends[i] and whole.endswith(squeezed[i][-_END:])), -1)
    if last < first:
        last = len(lines) - 1
    if sum(map(len, squeezed[last + 1 :])) > _MOST_AFTER * len(mine):
        return text
    return "\n".join([line for line in lines[:first] if is_prose(line.strip())] + lines[first : last + 1])
