"""Profiles: named rules over signals, with limits that depend on what kind of text it is.

A profile is a YAML file (``profiles/*.yaml``, or the user's own). Its rules are
tried in file order and the first that a text misses names the reason. An
override loosens or tightens rules for texts of a certain source type, domain,
page kind, language or script; overrides apply in file order, later ones win.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from corpus.errors import ConfigError
from corpus.quality.signals import SIGNALS
from corpus.quality.word_signals import WORD_SIGNALS
from corpus.safe_yaml import read_yaml

BUILT_IN = ("web", "wudao-2021", "fineweb2-zh")
# Columns of the batch that rules may use like signals; where one is missing or null, the rule does not apply.
COLUMN_SIGNALS = ("link_density", "markup_density", "replacement_share", "language_score", "source_type_score")
CONTEXT_FIELDS = ("source_type", "domain", "page_kind", "language", "script")
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Limits:
    """The values that pass: ``min <= value <= max``; None leaves a side open."""

    min: float | None = None
    max: float | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """A limit on another signal that must hold before a rule applies at all."""

    signal: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class Rule:
    """One decision: the text is dropped with reason ``name`` where ``signal`` misses ``limits``."""

    name: str
    signal: str
    limits: Limits
    given: tuple[Condition, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Override:
    """Other limits for texts whose context has one of the values of every field of ``when``."""

    when: Mapping[str, frozenset[str]]
    limits: Mapping[str, Limits]
    source: str


@dataclass(frozen=True, slots=True)
class Ramp:
    """A part of the quality score: 0 at ``worst``, 1 at ``best``, linear between."""

    signal: str
    worst: float
    best: float
    weight: float


@dataclass(frozen=True, slots=True)
class Profile:
    """Rules in order, their overrides, and the score."""

    name: str
    rules: tuple[Rule, ...]
    overrides: tuple[Override, ...]
    score: tuple[Ramp, ...]
    needs_words: bool = field(default=False)  # some rule uses a signal over segmented words

    def limits_for(self, context: Mapping[str, frozenset[str]]) -> tuple[Limits, ...]:
        """Return each rule's limits for a text with ``context`` (values by field of ``CONTEXT_FIELDS``)."""
        current = {rule.name: rule.limits for rule in self.rules}
        for override in self.overrides:
            if all(context.get(key, frozenset((UNKNOWN,))) & wanted for key, wanted in override.when.items()):
                current.update(override.limits)
        return tuple(current[rule.name] for rule in self.rules)


class ProfileError(ConfigError, ValueError):
    """A quality profile that cannot be used; the message names the entry and the remedy."""


def profile_file(name: str) -> Path:
    """Return the path of a profile that is not built in. Raises ``ProfileError`` where no file is there."""
    path = Path(name)
    if not path.is_file():
        raise ProfileError(f"no quality profile {name!r}: use one of {', '.join(BUILT_IN)} or a YAML file's path")
    return path


def load_profile(name: str) -> Profile:
    """Return the built-in profile ``name``, or the one in the YAML file at path ``name``.

    Raises ``ProfileError`` naming the entry and the remedy where the file is not a profile.
    """
    if name in BUILT_IN:
        text = files("corpus.quality").joinpath("profiles", f"{name}.yaml").read_text(encoding="utf-8")
    else:
        text = profile_file(name).read_text(encoding="utf-8")
    try:
        return parse_profile(read_yaml(text), name)
    except yaml.YAMLError as error:
        raise ProfileError(f"{name}: not YAML: {error}") from error


def parse_profile(data: Any, origin: str) -> Profile:
    """Return the profile that the mapping ``data`` describes; ``origin`` names it in errors."""
    if not isinstance(data, dict) or not data.get("rules"):
        raise ProfileError(f"{origin}: a profile is a mapping with a list `rules`")
    _refuse_unknown(data, {"name", "description", "rules", "overrides", "score"}, origin)
    rules = tuple(_parse_rule(entry, origin) for entry in data["rules"])
    names = [rule.name for rule in rules]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ProfileError(f"{origin}: rule names must differ: {', '.join(doubled)}")
    overrides = tuple(_parse_override(entry, set(names), origin) for entry in data.get("overrides") or ())
    score = tuple(_parse_ramp(entry, origin) for entry in data.get("score") or ())
    used = {rule.signal for rule in rules} | {condition.signal for rule in rules for condition in rule.given}
    return Profile(str(data.get("name", origin)), rules, overrides, score, bool(used & set(WORD_SIGNALS)))


def with_limits(profile: Profile, limits: Mapping[str, Limits], disabled: Sequence[str]) -> Profile:
    """Return ``profile`` with the user's limits in place of its own and without the ``disabled`` rules.

    Raises ``ProfileError`` for a name that is no rule of the profile.
    """
    names = {rule.name for rule in profile.rules}
    unknown = sorted((set(limits) | set(disabled)) - names)
    if unknown:
        raise ProfileError(
            f"profile {profile.name} has no rule {', '.join(unknown)}; it has {', '.join(sorted(names))}"
        )
    rules = tuple(
        Rule(rule.name, rule.signal, limits.get(rule.name, rule.limits), rule.given, rule.source)
        for rule in profile.rules
        if rule.name not in disabled
    )
    fixed = set(limits) | set(disabled)
    overrides = tuple(
        Override(override.when, {k: v for k, v in override.limits.items() if k not in fixed}, override.source)
        for override in profile.overrides
    )
    return Profile(profile.name, rules, overrides, profile.score, profile.needs_words)


def _refuse_unknown(entry: Mapping[str, Any], allowed: set[str], where: str) -> None:
    unknown = sorted(set(entry) - allowed)
    if unknown:
        raise ProfileError(f"{where}: unknown key {', '.join(unknown)}; allowed: {', '.join(sorted(allowed))}")


def _parse_limits(entry: Mapping[str, Any], where: str) -> Limits:
    for side in ("min", "max"):
        value = entry.get(side)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ProfileError(f"{where}: {side} must be a number, not {value!r}")
    return Limits(entry.get("min"), entry.get("max"))


def _check_signal(signal: Any, where: str) -> str:
    if signal not in SIGNALS and signal not in WORD_SIGNALS and signal not in COLUMN_SIGNALS:
        raise ProfileError(f"{where}: no signal {signal!r}; see corpus/quality/signals.py")
    return str(signal)


def _parse_rule(entry: Any, origin: str) -> Rule:
    if not isinstance(entry, dict) or "name" not in entry or "signal" not in entry:
        raise ProfileError(f"{origin}: a rule has `name` and `signal`: {entry!r}")
    where = f"{origin}: rule {entry['name']}"
    _refuse_unknown(entry, {"name", "signal", "min", "max", "given", "source"}, where)
    given = []
    for condition in entry.get("given") or ():
        _refuse_unknown(condition, {"signal", "min", "max"}, where)
        given.append(Condition(_check_signal(condition.get("signal"), where), _parse_limits(condition, where)))
    limits = _parse_limits(entry, where)
    return Rule(
        str(entry["name"]), _check_signal(entry["signal"], where), limits, tuple(given), str(entry.get("source", ""))
    )


def _parse_override(entry: Any, names: set[str], origin: str) -> Override:
    where = f"{origin}: override {entry!r:.80}"
    if not isinstance(entry, dict) or not isinstance(entry.get("when"), dict) or not isinstance(entry.get("set"), dict):
        raise ProfileError(f"{where}: an override has the mappings `when` and `set`")
    _refuse_unknown(entry, {"when", "set", "source"}, where)
    _refuse_unknown(entry["when"], set(CONTEXT_FIELDS), where)
    _refuse_unknown(entry["set"], names, where)
    when = {key: frozenset([value] if isinstance(value, str) else value) for key, value in entry["when"].items()}
    limits = {name: _parse_limits(value or {}, where) for name, value in entry["set"].items()}
    return Override(when, limits, str(entry.get("source", "")))


def _parse_ramp(entry: Any, origin: str) -> Ramp:
    where = f"{origin}: score {entry!r:.80}"
    if not isinstance(entry, dict):
        raise ProfileError(f"{where}: a part of the score has signal, worst, best, weight")
    _refuse_unknown(entry, {"signal", "worst", "best", "weight"}, where)
    ramp = Ramp(
        _check_signal(entry.get("signal"), where), float(entry["worst"]), float(entry["best"]), float(entry["weight"])
    )
    if ramp.worst == ramp.best or ramp.weight <= 0:
        raise ProfileError(f"{where}: worst and best must differ, weight must be positive")
    if ramp.signal not in SIGNALS:
        raise ProfileError(f"{where}: the score is made of stored signals only")
    return ramp
