"""Which charset a body is in, by what its characters would cost in each."""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus.kernels.encoding import LAYOUT_ALPHABET, WALK_FIELDS, walk

UNITS_PER_BIT = 16
ASCII_BITS = 5
# Running text costs 8 to 11 bits a character under its own model, CJK text under another's more than 14.
FAMILIAR_BITS = 12.0
# Characters at which a familiar reading leaves no room for another charset.
_CERTAIN_CHARACTERS = 32
# What a charset costs before a byte is read. The crawls are for Chinese: odds of 32 to 1 against Japanese and Korean,
# and a title of two hanzi must not turn Greek. Western letters stand alone among ASCII and need no handicap.
_NEIGHBOUR_BITS = 5.0
_FOREIGN_BITS = 12.0
_PRIORS = {"cp932": _NEIGHBOUR_BITS, "euc_jp": _NEIGHBOUR_BITS, "cp949": _NEIGHBOUR_BITS, "johab": _FOREIGN_BITS}


class Reading(NamedTuple):
    """What a body is when read as ``codec``."""

    codec: str
    bits: float  # cost of the whole sample under the model of the codec's languages, and of choosing the codec
    characters: int  # that are not ASCII
    broken: int  # bytes that begin no character
    per_character: float  # bits for each character that is not ASCII

    @property
    def certain(self) -> bool:
        """Whether the body is plain running text in this charset."""
        return not self.broken and self.characters >= _CERTAIN_CHARACTERS and self.per_character <= FAMILIAR_BITS

    def tolerable(self, error_share: float) -> bool:
        """Return whether so few bytes are broken that the body is taken for damaged, not for something else.

        One broken place among at least four characters is always tolerated.
        """
        return self.broken <= max(error_share * self.characters, 1.0 if self.characters >= 4 else 0.0)


class CharsetStatistics:
    """The cost tables of the candidate charsets (see :mod:`corpus.charset.build_tables`)."""

    def __init__(self, sample_bytes: int) -> None:
        """``sample_bytes``: how much of a body is read to compare charsets."""
        self.sample_bytes = sample_bytes

    def load(self) -> None:
        """Load the tables from the package."""
        with (files("corpus.charset") / "costs.npz").open("rb") as file, np.load(file) as arrays:
            self.codecs = [str(codec) for codec in arrays["codecs"]]
            self._single = arrays["single"]
            self._layouts = arrays["layouts"].tolist()
            double = arrays["double"]
        self._n_multibyte = len(double)
        none = np.zeros_like(double[0])
        self._double = [*double, *[none] * (len(self.codecs) - len(double))]

    def sample(self, body: bytes) -> npt.NDArray[np.uint8]:
        """Return the part of ``body`` that is read: ``sample_bytes`` from its first byte beyond ASCII on."""
        data = np.frombuffer(body, dtype=np.uint8)
        start = int(np.argmax(data >= 0x80)) if len(data) else 0
        return data[start : start + self.sample_bytes]

    def reading(self, sample: npt.NDArray[np.uint8], codec: str) -> Reading | None:
        """Return the reading of ``sample`` as ``codec``, None for a codec that has no table."""
        if codec not in self.codecs:
            return None
        index = self.codecs.index(codec)
        found = np.zeros(WALK_FIELDS, dtype=np.int64)
        walk(sample, self._single[index], self._double[index], self._layouts[index], found)
        cost, characters, broken, ascii_characters = found.tolist()
        prior = _PRIORS.get(codec, _FOREIGN_BITS if self._layouts[index] == LAYOUT_ALPHABET else 0.0)
        beyond_ascii = cost - ascii_characters * ASCII_BITS * UNITS_PER_BIT
        return Reading(
            codec, cost / UNITS_PER_BIT + prior, characters, broken, beyond_ascii / UNITS_PER_BIT / max(characters, 1)
        )

    def readings(self, sample: npt.NDArray[np.uint8]) -> list[Reading]:
        """Return a reading of ``sample`` in the candidate charsets, the cheapest first, ties in the tables' order.

        Alphabets are left out where an East Asian reading is beyond doubt.
        """
        readings = []
        certain = False
        for index, codec in enumerate(self.codecs):
            if certain and index >= self._n_multibyte:
                break
            reading = self.reading(sample, codec)
            if reading is not None:
                readings.append(reading)
                certain |= reading.certain and index < self._n_multibyte
        return sorted(readings, key=lambda reading: reading.bits)
