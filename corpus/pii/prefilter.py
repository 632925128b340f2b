"""Which recognisers can match a text at all, and where, found in one scan over a whole batch.

Every recogniser's own expressions are widened to a superset that a finite automaton can run
(:func:`corpus.pii.expressions.widen`) and compiled into hyperscan databases, or google-re2 sets where hyperscan is
missing. A recogniser is called only where one of its widened expressions matches, so results are the same as
without the prefilter: the property test in ``tests/corpus/pii`` holds them together.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from corpus.pii import MissingDependency
from corpus.pii.database_cache import compiled
from corpus.pii.expressions import widen

UNKNOWN = -1  # an end that the prefilter cannot tell
MIN_HITS = 1024  # ends that one scan may report, and one more for every
BYTES_PER_HIT = 32  # bytes: a text made to match everywhere is not worth telling where


class Hits(NamedTuple):
    """Places where expressions may match: three arrays of one length, in no order."""

    texts: npt.NDArray[np.int64]
    expressions: npt.NDArray[np.int64]
    # A match of the widened expression ends before this byte of the text, UNKNOWN: anywhere in it.
    ends: npt.NDArray[np.int64]

    @classmethod
    def of(cls, found: Sequence[tuple[int, int, int]]) -> Hits:
        """Return the hits given as (text, expression, end)."""
        return cls(*np.array(found, dtype=np.int64).reshape(-1, 3).T)


class Prefilter(Protocol):
    """A set of expressions, each known by a number."""

    name: str

    def hits(self, data: npt.NDArray[np.uint8], borders: npt.NDArray[np.int64]) -> Hits:
        """Return where the expressions may match in each of the texts.

        Text i is UTF-8 in ``data[borders[i]:borders[i + 1] - 1]``, and a line feed stands behind it.
        """


@functools.lru_cache(maxsize=32)
def _hyperscan_database(expressions: tuple[str, ...]) -> Any:
    """Return the compiled database (immutable, its scratch space serves one thread at a time)."""
    try:
        import hyperscan
    except ImportError as error:
        raise MissingDependency("hyperscan") from error
    flags = (
        hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_MULTILINE | hyperscan.HS_FLAG_PREFILTER
    )
    return compiled([expression.encode("utf-8") for expression in expressions], flags)


class HyperscanPrefilter:
    """One hyperscan database."""

    name = "hyperscan"

    def __init__(self, expressions: Sequence[str]) -> None:
        """``expressions`` as in the rules; an expression's number is its place.

        Raises MissingDependency where hyperscan is not installed.
        """
        self._size = len(expressions)
        self._database = _hyperscan_database(tuple(widen(expression) for expression in expressions))

    def hits(self, data: npt.NDArray[np.uint8], borders: npt.NDArray[np.int64]) -> Hits:
        """See :class:`Prefilter`. One scan: the line feeds are borders of line and word to every expression.

        A match across a border is reported with the text that it ends in; nothing is lost by it, since all ends of
        all matches are reported.
        """
        view: memoryview = data.data
        found = self._ends(view[: borders[-1]])
        if found is None:
            return Hits.of([hit for text in range(len(borders) - 1) for hit in self._of_one(view, borders, text)])
        ends, expressions = np.array(found, dtype=np.int64).reshape(-1, 2).T
        # The line feed behind a text may be the last byte of its match.
        texts = np.searchsorted(borders, ends, side="left") - 1
        return Hits(texts, expressions, np.minimum(ends, borders[texts + 1] - 1) - borders[texts])

    def _of_one(self, view: memoryview, borders: npt.NDArray[np.int64], text: int) -> list[tuple[int, int, int]]:
        """Return the hits of one text; where they are too many, that all expressions may match anywhere in it."""
        size = int(borders[text + 1] - borders[text]) - 1
        found = self._ends(view[borders[text] : borders[text] + size]) if size else []
        if found is None:
            return [(text, expression, UNKNOWN) for expression in range(self._size)]
        return [(text, expression, end) for end, expression in found]

    def _ends(self, view: memoryview) -> list[tuple[int, int]] | None:
        """Return the (end, expression) of every match in ``view``, None where they are too many to be of use."""
        import hyperscan

        found: list[tuple[int, int]] = []
        most = MIN_HITS + len(view) // BYTES_PER_HIT

        def on_match(expression: int, _start: int, end: int, _flags: int, _context: Any) -> bool:
            found.append((end, expression))
            return len(found) > most  # True ends the scan

        try:
            self._database.scan(view, match_event_handler=on_match)
        except hyperscan.ScanTerminated:
            return None
        return found


RE2_MAX_REPEAT = 1000
RE2_MEMORY = 1 << 28
_UPPER_BOUND = re.compile(r"\{([0-9]+),([0-9]+)\}")


def _unbounded(match: re.Match[str]) -> str:
    """Return the repetition without an upper bound that RE2 refuses: more matches, never fewer."""
    return f"{{{match[1]},}}" if int(match[2]) > RE2_MAX_REPEAT else match[0]


class Re2Prefilter:
    """One google-re2 set, for machines without hyperscan (it exists for x86-64 only)."""

    name = "re2"

    def __init__(self, expressions: Sequence[str], memory: int = RE2_MEMORY) -> None:
        """``expressions`` as for :class:`HyperscanPrefilter`; ``memory``: bytes that the automaton may take."""
        try:
            import re2
        except ImportError as error:
            raise MissingDependency("google-re2") from error
        options = re2.Options()
        options.dot_nl = True
        options.one_line = False
        options.max_mem = memory
        options.log_errors = False
        self._size = len(expressions)
        self._set = re2.Set.SearchSet(options)
        for expression in expressions:
            self._set.Add("(?m)" + _UPPER_BOUND.sub(_unbounded, widen(expression)))
        # A set that runs out of memory says "no match". This one matches everywhere: without it, nothing is known.
        self._set.Add("")
        self._set.Compile()

    def hits(self, data: npt.NDArray[np.uint8], borders: npt.NDArray[np.int64]) -> Hits:
        """See :class:`Prefilter`. A set does not tell where; what it could not finish may match anywhere."""
        view: memoryview = data.data
        found = []
        for text in range(len(borders) - 1):
            matched = self._set.Match(bytes(view[borders[text] : borders[text + 1] - 1])) or ()
            numbers = sorted(matched) if self._size in matched else range(self._size + 1)
            found += [(text, number, UNKNOWN) for number in numbers if number < self._size]
        return Hits.of(found)


def make_prefilter(expressions: Sequence[str]) -> Prefilter:
    """Return a hyperscan prefilter, or a google-re2 one where hyperscan is not installed."""
    try:
        return HyperscanPrefilter(expressions)
    except MissingDependency:
        return Re2Prefilter(expressions)
