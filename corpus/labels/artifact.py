"""The domain labeller as an artifact: a folder with ``model.bin`` (fastText) and ``meta.json``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.errors import ConfigError
from corpus.labels.digest import file_digest
from corpus.labels.domains import Floats
from corpus.labels.fasttext_kernel import FastTextScorer

FORMAT = 1
NONE = "none"  # the label of documents that belong to no domain


class ArtifactError(ConfigError, ValueError):
    """A folder that is not a domain labeller."""


@dataclass(frozen=True, slots=True)
class Combination:
    """Log-odds of one domain: ``lexicon`` x the lexicon's + ``model`` x the model's + ``intercept``."""

    lexicon: float
    model: float
    intercept: float


def write_artifact(
    folder: Path, combination: Mapping[str, Combination], max_tokens: int, facts: Mapping[str, Any]
) -> None:
    """Write ``meta.json`` beside the ``model.bin`` that lies in ``folder``; ``facts`` say how the model was made."""
    meta = {
        "format": FORMAT,
        "tokens": "characters",
        "max_tokens": max_tokens,
        "sha256": {"model.bin": file_digest(folder / "model.bin")},
        "combination": {
            name: [round(part, 6) for part in (row.lexicon, row.model, row.intercept)]
            for name, row in sorted(combination.items())
        },
        **facts,
    }
    text = json.dumps(meta, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "meta.json").write_text(text + "\n", encoding="utf-8")


class DomainModel:
    """A loaded artifact. Errors: :class:`ArtifactError` for a damaged or foreign folder."""

    def __init__(self, folder: str | Path) -> None:
        path = Path(folder)
        try:
            meta = json.loads((path / "meta.json").read_text(encoding="utf-8"))
            if meta["format"] != FORMAT or meta["tokens"] != "characters":
                raise ArtifactError(f"{path}: written in another format; train it again")
            self.combination = {name: Combination(*map(float, row)) for name, row in meta["combination"].items()}
            max_tokens, digest = int(meta["max_tokens"]), meta["sha256"]["model.bin"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            why = getattr(error, "strerror", None) or error
            raise ArtifactError(f"{path}: not a domain labeller ({why}); train one: `wudao labels --help`") from error
        if file_digest(path / "model.bin") != digest:
            raise ArtifactError(f"{path}: model.bin is not the file that meta.json names")
        self.meta: dict[str, Any] = meta
        self._scorer = FastTextScorer.load(path / "model.bin", "characters", max_tokens)
        missing = set(self.combination) - set(self._scorer.labels)
        values = [part for row in self.combination.values() for part in (row.lexicon, row.model, row.intercept)]
        if missing or not all(map(math.isfinite, values)):
            raise ArtifactError(
                f"{path}: meta.json and model.bin disagree about {', '.join(sorted(missing)) or 'numbers'}"
            )

    def model_logits(self, texts: pa.Array, names: tuple[str, ...]) -> Floats:
        """Return float64[n, names], the model's own log-odds; 0 for a name that the model does not know."""
        found = self._scorer.logits(texts)
        if self._scorer.loss == "softmax":
            raise ArtifactError("a domain labeller needs the loss ova")
        result = np.zeros((len(found), len(names)), np.float64)
        for index, name in enumerate(names):
            if name in self._scorer.labels:
                result[:, index] = found[:, self._scorer.labels.index(name)]
        return result

    def combine(self, lexicon_logits: Floats, texts: pa.Array, names: tuple[str, ...]) -> Floats:
        """Return float64[n, names]: the combined log-odds; the lexicon's alone for domains the model does not know."""
        own = self.model_logits(texts, names)
        combined = lexicon_logits.copy()
        for index, name in enumerate(names):
            row = self.combination.get(name)
            if row is not None:
                combined[:, index] = row.lexicon * lexicon_logits[:, index] + row.model * own[:, index] + row.intercept
        return combined
