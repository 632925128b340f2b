"""Everything the label step needs to know, compiled once, and its decision for a batch of columns."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.labels.digest import file_digest
from corpus.labels.domains import (
    Floats,
    domain_logits,
    evidence,
    load_calibration,
    quantise,
    sigmoid,
    too_few_terms,
)
from corpus.labels.lexicon import LexiconError, compile_lexicons, load_lexicon
from corpus.labels.scan import Scan, scan
from corpus.labels.source_type_text import cue_lexicons, load_text_model
from corpus.labels.source_types import PatternTable, softmax
from corpus.schema import DOMAIN_SCORE

if TYPE_CHECKING:
    from corpus.config.label import LabelSettings
    from corpus.labels.artifact import DomainModel


@dataclass(frozen=True, slots=True)
class Labels:
    """Columns of one batch: ``domains`` list<struct<name, score>>, ``source_type`` string, its score float32."""

    domains: pa.Array
    source_type: pa.Array
    source_type_score: pa.Array


def artifact_hashes(settings: LabelSettings) -> dict[str, str]:
    """Return name -> sha256 of every file outside the package that ``settings`` name."""
    named = {f"lexicon:{name}": Path(path) for name, path in settings.lexicons.items()}
    if settings.calibration is not None:
        named["calibration"] = Path(settings.calibration)
    if settings.given_label_table is not None:
        named["given_label_table"] = Path(settings.given_label_table)
    if settings.domain_model is not None:
        folder = Path(settings.domain_model)
        named |= {f"domain_model:{name}": folder / name for name in ("meta.json", "model.bin")}
    return {name: file_digest(path) for name, path in sorted(named.items())}


def load_given_labels(path: str | Path | None = None) -> dict[str, tuple[str | None, str | None]]:
    """Return given label -> (domain or None, source type or None), from ``path`` or as shipped.

    Errors: :class:`LexiconError` for a line that has not three fields.
    """
    resource = files("corpus.labels").joinpath("given_labels.tsv") if path is None else Path(path)
    table: dict[str, tuple[str | None, str | None]] = {}
    for number, line in enumerate(resource.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) != 3:
            raise LexiconError(f"{resource}, line {number}: label, domain and source type are needed, '-' for none")
        label, domain, source_type = fields
        table[label] = (None if domain == "-" else domain, None if source_type == "-" else source_type)
    return table


class Labeller:
    """Lexicons, cues, patterns and calibration, compiled. Building takes about half a second."""

    def __init__(self, settings: LabelSettings) -> None:
        self.settings = settings
        self.domains = settings.domains
        unknown = set(settings.min_scores) - set(self.domains)
        if unknown:
            raise LexiconError(f"min_scores names domains that are not in `domains`: {', '.join(sorted(unknown))}")
        lexicons = [load_lexicon(name, settings.lexicons.get(name)) for name in self.domains]
        self.lexicon_digests = {lexicon.name: lexicon.digest() for lexicon in lexicons}
        self.automaton, self.channels = compile_lexicons([*lexicons, *cue_lexicons()])
        calibration = load_calibration(settings.calibration)
        self.coefficients = calibration.matrix(self.domains)
        self.default_coefficients = calibration.matrix(("default",))[0]
        self.patterns = PatternTable()
        self.text_model = load_text_model()
        self.thresholds = np.array([settings.min_scores.get(n, settings.min_score) for n in self.domains], np.float32)
        self.model: DomainModel | None = None
        if settings.domain_model is not None:
            from corpus.labels.artifact import DomainModel

            self.model = DomainModel(settings.domain_model)
        self.given = load_given_labels(settings.given_label_table)

    def evidence(self, texts: pa.Array, titles: pa.Array | None) -> tuple[Floats, Scan]:
        """Return float64[n, domains, evidence] and the scan of the cue groups over ``texts``."""
        whole = scan(texts, self.automaton, self.channels)
        parts = len(self.domains)
        found = Scan(whole.mass[:, :parts], whole.distinct[:, :parts], whole.characters)
        title = None
        if titles is not None:
            headed = scan(pc.fill_null(titles, ""), self.automaton, self.channels)
            title = Scan(headed.mass[:, :parts], headed.distinct[:, :parts], headed.characters)
        return (
            evidence(found, title, self.settings.title_weight),
            Scan(whole.mass[:, parts:], whole.distinct[:, parts:], whole.characters),
        )

    def domain_scores(self, features: Floats, texts: pa.Array) -> Floats:
        """Return float64[n, domains], probabilities by lexicon and, where one is named, the domain model."""
        logits = domain_logits(features, self.coefficients)
        few = too_few_terms(features, self.settings.min_distinct)
        if self.model is None:
            return np.where(few, 0.0, sigmoid(logits))
        known = np.array([name in self.model.combination for name in self.domains])
        return np.where(few & ~known, 0.0, sigmoid(self.model.combine(logits, texts, self.domains)))

    def label(
        self,
        texts: pa.Array,
        titles: pa.Array | None = None,
        urls: pa.Array | None = None,
        hosts: pa.Array | None = None,
        page_kinds: pa.Array | None = None,
        page_hints: pa.Array | None = None,
        given_labels: pa.Array | None = None,
    ) -> Labels:
        """Return the labels of one batch; each column but ``texts`` may be None or hold nulls."""
        features, cues = self.evidence(texts, titles)
        scores = quantise(self.domain_scores(features, texts))
        logits = self.text_model.logits(cues)
        logits += self.patterns.logits(urls, hosts, page_kinds, page_hints, titles, len(texts))
        chances = quantise(softmax(logits))
        best = chances.argmax(axis=1)
        best_score = chances[np.arange(len(best)), best] if len(best) else np.empty(0, np.float32)
        if given_labels is not None and self.settings.given_labels != "ignore":
            best, best_score = self._apply_given(given_labels, scores, best, best_score)
        unsure = best_score < np.float32(self.settings.source_type_min_score)
        types = pa.array(self.text_model.types, pa.string())
        return Labels(
            domains=domain_lists(scores, self.thresholds, self.domains),
            source_type=pc.take(types, pa.array(best, pa.int32(), mask=unsure)),
            source_type_score=pa.array(best_score, pa.float32(), mask=unsure),
        )

    def _apply_given(
        self,
        given_labels: pa.Array,
        scores: npt.NDArray[np.float32],
        best: npt.NDArray[np.int64],
        best_score: npt.NDArray[np.float32],
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Write the sources' own labels into ``scores`` (in place); return source types and their scores."""
        encoded = pc.dictionary_encode(pc.fill_null(given_labels.cast(pa.string()), ""))
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        for code, label in enumerate(encoded.dictionary.to_pylist()):
            domain, source_type = self.given.get(label, (None, None))
            rows = codes == code
            if domain in self.domains:
                if self.settings.given_labels == "override":
                    scores[rows] = 0.0
                scores[rows, self.domains.index(domain)] = 1.0
            if source_type in self.text_model.types:
                best = np.where(rows, self.text_model.types.index(source_type), best)
                best_score = np.where(rows, np.float32(1.0), best_score)
        return best, best_score


def domain_lists(
    scores: npt.NDArray[np.float32], thresholds: npt.NDArray[np.float32], names: tuple[str, ...]
) -> pa.Array:
    """Return list<struct<name, score>>: each row's domains at or above their thresholds, best first, ties by name.

    ``scores`` is float32[n, domains] (already quantised), ``thresholds`` float32[domains].
    """
    by_name = np.argsort(np.array(names))
    rank_of_name = np.empty(len(names), np.int64)
    rank_of_name[by_name] = np.arange(len(names))
    rows, columns = np.nonzero(scores >= thresholds)
    kept = scores[rows, columns]
    order = np.lexsort((rank_of_name[columns], -kept, rows))
    offsets = np.zeros(len(scores) + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=len(scores)), out=offsets[1:])
    name = pc.take(pa.array(names, pa.string()), pa.array(columns[order]))
    items = pa.StructArray.from_arrays([name, pa.array(kept[order], pa.float32())], fields=list(DOMAIN_SCORE))
    return pa.ListArray.from_arrays(pa.array(offsets), items).cast(pa.list_(DOMAIN_SCORE))
