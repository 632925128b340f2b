"""The quality step: what it keeps, what it drops and why, and that it keeps to the step contract."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from corpus.config.quality import QualitySettings, ThresholdSettings
from corpus.quality.signals import SIGNALS
from corpus.steps import make_step
from corpus.steps.interface import Outcome
from corpus.steps.quality import Quality

_spec = importlib.util.spec_from_file_location(
    "quality_texts", Path(__file__).parent.parent / "quality" / "quality_texts.py"
)
assert _spec is not None
assert _spec.loader is not None
texts = importlib.util.module_from_spec(_spec)
sys.modules["quality_texts"] = texts
_spec.loader.exec_module(texts)


@pytest.fixture(scope="module")
def step() -> Quality:
    quality = Quality(QualitySettings())
    quality.load()
    return quality


def batch_of(*rows: str, **columns: list[Any]) -> pa.RecordBatch:
    arrays: dict[str, pa.Array] = {"text": pa.array(rows, pa.large_string())}
    for name, values in columns.items():
        if name == "domains":
            kind = pa.list_(pa.struct([("name", pa.string()), ("score", pa.float32())]))
            arrays[name] = pa.array([[{"name": v, "score": 0.9} for v in value] for value in values], kind)
        elif values and isinstance(values[0], float):
            arrays[name] = pa.array(values, pa.float32())
        else:
            arrays[name] = pa.array(values)
    return pa.RecordBatch.from_pydict(arrays)


def reasons(outcome: Outcome) -> list[str]:
    return [removal.reason for removal in outcome.removals]


class TestGenuine:
    @pytest.mark.parametrize("kind", sorted(texts.GENUINE))
    def test_is_kept_without_any_label(self, step: Quality, kind: str) -> None:
        assert reasons(step.apply(batch_of(texts.GENUINE[kind]))) == []

    @pytest.mark.parametrize(("text", "source_type"), [(texts.COMMENT, "comment"), (texts.QUESTION, "qa")])
    def test_short_kinds_have_their_own_floor(self, step: Quality, text: str, source_type: str) -> None:
        assert reasons(step.apply(batch_of(text, source_type=[source_type]))) == []
        assert reasons(step.apply(batch_of(text, source_type=["news"]))) == ["too_short"]

    def test_verse_is_kept_as_classical_chinese(self, step: Quality) -> None:
        assert reasons(step.apply(batch_of(texts.VERSE, language=["lzh"]))) == []
        assert reasons(step.apply(batch_of(texts.VERSE, language=["zh"]))) == ["too_short"]

    def test_classical_prose_without_punctuation_is_kept(self, step: Quality) -> None:
        text = (
            "昔者有人结庐于山中日与樵者往来不问世事其子既长欲求学于城中父止之曰城中之学岂若山中之静子对曰静者心也非地也父默然良久乃遣之"
            * 2
        )
        assert reasons(step.apply(batch_of(text, language=["lzh"]))) == []

    @pytest.mark.parametrize(
        ("text", "source_type"),
        [
            (texts.HELP_PAGE, "manual"),  # says one name often and repeats no phrase
            (texts.POST_WITHOUT_STOPS, "blog"),
            (texts.LINES_OF_VERSE, "blog"),
        ],
    )
    def test_names_said_often_and_lines_without_stops_are_kept(
        self, step: Quality, text: str, source_type: str
    ) -> None:
        assert reasons(step.apply(batch_of(text, source_type=[source_type]))) == []

    def test_a_table_of_keys_is_kept(self, step: Quality) -> None:
        assert reasons(step.apply(batch_of(texts.KEY_TABLE, source_type=["manual"]))) == []

    def test_contents_beside_a_page_of_a_manual_do_not_count(self, step: Quality) -> None:
        links = {"link_density": [0.86], "page_kind": ["article"]}
        assert reasons(step.apply(batch_of(texts.POST_WITHOUT_STOPS, source_type=["manual"], **links))) == []
        assert reasons(step.apply(batch_of(texts.POST_WITHOUT_STOPS, source_type=["blog"], **links))) == [
            "link_density"
        ]

    def test_a_phrase_said_over_and_over_is_dropped(self, step: Quality) -> None:
        assert reasons(step.apply(batch_of("服务极差，再也不来了！" * 30, source_type=["manual"]))) != []

    def test_formulaic_statutes_are_not_repetitive(self, step: Quality) -> None:
        # datatrove drops 33 of 300 statutes with FineWeb-2's numbers, 100 with its defaults (facts/peers.md).
        assert reasons(step.apply(batch_of(texts.STATUTE, domains=[["legal"]]))) == []

    def test_chinese_needs_no_spaces_and_no_latin_full_stop(self, step: Quality) -> None:
        # Word length by spaces (datatrove, C4) keeps 0 of 100 pages.
        assert reasons(step.apply(batch_of(texts.NEWS.replace("\n", "")))) == []


class TestJunk:
    @pytest.mark.parametrize("kind", sorted(texts.JUNK))
    def test_is_dropped(self, step: Quality, kind: str) -> None:
        assert len(step.apply(batch_of(texts.JUNK[kind])).removals) == 1

    @pytest.mark.parametrize(
        ("kind", "reason"),
        [("gambling", "gambling"), ("pornography", "pornography"), ("certificates", "illegal_services"),
         ("servers", "private_servers"), ("mojibake", "mojibake"), ("error", "placeholder"), ("salad", "word_salad")],
    )  # fmt: skip
    def test_the_reason_says_what_it_is(self, step: Quality, kind: str, reason: str) -> None:
        assert reasons(step.apply(batch_of(texts.JUNK[kind]))) == [reason]

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (texts.ARCHIVE_PAGE, "dated_labels"),
            (texts.MENU_AROUND_POSTS, "menu_around"),
            (texts.SPACED_LABELS, "spaced_labels"),
            (texts.LABEL_ROWS, "label_rows"),
        ],
    )
    def test_rows_of_labels_are_no_manual(self, step: Quality, text: str, reason: str) -> None:
        lines = {line.rule: line.verdict for line in step.explain({"text": text, "source_type": "manual"})}
        assert lines[reason] == "miss"
        assert len(step.apply(batch_of(text, source_type=["manual"])).removals) == 1

    def test_spam_cannot_clear_itself_with_reporting_words(self, step: Quality) -> None:
        text = texts.GAMBLING_AD + "警方提醒记者报道公安机关打击诈骗，法院判处有期徒刑，谨防受骗。" * 2
        assert len(step.apply(batch_of(text)).removals) == 1

    def test_the_source_type_of_an_advertisement_does_not_save_it(self, step: Quality) -> None:
        kinds = ["comment", "news", "forum", "encyclopedia", "manual", "qa", "academic", "blog", "other"]
        outcome = step.apply(batch_of(*[texts.GAMBLING_AD] * len(kinds), source_type=kinds))
        assert outcome.batch.num_rows == 0


class TestContract:
    def test_made_by_name(self) -> None:
        assert make_step("quality", QualitySettings()).name == "quality"

    def test_adds_the_columns_in_order(self, step: Quality) -> None:
        outcome = step.apply(batch_of(texts.NEWS))
        added = outcome.batch.schema.names[1:]
        assert added == [f"signal_{name}" for name in SIGNALS] + ["quality", "n_chars"]
        assert outcome.batch.column("n_chars").to_pylist() == [len(texts.NEWS)]
        assert 0 < outcome.batch.column("quality")[0].as_py() <= 1

    def test_conserves_rows(self, step: Quality) -> None:
        rows = [*texts.GENUINE.values(), *texts.JUNK.values(), "", " \n", "\U0001f600" * 60]
        outcome = step.apply(batch_of(*rows))
        assert outcome.batch.num_rows + len(outcome.removals) == len(rows)
        kept = [row for i, row in enumerate(rows) if i not in {removal.row for removal in outcome.removals}]
        assert outcome.batch.column("text").to_pylist() == kept

    def test_independent_of_batching(self, step: Quality) -> None:
        rows = [*texts.GENUINE.values(), *texts.JUNK.values()]
        whole = step.apply(batch_of(*rows))
        single = [step.apply(batch_of(row)) for row in rows]
        assert whole.batch.to_pylist() == [row for outcome in single for row in outcome.batch.to_pylist()]
        assert [(r.reason, r.score) for r in whole.removals] == [
            (r.reason, r.score) for outcome in single for r in outcome.removals
        ]

    def test_a_removal_tells_value_and_threshold(self, step: Quality) -> None:
        (removal,) = step.apply(batch_of(texts.GAMBLING_AD)).removals
        assert removal.kind == "dropped"
        assert removal.score is not None
        assert removal.threshold is not None
        assert removal.score > removal.threshold

    def test_blank_texts_are_dropped_without_error(self, step: Quality) -> None:
        # NeMo's SymbolsToWordsFilter divides by zero on white space.
        assert reasons(step.apply(batch_of("", "  \n\t "))) == ["too_short", "too_short"]

    def test_an_empty_batch(self, step: Quality) -> None:
        assert step.apply(batch_of()).batch.num_rows == 0

    def test_ignores_labels_given_with_the_data(self, step: Quality) -> None:
        plain = step.apply(batch_of(texts.NEWS, texts.GAMBLING_AD))
        given = step.apply(
            batch_of(texts.NEWS, texts.GAMBLING_AD, given_label=["博彩", "法律"], path=["spam/1", "law/2"])
        )
        assert reasons(plain) == reasons(given)

    def test_replacement_share_is_a_rule_where_known(self, step: Quality) -> None:
        outcome = step.apply(batch_of(texts.NEWS, texts.NEWS, replacement_share=[0.0, 0.1]))
        assert reasons(outcome) == ["replacement_characters"]

    def test_load_comes_first(self) -> None:
        with pytest.raises(RuntimeError, match="load"):
            Quality(QualitySettings()).apply(batch_of("文"))


class TestSettings:
    def made(self, **settings: Any) -> Quality:
        quality = Quality(QualitySettings(**settings))
        quality.load()
        return quality

    def test_thresholds_replace_the_profile_and_its_overrides(self) -> None:
        quality = self.made(thresholds={"too_short": ThresholdSettings(min=500)})
        assert (
            reasons(quality.apply(batch_of(texts.COMMENT, texts.NEWS, source_type=["comment", "news"])))
            == ["too_short"] * 2
        )

    def test_disabled_rules_decide_nothing(self) -> None:
        assert reasons(self.made(disabled=("too_short",)).apply(batch_of(texts.COMMENT))) == []

    def test_an_unknown_rule_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no rule nonsense"):
            self.made(disabled=("nonsense",))

    def test_word_lists(self, tmp_path: Path) -> None:
        words = tmp_path / "words.txt"
        words.write_text("# 测试\n防汛演练\n沙袋\n泵站\n", encoding="utf-8")
        quality = self.made(word_lists=(str(words),))
        assert reasons(quality.apply(batch_of(texts.NEWS, texts.ABSTRACT))) == ["listed_words"]
        assert list(quality.artifacts()) == ["word_list:0"]

    def test_wudao_2021(self) -> None:
        quality = self.made(profile="wudao-2021")
        assert reasons(quality.apply(batch_of(texts.NEWS, texts.CODE_HEAVY, "太短了。"))) == [
            "text_density",
            "few_chinese_characters",
        ]

    def test_fineweb2(self) -> None:
        pytest.importorskip("jieba")
        quality = self.made(profile="fineweb2-zh")
        outcome = quality.apply(
            batch_of(texts.NEWS, texts.FLOOD, "菜单 首页 新闻 论坛", language_score=[0.9, 0.9, 0.5])
        )
        assert reasons(outcome) == ["top_2_gram", "language_score"]

    def test_a_profile_of_the_users_own(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text("rules: [{name: wide, signal: han_chars, min: 100}]\n", encoding="utf-8")
        quality = self.made(profile=str(path))
        assert reasons(quality.apply(batch_of(texts.NEWS, texts.COMMENT))) == ["wide"]
        assert quality.apply(batch_of(texts.NEWS)).batch.column("quality").to_pylist() == [1.0]
        assert list(quality.artifacts()) == ["profile"]


class TestExplain:
    def test_every_rule_beside_its_threshold(self, step: Quality) -> None:
        lines = step.explain({"text": texts.COMMENT, "source_type": "comment"})
        by_rule = {line.rule: line for line in lines}
        assert by_rule["too_short"].threshold == ">= 15"
        assert by_rule["too_short"].verdict == "pass"
        assert by_rule["link_density"].verdict == "rests"

    def test_agrees_with_the_decision(self, step: Quality) -> None:
        for text in [*texts.GENUINE.values(), *texts.JUNK.values()]:
            missed = [line.rule for line in step.explain({"text": text}) if line.verdict == "miss"]
            assert missed[:1] == reasons(step.apply(batch_of(text)))


class TestLongTexts:
    def test_are_split_with_keys_of_their_own(self) -> None:
        quality = Quality(
            QualitySettings(max_chars=1000, disabled=("duplicate_5grams", "duplicate_10grams", "low_entropy"))
        )
        quality.load()
        long = "\n\n".join(f"第{i}节。" + texts.NEWS for i in range(12))
        outcome = quality.apply(
            batch_of(texts.NEWS, long, texts.ABSTRACT, doc_key=[b"a" * 16, b"b" * 16, b"c" * 16], part=[0, 2, 0])
        )
        assert outcome.origin is not None
        origin = outcome.origin.to_pylist()
        assert origin == sorted(origin)
        assert set(origin) == {0, 1, 2}
        keys = outcome.batch.column("doc_key").to_pylist()
        assert len(set(keys)) == len(keys)
        assert keys[origin.index(1)] == b"b" * 16
        parts = [text for text, row in zip(outcome.batch.column("text").to_pylist(), origin, strict=True) if row == 1]
        assert "\n\n".join(parts) == long
        numbers = outcome.batch.column("part").to_pylist()
        assert numbers[origin.index(1)] == 2
        assert len(set(numbers[1:-1])) == len(parts)
