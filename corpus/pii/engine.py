"""Finding personal information in batches: shadow, one scan, the recognisers that can match, order, map back."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.config.scrub import KINDS, NEUTRAL, ScrubSettings
from corpus.pii import MissingDependency
from corpus.pii.group import RecognizerGroup
from corpus.pii.presidio_import import import_presidio
from corpus.pii.rules import Rule, RuleError, read_rules, resolve_validator, rules_digest, rules_folder
from corpus.pii.shadow import Shadows, origin_map, shadow_batch
from corpus.pii.spans import Span, settle
from corpus.pii.windows import Windows

NOT_IDENTIFYING = frozenset({"PERSON", "ADDRESS", "BIRTH_DATE", *NEUTRAL})
# Code points beyond the distance in which a name counts: what is there can still overlap what is inside.
OVERLAPPED = 64
LONGEST_FINDING = 256  # code points from where an expression's match ends to the end of the finding
MIN_REPEATED_NAME = 2  # code points; a found name is looked for in the rest of its text


class Engine:
    """The recognisers of one configuration. Construct with the scrub settings, then :meth:`load`.

    They work in two groups. What the second finds counts only beside something that the first found: names that
    need an identifier near, and neutral kinds that only keep their characters from others. So a document in which
    the first group finds nothing is done.
    """

    def __init__(self, settings: ScrubSettings) -> None:
        self.settings = settings
        self._rules: dict[str, Rule] = {}
        self._first: RecognizerGroup | None = None
        self._second: RecognizerGroup | None = None

    def folders(self) -> list[Path]:
        """Return the rules folders, in the order in which they are read."""
        return [rules_folder(self.settings.rules), *(rules_folder(folder) for folder in self.settings.extra_rules)]

    def digest(self) -> str:
        """Return the sha256 of all rules, validators and tables."""
        return rules_digest(self.folders())

    def load(self) -> None:
        """Read the rules and compile them and the prefilters. Presidio must be there, but is imported for NER only.

        Raises MissingDependency without the ``pii`` extra, RuleError for a rule that cannot be used.
        """
        if self._first is not None:
            return
        if importlib.util.find_spec("presidio_analyzer") is None:
            raise MissingDependency("presidio-analyzer")
        try:
            import regex

            from corpus.pii.matcher import RuleMatcher
        except ImportError as error:
            raise MissingDependency("regex") from error
        recognizers: list[Any] = []
        for rule in read_rules(self.folders()):
            name = rule.details.validator
            validator = resolve_validator(name, self.settings.validator_packages) if name else None
            begins: Sequence[str] = ()
            if rule.details.begins is not None:
                make: Any = resolve_validator(rule.details.begins, self.settings.validator_packages)
                begins = make()
            try:
                recognizers.append(RuleMatcher(rule, validator, begins))
                if self.settings.rules or self.settings.extra_rules:  # not those that the tests compile
                    recognizers[-1].compile()
            except regex.error as error:
                raise RuleError(f"Recogniser {rule.name!r}: {error}") from error
            self._rules[rule.name] = rule
        second = [recognizer for recognizer in recognizers if self._depends(recognizer.rule)]
        first = [recognizer for recognizer in recognizers if not self._depends(recognizer.rule)]
        if self.settings.ner is not None:
            _import_presidio()
            first.append(_make_ner(self.settings.ner, self.settings.validator_packages))
        self._second = RecognizerGroup(second, self.settings.prefilter, everywhere=False)
        self._first = RecognizerGroup(first, self.settings.prefilter)

    def _depends(self, rule: Rule) -> bool:
        """Whether the rule's findings count only beside another rule's."""
        kind = rule.supported_entity
        action = self.settings.actions.get(kind, self.settings.action)
        return action == "keep" or (kind == "PERSON" and rule.details.evidence == "identifier")

    @property
    def recognizers(self) -> list[Any]:
        """Presidio recognisers that find the same, for use in Presidio's own ``RecognizerRegistry``.

        Raises MissingDependency where Presidio is not installed.
        """
        _import_presidio()
        from corpus.pii.matcher import RuleMatcher
        from corpus.pii.recognizer import RuleRecognizer

        working = [r for group in (self._first, self._second) if group is not None for r in group.recognizers]
        return [RuleRecognizer(r) if isinstance(r, RuleMatcher) else r for r in working]

    @property
    def prefilter_name(self) -> str:
        """``hyperscan``, ``re2`` or ``none``."""
        return self._first.prefilter_name if self._first is not None else "none"

    def scan(
        self,
        column: pa.Array,
        kinds: frozenset[str] | None = None,
        source_types: Sequence[str | None] | None = None,
    ) -> dict[int, list[Span]]:
        """Return row -> spans for the rows of a string column in which something was found.

        Kinds whose action is ``keep`` are found only beside others. ``kinds`` restricts what is looked for;
        ``source_types[row]`` decides on names (settings ``names_off``).
        """
        self.load()
        if column.null_count == len(column) or self._first is None or self._second is None:
            return {}
        data, offsets = string_buffers(column)
        shadows = shadow_batch(data, offsets, self._first.anchors)
        texts: dict[int, str] = {}
        found: dict[int, list[Span]] = {}
        for row, due in self._first.due(shadows, np.flatnonzero(np.diff(shadows.borders) > 1)).items():
            text = str(shadows.text(row), "utf-8")
            spans = self._first.find(text, due)
            if spans:
                texts[row], found[row] = text, spans
        self._find_beside(shadows, texts, found)
        results: dict[int, list[Span]] = {}
        for row, spans in found.items():
            spans = self._settle(texts[row], spans, kinds, source_types[row] if source_types is not None else None)
            if not spans:
                continue
            if shadows.dropped[row]:
                origin = origin_map(bytes(data[offsets[row] : offsets[row + 1]]).decode("utf-8"))
                spans = [s._replace(start=int(origin[s.start]), end=int(origin[s.end - 1]) + 1) for s in spans]
            results[row] = spans
        return results

    def _find_beside(self, shadows: Shadows, texts: dict[int, str], found: dict[int, list[Span]]) -> None:
        """Add to ``found``, row -> what the first group found, what the second group finds near it."""
        if self._second is None or not found:
            return
        reach = self.settings.name_distance + OVERLAPPED
        near = {row: _around(spans, reach, len(texts[row])) for row, spans in found.items()}
        regions = [
            (row, int(shadows.borders[row]) + low, int(shadows.borders[row]) + high)
            for row, of_row in near.items()
            for low, high in _in_bytes(
                texts[row], [(low - LONGEST_FINDING, high + LONGEST_FINDING) for low, high in of_row]
            )
        ]
        rows = np.array(list(found), dtype=np.int64)
        for row, due in self._second.due(shadows, rows, np.array(regions, dtype=np.int64)).items():
            found[row] += [
                span
                for span in self._second.find(texts[row], due)
                if any(span.start < high and low < span.end for low, high in near[row])
            ]

    def _settle(
        self, text: str, found: list[Span], kinds: frozenset[str] | None, source_type: str | None
    ) -> list[Span]:
        """Return the spans that count, without overlaps."""
        threshold = self.settings.score_threshold
        spans = [s for s in found if s.score >= threshold and (kinds is None or s.kind in kinds)]
        if not spans:
            return []
        spans = settle(self._evident(settle(spans, KINDS), spans, source_type), KINDS)
        return self._repeat_names(text, spans)

    def _evident(self, settled: list[Span], spans: list[Span], source_type: str | None) -> list[Span]:
        """Return the spans whose evidence is enough: see ``RuleDetails.evidence``."""
        anchors = [s for s in settled if s.kind not in NOT_IDENTIFYING]
        addresses = [s for s in spans if s.kind == "ADDRESS"]
        persons: list[Span] = []
        kept: list[Span] = []
        # Names first: a name and an address together are evidence for each other, a name alone is for none.
        for span in sorted(spans, key=lambda span: span.kind != "PERSON"):
            evidence = self._evidence(span)
            if evidence == "prose" and source_type in self.settings.names_off:
                evidence = "identifier"
            near = anchors + (addresses if span.kind == "PERSON" else persons)
            if evidence == "identifier" and not self._is_near(span, near):
                continue
            kept.append(span)
            if span.kind == "PERSON":
                persons.append(span)
        return kept

    def _is_near(self, span: Span, others: Sequence[Span]) -> bool:
        reach = self.settings.name_distance
        return any(other.start - reach <= span.end and span.start <= other.end + reach for other in others)

    def _evidence(self, span: Span) -> str:
        rule = self._rules.get(span.rule)
        return rule.details.evidence if rule is not None else "full"

    def _repeat_names(self, text: str, spans: list[Span]) -> list[Span]:
        """Add the other places of each name found, so that one labelled mention does not leave ten others."""
        public = self.settings.public_names
        spans = [s for s in spans if s.kind != "PERSON" or text[s.start : s.end] not in public]
        names = {text[s.start : s.end]: s for s in spans if s.kind == "PERSON"}
        names = {name: span for name, span in names.items() if len(name) > MIN_REPEATED_NAME}
        if not names:
            return spans
        expression = "|".join(re.escape(name) for name in sorted(names, key=lambda n: (-len(n), n)))
        repeats = [
            names[match.group()]._replace(start=match.start(), end=match.end())
            for match in re.finditer(expression, text)
        ]
        return settle([*spans, *repeats], KINDS)


def _around(spans: Sequence[Span], reach: int, length: int) -> Windows:
    """Return the disjoint windows of ``reach`` code points round ``spans`` in a text of ``length``."""
    found: Windows = []
    for start, end in sorted((span.start, span.end) for span in spans):
        low, high = max(0, start - reach), min(length, end + reach)
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def _in_bytes(text: str, intervals: Windows) -> Windows:
    """Return ``intervals`` of code points, which may overlap or lie outside ``text``, as disjoint ones of bytes."""
    found: Windows = []
    at = size = 0
    for low, high in intervals:
        low, high = max(at, low), min(len(text), high)
        if low >= high:
            continue
        begin = size + len(text[at:low].encode())
        size = begin + len(text[low:high].encode())
        at = high
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], size)
        else:
            found.append((begin, size))
    return found


def string_buffers(column: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return (bytes, offsets) of a string or large_string array; nulls are empty."""
    if column.type != pa.large_string():
        column = column.cast(pa.large_string())
    if column.null_count:
        column = column.fill_null("")
    _, offset_buffer, data_buffer = column.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer is not None else np.empty(0, dtype=np.uint8)
    return data, offsets


def _import_presidio() -> None:
    try:
        import_presidio()
    except ImportError as error:
        raise MissingDependency("presidio-analyzer") from error


def _make_ner(name: str, allowed: Sequence[str]) -> Any:
    """Return the recogniser that the callable ``name`` makes."""
    make: Any = resolve_validator(name, allowed)
    recognizer = make()
    recognizer.load()
    return recognizer
