"""Segmented lines are jieba's words, one line of a document a line."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

jieba = pytest.importorskip("jieba")

from tokenizer_training.segmentation import cut  # noqa: E402
from tokenizer_training.segmented_lines import segmented_lines  # noqa: E402


def column(*texts: str | None) -> pa.Array:
    return pa.array(texts, pa.large_string())


def test_words_of_documents() -> None:
    found = segmented_lines(column("北京大学的学生  在图书馆\n\n看书。", None, "", " \n\t", "三月\r\n 四月"))
    assert found.decode() == "北京大学 的 学生 在 图书馆\n看书 。\n三月\n四月\n"


def test_a_slice_holds_its_own_rows() -> None:
    whole = column("春天来了。", "夏天来了。", "秋天来了。")
    assert segmented_lines(whole.slice(1, 1)).decode() == "夏天 来 了 。\n"
    assert segmented_lines(whole.slice(0, 0)) == b""


@given(st.lists(st.text(st.sampled_from("中国人民银行的利率abc12 \n，。　\u3000é😀"), max_size=30), max_size=4))
def test_words_are_those_of_the_segmentation(texts: list[str]) -> None:
    expected = ""
    for text in texts:
        for line in text.split("\n"):
            words = " ".join(word for word in cut(line) if word.strip())
            expected += words + "\n" if words else ""
    assert segmented_lines(column(*texts)).decode() == expected
