"""Seconds and rates per step beside the budget."""

from __future__ import annotations

from corpus.report.charts import table
from corpus.report.gather import Facts
from corpus.report.markup import Child, Html, element, size
from corpus.report.sections.frame import note, section
from corpus.report.speed import step_speeds


def cost(facts: Facts) -> Html | None:
    """Return the seconds of passes and steps; None where none were written down."""
    summary = facts.summary
    speeds = step_speeds(summary.get("step_seconds", {}), summary.get("read_bytes", 0))
    passes = summary.get("seconds", {})
    parts: list[Child] = []
    if speeds:
        lead = (
            f"{size(summary['read_bytes'])} of payload were read. Rates are of one core, over CPU seconds of all "
            "workers. Of web pages the payload is HTML, of other input text; a first build compiles kernels too."
        )
        rows: list[list[Child]] = [
            [
                one.name,
                f"{one.cpu:,.2f}",
                f"{one.wall:,.2f}",
                "" if one.per_megabyte is None else f"{one.per_megabyte:,.1f}",
                "" if one.rate is None else f"{one.rate:,.1f}",
                "" if one.budget is None else f"{one.budget:.0f}",
                element("span", "over", class_="over") if one.over else None,
            ]
            for one in speeds
        ]
        rows.append(["all", f"{sum(one.cpu for one in speeds):,.2f}", f"{sum(one.wall for one in speeds):,.2f}",
                     f"{sum(one.per_megabyte or 0 for one in speeds):,.1f}", "", "", None])  # fmt: skip
        head = ("step", "CPU s", "wall s", "ms/MB", "MB/s", "budget ms/MB", "")
        parts += [note(lead), table(head, rows, range(1, 6))]
    if passes:
        told = [
            [name, f"{seconds:,.1f}"] for name, seconds in sorted(passes.items(), key=lambda one: (-one[1], one[0]))
        ]
        parts += [
            element("h3", "Passes of the last run"),
            note("A run that found work done before shows only what was left."),
            table(("pass", "wall s"), told, (1,)),
        ]
    return section("cost", "Time", "耗时", parts) if parts else None
