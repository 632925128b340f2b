"""Conditions on documents in SQL: one boolean expression over the columns of a shard, run by DuckDB.

The expression is written by whoever runs the command, but it may come out of a
configuration or a request, and its result must depend on the row alone. So it
runs in a connection that reaches no file, no extension and no setting, and its
syntax tree is searched for whatever would see other rows or another moment:
subqueries, aggregates, windows, ``random()``, ``now()``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import duckdb
import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from corpus.errors import ConfigError

MAX_LENGTH: Final = 10_000
_MEMORY: Final = "1GB"
_POSITION: Final = "wudao_position"
_CLAUSES: Final = ("where_clause", "having", "sample", "qualify", "modifiers", "group_expressions")
_UNSTABLE: Final = (
    "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability IN ('VOLATILE', 'CONSISTENT_WITHIN_QUERY')"
)
_SETTINGS: Final = (
    # The zone decides what year(fetched_at) is.
    "SET TimeZone = 'UTC'",
    f"SET memory_limit = '{_MEMORY}'",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


class Where:
    """A parsed condition. ``columns`` are those of ``schema`` that it reads.

    Raises ConfigError, one sentence, where ``expression`` is not one boolean
    expression over the columns of ``schema``.
    """

    def __init__(self, expression: str, schema: pa.Schema) -> None:
        if len(expression) > MAX_LENGTH:
            raise ConfigError(f"--where: longer than {MAX_LENGTH} characters; name the documents in another way")
        self.expression = expression
        self._connection = _closed_connection()
        tree = self._parsed()
        by_name = {name.casefold(): name for name in schema.names}
        named = {name.casefold() for name in _column_names(tree)}
        self.columns = tuple(by_name[name] for name in sorted(named & set(by_name)))
        self._refuse(tree, named - set(by_name))
        self._check(pa.schema([schema.field(name) for name in self.columns]))

    def _parsed(self) -> Any:
        rows = self._connection.execute("SELECT json_serialize_sql(?)", [f"SELECT {self.expression}\n"]).fetchall()
        tree = orjson.loads(rows[0][0])
        if tree.get("error"):
            why = _sentence(tree.get("error_message", "not an expression"))
            raise ConfigError(f"--where: {why}; a condition is like \"quality > 0.8 AND source_type = 'news'\"")
        statements = tree["statements"]
        node = statements[0]["node"] if len(statements) == 1 else {}
        plain = node.get("type") == "SELECT_NODE" and node["from_table"]["type"] == "EMPTY"
        extra = plain and any(node.get(name) for name in _CLAUSES)
        if not plain or extra or len(node["select_list"]) != 1 or node["select_list"][0].get("alias"):
            raise ConfigError("--where: one boolean expression is wanted, without SELECT, FROM, AS or a semicolon")
        return node["select_list"][0]

    def _refuse(self, tree: Any, unknown_names: set[str]) -> None:
        listed = self._connection.execute(_UNSTABLE).fetchall()
        unstable = {str(name) for (name,) in listed}
        for node in _nodes(tree):
            kind = node.get("class")
            if kind in ("SUBQUERY", "STAR", "WINDOW", "PARAMETER"):
                raise ConfigError(
                    f"--where: a {kind.lower()} is not possible here; the condition sees one row at a time"
                )
            name = node.get("function_name")
            if name in unstable:
                raise ConfigError(f"--where: {name}() gives another value each time; use a constant")
        # CURRENT_DATE and its like are parsed as columns.
        for name in sorted(unknown_names & unstable):
            raise ConfigError(f"--where: {name} gives another value each time; use a constant")

    def _check(self, schema: pa.Schema) -> None:
        empty = schema.empty_table().append_column(_POSITION, pa.array([], pa.int32()))
        self._connection.register("documents", empty)
        try:
            describe = f"DESCRIBE SELECT ({self.expression}\n) FROM documents"  # noqa: S608 - parsed above
            described = self._connection.execute(describe).fetchall()
            self._connection.execute(self._statement).fetchall()
        except duckdb.Error as error:
            raise ConfigError(f"--where: {_sentence(str(error))}") from None
        finally:
            self._connection.unregister("documents")
        if described[0][1] != "BOOLEAN":
            raise ConfigError(f"--where: its value is {described[0][1]}, not true or false; compare it with something")

    @property
    def _statement(self) -> str:
        return f"SELECT {_POSITION} FROM documents WHERE ({self.expression}\n)"  # noqa: S608 - parsed above

    def mask(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        """Return which rows of ``batch`` satisfy the condition; null counts as no.

        Raises ConfigError where a value cannot be computed (a failing cast).
        """
        rows = batch.num_rows
        columns = {name: batch.column(name) for name in self.columns}
        table = pa.table(columns | {_POSITION: pa.array(np.arange(rows, dtype=np.int32))})
        self._connection.register("documents", table)
        try:
            found = self._connection.execute(self._statement).fetchnumpy()[_POSITION]
        except duckdb.Error as error:
            raise ConfigError(f"--where: {_sentence(str(error))}") from None
        finally:
            self._connection.unregister("documents")
        mask = np.zeros(rows, np.bool_)
        mask[np.asarray(found, np.int64)] = True
        return mask


def _closed_connection() -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection = duckdb.connect(":memory:", config=config)
    # Else a name in the expression could reach a Python variable.
    connection.execute("SET python_enable_replacements = false")
    for setting in _SETTINGS:
        connection.execute(setting)
    return connection


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a syntax tree."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _column_names(tree: Any) -> Iterator[str]:
    for node in _nodes(tree):
        if node.get("class") == "COLUMN_REF":
            # "documents.url", "url" and "domains.name" alike: each part may be the column.
            yield from node["column_names"]


def _sentence(message: str) -> str:
    """Return the first line of a DuckDB error, without its kind."""
    line = next((line for line in message.splitlines() if line.strip()), message).strip().rstrip("!.")
    kind, _, rest = line.partition(" Error: ")
    return rest if rest and " " not in kind else line
