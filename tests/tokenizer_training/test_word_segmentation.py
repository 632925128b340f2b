"""The compiled segmenter gives exactly jieba's words."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

jieba = pytest.importorskip("jieba", reason="jieba is not installed")

from tokenizer_training import segmentation  # noqa: E402

SHARED_TEXT = Path(__file__).resolve().parents[3] / "shared" / "data" / "text"

PASSAGES = [
    "我来到北京清华大学，他来到了网易杭研大厦。",
    "小明硕士毕业于中国科学院计算所，后在日本京都大学深造",
    "工信处女干事每月经过下属科室都要亲口交代24口交换机等技术性器件的安装工作",
    "乔巴·罗洛诺亚和娜美在伟大航路遇见了凯多。\r\n\r\n第二章\n\n  她说：“再见！”",
    "售价 3.14% 起，C++ 与 C# 以及 a.b_c-d&e+f 都行；iPhone12 mini 128GB",
    "价格.5元，50.%，1.2.3，a%b，v2.0beta%，..5..",
    "㐀𠮷野家　全角ＡＢＣ\t制表符\u00a0不换行",
    "阿诗玛慕容晴雯欧阳锋司马懿",
    "",
    "\r\r\n\n",
    "王二麻子李雷韩梅梅张伟李娜",
]


@pytest.fixture(scope="module", autouse=True)
def _quiet_jieba() -> None:
    jieba.setLogLevel(60)
    jieba.initialize()


@pytest.mark.parametrize("text", PASSAGES)
def test_words_equal_jieba(text: str) -> None:
    assert segmentation.cut(text) == jieba.lcut(text)


@settings(max_examples=150, deadline=None)
@given(
    st.text(
        st.one_of(
            st.sampled_from("的一是不了人我在有他这中大来上国和地到以说时要就出会可也你对生能而子那得于着下自之年"),
            st.sampled_from("王李张刘陈杨慕容欧阳龘齉爨囍鿕鿖一丁"),
            st.sampled_from("abcXYZ0129.%+#&_- \n\r\t，。！“”▁▂▃\u3000"),
            st.characters(codec="utf-8"),
        ),
        max_size=60,
    )
)
def test_words_equal_jieba_on_any_text(text: str) -> None:
    assert segmentation.cut(text) == jieba.lcut(text)


def shared_documents(count: int) -> Iterator[str]:
    """Yield ``count`` real documents, the same ones every time, or nothing where the data is missing."""
    import zstandard

    generator = random.Random(20210101)
    files = sorted(SHARED_TEXT.glob("*.jsonl.zst"))
    per_file = -(-count // max(len(files), 1))
    for path in files:
        with path.open("rb") as raw:
            reader = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(raw), encoding="utf-8")
            lines = reader.read().splitlines()
        for line in generator.sample(lines, min(per_file, len(lines))):
            yield json.loads(line)["text"]


@pytest.mark.slow
def test_words_equal_jieba_on_five_thousand_documents() -> None:
    documents = [text[:5000] for text in shared_documents(5400)]
    if not documents:
        pytest.skip(f"{SHARED_TEXT} does not exist")
    assert len(documents) >= 5000
    for text in documents:
        assert segmentation.cut(text) == jieba.lcut(text)
