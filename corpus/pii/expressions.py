"""The recognisers' expressions read and rewritten as text: what an automaton can run, how far a match reaches."""

from __future__ import annotations

import re
from collections.abc import Iterator

from corpus.pii.edges import Ranges, first, parsed

LONG_RUN = 16  # repetitions from which on an optional run at the start is cut off
MIN_TRIMMED = 12  # characters of expression: what is left must still be selective
MAX_WIDTH = 1 << 13  # characters: the reach of a wider expression is not followed
EDGES = 2  # one character on each side that a widened expression takes for a negative look-around

_LOOK_AROUND = re.compile(r"\(\?(?:=|!|<=|<!)")


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
            end = class_end(expression, at)
            out.append(expression[at:end])
            at = end
        elif expression.startswith("(?r)", at):
            at += 4
        elif expression.startswith("(?=", at) and group_end(expression, at) == len(expression):
            out.append("(?:")
            at += 3
        elif expression.startswith("(?<![", at) and not out:
            end = class_end(expression, at + 4)
            out.append(f"(?:^|{_negated(expression[at + 4 : end])})")
            at = group_end(expression, at)
        elif expression.startswith("(?![", at) and group_end(expression, at) == len(expression):
            end = class_end(expression, at + 3)
            out.append(f"(?:$|{_negated(expression[at + 3 : end])})")
            at = group_end(expression, at)
        elif expression.startswith(("(?=", "(?!", "(?<=", "(?<!"), at):
            at = group_end(expression, at)
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


def _elements(expression: str) -> Iterator[tuple[int, int]]:
    """Yield where each element of the top level begins and ends: an escape, a class, a group or a character."""
    at = 0
    while at < len(expression):
        char = expression[at]
        if char == "\\":
            end = at + 2
        elif char == "[":
            end = class_end(expression, at)
        elif char == "(":
            end = group_end(expression, at)
        else:
            end = at + 1
        yield at, end
        at = end


def _has_alternatives(expression: str) -> bool:
    """Whether ``|`` stands at the top level."""
    return any(expression[start] == "|" for start, _ in _elements(expression))


def _negated(char_class: str) -> str:
    """Return ``[^...]`` for ``[...]``."""
    return "[^" + char_class[1:] if not char_class.startswith("[^") else "[" + char_class[2:]


def class_end(expression: str, at: int) -> int:
    """Return the position after the character class that opens at ``at``."""
    at += 1
    if expression.startswith("^", at):
        at += 1
    if expression.startswith("]", at):
        at += 1
    while expression[at] != "]":
        at += 2 if expression[at] == "\\" else 1
    return at + 1


def group_end(expression: str, at: int) -> int:
    """Return the position after the group that opens at ``at``."""
    depth = 0
    while True:
        char = expression[at]
        if char == "\\":
            at += 2
            continue
        if char == "[":
            at = class_end(expression, at)
            continue
        depth += (char == "(") - (char == ")")
        at += 1
        if depth == 0:
            return at


def before_keep(expression: str) -> str | None:
    """Return what stands before a ``\\K`` at the top level of ``expression``, None where there is none.

    None also for alternatives at the top level (the ``\\K`` is one's alone) and for an expression read backwards.
    """
    if expression.startswith("(?r)") or _has_alternatives(expression):
        return None
    at = 0
    while at < len(expression):
        char = expression[at]
        if expression.startswith(r"\K", at):
            return expression[:at]
        if char == "\\":
            at += 2
        elif char == "[":
            at = class_end(expression, at)
        else:
            at = group_end(expression, at) if char == "(" else at + 1
    return None


def anchored(expression: str) -> str:
    """Return an expression with the same matches as ``expression`` that the ``regex`` module looks for faster.

    One read backwards (``(?r)``) that ends in a lookahead tries each of the lookahead's alternatives at every character
    of a text. The class of the characters that any of them starts with settles most places at once.
    """
    if not expression.startswith("(?r)"):
        return expression
    for start, end in _elements(expression):
        if end == len(expression) and expression.startswith("(?=", start):
            starts, optional = first(parsed(expression[start + 3 : -1]))
            return expression if optional else f"{expression}(?={_class(starts)})"
    return expression


def _class(ranges: Ranges) -> str:
    return "[" + "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in sorted(ranges)) + "]"


def max_width(expression: str) -> int | None:
    """Return how many characters a match can cover with all that its look-arounds read, None where that is too many.

    Look-arounds count as if they were matched. None also where the expression is not one of Python's ``re``.
    """
    out: list[str] = []
    at = 0
    while at < len(expression):
        look = _LOOK_AROUND.match(expression, at)
        if expression[at] == "\\":
            pair = expression[at : at + 2]
            out.append(pair if pair != r"\K" else "")
            at += 2
        elif expression[at] == "[":
            end = class_end(expression, at)
            out.append(expression[at:end])
            at = end
        elif look is not None:
            out.append("(?:")
            at = look.end()
        elif expression.startswith("(?r)", at):
            at += 4
        else:
            out.append(expression[at])
            at += 1
    try:
        width = int(parsed("".join(out)).getwidth()[1]) + EDGES
    except re.error:
        return None
    return width if width <= MAX_WIDTH else None
