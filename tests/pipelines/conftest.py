"""A small input of every kind of document, written for these tests, and builds over it."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corpus.config.build import BuildConfig, RunSettings
from pipelines.engines.interface import Engine
from pipelines.engines.registry import make_engine

SUBJECTS = (
    "合同纠纷",
    "医疗保险",
    "城市规划",
    "水稻种植",
    "芯片制造",
    "古籍修复",
    "足球联赛",
    "高等教育",
    "铁路运输",
    "股票市场",
)
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
    "隔壁县的做法恰好相反，他们宁愿多花一年时间，也要等到材料齐全才动手。",
    "晚饭后大家坐在院子里闲谈，话题又绕回到这件事上，谁也不肯先去休息。",
    "专家翻阅了上世纪八十年代的档案，发现类似的争论早已出现过不止一回。",
    "运输成本是绕不开的一关，山路弯多坡陡，一场大雨就可能耽误三四天。",
    "负责记账的会计把每一笔支出都贴在墙上，来往的人随时可以核对。",
    "孩子们把这当作一场游戏，用粉笔在地上画出了他们心里的样子。",
    "天气转凉以后，工作进展明显慢了下来，直到腊月才重新恢复了节奏。",
    "报社派来的记者住了整整一个星期，临走时留下了两本写满字的笔记。",
    "仓库里堆着的旧机器终于派上了用场，修理师傅为此忙了好几个通宵。",
    "反对的声音主要来自下游的几个村子，他们担心水量会因此减少。",
    "后来的统计表明，大约三分之二的家庭愿意继续参加下一年的试验。",
    "图书馆专门辟出一个角落，陈列与此有关的书籍、照片和手写的信件。",
    "银行方面同意把还款期限延长半年，条件是每个季度提交一份说明。",
    "医生提醒说，连续熬夜的人应当先去做一次检查，不要硬撑着上工。",
    "学校把它编进了校本课程，每周五下午由退休的老教师来讲一节课。",
    "站在桥头望过去，新旧两片房子之间隔着一条窄窄的、长满芦苇的河。",
    "邮递员骑着车跑遍了附近的八个寨子，才把通知一封一封地送到手里。",
)
ENDINGS = (
    "无论结果如何，这次讨论至少让更多的人开始关心{subject}。",
    "下一次会议定在明年春天，届时{place}方面将公布完整的材料。",
    "至于{subject}今后往哪里走，还要看各方能不能坐到一起。",
)


def article(number: int) -> str:
    """Return article ``number``: about 400 characters, distinct from every other."""
    place, subject = PLACES[number % len(PLACES)], SUBJECTS[number % len(SUBJECTS)]
    chosen = random.Random(number).sample(MIDDLES, 8)
    lines = [OPENINGS[number % 3], *chosen, ENDINGS[(number // 3) % 3]]
    return "\n".join(line.format(place=place, subject=subject) for line in lines)


@pytest.fixture(scope="session")
def written_input(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with JSONL (plain and gz), HTML and text files: articles, duplicates, PII, Japanese, junk, broken lines."""
    folder = tmp_path_factory.mktemp("input")
    rows = [{"id": f"a{n}", "url": f"https://news{n % 3}.example/{n}", "text": article(n)} for n in range(40)]
    rows.append({"id": "a3", "url": "https://news0.example/3", "text": article(3)})  # the same document seen twice
    rows += [{"id": f"copy{n}", "url": f"https://mirror.example/{n}", "text": article(n)} for n in (5, 6, 7)]
    rows.append(
        {
            "id": "edited",
            "url": "https://mirror.example/e",
            "text": article(9).replace("座谈会", "小型会议").replace("今后", "将来"),
        }
    )
    rows.append(
        {
            "id": "pii",
            "url": "https://news0.example/pii",
            "text": article(50) + "\n联系电话：13907314582，邮箱 lizhi_88@163.com。",
        }
    )
    rows.append(
        {"id": "ja", "url": "https://ja.example/1", "text": "これは日本語の文章です。東京の天気は晴れでした。" * 12}
    )
    rows.append({"id": "short", "url": "https://news0.example/s", "text": "好。"})
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "b_documents.jsonl").write_text("\n".join([*lines, '{"id": "broken", "text": ']) + "\n", encoding="utf-8")
    more = [
        json.dumps({"id": f"g{n}", "url": f"https://g.example/{n}", "text": article(100 + n)}, ensure_ascii=False)
        for n in range(20)
    ]
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

    def make(source: Path, output: Path | str, **sections: object) -> BuildConfig:
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


@pytest.fixture(scope="module")
def storage() -> None:
    """What a worker must find in its environment when it starts; modules with storage of their own override it."""


@pytest.fixture(scope="module")
def engine(storage: object) -> Iterator[Engine]:
    """One worker for all builds of a module."""
    engine = make_engine(RunSettings(workers=1))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def configured(source: Path, make_config: Callable[..., BuildConfig]) -> Callable[..., BuildConfig]:
    """Return a function (output, section overrides) -> configuration that reads the module's ``source`` and tokenises."""

    def configure(output: str, **sections: object) -> BuildConfig:
        tokenizer = {"kind": "bpe", "vocabulary_size": 320}
        return make_config(source, output, **{"tokenise": True, "tokenizer": tokenizer, **sections})

    return configure
