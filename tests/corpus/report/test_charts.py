"""Bars and histograms: they show the counts, and nothing leaves its frame."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpus.report.charts import HEIGHT, WIDTH, Bar, Histogram, bars, draw, ticks

COUNTS = st.lists(st.integers(0, 10**12), min_size=1, max_size=60)


def rectangles(svg: str) -> list[tuple[float, float, float, float]]:
    found = re.findall(r'<rect class="\w+" x="([\d.-]+)" y="([\d.-]+)" width="([\d.-]+)" height="([\d.-]+)"', svg)
    return [tuple(map(float, one)) for one in found]  # type: ignore[misc]


@given(COUNTS, st.data())
def test_bars_of_a_histogram_stay_in_the_frame(counts: list[int], draws: st.DataObject) -> None:
    dropped = draws.draw(st.lists(st.integers(0, 10**12), min_size=len(counts), max_size=len(counts)))
    edges = np.linspace(-1.0, 3.0, len(counts) + 1).tolist()
    svg = draw(Histogram("渡口", edges, np.array(counts), np.array(dropped), mark=(0.5, "界限")))
    found = rectangles(svg)
    assert len(found) == sum(count > 0 for count in [*counts, *dropped])
    for x, y, width, height in found:
        assert x >= 0
        assert x + width <= WIDTH
        assert y >= 0
        assert y + height <= HEIGHT


def test_heights_are_in_proportion_to_counts() -> None:
    found = rectangles(draw(Histogram("长度", [0, 1, 2, 3], np.array([10, 0, 40]))))
    assert [round(found[1][3] / found[0][3], 1)] == [4.0]


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_lie_on_the_axis_and_are_few(first: float, span: float) -> None:
    found = ticks(Histogram("值", [first, first + span], np.array([1])))
    assert len(found) <= 7
    assert all(first - 0.01 * span <= tick <= first + span + 0.01 * span for tick in found)


def test_a_logarithmic_axis_names_powers_of_ten() -> None:
    assert ticks(Histogram("长度", [10.0, 100.0, 100_000.0], np.array([1, 1]), log=True)) == [
        10.0,
        100.0,
        1000.0,
        10000.0,
        100000.0,
    ]
    assert ticks(Histogram("份额", [0.0, 1.0], np.array([1])))[0] == 0.0
    assert "-0" not in draw(Histogram("份额", [0.0, 1.0], np.array([1])))


def test_a_threshold_outside_of_the_axis_is_not_drawn() -> None:
    assert "mark" not in draw(Histogram("份额", [0.0, 1.0], np.array([1]), mark=(1.5, "限")))


def test_a_table_of_bars_says_count_and_share_and_no_bar_is_wider_than_all() -> None:
    made = bars([Bar("新闻", 30), Bar("<b>", 90)], 60, ("类型", "文档"))
    assert "50.0 %" in made
    assert "&lt;b&gt;" in made
    assert all(float(width) <= 100 for width in re.findall(r"width:([\d.]+)%", made))
    assert "0 </td>" not in bars([], 0, ("类型", "文档"))
