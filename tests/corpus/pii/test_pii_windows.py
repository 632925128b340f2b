"""Looking for an expression near the prefilter's hits only finds what looking everywhere finds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from corpus.config.scrub import ScrubSettings
from corpus.pii import prefilter
from corpus.pii.engine import Engine
from corpus.pii.expressions import anchored, before_keep, max_width
from corpus.pii.prefilter import UNKNOWN, HyperscanPrefilter, Prefilter, Re2Prefilter
from corpus.pii.rules import read_rules, rules_folder
from corpus.pii.shadow_kernel import CLUSTER, MAX_CLUSTER, PAIR
from corpus.pii.windows import matches, windows
from corpus.pii.windows_kernel import place_windows

EXPRESSIONS = [pattern.regex for rule in read_rules([rules_folder(None)]) for pattern in rule.patterns]
PIECES = [
    "姓名：", "李文博", "原告", "患者", "，", "。", "\n", " ", "先生", "137", "61234095", "@", "li.ming", "163.com", "1", "12", "路",
    "5号", "微信", "wx_2020abc", "·", "男", "1988-03-21", "生", "浙A", "7K23M", "a", "A1", "(", ")", "-", ".", ":", "住", "小区",
]  # fmt: skip
FLAGS = regex.MULTILINE | regex.DOTALL


@pytest.mark.parametrize(
    ("expression", "width"),
    [
        (r"ab{2,5}", 8),
        (r"(?<![0-9])1[0-9]{10}(?![0-9A-Z])", 15),
        (r"(?:手机|电话)\K[0-9]{3}", 7),
        (r"(?r)[一-龥]{2,4}(?=先生|[)\]])", 8),
        (r"[\[(]a\]", 5),
        (r"a*", None),
        (r"a{1,9000}", None),
        (r"\p{Han}+", None),
    ],
)
def test_width(expression: str, width: int | None) -> None:
    assert max_width(expression) == width


@pytest.mark.parametrize(
    ("expression", "head"),
    [
        (r"(?:姓名|户名)[: ]\K[一-龥]{2}", r"(?:姓名|户名)[: ]"),
        (r"(?:姓名\K[一-龥]{2}|a)", None),
        (r"姓名\K[一-龥]{2}|户名", None),
        (r"[\K]姓名\\K[一-龥]", None),
        (r"(?r)[一-龥]\K先生", None),
    ],
)
def test_what_stands_before_the_part_that_is_kept(expression: str, head: str | None) -> None:
    assert before_keep(expression) == head


@pytest.mark.parametrize(
    ("expression", "class_added"),
    [
        (r"(?r)[一-龥]{2,4}(?=先生|律师(?!事务所)|[:,]?号)", "先律:,号"),
        (r"(?r)[一-龥]{2,4}(?=[,， ]{0,2}(?:性别|$))", None),
        (r"(?r)[一-龥]{2,4}先生", None),
        (r"[一-龥]{2,4}(?=先生)", None),
    ],
)
def test_a_search_backwards_starts_at_the_class_of_its_lookahead(expression: str, class_added: str | None) -> None:
    faster = anchored(expression)
    assert (faster != expression) == (class_added is not None)
    if class_added is not None:
        added = regex.compile(faster[len(expression) :])
        assert {char for char in "先律师号:,，男 a" if added.match(char)} == set(class_added)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=40), number=st.integers(0, len(EXPRESSIONS) - 1))
def test_the_anchored_expression_has_the_same_matches(pieces: list[str], number: int) -> None:
    text, expression = "".join(pieces), EXPRESSIONS[number]
    faster, plain = regex.compile(anchored(expression), FLAGS), regex.compile(expression, FLAGS)
    assert [m.span() for m in faster.finditer(text)] == [m.span() for m in plain.finditer(text)]


def windows_of(texts: list[str], places: list[tuple[int, int, int, int, int]], **search: int) -> list[str]:
    data, borders = texts_of(texts)
    wanted = np.ones(len(texts), dtype=np.bool_)
    given = {"kind": CLUSTER, "least": 6, "reach": 1, "width": 99} | search
    found = place_windows(data, borders, np.array(places), wanted, *given.values())
    assert all(borders[row] <= low <= high < borders[row + 1] for row, low, high in found.tolist())
    return [str(data[low:high], "utf-8") for _, low, high in found.tolist()]


def test_windows_grow_by_code_points_and_stay_in_their_rows() -> None:
    texts = ["电话a13761234095转2号", "", "b7654321"]
    places = [(0, 7, 18, CLUSTER, 11), (0, 21, 22, CLUSTER, 1), (2, 28, 35, CLUSTER, 7)]
    assert windows_of(texts, places) == ["a13761234095转", "b7654321"]
    assert windows_of(texts, places, least=1) == ["a13761234095转2号", "b7654321"]
    assert windows_of(texts, places, least=1, reach=0) == ["13761234095", "2", "7654321"]
    assert windows_of(texts, places, reach=99) == ["电话a13761234095转2号", "b7654321"]
    assert windows_of(texts, places, least=9) == ["a13761234095转"]


def test_made_digits_are_a_place_of_every_kind_and_pairs_have_their_own_reach() -> None:
    texts = ["甲乙丙丁戊己庚辛壬癸"]
    pair, made = (0, 9, 12, PAIR, 2), (0, 24, 27, CLUSTER, MAX_CLUSTER)
    search = {"kind": PAIR, "least": 0, "width": 1}
    assert windows_of(texts, [pair], reach=9, **search) == ["乙丙丁戊己"]
    assert windows_of(texts, [pair, made], reach=1, **search) == ["丙丁戊", "辛壬癸"]
    assert windows_of(texts, [pair, made], reach=9, **search | {"least": 3}) == ["辛壬癸"]


@settings(max_examples=200, deadline=None)
@example(text="11", cuts=[(2, 0, 1), (1, 0, 0), (1, 0, 1)])
@given(
    text=st.text(st.sampled_from("a长1 é😀"), max_size=60),
    cuts=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3), st.integers(0, 9)), max_size=12),
)
def test_windows_hold_the_reach_of_every_place(text: str, cuts: list[tuple[int, int, int]]) -> None:
    """Also where places are out of order and reach differently far; and they do not touch each other twice."""
    data, borders = texts_of([text])
    sizes = np.cumsum([0, *(len(char.encode()) for char in text)])
    places, needed = [], set()
    for start, size, reach in cuts:
        low, high = min(start, len(text)), min(start + size, len(text))
        places.append((0, sizes[low], sizes[high], PAIR, reach))
        needed.update(range(max(0, low - reach), min(len(text), high + reach)))
    rows = np.array(places, dtype=np.int64).reshape(-1, 5)
    found = place_windows(data, borders, rows, np.ones(1, dtype=np.bool_), PAIR, 0, 9, 9)
    held = [at for _, low, high in found.tolist() for at in range(low, high)]
    assert len(held) == len(set(held))
    assert all(set(range(sizes[at], sizes[at + 1])) <= set(held) for at in needed)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=60),
    number=st.integers(0, len(EXPRESSIONS) - 1),
    extra=st.lists(st.integers(0, 300), max_size=3),
)
def test_matches_in_windows_are_all_matches(pieces: list[str], number: int, extra: list[int]) -> None:
    """Windows round the ends of all true matches, and round places where there is nothing."""
    text = "".join(pieces) * 6
    compiled, width = regex.compile(EXPRESSIONS[number], FLAGS), max_width(EXPRESSIONS[number])
    everywhere = [match.span() for match in compiled.finditer(text)]
    # Every place where it matches at all, not only those that finditer takes: the prefilter reports them too.
    overlapping = [match.end() for match in compiled.finditer(text, overlapped=True)]
    within = windows([*overlapping, *(place for place in extra if place <= len(text))], width, len(text))
    if within is None or width is None:
        return
    assert sorted(match.span() for match in matches(compiled, text, within, width)) == sorted(everywhere)


def test_windows_are_disjoint_and_cover_their_places() -> None:
    found = windows([500, 10, 520, 9000], 20, 10_000)
    assert found == [(0, 30), (480, 540), (8980, 9020)]
    assert windows([50], 40, 100) is None
    assert windows([], 5, 1000) is None
    assert windows([5], None, 1000) is None


def texts_of(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the texts as one buffer with a line feed behind each, and their borders."""
    encoded = [text.encode() + b"\n" for text in texts]
    borders = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), borders


def hits_of(prefilter: Prefilter, texts: list[str]) -> list[tuple[int, int, int]]:
    """Return (text, expression, end) of each hit."""
    columns = [column.tolist() for column in prefilter.hits(*texts_of(texts))]
    return list(zip(*columns, strict=True))


def test_hits_belong_to_the_text_that_they_end_in() -> None:
    pytest.importorskip("hyperscan")
    found = HyperscanPrefilter([r"(?<![0-9])1[3-9][0-9]{9}(?![0-9])", "原告[一-龥]", "^起", "止$"])
    hits = hits_of(found, ["电话13761234095", "起诉的原告", "", "李文博", "到此为止"])
    assert {(text, expression) for text, expression, _ in hits} == {(0, 0), (1, 2), (4, 3)}
    assert all(0 < end <= 24 for _, _, end in hits)


def test_a_text_that_matches_everywhere_is_not_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many hits: the scan ends, and the text counts as one where anything may match; the others keep theirs."""
    pytest.importorskip("hyperscan")
    monkeypatch.setattr(prefilter, "MIN_HITS", 20)
    found = HyperscanPrefilter(["[0-9]", "原告", "被告"])
    hits = hits_of(found, ["7" * 3000, "原告5", "无"])
    assert {hit[1:] for hit in hits if hit[0] == 0} == {(0, UNKNOWN), (1, UNKNOWN), (2, UNKNOWN)}
    assert {expression for text, expression, _ in hits if text == 1} == {0, 1}
    assert not [text for text, _, _ in hits if text == 2]


def test_same_spans_where_hits_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("presidio_analyzer")
    pytest.importorskip("hyperscan")
    monkeypatch.setattr(prefilter, "MIN_HITS", 0)
    monkeypatch.setattr(prefilter, "BYTES_PER_HIT", 1 << 20)
    fast, slow = Engine(ScrubSettings(prefilter="hyperscan")), Engine(ScrubSettings(prefilter="none"))
    texts = ["联系人李文博，手机13761234095，" * 3, "今天的天气很好。", "邮箱li.xiaoman@163.com", "原告张晓诉称"]
    column = pa.array(texts, pa.large_string())
    assert fast.scan(column) == slow.scan(column) != {}


def test_re2_without_memory_says_that_anything_may_match() -> None:
    """A set that runs out of memory answers like one without a match; that must not count as an answer."""
    re2 = pytest.importorskip("re2")
    texts = ["原告李文博与被告张晓因合同起纠纷", "今天", ""]
    found = Re2Prefilter(["原告[一-龥]", "今天", "明天"])
    assert [hit[:2] for hit in hits_of(found, texts)] == [(0, 0), (1, 1)]
    silent = re2.Set.SearchSet()
    silent.Add("never in these texts")
    silent.Compile()
    found._set = silent
    assert [hit[:2] for hit in hits_of(found, texts)] == [
        (text, expression) for text in range(3) for expression in range(3)
    ]
