"""Pages for the tests of duplicate detection, and their signatures."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from corpus.config.dedupe import DedupeSettings
from corpus.schema import signatures_schema
from corpus.steps.sign import Sign

Row = dict[str, Any]
Find = Callable[..., list[Row]]


@dataclass
class Page:
    """A document for the tests; ``key`` is padded to 16 bytes."""

    key: bytes
    text: str
    quality: float = 0.5
    split: int = 0

    @property
    def doc_key(self) -> bytes:
        """The 16 bytes of the key."""
        return self.key.ljust(16, b"\0")


def chinese(rng: random.Random, length: int) -> str:
    """Random common characters: no two of these texts are near."""
    return "".join(chr(0x4E00 + rng.randrange(3000)) for _ in range(length))


def edited(rng: random.Random, text: str, share: float) -> str:
    """Replace ``share`` of the characters, at least one."""
    characters = list(text)
    for place in rng.sample(range(len(text)), max(1, round(share * len(text)))):
        characters[place] = chr(0x8000 + rng.randrange(3000))
    return "".join(characters)


@dataclass
class Signing:
    """Signs pages, one batch per split."""

    step: Sign
    settings: DedupeSettings

    def table(self, pages: list[Page]) -> pa.Table:
        """Return the signatures of ``pages`` with their splits; rows count within a split."""
        tables = []
        for split in sorted({page.split for page in pages}):
            own = [page for page in pages if page.split == split]
            batch = pa.record_batch(
                {
                    "doc_key": pa.array([page.doc_key for page in own], pa.binary(16)),
                    "text": pa.array([page.text for page in own], pa.large_string()),
                    "quality": pa.array([page.quality for page in own], pa.float32()),
                    "n_chars": pa.array([len(page.text) for page in own], pa.int32()),
                }
            )
            signed = pa.Table.from_batches([self.step.signatures(batch, 0)])
            tables.append(signed.add_column(0, "split", pa.array([split] * len(own), pa.int32())))
        empty = signatures_schema(1).empty_table().add_column(0, "split", pa.array([], pa.int32()))
        return pa.concat_tables(tables) if tables else empty
