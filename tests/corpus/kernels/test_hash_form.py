"""The compiled hash form equals its definition, and the definition does what it promises."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpus.kernels.hash_form import HashForm, hash_form


@pytest.fixture(scope="module")
def kernel() -> HashForm:
    made = HashForm()
    made.load()
    return made


def forms(kernel: HashForm, texts: list[str]) -> list[str]:
    encoded = [text.encode() for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in encoded])]).astype(np.int64)
    code_points, form_offsets = kernel.of(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets)
    return [code_points[start:end].tobytes().decode("utf-32-le") for start, end in pairwise(form_offsets)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("繁體中文，轉換為簡體。", "繁体中文转换为简体"),
        ("ＡＢＣ１２３", "abc123"),  # full-width
        ("Python 编程！", "python编程"),
        ("第①章　总则\r\n", "第1章总则"),
        ("㈱日立", "株日立"),
        ("Straße", "strasse"),  # full case folding
        ("ｶﾞｽ", "ガス"),  # half-width voiced mark joins its letter: plain Python does it
        ("价格：￥3.50元", "价格350元"),
        ("零\u200b宽\ufeff字\u00ad符", "零宽字符"),
        ("👍🏻好评", "好评"),
        ("\u0000空", "空"),
        ("，。！？", ""),
        ("", ""),
    ],
)
def test_hash_form_of_known_texts(kernel: HashForm, text: str, expected: str) -> None:
    assert hash_form(text) == expected
    assert forms(kernel, [text]) == [expected]


def test_traditional_full_width_and_punctuated_copies_share_one_form(kernel: HashForm) -> None:
    copies = [
        "公司应当在三十日内办理登记手续。",
        "公司應當在三十日內辦理登記手續",
        "公司应当 在三十日内\n办理登记手续；",
    ]
    assert len(set(forms(kernel, copies))) == 1


def test_neighbours_of_a_document_that_plain_python_does_stay_untouched(kernel: HashForm) -> None:
    texts = ["前面的文章", "ｶﾞｷﾞ 半角カナ", "", "后面的文章", "ภาษาไทย"]
    assert forms(kernel, texts) == [hash_form(text) for text in texts]


def test_every_code_point_alone(kernel: HashForm) -> None:
    characters = [chr(code) for code in (*range(0xD800), *range(0xE000, 0x30000), *range(0xE0000, 0xE0200))]
    got = forms(kernel, characters)
    wrong = [character for character, form in zip(characters, got, strict=True) if form != hash_form(character)]
    # The table keeps the Unicode version it was built with; Python's may know more characters.
    known = [character for character in wrong if unicodedata.category(character) != "Cn"]
    assert len(known) <= (0 if unicodedata.unidata_version == "14.0.0" else 20)


alphabet = st.one_of(
    st.characters(codec="utf-8"),
    st.sampled_from("龍龙國国，。 ①㈱ﾞﾟｶﾊ가각éÉßİŉΐﷺ½\u0301\u0327\u3099"),
)


@given(st.lists(st.text(alphabet, max_size=40), max_size=6))
@settings(max_examples=300, deadline=None)
@example(["e\u0301", "\u1100\u1161\u11a8", "ﷺﷺ"])
def test_kernel_equals_definition(texts: list[str]) -> None:
    kernel = _shared_kernel()
    assert forms(kernel, texts) == [hash_form(text) for text in texts]


def _shared_kernel(made: list[HashForm] = []) -> HashForm:  # noqa: B006 - loaded once for all examples
    if not made:
        made.append(HashForm())
        made[0].load()
    return made[0]


@given(st.text(alphabet, max_size=60))
@settings(max_examples=200, deadline=None)
def test_hash_form_keeps_no_punctuation_space_or_control(text: str) -> None:
    form = hash_form(text)
    assert not [character for character in form if unicodedata.category(character)[0] in "PSZ"]
    assert not [character for character in form if unicodedata.category(character) in ("Cc", "Cf")]
