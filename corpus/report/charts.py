"""Bars and histograms as markup: HTML tables with bars, inline SVG; colours come from the style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from corpus.report.markup import Child, Html, element, number, share

WIDTH: Final = 420
HEIGHT: Final = 190
LEFT, RIGHT, TOP, BOTTOM = 8, 8, 18, 26
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Bar:
    """One line of a table of bars."""

    label: Child
    count: int
    note: Child = None
    depth: int = 0
    kind: str = "kept"  # class of the bar: kept, dropped, skipped, duplicate, quarantined, whole


def bars(rows: Sequence[Bar], whole: int, head: tuple[str, str], notes: str | None = None) -> Html:
    """Return a table of ``rows`` with bars as shares of ``whole``; ``notes`` is the head of a column of notes."""
    widest = max((row.count for row in rows), default=0)
    scale = max(whole, widest, 1)
    body = [
        element(
            "tr",
            element("th", row.label, scope="row", class_=f"depth{row.depth}{' whole' if row.kind == 'whole' else ''}"),
            element("td", _bar(row.count / scale, row.kind), class_="bar"),
            element("td", number(row.count), class_="number"),
            element("td", share(row.count, whole), class_="number share"),
            element("td", row.note, class_="note") if notes is not None else None,
        )
        for row in rows
    ]
    titles = [
        element("th", head[0], scope="col"),
        element("th", "", class_="bar"),
        element("th", head[1], scope="col", class_="number"),
        element("th", "share", scope="col", class_="number share"),
    ]
    if notes is not None:
        titles.append(element("th", notes, scope="col", class_="note"))
    return element("table", element("thead", element("tr", titles)), element("tbody", body), class_="bars")


def _bar(part: float, kind: str) -> Html:
    return element("span", "", class_=f"fill {kind}", style=f"width:{part * 100:.2f}%")


def legend(kinds: Sequence[tuple[str, str]]) -> Html:
    """Return what colours mean: (class of a bar, its name)."""
    return element(
        "p", [(element("span", "", class_=f"swatch {kind}"), f" {name} ") for kind, name in kinds], class_="remark"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[Child]], numbers: Sequence[int] = ()) -> Html:
    """Return a plain table; the columns ``numbers`` are set flush right."""
    classes = ["number" if place in numbers else None for place in range(len(head))]
    titles = [element("th", title, scope="col", class_=kind) for title, kind in zip(head, classes, strict=True)]
    body = [
        element("tr", [element("td", cell, class_=kind) for cell, kind in zip(row, classes, strict=True)])
        for row in rows
    ]
    return element(
        "div",
        element("table", element("thead", element("tr", titles)), element("tbody", body)),
        class_="wide",
    )


@dataclass(frozen=True)
class Histogram:
    """Counts per bin, stacked: ``kept`` below ``dropped``. ``edges`` has one entry more than there are bins."""

    title: str
    edges: Sequence[float]
    kept: Counts
    dropped: Counts | None = None
    log: bool = False  # bins of equal width on a logarithmic scale
    mark: tuple[float, str] | None = None  # a value and what it is, drawn as a line


def draw(histogram: Histogram) -> Html:
    """Return ``histogram`` as inline SVG."""
    edges = _position(np.asarray(histogram.edges, dtype=np.float64), histogram)
    span = edges[-1] - edges[0] or 1.0
    x = LEFT + (edges - edges[0]) / span * (WIDTH - LEFT - RIGHT)
    dropped = histogram.dropped if histogram.dropped is not None else np.zeros_like(histogram.kept)
    tallest = int((histogram.kept + dropped).max(initial=0)) or 1
    scale = (HEIGHT - TOP - BOTTOM) / tallest
    base = HEIGHT - BOTTOM
    shapes: list[Html] = []
    for place in range(len(histogram.kept)):
        above = 0.0
        for kind, counts in (("kept", histogram.kept), ("dropped", dropped)):
            count = int(counts[place])
            if not count:
                continue
            height = max(count * scale, 0.6)
            told = f"{_value(histogram.edges[place])} to {_value(histogram.edges[place + 1])}: {number(count)} {kind}"
            shapes.append(
                element(
                    "rect",
                    class_=kind,
                    x=f"{x[place]:.1f}",
                    y=f"{base - above - height:.1f}",
                    width=f"{max(x[place + 1] - x[place] - 0.8, 0.5):.1f}",
                    height=f"{height:.1f}",
                    aria_label=told,
                )
            )
            above += height
    shapes.append(element("line", class_="axis", x1=LEFT, x2=WIDTH - RIGHT, y1=base, y2=base))
    shapes += [_tick(value, histogram, x, edges) for value in ticks(histogram)]
    shapes += _mark(histogram, x, edges)
    documents = number(int(histogram.kept.sum() + dropped.sum()))
    label = f"{histogram.title}: {documents} documents, at most {number(tallest)} a bin"
    picture = element(
        "svg", element("title", label), shapes, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=label
    )
    return element("figure", picture, element("figcaption", histogram.title))


def ticks(histogram: Histogram) -> list[float]:
    """Return the values that the axis names: powers of ten, or steps of 1, 2 or 5 times one."""
    first, last = float(histogram.edges[0]), float(histogram.edges[-1])
    if histogram.log:
        low, high = int(np.ceil(np.log10(first) - 1e-9)), int(np.floor(np.log10(last) + 1e-9))
        return [10.0**power for power in range(low, high + 1)]
    width = (last - first) / 5 or 1.0
    power = 10.0 ** np.floor(np.log10(width))
    step = float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= width * 0.999))
    found = np.arange(np.ceil(first / step - 1e-9), np.floor(last / step + 1e-9) + 1) * step
    return [round(float(value), 10) + 0.0 for value in found]  # no minus zero


def _position(values: NDArray[np.float64], histogram: Histogram) -> NDArray[np.float64]:
    return np.log10(values) if histogram.log else values


def _at(value: float, histogram: Histogram, x: NDArray[np.float64], edges: NDArray[np.float64]) -> float:
    return float(np.interp(_position(np.asarray([value]), histogram)[0], [edges[0], edges[-1]], [x[0], x[-1]]))


def _tick(value: float, histogram: Histogram, x: NDArray[np.float64], edges: NDArray[np.float64]) -> Html:
    at = _at(value, histogram, x, edges)
    anchor = "start" if at < LEFT + 12 else "end" if at > WIDTH - RIGHT - 12 else "middle"
    return Html(
        element("line", class_="axis", x1=f"{at:.1f}", x2=f"{at:.1f}", y1=HEIGHT - BOTTOM, y2=HEIGHT - BOTTOM + 4)
        + element("text", _value(value), x=f"{at:.1f}", y=HEIGHT - 8, text_anchor=anchor)
    )


def _mark(histogram: Histogram, x: NDArray[np.float64], edges: NDArray[np.float64]) -> list[Html]:
    if histogram.mark is None or not histogram.edges[0] <= histogram.mark[0] <= histogram.edges[-1]:
        return []
    at = _at(histogram.mark[0], histogram, x, edges)
    left = at > WIDTH / 2
    return [
        element("line", class_="mark", x1=f"{at:.1f}", x2=f"{at:.1f}", y1=4, y2=HEIGHT - BOTTOM),
        element(
            "text",
            histogram.mark[1],
            class_="mark",
            x=f"{at - 4 if left else at + 4:.1f}",
            y=13,
            text_anchor="end" if left else "start",
        ),
    ]


def _value(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:g} M"
    return f"{value / 1000:g} k" if value >= 1000 else f"{value:.4g}"
