"""The texts of the site: those written by hand (``texts/*.txt``) and those put together from ``banks/*.yaml``."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from draw import Draw, hash_number, shuffled

HERE = Path(__file__).parent
FOREIGN = ("ja", "en", "ko")
FIRST_DAY = datetime.date(2019, 3, 1)
DAYS = 2000
HEADING = "=== "


@dataclass
class Post:
    """One contribution of a thread, an answer, a review or a reader's comment."""

    user: str
    text: str


@dataclass
class Article:
    """One page's content before any markup.

    ``blocks`` are paragraphs; a prefix makes a block a heading (``## ``), a list item (``- ``), a row of a table
    (``| a | b``) or a line of code (four spaces). ``posts`` follow the blocks.
    """

    site: str
    key: str
    title: str
    section: str
    author: str
    blocks: list[str]
    posts: list[Post] = field(default_factory=list)
    language: str = "zh-CN"

    @property
    def day(self) -> datetime.date:
        """The day of publication."""
        return FIRST_DAY + datetime.timedelta(days=hash_number("day", self.key) % DAYS)

    @property
    def number(self) -> int:
        """The number of the page in its site's URLs."""
        return 100_000 + hash_number("number", self.key) % 900_000

    @property
    def text(self) -> str:
        """Everything that a reader came for, without markup."""
        return "\n".join([self.title, *self.blocks, *(post.text for post in self.posts)])


def _parse(path: Path) -> list[Article]:
    """Read one file of hand-written texts: ``=== title | section | author``, a paragraph a line, ``@user text``."""
    articles: list[Article] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(HEADING):
            title, section, author = (part.strip() for part in line[len(HEADING) :].split("|"))
            site, _, _ = path.stem.partition("-")
            language = site if site in FOREIGN else "zh-CN"
            articles.append(Article(site, f"{path.stem}:{title}", title, section, author, [], language=language))
        elif line.startswith("@"):
            user, _, text = line[1:].partition(" ")
            articles[-1].posts.append(Post(user, text))
        elif line.strip() and not line.startswith("# "):
            articles[-1].blocks.append(line)
    return articles


def written() -> list[Article]:
    """All texts written by hand, in the order of file names and of lines."""
    return [article for path in sorted((HERE / "texts").glob("*.txt")) for article in _parse(path)]


def _sentences(draw: Draw, role: Any, slots: dict[str, str]) -> list[str]:
    """The blocks that one role of a bank adds: one variant, or ``pick`` of them, each or joined to a paragraph."""
    if isinstance(role, str):
        return [draw.fill(role, slots)]
    if isinstance(role, list):
        return [draw.fill(draw.choice(role), slots)]
    low, _, high = str(role.get("pick", 1)).partition("-")
    picked = draw.sample(role["of"], draw.between(int(low), int(high or low)))
    filled = [draw.fill(sentence, slots) for sentence in picked]
    return ["".join(filled)] if role.get("join") else filled


def _generate(name: str, bank: dict[str, Any], index: int, shared: dict[str, list[str]]) -> Article:
    """Page ``index`` of a bank: slot values go round in a shuffled order, so that few pages share one."""
    draw = Draw("page", name, index)
    slots = {}
    for slot, values in {**shared, **bank.get("slots", {})}.items():
        turn = index + index // len(values) * (1 + hash_number(name, slot) % 5)
        slots[slot] = str(shuffled(values, name, slot)[turn % len(values)])
    title = draw.fill(shuffled(bank["titles"], name, "title")[index % len(bank["titles"])], slots)
    blocks = [block for role in bank.get("paragraphs", []) for block in _sentences(draw, role, slots)]
    posts = [
        Post(draw.choice(shared["user"]), text)
        for role in bank.get("posts", [])
        for text in _sentences(draw, role, slots)
    ]
    author = slots.get("author", slots["person"])
    return Article(bank["site"], f"{name}:{index}", title, bank["section"], author, blocks, posts)


def generated() -> list[Article]:
    """All pages of all banks, in the order of file names and of banks."""
    shared: dict[str, list[str]] = yaml.safe_load((HERE / "banks" / "shared.yaml").read_text(encoding="utf-8"))
    articles = []
    for path in sorted((HERE / "banks").glob("*.yaml")):
        if path.stem in ("shared", "personal", "junk"):
            continue
        for name, bank in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            articles += [_generate(name, bank, index, shared) for index in range(bank["count"])]
    return articles
