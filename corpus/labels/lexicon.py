"""Lexicons: the weighted terms of each domain, from tab-separated files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np

from corpus.errors import ConfigError
from corpus.labels.folding import fold
from corpus.labels.scan import Channels
from corpus.labels.terms import Terms, build_terms

MAX_WEIGHT = 100
MAX_TERMS = 1_000_000
MAX_FILE_BYTES = 64 << 20


class LexiconError(ConfigError, ValueError):
    """A lexicon file that cannot be read; the message names file, line and remedy."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Folded terms of one domain with their integer weights; negative ones undo a misleading part of a longer word.

    ``flags`` holds conditions on single terms (:mod:`corpus.labels.terms`: head of the document, start of a line).
    """

    name: str
    weights: dict[str, int]
    flags: dict[str, int] = field(default_factory=dict)

    def digest(self) -> str:
        """Return the sha256 of the terms and weights, in hexadecimal."""
        content = "\n".join(f"{term}\t{weight}" for term, weight in sorted(self.weights.items()))
        return hashlib.sha256(content.encode("utf-8")).hexdigest()


def shipped_lexicons() -> tuple[str, ...]:
    """Return the names of the domains whose lexicons come with the package, sorted."""
    folder = files("corpus.labels").joinpath("lexicons")
    return tuple(sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".tsv")))


def load_lexicon(name: str, path: str | Path | None = None) -> Lexicon:
    """Return the lexicon of domain ``name``, from ``path`` or as shipped.

    A file has one ``term<TAB>weight`` a line (weight optional, 3 by default),
    UTF-8, ``#`` starts a comment line. Errors: :class:`LexiconError`.
    """
    if path is None:
        resource = files("corpus.labels").joinpath("lexicons", f"{name}.tsv")
        if not resource.is_file():
            raise LexiconError(f"no lexicon is shipped for {name!r}; shipped: {', '.join(shipped_lexicons())}")
        return parse_lexicon(name, resource.read_text(encoding="utf-8"), f"{name}.tsv")
    file = Path(path)
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise LexiconError(f"{file}: larger than {MAX_FILE_BYTES} bytes")
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LexiconError(f"{file}: cannot be read as UTF-8 text: {error}") from error
    return parse_lexicon(name, content, str(file))


def parse_lexicon(name: str, content: str, origin: str) -> Lexicon:
    """Return the lexicon written in ``content``; ``origin`` stands in error messages."""
    weights: dict[str, int] = {}
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        term, _, weight = line.partition("\t")
        term = fold(term.strip())
        try:
            value = int(weight) if weight.strip() else 3
        except ValueError as error:
            raise LexiconError(f"{origin}, line {number}: the weight is not a whole number: {weight!r}") from error
        if not term or abs(value) > MAX_WEIGHT:
            raise LexiconError(
                f"{origin}, line {number}: a term and a weight from -{MAX_WEIGHT} to {MAX_WEIGHT} are needed"
            )
        if term in weights and weights[term] != value:
            raise LexiconError(f"{origin}, line {number}: {term} stands twice with different weights")
        weights[term] = value
        if len(weights) > MAX_TERMS:
            raise LexiconError(f"{origin}: more than {MAX_TERMS} terms")
    if not weights:
        raise LexiconError(f"{origin}: no terms")
    return Lexicon(name, weights)


def compile_lexicons(lexicons: Sequence[Lexicon]) -> tuple[Terms, Channels]:
    """Return the terms of all lexicons together; channel i collects the weights of ``lexicons[i]``."""
    entries: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for number, lexicon in enumerate(lexicons):
        for term, value in lexicon.weights.items():
            entries.setdefault((term, lexicon.flags.get(term, 0)), []).append((number, value))
    ordered = sorted(entries)
    votes = [vote for key in ordered for vote in entries[key]]
    start = np.zeros(len(ordered) + 1, np.int32)
    np.cumsum([len(entries[key]) for key in ordered], out=start[1:])
    channels = Channels(
        count=len(lexicons),
        start=start,
        channel=np.array([channel for channel, _ in votes], np.int32),
        weight=np.array([weight for _, weight in votes], np.int32),
    )
    return build_terms([term for term, _ in ordered], [flags for _, flags in ordered]), channels
