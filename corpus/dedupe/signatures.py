"""Signs documents: hash form, MinHash bands, verification sketch, content hash."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpus.config.dedupe import DedupeSettings
from corpus.dedupe.parameters import BandShape, band_shape
from corpus.kernels import minhash
from corpus.kernels.hash_form import HashForm
from corpus.kernels.minwise import COLLISION, VALUE_BITS

GROUP_BYTES: Final = 1 << 18  # text signed in one go: its hash forms stay in the L2 cache


def sketch_bytes(settings: DedupeSettings) -> int:
    """Bytes of one verification sketch."""
    return settings.sketch_bins * VALUE_BITS // 8


def sketch_standard_error(similarity: float, bins: int) -> float:
    """Standard error of the sketch's estimate where every bin is filled (binomial, widened by chance matches)."""
    chance = similarity + (1.0 - similarity) * COLLISION
    return math.sqrt(chance * (1.0 - chance) / bins) / (1.0 - COLLISION)


@dataclass(frozen=True, slots=True)
class Signatures:
    """Signatures of n documents."""

    minima: NDArray[np.uint32]  # n x permutations; zero rows for texts that are too short
    bands: NDArray[np.int64]  # n x bands
    sketches: NDArray[np.uint8]  # n x sketch bytes
    shingles: NDArray[np.int64]  # n: shingles of the hash form, repeated ones counted
    content: NDArray[np.uint64]  # n x 2: 128-bit content hash
    min_shingles: int

    @property
    def signed(self) -> NDArray[np.bool_]:
        """Which documents are long enough for bands and sketch."""
        return self.shingles >= self.min_shingles


def _groups(offsets: NDArray[np.int64], size: int) -> Iterator[tuple[int, int]]:
    """Yield (first, after last) document of runs of about ``size``, at least one document each."""
    first = 0
    while first < len(offsets) - 1:
        last = int(np.searchsorted(offsets, offsets[first] + size, side="right")) - 1
        after = max(first + 1, last)
        yield first, after
        first = after


class Signer:
    """Makes signatures from texts. Pure; :meth:`load` first."""

    def __init__(self, settings: DedupeSettings) -> None:
        self.shape: BandShape = band_shape(settings)
        self._settings = settings
        self._seeds = minhash.seeds(settings.shingle, self.shape.permutations, settings.seed)
        self._form = HashForm()

    def load(self) -> None:
        """Read the hash-form table and compile or fetch the kernels."""
        self._form.load()
        self.sign_forms(np.zeros(1, dtype=np.uint32), np.zeros(2, dtype=np.int64))

    def _empty(self, documents: int) -> Signatures:
        return Signatures(
            minima=np.zeros((documents, self.shape.permutations), dtype=np.uint32),
            bands=np.zeros((documents, self.shape.bands), dtype=np.int64),
            sketches=np.zeros((documents, sketch_bytes(self._settings)), dtype=np.uint8),
            shingles=np.zeros(documents, dtype=np.int64),
            content=np.zeros((documents, 2), dtype=np.uint64),
            min_shingles=self._settings.min_shingles,
        )

    def _sign_into(
        self, code_points: NDArray[np.uint32], offsets: NDArray[np.int64], out: Signatures, rows: slice
    ) -> None:
        minhash.sign(
            code_points,
            offsets,
            *self._seeds,
            self._settings.min_shingles,
            self.shape.bands,
            self.shape.rows,
            self._settings.sketch_bins.bit_length() - 1,
            out.minima[rows],
            out.bands[rows],
            out.sketches[rows],
            out.shingles[rows],
        )
        minhash.content_hashes(code_points, offsets, out.content[rows])

    def sign_forms(self, code_points: NDArray[np.uint32], offsets: NDArray[np.int64]) -> Signatures:
        """Sign n ready hash forms, form i being ``code_points[offsets[i]:offsets[i + 1]]``."""
        out = self._empty(len(offsets) - 1)
        for first, after in _groups(offsets, GROUP_BYTES // code_points.itemsize):
            self._sign_into(code_points, offsets[first : after + 1], out, slice(first, after))
        return out

    def sign_texts(self, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Signatures:
        """Sign n texts, text i being the UTF-8 ``data[offsets[i]:offsets[i + 1]]``."""
        out = self._empty(len(offsets) - 1)
        for first, after in _groups(offsets, GROUP_BYTES):
            code_points, form_offsets = self._form.of(data, offsets[first : after + 1])
            self._sign_into(code_points, form_offsets, out, slice(first, after))
        return out


def fixed_binary(rows: NDArray[np.generic]) -> pa.Array:
    """Return the rows of an n x m matrix as fixed-size binary values, bytes as they lie in memory."""
    width = rows.shape[1] * rows.dtype.itemsize
    return pa.Array.from_buffers(pa.binary(width), len(rows), [None, pa.py_buffer(np.ascontiguousarray(rows))])


def band_lists(signatures: Signatures) -> pa.Array:
    """Return the bands as list<int64>, empty for texts that are too short."""
    signed = signatures.signed
    offsets = np.zeros(len(signed) + 1, dtype=np.int32)
    np.cumsum(np.where(signed, signatures.bands.shape[1], 0), out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(signatures.bands[signed].reshape(-1)))


def sketch_column(signatures: Signatures) -> pa.Array:
    """Return the sketches as binary, empty for texts that are too short."""
    signed = signatures.signed
    offsets = np.zeros(len(signed) + 1, dtype=np.int32)
    np.cumsum(np.where(signed, signatures.sketches.shape[1], 0), out=offsets[1:])
    data = np.ascontiguousarray(signatures.sketches[signed])
    return pa.Array.from_buffers(pa.binary(), len(signed), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
