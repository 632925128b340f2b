"""Arrow string and binary columns as numpy arrays, without copying."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]


def text_buffers(column: pa.Array) -> tuple[Bytes, Offsets]:
    """Return ``(data, offsets)``: value ``i`` of ``column`` is ``data[offsets[i] : offsets[i + 1]]``.

    ``column`` is a (large) string or (large) binary array, sliced or not; a
    null counts as empty (Arrow writes it so). ``data`` is a view.
    """
    wide = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    _, offset_buffer, data_buffer = column.buffers()
    width = np.dtype(np.int64 if wide else np.int32)
    if offset_buffer is None or offset_buffer.size == 0:
        return np.empty(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    offsets = np.frombuffer(offset_buffer, dtype=width, count=len(column) + 1, offset=column.offset * width.itemsize)
    data = np.empty(0, dtype=np.uint8) if data_buffer is None else np.frombuffer(data_buffer, dtype=np.uint8)
    return data, offsets.astype(np.int64, copy=False)


def large_string_array(data: Bytes, offsets: Offsets, validity: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Return a large_string array over ``data``, which must be UTF-8 (not checked), without copying."""
    mask = None
    if validity is not None and not validity.all():
        mask = pa.py_buffer(np.packbits(validity, bitorder="little"))
    buffers = [mask, pa.py_buffer(offsets.astype(np.int64, copy=False)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers)


def view_of(data: Bytes) -> memoryview:
    """Return ``data`` as a memoryview, whose slices copy nothing."""
    view: memoryview = data.data
    return view
