"""How many digits a text must hold close together before an expression can match it.

Half of the recognisers look for numbers. Their expressions have no fixed letters, so an automaton must run all of
them on every byte. But a match of any of them holds some digits with little between: the shadow kernel notes the place
of each such cluster (:data:`corpus.pii.shadow_kernel.CLUSTER_GAP`), and only what lies round one is scanned for
numbers. :func:`digit_cluster` reads off an expression what it needs, so nothing is declared by hand.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

from corpus.pii.shadow_kernel import CLUSTER_GAP

# The standard library's own parser of regular expressions: sre_parse under the name that it has had since 3.11.
parser: Any = import_module("re._parser")
constants: Any = import_module("re._constants")

DIGITS = frozenset(range(ord("0"), ord("9") + 1))
# Code points that may stand between the digits of a cluster: ASCII, and the middle dot that the rules allow.
BETWEEN = frozenset(range(128)) | {ord("·")}
FAR = CLUSTER_GAP + 1


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
    return _sequence(parser.parse(expression)).best


def _sequence(items: Any) -> _Reach:
    """Return the reach of a concatenation."""
    total = _Reach(0, 0, 0, 0, 0, True)
    for code, argument in items:
        total = _join(total, _item(code, argument))
    return total


def _join(left: _Reach, right: _Reach) -> _Reach:
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
    if left.after + right.before <= CLUSTER_GAP:
        middle = left.tail + right.head
        head = left.best + right.head if left.whole else left.head
        tail = right.best + left.tail if right.whole else right.tail
        whole = left.whole and right.whole
        return _Reach(max(left.best, right.best, middle), head, tail, left.before, right.after, whole)
    return _Reach(max(left.best, right.best), left.head, right.tail, left.before, right.after, False)


def _item(code: Any, argument: Any) -> _Reach:
    """Return the reach of one parsed item."""
    if code is constants.LITERAL:
        return _character({argument})
    if code is constants.IN:
        return _character(_members(argument))
    if code is constants.AT:
        return _Reach(0, 0, 0, 0, 0, True)
    if code is constants.SUBPATTERN:
        return _sequence(argument[3])
    if code is constants.BRANCH:
        return _either([_sequence(branch) for branch in argument[1]])
    if code in (constants.MAX_REPEAT, constants.MIN_REPEAT):
        low, high, body = argument
        return _repeat(_sequence(body), low, high)
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


def _character(members: set[int] | None) -> _Reach:
    if members is None or not members <= BETWEEN:
        return _Reach(0, 0, 0, FAR, FAR, True)
    if members <= DIGITS:
        return _Reach(1, 1, 1, 0, 0, True)
    return _Reach(0, 0, 0, 1, 1, True)


def _either(branches: list[_Reach]) -> _Reach:
    """Return what all branches have in common."""
    if any(branch.best == 0 for branch in branches):
        # A branch with digits is a cluster of its own that may break the one around it only if it reaches far.
        width = max(branch.before + branch.after + branch.best for branch in branches)
        width = FAR if width > CLUSTER_GAP else width
        return _Reach(0, 0, 0, width, width, True)
    return _Reach(
        min(branch.best for branch in branches),
        min(branch.head for branch in branches),
        min(branch.tail for branch in branches),
        max(branch.before for branch in branches),
        max(branch.after for branch in branches),
        all(branch.whole for branch in branches),
    )


def _repeat(body: _Reach, low: int, high: Any) -> _Reach:
    """Return the reach of ``low`` to ``high`` repetitions."""
    most = FAR if high is constants.MAXREPEAT else int(high)
    if low == 0 or body.best == 0:
        width = min(FAR, most * (body.before + body.after + body.best if body.best else body.before))
        return _Reach(0, 0, 0, width, width, True)
    if body.whole and body.after + body.before <= CLUSTER_GAP:
        digits = body.best * low
        return body._replace(best=digits, head=digits, tail=digits)
    return body if low == 1 and most == 1 else body._replace(whole=False)
