"""What kind of text each row is, as far as a profile's overrides ask: a batch of many rows has few such contexts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from corpus.quality.profile import CONTEXT_FIELDS, UNKNOWN

if TYPE_CHECKING:
    import pyarrow as pa

Context = tuple[frozenset[str], ...]
"""Values by field of ``CONTEXT_FIELDS``; ``{UNKNOWN}`` where a column is missing, null or empty."""

_UNKNOWN = frozenset((UNKNOWN,))


def distinct_contexts(batch: pa.RecordBatch) -> tuple[NDArray[np.int64], list[Context]]:
    """Return each row's index into the list of contexts that occur in ``batch``."""
    index = np.zeros(batch.num_rows, dtype=np.int64)
    fields: list[list[frozenset[str]]] = []
    sizes: list[int] = []
    for name in CONTEXT_FIELDS:
        column = "domains" if name == "domain" else name
        codes, values = np.zeros(batch.num_rows, dtype=np.int64), [_UNKNOWN]
        if column in batch.schema.names and not _is_null(batch.column(column)):
            make = _domains if name == "domain" else _strings
            codes, values = make(batch.column(column))
        index = index * len(values) + codes
        fields.append(values)
        sizes.append(len(values))
    distinct, inverse = np.unique(index, return_inverse=True)
    places = np.unravel_index(distinct, sizes)
    contexts = [
        tuple(values[place] for values, place in zip(fields, row, strict=True)) for row in zip(*places, strict=True)
    ]
    return inverse.reshape(-1), contexts


def _is_null(column: pa.Array) -> bool:
    return bool(column.null_count == len(column))


def _strings(column: pa.Array) -> tuple[NDArray[np.int64], list[frozenset[str]]]:
    """Return (code per row, value per code); code 0 is unknown."""
    encoded = column.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
    return codes, [_UNKNOWN, *(frozenset((value,)) for value in encoded.dictionary.to_pylist())]


def _domains(column: pa.Array) -> tuple[NDArray[np.int64], list[frozenset[str]]]:
    """Return (code per row, set of domains per code) of a list of structs with ``name``."""
    names = column.flatten().field("name").dictionary_encode()
    listed = [*names.dictionary.to_pylist(), None]
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    places = names.indices.fill_null(len(listed) - 1).to_numpy(zero_copy_only=False)
    members = np.zeros((len(column), len(listed)), dtype=bool)
    members[np.repeat(np.arange(len(column)), lengths), places] = True
    packed = np.packbits(members, axis=1)
    rows, codes = np.unique(packed, axis=0, return_inverse=True)
    sets = np.unpackbits(rows, axis=1, count=members.shape[1]).astype(bool)
    values = [frozenset(listed[place] for place in np.flatnonzero(row)) or _UNKNOWN for row in sets]
    return codes.reshape(-1).astype(np.int64), values
