"""Source types: address, markup and title first, then the language of the text.

The evidence of all kinds is added up as logits of one softmax: weighted
patterns (``source_types.yaml``) and the text model (``source_type_text.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.labels.domains import Floats
from corpus.labels.folding import fold
from corpus.labels.lexicon import Lexicon, compile_lexicons
from corpus.labels.scan import UNIT, scan
from corpus.safe_yaml import read_yaml

YEARS = range(1998, 2036)  # of dates in paths
PATTERN_CAP = 8.0  # logits that one kind of pattern evidence may reach


class PatternTable:
    """The patterns of ``source_types.yaml`` compiled for scanning whole columns."""

    def __init__(self) -> None:
        table = read_yaml(files("corpus.labels").joinpath("source_types.yaml").read_text(encoding="utf-8"))
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
