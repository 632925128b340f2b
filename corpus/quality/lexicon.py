"""Builds the matcher's lexicon from the built-in terms and the user's word lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from corpus.kernels.text_counts import Lexicon

MAX_LIST_BYTES = 64 << 20  # a word list beyond this is a mistake, and would take gigabytes as an automaton


@cache
def built_in_terms() -> tuple[tuple[str, int, str], ...]:
    """Return (category, points, term) of every line of ``lexicon.tsv``."""
    rows = []
    for line in files("corpus.quality").joinpath("lexicon.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            category, points, term = line.split("\t")
            rows.append((category, int(points), term))
    return tuple(rows)


def read_word_list(path: str) -> list[str]:
    """Return the distinct words of a UTF-8 file, one a line, in file order; ``#`` begins a comment line.

    Raises ``OSError`` where the file cannot be read and ``ValueError`` where it
    is no UTF-8 or too large.
    """
    source = Path(path)
    size = source.stat().st_size
    if size > MAX_LIST_BYTES:
        raise ValueError(f"{path}: {size} bytes; a word list may have {MAX_LIST_BYTES}")
    try:
        text = source.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 at byte {error.start}") from error
    words = (line.strip() for line in text.splitlines())
    return list(dict.fromkeys(word for word in words if word and not word.startswith("#")))


def make_lexicon(listed: Iterable[str] = (), terms: Sequence[tuple[str, int, str]] | None = None) -> Lexicon:
    """Return the kernel's lexicon of ``terms`` (default: the built-in ones) and the user's ``listed`` words."""
    import numpy as np

    from corpus.kernels.aho_corasick import ascii_folding, build
    from corpus.kernels.character_classes import classes
    from corpus.kernels.term_search import find_followers
    from corpus.kernels.text_counts import CATEGORIES, Lexicon

    rows = [*(built_in_terms() if terms is None else terms), *(("listed", 1, word) for word in listed)]
    automaton = build([term for _, _, term in rows], ascii_folding())
    alphabet = max(int(automaton.symbols.max()), int(automaton.beyond_symbols.max(initial=0)))
    return Lexicon(
        automaton,
        classes().astype(np.uint32) | automaton.symbols.astype(np.uint32) << np.uint32(16),
        find_followers(automaton, alphabet),
        np.array([CATEGORIES.index(category) for category, _, _ in rows], dtype=np.int32),
        np.array([points for _, points, _ in rows], dtype=np.int32),
    )
