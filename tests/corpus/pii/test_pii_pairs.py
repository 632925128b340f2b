"""Every match of an expression holds a pair, a stretch or a cluster that was read off it."""

from __future__ import annotations

import numpy as np
import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.pii.digits import Stretch, ascii_stretch
from corpus.pii.edges import Ranges, first, last, parsed
from corpus.pii.pairs import Cut, needed_pairs, pair_tables
from corpus.pii.rules import read_rules, rules_folder

EXPRESSIONS = sorted({pattern.regex for rule in read_rules([rules_folder(None)]) for pattern in rule.patterns})
PIECES = [
    "姓名：", "李文博", "原告", "被告人(二审)", "患者", "，", ",", "。", "\n", " ", "先生", "137", "61234095", "@", "li.ming", "163.com", "1",
    "路", "5号", "三组", "微信", ":wx_2020abc", "男", "1988-03-21", "生", "浙A", "7K23M", "挂", "(", ")", "-", ".", "住", "小区", "出生",
    "weibo.com/u/", "ab:cd:ef:01:23:45", "°", "30", "'", "12", "东经", "MAC:", "我", "的", "一九八八年三月", "尊敬的", "#", "at", "dot",
]  # fmt: skip


def ranges(characters: str) -> Ranges:
    return frozenset((ord(char), ord(char)) for char in characters)


def holds(text: str, cuts: list[Cut]) -> bool:
    return any(
        any(low <= ord(text[at - 1]) <= high for low, high in left)
        and any(low <= ord(text[at]) <= high for low, high in right)
        for at in range(1, len(text))
        for left, right in cuts
    )


@pytest.mark.parametrize(
    ("expression", "cuts"),
    [
        ("原告|被告", [("原", "告"), ("被", "告")]),
        ("[0-9]号", [("0123456789", "号")]),
        ("路?[甲乙]丙?丁", [("甲乙丙", "丁")]),
        (r"[一-龥]{2,4}(?=先生)", [("先", "生")]),
        (r"(?<=我)生于", [("我", "生")]),
        (r"\K室", None),
        ("甲*乙", None),
        ("(?i)ab", None),
        ("甲乙|丙", None),
    ],
)
def test_pairs_that_an_expression_needs(expression: str, cuts: list[tuple[str, str]] | None) -> None:
    found = needed_pairs(expression)
    if cuts is None:
        assert found is None
        return
    assert found is not None
    single = [
        (frozenset((p, p) for low, high in left for p in range(low, high + 1)), right) for left, right in found.cuts
    ]
    assert single == [(ranges(left), ranges(right)) for left, right in cuts]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=30), number=st.integers(0, len(EXPRESSIONS) - 1))
def test_every_match_holds_a_pair(pieces: list[str], number: int) -> None:
    text, pairs = "".join(pieces), needed_pairs(EXPRESSIONS[number])
    for match in regex.finditer(EXPRESSIONS[number], text, regex.MULTILINE | regex.DOTALL, overlapped=True):
        # The pair may lie in a look-around; \K hides what stands before it.
        near = text[max(0, match.start() - 60) : match.end() + 60]
        assert pairs is None or holds(near, pairs.cuts)


@pytest.mark.parametrize(
    ("expression", "stretch"),
    [
        (r"(?<![0-9])AKIA[0-9A-Z]{16}(?![0-9])", Stretch(20, True)),
        (r"sk-(?:proj-|ant-)?[0-9a-z]{20,40}", Stretch(23, True)),
        (r"(?:MAC|地址):[0-9A-F]{12}", Stretch(13, False)),
        (r"[0-9]{4} [0-9]{4}", Stretch(4, False)),
        (r"[^,]{9}", Stretch(0, False)),
        (r"(?i)wxid_[a-z]{9}", Stretch(0, False)),
    ],
)
def test_visible_ascii_that_an_expression_needs(expression: str, stretch: Stretch) -> None:
    assert ascii_stretch(expression) == stretch


def test_what_a_match_starts_and_ends_with() -> None:
    tree = parsed(r"甲?(?:乙|丙[丁戊]*)己?(?=庚)")
    assert first(tree) == (ranges("甲乙丙"), False)
    assert last(tree) == (ranges("己乙丙丁戊"), False)
    assert first(parsed("(?=辛)甲?")) == (ranges("辛"), False)
    assert first(parsed("甲*")) == (ranges("甲"), True)


@given(
    cuts=st.lists(
        st.tuples(st.text("甲乙丙ab", min_size=1), st.text("乙丙丁bc", min_size=1), st.integers(1, 99)), max_size=6
    )
)
def test_tables_hold_the_widest_reach(cuts: list[tuple[str, str, int]]) -> None:
    tables = pair_tables([((ranges(left), ranges(right)), reach) for left, right, reach in cuts])
    assert tables.right[ord("己")] == 0
    for one in "甲乙丙丁abc":
        for other in "甲乙丙丁abc":
            expected = max((reach for left, right, reach in cuts if one in left and other in right), default=0)
            assert tables.reach[tables.left[ord(one)], tables.right[ord(other)]] == expected
    assert np.all(tables.reach[:, 0] == 0)
