"""Domain probabilities from lexicon hits.

For each document and domain the evidence is a handful of numbers (below) and
the probability a logistic function of them. Coefficients are data
(``domain_calibration.json``, with their source), one set per domain and a
``default`` for domains that have none, such as a user's own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpus.errors import ConfigError
from corpus.labels.scan import KINDS, UNIT, Scan

# The evidence of one domain in one document, in the order of the coefficients.
EVIDENCE = ("intercept", "mass", "distinct", "density", "share", "length")
SCORE_STEP = 1e-4  # scores are multiples of it before they meet a threshold
_HAN, _LATIN, _DIGIT = KINDS.index("han"), KINDS.index("latin"), KINDS.index("digit")

Floats = npt.NDArray[np.float64]


class CalibrationError(ConfigError, ValueError):
    """Calibration constants that cannot be used."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logistic coefficients over :data:`EVIDENCE`, per domain; ``source`` says what they were fitted on."""

    source: str
    coefficients: Mapping[str, tuple[float, ...]]

    def matrix(self, names: Sequence[str]) -> Floats:
        """Return float64[len(names), len(EVIDENCE)]; a domain without its own row gets the row ``default``."""
        rows = [self.coefficients.get(name, self.coefficients["default"]) for name in names]
        return np.array(rows, np.float64).reshape(len(names), len(EVIDENCE))


def load_calibration(path: str | Path | None = None) -> Calibration:
    """Read calibration constants from ``path`` or as shipped. Errors: :class:`CalibrationError`."""
    resource = files("corpus.labels").joinpath("domain_calibration.json") if path is None else Path(path)
    try:
        content = json.loads(resource.read_text(encoding="utf-8"))
        rows = {name: tuple(float(value) for value in row) for name, row in content["coefficients"].items()}
        calibration = Calibration(str(content["source"]), rows)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CalibrationError(f"{resource}: not a calibration file: {error}") from error
    if "default" not in rows or any(len(row) != len(EVIDENCE) for row in rows.values()):
        raise CalibrationError(f"{resource}: needs a row 'default' and {len(EVIDENCE)} coefficients a row")
    if not all(math.isfinite(value) for row in rows.values() for value in row):
        raise CalibrationError(f"{resource}: a coefficient is not finite")
    return calibration


def save_calibration(calibration: Calibration, path: str | Path) -> None:
    """Write ``calibration`` so that :func:`load_calibration` reads it back."""
    content = {"source": calibration.source, "coefficients": {k: list(v) for k, v in calibration.coefficients.items()}}
    Path(path).write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def quantise(scores: Floats) -> npt.NDArray[np.float32]:
    """Return ``scores`` rounded to :data:`SCORE_STEP`."""
    return (np.rint(scores / SCORE_STEP) * SCORE_STEP).astype(np.float32)


def sigmoid(logits: Floats) -> Floats:
    """Return the logistic function, without overflow."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -40.0, 40.0))), np.float64)


def evidence(text: Scan, title: Scan | None, title_weight: int) -> Floats:
    """Return float64[n, domains, len(EVIDENCE)].

    mass: ``log2(1 + saturated weight)``; distinct: ``log2(1 + terms)``;
    density: ``log2(1 + saturated weight per 100 characters)`` (smoothed by 20
    characters); share: this domain's part of all domains' weight; length:
    ``log2(1 + characters)``. A title's hits count ``title_weight`` times.
    """
    mass = np.maximum(text.mass, 0).astype(np.float64)
    distinct = text.distinct.astype(np.float64)
    characters = text.characters.astype(np.float64)
    if title is not None:
        mass = mass + title_weight * np.maximum(title.mass, 0)
        distinct = distinct + title.distinct
        characters = characters + title.characters
    mass = mass / UNIT
    # Four Latin letters or digits carry about as much as one Han character.
    length = (characters[:, _HAN] + (characters[:, _LATIN] + characters[:, _DIGIT]) / 4)[:, None]
    total = mass.sum(axis=1, keepdims=True)
    columns = [
        np.ones_like(mass),
        np.log2(1 + mass),
        np.log2(1 + distinct),
        np.log2(1 + 100 * mass / (length + 20)),
        (mass + 0.1) / (total + 1),
        np.broadcast_to(np.log2(1 + length), mass.shape),
    ]
    return np.stack(columns, axis=2)


def domain_logits(features: Floats, coefficients: Floats) -> Floats:
    """Return float64[n, domains], the calibrated log-odds from :func:`evidence`."""
    return np.asarray(np.einsum("ndk,dk->nd", features, coefficients), np.float64)


def too_few_terms(features: Floats, min_distinct: int) -> npt.NDArray[np.bool_]:
    """Return bool[n, domains]: fewer than ``min_distinct`` different terms occur (text and title together)."""
    return np.asarray(features[:, :, EVIDENCE.index("distinct")] < math.log2(1 + min_distinct) - 1e-9, np.bool_)
