"""Profiles: parsing, overrides, errors a user can act on."""

from __future__ import annotations

from typing import Any

import pytest

from corpus.quality.profile import BUILT_IN, Limits, load_profile, parse_profile, with_limits

RULE = {"name": "short", "signal": "han_chars", "min": 50}


def parse(**entries: Any) -> Any:
    return parse_profile({"rules": [RULE], **entries}, "mine.yaml")


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_profiles_load_and_name_their_sources(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert all(rule.source for rule in profile.rules)
    assert all(override.source for override in profile.overrides)


def test_fineweb2_has_the_published_numbers() -> None:
    limits = {rule.name: rule.limits for rule in load_profile("fineweb2-zh").rules}
    assert [limits[f"duplicated_{n}_n_grams"].max for n in range(5, 11)] == [0.198, 0.182, 0.167, 0.154, 0.14, 0.127]
    assert [limits[f"top_{n}_gram"].max for n in (2, 3, 4)] == [0.256, 0.201, 0.171]
    assert limits["line_punct_ratio"].min == 0.106
    assert limits["gopher_below_alpha_threshold"].min == 0.735


def test_later_overrides_win_and_all_fields_must_match() -> None:
    profile = parse(
        overrides=[
            {"when": {"source_type": ["comment", "qa"]}, "set": {"short": {"min": 10}}},
            {"when": {"source_type": "qa", "domain": ["law"]}, "set": {"short": {"min": 20}}},
            {"when": {"page_kind": "unknown"}, "set": {"short": {"min": 30}}},
        ]
    )
    article = frozenset(["article"])
    assert profile.limits_for({"page_kind": article}) == (Limits(min=50),)
    assert profile.limits_for({"source_type": frozenset(["qa"]), "page_kind": article}) == (Limits(min=10),)
    law = {"source_type": frozenset(["qa"]), "domain": frozenset(["finance", "law"]), "page_kind": article}
    assert profile.limits_for(law) == (Limits(min=20),)
    assert profile.limits_for({}) == (Limits(min=30),)


def test_the_users_limits_replace_overrides_too() -> None:
    profile = parse(overrides=[{"when": {"source_type": "qa"}, "set": {"short": {"min": 10}}}])
    changed = with_limits(profile, {"short": Limits(min=70)}, ())
    assert changed.limits_for({"source_type": frozenset(["qa"])}) == (Limits(min=70),)
    assert with_limits(profile, {}, ("short",)).rules == ()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "list `rules`"),
        ({"rules": [{"name": "a"}]}, "`name` and `signal`"),
        ({"rules": [{"name": "a", "signal": "wrong"}]}, "no signal 'wrong'"),
        ({"rules": [RULE, RULE]}, "must differ: short"),
        ({"rules": [{**RULE, "minimum": 3}]}, "unknown key minimum"),
        ({"rules": [{**RULE, "min": "3"}]}, "min must be a number"),
        ({"rules": [RULE], "overrides": [{"when": {"host": "x"}, "set": {}}]}, "unknown key host"),
        ({"rules": [RULE], "overrides": [{"when": {}, "set": {"long": {}}}]}, "unknown key long"),
        ({"rules": [RULE], "score": [{"signal": "chars", "worst": 1, "best": 1, "weight": 1}]}, "must differ"),
    ],
)
def test_errors_name_the_entry(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_profile(data, "mine.yaml")


def test_an_unknown_profile_names_the_choices() -> None:
    with pytest.raises(ValueError, match="web, wudao-2021, fineweb2-zh"):
        load_profile("nowhere")
