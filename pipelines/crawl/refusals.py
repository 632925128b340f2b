"""References that were not followed: how many for each reason, with some of them as examples."""

from __future__ import annotations

from typing import Any

MAX_EXAMPLES = 10  # for each reason
MAX_URL = 300  # characters of an example: a data: URL may hold a whole image

Counts = dict[str, dict[str, Any]]  # reason -> {"links": number, "examples": [[reference, URL of its page], ...]}


class Refusals:
    """Counts references of pages, sitemaps, robots.txt and redirects. One that stands on two pages counts twice."""

    def __init__(self) -> None:
        self._counts: Counts = {}

    def add(self, reason: str, reference: str, via: str) -> None:
        """Count ``reference``, found at URL ``via``."""
        self.merge({reason: {"links": 1, "examples": [[reference[:MAX_URL], via[:MAX_URL]]]}})

    def merge(self, counts: Counts) -> None:
        """Add what :meth:`counts` of others gave; the first examples stay."""
        for reason, more in counts.items():
            mine = self._counts.setdefault(reason, {"links": 0, "examples": []})
            mine["links"] += more["links"]
            for example in more["examples"]:
                if len(mine["examples"]) < MAX_EXAMPLES and example not in mine["examples"]:
                    mine["examples"].append(example)

    def counts(self) -> Counts:
        """Return the counts, reasons sorted."""
        return {reason: self._counts[reason] for reason in sorted(self._counts)}

    def take(self) -> Counts:
        """Return the counts and begin anew."""
        taken, self._counts = self.counts(), {}
        return taken
