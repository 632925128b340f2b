"""The prefilters change nothing but the speed, and no expression can be made slow."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.config.scrub import ScrubSettings
from corpus.pii.digits import digit_cluster
from corpus.pii.engine import Engine
from corpus.pii.expressions import widen
from corpus.pii.rules import read_rules, rules_folder
from corpus.pii.windows_kernel import code_points_before

RULES = read_rules([rules_folder(None)])
PIECES = [
    "手机", "电话：", "13912345678", "139 1234 5678", "１３９", "身份证号", "11010519491231002X", "110105 19491231 002X", "，", "。", " ",
    "原告", "被告人", "李文博", "张晓", "先生", "姓名：", "收件人:", "患者", "的", "住", "北京市海淀区", "中关村大街", "5号", "3单元",
    "li.ming@163.com", "abc(at)qq(dot)com", "#", "@", "微信：", "wx_2020abc", "QQ", "284719365", "加V", "浙A7K23M", "1988-03-21", "出生",
    "男，", "生于", "113.87.42.19", "3C:5A:B4:91:0E:7D", "https://github.com/", "someone", "\n", "\u200b", "一三九一二三四五六七八", "①", "·",
    "62226", "4111111111111111", "0571-88123467", "公司", "客服", "400-820-8820", "护照", "E12345678", "C123456(9)", "A123456789", "0x", "(", ")", "ab", "12",
    "市民", "：男，", "尊敬的", "先生：", "收货地址：", "家住", "杭州市西湖区文三路", "10.2.3.1", "ssh ", "@host.net:~/", "v:", "_", "杨淑芬", "\t",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@pytest.fixture(scope="module", params=["hyperscan", "re2"])
def engines(request: pytest.FixtureRequest) -> tuple[Engine, Engine]:
    pytest.importorskip("presidio_analyzer")
    pytest.importorskip(request.param)
    fast, slow = Engine(ScrubSettings(prefilter=request.param)), Engine(ScrubSettings(prefilter="none"))
    fast.load()
    slow.load()
    return fast, slow


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(TEXTS, min_size=1, max_size=12))
def test_same_spans_with_and_without(engines: tuple[Engine, Engine], texts: list[str]) -> None:
    fast, slow = engines
    column = pa.array(texts, pa.large_string())
    assert fast.scan(column) == slow.scan(column)


FILLER = "这天的雨下了一整夜，街上没有什么人。"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(TEXTS, min_size=1, max_size=4), lines=st.lists(st.integers(0, 40), min_size=5, max_size=5))
def test_same_spans_in_long_texts(engines: tuple[Engine, Engine], texts: list[str], lines: list[int]) -> None:
    """Pieces far from each other: digits and what lies round a finding are looked at in windows only."""
    fast, slow = engines
    long = "".join(FILLER * n + text for n, text in zip(lines, [*texts, ""], strict=False))
    column = pa.array(["", long, *texts, long], pa.large_string())
    assert fast.scan(column) == slow.scan(column)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(TEXTS, min_size=2, max_size=8), cut=st.integers(1, 7))
def test_independent_of_batching(engines: tuple[Engine, Engine], texts: list[str], cut: int) -> None:
    engine = engines[0]
    column = pa.array(texts, pa.large_string())
    whole = engine.scan(column)
    parts: dict[int, object] = {}
    for start in range(0, len(texts), cut):
        parts.update({row + start: spans for row, spans in engine.scan(column.slice(start, cut)).items()})
    assert parts == whole


@pytest.mark.parametrize(
    ("expression", "widened"),
    [
        (r"(?<![0-9])1[0-9]{10}(?![0-9])", r"(?:^|[^0-9])1[0-9]{10}(?:$|[^0-9])"),
        (r"(?:QQ)\K[1-9]", r"(?:QQ)[1-9]"),
        (r"(?r)[一-龥]{2,4}(?=先生)", r"[一-龥](?:先生)"),
        (r"a(?=b)c", r"ac"),
        (r"a(?!b)c", r"ac"),
    ],
)
def test_widening(expression: str, widened: str) -> None:
    assert widen(expression) == widened


@pytest.mark.parametrize(
    ("expression", "digits"),
    [
        (r"1[0-9]{10}", 11),
        (r"[0-9]{3}-[0-9]{4}", 7),
        (r"[0-9]{3}[一-龥]{1,2}[0-9]{4}", 4),
        (r"(?:[0-9]{4}|[0-9]{6})", 4),
        (r"[0-9A-F]{12}", 0),
        (r"[0-9]{0,4}[0-9]", 1),
        (r"(?:[ \-]?[0-9]){9}", 9),
    ],
)
def test_digits_that_an_expression_needs(expression: str, digits: int) -> None:
    assert digit_cluster(expression) == digits


def test_an_end_inside_a_code_point_counts_it() -> None:
    data = np.frombuffer("家住a杭州\n地址b\n".encode(), dtype=np.uint8)
    ends = [(0, -1), (0, 0), (0, 3), (0, 5), (0, 7), (0, 8), (0, 9), (0, 13), (1, 3), (1, 7)]
    rows, places = np.array(ends, dtype=np.int64).T
    counted = code_points_before(data, np.array([0, 14, 22]), rows.copy(), places.copy())
    assert counted.tolist() == [-1, 0, 1, 2, 3, 4, 4, 5, 1, 3]


MEGABYTE = 1_000_000
ADVERSARIAL = {
    "one digit": "1",
    "alternating": "1 ",
    "letters": "a",
    "dots": "a.",
    "at": "a@a.",
    "name": "李",
    "trigger": "姓名",
    "party": "原告李",
    "road": "路",
    "address": "路1号",
    "level": "北京市海淀区",
    "hexadecimal": "aa:",
    "key": "eyJaaaaaaaaaaa.",
    "brackets": "((",
    "open brackets": "原告(",
    "dashes": "1-",
    "url": "https://github.com/a",
    "minority": "买·",
    "described": "李·买：男，",
    "salutation": "尊敬的 李",
    "field": "收货地址：杭州市",
    "private": "市民“",
    "remote": "ssh a@",
}


def search_time(expression: regex.Pattern[str], unit: str, size: int) -> float:
    """Return the least of three CPU times, in seconds: other work on the machine only ever adds to it."""
    text = (unit * (size // len(unit.encode()) + 1))[:size]
    took = []
    for _ in range(3):
        start = time.process_time()
        sum(1 for _ in expression.finditer(text))
        took.append(time.process_time() - start)
        if took[-1] < 0.5:
            break
    return min(took)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_every_expression_is_linear(unit: str) -> None:
    """A megabyte takes a few seconds at most, and nowhere near the sixteen times of its quarter that a square would."""
    slow = []
    for rule in RULES:
        for pattern in rule.patterns:
            compiled = regex.compile(pattern.regex, regex.MULTILINE | regex.DOTALL)
            whole = search_time(compiled, unit, MEGABYTE)
            if whole > 8 or (whole > 0.5 and whole > 8 * search_time(compiled, unit, MEGABYTE // 4)):
                slow.append((rule.name, pattern.name, whole))
    assert slow == []
