"""Cohesion tables for the quality benchmark, each learnt from sources other than those it judges.

Sources whose names begin alike (two sets of abstracts, five of finance) are one
family, and a family is judged as a whole by a table that saw none of it. That
is harder than in use, where a table is learnt from a sample of the corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from corpus.quality.cohesion import draw, learn, write_table

FOLDS = 5
DOCUMENTS = 30_000  # as `wudao quality cohesion` takes by default


def fold_of(names: Sequence[str]) -> dict[str, int]:
    """Return each source's fold; families are dealt out in the order of their names."""
    families = sorted({name.split("_")[0] for name in names})
    return {name: families.index(name.split("_")[0]) % FOLDS for name in names}


def learn_tables(
    names: Sequence[str], folds: Mapping[str, int], read: Callable[[str], Sequence[str]], folder: Path
) -> list[Path]:
    """Write one table a fold to ``folder``, learnt from the texts that ``read`` gives for the sources of the others."""
    texts = {name: read(name) for name in names}
    paths = []
    for fold in range(FOLDS):
        seen = ((name, text) for name in names if folds[name] != fold for text in texts[name])
        table = learn(pa.array(draw(seen, DOCUMENTS), pa.large_string()))
        paths.append(folder / f"cohesion-{fold}.npz")
        write_table(table, paths[-1])
    return paths


def texts_by_fold(texts: Mapping[str, Sequence[str]], folds: Mapping[str, int] | None) -> list[list[str]]:
    """Return the texts of each fold's sources; all of them in one list where there are no folds."""
    if folds is None:
        return [[text for part in texts.values() for text in part]]
    return [[text for name, part in texts.items() if folds[name] == fold for text in part] for fold in range(FOLDS)]
