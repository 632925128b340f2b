"""Counts over the units of one document: equal characters, function characters and their order."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpus.kernels import text_counts as tc
from corpus.kernels.text_counts import Tables

PARTED = -0x80000000  # sign bit of a unit before which something other than a unit stands
_CODE = 0x7FFFFFFF
OTHERS = 0x10000  # place of all units that are no character of the basic plane
PLACES = OTHERS + 1


@njit(cache=True, nogil=True)
def count_units(
    units: NDArray[np.int32], n_units: int, tables: Tables, seen: NDArray[np.int32], row: NDArray[np.int64]
) -> None:
    """Count ``units[:n_units]`` into ``row`` and take the sign bit off them.

    ``seen`` [PLACES] is all zero before and after.
    """
    function_index, unlikely = tables.function_index, tables.unlikely
    functions = 0
    function = 0  # number of the function character directly before, 0 none
    improbable = 0
    collisions = 0
    distinct = 0
    for i in range(n_units):
        unit = int(np.int64(units[i]))
        code = unit & _CODE
        units[i] = code
        place = np.uint64(min(code, OTHERS))
        mark = int(np.int64(seen[place]))
        seen[place] = mark + 1
        distinct += mark == 0
        collisions += 2 * mark
        follower = int(np.int64(function_index[place]))
        functions += follower != 0
        improbable += int(np.int64(unlikely[np.uint64(function if unit >= 0 else 0), np.uint64(follower)]))
        function = follower
    others = int(np.int64(seen[OTHERS]))
    row[tc.FUNCTION] = functions
    row[tc.UNLIKELY] = improbable
    row[tc.COLLISIONS] = collisions - others * (others - 1)
    row[tc.DISTINCT_WORDS] = distinct - (others > 0)
    for i in range(n_units):
        seen[np.uint64(min(int(np.int64(units[i])), OTHERS))] = 0
