"""The funnel, from records read to documents published, and what was put into quarantine."""

from __future__ import annotations

from collections.abc import Mapping

from corpus.report.charts import Bar, bars, table
from corpus.report.gather import Facts
from corpus.report.markup import Child, Html, data, element, number
from corpus.report.rules import reason
from corpus.report.sections.frame import chinese, label, note, section

GROUPS = (  # counter of the funnel, what it is, Chinese, class of its bars
    ("skipped", "skipped, not a document", "略过", "skipped"),
    ("quarantined", "quarantined, could not be read", "隔离", "quarantined"),
)
DOCUMENT_GROUPS = (
    ("dropped", "dropped by a rule", "剔除", "dropped"),
    ("document_quarantined", "quarantined, could not be processed", "隔离", "quarantined"),
    ("duplicates", "duplicates", "重复", "duplicate"),
)


def funnel(facts: Facts) -> Html:
    """Return both balances as bars, every reason with its meaning."""
    told = facts.funnel
    read = Bar(_named("records read", "读入"), told["read"], kind="whole")
    records = [read, *_groups(facts, GROUPS)]
    records.append(Bar(_named("with documents", "含文档"), told["with_documents"], depth=1))
    documents = [Bar(_named("documents", "文档"), told["documents"], kind="whole"), *_groups(facts, DOCUMENT_GROUPS)]
    removed = told.get("removed_on_request", 0)
    if removed:
        said = "taken out of the published corpus by wudao remove"
        documents.append(Bar(_named("removed on request", "应请求删除"), removed, said, 1, "dropped"))
    documents.append(Bar(_named("published", "发布"), told["published"], depth=1))
    parent = facts.derived is not None
    lead = (
        "The records of this corpus are the documents of the corpus that it was made from."
        if parent
        else "A record is what the input holds (a response, a line, a file); it may give several documents."
    )
    return section(
        "funnel",
        "Funnel",
        "漏斗",
        note(lead, " Each balance adds up to its first line; the share is of that line."),
        bars(records, told["read"], ("records", "count"), "what it means"),
        bars(documents, told["documents"], ("documents", "count"), "what it means"),
    )


def _groups(facts: Facts, groups: tuple[tuple[str, str, str, str], ...]) -> list[Bar]:
    rows: list[Bar] = []
    for name, title, told, kind in groups:
        counts: Mapping[str, int] = facts.funnel.get(name, {})
        if not sum(counts.values()):
            continue
        rows.append(Bar(_named(title, told), sum(counts.values()), depth=1, kind=kind))
        for code, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
            rows.append(Bar(label(name, code), count, _meaning(facts, name, code), 2, kind))
    return rows


def _meaning(facts: Facts, group: str, code: str) -> str | None:
    if group == "dropped":
        found = facts.rules.meaning(code)
        if found is None and code.startswith("pii_"):
            return f"holds personal information of the kind {code.removeprefix('pii_').upper()}, which is set to drop"
        return found
    group = "quarantined" if group == "document_quarantined" else group
    if group == "quarantined" and code.endswith("_error"):
        return reason(group, code) or f"the step {code.removesuffix('_error')} failed on it"
    return reason(group, code)


def _named(title: str, told: str) -> Child:
    return element("span", title, " ", chinese(told))


def quarantine(facts: Facts) -> Html | None:
    """Return the first places of each reason of quarantine; None where nothing was."""
    counts = dict(facts.funnel["quarantined"])
    for code, count in facts.funnel.get("document_quarantined", {}).items():
        counts[code] = counts.get(code, 0) + count
    if not sum(counts.values()):
        return None
    rows = []
    for code, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        places = [
            element("li", data(one.path, 120), _place(one.offset, one.part), f" ({one.step})", _once(one.reproducible))
            for one in facts.removals.places.get(code, ())
        ]
        rows.append([data(code, 60), number(count), element("ul", places) if places else "not written down (any more)"])
    return section(
        "quarantine",
        "Quarantine",
        "隔离",
        note("Records that could not be read and documents that a step could not process. work/dead_letters has every "
             "place with a sentence that says what was wrong."),
        table(("reason", "count", "first places"), rows, (1,)),
    )  # fmt: skip


def _place(offset: int, part: int) -> str:
    said = "" if offset < 0 else f"@{offset}"
    return said + (f" part {part}" if part >= 0 else "")


def _once(reproducible: bool) -> str | None:
    return None if reproducible else ", ended by a time limit or a lost worker: may pass another time"
