"""A small input of every kind of document, written for these tests, and builds over it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from corpus.config.build import BuildConfig

SUBJECTS = ("合同纠纷", "医疗保险", "城市规划", "水稻种植", "芯片制造", "古籍修复", "足球联赛", "高等教育", "铁路运输", "股票市场")
PLACES = ("长沙", "兰州", "厦门", "哈尔滨", "昆明", "合肥", "南宁", "西宁")
OPENINGS = (
    "{place}市有关部门近日就{subject}问题召开了一次座谈会，来自各行各业的代表发表了自己的看法。",
    "谈起{subject}，住在{place}的老人们总有说不完的话，他们亲眼看着这件事一点一点地改变了生活。",
    "一份关于{subject}的调查报告在{place}发布，研究者走访了十多个乡镇，记录下许多不为人知的细节。",
)
MIDDLES = (
    "会上有人提出，应当先把基础数据弄清楚，再讨论下一步的安排，否则容易顾此失彼。",
    "也有人认为，只要制度公开透明，群众自然会理解，眼前的困难并不难克服。",
    "从过去十年的经验来看，凡是照顾到各方利益的办法，最后都能坚持下来。",
    "一位从业多年的技术人员说，真正的难点不在设备，而在人的习惯和观念。",
    "记录显示，今年上半年的投入比去年同期有所增加，但分布并不均匀。",
    "为了说明这一点，他们画了一张简单的图，把不同年份的变化放在一起比较。",
    "有意思的是，最先改变看法的不是年轻人，而是那些经历过旧办法的人。",
)
ENDINGS = (
    "无论结果如何，这次讨论至少让更多的人开始关心{subject}。",
    "下一次会议定在明年春天，届时{place}方面将公布完整的材料。",
    "至于{subject}今后往哪里走，还要看各方能不能坐到一起。",
)


def article(number: int) -> str:
    """Return article ``number``: about 400 characters, distinct from every other."""
    place, subject = PLACES[number % len(PLACES)], SUBJECTS[number % len(SUBJECTS)]
    order = [MIDDLES[(number * 3 + step * (1 + number % 5)) % len(MIDDLES)] for step in range(7)]
    numbered = [f"第{number}号材料的第{step + 1}部分写道：{line}" for step, line in enumerate(order)]
    lines = [OPENINGS[number % 3], *numbered, ENDINGS[(number // 3) % 3]]
    return "\n".join(line.format(place=place, subject=subject) for line in lines)


@pytest.fixture(scope="session")
def written_input(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with JSONL (plain and gz), HTML and text files: articles, duplicates, PII, Japanese, junk, broken lines."""
    folder = tmp_path_factory.mktemp("input")
    rows = [{"id": f"a{n}", "url": f"https://news{n % 3}.example/{n}", "text": article(n)} for n in range(40)]
    rows.append({"id": "a3", "url": "https://news0.example/3", "text": article(3)})  # the same document seen twice
    rows += [{"id": f"copy{n}", "url": f"https://mirror.example/{n}", "text": article(n)} for n in (5, 6, 7)]
    rows.append({"id": "edited", "url": "https://mirror.example/e", "text": article(9).replace("有意思的是", "值得一提的是")})
    rows.append({"id": "pii", "url": "https://news0.example/pii", "text": article(50) + "\n联系电话：13812345678，邮箱 zhangsan@example.com。"})
    rows.append({"id": "ja", "url": "https://ja.example/1", "text": "これは日本語の文章です。東京の天気は晴れでした。" * 12})
    rows.append({"id": "short", "url": "https://news0.example/s", "text": "好。"})
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "b_documents.jsonl").write_text("\n".join([*lines, '{"id": "broken", "text": ']) + "\n", encoding="utf-8")
    more = [json.dumps({"id": f"g{n}", "url": f"https://g.example/{n}", "text": article(100 + n)}, ensure_ascii=False) for n in range(20)]
    with gzip.open(folder / "c_more.jsonl.gz", "wt", encoding="utf-8") as stream:
        stream.write("\n".join(more))
    pages = folder / "d_pages"
    pages.mkdir()
    for n in range(6):
        body = "".join(f"<p>{line}</p>" for line in article(200 + n).splitlines())
        page = f"<html><head><meta charset='gbk'><title>第{n}篇</title></head><body><article>{body}</article></body></html>"
        (pages / f"p{n}.html").write_bytes(page.encode("gbk"))
    (folder / "e_note.txt").write_text(article(300), encoding="utf-8")
    (folder / "f_archive.arc").write_bytes(b"filedesc://old.arc 0.0.0.0 20010101000000 text/plain 10\n1 0 x\n\n")
    return folder


@pytest.fixture(scope="session")
def make_config() -> Callable[..., BuildConfig]:
    """Return a function (input folder, output, section overrides) -> configuration with small shards and splits."""

    def make(source: Path, output: Path, **sections: dict[str, object]) -> BuildConfig:
        tree: dict[str, object] = {
            "input": {"paths": [str(source)], "split_bytes": 16_000, "bundle_bytes": 4_000},
            "output": str(output),
            "publish": {"shard_bytes": 1 << 16, "valid_share": 0.1},
            "tokenise": False,
        }
        for name, section in sections.items():
            base = tree.get(name)
            tree[name] = {**base, **section} if isinstance(base, dict) and isinstance(section, dict) else section
        return BuildConfig.model_validate(tree)

    return make
