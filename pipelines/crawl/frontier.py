"""The frontier: every URL that the crawl knows, as Parquet, one immutable file a round.

Selecting and merging are SQL that runs out of core in DuckDB, so that the
frontier may be larger than memory.
"""

# ruff: noqa: S608 - what is put into statements are numbers, column names and quoted paths of our own

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from corpus.config.crawl import CrawlSettings

# One row a URL. Times are epoch seconds. A task returns new rows for the URLs that it settled: they replace the old.
FRONTIER = pa.schema(
    [
        pa.field("key", pa.binary(), nullable=False),  # pipelines.crawl.urls.PageUrl.key
        pa.field("url", pa.string(), nullable=False),
        pa.field("host", pa.string(), nullable=False),  # with port where it is not the default
        pa.field("kind", pa.string(), nullable=False),  # "page" or "sitemap"
        pa.field("depth", pa.int32(), nullable=False),  # links from a seed
        pa.field("redirects", pa.int32(), nullable=False),  # redirects in a row that led here
        pa.field("via", pa.string()),  # URL of the page that led here
        pa.field("shape", pa.int64(), nullable=False),  # hash of pipelines.crawl.urls.shape
        pa.field("state", pa.string(), nullable=False),  # "queued", "fetched", "failed", "refused"
        pa.field("reason", pa.string()),  # why failed, refused or tried again
        pa.field("tries", pa.int32(), nullable=False),  # failures in a row
        pa.field("due_at", pa.float64(), nullable=False),  # not fetched before
        pa.field("status", pa.int32()),  # of the last response
        pa.field("fetched_at", pa.float64()),  # of the last response
        pa.field("stored_at", pa.float64()),  # WARC-Date of the last response record
        pa.field("digest", pa.string()),  # its WARC-Payload-Digest
        pa.field("etag", pa.string()),
        pa.field("last_modified", pa.string()),
        pa.field("skeleton", pa.int64()),  # hash of the page without digits and white space
    ]
)

# One row an origin (scheme, host, port): what its site asks for, and when its host may be asked again.
SITES = pa.schema(
    [
        pa.field("origin", pa.string(), nullable=False),
        pa.field("host", pa.string(), nullable=False),
        pa.field("robots_status", pa.int32()),  # null: no answer
        pa.field("robots", pa.binary()),  # body of the last robots.txt that was reached
        pa.field("robots_at", pa.float64(), nullable=False),  # last try
        pa.field("unreachable_since", pa.float64()),  # robots.txt has had no answer or 5xx since
        pa.field("tdmrep", pa.binary()),  # empty: there is none; null: not asked for yet
        pa.field("ai_txt", pa.binary()),
        pa.field("not_before", pa.float64(), nullable=False),
        pa.field("pressure", pa.float64(), nullable=False),
    ]
)

_COLUMNS = ", ".join(FRONTIER.names)
_SITE_COLUMNS = ", ".join(SITES.names)


class Frontier:
    """SQL over the files of one round, by path or, with ``remote`` (an fsspec filesystem), URL.

    What does not fit into ``memory_limit`` (DuckDB's notation) spills to ``scratch``.
    """

    def __init__(self, scratch: Path, memory_limit: str, remote: Any = None) -> None:
        self._scratch, self._memory_limit, self._remote = scratch, memory_limit, remote

    @contextmanager
    def _database(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = duckdb.connect()
        try:
            connection.execute(f"SET memory_limit = '{self._memory_limit}'")
            connection.execute(f"SET temp_directory = '{_escaped(str(self._scratch))}'")
            if self._remote is not None:
                connection.register_filesystem(self._remote)
            yield connection
        finally:
            connection.close()

    def select(
        self, frontier: str, sites: str | None, settings: CrawlSettings, now: float, pages_left: int | None
    ) -> pa.Table:
        """Return the rows to fetch in the next round, sorted by host, then in order of fetching.

        Due rows, the best ``host_batch`` of each host (sitemaps first, then by
        depth, then by key), no more than the host's budget leaves, and
        ``pages_left`` in all, taken evenly from the hosts. Hosts that must not
        be asked within this round are left out.
        """
        resting = (
            f"SELECT DISTINCT host FROM {_parquet([sites])} WHERE not_before > {now + settings.round_seconds}"
            if sites
            else "SELECT '' AS host WHERE false"
        )
        limit = "" if pages_left is None else f"LIMIT {max(pages_left, 0)}"
        with self._database() as database:
            return (
                database.sql(
                    f"""
                WITH known AS (SELECT * FROM {_parquet([frontier])}),
                used AS (SELECT host, count(*) AS pages FROM known WHERE fetched_at IS NOT NULL GROUP BY host),
                ranked AS (
                    SELECT known.*, row_number() OVER (
                        PARTITION BY host ORDER BY kind <> 'sitemap', depth, redirects DESC, known.key
                    ) AS place
                    FROM known ANTI JOIN ({resting}) AS resting USING (host)
                    WHERE due_at <= {now}
                ),
                affordable AS (
                    SELECT ranked.* FROM ranked LEFT JOIN used USING (host)
                    WHERE place <= least({settings.host_batch},
                                         {settings.max_pages_per_host} - coalesce(pages, 0)
                                         + CASE WHEN fetched_at IS NULL THEN 0 ELSE {settings.host_batch} END)
                    ORDER BY place, depth, key {limit}
                )
                SELECT {_COLUMNS} FROM affordable ORDER BY host, place
                """
                )
                .to_arrow_table()
                .cast(FRONTIER)
            )

    def merge(
        self, target: str, frontier: str | None, results: Sequence[str], links: Sequence[str], trap_pages: int
    ) -> None:
        """Write the next frontier to ``target``: old rows, replaced by ``results``, and new ones from ``links``.

        A URL that is queued and was found again nearer to a seed takes the
        smaller depth. Queued URLs of a shape of which ``trap_pages`` pages
        differ in digits only are refused.
        """
        empty = f"SELECT {_COLUMNS} FROM empty_frontier"
        with self._database() as database:
            database.register("empty_frontier", FRONTIER.empty_table())
            old = f"SELECT {_COLUMNS} FROM {_parquet([frontier])}" if frontier else empty
            settled = f"SELECT {_COLUMNS} FROM {_parquet(results)}" if results else empty
            found = f"SELECT {_COLUMNS} FROM {_parquet(links)}" if links else empty
            nearer = "least(old.depth, coalesce(nearest.depth, old.depth))"
            depth = f"CASE WHEN old.state = 'queued' THEN {nearer} ELSE old.depth END"
            columns = ", ".join(f"{depth} AS depth" if name == "depth" else f"old.{name}" for name in FRONTIER.names)
            final = ", ".join(
                {
                    "state": "CASE WHEN trapped.shape IS NOT NULL THEN 'refused' ELSE known.state END AS state",
                    "reason": "CASE WHEN trapped.shape IS NOT NULL THEN 'trap_content' ELSE known.reason END AS reason",
                    "due_at": "CASE WHEN trapped.shape IS NOT NULL THEN 'inf'::DOUBLE ELSE known.due_at END AS due_at",
                }.get(name, f"known.{name}")
                for name in FRONTIER.names
            )
            database.execute(
                f"""
                COPY (
                    WITH settled AS ({settled}),
                    nearest AS (
                        SELECT {_COLUMNS} FROM ({found})
                        QUALIFY row_number() OVER (PARTITION BY key ORDER BY depth, redirects, url, via) = 1
                    ),
                    kept AS (SELECT * FROM ({old}) AS before ANTI JOIN settled USING (key)),
                    known AS (
                        SELECT {columns} FROM kept AS old LEFT JOIN nearest USING (key)
                        UNION ALL SELECT {_COLUMNS} FROM settled
                        UNION ALL SELECT {_COLUMNS} FROM nearest
                            ANTI JOIN kept USING (key) ANTI JOIN settled USING (key)
                    ),
                    trapped AS (
                        SELECT DISTINCT host, shape FROM (
                            SELECT host, shape FROM known WHERE skeleton IS NOT NULL
                            GROUP BY host, shape, skeleton HAVING count(*) >= {trap_pages}
                        )
                    )
                    SELECT {final} FROM known LEFT JOIN trapped
                    ON known.host = trapped.host AND known.shape = trapped.shape AND known.state = 'queued'
                    ORDER BY known.host, known.key
                ) TO '{_escaped(target)}' (FORMAT parquet, COMPRESSION zstd)
                """
            )

    def merge_sites(self, target: str, before: str | None, changed: Sequence[str]) -> None:
        """Write the sites to ``target``: the rows before, replaced by the changed ones."""
        with self._database() as database:
            database.register("empty_sites", SITES.empty_table())
            new = f"SELECT * FROM {_parquet(changed)}" if changed else "SELECT * FROM empty_sites"
            old = f"SELECT * FROM {_parquet([before])}" if before else "SELECT * FROM empty_sites"
            database.execute(
                f"""
                COPY (
                    WITH new AS ({new})
                    SELECT {_SITE_COLUMNS} FROM new
                    UNION ALL SELECT {_SITE_COLUMNS} FROM ({old}) AS before ANTI JOIN new USING (origin)
                    ORDER BY origin
                ) TO '{_escaped(target)}' (FORMAT parquet, COMPRESSION zstd)
                """
            )

    def sites_of(self, sites: str | None, groups: Iterable[Sequence[str]]) -> Iterator[pa.Table]:
        """Yield the sites of each group of hosts."""
        with self._database() as database:
            for hosts in groups:
                if sites is None:
                    yield SITES.empty_table()
                    continue
                database.register("wanted", pa.table({"host": pa.array(hosts, pa.string())}))
                found = database.sql(
                    f"SELECT {_SITE_COLUMNS} FROM {_parquet([sites])} SEMI JOIN wanted USING (host) ORDER BY origin"
                )
                yield found.to_arrow_table().cast(SITES)

    def knows(self, frontier: str, keys: Sequence[bytes]) -> bool:
        """Return whether every one of ``keys`` is in the frontier."""
        with self._database() as database:
            database.register("wanted", pa.table({"key": pa.array(keys, pa.binary())}))
            row = database.execute(
                f"SELECT count(DISTINCT key) FROM {_parquet([frontier])} SEMI JOIN wanted USING (key)"
            ).fetchone()
        return row is not None and row[0] == len(set(keys))

    def next_due(self, frontier: str, sites: str | None) -> float | None:
        """Return when the next queued URL falls due, None where none is queued."""
        rest = (
            f"LEFT JOIN (SELECT host, max(not_before) AS rested FROM {_parquet([sites])} GROUP BY host) USING (host)"
            if sites
            else "CROSS JOIN (SELECT 0.0 AS rested)"
        )
        with self._database() as database:
            row = database.execute(
                f"SELECT min(greatest(due_at, coalesce(rested, 0))) FROM {_parquet([frontier])} {rest} "
                "WHERE state = 'queued'"
            ).fetchone()
        return None if row is None or row[0] is None else float(row[0])

    def totals(self, frontier: str) -> dict[str, Any]:
        """Return the number of URLs by state and by reason."""
        with self._database() as database:
            states = database.execute(
                f"SELECT state, count(*) FROM {_parquet([frontier])} GROUP BY state ORDER BY state"
            ).fetchall()
            reasons = database.execute(
                f"SELECT state || ':' || reason, count(*) FROM {_parquet([frontier])} "
                "WHERE reason IS NOT NULL GROUP BY 1 ORDER BY 1"
            ).fetchall()
        return {"states": dict(states), "reasons": dict(reasons)}


def _parquet(paths: Sequence[str | None]) -> str:
    listed = ", ".join(f"'{_escaped(path)}'" for path in paths if path is not None)
    return f"read_parquet([{listed}])"


def _escaped(text: str) -> str:
    return text.replace("'", "''")
