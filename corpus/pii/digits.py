"""How many digits, or visible ASCII characters, a text must hold close together before an expression can match it.

Half of the recognisers look for numbers. Their expressions have no fixed letters, so an automaton must run all of
them on every byte. But a match of any of them holds some digits with little between: the shadow kernel notes the place
of each such cluster (:data:`corpus.pii.shadow_kernel.CLUSTER_GAP`), and only what lies round one is scanned for
numbers. The same holds for keys, wallets and hardware addresses and stretches of visible ASCII.
:func:`digit_cluster` and :func:`ascii_stretch` read off an expression what it needs, so nothing is declared by hand.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from corpus.pii.edges import REPEATS, constants, parsed, parser
from corpus.pii.shadow_kernel import CLUSTER_GAP, SEPARATORS


class _Kind(NamedTuple):
    """What is counted, what may stand between two that count, and how many of these."""

    counted: frozenset[int]
    between: frozenset[int]
    gap: int


_ASCII_DIGITS, _ASCII_VISIBLE = frozenset(map(ord, "0123456789")), frozenset(range(0x21, 0x7F))
_DIGITS = _Kind(_ASCII_DIGITS, _ASCII_DIGITS | frozenset(map(ord, SEPARATORS)), CLUSTER_GAP)
_VISIBLE = _Kind(_ASCII_VISIBLE, _ASCII_VISIBLE, 0)
# An expression that names no digit, and no code point by its number, needs none: most of those for names.
_COUNTS, _ANY_DIGIT = re.compile(r"\{[0-9]*,?[0-9]*\}"), re.compile(r"[0-9]|\\[duUxN]")
FAR = CLUSTER_GAP + 1  # more than any gap


class _Reach(NamedTuple):
    """What every match of a part has: digits in one cluster, and how far other characters can reach."""

    best: int  # digits of the largest cluster inside
    head: int  # digits of the cluster that touches the start
    tail: int  # digits of the cluster that touches the end
    before: int  # largest number of characters before the first digit (FAR: unknown or a character that breaks)
    after: int  # largest number of characters after the last digit
    whole: bool  # one cluster: head == tail == best


def digit_cluster(expression: str) -> int:
    """Return how many digits every match of ``expression`` holds in one cluster, 0 if that is unknown.

    ``expression`` is a widened one (:func:`corpus.pii.expressions.widen`).
    """
    if _ANY_DIGIT.search(_COUNTS.sub("", expression)) is None:
        return 0
    return _sequence(_DIGITS, parser.parse(expression)).best


class Stretch(NamedTuple):
    """What every match holds without a gap."""

    size: int  # visible ASCII characters
    whole: bool  # a match is nothing else


def ascii_stretch(expression: str) -> Stretch:
    """Return how many visible ASCII characters every match of ``expression`` holds side by side."""
    tree = parsed(expression)
    if tree.state.flags & re.IGNORECASE:  # ASCII letters then match others too
        return Stretch(0, False)
    reach = _sequence(_VISIBLE, tree)
    return Stretch(reach.best, bool(reach.best) and reach.whole and not reach.before and not reach.after)


def _sequence(kind: _Kind, items: Any) -> _Reach:
    """Return the reach of a concatenation."""
    total = _Reach(0, 0, 0, 0, 0, True)
    for code, argument in items:
        total = _join(kind, total, _item(kind, code, argument))
    return total


def _join(kind: _Kind, left: _Reach, right: _Reach) -> _Reach:
    """Return the reach of ``left`` followed by ``right``."""
    if not left.best and not right.best:
        width = min(FAR, left.before + right.before)
        return _Reach(0, 0, 0, width, width, True)
    if not left.best:
        before = min(FAR, left.before + right.before)
        return right._replace(before=before)
    if not right.best:
        after = min(FAR, left.after + right.before)
        return left._replace(after=after)
    if left.after + right.before <= kind.gap:
        middle = left.tail + right.head
        head = left.best + right.head if left.whole else left.head
        tail = right.best + left.tail if right.whole else right.tail
        whole = left.whole and right.whole
        return _Reach(max(left.best, right.best, middle), head, tail, left.before, right.after, whole)
    return _Reach(max(left.best, right.best), left.head, right.tail, left.before, right.after, False)


def _item(kind: _Kind, code: Any, argument: Any) -> _Reach:
    """Return the reach of one parsed item."""
    if code is constants.LITERAL:
        return _character(kind, {argument})
    if code is constants.IN:
        return _character(kind, _members(argument))
    if code in (constants.AT, constants.ASSERT, constants.ASSERT_NOT):
        return _Reach(0, 0, 0, 0, 0, True)
    if code is constants.SUBPATTERN:
        folds = argument[1] & re.IGNORECASE
        return _Reach(0, 0, 0, FAR, FAR, True) if folds else _sequence(kind, argument[3])
    if code is constants.BRANCH:
        return _either(kind, [_sequence(kind, branch) for branch in argument[1]])
    if code in REPEATS:
        low, high, body = argument
        return _repeat(kind, _sequence(kind, body), low, high)
    return _Reach(0, 0, 0, FAR, FAR, True)  # any character, negated classes


def _members(parts: Any) -> set[int] | None:
    """Return the code points of a class, None for a negated or a category class."""
    found: set[int] = set()
    for code, argument in parts:
        if code is constants.LITERAL:
            found.add(argument)
        elif code is constants.RANGE and argument[1] < 128:
            found.update(range(argument[0], argument[1] + 1))
        else:
            return None
    return found


def _character(kind: _Kind, members: set[int] | None) -> _Reach:
    if members is None or not members <= kind.between:
        return _Reach(0, 0, 0, FAR, FAR, True)
    if members <= kind.counted:
        return _Reach(1, 1, 1, 0, 0, True)
    return _Reach(0, 0, 0, 1, 1, True)


def _either(kind: _Kind, branches: list[_Reach]) -> _Reach:
    """Return what all branches have in common."""
    if any(branch.best == 0 for branch in branches):
        if all(_only_counted(branch) for branch in branches):
            return _Reach(0, 0, 0, 0, 0, True)
        # A branch with digits is a cluster of its own that may break the one around it only if it reaches far.
        width = max(branch.before + branch.after + branch.best for branch in branches)
        width = FAR if width > kind.gap else width
        return _Reach(0, 0, 0, width, width, True)
    return _Reach(
        min(branch.best for branch in branches),
        min(branch.head for branch in branches),
        min(branch.tail for branch in branches),
        max(branch.before for branch in branches),
        max(branch.after for branch in branches),
        all(branch.whole for branch in branches),
    )


def _only_counted(part: _Reach) -> bool:
    """Whether a part adds to the cluster round it and never breaks it."""
    return part.whole and not part.before and not part.after


def _repeat(kind: _Kind, body: _Reach, low: int, high: Any) -> _Reach:
    """Return the reach of ``low`` to ``high`` repetitions."""
    most = FAR if high is constants.MAXREPEAT else int(high)
    if low == 0 and _only_counted(body):
        return _Reach(0, 0, 0, 0, 0, True)
    if low == 0 or body.best == 0:
        width = min(FAR, most * (body.before + body.after + body.best if body.best else body.before))
        return _Reach(0, 0, 0, width, width, True)
    if body.whole and body.after + body.before <= kind.gap:
        digits = body.best * low
        return body._replace(best=digits, head=digits, tail=digits)
    return body if low == 1 and most == 1 else body._replace(whole=False)
