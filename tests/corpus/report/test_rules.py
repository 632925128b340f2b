"""What codes mean, and which signals are worth a picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.config.build import BuildConfig
from corpus.config.label import LabelSettings
from corpus.quality.profile import BUILT_IN, load_profile
from corpus.report.configuration import changes
from corpus.report.rules import Rules, reason, term
from corpus.report.speed import step_speeds
from corpus.schema import SOURCE_TYPES


def rules(**quality: object) -> Rules:
    return Rules.of(BuildConfig.model_validate({"quality": quality}).model_dump(mode="json"))


@pytest.mark.parametrize("profile", BUILT_IN)
def test_every_rule_of_every_profile_is_said_in_words(profile: str) -> None:
    for rule in load_profile(profile).rules:
        told = rules(profile=profile).meaning(rule.name)
        assert told is not None
        assert ": dropped" in told
        assert not told.startswith("the same")


def test_the_limits_are_those_of_the_build() -> None:
    assert rules().meaning("too_short") == "Han characters: dropped below 50"
    assert rules(thresholds={"too_short": {"min": 80}}).meaning("too_short") == "Han characters: dropped below 80"
    assert rules().meaning("language") == "not Chinese, or too uncertain"
    assert rules().meaning("no_such_rule") is None


def test_a_profile_that_is_gone_leaves_the_meaning_out(tmp_path: Path) -> None:
    gone = Rules.of({"quality": {"profile": str(tmp_path / "gone.yaml"), "thresholds": {}, "disabled": []}})
    assert gone.meaning("too_short") is None
    assert [one.rule for one in gone.shown({"too_short": 5})] == [None] * 4
    assert Rules.of({}).profile is None


def test_the_signals_shown_are_those_that_decided_most() -> None:
    shown = rules().shown({"duplicate_5grams": 3, "too_short": 90, "language": 500, "link_density": 50})
    assert [one.signal for one in shown][:2] == ["han_chars", "duplicate_5gram_share"]  # link_density is no signal
    assert len(shown) == len({one.signal for one in shown}) == 4


def test_labels_have_their_chinese_term() -> None:
    assert all(term("source_type", name) for name in SOURCE_TYPES)
    assert all(term("domain", name) for name in LabelSettings().domains)
    assert reason("quarantined", "malformed_json")
    assert term("pii", "NO_SUCH_KIND") is None


def test_only_what_differs_from_the_default_is_told() -> None:
    assert changes(BuildConfig().model_dump(mode="json")) == []
    config = BuildConfig.model_validate({"quality": {"profile": "wudao-2021"}, "keep_rejects": True})
    found = changes(config.model_dump(mode="json") | {"retired": 3})
    assert [(one.key, one.value, one.default) for one in found] == [
        ("keep_rejects", "true", "false"),
        ("quality.profile", '"wudao-2021"', '"web"'),
        ("retired", "3", "-"),
    ]


def test_steps_stand_beside_their_budget() -> None:
    quality, load = step_speeds({"load": {"cpu": 0.5, "wall": 1}, "quality": {"cpu": 2.0, "wall": 3}}, 100_000_000)
    assert (quality.per_megabyte, quality.rate, quality.budget, quality.over) == (20.0, 50.0, 10.0, True)
    assert (load.per_megabyte, load.over) == (None, False)
    assert step_speeds({"quality": {"cpu": 1.0, "wall": 1}}, 0)[0].rate is None
