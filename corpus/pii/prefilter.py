"""Which recognisers can match a text at all, found in one scan.

Every recogniser's own expressions are widened to a superset that a finite automaton can run (look-arounds,
``\\K`` and atomic groups taken out) and compiled into one hyperscan database, or one google-re2 set where
hyperscan is missing. A recogniser is called only where one of its widened expressions matches, so results
are the same as without the prefilter: the property test in ``tests/corpus/pii`` holds them together.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any, Protocol

from corpus.pii import MissingDependency

LONG_RUN = 16  # repetitions from which on an optional run at the start is cut off
MIN_TRIMMED = 12  # characters of expression: what is left must still be selective


def widen(expression: str) -> str:
    """Return an expression without look-arounds, ``\\K`` and atomic groups that matches where ``expression`` does.

    Taking out an assertion can only add matches. A lookahead that ends the expression is kept as plain text, and a
    negative class before or after it as a class or a border: they match in the same texts and are far more
    selective (of ``(?<![a]|[b]c)`` the first class is kept, which forbids less). ``\\K`` moves the reported start
    and nothing else. Atomic groups and possessive quantifiers become plain ones, which match at least as much.
    """
    out: list[str] = []
    at = 0
    while at < len(expression):
        char = expression[at]
        if char == "\\":
            pair = expression[at : at + 2]
            if pair not in (r"\K", r"\b", r"\B"):
                out.append(pair)
            at += 2
        elif char == "[":
            end = _class_end(expression, at)
            out.append(expression[at:end])
            at = end
        elif expression.startswith("(?r)", at):
            at += 4
        elif expression.startswith("(?=", at) and _group_end(expression, at) == len(expression):
            out.append("(?:")
            at += 3
        elif expression.startswith("(?<![", at) and not out:
            end = _class_end(expression, at + 4)
            out.append(f"(?:^|{_negated(expression[at + 4 : end])})")
            at = _group_end(expression, at)
        elif expression.startswith("(?![", at) and _group_end(expression, at) == len(expression):
            end = _class_end(expression, at + 3)
            out.append(f"(?:$|{_negated(expression[at + 3 : end])})")
            at = _group_end(expression, at)
        elif expression.startswith(("(?=", "(?!", "(?<=", "(?<!"), at):
            at = _group_end(expression, at)
        elif expression.startswith("(?>", at):
            out.append("(?:")
            at += 3
        elif expression.startswith("(?P<", at):
            out.append("(?:")
            at = expression.index(">", at) + 1
        elif char == "(" and not expression.startswith("(?", at):
            out.append("(?:")
            at += 1
        elif char == "+" and out and out[-1] in ("+", "*", "?", "}"):
            at += 1  # possessive
        else:
            out.append(char)
            at += 1
    return _trim("".join(out))


_HAN_RUN = re.compile(r"^(\[[^\]\\]*一-龥[^\]\\]*\])\{[1-9][0-9]*,[0-9]+\}")
_HAN_TAIL = re.compile(r"(?:\[[^\]\\]*一-龥[^\]\\]*\](?:\{[0-9]+(?:,[0-9]+)?\})?)+$")
_CLASS = r"\[(?:[^\]\\]|\\.)+\]"
_LONG_HEAD = re.compile(rf"^(?:\(\?:\^\|{_CLASS}\))?(?:{_CLASS})?{_CLASS}\{{0,([0-9]+)\}}")


def _trim(expression: str) -> str:
    """Return ``expression`` without the parts at its borders that keep an automaton busy on ordinary text.

    Where a concatenation matches, its tail matches too, and its head: so a leading run of Han characters is cut to
    one, a trailing one is cut off, and a long optional run of letters at the start (the local part of an e-mail
    address) is cut off with what precedes it.
    """
    if _has_alternatives(expression):
        return expression
    head = _LONG_HEAD.match(expression)
    if head is not None and int(head[1]) >= LONG_RUN:
        expression = expression[head.end() :]
    expression = _HAN_RUN.sub(r"\1", expression)
    tail = _HAN_TAIL.search(expression)
    if tail is not None and tail.start() >= MIN_TRIMMED:
        expression = expression[: tail.start()]
    return expression


def _has_alternatives(expression: str) -> bool:
    """Whether ``|`` stands at the top level."""
    at = 0
    while at < len(expression):
        char = expression[at]
        if char == "\\":
            at += 2
        elif char == "[":
            at = _class_end(expression, at)
        elif char == "(":
            at = _group_end(expression, at)
        elif char == "|":
            return True
        else:
            at += 1
    return False


def _negated(char_class: str) -> str:
    """Return ``[^...]`` for ``[...]``."""
    return "[^" + char_class[1:] if not char_class.startswith("[^") else "[" + char_class[2:]


def _class_end(expression: str, at: int) -> int:
    """Return the position after the character class that opens at ``at``."""
    at += 1
    if expression.startswith("^", at):
        at += 1
    if expression.startswith("]", at):
        at += 1
    while expression[at] != "]":
        at += 2 if expression[at] == "\\" else 1
    return at + 1


def _group_end(expression: str, at: int) -> int:
    """Return the position after the group that opens at ``at``."""
    depth = 0
    while True:
        char = expression[at]
        if char == "\\":
            at += 2
            continue
        if char == "[":
            at = _class_end(expression, at)
            continue
        depth += (char == "(") - (char == ")")
        at += 1
        if depth == 0:
            return at


class Prefilter(Protocol):
    """A set of expressions, each known by a number."""

    name: str

    def matches(self, data: memoryview) -> set[int]:
        """Return the numbers of the expressions that may match the UTF-8 in ``data``."""


@functools.lru_cache(maxsize=32)
def _hyperscan_database(expressions: tuple[str, ...]) -> Any:
    """Return the compiled database (seconds to make; immutable, its scratch space serves one thread at a time)."""
    try:
        import hyperscan
    except ImportError as error:
        raise MissingDependency("hyperscan") from error
    flags = (
        hyperscan.HS_FLAG_UTF8
        | hyperscan.HS_FLAG_DOTALL
        | hyperscan.HS_FLAG_MULTILINE
        | hyperscan.HS_FLAG_PREFILTER
        | hyperscan.HS_FLAG_SINGLEMATCH
    )
    database = hyperscan.Database()
    database.compile(
        expressions=[expression.encode("utf-8") for expression in expressions],
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[flags] * len(expressions),
    )
    return database


class HyperscanPrefilter:
    """One hyperscan database; each expression reports once per text."""

    name = "hyperscan"

    def __init__(self, expressions: Sequence[str]) -> None:
        """``expressions`` as in the rules; an expression's number is its place.

        Raises MissingDependency where hyperscan is not installed.
        """
        self._database = _hyperscan_database(tuple(widen(expression) for expression in expressions))
        self._found: set[int] = set()

    def _on_match(self, number: int, _start: int, _end: int, _flags: int, _context: Any) -> None:
        self._found.add(number)

    def matches(self, data: memoryview) -> set[int]:
        """Return the numbers of the expressions that may match the UTF-8 in ``data``."""
        if not len(data):
            return set()
        self._database.scan(data, match_event_handler=self._on_match)
        if not self._found:
            return self._found
        found, self._found = self._found, set()
        return found


RE2_MAX_REPEAT = 1000
_UPPER_BOUND = re.compile(r"\{([0-9]+),([0-9]+)\}")


def _unbounded(match: re.Match[str]) -> str:
    """Return the repetition without an upper bound that RE2 refuses: more matches, never fewer."""
    return f"{{{match[1]},}}" if int(match[2]) > RE2_MAX_REPEAT else match[0]


class Re2Prefilter:
    """One google-re2 set, for machines without hyperscan (it exists for x86-64 only)."""

    name = "re2"

    def __init__(self, expressions: Sequence[str]) -> None:
        """Arguments as for :class:`HyperscanPrefilter`."""
        try:
            import re2
        except ImportError as error:
            raise MissingDependency("google-re2") from error
        options = re2.Options()
        options.dot_nl = True
        options.one_line = False
        options.max_mem = 1 << 28
        options.log_errors = False
        self._set = re2.Set.SearchSet(options)
        for expression in expressions:
            self._set.Add("(?m)" + _UPPER_BOUND.sub(_unbounded, widen(expression)))
        self._set.Compile()

    def matches(self, data: memoryview) -> set[int]:
        """Return the numbers of the expressions that may match the UTF-8 in ``data``."""
        return set(self._set.Match(bytes(data)) or ())  # None: no match


def make_prefilter(expressions: Sequence[str]) -> Prefilter:
    """Return a hyperscan prefilter, or a google-re2 one where hyperscan is not installed."""
    try:
        return HyperscanPrefilter(expressions)
    except MissingDependency:
        return Re2Prefilter(expressions)
