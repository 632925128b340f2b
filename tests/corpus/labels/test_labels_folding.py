"""Folding: one table, and the same for whole texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from corpus.labels.folding import BMP, fold, fold_table


def test_script_width_and_case_are_folded() -> None:
    assert fold("醫療保險ＡＢＣ　ｄＥ𠮷") == "医疗保险abc de𠮷"


@given(st.text(max_size=40))
def test_folding_a_text_is_a_look_up_for_each_character(text: str) -> None:
    table = fold_table()
    assert fold(text) == "".join(chr(int(table[ord(char)])) if ord(char) < BMP else char for char in text)
