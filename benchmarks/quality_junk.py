"""Junk for the quality benchmark, by kind: made from real pages and texts, or from grammars written here.

What each kind is made of stands in ``KINDS``. The grammars share no code with the
lexicon: their words and frames (``quality_junk_templates.yaml``) were written as
the spam reads on the web, before the thresholds were set.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

KINDS = {
    "mojibake": "genuine texts decoded with the wrong one of UTF-8, GB18030, Big5, Windows-1252",
    "salad_words": "genuine texts, jieba's words shuffled, marks too",
    "salad_in_clauses": "genuine texts, jieba's words shuffled, every mark left in its place",
    "salad_words_run_on": "the same without any mark",
    "salad_characters": "genuine texts, characters shuffled, marks too",
    "salad_fragments": "fragments of 6-12 characters from a hundred genuine texts strung together",
    "link_farm": "anchor texts of the WARC pages, 40-200 of them, one a line or in a row",
    "link_directory": "site names with URLs, one a line",
    "keyword_row": "city x product keywords in a row",
    "keyword_stuffing": "sentences that repeat one product keyword",
    "doorway": "company template with city and product filled in, repeated paragraphs",
    "placeholder": "error pages, login walls, unfilled templates, filler text",
    "gambling": "grammar of gambling advertisements",
    "pornography": "grammar of pornographic link pages and escort advertisements (mild wording)",
    "services": "grammar of certificate, invoice, loan and detective advertisements",
    "games": "grammar of private-server and cheat advertisements",
    "flood": "one sentence, exclamation or emoji row repeated",
    "code": "scripts, style sheets and JSON left over from pages",
    "numbers": "tables of digits",
}  # fmt: skip


@cache
def templates() -> dict[str, Any]:
    """Return the words and frames of ``quality_junk_templates.yaml``, which says what each is."""
    text = Path(__file__).with_name("quality_junk_templates.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def _city(rng: random.Random) -> str:
    return rng.choice(templates()["cities"])


def _good(rng: random.Random) -> str:
    return rng.choice(templates()["goods"])


def make(kind: str, count: int, texts: Sequence[str], anchors: Sequence[str], seed: int = 7) -> Iterator[str]:
    """Yield ``count`` documents of ``kind``; the same arguments give the same documents."""
    for number in range(count):
        rng = random.Random(f"{seed}:{kind}:{number}")
        yield _MAKERS[kind](rng, texts, anchors)


def _long_text(rng: random.Random, texts: Sequence[str]) -> str:
    while True:
        text = rng.choice(texts)
        if len(text) >= 200:
            return text[:1500]


def _mojibake(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    text = _long_text(rng, texts)
    written, read = rng.choice(
        [("utf-8", "gb18030"), ("utf-8", "cp1252"), ("utf-8", "big5"), ("gb18030", "cp1252"), ("gb18030", "utf-8"),
         ("gb18030", "big5")]
    )  # fmt: skip
    return text.encode(written, "replace").decode(read, "replace")


def _words(text: str) -> list[str]:
    import jieba

    jieba.setLogLevel(60)
    return [word for word in jieba.cut(text) if word.strip()]


def _salad_words(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    words = _words(_long_text(rng, texts)[:800])
    rng.shuffle(words)
    return "".join(words)


def _salad_in_clauses(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    pieces = _words(_long_text(rng, texts)[:800])
    words = [piece for piece in pieces if piece[0].isalnum()]
    rng.shuffle(words)
    return "".join(words.pop() if piece[0].isalnum() else piece for piece in pieces)


def _salad_words_run_on(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    return re.sub(r"\W+", "", _salad_words(rng, texts, anchors))


def _salad_characters(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    characters = list("".join(_long_text(rng, texts)[:800].split()))
    rng.shuffle(characters)
    return "".join(characters)


def _salad_fragments(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    return _fragments(rng, texts, rng.randint(40, 100), 6, 12)


def _fragments(rng: random.Random, texts: Sequence[str], count: int, shortest: int, longest: int) -> str:
    pieces = []
    for _ in range(count):
        text = "".join(_long_text(rng, texts).split())
        start = rng.randrange(max(len(text) - longest, 1))
        pieces.append(text[start : start + rng.randint(shortest, longest)])
    return "".join(pieces)


def make_fragments(count: int, texts: Sequence[str], length: int, seed: int = 7) -> Iterator[str]:
    """Yield ``count`` documents of about 500 characters, spliced of fragments of ``length`` characters."""
    for number in range(count):
        yield _fragments(random.Random(f"{seed}:{length}:{number}"), texts, 500 // length, length, length)


def _link_farm(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    separator = rng.choice(["\n", "\n", " ", " | ", "  "])
    return separator.join(rng.choice(anchors) for _ in range(rng.randint(40, 200)))


def _link_directory(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    lines = []
    for _ in range(rng.randint(20, 80)):
        name = _city(rng) + _good(rng) + rng.choice(["网", "有限公司", "", "厂家"])
        host = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(rng.randint(4, 10)))
        lines.append(
            f"{name} {rng.choice(['http://www.', 'www.', 'https://'])}{host}.{rng.choice(['com', 'cn', 'net'])}/"
        )
    return "\n".join(lines)


def _keyword_row(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    good = _good(rng)
    tails = ["", "厂家", "价格", "公司", "哪家好", "批发", "电话", "多少钱", "供应商", "报价"]
    separator = rng.choice(["，", "、", " ", "_", "|", ","])
    return separator.join(_city(rng) + good + rng.choice(tails) for _ in range(rng.randint(40, 150)))


def _keyword_stuffing(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    city, good = _city(rng), _good(rng)
    key = city + good
    frames = templates()["keyword_stuffing"]
    return rng.choice(["", "\n"]).join(
        rng.choice(frames).format(k=key, g=good, c=city) for _ in range(rng.randint(8, 25))
    )


def _doorway(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    good = _good(rng)
    frame, cities = templates()["doorway"], templates()["cities"]
    return "\n".join(
        frame.format(c=city, g=good, n=rng.randrange(10**8, 10**9)) for city in rng.sample(cities, rng.randint(6, 25))
    )


def _placeholder(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    return rng.choice(templates()["placeholder"])


def _account(rng: random.Random) -> str:
    contact = rng.choice(templates()["contacts"])
    return contact.replace("{n}", "".join(rng.choice("0123456789") for _ in range(rng.randint(7, 10))))


def _advertisement(rng: random.Random, texts: Sequence[str], anchors: Sequence[str], *, kind: str) -> str:
    grammar = templates()["advertisements"][kind]
    slots = grammar["slots"] | {"c": templates()["cities"], "x": [_account(rng) for _ in range(3)]}
    # A single group costs no draw.
    frames = rng.choice(grammar["groups"]) if len(grammar["groups"]) > 1 else grammar["groups"][0]
    chosen = [rng.choice(frames) for _ in range(rng.randint(*grammar["sentences"]))]
    filled = [re.sub(r"\{(\w+)\}", lambda match: rng.choice(slots[match.group(1)]), frame) for frame in chosen]
    return rng.choice(["", "\n", ""]).join(filled)


def _flood(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    piece = rng.choice(templates()["flood"])
    return rng.choice(["", "", "\n", " "]).join([piece] * rng.randint(40, 200))


def _code(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    lines = []
    for _ in range(rng.randint(20, 60)):
        name = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(3, 8)))
        lines.append(
            rng.choice(
                [f"var {name} = document.getElementById('{name}'); // {_good(rng)}", f".{name} {{ margin: 0 auto; width: {rng.randint(1, 999)}px; }}",
                 f'{{"{name}": "{_city(rng)}", "id": {rng.randint(1, 99999)}, "url": "/{name}.html"}},', f"$('#{name}').click(function(){{ alert('{_city(rng)}'); }});",
                 f"function {name}(e) {{ return e.{name} || window.event; }}"]
            )
        )  # fmt: skip
    return "\n".join(lines)


def _numbers(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    head = rng.choice(["期号 号码 和值 大小", "代码 名称 现价 涨幅", "日期 开盘 收盘 最高 最低", "编号 型号 数量 单价"])
    names = ["大", "小", "单", "双", "涨", "跌", *templates()["cities"]]
    rows = [
        " ".join(
            [
                str(rng.randint(1, 99999)),
                rng.choice(names),
                *(f"{rng.random() * 100:.2f}" for _ in range(rng.randint(2, 6))),
            ]
        )
        for _ in range(rng.randint(30, 120))
    ]
    return "\n".join([head, *rows])


_MAKERS: dict[str, Callable[[random.Random, Sequence[str], Sequence[str]], str]] = {
    "mojibake": _mojibake,
    "salad_words": _salad_words,
    "salad_in_clauses": _salad_in_clauses,
    "salad_words_run_on": _salad_words_run_on,
    "salad_characters": _salad_characters,
    "salad_fragments": _salad_fragments,
    "link_farm": _link_farm,
    "link_directory": _link_directory,
    "keyword_row": _keyword_row,
    "keyword_stuffing": _keyword_stuffing,
    "doorway": _doorway,
    "placeholder": _placeholder,
    **{kind: partial(_advertisement, kind=kind) for kind in ("gambling", "pornography", "services", "games")},
    "flood": _flood,
    "code": _code,
    "numbers": _numbers,
}
