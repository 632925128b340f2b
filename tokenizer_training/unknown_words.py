"""Words that the dictionary does not hold: jieba 0.42.1's ``finalseg.cut``, compiled.

A hidden Markov model over characters with the states B (begins a word), E
(ends one), M (inside) and S (a word by itself). The same floating-point
operations in the same order and the same ties (``max`` over tuples: the later
state letter) as the reference.
"""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def is_han(point):  # type: ignore[no-untyped-def]
    return 0x4E00 <= point <= 0x9FD5


@njit(cache=True, nogil=True)
def is_digit(point):  # type: ignore[no-untyped-def]
    return 48 <= point <= 57


@njit(cache=True, nogil=True)
def is_alphanumeric(point):  # type: ignore[no-untyped-def]
    return 48 <= point <= 57 or 65 <= point <= 90 or 97 <= point <= 122


@njit(cache=True, nogil=True)
def _viterbi(points, a, b, hmm_start, transition, emission, back, starts):  # type: ignore[no-untyped-def]
    """finalseg.__cut over the Han characters ``a..b``: mark where words start."""
    vb, ve, vm, vs = 0.0, 0.0, 0.0, 0.0
    e = points[a] - 0x4E00
    vb = hmm_start[0] + emission[e, 0]
    ve = hmm_start[1] + emission[e, 1]
    vm = hmm_start[2] + emission[e, 2]
    vs = hmm_start[3] + emission[e, 3]
    for t in range(a + 1, b):
        e = points[t] - 0x4E00
        # Each state has two predecessors (finalseg.PrevStatus); on a tie the later letter wins.
        p, q = ve + transition[1, 0] + emission[e, 0], vs + transition[3, 0] + emission[e, 0]
        nb, back[t, 0] = (q, 3) if q >= p else (p, 1)
        p, q = vb + transition[0, 1] + emission[e, 1], vm + transition[2, 1] + emission[e, 1]
        ne, back[t, 1] = (q, 2) if q >= p else (p, 0)
        p, q = vb + transition[0, 2] + emission[e, 2], vm + transition[2, 2] + emission[e, 2]
        nm, back[t, 2] = (q, 2) if q >= p else (p, 0)
        p, q = ve + transition[1, 3] + emission[e, 3], vs + transition[3, 3] + emission[e, 3]
        ns, back[t, 3] = (q, 3) if q >= p else (p, 1)
        vb, ve, vm, vs = nb, ne, nm, ns
    y = 3 if vs >= ve else 1
    for t in range(b - 1, a, -1):
        starts[t] = 1 if (y == 0 or y == 3) else 0
        y = back[t, y]
    starts[a] = 1


@njit(cache=True, nogil=True)
def recognise(points, a, b, hmm_start, transition, emission, back, starts):  # type: ignore[no-untyped-def]
    """finalseg.cut over ``a..b``, a run of characters that the dictionary left single."""
    i = a
    while i < b:
        starts[i] = 1
        if is_han(points[i]):
            j = i + 1
            while j < b and is_han(points[j]):
                j += 1
            _viterbi(points, i, j, hmm_start, transition, emission, back, starts)
        elif is_alphanumeric(points[i]):  # [a-zA-Z0-9]+(?:\.\d+)?%?
            j = i + 1
            while j < b and is_alphanumeric(points[j]):
                j += 1
            if j + 1 < b and points[j] == 46 and is_digit(points[j + 1]):
                j += 2
                while j < b and is_digit(points[j]):
                    j += 1
            if j < b and points[j] == 37:
                j += 1
            starts[i + 1 : j] = 0
        else:  # what lies between two matches stays one word
            j = i + 1
            while j < b and not is_han(points[j]) and not is_alphanumeric(points[j]):
                j += 1
            starts[i + 1 : j] = 0
        i = j
