"""Ten published documents, and the commands that show more."""

from __future__ import annotations

import shlex
from typing import Final

from corpus.report.gather import Facts
from corpus.report.markup import Child, Html, data, element, escaped, joined, link, number
from corpus.report.rows import Document
from corpus.report.sections.frame import chinese, label, note, section

LONGEST_EXCERPT: Final = 220
LONGEST_COMMAND: Final = 2_000


def samples(facts: Facts) -> Html | None:
    """Return the documents drawn; None where the corpus is empty."""
    drawn = facts.rows.drawn
    if not drawn:
        return None
    shown = [
        element("article", element("h3", data(one.title or "without title", 90)), _excerpt(one), _about(one))
        for one in drawn
    ]
    lead = (
        "Those with the smallest keys, which are hashes: the same ones every time. The beginning of what was published."
    )
    return section("samples", "Ten documents" if len(drawn) == 10 else "Documents", "样例", note(lead), shown)


def _excerpt(one: Document) -> Html:
    goes_on = "……" if one.n_chars > len(one.excerpt) else None
    return element("blockquote", data(one.excerpt, LONGEST_EXCERPT), goes_on, lang="zh")


def _about(one: Document) -> Html:
    told = f", {one.language or '-'}, {number(one.n_chars)} characters, quality {one.quality:.3f}"
    return element(
        "p",
        label("source_type", one.source_type or "none"),
        f"{told}, stands for {number(one.cluster_size)}",
        (element("br"), link(one.url)) if one.url else None,
        element("br"),
        element("code", one.place.key.hex()),
        class_="remark",
    )


def commands(facts: Facts) -> Html:
    """Return the commands that go on from here, ready to be copied."""
    place = shlex.quote(facts.place)
    lines: list[tuple[str, str]] = [(f"wudao inspect {place}", "documents with every signal beside its threshold")]
    dropped = sorted(facts.funnel["dropped"].items(), key=lambda one: (-one[1], one[0]))
    if dropped and not facts.summary.get("cleaned"):
        lines.append((f"wudao inspect {place} --reason {shlex.quote(dropped[0][0])}", "what the busiest rule dropped"))
    if sum(facts.funnel.get("duplicates", {}).values()) and not facts.summary.get("cleaned"):
        lines.append((f"wudao inspect {place} --duplicates", "duplicates and what they were like"))
    if facts.rows.drawn:
        first = facts.rows.drawn[0]
        key = first.place.key.hex()
        lines.append((f"wudao inspect {place} --key {key} --full", "the first document above, whole"))
        if not facts.is_view:
            where = shlex.quote(first.shard_path)
            lines.append((f"wudao trace {place} {where} {first.place.row}", "where it comes from"))
    lines.append((f"wudao verify {place}", "re-read everything: checksums, balances, rows against tokens"))
    lines.append((f"wudao verify {place} --pii", "look for personal information that is left"))
    rows: list[Child] = [
        [element("dt", element("code", escaped(line, LONGEST_COMMAND))), element("dd", told)] for line, told in lines
    ]
    lead = joined(["How to look further ", chinese("进一步查看")])
    return element("section", element("h2", lead), element("dl", rows, class_="commands"), id="commands")
