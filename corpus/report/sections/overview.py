"""Name, totals, hashes, when, engine and versions."""

from __future__ import annotations

from corpus.report.gather import Facts
from corpus.report.markup import Child, Html, data, element, joined, number, share, size
from corpus.report.sections.frame import chinese


def header(facts: Facts) -> Html:
    """Return the head of the page."""
    return element("header", element("h1", data(facts.name, 120)), element("p", _kind(facts), class_="lead"))


def overview(facts: Facts) -> Html:
    """Return totals, remarks, and what identifies the corpus."""
    remarks = [element("p", remark, class_="warning") for remark in facts.remarks]
    return element("section", remarks, _totals(facts), _identity(facts), id="overview")


def _kind(facts: Facts) -> Html:
    if facts.derived is None:
        return joined(["Data card of a Chinese text corpus ", chinese("中文语料库数据卡")])
    by = data(f"wudao {facts.derived['by']}", 60)
    kind = "A view into" if facts.is_view else "A corpus made from"
    parent = element("code", facts.derived["from"]["root_hash"][:16] + "…")
    return joined([f"{kind} another corpus (root hash ", parent, ") by ", element("code", by)])


def _totals(facts: Facts) -> Html:
    totals = facts.totals
    rows = totals["rows"]
    cards: list[tuple[str, str, str, Child]] = [
        ("documents", "文档", number(rows), None),
        (
            "characters",
            "字符",
            number(totals["n_chars"]),
            f"{totals['n_chars'] / rows:,.0f} a document" if rows else None,
        ),
    ]
    if "text_bytes" in totals:
        cards.append(("text in UTF-8", "文本", size(totals["text_bytes"]), None))
    if facts.tokens is not None:
        tokens = facts.tokens.root["totals"]["tokens"]
        per_token = f"{totals['n_chars'] / tokens:.2f} characters a token" if tokens else None
        cards.append(("tokens", "词元", number(tokens), per_token))
    shards = sum(part["shards"] for part in facts.corpus.root["parts"])
    what = "of addresses" if facts.is_view else "compressed"
    cards.append(("shards", "分片", number(shards), f"{size(totals['bytes'])} {what}"))
    split = totals["by_split"]
    valid = split.get("valid", 0)
    cards.append(
        ("train / valid", "训练 / 验证", f"{number(split.get('train', 0))} / {number(valid)}", share(valid, rows))
    )
    return element(
        "dl",
        [
            element(
                "div",
                element("dt", name, " ", chinese(told)),
                element("dd", value),
                element("dd", more, class_="more") if more else None,
            )
            for name, told, value, more in cards
        ],
        class_="cards",
    )


def _identity(facts: Facts) -> Html:
    root, summary = facts.corpus.root, facts.summary
    lines: list[tuple[str, Child]] = [("root hash of the text", element("code", root["root_hash"]))]
    if facts.tokens is not None:
        lines.append(("root hash of the tokens", element("code", facts.tokens.root_hash)))
    for key, told in (("config_hash", "configuration hash"), ("input_hash", "input hash")):
        if root.get(key):
            lines.append((told, element("code", root[key])))
    if summary.get("finished_at"):
        lines.append(("finished", data(summary["finished_at"], 40)))
    if facts.rows.fetched is not None:
        first, last = facts.rows.fetched
        lines.append(("pages fetched", first if first == last else f"{first} to {last}"))
    if facts.derived is None and "config" in summary:
        run = summary["config"].get("run", {})
        workers = run.get("workers")
        at_once = f", {workers} worker{'s' if workers > 1 else ''}" if workers else ""
        lines.append(("engine", f"{run.get('engine', '')}{at_once}"))
    versions = summary.get("environment", {})
    if versions:
        told = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
        lines.append(("versions", data(told, 1000)))
    return definitions(lines)


def definitions(lines: list[tuple[str, Child]]) -> Html:
    """Return names beside their values."""
    return element("dl", [(element("dt", name), element("dd", value)) for name, value in lines], class_="pairs")
