"""Shadow text: what is folded, what stays, and the exact way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.pii.digit_runs import DROP
from corpus.pii.shadow import folding_tables, origin_map, shadow

MIXED = st.text(
    st.sampled_from(
        "0123456789０１２３一二三四五六七八九零〇幺壹贰①②③❶Ol|oI -.·　,，:：@＠.。aZＡ号手机\u200b\u200d\ufeff\ufe0f\n𝟎😀"
    ),
    max_size=60,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("电话：１３９１２３４５６７８", "电话:13912345678"),
        ("一三九 一二三四 五六七八", "139 1234 5678"),
        ("幺三九壹贰叁肆伍陆柒捌", "13912345678"),
        ("139一二三四5678", "13912345678"),
        ("①③⑨①②③④⑤⑥⑦⑧", "13912345678"),
        ("139\u200b1234\ufeff5678", "13912345678"),
        ("l39l234S678", "l39l234S678"),  # S is no digit's look-alike here: nothing is guessed
        ("l39I2345678", "13912345678"),
        ("1️⃣3️⃣9️⃣", "139"),
        ("護照號碼", "护照号码"),
    ],
)
def test_evasions_become_plain(text: str, expected: str) -> None:
    assert shadow(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "二〇二四年五月一日",
        "①先洗菜 ②再切菜 ③下锅",
        "一心一意，三番五次",
        "hello Olympic lol",
        "拨打13912345678两次",
        "①13912345678",
        "打了13912345678三个电话",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert shadow(text) == text


@given(MIXED)
def test_map_back_is_exact(text: str) -> None:
    folded = shadow(text)
    origin = origin_map(text)
    kind = folding_tables().kind
    kept = [place for place, char in enumerate(text) if kind[ord(char)] != DROP]
    assert list(origin) == [*kept, len(text)]
    assert len(folded) == len(kept)


@given(MIXED)
def test_shadow_is_stable(text: str) -> None:
    once = shadow(text)
    if not any(folding_tables().kind[ord(char)] in (2, 3, 4) for char in once):
        assert shadow(once) == once
