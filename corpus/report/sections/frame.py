"""What every section is made of: its heading, notes, labels with their Chinese term, bars over counted values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from corpus.report.charts import Bar, bars
from corpus.report.markup import Child, Html, data, element, number
from corpus.report.rules import term

LISTED: Final = 20  # values of one column


def section(name: str, title: str, chinese: str, *children: Child) -> Html:
    """Return a section with a heading in both languages; ``name`` is its address in the page."""
    heading = element("h2", title, " ", element("span", chinese, lang="zh", class_="zh"))
    return element("section", heading, children, id=name)


def note(*children: Child) -> Html:
    """Return a remark in small type."""
    return element("p", children, class_="remark")


def chinese(text: str | None) -> Html | None:
    """Return a Chinese term beside an English one or a code."""
    return element("span", text, lang="zh", class_="zh") if text else None


def label(group: str, code: str) -> Html:
    """Return a code of ``group`` with its Chinese term where it has one."""
    told = chinese(term(group, code))
    return data(code, 80) if told is None else Html(data(code, 80) + " " + told)


def counted(
    title: str, group: str, counts: Mapping[str, int], whole: int, head: str = "documents", kind: str = "kept"
) -> Html | None:
    """Return bars of ``counts``, the commonest :data:`LISTED` values, the rest in one line; None without any."""
    if not counts:
        return None
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    rows = [Bar(label(group, code), count, kind=kind) for code, count in ordered[:LISTED]]
    rest = ordered[LISTED:]
    if rest:
        rows.append(Bar(f"{number(len(rest))} more", sum(count for _, count in rest), kind=kind))
    return element("div", element("h3", title), bars(rows, whole, ("", head)), class_="block")
