"""Word signals against values worked out by datatrove's definitions."""

from __future__ import annotations

import pytest

from corpus.quality.word_signals import WORD_SIGNALS, measure_words, word_signals


def test_blank_text_has_zeros() -> None:
    assert set(measure_words("", []).values()) == {0.0}


def test_duplicate_ngrams_are_greedy_and_do_not_overlap() -> None:
    words = list("甲乙丙丁戊") * 3
    values = measure_words("".join(words), words)
    # The second and the third group of five repeat the first; each is counted once. The ten from the second on repeat the first ten.
    assert values["word_duplicate_5gram_share"] == round(10 / 15, 4)
    assert values["word_duplicate_10gram_share"] == round(10 / 15, 4)


def test_top_ngram_counts_the_spaces_between_words_as_datatrove_does() -> None:
    words = ["今天", "天气", "今天", "天气", "好"]
    assert measure_words("今天天气今天天气好", words)["word_top_2gram_share"] == round(5 * 2 / 9, 4)


def test_lines() -> None:
    text = "写完了。\n写完了。\n- 条目\n没完…"
    values = measure_words(text, ["写", "完", "了", "。", "条目", "没", "完", "…"])
    assert values["word_line_punctuation_share"] == 0.5
    assert values["word_duplicate_line_share"] == 0.25
    assert values["word_bullet_line_share"] == 0.25
    assert values["word_ellipsis_line_share"] == 0.25
    assert values["word_newline_ratio"] == round(3 / 8, 4)
    assert values["word_count"] == 6
    assert values["word_stopwords"] == 1


def test_jieba() -> None:
    pytest.importorskip("jieba")
    values = word_signals("他在北京的图书馆工作，也写了很多书。")
    assert list(values) == list(WORD_SIGNALS)
    assert values["word_stopwords"] >= 4
