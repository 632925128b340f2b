"""The index that a build leaves, so that later builds need not look at its documents again.

One row for every published document: key, content hash, rank, bands, sketch,
the component it belongs to and the build that published it; some 420 bytes
with 16 bands. It carries the rows of the index that the build itself was made
against, so that one index stands for all builds before.

The promise: a document that an earlier build published is never removed; a new
one is removed if and only if it duplicates one of those or a better new one.
"""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa

from corpus.dedupe.session import Session
from corpus.schema import signatures_schema

_BUILD_NAME: Final = re.compile(r"[A-Za-z0-9._:-]{1,200}")
_SIGNATURE: Final = "doc_key, content_hash, quality, n_chars, bands, signature"


def index_schema(bands: int) -> pa.Schema:
    """Schema of the index: signatures without their place, with component and build."""
    return pa.schema(
        [
            *[field for field in signatures_schema(bands) if field.name != "row"],
            pa.field("component", pa.binary(16), nullable=False),  # decides train/valid, inherited by what joins it
            pa.field("build", pa.string(), nullable=False),  # name of the build that published the document
        ]
    )


def join_earlier(session: Session, new: str, index: str) -> None:
    """Make ``earlier`` and ``signatures`` for :func:`corpus.dedupe.clusters.find_clusters`.

    ``new`` is a table or view of this build's signatures with their splits
    (>= 0), ``index`` one of an index with columns ``file`` (>= 0) and ``row``
    that tell its rows apart. Both must come from the same hashing settings.
    """
    session.view(
        "earlier",
        f"SELECT -1 - file AS split, row, {_SIGNATURE}, component, build FROM {index}",  # noqa: S608 - names of our own
    )
    session.view(
        "signatures",
        f"SELECT split, row, {_SIGNATURE} FROM {new} "  # noqa: S608
        f"UNION ALL SELECT split, row, {_SIGNATURE} FROM earlier",
    )


def index_select(build: str, *, earlier: bool = False) -> str:
    """Return the statement for the index of build ``build``, once ``clusters`` stands, in order of keys.

    With ``earlier``, the rows of the index that it was made against come too.
    Raises ValueError for a name of other than letters, digits and ``._:-``.
    """
    if not _BUILD_NAME.fullmatch(build):
        raise ValueError(f"a build's name may hold letters, digits and ._:- only, not {build!r}")
    rows = (
        f"SELECT {', '.join('s.' + name for name in _SIGNATURE.split(', '))}, "  # noqa: S608 - build is checked above
        f"coalesce(c.component, s.doc_key) AS component, '{build}' AS build "
        "FROM signatures s LEFT JOIN clusters c ON s.split = c.split AND s.row = c.row "
        "WHERE s.split >= 0 AND (c.kind IS NULL OR c.kind = 'keeper')"
    )
    if earlier:
        rows += f" UNION ALL SELECT {_SIGNATURE}, component, build FROM earlier"  # noqa: S608
    return f"SELECT * FROM ({rows}) t ORDER BY doc_key"  # noqa: S608
