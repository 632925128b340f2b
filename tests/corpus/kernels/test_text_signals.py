"""The counting kernels against plain Python on the same text."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.kernels import aho_corasick, character_classes
from corpus.kernels.buffers import text_buffers
from corpus.kernels.text_counts import CATEGORIES, COVERED, INDEX, POINTS, TOP, Lexicon, load_tables
from corpus.kernels.text_signals import measure
from corpus.quality.lexicon import make_lexicon

CHINESE = st.text(alphabet="的一是不了在有我他这中大来上国，。！？、\n abc123【】…•🙂嘅鐨", max_size=120)


def counts_of(texts: list[str], terms: list[tuple[str, int, str]] | None = None) -> np.ndarray:
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    lexicon = make_lexicon([], terms if terms is not None else [("url", 1, "www.")])
    return measure(data, offsets, load_tables(), lexicon)


def count(text: str, name: str) -> int:
    return int(counts_of([text])[0, INDEX[name]])


def units_of(text: str) -> list[str]:
    """Return the units as the kernel's documentation defines them."""
    units, run = [], ""
    for character in text:
        entry = int(character_classes.classes()[ord(character)]) if ord(character) < 65536 else 0
        if entry & character_classes.RUN:
            run += character
            continue
        if run:
            units.append(run)
            run = ""
        if entry & character_classes.WORD:
            units.append(character)
    return [*units, run] if run else units


def ngram_reference(units: list[str], n: int) -> tuple[int, int]:
    grams = [tuple(units[i : i + n]) for i in range(len(units) - n + 1)]
    seen: set[tuple[str, ...]] = set()
    covered: set[int] = set()
    for i, gram in enumerate(grams):
        if gram in seen:
            covered.update(range(i, i + n))
        seen.add(gram)
    return max(Counter(grams).values(), default=0), len(covered)


class TestCharacters:
    def test_classes(self) -> None:
        text = "汉字abc12，。 かな한글★\n第二行"
        found = {
            name: count(text, name) for name in ("han", "latin", "digits", "kana", "hangul", "symbols", "punctuation")
        }
        assert found == {"han": 5, "latin": 3, "digits": 2, "kana": 2, "hangul": 2, "symbols": 1, "punctuation": 2}
        assert count(text, "chars") == len("".join(text.split()))
        assert count(text, "code_points") == len(text)

    def test_characters_beyond_the_plane(self) -> None:
        assert count("𠮷野家😀", "han") == 3
        assert count("𠮷野家😀", "symbols") == 1

    def test_traditional_and_cantonese_are_not_rare(self) -> None:
        assert count("國際學術會議於臺灣舉行，佢哋喺度傾咗好耐", "rare_han") == 0

    @pytest.mark.parametrize(("written", "read"), [("utf-8", "gb18030"), ("utf-8", "cp1252"), ("gb18030", "cp1252")])
    def test_wrong_decodings_betray_themselves(self, written: str, read: str) -> None:
        text = "昨天下午，市里召开会议，讨论今年的防汛工作和明年的计划。" * 3
        broken = text.encode(written).decode(read, "replace")
        assert count(text, "mojibake") == 0
        assert count(broken, "mojibake") + count(broken, "broken") > 0.1 * count(broken, "chars")


class TestLines:
    def test_lines_and_their_ends(self) -> None:
        text = "第一行写完了。\n\n第二行没有写完\n• 列表的一项\n还有下文……\n更多\n第一行写完了。\n"
        assert count(text, "lines") == 6
        assert count(text, "terminal_lines") == 3
        assert count(text, "bullet_lines") == 1
        assert count(text, "ellipsis_lines") == 1
        assert count(text, "duplicate_lines") == 1
        assert count(text, "duplicate_line_chars") == 7

    def test_carriage_returns_and_the_missing_last_newline(self) -> None:
        assert count("甲\r\n乙\r\n丙", "lines") == 3

    def test_spacing_between_han_and_latin_does_not_part_a_clause(self) -> None:
        assert count("我们用 Python 写程序，很方便。", "loose_units") == 0
        assert count("首页 新闻 论坛 博客", "loose_units") == 8

    def test_misplaced_particles(self) -> None:
        assert count("他走了很远的路，最后到了海边。", "misplaced_clauses") == 0
        assert count("的路很远他走，到了海边最后不。", "misplaced_clauses") == 2

    def test_forbidden_pairs_count_in_both_scripts(self) -> None:
        assert count("被的", "unlikely_pairs") == 1
        assert count("我們會说", "unlikely_pairs") == count("我们会说", "unlikely_pairs") == 0
        assert count("沒們", "unlikely_pairs") == count("没们", "unlikely_pairs")


class TestNgrams:
    @settings(max_examples=80, deadline=None)
    @given(st.text(alphabet="甲乙丙，ab1 \n", max_size=80))
    def test_equal_to_the_definition(self, text: str) -> None:
        row = counts_of([text])[0]
        units = units_of(text)
        assert row[INDEX["units"]] == len(units)
        for n in range(2, 11):
            top, covered = ngram_reference(units, n)
            assert row[TOP + n - 2] == top if n < 5 else row[COVERED + n - 2] == covered, n

    def test_a_text_of_one_character(self) -> None:
        row = counts_of(["哈" * 1000])[0]
        assert row[TOP] == 999
        assert row[COVERED + 3] == 999

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.text(alphabet="甲乙丙丁，", max_size=30), max_size=6))
    def test_collisions_are_those_of_drawing_without_replacement(self, texts: list[str]) -> None:
        for text, row in zip(texts, counts_of(texts) if texts else [], strict=True):
            characters = Counter(character for character in text if character != "，")
            assert row[INDEX["collisions"]] == sum(c * (c - 1) for c in characters.values())
            assert row[INDEX["distinct_words"]] == len(characters)


class TestBatches:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(CHINESE, min_size=1, max_size=6))
    def test_a_document_does_not_see_its_neighbours(self, texts: list[str]) -> None:
        together = counts_of(texts)
        for text, row in zip(texts, together, strict=True):
            assert np.array_equal(counts_of([text])[0], row)

    def test_sliced_arrays(self) -> None:
        column = pa.array(["前面的文字", "后面的文字，写完了。"], pa.large_string())
        data, offsets = text_buffers(column.slice(1))
        row = measure(data, offsets, load_tables(), make_lexicon([], [("url", 1, "www.")]))
        assert np.array_equal(row[0], counts_of(["后面的文字，写完了。"])[0])

    def test_empty_input(self) -> None:
        assert counts_of([]).shape[0] == 0
        assert counts_of([""])[0].sum() == 0


class TestLexicon:
    def points(self, text: str, category: str, terms: list[tuple[str, int, str]]) -> int:
        return int(counts_of([text], terms)[0, POINTS + CATEGORIES.index(category)])

    def test_overlapping_and_nested_terms(self) -> None:
        terms = [("gambling", 1, "百家"), ("gambling", 2, "百家乐"), ("games", 1, "家乐"), ("games", 5, "乐园")]
        assert self.points("百家乐园", "gambling", terms) == 3
        assert self.points("百家乐园", "games", terms) == 6

    def test_full_width_and_case_are_folded(self) -> None:
        assert self.points("加ＱＱ或qq", "contact", [("contact", 1, "QQ")]) == 2

    def test_a_term_earns_points_three_times_at_most(self) -> None:
        assert self.points("彩金" * 10, "gambling", [("gambling", 2, "彩金")]) == 6

    def test_a_match_does_not_cross_lines(self) -> None:
        assert self.points("彩\n金", "gambling", [("gambling", 2, "彩金")]) == 0

    def test_two_terms_with_one_string(self) -> None:
        terms = [("gambling", 2, "开户"), ("promotion", 1, "开户")]
        assert self.points("开户", "gambling", terms) == 2
        assert self.points("开户", "promotion", terms) == 1

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.text(alphabet="甲乙丙丁", min_size=1, max_size=4), min_size=1, max_size=8, unique=True),
        st.text(alphabet="甲乙丙丁戊", max_size=60),
    )
    def test_finds_what_a_search_finds(self, terms: list[str], text: str) -> None:
        rows = [("url", 1, term) for term in terms]
        expected = sum(text.startswith(term, i) for term in terms for i in range(len(text)))
        assert self.points(text, "url", rows) == expected

    def test_an_empty_term_is_refused(self) -> None:
        with pytest.raises(ValueError, match="empty term"):
            aho_corasick.build([""], aho_corasick.ascii_folding())

    def test_contacts_need_a_cue_or_the_form_of_a_mobile_number(self) -> None:
        terms = [("contact", 1, "微信")]
        row = counts_of(
            ["加微信 12345678 详谈", "编号 12345678 的文件", "请打13812345678", "共13812345678901元"], terms
        )
        assert row[:, INDEX["contacts"]].tolist() == [1, 0, 1, 0]


def test_lexicon_type() -> None:
    assert isinstance(make_lexicon(["词"]), Lexicon)
