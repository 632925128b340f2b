"""Evaluation of domain labels: F1, by class, source and length, and calibration error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from corpus.labels.domains import Floats

OTHER = "other"
LENGTHS = (50, 200, 1000)  # borders of the length classes, in characters


@dataclass(frozen=True, slots=True)
class ClassResult:
    """Counts of one class and what follows from them; undefined ratios are 0."""

    documents: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``by_source`` is accuracy per (source, class); ``calibration_error`` per domain; ``by_length`` macro F1."""

    macro_f1: float
    accuracy: float
    by_class: dict[str, ClassResult]
    by_source: dict[tuple[str, str], tuple[int, float]]
    by_length: dict[str, tuple[int, float]]
    calibration_error: dict[str, float]


def decide(scores: Floats, names: Sequence[str], threshold: float) -> list[str]:
    """Return each row's best domain, or "other" where none reaches ``threshold``; ties go to the first name."""
    best = scores.argmax(axis=1)
    return [names[i] if scores[row, i] >= threshold else OTHER for row, i in enumerate(best.tolist())]


def calibration_error(scores: Floats, truth: npt.NDArray[np.bool_], bins: int = 10) -> float:
    """Return the expected calibration error: mean |score - share of positives| over equal-width bins by their size."""
    place = np.minimum((scores * bins).astype(np.int64), bins - 1)
    error = 0.0
    for index in range(bins):
        inside = place == index
        if inside.any():
            error += float(inside.mean()) * abs(float(scores[inside].mean()) - float(truth[inside].mean()))
    return error


def class_results(gold: Sequence[str], predicted: Sequence[str], classes: Sequence[str]) -> dict[str, ClassResult]:
    """Return precision, recall and F1 per class."""
    truth, guess = np.array(gold), np.array(predicted)
    results = {}
    for name in classes:
        hits = int(((truth == name) & (guess == name)).sum())
        wanted, given = int((truth == name).sum()), int((guess == name).sum())
        results[name] = ClassResult(
            wanted, hits / given if given else 0.0, hits / wanted if wanted else 0.0, 2 * hits / max(wanted + given, 1)
        )
    return results


def macro_f1(results: dict[str, ClassResult]) -> float:
    """Return the mean F1 of the classes that have documents."""
    present = [result.f1 for result in results.values() if result.documents]
    return sum(present) / max(len(present), 1)


def evaluate(
    scores: Floats,
    names: Sequence[str],
    gold: Sequence[str],
    sources: Sequence[str],
    characters: Sequence[int],
    threshold: float = 0.5,
) -> Evaluation:
    """Evaluate ``scores`` float64[n, names] against one gold class per document (a name or "other")."""
    classes = [*names, OTHER]
    predicted = decide(scores, names, threshold)
    truth, guess = np.array(gold), np.array(predicted)
    by_class = class_results(gold, predicted, classes)
    by_source = {}
    for key in sorted(set(zip(sources, gold, strict=True))):
        rows = (np.array(sources) == key[0]) & (truth == key[1])
        by_source[key] = (int(rows.sum()), float((guess[rows] == key[1]).mean()))
    by_length = {}
    place = np.searchsorted(LENGTHS, np.array(characters), side="right")
    for index in range(len(LENGTHS) + 1):
        rows = place == index
        if rows.any():
            results = class_results(truth[rows].tolist(), guess[rows].tolist(), classes)
            low = LENGTHS[index - 1] if index else 0
            title = f"{low}-{LENGTHS[index] - 1}" if index < len(LENGTHS) else f"{low}+"
            by_length[title] = (int(rows.sum()), macro_f1(results))
    return Evaluation(
        macro_f1=macro_f1(by_class),
        accuracy=float((truth == guess).mean()),
        by_class=by_class,
        by_source=by_source,
        by_length=by_length,
        calibration_error={
            name: calibration_error(scores[:, index], truth == name) for index, name in enumerate(names)
        },
    )
