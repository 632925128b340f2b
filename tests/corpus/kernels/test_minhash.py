"""The compiled signatures equal their plain-Python definition, and estimate Jaccard as theory says."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.kernels import minhash
from corpus.kernels.minwise import similarities

MASK32, MASK64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
SHINGLE, BANDS, ROWS, BIN_BITS, VALUE_BITS = 5, 16, 7, 10, 2
PERMUTATIONS = BANDS * ROWS
SEEDS = minhash.seeds(SHINGLE, PERMUTATIONS, seed=1)


def mix32(value: int) -> int:
    value = (value ^ value >> 16) * 0x85EBCA6B & MASK32
    value = (value ^ value >> 13) * 0xC2B2AE35 & MASK32
    return value ^ value >> 16


def mix64(value: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & MASK64
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & MASK64
    return value ^ value >> 33


def shingle_hashes(form: str, seeds: minhash.Seeds = SEEDS) -> list[int]:
    multipliers = [int(value) for value in seeds.multipliers]
    size = len(multipliers)
    return [
        mix32(sum(ord(form[start + part]) * multipliers[part] for part in range(size)) & MASK32)
        for start in range(len(form) - size + 1)
    ]


def reference_minima(form: str) -> list[int]:
    hashes = shingle_hashes(form)
    minima = []
    for shifts in SEEDS.shifts.tolist():
        permuted = [
            [(scale * value + shift) & MASK32 for value in hashes]
            for scale, shift in zip(SEEDS.scales.tolist(), shifts, strict=True)
        ]
        minima += [min(values) for values in permuted]
        minima += [min(value ^ MASK32 for value in values) for values in permuted]
    return minima[:PERMUTATIONS]


def reference_bands(minima: list[int]) -> list[int]:
    bands = []
    for band in range(BANDS):
        state = mix64(band + 0x9E3779B97F4A7C15)
        for value in minima[band * ROWS : (band + 1) * ROWS]:
            state = mix64(state ^ value)
        bands.append(state - (1 << 64) if state >> 63 else state)
    return bands


def reference_sketch(form: str) -> bytes:
    smallest: dict[int, int] = {}
    for value in shingle_hashes(form):
        place, low = value >> (32 - BIN_BITS), value & ((1 << (32 - BIN_BITS)) - 1)
        smallest[place] = min(low, smallest.get(place, low))
    size = (1 << BIN_BITS) * VALUE_BITS // 8
    sketch = bytearray(size)
    for place, low in smallest.items():
        code = 1 + ((mix32(low) >> 16) * ((1 << VALUE_BITS) - 1) >> 16)
        sketch[place % size] |= code << (place // size * VALUE_BITS)
    return bytes(sketch)


def murmur3_128(data: bytes) -> tuple[int, int]:
    """MurmurHash3_x64_128 with seed 0, after Appleby's MurmurHash3.cpp."""

    def rotate(value: int, bits: int) -> int:
        return (value << bits | value >> (64 - bits)) & MASK64

    c1, c2 = 0x87C37B91114253D5, 0x4CF5AD432745937F
    h1 = h2 = 0
    whole = len(data) // 16 * 16
    for start in range(0, whole, 16):
        k1 = int.from_bytes(data[start : start + 8], "little")
        k2 = int.from_bytes(data[start + 8 : start + 16], "little")
        h1 ^= rotate(k1 * c1 & MASK64, 31) * c2 & MASK64
        h1 = ((rotate(h1, 27) + h2) * 5 + 0x52DCE729) & MASK64
        h2 ^= rotate(k2 * c2 & MASK64, 33) * c1 & MASK64
        h2 = ((rotate(h2, 31) + h1) * 5 + 0x38495AB5) & MASK64
    tail = data[whole:]
    h2 ^= rotate(int.from_bytes(tail[8:], "little") * c2 & MASK64, 33) * c1 & MASK64
    h1 ^= rotate(int.from_bytes(tail[:8], "little") * c1 & MASK64, 31) * c2 & MASK64
    h1, h2 = h1 ^ len(data), h2 ^ len(data)
    h1 = (h1 + h2) & MASK64
    h2 = (h2 + h1) & MASK64
    h1, h2 = mix64(h1), mix64(h2)
    h1 = (h1 + h2) & MASK64
    return h1, (h2 + h1) & MASK64


class Signed:
    """What the kernel makes of ready hash forms."""

    def __init__(self, forms: list[str], seeds: minhash.Seeds = SEEDS, min_shingles: int = 1) -> None:
        code_points = np.frombuffer("".join(forms).encode("utf-32-le"), dtype=np.uint32)
        offsets = np.concatenate([[0], np.cumsum([len(form) for form in forms])]).astype(np.int64)
        count = len(forms)
        self.minima = np.zeros((count, PERMUTATIONS), dtype=np.uint32)
        self.bands = np.zeros((count, BANDS), dtype=np.int64)
        self.sketches = np.zeros((count, (1 << BIN_BITS) * VALUE_BITS // 8), dtype=np.uint8)
        self.shingles = np.zeros(count, dtype=np.int64)
        self.content = np.zeros((count, 2), dtype=np.uint64)
        minhash.sign(
            code_points, offsets, *seeds, min_shingles, BANDS, ROWS, BIN_BITS,
            self.minima, self.bands, self.sketches, self.shingles,
        )  # fmt: skip
        minhash.content_hashes(code_points, offsets, self.content)


def random_form(rng: random.Random, length: int) -> str:
    return "".join(chr(0x4E00 + rng.randrange(3000)) for _ in range(length))


def jaccard(left: str, right: str) -> float:
    sets = [{form[start : start + SHINGLE] for start in range(len(form) - SHINGLE + 1)} for form in (left, right)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@pytest.mark.parametrize("length", [5, 6, 67, 68, 69, 300, 2051, 2052, 2053, 4200])
def test_signature_equals_reference_across_block_borders(length: int) -> None:
    form = random_form(random.Random(length), length)
    signed = Signed(["前面另一篇文章", form])
    assert signed.shingles[1] == length - SHINGLE + 1
    assert signed.minima[1].tolist() == reference_minima(form)
    assert signed.bands[1].tolist() == reference_bands(reference_minima(form))
    assert signed.sketches[1].tobytes() == reference_sketch(form)


@given(st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_content_hash_is_murmur3_of_utf32(form: str) -> None:
    assert tuple(Signed([form]).content[0].tolist()) == murmur3_128(form.encode("utf-32-le"))


def test_reference_murmur3_gives_the_published_value() -> None:
    h1, h2 = murmur3_128(b"The quick brown fox jumps over the lazy dog")
    assert (h1, h2) == (0xE34BBC7BBC071B6C, 0x7A433CA9C49A9347)


def test_short_documents_get_neither_bands_nor_sketch() -> None:
    signed = Signed(["", "四个汉字", "恰好五个字", "六个汉字的文"], min_shingles=2)
    assert signed.shingles.tolist() == [0, 0, 1, 2]
    assert not signed.bands[:3].any()
    assert not signed.sketches[:3].any()
    assert signed.bands[3].all()


def pairs_of_similarity(rng: random.Random, count: int, length: int, edits: int) -> tuple[list[str], list[str]]:
    left = [random_form(rng, length) for _ in range(count)]
    right = []
    for form in left:
        changed = list(form)
        for place in rng.sample(range(length), edits):
            changed[place] = chr(0x8000 + rng.randrange(3000))
        right.append("".join(changed))
    return left, right


@pytest.mark.parametrize(("length", "edits"), [(80, 2), (80, 5), (600, 10)])
def test_estimates_err_as_theory_says(length: int, edits: int) -> None:
    left, right = pairs_of_similarity(random.Random(length * 31 + edits), 1500, length, edits)
    truth = np.array([jaccard(*pair) for pair in zip(left, right, strict=True)])
    one, other = Signed(left), Signed(right)
    estimates = (one.minima == other.minima).mean(axis=1)
    expected = math.sqrt(float((truth * (1 - truth)).mean()) / one.minima.shape[1])
    error = math.sqrt(float(((estimates - truth) ** 2).mean()))
    assert error == pytest.approx(expected, rel=0.06)  # 1,500 pairs know their own spread to 1.8 %
    assert abs(float((estimates - truth).mean())) < 4 * expected / math.sqrt(len(truth)) + 1e-3


@pytest.mark.parametrize(("length", "edits", "largest"), [(80, 2, 0.013), (600, 10, 0.02), (4000, 60, 0.0185)])
def test_sketch_errs_little(length: int, edits: int, largest: float) -> None:
    left, right = pairs_of_similarity(random.Random(length), 250, length, edits)
    truth = np.array([jaccard(*pair) for pair in zip(left, right, strict=True)])
    estimates = similarities(Signed(left).sketches.view(np.uint64), Signed(right).sketches.view(np.uint64)) / 10_000
    assert math.sqrt(float(((estimates - truth) ** 2).mean())) < largest
    assert abs(float((estimates - truth).mean())) < 0.004


def test_sketch_of_itself_and_of_nothing() -> None:
    sketches = Signed([random_form(random.Random(1), 900), random_form(random.Random(2), 900)]).sketches.view(np.uint64)
    assert similarities(sketches, sketches).tolist() == [10_000, 10_000]
    assert similarities(sketches[:1], sketches[1:])[0] < 600
    assert similarities(np.zeros((1, 32), dtype=np.uint64), np.zeros((1, 32), dtype=np.uint64)).tolist() == [0]


def test_seeds_are_pinned() -> None:
    # Other constants make every stored index useless: raise Sign.version with them.
    assert SEEDS.multipliers.tolist() == [0x4DB6A27B, 0xD944FA03, 0x27F872E5, 0x07F69769, 0xE677FE4B]
    assert int(SEEDS.scales[0]) == 0x0D543DBB
    assert int(SEEDS.shifts[-1, -1]) == 0x442751A6
    assert np.all(SEEDS.scales % 2 == 1)


@pytest.mark.parametrize("permutations", [1, 3, 4, 7, 9])
def test_any_number_of_permutations_gives_as_many_different_values(permutations: int) -> None:
    seeds = minhash.seeds(SHINGLE, permutations, seed=3)
    form = random_form(random.Random(11), 400)
    code_points = np.frombuffer(form.encode("utf-32-le"), dtype=np.uint32)
    minima = np.zeros((1, permutations), dtype=np.uint32)
    minhash.sign(
        code_points, np.array([0, len(form)]), *seeds, 1, 1, permutations, BIN_BITS, minima,
        np.zeros((1, 1), np.int64), np.zeros((1, 256), np.uint8), np.zeros(1, np.int64),
    )  # fmt: skip
    assert len(set(minima[0].tolist())) == permutations
