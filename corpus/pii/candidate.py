"""What a validator receives and returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Candidate(NamedTuple):
    """A match of a recogniser's expression, before it is believed.

    ``start`` and ``end`` are code points of ``text``, which is the shadow text (see :mod:`corpus.pii.shadow`):
    ASCII digits and letters, no zero-width characters.
    """

    text: str  # the whole shadow text
    start: int
    end: int
    score: float  # 0..1: the pattern's score; a validator may raise or lower it
    cued: bool  # a positive context cue lies in the window and nearer than any negative one

    @property
    def value(self) -> str:
        """The matched text."""
        return self.text[self.start : self.end]


Validator = Callable[[Candidate], Candidate | None]
"""Returns the candidate (perhaps with another span or score) or None where it is no such thing."""
