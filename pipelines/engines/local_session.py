"""The local engine's tables: DuckDB over the signature files of splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from pipelines.engines.duckdb_session import DuckDBSession, quoted
from pipelines.engines.local_copies import local_copies


class LocalSession(DuckDBSession):
    """DuckDB over the files of splits."""

    def register_splits(self, name: str, files: Mapping[int, str], columns: Sequence[str]) -> None:
        """See :class:`pipelines.engines.interface.SplitSession`."""
        files = local_copies(files, self._folder / name)
        ordinals = pa.table(
            {"place": pa.array(range(len(files)), pa.int64()), "ordinal": pa.array(list(files), pa.int32())}
        )
        self.register(f"{name}_files", ordinals)
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in files.values())
        self.view(
            name,
            f"SELECT f.ordinal AS split, {', '.join('s.' + one for one in columns)} "  # noqa: S608 - names of our own
            f"FROM read_parquet([{listed}]) s JOIN {quoted(name + '_files')} f ON s.file_index = f.place",
        )
