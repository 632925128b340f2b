"""What a corpus of 2 TB of text out of 100 TB of HTML takes, from measured rates: the tables of ``docs/scaling.md``.

    python benchmarks/scaling_model.py [--html-tb 100] [--text-tb 2]

Every number is a measurement (with the line of ``RESULTS.md`` or the command that it comes from), an assumption
(marked so), or a formula over both; nothing else goes in. Prints Markdown.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass

from corpus.config.build import BuildConfig
from corpus.config.dedupe import DedupeSettings
from corpus.dedupe.explain import explain

TB, GB, MB = 10**12, 10**9, 10**6
WEB = "web build, the slowest run (Whole builds): 10 WARC files"
TEXT = "text build, the slowest run (Whole builds)"
SHIPPED = "reports of the web build: `work/reports`"


@dataclass(frozen=True)
class Given:
    """A number that is not derived."""

    symbol: str
    value: float
    unit: str
    source: str

    def row(self) -> tuple[str, str, str, str]:
        """Return it as a row of a table."""
        return f"`{self.symbol}`", f"{self.value:.4g}", self.unit, self.source


MEASURED = (
    Given("c_markup", (1.86 + 1.55 + 8.04) / 171.6, "CPU s per MB of HTML", f"read + decode + extract, {WEB}"),
    Given("c_filter", (0.45 + 0.55 + 2.14 + 2.67) / 158.6, "CPU s per MB of text", f"language, normalise, label, quality, {TEXT}"),
    Given("c_sign", 0.69 / 158.6, "CPU s per MB of text", f"sign, {TEXT}"),
    Given("c_write", 3.16 / 158.6, "CPU s per MB of text", f"write, ingest and publish together, {TEXT}"),
    Given("c_scrub", 2.53 / 158.6, "CPU s per MB of text", f"scrub, {TEXT}"),
    Given("c_token", 1 / 14.7, "CPU s per MB of text", "glm tokenizer (Tokenizers and trainer)"),
    Given("c_find", 19e-6, "CPU s per document", "DuckDB, 1 M signatures: 17 to 19 CPU s (Near-duplicates)"),
    Given("gzip", 62.74 / 171.6, "byte per byte of HTML", f"size of the files over their payload, {WEB}"),
    Given("doc", 15_534_921 / 3985, "bytes of text per document", SHIPPED),
    Given("documents", 10_398_844 / 15_534_921, "byte written per byte of text", f"lz4, {SHIPPED}"),
    Given("signature", 1_673_089 / 3985, "bytes per document", SHIPPED),
    Given("reject", 218_953 / 4180, "bytes per dropped document", SHIPPED),
    Given("dropped", 4180 / 171.6, "documents per MB of HTML", SHIPPED),
    Given("cluster", 40_434 / 605, "bytes per row of clusters", SHIPPED),
    Given("shard", 5_840_112 / 13_297_235, "byte written per byte of text", f"zstd, {SHIPPED}"),
    Given("token", 3_086_643 / 13_297_235, "tokens per byte of text", f"glm, {SHIPPED}"),
    Given("tokens", 6_343_984 / 13_297_235, "byte written per byte of text", f"uint16, {SHIPPED}"),
)  # fmt: skip

ASSUMED = (
    Given("d", 0.4, "share of documents", "duplicates among what the filters keep; 0.08 in the web sample, more in crawls of years"),
    Given("e", 2.0, "byte per byte of text", "text extracted over text that the filters keep"),
    Given("w", 1e9, "bytes", "a WARC file; archives of Common Crawl have about 1 GB"),
    Given("spark", 7.0, "times DuckDB", "cost of dedupe in Spark SQL (JVM, shuffle to disk); not measured here"),
)  # fmt: skip


def model(html: float, text: float) -> dict[str, list[tuple[str, str, str, str]]]:
    """Return section -> lines (what, formula, value, unit) for ``html`` bytes in and ``text`` bytes out."""
    v = {one.symbol: one.value for one in (*MEASURED, *ASSUMED)}
    config = BuildConfig()
    shown = explain(DedupeSettings())
    kept = text / (1 - v["d"])
    count = kept / v["doc"]
    published = count * (1 - v["d"])
    gzipped = html * v["gzip"]
    splits = gzipped / v["w"]
    items = kept / config.publish.shard_bytes
    shards = 2 * items
    written = {
        "documents": kept * v["documents"],
        "signatures": count * v["signature"],
        "rejects": html / MB * v["dropped"] * v["reject"],
        "clusters": 1.5 * v["d"] * count * v["cluster"],
        "corpus": text * v["shard"],
        "index": published * v["signature"],
        "tokens": text * v["tokens"],
    }
    hours = {
        "markup": html / MB * v["c_markup"] / 3600,
        "filter": v["e"] * kept / MB * v["c_filter"] / 3600,
        "sign": kept / MB * v["c_sign"] / 3600,
        "write": kept / MB * v["c_write"] / 3600,
        "find": count * v["c_find"] / 3600,
        "scrub": text / MB * v["c_scrub"] / 3600,
        "tokenise": text / MB * v["c_token"] / 3600,
    }
    text_hours = sum(hours.values()) - hours["markup"]
    spark_hours = sum(hours.values()) + hours["find"] * (v["spark"] - 1)

    def tb(value: float) -> str:
        return f"{value / TB:.2f}"

    per_tb_find = TB / v["doc"] * v["c_find"] / 3600
    per_tb_sign = TB / MB * v["c_sign"] / 3600
    before = 16 * shown.shape.bands + 8 + 8 + 56
    return {
        "Sizes": [
            ("text that the filters keep (K)", "T / (1 - d)", tb(kept), "TB"),
            ("documents that enter dedupe (N)", "K / doc", f"{count / 1e9:.2f}", "10⁹"),
            ("documents published", "N (1 - d)", f"{published / 1e9:.2f}", "10⁹"),
            ("tokens", "T × token", f"{text * v['token'] / 1e9:.0f}", "10⁹"),
        ],
        "Tasks and objects": [
            ("ingest: splits", "H × gzip / w (a WARC file is one split)", f"{splits:,.0f}", "tasks"),
            ("publish: items", "K / shard_bytes", f"{items:,.0f}", "tasks"),
            ("index, one for each item of publish", "as above", f"{items:,.0f}", "tasks"),
            ("tokenise: one for each shard", "2 × items (train, valid)", f"{shards:,.0f}", "tasks"),
            ("ingest: documents, signatures, rejects, dead letters, report", "5 × splits", f"{5 * splits:,.0f}", "objects"),
            ("dedupe: cluster files and a report", "≤ 2,048 + 1", "2,049", "objects"),
            ("publish: 2 shards, duplicates, rejects, dead letters, audit, report", "7 × items", f"{7 * items:,.0f}", "objects"),
            ("index: file and report", "2 × items", f"{2 * items:,.0f}", "objects"),
            ("tokenise: shard and report", "2 × shards", f"{2 * shards:,.0f}", "objects"),
        ],
        "Bytes": [
            ("ingest reads (WARC, gzip)", "H × gzip", tb(gzipped), "TB"),
            ("ingest writes documents", "K × documents", tb(written["documents"]), "TB"),
            ("ingest writes signatures", "N × signature", tb(written["signatures"]), "TB"),
            ("ingest writes rejects (no text)", "H × dropped × reject", tb(written["rejects"]), "TB"),
            ("dedupe reads signatures; sketches only of candidates", "N × signature", tb(written["signatures"]), "TB"),
            ("dedupe writes clusters (members and keepers)", "1.5 d N × cluster", tb(written["clusters"]), "TB"),
            ("publish reads", "documents + clusters", tb(written["documents"] + written["clusters"]), "TB"),
            ("publish writes", "T × shard", tb(written["corpus"]), "TB"),
            ("index writes", "N (1 - d) × signature", tb(written["index"]), "TB"),
            ("tokenise reads", "T × shard", tb(written["corpus"]), "TB"),
            ("tokenise writes", "T × tokens", tb(written["tokens"]), "TB"),
            ("all that is written", "sum", tb(sum(written.values())), "TB"),
            ("of it, to keep: corpus, tokens, index", "sum", tb(written["corpus"] + written["tokens"] + written["index"]), "TB"),
        ],
        "Core-hours": [
            ("ingest: read, decode, extract", "H × c_markup", f"{hours['markup']:,.0f}", "core-h"),
            ("ingest: language to quality", "e K × c_filter", f"{hours['filter']:,.0f}", "core-h"),
            ("ingest: sign", "K × c_sign", f"{hours['sign']:,.1f}", "core-h"),
            ("ingest and publish: write", "K × c_write", f"{hours['write']:,.0f}", "core-h"),
            ("dedupe: find (one machine, DuckDB)", "N × c_find", f"{hours['find']:,.1f}", "core-h"),
            ("dedupe: find (Spark)", "N × c_find × spark", f"{hours['find'] * v['spark']:,.0f}", "core-h"),
            ("publish: scrub", "T × c_scrub (an upper bound: texts of 600 bytes)", f"{hours['scrub']:,.0f}", "core-h"),
            ("tokenise", "T × c_token", f"{hours['tokenise']:,.0f}", "core-h"),
            ("all, dedupe in Spark", "sum", f"{spark_hours:,.0f}", "core-h"),
            ("of it per TB of text published, without markup", "sum / T", f"{text_hours / (text / TB):,.0f}", "core-h/TB"),
            ("wall time on 1,000 cores, 80 % busy", "all / 800", f"{spark_hours / 800:.1f}", "h"),
        ],
        "Dedupe, per TB of text that enters it": [
            ("documents", "1 TB / doc", f"{TB / v['doc'] / MB:.0f}", "10⁶"),
            ("sign", "1 TB × c_sign", f"{per_tb_sign:.1f}", "core-h"),
            ("find, DuckDB", "documents × c_find", f"{per_tb_find:.1f}", "core-h"),
            ("find, Spark", "documents × c_find × spark", f"{per_tb_find * v['spark']:.1f}", "core-h"),
            ("whole dedupe on Spark (target ≤ 150)", "sign + find", f"{per_tb_sign + per_tb_find * v['spark']:.0f}", "core-h"),
            ("bands shuffled", f"16 B × {shown.shape.bands} bands (64-bit key and hash)", f"{16 * shown.shape.bands}", "B/document"),
            ("shuffled before candidates (target ≤ 400)", "bands + 8 (key prefix) + 8 (content prefix) + 56 (rank columns)", f"{before}", "B/document"),
            ("read for candidates only: sketch", "sketch_bins / 4", f"{shown.sketch_bytes}", "B/document"),
        ],
        "Dedupe at 10⁹ documents": [
            ("signatures on disk", "10⁹ × signature", f"{1e9 * v['signature'] / TB:.2f}", "TB"),
            ("shuffled before candidates", "10⁹ × B/document", f"{1e9 * before / TB:.2f}", "TB"),
            ("rounds of contraction", "⌈log₂(edges / residual_edges)⌉, 0.75 edges a document", f"≤ {math.ceil(math.log2(0.75e9 / DedupeSettings().residual_edges))}", "rounds"),
            ("union-find on the residual, driver", "24 B × residual_edges", f"{24 * DedupeSettings().residual_edges / GB:.1f}", "GB"),
            ("CPU, Spark", "10⁹ × c_find × spark", f"{1e9 * v['c_find'] * v['spark'] / 3600:.0f}", "core-h"),
        ],
    }  # fmt: skip


def table(title: str, head: tuple[str, ...], rows: list[tuple[str, str, str, str]]) -> str:
    """Return a section of one table."""
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([f"### {title}", "", lines[0], "|---" * len(head) + "|", *lines[1:]]) + "\n"


def markdown(html: float, text: float) -> str:
    """Return all tables."""
    tables = [
        table("Measured", ("symbol", "value", "unit", "from"), [one.row() for one in MEASURED]),
        table("Assumed", ("symbol", "value", "unit", "what"), [one.row() for one in ASSUMED]),
    ]
    derived = ("what", "formula", "value", "unit")
    tables += [table(section, derived, rows) for section, rows in model(html, text).items()]
    return "\n".join(tables)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--html-tb", type=float, default=100.0)
    parser.add_argument("--text-tb", type=float, default=2.0)
    arguments = parser.parse_args()
    print(markdown(arguments.html_tb * TB, arguments.text_tb * TB), end="")


if __name__ == "__main__":
    main()
