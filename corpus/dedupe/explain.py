"""What the settings of near-duplicate detection mean: bands, S-curve, expected errors, bytes."""

from __future__ import annotations

from dataclasses import dataclass

from corpus.config.dedupe import DedupeSettings
from corpus.dedupe.parameters import BandShape, band_shape, false_candidate_area, missed_pair_area
from corpus.dedupe.signatures import sketch_bytes, sketch_standard_error


@dataclass(frozen=True, slots=True)
class Explanation:
    """What ``wudao explain dedupe`` shows."""

    shape: BandShape
    curve: list[tuple[float, float]]  # (similarity, chance to become a candidate), similarity 0..1 by 0.05
    half: float  # similarity at which the chance is one half
    recall_at_threshold: float
    false_candidate_area: float
    missed_pair_area: float
    sketch_error: float  # standard error of the verified similarity at the threshold, long texts
    shuffle_bytes: int  # per document before candidates: a 64-bit key and a 64-bit hash for each band
    sketch_bytes: int  # per document, read for candidates only


def explain(settings: DedupeSettings) -> Explanation:
    """Return bands, S-curve and expected errors of ``settings``."""
    shape = band_shape(settings)
    return Explanation(
        shape=shape,
        curve=[(step / 20, shape.probability(step / 20)) for step in range(21)],
        half=(1.0 - 0.5 ** (1.0 / shape.bands)) ** (1.0 / shape.rows),
        recall_at_threshold=shape.probability(settings.threshold),
        false_candidate_area=false_candidate_area(shape, settings.threshold),
        missed_pair_area=missed_pair_area(shape, settings.threshold),
        sketch_error=sketch_standard_error(settings.threshold, settings.sketch_bins),
        shuffle_bytes=16 * shape.bands,
        sketch_bytes=sketch_bytes(settings),
    )
