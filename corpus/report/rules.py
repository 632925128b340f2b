"""What codes mean: rules of the quality profile, reasons, labels, kinds of personal information."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from corpus.errors import WudaoError
from corpus.quality.profile import Limits, Profile, load_profile, with_limits
from corpus.quality.signals import MEANINGS

# Shown where nothing was dropped: one signal of form, one of repetition, one of advertising, one of variety.
DEFAULT_SIGNALS: Final = ("function_share", "duplicate_10gram_share", "promotion_score", "char_entropy")
SHOWN_SIGNALS: Final = 4
SAME: Final = "the same for"  # the meaning of a signal that refers to the one before it


@lru_cache(maxsize=2)
def _table(name: str) -> dict[tuple[str, str], str]:
    lines = files("corpus.report").joinpath(name).read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {(group, code): told for group, code, told in rows}


def term(group: str, code: str) -> str | None:
    """Return the Chinese term for ``code`` of ``group`` (source_type, domain, script, pii, …), None without one."""
    return _table("terms.tsv").get((group, code))


def reason(group: str, code: str) -> str | None:
    """Return what ``code`` of ``group`` (skipped, quarantined, dropped, duplicates, signal) means, None if unknown."""
    return _table("reasons.tsv").get((group, code))


def signal_meaning(signal: str) -> str:
    """Return what ``signal`` measures; its name where that is not known."""
    told = MEANINGS.get(signal) or reason("signal", signal) or signal
    if not told.startswith(SAME):
        return told
    names = list(MEANINGS)
    before = reversed(names[: names.index(signal)])
    first = next(MEANINGS[name] for name in before if not MEANINGS[name].startswith(SAME))
    return f"{first}; {told}"


@dataclass(frozen=True)
class Shown:
    """A signal whose distribution is drawn, with the rule and the limit that it meets."""

    signal: str
    rule: str | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Rules:
    """The rules that a build dropped by, as far as its configuration still tells."""

    profile: Profile | None = None

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Rules:
        """Return the rules of a configuration; none where its profile cannot be read (any more)."""
        quality = config.get("quality") or {}
        try:
            profile = load_profile(str(quality["profile"]))
            limits = {name: Limits(one.get("min"), one.get("max")) for name, one in quality["thresholds"].items()}
            return cls(with_limits(profile, limits, tuple(quality["disabled"])))
        except (WudaoError, OSError, KeyError, AttributeError, TypeError, UnicodeDecodeError):
            return cls()

    def meaning(self, code: str) -> str | None:
        """Return what the rule ``code`` drops, in plain words."""
        rules = self.profile.rules if self.profile is not None else ()
        for rule in rules:
            if rule.name == code:
                conditions = [f"{one.signal} is {_interval(one.limits)}" for one in rule.given]
                given = f"; only where {' and '.join(conditions)}" if conditions else ""
                return f"{signal_meaning(rule.signal)}: {_missed(rule.limits)}{given}"
        return reason("dropped", code)

    def shown(self, dropped: Mapping[str, int]) -> list[Shown]:
        """Return the signals that decided most often, then :data:`DEFAULT_SIGNALS`, :data:`SHOWN_SIGNALS` in all."""
        rules = {rule.name: rule for rule in (self.profile.rules if self.profile is not None else ())}
        names = sorted((name for name in dropped if name in rules), key=lambda one: (-dropped[one], one))
        by_signal: dict[str, Shown] = {}
        for name in names:
            rule = rules[name]
            if rule.signal in MEANINGS:
                by_signal.setdefault(rule.signal, Shown(rule.signal, name, rule.limits))
        for signal in DEFAULT_SIGNALS:
            found = next((rule for rule in rules.values() if rule.signal == signal), None)
            default = Shown(signal) if found is None else Shown(signal, found.name, found.limits)
            by_signal.setdefault(signal, default)
        return list(by_signal.values())[:SHOWN_SIGNALS]


def _missed(limits: Limits) -> str:
    sides = [f"{side} {value:g}" for side, value in (("below", limits.min), ("above", limits.max)) if value is not None]
    return f"dropped {' or '.join(sides)}" if sides else "dropped only for some kinds of text"


def _interval(limits: Limits) -> str:
    if limits.min is None:
        return "anything" if limits.max is None else f"at most {limits.max:g}"
    if limits.max is None:
        return f"at least {limits.min:g}"
    return f"from {limits.min:g} to {limits.max:g}"
