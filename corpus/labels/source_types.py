"""Source types: address, markup and title first, then the language of the text.

The evidence of all kinds is added up as logits of one softmax. The text's part
is a linear model over cue groups and character statistics
(``source_cues.yaml``, ``source_type_model.json``), the rest are weighted
patterns (``source_types.yaml``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from corpus.errors import ConfigError
from corpus.labels.domains import Floats
from corpus.labels.folding import fold
from corpus.labels.lexicon import Lexicon, compile_lexicons
from corpus.labels.scan import KINDS, UNIT, Scan, scan
from corpus.labels.terms import HEAD, LINE_START, TAIL

YEARS = range(1998, 2036)  # of dates in paths
PATTERN_CAP = 8.0  # logits that one kind of pattern evidence may reach
CHARACTER_FEATURES = (
    "length", "lines", "line_length", "han", "latin", "digit", "question", "exclamation", "full_stop", "comma",
    "colon", "bracket", "quote", "code", "ellipsis", "enumeration",
)  # fmt: skip


class SourceTypeError(ConfigError, ValueError):
    """A pattern table or model that cannot be used."""


def cue_lexicons() -> list[Lexicon]:
    """Return the shipped cue groups as lexicons, sorted by name; markers become match conditions."""
    table = yaml.safe_load(files("corpus.labels").joinpath("source_cues.yaml").read_text(encoding="utf-8"))
    return [_marked_lexicon(name, table[name]) for name in sorted(table)]


def _marked_lexicon(name: str, groups: Mapping[Any, Sequence[str]]) -> Lexicon:
    weights: dict[str, int] = {}
    flags: dict[str, int] = {}
    for weight, terms in groups.items():
        for written in terms:
            term, flag = str(written), 0
            if term.startswith("~") and len(term) > 1:
                term, flag = term[1:], HEAD
            elif term.startswith("^") and len(term) > 1:
                term, flag = term[1:], LINE_START
            elif term.endswith("$") and len(term) > 1:
                term, flag = term[:-1], TAIL
            term = fold(term)
            if term in weights:
                continue
            weights[term] = round(float(weight) * 2)  # half steps stay whole numbers
            if flag:
                flags[term] = flag
    return Lexicon(name, weights, flags)


def text_features(found: Scan) -> Floats:
    """Return float64[n, 2 * cues + len(CHARACTER_FEATURES)] from a scan whose channels are the cue groups.

    For each cue group ``log2(1 + saturated weight)`` and ``log2(1 + saturated
    weight per 100 characters)``, then logarithms of length, lines and mean
    line length and the shares of kinds of characters, in per cent as ``log2(1 + x)``.
    """
    mass = np.maximum(found.mass, 0) / UNIT
    counts = {name: found.characters[:, index].astype(np.float64) for index, name in enumerate(KINDS)}
    visible = found.characters.sum(axis=1) - counts["space"] - counts["newline"]
    lines = counts["newline"] + 1
    cues = np.concatenate([np.log2(1 + mass), np.log2(1 + 100 * mass / (visible[:, None] + 20))], axis=1)
    sizes = [np.log2(1 + visible), np.log2(lines), np.log2(1 + visible / lines)]
    shares = [np.log2(1 + 100 * counts[name] / (visible + 10)) for name in CHARACTER_FEATURES[3:]]
    return np.concatenate([cues, np.stack(sizes + shares, axis=1)], axis=1)


def feature_names(cues: Sequence[str]) -> list[str]:
    """Return the names of :func:`text_features`' columns."""
    return [*(f"{name}:mass" for name in cues), *(f"{name}:density" for name in cues), *CHARACTER_FEATURES]


@dataclass(frozen=True, slots=True)
class TextModel:
    """Softmax regression over :func:`text_features`: ``weights`` float64[features, types], ``bias`` float64[types]."""

    source: str
    types: tuple[str, ...]
    weights: Floats
    bias: Floats

    def logits(self, features: Floats) -> Floats:
        """Return float64[n, types], rounded so that no summation order decides between types."""
        return np.asarray(np.round(features @ self.weights + self.bias, 6), np.float64)


def load_text_model(path: str | Path | None = None) -> TextModel:
    """Read the text model from ``path`` or as shipped. Errors: :class:`SourceTypeError`."""
    resource = files("corpus.labels").joinpath("source_type_model.json") if path is None else Path(path)
    try:
        content = json.loads(resource.read_text(encoding="utf-8"))
        names = feature_names([lexicon.name for lexicon in cue_lexicons()])
        rows = np.array([content["weights"][name] for name in names], np.float64)
        model = TextModel(content["source"], tuple(content["types"]), rows, np.array(content["bias"], np.float64))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceTypeError(f"{resource}: not a source type model for these cues: {error}") from error
    if rows.shape[1:] != (len(model.types),) or not np.isfinite(rows).all():
        raise SourceTypeError(f"{resource}: weights of the wrong shape")
    return model


class PatternTable:
    """The patterns of ``source_types.yaml`` compiled for scanning whole columns."""

    def __init__(self) -> None:
        table = yaml.safe_load(files("corpus.labels").joinpath("source_types.yaml").read_text(encoding="utf-8"))
        self.types: tuple[str, ...] = tuple(table["types"])
        self._page_kinds: dict[str, dict[str, float]] = table["page_kinds"]
        self._hosts = compile_lexicons(self._per_type(table["hosts"], _host_patterns))
        self._paths = compile_lexicons(self._per_type(table["paths"], _path_patterns))
        self._hints = compile_lexicons(self._per_type(table["hints"], lambda term: [term]))
        self._titles = compile_lexicons(self._per_type(table["titles"], lambda term: [term]))

    def _per_type(self, section: Mapping[str, Mapping[Any, Sequence[str]]], expand: Any) -> list[Lexicon]:
        lexicons = []
        for name in self.types:
            weights: dict[str, int] = {}
            for weight, terms in section.get(name, {}).items():
                for term in terms:
                    for pattern in expand(str(term)):
                        weights.setdefault(fold(pattern), round(float(weight) * 2))
            lexicons.append(Lexicon(name, weights))
        return lexicons

    def logits(
        self,
        urls: pa.Array | None,
        hosts: pa.Array | None,
        page_kinds: pa.Array | None,
        hints: pa.Array | None,
        titles: pa.Array | None,
        rows: int,
    ) -> Floats:
        """Return float64[rows, types]; a column that is None, or null in a row, says nothing."""
        total = np.zeros((rows, len(self.types)), np.float64)
        if hosts is not None:
            own = pc.binary_join_element_wise(
                pa.scalar("//"), pc.fill_null(hosts.cast(pa.string()), ""), pa.scalar("/"), ""
            )
            addresses = (
                own
                if urls is None
                else pc.coalesce(pc.binary_join_element_wise(urls.cast(pa.string()), pa.scalar("/"), ""), own)
            )
        elif urls is not None:
            addresses = pc.binary_join_element_wise(pc.fill_null(urls.cast(pa.string()), ""), pa.scalar("/"), "")
        else:
            addresses = None
        if addresses is not None:
            total += self._capped(addresses, self._hosts) + self._capped(addresses, self._paths)
        if hints is not None and not pa.types.is_null(hints.type):
            total += self._capped(pc.fill_null(pc.binary_join(hints, "\n"), ""), self._hints)
        if titles is not None:
            total += self._capped(pc.fill_null(titles, ""), self._titles)
        if page_kinds is not None:
            total += self._kind_logits(page_kinds)
        return total

    def _capped(self, column: pa.Array, compiled: Any) -> Floats:
        automaton, channels = compiled
        return np.minimum(scan(column, automaton, channels).mass / (2 * UNIT), PATTERN_CAP)

    def _kind_logits(self, page_kinds: pa.Array) -> Floats:
        encoded = pc.dictionary_encode(pc.fill_null(page_kinds.cast(pa.string()), ""))
        rows = np.zeros((len(encoded.dictionary) + 1, len(self.types)), np.float64)
        for index, kind in enumerate(encoded.dictionary.to_pylist()):
            for name, weight in self._page_kinds.get(kind, {}).items():
                rows[index, self.types.index(name)] = weight
        return np.asarray(rows[encoded.indices.to_numpy(zero_copy_only=False)], np.float64)


def _host_patterns(term: str) -> list[str]:
    """A host label ("bbs.") or a domain with an optional path, as substrings of ``//host/path``."""
    closed = term if term.endswith(".") or "/" in term else term + "/"
    return ["//" + closed, "." + closed, *(["-" + closed] if term.endswith(".") else [])]


def _path_patterns(term: str) -> list[str]:
    """A part of a path; ``{year}`` and ``{month}`` stand for every value of them."""
    if "{year}" not in term:
        return [term]
    return [term.format(year=year, month=f"{month:02d}") for year in YEARS for month in range(1, 13)]


def softmax(logits: Floats) -> Floats:
    """Return probabilities, row by row."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float64)
