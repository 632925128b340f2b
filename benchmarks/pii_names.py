"""Recall and precision of names and addresses of the scrub rules on labelled Chinese data.

    python benchmarks/pii_names.py DATA/pii

DATA/pii holds ``cluener_train``, ``resume_ner_train``, ``boson_news_ner`` (text with spans of names and places) and
``address_train`` (one address a line, with its parts), zstd JSONL. Names: a hit is right where it overlaps a gold name.
Recall is given over all gold names, over those beside a trigger, and over those of them that are written in full (not
张某, 李先生, 孙强（化名）) and follow no office (总经理…先生): officers are public by the policy. A trigger is a word that
says that a person of one's own acquaintance or a party follows (``BEFORE``) or has preceded (``AFTER``); the lists below
are this benchmark's, not the rules'. Names without one are public mentions as a rule, which the grammar leaves alone by
intent. Addresses: how much of each address is found where it stands alone, after a label, and in a sentence, by the
finest part that it names (a room, a house, a road, none of them); precision on the running text, by the share of hits
that overlap a gold place.
"""

from __future__ import annotations

import argparse
import collections
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import zstandard

from corpus.config.scrub import ScrubSettings
from corpus.pii.engine import Engine

NAME_SETS = {"cluener_train": "name", "resume_ner_train": "NAME", "boson_news_ner": "person_name"}
PLACES = {"cluener_train": "address", "boson_news_ner": "location"}
BEFORE = (
    "姓名", "联系人", "收货人", "收件人", "被告人", "被告", "原告", "嫌疑人", "被害人", "上诉人", "患者", "我叫", "我是", "名叫", "法定代表人",
    "户主", "申请人", "委托人", "证人", "报案人", "当事人", "市民", "居民", "村民", "男子", "女子", "车主", "业主",
)  # fmt: skip
AFTER = (
    "先生",
    "女士",
    "小姐",
    "阿姨",
    "大爷",
    "大妈",
    "同学",
    "师傅",
    "，男，",
    "，女，",
    "（男",
    "（女",
    "：男",
    "：女",
)
OFFICES = (
    "经理", "总监", "总裁", "董事长", "董事", "监事", "主任", "会长", "院长", "校长", "部长", "局长", "书记", "秘书长", "工程师", "代表",
    "组长", "教授", "博士", "主席", "委员", "设计师", "书画家", "画家", "作家", "演员", "评论员", "夫人", "ceo", "CEO", "负责人",
)  # fmt: skip
TITLES = ("先生", "女士", "小姐", "阿姨", "大爷", "大妈", "师傅", "同学")
FRAMES = {"alone": "{}", "after a label": "收货地址：{}", "in a sentence": "他家住在{}，平时很少回去。"}
FINEST = (
    ("room", {"roomno", "cellno", "floorno"}),
    ("house", {"houseno", "roadno", "subroadno"}),
    ("road", {"road", "subRoad", "poi", "subpoi"}),
)
Span = tuple[int, int]


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a zstd JSONL file."""
    with open(path, "rb") as stream:
        yield from map(json.loads, io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(stream), "utf-8"))


def hits(engine: Engine, texts: list[str], kind: str) -> list[list[Span]]:
    """Return the spans of ``kind`` in each text."""
    found = engine.scan(pa.array(texts, pa.large_string()), None, ["other"] * len(texts))
    return [[(s.start, s.end) for s in found.get(row, ()) if s.kind == kind] for row in range(len(texts))]


def overlaps(one: Span, others: list[Span]) -> bool:
    """Whether ``one`` shares a character with any of ``others``."""
    return any(one[0] < end and start < one[1] for start, end in others)


def trigger(text: str, span: Span) -> str:
    """Return the word before or after a name that says that it is one, an empty string for none."""
    before = text[: span[0]].rstrip(" ：:“")
    found = next((word for word in BEFORE if before.endswith(word)), "")
    return found or next((word for word in AFTER if text.startswith(word, span[1])), "")


def is_private(text: str, span: Span) -> bool:
    """Whether the name is written in full and no office stands before it."""
    name, after = text[span[0] : span[1]], text[span[1] :]
    if "某" in name or len(name) < 2 or name.endswith(TITLES) or after.startswith(("（化名", "(化名", "某")):
        return False
    return not text[: span[0]].endswith(OFFICES)


def names(engine: Engine, folder: Path) -> None:
    """Print precision and recall of names."""
    print(
        "names (set, gold, found; recall; beside a trigger: gold, recall; in full, no office: gold, recall; hits, precision, exact)"
    )
    for name, label in NAME_SETS.items():
        rows = list(read(folder / f"{name}.jsonl.zst"))
        texts = [row["text"] for row in rows]
        gold = [[(s["start"], s["end"]) for s in row.get("spans", ()) if s["type"] == label] for row in rows]
        found = hits(engine, texts, "PERSON")
        right = sum(overlaps(hit, of) for of, mine in zip(gold, found, strict=True) for hit in mine)
        exact = sum(hit in of for of, mine in zip(gold, found, strict=True) for hit in mine)
        count = sum(map(len, found))
        all_gold = [(t, s, mine) for t, of, mine in zip(texts, gold, found, strict=True) for s in of]
        beside = [(t, s, mine) for t, s, mine in all_gold if trigger(t, s)]
        private = [(t, s, mine) for t, s, mine in beside if is_private(t, s)]
        recalled, recalled_beside, recalled_private = (
            sum(overlaps(s, mine) for _, s, mine in part) for part in (all_gold, beside, private)
        )
        print(
            f"  {name:18s} {len(all_gold):6d} {recalled:5d} {recalled / max(1, len(all_gold)):.3f}   {len(beside):5d} "
            f"{recalled_beside / max(1, len(beside)):.3f}   {len(private):5d} "
            f"{recalled_private / max(1, len(private)):.3f}   {count:5d} {right / max(1, count):.3f} {exact / max(1, count):.3f}"
        )
        missed = collections.Counter(trigger(t, s) for t, s, mine in beside if not overlaps(s, mine))
        of = collections.Counter(trigger(t, s) for t, s, _ in beside)
        print("    missed: " + ", ".join(f"{word} {n} of {of[word]}" for word, n in missed.most_common(12)))


def finest(parts: set[str]) -> str:
    """Return the finest part that an address names."""
    return next((name for name, kinds in FINEST if parts & kinds), "district")


def addresses(engine: Engine, folder: Path) -> None:
    """Print how much of the addresses is found, and what share of the hits in running text are places."""
    rows = list(read(folder / "address_train.jsonl.zst"))
    kinds = [finest({s["type"] for s in row["spans"]}) for row in rows]
    totals = collections.Counter(kinds)
    print("addresses found (any part; share of their characters), by the finest part named")
    for frame, pattern in FRAMES.items():
        start = pattern.index("{")
        found = hits(engine, [pattern.format(row["text"]) for row in rows], "ADDRESS")
        any_part: collections.Counter[str] = collections.Counter()
        covered: collections.Counter[str] = collections.Counter()
        characters: collections.Counter[str] = collections.Counter()
        for row, kind, mine in zip(rows, kinds, found, strict=True):
            end = start + len(row["text"])
            inside = sum(max(0, min(e, end) - max(s, start)) for s, e in mine)
            any_part[kind] += inside > 0
            covered[kind] += inside
            characters[kind] += len(row["text"])
        shown = ", ".join(
            f"{kind} {any_part[kind] / totals[kind]:.3f} ({covered[kind] / characters[kind]:.3f}, n={totals[kind]})"
            for kind in ("room", "house", "road", "district")
            if totals[kind]
        )
        print(f"  {frame:14s} {shown}")
    print("addresses in running text (hits; overlapping a gold place; per million characters not overlapping)")
    for name, label in PLACES.items():
        rows = list(read(folder / f"{name}.jsonl.zst"))
        found = hits(engine, [row["text"] for row in rows], "ADDRESS")
        gold = [[(s["start"], s["end"]) for s in row.get("spans", ()) if s["type"] == label] for row in rows]
        right = sum(overlaps(hit, of) for of, mine in zip(gold, found, strict=True) for hit in mine)
        count, size = sum(map(len, found)), sum(len(row["text"]) for row in rows)
        print(f"  {name:18s} {count:4d} {right / max(1, count):.3f} {(count - right) * 1e6 / size:.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    engine = Engine(ScrubSettings())
    engine.load()
    names(engine, folder)
    addresses(engine, folder)


if __name__ == "__main__":
    main()
