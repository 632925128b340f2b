"""Where the corpus comes from: configuration, artifacts, input, reservations, personal information."""

from __future__ import annotations

from typing import Any

import orjson

from corpus.report.charts import table
from corpus.report.configuration import changes, without_credentials
from corpus.report.gather import Facts
from corpus.report.markup import Child, Html, data, element, number, share
from corpus.report.sections.composition import sampled
from corpus.report.sections.frame import counted, note, section

LONGEST_VALUE = 400


def personal_information(facts: Facts) -> Html:
    """Return how often each kind of personal information was replaced; never what it was."""
    counts = facts.counts("pii")
    settings = facts.summary.get("config", {}).get("scrub", {})
    if not counts:
        said = "No replacement is recorded" + (
            "; the step was switched off." if settings.get("enabled") is False else "."
        )
        return section("pii", "Personal information", "个人信息", note(said))
    lead = (
        f"{number(sum(counts.values()))} findings were replaced by placeholders or masked as configured "
        "(kinds that stay by policy, such as hotlines, are counted too). Values are never written down. "
        "Rules find forms, not meanings: some will have been missed; "
    )
    again = (element("code", "wudao verify --pii"), " looks again.")
    return section("pii", "Personal information", "个人信息", note(lead, again),
                   counted("Findings by kind", "pii", counts, sum(counts.values()), "findings"))  # fmt: skip


def configuration(facts: Facts) -> Html:
    """Return what differs from the default, and the artifacts with their hashes."""
    parts: list[Child] = []
    config = facts.summary.get("config")
    if config is not None:
        changed = changes(config)
        if facts.derived is not None:
            parts.append(note("The configuration is that of the build whose documents these are."))
        rows = [[element("code", one.key), data(one.value, LONGEST_VALUE), data(one.default, 120)] for one in changed]
        told = table(("key", "value", "default"), rows) if rows else note("Nothing differs from the default.")
        parts += [element("h3", "What differs from the default"), told]
    artifacts = _artifacts(facts)
    if artifacts:
        parts += [element("h3", "Artifacts"), table(("what", "name", "hash"), artifacts)]
    return section("configuration", "Configuration", "配置", parts)


def _artifacts(facts: Facts) -> list[list[Child]]:
    rows: list[list[Child]] = []
    for step, artifacts in sorted(facts.summary.get("artifacts", {}).items()):
        rows += [[step, data(name, 120), element("code", digest)] for name, digest in sorted(artifacts.items())]
    if facts.tokens is not None:
        root = facts.tokens.root
        tokenizer: dict[str, Any] = root.get("tokenizer") or root.get("tokenizer_of_base") or {}
        name = f"{tokenizer.get('name', '')} ({tokenizer.get('kind', '')}, {tokenizer.get('vocab_size', 0):,} pieces)"
        rows.append(["tokenizer", data(name, 120), element("code", tokenizer.get("sha256", ""))])
    return rows


def provenance(facts: Facts) -> Html:
    """Return input, what the corpus was made from, reservations and the note on rights."""
    config, derived = facts.summary.get("config", {}), facts.derived
    lines: list[Child] = []
    source = config.get("input", {})
    if derived is not None:
        chosen = {name: value for name, value in derived.get("selection", {}).items() if value not in (None, [], {}, 0)}
        told = orjson.dumps(chosen, option=orjson.OPT_SORT_KEYS).decode()
        lines.append(
            [
                "Made by ",
                element("code", f"wudao {derived['by']}"),
                " with ",
                element("code", data(told, LONGEST_VALUE)),
                ".",
            ]
        )
    elif source.get("source") == "commoncrawl":
        lines.append("Fetched from Common Crawl by its index; crawl/ in the output has the provenance of every record.")
    else:
        paths = source.get("paths", [])
        more = f" and {number(len(paths) - 5)} more" if len(paths) > 5 else ""
        shown = [
            [", " if place else "", element("code", data(without_credentials(path), 160))]
            for place, path in enumerate(paths[:5])
        ]
        lines.append(["Read from ", shown, more, "."])
    if derived is None and config.get("against"):
        lines.append(f"Copies of what {number(len(config['against']))} earlier builds published were left out.")
    reserved = {name: count for name, count in facts.rows.opt_out.items() if count}
    if reserved:
        told = ", ".join(
            f"{name} {number(count)}" for name, count in sorted(reserved.items(), key=lambda one: (-one[1], one[0]))
        )
        lines.append([f"Reservations that pages state (documents{sampled(facts) or ''}): ", data(told, 400), "."])
    taken = facts.summary.get("takedowns", [])
    if taken:
        documents = sum(one["documents"] for one in taken)
        lines.append(
            f"{number(len(taken))} take-downs removed {number(documents)} documents; takedown/ has the certificates."
        )
    known = facts.rows.rows - facts.rows.without_host
    if facts.rows.rows and known:
        lines.append(
            f"{share(known, facts.rows.rows)} of the documents{sampled(facts) or ''} carry the address they come from."
        )
    rights = (
        "The texts are the works of their authors and publishers. This tool grants no licence and records none: "
        "whoever passes the corpus on must have the right to. Every row keeps url, path and offset, so that a "
        "source can be named, and removed by "
    )
    lines.append([rights, element("code", "wudao remove"), "."])
    return section(
        "provenance", "Provenance and rights", "来源与权利", element("ul", [element("li", line) for line in lines])
    )
