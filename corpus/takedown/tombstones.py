"""Tombstones: 128-bit hashes that keep removed documents, and copies of them, out of later builds.

Kinds and what they match:

* ``url``: every document of an address; ``place``: one part of it (a post of a thread);
* ``host``: every document of a host; ``domain``: of a host and all below it;
* ``key``: one ``doc_key``; ``content``: every text with the same hash form, whatever its address
  (:mod:`corpus.kernels.hash_form`, the hash that exact deduplication uses).

Nothing is stored in clear. The hashes have no key, since a build must know them again: whoever guesses an address
can test the guess. So the file deserves the care of a list of addresses.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from corpus.errors import CorruptionError
from corpus.identity import KEY_BYTES, digest
from corpus.parquet import read_parquet
from corpus.storage import Store
from corpus.takedown.content import content_hashes

NAME = "tombstones.parquet"
REASON = "tombstone"
KINDS = ("url", "place", "host", "domain", "key", "content")
TOMBSTONES = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),  # one of KINDS
        pa.field("hash", pa.binary(KEY_BYTES), nullable=False),
        pa.field("request", pa.string(), nullable=False),  # identity of the certificate; "" where it is not known
    ]
)
Stone = tuple[str, bytes]  # kind, hash


def address_form(url: str) -> str:
    """Return what two spellings of one address share: no scheme, fragment, default port; host in lower case."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return url.strip()
    if not parts.hostname:
        return url.strip()
    shown = f":{port}" if port not in (None, 80, 443) else ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{host_form(parts.hostname)}{shown}{parts.path or '/'}{query}"


def host_form(host: str) -> str:
    """Return a host in lower case without the root's dot."""
    return host.strip().lower().rstrip(".")


def url_stone(url: str) -> Stone:
    """Return the tombstone of every document at ``url``."""
    return "url", digest(b"url", _bytes(address_form(url)))


def place_stone(url: str, part: int) -> Stone:
    """Return the tombstone of part ``part`` of ``url``."""
    return "place", digest(b"place", _bytes(address_form(url)), part.to_bytes(4, "little", signed=True))


def host_stone(host: str) -> Stone:
    """Return the tombstone of ``host``; a leading dot or ``*.`` takes in every host below it."""
    name = host_form(host).removeprefix("*")
    if name.startswith("."):
        return "domain", digest(b"domain", _bytes(name[1:]))
    return "host", digest(b"host", _bytes(name))


@dataclass(frozen=True)
class Tombstones:
    """A set of tombstones. Immutable; :meth:`joined` adds to it."""

    stones: frozenset[Stone] = frozenset()
    requests: tuple[tuple[Stone, str], ...] = ()  # the request of each stone, where it is known
    _arrays: dict[str, pa.Array] = field(default_factory=dict, compare=False, repr=False)

    def __bool__(self) -> bool:
        return bool(self.stones)

    def __len__(self) -> int:
        return len(self.stones)

    @classmethod
    def read(cls, output: Store, extra: str | None = None) -> Tombstones:
        """Return the tombstones of a build's output, with those in file ``extra``.

        Raises CorruptionError for a file that is not a tombstone table, or where ``extra`` is missing.
        """
        found = cls._of(output, NAME, required=False)
        if extra is not None:
            folder, _, name = extra.replace("\\", "/").rpartition("/")
            found = found.joined(cls._of(Store(folder or "."), name, required=True))
        return found

    @classmethod
    def _of(cls, store: Store, name: str, *, required: bool) -> Tombstones:
        try:
            table = read_parquet(store.read_bytes(name)).select(TOMBSTONES.names).cast(TOMBSTONES)
        except FileNotFoundError:
            if required:
                raise CorruptionError(
                    f"{store.path(name)}: no tombstones here; mend `tombstones` in the configuration"
                ) from None
            return cls()
        except (pa.ArrowInvalid, KeyError) as error:
            raise CorruptionError(f"{store.path(name)}: not a table of tombstones ({error}); restore it") from None
        rows = table.to_pylist()
        unknown = {row["kind"] for row in rows} - set(KINDS)
        if unknown:
            raise CorruptionError(
                f"{store.path(name)}: unknown kinds {sorted(unknown)}; was it written by a later version?"
            )
        stones = {(row["kind"], row["hash"]): row["request"] for row in rows}
        return cls(frozenset(stones), tuple(sorted(stones.items())))

    def joined(self, other: Tombstones) -> Tombstones:
        """Return all stones of both; a stone keeps the request that it has here."""
        requests = dict(other.requests) | dict(self.requests)
        return Tombstones(self.stones | other.stones, tuple(sorted(requests.items())))

    def with_stones(self, stones: Iterable[Stone], request: str) -> Tombstones:
        """Return these tombstones and ``stones``, left by ``request``."""
        added = frozenset(stones)
        return self.joined(Tombstones(added, tuple(sorted((stone, request) for stone in added))))

    def to_bytes(self) -> bytes:
        """Return the Parquet file, sorted by kind and hash."""
        requests = dict(self.requests)
        rows = [
            {"kind": kind, "hash": value, "request": requests.get((kind, value), "")}
            for kind, value in sorted(self.stones)
        ]
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema=TOMBSTONES), buffer, compression="zstd")
        return buffer.getvalue()

    def fingerprint(self) -> str:
        """Return 32 hex digits that stand for what is kept out, whoever asked for it."""
        state = hashlib.blake2b(digest_size=KEY_BYTES)
        for kind, value in sorted(self.stones):
            state.update(kind.encode() + value)
        return state.hexdigest()

    def _hashes(self, kind: str) -> pa.Array:
        if kind not in self._arrays:
            values = sorted(value for one, value in self.stones if one == kind)
            self._arrays[kind] = pa.array(values, pa.binary(KEY_BYTES))
        return self._arrays[kind]

    def mask(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        """Return which rows are kept out, by those of ``doc_key, url, part, host, text`` that are there."""
        names = set(batch.schema.names)
        gone = np.zeros(batch.num_rows, bool)
        if "doc_key" in names:
            gone |= self._known("key", batch.column("doc_key"))
        if "text" in names and len(self._hashes("content")):
            gone |= self._known("content", content_hashes(batch.column("text")))
        if "host" in names:
            gone |= self._by_host(batch.column("host"))
        if "url" in names:
            gone |= self._by_url(batch.column("url"), batch.column("part") if "part" in names else None)
        return gone

    def known(self, kind: str, values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        """Return which of ``values`` (binary(16)) are hashes of ``kind`` ("key" or "content")."""
        return pc.is_in(values, value_set=self._hashes(kind))

    def _known(self, kind: str, values: pa.Array) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.known(kind, values).to_numpy(zero_copy_only=False)
        return found

    def _by_host(self, hosts: pa.Array) -> NDArray[np.bool_]:
        if not len(self._hashes("host")) and not len(self._hashes("domain")):
            return np.zeros(len(hosts), bool)
        gone = [host for host in hosts.unique().to_pylist() if host and self._host_gone(host)]
        found: NDArray[np.bool_] = pc.is_in(hosts, value_set=pa.array(gone, hosts.type)).to_numpy(zero_copy_only=False)
        return found

    def _host_gone(self, host: str) -> bool:
        name = host_form(host)
        labels = name.split(".")
        above = (".".join(labels[n:]) for n in range(len(labels)))
        return host_stone(name) in self.stones or any(host_stone(f".{one}") in self.stones for one in above)

    def _by_url(self, urls: pa.Array, parts: pa.Array | None) -> NDArray[np.bool_]:
        gone = np.zeros(len(urls), bool)
        if not len(self._hashes("url")) and not len(self._hashes("place")):
            return gone
        numbers = parts.to_pylist() if parts is not None else [0] * len(urls)
        for row, (url, part) in enumerate(zip(urls.to_pylist(), numbers, strict=True)):
            if url:
                gone[row] = url_stone(url) in self.stones or place_stone(url, part) in self.stones
        return gone


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
