"""Decides by a profile: signals of a batch in, one verdict a row out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpus.kernels.buffers import text_buffers
from corpus.kernels.text_counts import INDEX, Lexicon, load_tables
from corpus.kernels.text_signals import measure
from corpus.quality.contexts import Context, distinct_contexts
from corpus.quality.profile import COLUMN_SIGNALS, CONTEXT_FIELDS, Limits, Profile
from corpus.quality.signals import QUANTUM, SIGNALS, derive
from corpus.quality.word_signals import WORD_SIGNALS, word_signals

if TYPE_CHECKING:
    import pyarrow as pa

    from corpus.quality.cohesion import Cohesion


MAX_KNOWN = 4096  # contexts whose limits are kept; few occur, but lexicons of one's own can make many


class Explanation(NamedTuple):
    """One rule beside one document."""

    rule: str
    signal: str
    value: float  # NaN: not known for this document
    threshold: str  # ">= 0.3", "<= 0.2", "1 .. 5" or "-" where the rule is open for this kind of text
    verdict: str  # "pass", "miss" or "rests" (its conditions do not hold, its value is unknown, or it is open)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was measured and decided, one entry per row."""

    signals: NDArray[np.float32]  # [rows, len(SIGNALS)]
    n_chars: NDArray[np.int32]  # code points
    quality: NDArray[np.float64]  # 0..1, rounded to 1e-4
    rule: NDArray[np.int32]  # index of the first rule missed, -1 none
    score: NDArray[np.float32]  # the value that missed, NaN where none did
    threshold: NDArray[np.float32]  # the limit that it missed, NaN where none was


class Judge:
    """A profile with a lexicon and, for the signal ``incohesion``, a cohesion table; ready to measure and decide."""

    def __init__(self, profile: Profile, lexicon: Lexicon, cohesion: Cohesion | None = None) -> None:
        self.profile = profile
        self._cohesion = cohesion
        self._lexicon = lexicon
        self._tables = load_tables()
        self._known: dict[Context, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Return the verdicts on the rows of ``batch``, whose columns are those of the quality step."""
        counts, signals = self._measure(batch)
        values = self._values(batch, signals)
        low, high = self._limits(batch)
        rows = batch.num_rows
        rule = np.full(rows, -1, dtype=np.int32)
        score = np.full(rows, np.nan, dtype=np.float32)
        threshold = np.full(rows, np.nan, dtype=np.float32)
        for number in reversed(range(len(self.profile.rules))):
            value = values[self.profile.rules[number].signal]
            below = value < low[number]
            missed = self._applying(number, values, np.flatnonzero(below | (value > high[number])))
            if len(missed):
                rule[missed] = number
                score[missed] = value[missed]
                threshold[missed] = np.where(below[missed], low[number, missed], high[number, missed])
        n_chars = counts[:, INDEX["code_points"]].astype(np.int32)
        return Verdicts(signals, n_chars, self._quality(values, rows), rule, score, threshold)

    def explain(self, row: Mapping[str, Any]) -> list[Explanation]:
        """Return each rule's value, threshold and verdict for one document given as a mapping."""
        import pyarrow as pa

        columns: dict[str, pa.Array] = {"text": pa.array([row["text"]], pa.large_string())}
        for name in ("source_type", "page_kind", "language", "script"):
            columns[name] = pa.array([row.get(name)], pa.string())
        for name in COLUMN_SIGNALS:
            columns[name] = pa.array([row.get(name)], pa.float32())
        domains = [{"name": domain["name"], "score": domain.get("score")} for domain in row.get("domains") or ()]
        columns["domains"] = pa.array([domains], pa.list_(pa.struct([("name", pa.string()), ("score", pa.float32())])))
        batch = pa.RecordBatch.from_pydict(columns)
        values = self._values(batch, self._measure(batch)[1])
        low, high = self._limits(batch)
        result = []
        for number, rule in enumerate(self.profile.rules):
            value = float(values[rule.signal][0])
            least, most = float(low[number, 0]), float(high[number, 0])
            verdict = "pass" if least <= value <= most else "miss"
            applies = len(self._applying(number, values, np.array([0]))) == 1
            if np.isnan(value) or not applies or (np.isinf(least) and np.isinf(most)):
                verdict = "rests"
            result.append(Explanation(rule.name, rule.signal, round(value, QUANTUM), _interval(least, most), verdict))
        return result

    def _measure(self, batch: pa.RecordBatch) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the counts of ``text_signals.measure`` and the signals made of them."""
        data, offsets = text_buffers(batch.column("text"))
        counts = measure(data, offsets, self._tables, self._lexicon)
        return counts, derive(counts, None if self._cohesion is None else self._cohesion.incohesion(data, offsets))

    def _values(self, batch: pa.RecordBatch, signals: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        values = {name: signals[:, column] for column, name in enumerate(SIGNALS)}
        for name in COLUMN_SIGNALS:
            values[name] = np.full(batch.num_rows, np.nan, dtype=np.float32)
            if name in batch.schema.names:
                column = batch.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
                values[name] = np.round(column, QUANTUM).astype(np.float32)
        if self.profile.needs_words:
            rows = [word_signals(text or "") for text in batch.column("text").to_pylist()]
            for name in WORD_SIGNALS:
                values[name] = np.array([row[name] for row in rows], dtype=np.float32)
        return values

    def _applying(
        self, number: int, values: Mapping[str, NDArray[np.float32]], rows: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """Return those of ``rows`` that meet the conditions of rule ``number``."""
        for condition in self.profile.rules[number].given:
            value = values[condition.signal][rows]
            least, most = _bounds(condition.limits)
            rows = rows[(value >= least) & (value <= most)]
        return rows

    def _limits(self, batch: pa.RecordBatch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the least and the largest value that pass, each of shape [rules, rows]."""
        index, contexts = distinct_contexts(batch)
        shape = (len(self.profile.rules), len(contexts))
        low, high = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
        for column, context in enumerate(contexts):
            low[:, column], high[:, column] = self._bounds_for(context)
        return low[:, index], high[:, index]

    def _bounds_for(self, context: Context) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the least and the largest value that pass of each rule; what was worked out before is kept."""
        known = self._known.get(context)
        if known is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            limits = self.profile.limits_for(dict(zip(CONTEXT_FIELDS, context, strict=True)))
            bounds = np.array([_bounds(limit) for limit in limits], dtype=np.float32).reshape(-1, 2)
            known = self._known[context] = (bounds[:, 0], bounds[:, 1])
        return known

    def _quality(self, values: Mapping[str, NDArray[np.float32]], rows: int) -> NDArray[np.float64]:
        total = np.zeros(rows, dtype=np.float64)
        weight = 0.0
        for ramp in self.profile.score:
            value = values[ramp.signal].astype(np.float64)
            total += ramp.weight * np.clip((value - ramp.worst) / (ramp.best - ramp.worst), 0.0, 1.0)
            weight += ramp.weight
        return np.round(total / weight, QUANTUM) if weight else np.ones(rows, dtype=np.float64)


def _bounds(limits: Limits) -> tuple[np.float32, np.float32]:
    least = -np.inf if limits.min is None else limits.min
    most = np.inf if limits.max is None else limits.max
    return np.float32(least), np.float32(most)


def _interval(least: float, most: float) -> str:
    if np.isinf(least) and np.isinf(most):
        return "-"
    if np.isinf(most):
        return f">= {round(least, QUANTUM):g}"
    if np.isinf(least):
        return f"<= {round(most, QUANTUM):g}"
    return f"{round(least, QUANTUM):g} .. {round(most, QUANTUM):g}"
