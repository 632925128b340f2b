"""Pages of the kinds that the gold sets lack in Chinese, with their main text: news portals, forum threads,
questions and answers, comment lists, traditional-script news.

Templates and sentences are this project's own. Twenty pages of each kind, the
same every time; templates of one kind rotate. They measure whether structure
is understood, not language: sentences repeat over pages.
"""

from __future__ import annotations

import random
from pathlib import Path
from string import Template

import yaml

HERE = Path(__file__).parent
KINDS = ("portal_news", "forum_thread", "qa", "comment_list", "traditional_news")
PAGES = 20
_ADDRESSES = {
    "portal_news": "https://news.chenguang.example/c/2026-03-{day:02}/doc-{number}.shtml",
    "forum_thread": "https://bbs.qinghe.example/thread-{number}-1-1.html",
    "qa": "https://www.qinghe.example/question/{number}.html",
    "comment_list": "https://www.yingban.example/subject/{number}/comments",
    "traditional_news": "https://www.chenbao.example/news/story/{number}",
}


class Writer:
    """Fills sentences from the tables with a generator of its own."""

    def __init__(self, seed: str, hant: bool) -> None:
        self.random = random.Random(seed)
        self.tables = yaml.safe_load((HERE / "sentences.yaml").read_text(encoding="utf-8"))
        self.lists = self.tables["lists_hant" if hant else "lists"]
        self.hant = hant

    def one(self, table: str) -> str:
        """Return one sentence of a table."""
        sentence = self.random.choice(self.tables[table])
        return sentence.format(**{name: self.random.choice(values) for name, values in self.lists.items()})

    def paragraphs(self, table: str, least: int, most: int) -> list[str]:
        """Return paragraphs of one to four sentences."""
        count = self.random.randint(least, most)
        return ["".join(self.one(table) for _ in range(self.random.randint(1, 4))) for _ in range(count)]

    def links(self, count: int) -> list[str]:
        """Return linked headlines."""
        table = "headline_hant" if self.hant else "headline"
        return [f'<a href="/a/{self.random.randint(1, 99999)}.html">{self.one(table)}</a>' for _ in range(count)]

    def date(self) -> tuple[str, str]:
        """Return a date as shown and in ISO 8601."""
        month, day, hour = self.random.randint(1, 12), self.random.randint(1, 28), self.random.randint(8, 20)
        return f"2026年{month}月{day}日 {hour}:05", f"2026-{month:02}-{day:02}T{hour:02}:05:00+08:00"


def pages(kind: str) -> list[tuple[str, str, str]]:
    """Return (url, html, main text) of each page of a kind; paragraphs and posts are separated by newlines."""
    letters = sorted(path.name[len(kind) + 1] for path in (HERE / "templates").glob(f"{kind}_?.html"))
    return [_page(kind, letters[number % len(letters)], number) for number in range(PAGES)]


def _page(kind: str, letter: str, number: int) -> tuple[str, str, str]:
    writer = Writer(f"{kind}-{letter}-{number}", kind == "traditional_news")
    shown, iso = writer.date()
    furniture = writer.tables["furniture"]
    users = writer.random.sample(furniture["users"], len(furniture["users"]))
    fields = {
        "date": shown,
        "iso": iso,
        "nav": "".join(
            f'<a href="/{i}/">{name}</a> ' for i, name in enumerate(furniture["nav_hant" if writer.hant else "nav"])
        ),
        "person": writer.random.choice(writer.lists["person"]),
        "count": str(writer.random.randint(20, 9000)),
        "title": writer.one("headline_hant" if writer.hant else "headline"),
        "links": "".join(f"<li>{link}</li>" for link in writer.links(6)),
        "links2": "".join(f"<li>{link}</li>" for link in writer.links(10)),
        "links_br": "<br>".join(writer.links(5)),
        "links_br2": "<br>".join(writer.links(6)),
        "links_br3": "<br>".join(writer.links(10)),
        "links_div": "".join(f"<div>{link} <span>12 个回答</span></div>" for link in writer.links(5)),
        "cards": "".join(
            f'<div class="_0zXc"><a href="/c/{i}"><h3>{writer.one("headline_hant" if writer.hant else "headline")}</h3></a>'
            f"<p>{writer.one('hant' if writer.hant else 'news')}</p></div>"
            for i in range(4)
        ),
    }
    for i in range(2):
        fields[f"user{i}"] = users[i]
        fields[f"comment{i}"] = writer.one("hant" if writer.hant else "comment")
        fields[f"related{i}"] = writer.one("headline_hant" if writer.hant else "headline")
    gold = _fill(writer, kind, letter, users, fields)
    template = Template((HERE / "templates" / f"{kind}_{letter}.html").read_text(encoding="utf-8"))
    url = _ADDRESSES[kind].format(day=writer.random.randint(1, 28), number=40000 + number)
    return url, template.substitute(fields), "\n".join(gold)


def _fill(writer: Writer, kind: str, letter: str, users: list[str], fields: dict[str, str]) -> list[str]:
    """Put the main text into ``fields`` and return its paragraphs."""
    if kind.endswith("_news"):
        text = writer.paragraphs("hant" if writer.hant else "news", 4, 12)
        fields["paragraphs"] = "\n".join(f"<p>　　{paragraph}</p>" for paragraph in text)
        fields["paragraphs_br"] = "<br><br>".join(f"&nbsp;&nbsp;&nbsp;&nbsp;{paragraph}" for paragraph in text)
        fields["paragraphs_div"] = "".join(f'<div class="_2wEr"><span>{paragraph}</span></div>' for paragraph in text)
        return text
    post = Template((HERE / "templates" / f"{kind}_{letter}.post.html").read_text(encoding="utf-8"))
    gold = []
    if kind == "qa":
        fields["title"] = writer.one("question")
        detail = writer.paragraphs("question", 1, 2)
        fields["question"] = "".join(f"<p>{paragraph}</p>" for paragraph in detail)
        gold.extend([fields["title"], *detail])
    table = {"forum_thread": "forum", "qa": "answer", "comment_list": "comment"}[kind]
    rendered = []
    for floor in range(writer.random.randint(4, 11)):
        body = writer.paragraphs(table, 1, 3 if kind != "comment_list" else 1)
        gold.extend(body)
        shown, _ = writer.date()
        rendered.append(
            post.substitute(
                id=10000 + floor,
                floor=floor + 1,
                user=users[floor % len(users)],
                date=shown,
                count=writer.random.randint(1, 500),
                body="<br>".join(body),
            )
        )
    fields["posts"] = "\n".join(rendered)
    return gold
