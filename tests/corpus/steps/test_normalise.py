"""Normalise: what is removed, what is kept, and that nothing else changes."""

from __future__ import annotations

import random
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.config.normalise import NormaliseSettings
from corpus.kernels import characters
from corpus.steps.interface import Outcome
from corpus.steps.normalise import Normalise


def loaded(**settings: object) -> Normalise:
    step = Normalise(NormaliseSettings(**settings))
    step.load()
    return step


STEP = Normalise(NormaliseSettings())


@pytest.fixture(scope="module", autouse=True)
def _load() -> None:
    STEP.load()


def run(texts: list[str], titles: list[str | None] | None = None, step: Normalise = STEP) -> Outcome:
    columns = {"text": pa.array(texts, type=pa.large_string())}
    columns["title"] = pa.array(titles or [None] * len(texts), type=pa.string())
    return step.apply(pa.RecordBatch.from_pydict(columns))


def one(text: str, step: Normalise = STEP) -> str:
    (result,) = run([text], step=step).batch.column("text").to_pylist()
    return str(result)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("今天 天气 很好", "今天天气很好"),
        ("你好 ，世界 。 再见", "你好，世界。再见"),
        ("全角　空格", "全角空格"),
        ("他说： “你好” 。", "他说：“你好”。"),
        ("用 Python 3 写 程序", "用 Python 3 写程序"),
        ("two  words", "two words"),
        ("“Yes.” “No.”", "“Yes.” “No.”"),
        ("カタ カナ 는 공백", "カタ カナ 는 공백"),
        ("中文 English 中文", "中文 English 中文"),
        ("不间断\xa0空格 a\xa0b", "不间断空格 a b"),
    ],
)
def test_spaces(text: str, expected: str) -> None:
    assert one(text) == expected


def test_spaces_between_han_can_be_kept() -> None:
    assert one("春眠不觉晓  处处闻啼鸟", loaded(han_spaces=False)) == "春眠不觉晓 处处闻啼鸟"


def test_lines() -> None:
    assert one("\r\n　　第一段。 \r\n\r\n \r\n\r\n　　第二段。\r第三段。\u2028\n") == "第一段。\n\n第二段。\n第三段。"
    assert one("甲\n\n\n乙", loaded(blank_lines=0)) == "甲\n乙"


def test_code_keeps_its_indentation_prose_does_not() -> None:
    text = "示例：\ndef f(x):\n    if x:\n\t\treturn 1\n    中文缩进"
    assert one(text) == "示例：\ndef f(x):\n    if x:\n\t\treturn 1\n中文缩进"
    assert one(text, loaded(indentation=False)) == "示例：\ndef f(x):\nif x:\nreturn 1\n中文缩进"


def test_tabs_separate_cells() -> None:
    assert one("姓名\t 年龄 \t\n张三 \t 12") == "姓名\t年龄\n张三\t12"


@pytest.mark.parametrize(
    "junk",
    ["\x00", "\x1b", "\x7f", "\x9d", "\xad", "\u200b", "\u200e", "\u202e", "\u2060", "\ufeff", "\ufffc", "\ufffd",
     "\ue000", "\uf8ff", "\U000f0000", "\u3164", "\U000e0041", "\ufe0f", "\u200d", "\u200c"],
)  # fmt: skip
def test_invisible_private_and_replacement_characters_go(junk: str) -> None:
    assert one(f"上{junk}下") == "上下"
    assert one(f"{junk}上 {junk} 下{junk}") == "上下"


@pytest.mark.parametrize(
    "kept", ["👩\u200d👩\u200d👧", "❤️", "👍🏽", "می\u200cخواهم", "क्\u200dष", "🏴\U000e0067\U000e007f"]
)
def test_joiners_and_selectors_that_shape_something_stay(kept: str) -> None:
    assert one(f"看 {kept} 吧") == f"看 {kept} 吧"


def test_punctuation_and_traditional_script_are_never_rewritten() -> None:
    text = "「臺灣」的標點，與“大陆”不同……——《書名》〈篇〉，全形ＡＢＣ１２３，半形ABC123；｡､！!？?"
    assert one(text) == text


def test_nfc() -> None:
    assert one("cafe\u0301") == "café"
    assert one("が".replace("が", "か\u3099")) == "が"
    assert one("한국") == "한국"
    assert one("\ufa19") == "神"
    assert one("㈱①") == "㈱①"  # compatibility forms are not NFC's business


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("北京&nbsp;上海", "北京上海"),
        ("A&amp;B", "A&B"),
        ("&amp;nbsp;", "&nbsp;"),
        ("&#20013;&#x6587;", "中文"),
        ("&ldquo;你好&rdquo;", "“你好”"),
        ("AT&T 和 R&D", "AT&T 和 R&D"),
        ("?a=1&copy=2&lt", "?a=1&copy=2&lt"),
        ("&notanentity;", "&notanentity;"),
        ("左&#0;右", "左右"),
        ("e&#769;", "é"),
    ],
)
def test_character_references_are_decoded_once(text: str, expected: str) -> None:
    assert one(text) == expected


def test_references_can_be_kept() -> None:
    assert one("A&amp;B", loaded(entities=False)) == "A&amp;B"


def test_titles_become_one_line_and_null_when_nothing_is_left() -> None:
    outcome = run(["甲", "乙", "丙", "丁"], ["  新闻\n 标题 A\tB ", "\u200b ", None, ""])
    assert outcome.batch.column("title").to_pylist() == ["新闻标题 A B", None, None, None]
    assert outcome.batch.schema.field("title").type == pa.string()


def test_emptied_documents_are_dropped() -> None:
    outcome = run(["\u200b \n\x00", "留下", ""])
    assert [(removal.row, removal.kind, removal.reason) for removal in outcome.removals] == [
        (0, "dropped", "empty_text"),
        (2, "dropped", "empty_text"),
    ]
    assert outcome.batch.column("text").to_pylist() == ["留下"]


def test_quick_check_never_misses_what_nfc_changes() -> None:
    table = characters.classes()
    for code in range(0x110000):
        if not 0xD800 <= code < 0xE000 and not table[code] & characters.COMPOSES:
            character = chr(code)
            assert unicodedata.is_normalized("NFC", character)
            assert unicodedata.combining(character) == 0


ALPHABET = st.sampled_from(
    "中文字，。 　\n\r\t“”…ab1.&;#\u200b\u200d\ufe0f👩❤é\u0301か\u3099\u0627\u200c\ue000\xa0가\u1100\u1161"
)


@given(st.lists(st.text(ALPHABET, max_size=40), max_size=5))
def test_properties(texts: list[str]) -> None:
    outcome = run(texts)
    results = outcome.batch.column("text").to_pylist()
    assert len(results) + len(outcome.removals) == len(texts)
    outcome.batch.validate(full=True)
    for result in results:
        assert unicodedata.is_normalized("NFC", result)
        assert result == result.strip()
        assert "\n\n\n" not in result
        assert not set(result) & set("\r\u200b\ue000\xa0\u3000")
        if "&" not in result:
            assert one(result) == result


@given(st.lists(st.text(max_size=60), min_size=1, max_size=5))
def test_any_text_is_independent_of_batching(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "replace").decode() + "末" for text in texts]
    assert run(texts).batch.column("text").to_pylist() == [one(text) for text in texts]
    batch = run(["头", *texts, "尾"]).batch
    assert batch.slice(1, len(texts)).column("text").to_pylist() == [one(text) for text in texts]


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x9FFF, categories=["Lo", "Ll", "Nd", "Po"])))
def test_visible_characters_are_neither_lost_nor_reordered(text: str) -> None:
    text = unicodedata.normalize("NFC", "字" + text.replace("&", ""))
    kinds = characters.classes()
    kept = "".join(c for c in text if kinds[ord(c)] & characters.CLASS_MASK != characters.REMOVED)
    assert one(text) == kept


def test_mutated_texts() -> None:
    source = random.Random(4)
    pool = [chr(code) for code in (*range(0x20, 0x7F), *range(0x4E00, 0x4E40), *range(0x2000, 0x2070), 0x301, 0x1F469)]
    texts = ["".join(source.choices(pool, k=source.randrange(200))) for _ in range(500)]
    outcome = run(texts)
    assert outcome.batch.num_rows + len(outcome.removals) == 500
    outcome.batch.validate(full=True)
