"""The rule files: in Presidio's format, loadable by Presidio itself, extensible, and safe to load."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.config.scrub import KINDS, ScrubSettings
from corpus.pii.rules import RuleError, read_rules, resolve_validator, rules_digest, rules_folder
from corpus.steps.scrub import Scrub

RULE = """
supported_languages: [zh]
global_regex_flags: 24
recognizers:
  - name: member_number
    type: custom
    supported_language: zh
    supported_entity: MEMBER_NUMBER
    patterns:
      - {name: labelled, regex: '会员号[:： ]{0,2}\\K[0-9]{8}(?![0-9])', score: 0.9}
    rule: {window: 0}
"""


def test_every_kind_has_a_rule_and_every_rule_a_kind() -> None:
    kinds = {rule.supported_entity for rule in read_rules([rules_folder(None)])}
    assert kinds == set(KINDS)


@pytest.mark.slow
def test_presidio_loads_the_files_itself() -> None:
    provider = pytest.importorskip("presidio_analyzer.recognizer_registry")
    rules = 0
    for path in sorted(rules_folder(None).glob("*.yaml")):
        registry = provider.RecognizerRegistryProvider(conf_file=path).create_recognizer_registry()
        rules += len(registry.recognizers)
        for recognizer in registry.recognizers:
            recognizer.analyze("手机13912345678", recognizer.supported_entities)
    assert rules == len(read_rules([rules_folder(None)]))


def test_a_user_adds_a_rule_by_adding_a_file(tmp_path: Path) -> None:
    pytest.importorskip("presidio_analyzer")
    (tmp_path / "own.yaml").write_text(RULE, encoding="utf-8")
    step = Scrub(ScrubSettings(extra_rules=(str(tmp_path),), prefilter="none"))
    text = "会员号：12345678，欢迎光临"
    assert [(s.kind, text[s.start : s.end]) for s in step.spans([text])[0]] == [("MEMBER_NUMBER", "12345678")]
    assert rules_digest(step.engine.folders()) != rules_digest([rules_folder(None)])


def test_validators_come_from_allowed_packages_only() -> None:
    resolve_validator("pii_rules.validators.phone:mobile", ("pii_rules",))
    for name in ("os:system", "pii_rules_evil.module:run", "pii_rules.validators.phone"):
        with pytest.raises(RuleError, match="validator_packages"):
            resolve_validator(name, ("pii_rules",))
    with pytest.raises(RuleError, match="cannot be imported"):
        resolve_validator("pii_rules.validators.phone:no_such", ("pii_rules",))


@pytest.mark.parametrize(
    "content",
    [
        "- just\n- a list",
        "recognizers: 3",
        "recognizers: [{name: x}]",
        "a: [",
        RULE + RULE.partition("recognizers:")[2],
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "broken.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(RuleError, match=r"broken\.yaml"):
        read_rules([tmp_path])
