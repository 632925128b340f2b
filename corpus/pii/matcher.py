"""One rule at work: its expressions, a validator, and context by raw substrings.

This needs no Presidio; :mod:`corpus.pii.recognizer` makes a Presidio recogniser of it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import regex

from corpus.pii.candidate import Candidate, Validator
from corpus.pii.expressions import anchored, before_keep, max_width
from corpus.pii.rules import Rule
from corpus.pii.windows import Windows, matches

FLAGS = regex.MULTILINE | regex.DOTALL  # not IGNORECASE, Presidio's default: a plate is not "京a12345 mm"
VALID = 0.85  # score of a candidate whose validator found a checksum or a table entry, without context
CUED = 0.95  # score with a context cue
ABBREVIATION = 3  # letters


class Finding(NamedTuple):
    """What one recogniser found, in code points of the shadow text."""

    start: int
    end: int
    kind: str
    score: float
    rule: str


class RuleMatcher:
    """Finds what one rule describes.

    A match becomes a finding if no expression of ``not_before`` / ``not_after`` touches it, its validator
    accepts it, and either its score is the pattern's own or a cue of ``context`` lies in the window before it
    (``window`` characters) or after it (``window_after``). The nearest cue decides: a negative cue between the
    positive one and the match, or around it (通讯地址 round 地址), forbids the finding.
    """

    def __init__(self, rule: Rule, validator: Validator | None, begins: Sequence[str] = ()) -> None:
        """``begins``: what the function returns that the rule names so. Expressions are compiled when first needed."""
        self.name = rule.name
        self.rule = rule
        self.patterns = rule.patterns
        self.validator = validator
        heads = [before_keep(p.regex) if begins else None for p in rule.patterns]
        expressions = [
            p.regex if head is None else rf"{head}\K(?={'|'.join(begins)}){p.regex[len(head) + 2 :]}"
            for p, head in zip(rule.patterns, heads, strict=True)
        ]
        self._expressions = expressions
        self._compiled: dict[int, regex.Pattern[str]] = {}  # those that were needed
        # How far from a place that the prefilter reports a match can reach.
        self.widths = [max_width(expression) for expression in expressions]
        # What the prefilter looks for, for each of the rule's expressions. Each beginning alone: hyperscan takes the
        # alternation for too large and then tells only roughly where it matches.
        self.sought = [
            [p.regex] if head is None else [f"{head}(?:{begin})" for begin in begins]
            for p, head in zip(rule.patterns, heads, strict=True)
        ]

    def compile(self) -> None:
        """Compile everything now.

        Raises regex.error for an expression that cannot be compiled.
        """
        for number in range(len(self._expressions)):
            self._pattern(number)
        _ = self._positive, self._negative, self._not_after, self._not_before

    def _pattern(self, number: int) -> regex.Pattern[str]:
        if number not in self._compiled:
            self._compiled[number] = regex.compile(anchored(self._expressions[number]), FLAGS)
        return self._compiled[number]

    @functools.cached_property
    def _positive(self) -> regex.Pattern[str] | None:
        return _alternation(self.rule.context)

    @functools.cached_property
    def _negative(self) -> regex.Pattern[str] | None:
        return _alternation(self.rule.details.negative)

    @functools.cached_property
    def _not_after(self) -> regex.Pattern[str] | None:
        expression = self.rule.details.not_after
        return regex.compile(expression) if expression else None

    @functools.cached_property
    def _not_before(self) -> regex.Pattern[str] | None:
        expression = self.rule.details.not_before
        return regex.compile(f"(?:{expression})$") if expression else None

    def find(self, text: str, within: Mapping[int, Windows | None] | None = None) -> list[Finding]:
        """Return what this recogniser finds in shadow text ``text``, by position; spans may overlap.

        ``within`` restricts the search to these of its expressions, each in its windows or (None) in all of the
        text: elsewhere they are known not to match.
        """
        details = self.rule.details
        if within is None:
            if details.context_required and (self._positive is None or self._positive.search(text) is None):
                return []
            within = dict.fromkeys(range(len(self._expressions)))
        found: dict[tuple[int, int], Finding] = {}
        for number, intervals in within.items():
            compiled, score = self._pattern(number), self.patterns[number].score
            for match in matches(compiled, text, intervals, self.widths[number] or 0):
                start, end = match.span()
                if start == end:
                    continue
                if self._not_after is not None and self._not_after.match(text, end):
                    continue
                if self._not_before is not None and self._not_before.search(text, max(0, start - details.reach), start):
                    continue
                cued, denied = self._context(text, start, end)
                if denied or (details.context_required and not cued):
                    continue
                candidate = Candidate(text, start, end, score, cued)
                if self.validator is not None:
                    accepted = self.validator(candidate)
                    if accepted is None:
                        continue
                    candidate = accepted
                final = max(candidate.score, CUED) if cued else candidate.score
                if final < details.threshold:
                    continue
                key = (candidate.start, candidate.end)
                if key not in found or found[key].score < final:
                    found[key] = Finding(candidate.start, candidate.end, self.rule.supported_entity, final, self.name)
        return [found[key] for key in sorted(found)]

    def _context(self, text: str, start: int, end: int) -> tuple[bool, bool]:
        """Return (a positive cue is nearest, a negative cue forbids) for the match ``text[start:end]``."""
        details = self.rule.details
        low = max(0, start - details.window)
        positive = negative = -1
        if self._positive is not None:
            for match in self._positive.finditer(text, low, start):
                positive = match.end()
        if self._negative is not None:
            for match in self._negative.finditer(text, low, start):
                negative = match.end()
        if positive < 0 and self._positive is not None and details.window_after:
            after = self._positive.search(text, end, min(len(text), end + details.window_after))
            if after is not None and negative < 0:
                return True, False
        return positive > negative, negative >= 0 and negative >= positive


def _alternation(cues: tuple[str, ...]) -> regex.Pattern[str] | None:
    """Return an expression that finds any of ``cues`` literally, longest first, ASCII case ignored.

    An abbreviation counts as a word of its own only: "IP" not in "script", "ver" not in "server", "tel" not in "hotel".
    """
    if not cues:
        return None
    ordered = sorted(cues, key=lambda cue: (-len(cue), cue))
    return regex.compile("|".join(map(_cue, ordered)), regex.IGNORECASE)


def _cue(cue: str) -> str:
    if cue.isascii() and cue.isalpha() and len(cue) <= ABBREVIATION:
        return f"(?<![A-Za-z]){cue}(?![A-Za-z])"
    return str(regex.escape(cue))
