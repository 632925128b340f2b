"""Distributions: length, quality, and the signals that decide most."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from corpus.report.charts import Histogram, draw, legend
from corpus.report.gather import Facts
from corpus.report.markup import Html, element, number
from corpus.report.rules import Shown, signal_meaning
from corpus.report.sections.composition import sampled
from corpus.report.sections.frame import note, section

BINS: Final = 48
LENGTHS: Final = ("chars", "han_chars", "lines", "mean_line_length")  # signals without an upper end
TAIL: Final = 0.5  # percent on each side that may lie outside of what is drawn


def distributions(facts: Facts) -> Html | None:
    """Return the histograms; None where the corpus is empty."""
    numbers = facts.rows.numbers
    if not facts.rows.rows:
        return None
    figures = [draw(length_histogram(numbers["n_chars"]))]
    if len(numbers.get("quality", ())):
        edges = np.linspace(0, 1, 51)
        figures.append(draw(Histogram("quality, 0 to 1", edges.tolist(), _counts(numbers["quality"], edges))))
    both = facts.rows.complete and "rejects" in facts.removals.complete
    for shown in facts.shown:
        kept = numbers.get(shown.signal, np.empty(0, np.float32))
        missed = facts.removals.scores.get(shown.rule or "", np.empty(0, np.float32)) if both else None
        if len(kept):
            figures.append(_signal(shown, kept, missed))
    median = np.median(numbers["n_chars"])
    lead = f"{number(facts.rows.rows)} published documents{sampled(facts) or ''}; "
    lead += f"half have at most {median:,.0f} characters. "
    dropped = both and any(shown.rule in facts.removals.scores for shown in facts.shown)
    lead += (
        "The line is the rule's usual limit, which is looser or stricter for some kinds of text; values in the "
        f"outermost {TAIL} % may not be drawn."
    )
    colours = legend((("kept", "published"), ("dropped", "dropped by the rule"))) if dropped else None
    figure = element("div", figures, class_="figures")
    return section("distributions", "Distributions", "分布", note(lead), colours, figure)


def length_histogram(lengths: NDArray[np.float32]) -> Histogram:
    """Return the histogram of lengths in characters, on a logarithmic scale of whole decades."""
    positive = np.maximum(lengths, 1)
    edges = _decades(positive)
    return Histogram("length in characters, logarithmic", edges.tolist(), _counts(positive, edges), log=True)


def _signal(shown: Shown, kept: NDArray[np.float32], missed: NDArray[np.float32] | None) -> Html:
    limit = shown.limits.max if shown.limits.max is not None else shown.limits.min
    dropped = missed if missed is not None else np.empty(0, np.float32)
    log = shown.signal in LENGTHS
    if log:
        kept, dropped = np.maximum(kept, 1), np.maximum(dropped, 1)
        edges = _decades(np.concatenate([kept, dropped]))
    else:
        edges = np.linspace(*_range(kept, dropped, limit), BINS + 1)
    mark = None
    if limit is not None:
        side = "at most" if shown.limits.max is not None else "at least"
        mark = (float(limit), f"{shown.rule}: {side} {limit:g}")
    title = f"{shown.signal}: {signal_meaning(shown.signal)}"
    gone = _counts(dropped, edges) if len(dropped) else None
    return draw(Histogram(title, edges.tolist(), _counts(kept, edges), gone, log, mark))


def _decades(positive: NDArray[np.float32]) -> NDArray[np.float64]:
    # In double precision: as float32 the logarithm of 9,999,985 is 7.
    low, high = (math.floor(math.log10(float(value))) for value in (positive.min(), positive.max()))
    per_decade = max(BINS // (high + 1 - low), 6)
    parts = [math.pow(10.0, part / per_decade) for part in range(per_decade)]
    # Whole powers are exact, so that a length that is one lies in its bin.
    return np.array([10**power * part for power in range(low, high + 1) for part in parts] + [float(10 ** (high + 1))])


def _range(kept: NDArray[np.float32], dropped: NDArray[np.float32], limit: float | None) -> tuple[float, float]:
    bounds = [*np.percentile(kept, (TAIL, 100 - TAIL)).tolist()]
    if len(dropped):
        bounds += np.percentile(dropped, (5, 95)).tolist()
    if limit is not None:
        bounds.append(limit)
    low, high = min(bounds), max(bounds)
    # Where the signal's smallest value is near, the axis begins there.
    low = 0.0 if 0 <= low < 0.5 * high else low
    return (low, high + (high - low) * 0.02) if high > low else (low, low + 1.0)


def _counts(values: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.histogram(values.astype(np.float64), edges)[0].astype(np.int64)
