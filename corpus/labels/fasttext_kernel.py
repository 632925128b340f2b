"""fastText prediction as one compiled pass over an Arrow text column.

A supervised fastText model is linear: it averages the rows of the input matrix
that a text's words and hashed n-grams select and multiplies by the output
matrix. The product of the two matrices is taken once at load (rows x labels
instead of rows x dim), so that a feature costs one look-up and one addition
per label, and nothing but hashes is computed per character. Scores equal
fastText's own to rounding (sums here are float64); hashes follow
``src/dictionary.cc``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.kernels.buffers import text_buffers
from corpus.labels.fasttext_loops import DIGIT, LETTER, SPACE, score_characters, score_whitespace
from corpus.labels.fasttext_model import FastTextModel, read_model
from corpus.labels.folding import BMP, fold_table
from corpus.labels.tokens import SPACES

EOS = b"</s>"
LABEL_PREFIX = b"__label__"
_PRODUCT_ROWS = 1 << 16
_SIGMOID_CELLS, _SIGMOID_RANGE = 512, 8.0

Floats = npt.NDArray[np.float64]


def _token_kinds() -> npt.NDArray[np.uint8]:
    """Return uint8[65536]: the kind of every folded code point."""
    kinds = np.zeros(BMP, np.uint8)
    kinds[list(SPACES)] = SPACE
    kinds[ord("a") : ord("z") + 1] = LETTER
    kinds[ord("0") : ord("9") + 1] = DIGIT
    return kinds


class FastTextScorer:
    """Scores text columns with a fastText model.

    ``tokens`` says how text becomes words: "characters" (:mod:`corpus.labels.tokens`)
    or "whitespace" (fastText's own reading of a line; line breaks count as spaces).
    ``max_tokens`` > 0 reads only so many tokens of a document.
    """

    def __init__(
        self, model: FastTextModel, tokens: Literal["characters", "whitespace"] = "characters", max_tokens: int = 0
    ) -> None:
        if tokens == "characters" and model.maxn > 0:
            raise ValueError("a model over character tokens has no subwords (maxn must be 0)")
        self.labels = [label.removeprefix(LABEL_PREFIX.decode()) for label in model.labels]
        self.loss = model.loss
        self._tokens = tokens
        self._max_tokens = max_tokens
        self._arguments = (model.bucket, max(model.word_ngrams, 1), model.minn, model.maxn)
        self._slots, self._words, self._word_offsets = _word_table(model.words)
        ids = {word: index for index, word in enumerate(model.words)}
        self._eos = (np.uint32(_hash(EOS)), np.int64(ids.get(EOS, -1)))
        self._hash_of, self._word_of = _character_tables(ids)
        padded = np.zeros((-(-len(model.output) // 4) * 4, model.output.shape[1]), np.float64)
        padded[: len(model.output)] = model.output
        self._product = np.empty((len(model.input), len(padded)), np.float32)
        transposed = padded.T
        for start in range(0, len(model.input), _PRODUCT_ROWS):
            self._product[start : start + _PRODUCT_ROWS] = model.input[start : start + _PRODUCT_ROWS] @ transposed

    @classmethod
    def load(
        cls, path: str | Path, tokens: Literal["characters", "whitespace"] = "characters", max_tokens: int = 0
    ) -> FastTextScorer:
        """Read the model in ``path`` (errors: :class:`corpus.labels.fasttext_model.ModelError`)."""
        return cls(read_model(path), tokens, max_tokens)

    def logits(self, column: pa.Array) -> Floats:
        """Return float64[n, labels], the output layer before softmax or sigmoid; zeros where nothing is known."""
        data, offsets = text_buffers(column)
        sums = np.zeros((len(offsets) - 1, self._product.shape[1]), np.float64)
        bucket, word_ngrams, minn, maxn = self._arguments
        if self._tokens == "characters":
            score_characters(
                data, offsets, fold_table(), _KINDS, self._hash_of, self._word_of, self._slots, self._words,
                self._word_offsets, self._product, bucket, word_ngrams, *self._eos, self._max_tokens, sums,
            )  # fmt: skip
        else:
            score_whitespace(
                data, offsets, self._slots, self._words, self._word_offsets, self._product,
                bucket, word_ngrams, minn, maxn, *self._eos, self._max_tokens, sums,
            )  # fmt: skip
        return np.ascontiguousarray(sums[:, : len(self.labels)])

    def scores(self, column: pa.Array) -> Floats:
        """Return float64[n, labels], fastText's probabilities in the order of ``labels``.

        (fastText's ``predict`` adds 1e-5 to each, an artefact of its
        logarithm; its one-vs-all sigmoid comes from a table of 512 cells, so
        does this one.)
        """
        logits = self.logits(column)
        if self.loss == "softmax":
            shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
            return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float64)
        cells = np.arange(_SIGMOID_CELLS + 1) * (2 * _SIGMOID_RANGE) / _SIGMOID_CELLS - _SIGMOID_RANGE
        table = (1.0 / (1.0 + np.exp(-cells))).astype(np.float32)
        clipped = np.clip(logits, -_SIGMOID_RANGE, _SIGMOID_RANGE)
        index = ((clipped + _SIGMOID_RANGE) * _SIGMOID_CELLS / _SIGMOID_RANGE / 2).astype(np.int64)
        inner = table[index].astype(np.float64)
        return np.where(logits < -_SIGMOID_RANGE, 0.0, np.where(logits > _SIGMOID_RANGE, 1.0, inner))


_KINDS = _token_kinds()


def _hash(word: bytes) -> int:
    value = 2166136261
    for byte in word:
        value = ((value ^ (byte | 0xFFFFFF00 if byte >= 0x80 else byte)) * 16777619) & 0xFFFFFFFF
    return value


def _character_tables(ids: dict[bytes, int]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32]]:
    """Return uint32[65536], int32[65536]: hash and word id (-1 unknown) of every character as a word."""
    encoded = [chr(code).encode("utf-8", "surrogatepass") for code in range(BMP)]
    hashes = np.array([_hash(word) for word in encoded], np.uint32)
    return hashes, np.array([ids.get(word, -1) for word in encoded], np.int32)


def _word_table(words: list[bytes]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return an open-addressing table of word ids (-1 empty, size a power of two), and the words' bytes and offsets."""
    size = 1 << max(4, (2 * len(words)).bit_length())
    slots = np.full(size, -1, np.int32)
    for index, word in enumerate(words):
        slot = _hash(word) & (size - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        slots[slot] = index
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(word) for word in words], out=offsets[1:])
    return slots, np.frombuffer(b"".join(words) + b"\0", np.uint8), offsets
