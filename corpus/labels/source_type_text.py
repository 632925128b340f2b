"""Source types from the language of a text: cue groups and the shape of the writing.

The cues (``source_cues.yaml``) are found by the scan that also finds the
domains' terms. What each group and each statistic says for and against a type
is written down in ``source_type_weights.yaml``; nothing is fitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from corpus.errors import ConfigError
from corpus.labels.domains import Floats
from corpus.labels.folding import fold
from corpus.labels.lexicon import Lexicon
from corpus.labels.scan import KINDS, UNIT, Scan
from corpus.labels.terms import HEAD, LINE_START, TAIL
from corpus.safe_yaml import read_yaml

# A hit is spread over at least so many characters: one word of a very short text does not outweigh all else.
SMOOTHING = 20
# Up to here density is per character. A longer text repeats itself: of a repeated term the logarithm counts, and
# different words grow with about the square root of the length (Heaps' law).
PLAIN_LENGTH = 300
SHORT_LINE = 40  # mean characters of a line, at most, where line breaks are taken for turns of a talk
MIN_HAN = 2.0  # per cent of the visible characters; of a text with less the Chinese cues and curves say nothing
SIZES = ("length", "turns", "line_length", "sentence_length", "clause_length")
SHARES = (
    "han", "latin", "digit", "question", "exclamation", "full_stop", "comma", "colon", "bracket", "quote", "code",
    "ellipsis", "enumeration",
)  # fmt: skip
STATISTICS = SIZES + SHARES


class SourceTypeError(ConfigError, ValueError):
    """A table of patterns or weights that cannot be used."""


def cue_lexicons() -> list[Lexicon]:
    """Return the shipped cue groups as lexicons, sorted by name; markers become match conditions."""
    table = read_yaml(files("corpus.labels").joinpath("source_cues.yaml").read_text(encoding="utf-8"))
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


def statistics(found: Scan) -> Floats:
    """Return float64[n, len(STATISTICS)].

    ``length`` in visible characters; ``turns``, the line breaks where the mean
    line is at most :data:`SHORT_LINE` characters, else 0; the mean visible
    characters of a line, of a sentence (what ends in a full stop, a question
    or exclamation mark or a line end) and of a clause (a comma ends it too);
    then the shares of kinds of characters, in per cent of the visible ones.
    """
    count = {name: found.characters[:, index].astype(np.float64) for index, name in enumerate(KINDS)}
    visible = _visible(found)
    lines = count["newline"] + 1
    sentences = lines + count["full_stop"] + count["question"] + count["exclamation"]
    clauses = sentences + count["comma"] + count["enumeration"]
    turns = np.where(visible <= SHORT_LINE * lines, count["newline"], 0)
    sizes = [visible, turns, visible / lines, visible / sentences, visible / clauses]
    shares = [100 * count[name] / (visible + SMOOTHING / 2) for name in SHARES]
    return np.stack(sizes + shares, axis=1)


def _visible(found: Scan) -> Floats:
    blank = found.characters[:, KINDS.index("space")] + found.characters[:, KINDS.index("newline")]
    return np.asarray(found.characters.sum(axis=1) - blank, np.float64)


@dataclass(frozen=True, slots=True)
class Curve:
    """What one statistic says: ``votes`` float64[knots, types] at ``knots`` float64[knots], straight lines between."""

    column: int
    knots: Floats
    votes: Floats


@dataclass(frozen=True, slots=True)
class TextModel:
    """Logits of the types from a scan whose channels are the cue groups.

    A group of saturated weight m adds ``votes`` float64[groups, types] times
    ``x / (x + half)``, where x is m or, where ``dense`` bool[groups], m per 100
    characters (past :data:`PLAIN_LENGTH`, per square root of the length).
    """

    types: tuple[str, ...]
    base: Floats
    half: Floats
    dense: npt.NDArray[np.bool_]
    votes: Floats
    curves: tuple[Curve, ...]

    def logits(self, found: Scan) -> Floats:
        """Return float64[n, types], rounded so that no summation order decides between types.

        A row is 0 where fewer than :data:`MIN_HAN` per cent of the characters are Han.
        """
        mass = np.maximum(found.mass, 0) / (2 * UNIT)
        length = _visible(found)
        length = np.where(length > PLAIN_LENGTH, np.sqrt(length * PLAIN_LENGTH), length)
        density = 100 * mass / (length[:, None] + SMOOTHING)
        amount = np.where(self.dense, density, mass)
        total = self.base + amount / (amount + self.half) @ self.votes
        measured = statistics(found)
        for curve in self.curves:
            column = measured[:, curve.column]
            for index in np.nonzero(curve.votes.any(axis=0))[0]:
                total[:, index] += np.interp(column, curve.knots, curve.votes[:, index])
        total[measured[:, STATISTICS.index("han")] < MIN_HAN] = 0.0
        return np.asarray(np.round(total, 6), np.float64)


def load_text_model(path: str | Path | None = None) -> TextModel:
    """Read the weights from ``path`` or as shipped. Errors: :class:`SourceTypeError`."""
    resource = files("corpus.labels").joinpath("source_type_weights.yaml") if path is None else Path(path)
    try:
        return _text_model(read_yaml(resource.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise SourceTypeError(f"{resource}: not weights for these cues: {error}") from error


def _text_model(table: Mapping[str, Any]) -> TextModel:
    types = tuple(table["types"])
    names = [lexicon.name for lexicon in cue_lexicons()]
    if set(names) != set(table["cues"]):
        raise ValueError(f"cue groups without weights or the reverse: {sorted(set(names) ^ set(table['cues']))}")
    rows = [dict(table["cues"][name]) for name in names]
    dense = np.array(["half_density" in row for row in rows])
    half = np.array([float(row.pop("half_density", None) or row.pop("half_weight")) for row in rows])
    if not (half > 0).all():
        raise ValueError("half_density and half_weight must be positive")
    votes = np.array([_by_type(row, types) for row in rows])
    curves = []
    for name, written in table["statistics"].items():
        row = dict(written)
        knots = np.array(row.pop("at"), np.float64)
        if name not in STATISTICS or not (np.diff(knots) > 0).all():
            raise ValueError(f"{name}: no such statistic, or its places do not ascend")
        blank = [0.0] * len(knots)
        unknown = set(row) - set(types)
        values = np.array([row.get(kind, blank) for kind in types], np.float64).T
        if unknown or values.shape != (len(knots), len(types)):
            raise ValueError(f"{name}: a known type and one vote for each place are needed")
        curves.append(Curve(STATISTICS.index(name), knots, values))
    base = np.array(_by_type(table["base"], types))
    if not all(np.isfinite(part).all() for part in (base, votes, half, *(curve.votes for curve in curves))):
        raise ValueError("a vote is not finite")
    return TextModel(types, base, half, dense, votes, tuple(curves))


def _by_type(row: Mapping[str, Any], types: Sequence[str]) -> list[float]:
    if unknown := set(row) - set(types):
        raise ValueError(f"unknown source types: {sorted(unknown)}")
    return [float(row.get(kind, 0.0)) for kind in types]
