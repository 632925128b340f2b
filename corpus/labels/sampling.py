"""A sample that depends on the documents alone: not on their order, their batching or the number of workers."""

from __future__ import annotations

import hashlib
import heapq
from collections import defaultdict
from collections.abc import Hashable
from typing import NamedTuple


class Entry(NamedTuple):
    """A sampled document: its group (source, host), the hash that decided, its text."""

    group: Hashable
    rank: bytes
    text: str


def text_rank(text: str) -> bytes:
    """Return the 8 bytes by which documents are drawn: a hash of the text itself."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, person=b"wudao-label").digest()


class DiverseSample:
    """Keeps ``size`` documents, spread over groups: the first of every group, then the second of every group, ...

    Within a group the smallest hashes come first, equal texts once. Which
    documents survive does not depend on the order of :meth:`add`: an entry's
    place can only grow worse as others arrive, so dropping what lies beyond
    ``size`` is final. Memory: at most ``5 * size`` texts.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: list[Entry] = []
        self._seen: set[tuple[Hashable, bytes]] = set()

    def add(self, entry: Entry) -> None:
        """Offer one document."""
        key = (entry.group, entry.rank)
        if key in self._seen:
            return
        self._seen.add(key)
        self._entries.append(entry)
        if len(self._entries) >= 5 * self._size:
            self._prune()

    def _prune(self) -> None:
        groups: dict[Hashable, list[Entry]] = defaultdict(list)
        for entry in self._entries:
            groups[entry.group].append(entry)
        keyed = []
        for members in groups.values():
            members.sort(key=lambda entry: entry.rank)
            keyed += [(place, entry.rank, str(entry.group), entry) for place, entry in enumerate(members)]
        self._entries = [entry for *_, entry in heapq.nsmallest(self._size, keyed, key=lambda item: item[:3])]
        self._seen = {(entry.group, entry.rank) for entry in self._entries}

    def entries(self) -> list[Entry]:
        """Return the sample, sorted by hash."""
        self._prune()
        return sorted(self._entries, key=lambda entry: (entry.rank, str(entry.group)))
