"""The cohesion table: what it learns, that it tells shuffled texts, that it repeats itself."""

from __future__ import annotations

import importlib.util
import math
import random
import re
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.config.quality import QualitySettings
from corpus.kernels.buffers import text_buffers
from corpus.kernels.neighbours import AFTER_NEXT, LETTERS, NEAR
from corpus.quality.cohesion import (
    SMOOTHING,
    Cohesion,
    CohesionTable,
    draw,
    learn,
    raw_symbols,
    read_table,
    write_table,
)
from corpus.steps.quality import Quality

_spec = importlib.util.spec_from_file_location("quality_texts", Path(__file__).with_name("quality_texts.py"))
assert _spec is not None
assert _spec.loader is not None
texts = importlib.util.module_from_spec(_spec)
sys.modules["quality_texts"] = texts
_spec.loader.exec_module(texts)

SITE = Path(__file__).parents[3] / "examples" / "site" / "texts"
NAMES = "、".join(
    family + given
    for family in "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
    for given in ("建国", "丽华", "志强", "晓燕", "海涛", "玉兰", "文博", "思远")
)


def site_texts() -> list[str]:
    """Return the example site's articles, written for this project."""
    return [text for path in sorted(SITE.glob("*.txt")) for text in path.read_text(encoding="utf-8").split("\n\n")]


@pytest.fixture(scope="module")
def table() -> CohesionTable:
    return learn(pa.array(site_texts(), pa.large_string()), least=10_000)


def incohesion(table: CohesionTable, *rows: str) -> list[float]:
    values: list[float] = Cohesion(table).incohesion(*text_buffers(pa.array(rows, pa.large_string()))).tolist()
    return values


def shuffled(text: str, longest: int = 3, seed: int = 5) -> str:
    """Return the pieces of one to ``longest`` characters of ``text`` in another order."""
    rng = random.Random(seed)
    pieces, place = [], 0
    while place < len(text):
        size = rng.randint(1, longest)
        pieces.append(text[place : place + size])
        place += size
    rng.shuffle(pieces)
    return "".join(pieces)


class TestLearning:
    def test_a_pair_is_penalised_by_how_much_rarer_it_is_than_chance(self) -> None:
        learnt = learn(pa.array(["山水" * 30 + "人" * 60] * 20, pa.large_string()), least=100)
        place = {chr(code): i for i, code in enumerate(learnt.alphabet.tolist())}
        size = len(learnt.alphabet)
        penalties = learnt.penalties.reshape(size, size)
        total = 20 * 119
        expected = (20 * 30) * (20 * 60) / total  # of 山 before 人: what begins with 山, what ends with 人
        bits = math.log2((expected + SMOOTHING * total) / (SMOOTHING * total))
        assert int(penalties[place["山"], place["人"]]) & NEAR == int(16 * bits)
        assert int(penalties[place["山"], place["水"]]) & NEAR == 0
        assert int(penalties[place["山"], place["山"]]) >> AFTER_NEXT == 0
        assert int(penalties[place["山"], place["人"]]) >> AFTER_NEXT > 0

    def test_numbers_foreign_words_and_gaps_have_no_penalty(self, table: CohesionTable) -> None:
        size = len(table.alphabet)
        penalties = table.penalties.reshape(size, size)
        assert not penalties[: LETTERS + 1].any()
        assert not penalties[:, : LETTERS + 1].any()

    def test_both_scripts_and_both_widths_are_the_same(self) -> None:
        raw = raw_symbols()
        for one, other in ("書书", "國国", "，,", "「“", "８3", "Ａz"):
            assert raw[ord(one)] == raw[ord(other)]

    @settings(max_examples=10, deadline=None)
    @given(st.randoms(use_true_random=False))
    def test_the_order_of_texts_makes_no_difference(self, rng: random.Random) -> None:
        rows = site_texts()
        first = learn(pa.array(rows, pa.large_string()), least=10_000)
        rng.shuffle(rows)
        again = learn(pa.array(rows, pa.large_string()), least=10_000)
        assert np.array_equal(first.alphabet, again.alphabet)
        assert np.array_equal(first.penalties, again.penalties)

    def test_the_sample_depends_on_texts_alone_and_spreads_over_groups(self) -> None:
        documents = [("甲", f"第{i}篇说的是江上的船。") for i in range(50)] + [
            ("乙", f"第{i}篇说山。") for i in range(3)
        ]
        first = draw(documents, 10)
        random.Random(8).shuffle(documents)
        assert draw(documents, 10) == first
        assert sum("山" in text for text in first) == 3
        assert len(draw([("甲", "长" * 5000)], 1)[0]) == 1500

    def test_too_little_text_is_refused(self) -> None:
        with pytest.raises(ValueError, match="3 characters to learn from; at least 2,000,000"):
            learn(pa.array(["太短了"], pa.large_string()))


class TestTelling:
    @pytest.mark.parametrize("kind", sorted(set(texts.GENUINE) - {"code"}))  # the site has no code to learn from
    def test_shuffling_raises_it(self, table: CohesionTable, kind: str) -> None:
        text = texts.GENUINE[kind]
        genuine, *salads = incohesion(table, text, *(shuffled(text, seed=seed) for seed in range(9)))
        assert genuine < sorted(salads)[len(salads) // 2]

    def test_the_traditional_script_reads_like_the_simplified_one(self, table: CohesionTable) -> None:
        simplified = texts.NEWS
        traditional = simplified.translate(str.maketrans("报讯务举个备区还够顺这样准", "報訊務舉個備區還夠順這樣準"))
        assert incohesion(table, traditional) == incohesion(table, simplified)

    def test_shuffled_characters_are_as_unlikely_as_any_order(self, table: CohesionTable) -> None:
        text = re.sub(r"[\sA-Za-z0-9]", "", "".join(site_texts()))[:6000]
        (value,) = incohesion(table, shuffled(text, longest=1))
        assert 0.9 < value < 1.1

    @pytest.mark.parametrize(
        "text",
        [
            NAMES,
            "\n".join(f"{number}. 甲状腺素片 {number}0 微克" for number in range(1, 30)),
            "$$ x_{i+1} = f(x_i) + a \\cdot b $$，" * 30,
        ],
        ids=["names", "table", "formulas"],
    )
    def test_lists_and_formulas_are_not_shuffled(self, table: CohesionTable, text: str) -> None:
        assert incohesion(table, text)[0] < 0.5

    def test_short_texts_have_no_value(self, table: CohesionTable) -> None:
        assert incohesion(table, "", " \n", "好", shuffled(texts.COMMENT)) == [0, 0, 0, 0]

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.text(alphabet="的了山水人是不，。 \n1a𠮷é", max_size=300), min_size=1, max_size=6))
    def test_a_value_belongs_to_its_text_alone(self, table: CohesionTable, rows: list[str]) -> None:
        together = incohesion(table, *rows)
        assert together == [incohesion(table, row)[0] for row in rows]
        assert all(0 <= value <= 2 and round(value, 4) == value for value in together)


class TestArtifact:
    def test_the_same_texts_give_the_same_bytes(self, table: CohesionTable, tmp_path: Path) -> None:
        write_table(table, tmp_path / "a.npz")
        write_table(learn(pa.array(site_texts()[::-1], pa.large_string()), least=10_000), tmp_path / "sub" / "b.npz")
        assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "sub" / "b.npz").read_bytes()
        again = read_table(tmp_path / "a.npz")
        assert np.array_equal(again.penalties, table.penalties)
        assert again.learnt_symbols == table.learnt_symbols

    def test_other_files_are_refused(self, table: CohesionTable, tmp_path: Path) -> None:
        path = tmp_path / "a.npz"
        for content in (b"", b"junk", b"PK\x03\x04junk"):
            path.write_bytes(content)
            with pytest.raises(ValueError, match="not a cohesion table"):
                read_table(path)
        write_table(CohesionTable(table.alphabet[:-1], table.penalties, 1), path)
        with pytest.raises(ValueError, match="do not fit"):
            read_table(path)
        with pytest.raises(OSError, match="none"):
            read_table(tmp_path / "none.npz")


@pytest.fixture(scope="module")
def path(table: CohesionTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cohesion") / "table.npz"
    write_table(table, path)
    return path


class TestStep:
    def made(self, path: Path | None, **settings: object) -> Quality:
        step = Quality(QualitySettings(cohesion=None if path is None else str(path), **settings))
        step.load()
        return step

    def batch(self, *rows: str, language: str = "zh") -> pa.RecordBatch:
        return pa.RecordBatch.from_pydict(
            {"text": pa.array(rows, pa.large_string()), "language": pa.array([language] * len(rows))}
        )

    def test_shuffled_words_are_dropped_and_explained(self, path: Path) -> None:
        # A table of 34,000 characters says less than one of millions: the limit is wider than the profile's.
        limit = {"shuffled_words": {"min": None, "max": 0.6}}
        others = ("word_salad", "doubled_marks")
        step = self.made(path, thresholds=limit, disabled=others)
        salad = shuffled(texts.SEXUAL_HEALTH_ARTICLE.replace("\n", ""))
        outcome = step.apply(self.batch(texts.SEXUAL_HEALTH_ARTICLE, salad))
        assert [(removal.row, removal.reason) for removal in outcome.removals] == [(1, "shuffled_words")]
        (line,) = [line for line in step.explain({"text": salad, "language": "zh"}) if line.rule == "shuffled_words"]
        assert (line.signal, line.threshold, line.verdict) == ("incohesion", "<= 0.6", "miss")
        assert line.value == round(outcome.removals[0].score or 0, 4)

    def test_classical_and_cantonese_have_wider_limits(self, path: Path) -> None:
        step = self.made(path)
        by_language = {}
        for language in ("zh", "lzh", "yue"):
            lines = {line.rule: line for line in step.explain({"text": texts.NEWS, "language": language})}
            by_language[language] = lines["shuffled_words"].threshold
        assert by_language == {"zh": "<= 0.48", "lzh": "<= 0.75", "yue": "<= 0.7"}

    def test_without_a_table_the_signal_is_nought_and_nothing_else_changes(self, path: Path) -> None:
        rows = self.batch(*texts.GENUINE.values())
        bare, told = self.made(None, disabled=("shuffled_words",)), self.made(path, disabled=("shuffled_words",))
        without, with_table = bare.apply(rows).batch, told.apply(rows).batch
        assert set(without.column("signal_incohesion").to_pylist()) == {0.0}
        assert all(value > 0 for value in with_table.column("signal_incohesion").to_pylist())
        other = [name for name in without.schema.names if name != "signal_incohesion"]
        assert without.select(other).equals(with_table.select(other))

    def test_the_table_is_an_artifact_of_the_step(self, path: Path) -> None:
        assert self.made(None).artifacts() == {}
        assert list(self.made(path).artifacts()) == ["cohesion"]
