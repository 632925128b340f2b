"""Who and what the corpus is made of: source types, domains, hosts, languages, scripts, years."""

from __future__ import annotations

from corpus.report.charts import Bar, bars, legend, table
from corpus.report.gather import Facts
from corpus.report.markup import Child, Html, data, element, number, share, size
from corpus.report.sections.frame import counted, label, note, section

TOP_HOSTS = 20
YEARS_LISTED = 30


def composition(facts: Facts) -> Html:
    """Return what was published by every label, and hosts with what was dropped of them."""
    whole = facts.totals["rows"]
    blocks = [
        counted("Source types", "source_type", facts.counts("source_type"), whole),
        _domains(facts),
        counted("Languages", "language", facts.counts("language"), whole),
        counted("Scripts", "script", facts.counts("script"), whole),
        counted("Kinds of page", "page_kind", facts.counts("page_kind"), whole),
        counted("Character encodings of the input", "charset", facts.counts("charset"), whole),
        _years(facts),
    ]
    lead = "Published documents."
    if facts.removals.dropped_hosts:
        lead += (
            " Of dropped ones no source type, domain, language or year is written down, but the address is: the table "
            "of hosts shows both."
        )
    return section(
        "composition", "Composition", "构成", note(lead), element("div", blocks, class_="columns"), _hosts(facts)
    )


def _domains(facts: Facts) -> Html | None:
    counts, sizes = facts.counts("domain"), facts.counts("domain_bytes")
    if not counts:
        return None
    whole = facts.totals["rows"]
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    notes = "text" if sizes else None
    rows = [Bar(label("domain", name), count, size(sizes[name]) if name in sizes else None) for name, count in ordered]
    heading = element("h3", "Domains (best of each document)")
    return element("div", heading, bars(rows, whole, ("", "documents"), notes), class_="block")


def _years(facts: Facts) -> Html | None:
    rows = facts.rows
    if not rows.years:
        return None
    years = sorted(rows.years.items())[-YEARS_LISTED:]
    before = sum(rows.years.values()) - sum(count for _, count in years)
    lines = [Bar(f"before {years[0][0]}", before)] if before else []
    lines += [Bar(str(year), count) for year, count in years]
    lines.append(Bar("not known", rows.without_year, kind="skipped"))
    told = bars(lines, rows.rows, ("", "documents"))
    return element("div", element("h3", "Year of publication", sampled(facts)), told, class_="block")


def _hosts(facts: Facts) -> Html | None:
    rows, removals = facts.rows, facts.removals
    if not rows.hosts:
        return None
    known: list[tuple[str, dict[str, int]]] = []
    if "rejects" in removals.complete and removals.dropped_hosts:
        known.append(("dropped", dict(removals.dropped_hosts)))
    if "duplicates" in removals.complete and removals.duplicate_hosts:
        known.append(("duplicates", dict(removals.duplicate_hosts)))
    top = sorted(rows.hosts.items(), key=lambda one: (-one[1], one[0]))[:TOP_HOSTS]
    lines: list[list[Child]] = []
    for host, count in top:
        gone = [counts.get(host, 0) for _, counts in known]
        line: list[Child] = [data(host, 80), number(count), share(count, rows.rows), *map(number, gone)]
        if known:
            line.append(_stacked(count, gone, [name for name, _ in known]) if rows.complete else None)
        lines.append(line)
    head = ["host", "published", "share", *(name for name, _ in known), *([""] if known else [])]
    colours = [("kept", "published"), *((_colour(name), name) for name, _ in known)]
    title = f"Hosts, the {len(top)} with most documents" if len(rows.hosts) > len(top) else "Hosts"
    said = f"{number(len(rows.hosts))} hosts" if not rows.hosts_let_go else "more hosts than were counted"
    without = f"; {number(rows.without_host)} documents have none" if rows.without_host else ""
    return element(
        "div",
        element("h3", title, sampled(facts)),
        note(f"{said}{without}."),
        legend(colours) if known and rows.complete else None,
        table(head, lines, range(1, 3 + len(known))),
    )  # fmt: skip


def _stacked(kept: int, gone: list[int], names: list[str]) -> Html:
    whole = max(kept + sum(gone), 1)
    parts = [("kept", kept), *zip(map(_colour, names), gone, strict=True)]
    fills = [
        element("span", "", class_=f"fill {kind}", style=f"width:{count / whole * 100:.2f}%") for kind, count in parts
    ]
    return element("span", fills, class_="stack")


def _colour(name: str) -> str:
    return "duplicate" if name == "duplicates" else name


def sampled(facts: Facts) -> str | None:
    """Return what to write beside figures that were not read off every shard."""
    rows = facts.rows
    return None if rows.complete else f" (of {number(rows.shards)} of {number(rows.of_shards)} shards)"
