"""Duplicates by kind, sizes of clusters, how alike near-duplicates are, the biggest clusters."""

from __future__ import annotations

from typing import Final

import numpy as np

from corpus.report.charts import Bar, Histogram, bars, draw, table
from corpus.report.gather import Facts
from corpus.report.markup import Html, data, element, link, number
from corpus.report.rules import reason
from corpus.report.sections.composition import sampled
from corpus.report.sections.frame import label, note, section

SIZES: Final = (
    (1, "1"), (2, "2"), (3, "3"), (4, "4"), (5, "5 to 9"), (10, "10 to 19"), (20, "20 to 49"), (50, "50 to 99"),
    (100, "100 to 999"), (1000, "1,000 and more"),
)  # fmt: skip


def duplicates(facts: Facts) -> Html | None:
    """Return what is known of duplicates; None where neither the funnel nor the rows tell of any."""
    counts = {kind: count for kind, count in facts.funnel.get("duplicates", {}).items() if count}
    sizes = facts.rows.numbers.get("cluster_size", np.empty(0, np.float32))
    if not counts and not (sizes > 1).any():
        return None
    parts: list[Html | None] = []
    if counts:
        ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        rows = [
            Bar(label("duplicates", kind), count, reason("duplicates", kind), kind="duplicate")
            for kind, count in ordered
        ]
        parts.append(bars(rows, facts.funnel["documents"], ("kind", "documents"), "what it means"))
        if facts.removals.of_earlier:
            parts.append(
                note(f"{number(facts.removals.of_earlier)} are duplicates of what an earlier build published.")
            )
    parts.append(element("div", _sizes(facts), _similarities(facts), class_="columns"))
    parts.append(_largest(facts))
    return section("duplicates", "Duplicates", "重复", parts)


def _sizes(facts: Facts) -> Html | None:
    sizes = facts.rows.numbers.get("cluster_size")
    if sizes is None:
        return None
    borders = [first for first, _ in SIZES] + [np.inf]
    found = np.histogram(sizes, borders)[0].tolist()
    rows = [Bar(name, count) for (_, name), count in zip(SIZES, found, strict=True) if count]
    heading = element("h3", "Documents that a published one stands for, itself included", sampled(facts))
    return element("div", heading, bars(rows, len(sizes), ("", "documents")), class_="block")


def _similarities(facts: Facts) -> Html | None:
    similarities = facts.removals.similarities
    threshold = facts.summary.get("config", {}).get("dedupe", {}).get("threshold")
    if not len(similarities):
        return None
    low = min(float(similarities.min()), threshold or 1.0)
    low = np.floor(low * 20) / 20
    edges = np.linspace(min(low, 0.95), 1.0, 41)
    counts = np.histogram(similarities.astype(np.float64), edges)[0].astype(np.int64)
    mark = (float(threshold), f"threshold {threshold:g}") if threshold is not None else None
    complete = "" if "duplicates" in facts.removals.complete else ", of a sample"
    title = f"similarity of near-duplicates to what was kept{complete}"
    return element("div", draw(Histogram(title, edges.tolist(), counts, mark=mark)), class_="block")


def _largest(facts: Facts) -> Html | None:
    rows = [
        [
            number(one.cluster_size),
            element("span", data(one.title or "without title", 80), element("br"), link(one.url)),
            element("code", one.place.key.hex()),
        ]
        for one in facts.rows.largest
    ]
    if not rows:
        return None
    heading = element("h3", "Biggest clusters", sampled(facts))
    return element("div", heading, table(("documents", "the one that was kept", "doc_key"), rows, (0,)))
