"""A trained judge of quality: fastText over character n-grams, made by ``wudao quality train GOOD BAD``.

An artifact, never trained inside a build: a build that names the same file gets
the same scores.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

GOOD_LABEL = "__label__good"
BAD_LABEL = "__label__bad"
# Quality shows early, and fastText over characters reads 3 MB/s of full text (facts/libraries.md).
HEAD_CHARS = 1_000


def train(good: Iterable[str], bad: Iterable[str], out: str | Path, seed: int = 1) -> Path:
    """Train on texts worth keeping and texts not worth it, write the model to ``out`` and return its path.

    One thread and a fixed seed: the same texts give the same model on the same
    platform. Raises ``ValueError`` where either class has no usable text.
    """
    import fasttext

    labelled = [(GOOD_LABEL, _characters(text)) for text in good] + [(BAD_LABEL, _characters(text)) for text in bad]
    labelled = [(label, characters) for label, characters in labelled if characters]
    missing = {GOOD_LABEL, BAD_LABEL} - {label for label, _ in labelled}
    if missing:
        raise ValueError(f"no text to learn {' and '.join(sorted(missing))} from: both classes need examples")
    random.Random(seed).shuffle(labelled)  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "train.txt"
        source.write_text("".join(f"{label} {characters}\n" for label, characters in labelled), encoding="utf-8")
        model = fasttext.train_supervised(
            input=str(source), dim=32, epoch=8, lr=0.5, wordNgrams=3, minn=0, maxn=0, minCount=2,
            bucket=1 << 18, loss="softmax", thread=1, seed=seed, verbose=0,
        )  # fmt: skip
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save_model(str(path))
    return path


class QualityClassifier:
    """A model written by :func:`train`."""

    def __init__(self, path: str | Path) -> None:
        self._path = path

    def load(self) -> None:
        """Read the model; raises ``ValueError`` where the file is not a quality classifier."""
        import fasttext

        self._model = fasttext.load_model(str(self._path))
        if set(self._model.get_labels()) != {GOOD_LABEL, BAD_LABEL}:
            raise ValueError(f"{self._path}: not a quality classifier (labels {self._model.get_labels()})")

    def probabilities(self, texts: pa.Array) -> NDArray[np.float64]:
        """Return each text's probability of being good, rounded to 1e-4; 0 for a text without characters."""
        import numpy as np

        result = np.zeros(len(texts), dtype=np.float64)
        for row, characters in enumerate(_heads(texts)):
            if characters:
                for probability, label in self._model.f.predict(characters + "\n", 2, 0.0, "strict"):
                    if label == GOOD_LABEL:
                        result[row] = min(probability, 1.0)
        return np.round(result, 4)


def _heads(texts: pa.Array) -> Iterator[str]:
    import pyarrow.compute as pc

    for head in pc.utf8_slice_codeunits(texts, 0, HEAD_CHARS).to_pylist():
        yield _characters(head or "")


def _characters(text: str) -> str:
    """Return the first characters of ``text`` as fastText words: one a character, white space dropped."""
    return " ".join("".join(text[:HEAD_CHARS].split()))
