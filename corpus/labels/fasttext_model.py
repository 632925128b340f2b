"""Reading of fastText's binary models (version 12, dense matrices), with a budget on every size.

Layout from fastText's own sources (``src/fasttext.cc``, ``args.cc``,
``dictionary.cc``, ``densematrix.cc``, MIT licence): little-endian; magic and
version, arguments, dictionary, input matrix, output matrix.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

MAGIC = 793712314
VERSION = 12
LOSSES = {1: "hs", 2: "ns", 3: "softmax", 4: "ova"}
SUPERVISED = 3
MAX_FILE_BYTES = 4 << 30
MAX_ENTRIES = 20_000_000
MAX_WORD_BYTES = 1 << 16
MAX_LABELS = 10_000


class ModelError(ValueError):
    """A file that is not a fastText model of the kind needed."""


@dataclass(frozen=True, slots=True)
class FastTextModel:
    """A supervised model: ``input`` float32[words + bucket, dim], ``output`` float32[labels, dim]."""

    words: list[bytes]
    labels: list[str]  # as stored, with the prefix "__label__"
    bucket: int
    word_ngrams: int
    minn: int
    maxn: int
    loss: str  # "softmax" or "ova"
    input: npt.NDArray[np.float32]
    output: npt.NDArray[np.float32]


def _unpack(stream: BinaryIO, layout: str) -> tuple[int, ...]:
    size = struct.calcsize("<" + layout)
    data = stream.read(size)
    if len(data) != size:
        raise ModelError("the file ends early")
    return struct.unpack("<" + layout, data)


def _matrix(stream: BinaryIO, budget: int) -> npt.NDArray[np.float32]:
    rows, columns = _unpack(stream, "qq")
    if rows < 0 or columns < 1 or rows * columns * 4 > budget:
        raise ModelError(f"a matrix of {rows} x {columns} exceeds the file")
    data = stream.read(rows * columns * 4)
    if len(data) != rows * columns * 4:
        raise ModelError("the file ends inside a matrix")
    matrix = np.frombuffer(data, np.dtype("<f4")).reshape(rows, columns)
    if not np.isfinite(matrix).all():
        raise ModelError("a matrix holds values that are not finite")
    return matrix


def _word(stream: BinaryIO) -> bytes:
    letters = bytearray()
    while True:
        byte = stream.read(1)
        if not byte:
            raise ModelError("the file ends inside the dictionary")
        if byte == b"\0":
            return bytes(letters)
        letters += byte
        if len(letters) > MAX_WORD_BYTES:
            raise ModelError("a dictionary entry is too long")


def read_model(path: str | Path) -> FastTextModel:
    """Return the supervised model in ``path``.

    Errors: :class:`ModelError` for anything but a dense, supervised softmax or
    one-vs-all model of version 12 (quantised ``.ftz`` files and hierarchical
    softmax are refused); ``OSError``.
    """
    size = Path(path).stat().st_size
    if size > MAX_FILE_BYTES:
        raise ModelError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
    with open(path, "rb") as stream:
        magic, version = _unpack(stream, "ii")
        if magic != MAGIC or version != VERSION:
            raise ModelError(f"{path}: not a fastText model of version {VERSION}")
        dim, _, _, _, _, word_ngrams, loss, kind, bucket, minn, maxn, _, _ = _unpack(stream, "12id")
        if kind != SUPERVISED or LOSSES.get(loss) not in ("softmax", "ova"):
            raise ModelError(f"{path}: a supervised model with loss softmax or ova is needed")
        if not 0 <= word_ngrams <= 16 or not 0 <= minn <= 64 or not 0 <= maxn <= 64 or bucket < 0:
            raise ModelError(f"{path}: arguments out of range")
        entries, nwords, nlabels, _, pruned = _unpack(stream, "iiiqq")
        if not 0 <= nwords <= MAX_ENTRIES or not 1 <= nlabels <= MAX_LABELS or entries != nwords + nlabels:
            raise ModelError(f"{path}: dictionary sizes out of range")
        if pruned >= 0:
            raise ModelError(f"{path}: pruned models are not read")
        names: list[bytes] = []
        for index in range(entries):
            names.append(_word(stream))
            _, kind_of_entry = _unpack(stream, "qb")
            if kind_of_entry != (0 if index < nwords else 1):
                raise ModelError(f"{path}: words and labels are mixed")
        (quantised,) = _unpack(stream, "b")
        if quantised:
            raise ModelError(f"{path}: quantised models are not read")
        matrix = _matrix(stream, size)
        (quantised_output,) = _unpack(stream, "b")
        if quantised_output:
            raise ModelError(f"{path}: quantised models are not read")
        output = _matrix(stream, size)
    if matrix.shape != (nwords + bucket, dim) or output.shape != (nlabels, dim):
        raise ModelError(f"{path}: matrices of the wrong shape")
    labels = [name.decode("utf-8", "replace") for name in names[nwords:]]
    return FastTextModel(names[:nwords], labels, bucket, word_ngrams, minn, maxn, LOSSES[loss], matrix, output)
