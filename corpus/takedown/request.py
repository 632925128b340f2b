"""What a take-down request names, and which rows of a batch that is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from corpus.errors import ConfigError
from corpus.takedown.content import Needle
from corpus.takedown.tombstones import Stone, Tombstones, host_stone, url_stone

MIN_KEY_DIGITS = 8
MIN_NAME_FORM = 2  # characters of a name without spaces and punctuation
MIN_ID_FORM = 4
CONTEXT = 40  # characters on each side of a match, enough to tell namesakes apart
SHOWN_MATCHES = 3  # per document
OPENING = 100  # characters shown where the address matched, not the text


class Hit(NamedTuple):
    """Why a row matches: criteria ("url", "host", "doc", "person", "id") and places to look at."""

    why: tuple[str, ...]
    excerpts: tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """Documents that are to go: those that any of the criteria names, less ``keep``.

    Keys are hex digits of a ``doc_key`` or of its beginning. Persons and ids are substrings of text or title,
    compared by hash form: width, script, case, spaces, punctuation do not count.
    """

    urls: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()  # keys of namesakes that stay

    def check(self) -> None:
        """Raise ConfigError for a request that names nothing, or so little that it would name everything."""
        if not (self.urls or self.hosts or self.keys or self.persons or self.ids):
            raise ConfigError("name what is to be removed: --url, --host, --doc, --person or --id")
        for key in (*self.keys, *self.keep):
            if not re.fullmatch(rf"[0-9a-fA-F]{{{MIN_KEY_DIGITS},32}}", key):
                raise ConfigError(
                    f"'{key}': a doc_key is 32 hex digits (its first {MIN_KEY_DIGITS} may do), see wudao inspect"
                )
        for option, values, least in (("--person", self.persons, MIN_NAME_FORM), ("--id", self.ids, MIN_ID_FORM)):
            for value in values:
                if len(Needle(value).form) < least:
                    raise ConfigError(
                        f"{option}: at least {least} letters or digits are needed, or it matches half the corpus"
                    )
        if any(not value.strip() for value in (*self.urls, *self.hosts)):
            raise ConfigError("--url and --host must not be empty")

    @property
    def needs_text(self) -> bool:
        """Whether texts have to be read."""
        return bool(self.persons or self.ids)

    def stones(self) -> set[Stone]:
        """Return the tombstones that follow from the request itself, whatever it finds."""
        return {url_stone(url) for url in self.urls} | {host_stone(host) for host in self.hosts}

    def counts(self) -> dict[str, int]:
        """Return how many criteria of each kind there are: all that a certificate says of them."""
        named = {"url": self.urls, "host": self.hosts, "doc": self.keys, "person": self.persons, "id": self.ids}
        return {name: len(values) for name, values in named.items() if values}


class Matcher:
    """Finds the rows that a request names."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self._urls = Tombstones(frozenset(map(url_stone, request.urls)))
        self._hosts = Tombstones(frozenset(map(host_stone, request.hosts)))
        self._keys = tuple(key.lower() for key in request.keys)
        self._keep = tuple(key.lower() for key in request.keep)
        self._needles = [("person", Needle(name)) for name in request.persons]
        self._needles += [("id", Needle(number)) for number in request.ids]

    def kept(self, key: bytes) -> bool:
        """Whether the request leaves this document where it is."""
        return bool(self._keep) and key.hex().startswith(self._keep)

    def find(self, batch: pa.RecordBatch) -> dict[int, Hit]:
        """Return row -> hit of ``batch``, which has ``doc_key`` and of ``url, host, title, text`` what there is."""
        names = set(batch.schema.names)
        why: dict[int, list[str]] = {}
        needles: dict[int, list[Needle]] = {}

        def add(rows: Any, reason: str) -> None:
            for row in rows:
                reasons = why.setdefault(int(row), [])
                if reason not in reasons:
                    reasons.append(reason)

        if self._urls and "url" in names:
            add(self._urls.mask(batch.select(["url"])).nonzero()[0], "url")
        if self._hosts and "host" in names:
            add(self._hosts.mask(batch.select(["host"])).nonzero()[0], "host")
        if self._keys:
            keys = batch.column("doc_key").to_pylist()
            add((row for row, key in enumerate(keys) if key.hex().startswith(self._keys)), "doc")
        for reason, needle in self._needles:
            for name in ("text", "title"):
                if name in names:
                    rows = needle.rows(batch.column(name))
                    add(rows, reason)
                    for row in rows:
                        needles.setdefault(row, []).append(needle)
        return {
            row: Hit(tuple(why[row]), excerpts(batch, row, needles.get(row, [])))
            for row in sorted(why)
            if not self.kept(batch.column("doc_key")[row].as_py())
        }


def excerpts(batch: pa.RecordBatch, row: int, needles: list[Needle]) -> tuple[str, ...]:
    """Return the surroundings of the first matches in ``row``, or the opening of its text where no text matched."""
    if "text" not in batch.schema.names:
        return ()
    text = batch.column("text")[row].as_py() or ""
    shown: list[str] = []
    for needle in dict.fromkeys(needles):
        for start, end in needle.places(text)[: SHOWN_MATCHES - len(shown)]:
            low, high = max(0, start - CONTEXT), end + CONTEXT
            cut = " ".join(text[low:start].split()) + "【" + text[start:end] + "】" + " ".join(text[end:high].split())
            shown.append(("…" if low else "") + cut + ("…" if high < len(text) else ""))
    if not shown and text:
        shown.append(" ".join(text[:OPENING].split()) + ("…" if len(text) > OPENING else ""))
    return tuple(shown)
