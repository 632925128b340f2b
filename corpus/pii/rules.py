"""Reading rule files: Presidio's recogniser registry format with one more key, ``rule``.

Presidio reads the same files (it ignores ``rule`` and then works with the expressions alone). Every ``*.yaml``
file of a rules folder is read, in order of name: a user adds a rule by adding a file. Validators are named
``module:function`` and may come only from packages that the configuration allows; nothing is evaluated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import import_module, resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from corpus.errors import ConfigError
from corpus.pii.candidate import Validator

PACKAGED_RULES = "pii_rules"
SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RuleError(ConfigError, ValueError):
    """A rule file cannot be used; the message names the file, the rule and the remedy."""


class RulePattern(BaseModel):
    """One expression: on shadow text, ASCII classes only, no unbounded nested repetition."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    regex: str
    score: float = Field(ge=0, le=1)


class RuleDetails(BaseModel):
    """What Presidio's format has no place for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    validator: str | None = Field(None, description="module:function of a Validator")
    begins: str | None = Field(
        None,
        description="module:function that returns expressions: what the validator accepts begins with one of them; "
        "one must match after the \\K of the rule's expressions, and the prefilter looks for nothing behind it",
    )
    context_required: bool = Field(False, description="a cue of context must be near")
    negative: tuple[str, ...] = Field((), description="cues that cancel: nearer than any positive cue, no finding")
    window: int = Field(20, ge=0, le=200, description="characters before the match in which cues count")
    window_after: int = Field(0, ge=0, le=200, description="characters after the match in which positive cues count")
    not_before: str | None = Field(None, description="expression that must not end where the match starts")
    not_after: str | None = Field(None, description="expression that must not start where the match ends")
    reach: int = Field(12, ge=1, le=64, description="longest not_before, characters")
    threshold: float = Field(0.5, ge=0, le=1, description="findings below are not reported")
    evidence: Literal["full", "prose", "identifier"] = Field(
        "full",
        description="full: stands alone; prose: a name that stands alone, but not where names are off; "
        "identifier: kept only within name_distance of an identifying kind (for addresses also of a labelled name)",
    )


class Rule(BaseModel):
    """One recogniser."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    type: str = "custom"
    class_name: str | None = None
    enabled: bool = True
    supported_language: str = "zh"
    supported_entity: str
    patterns: tuple[RulePattern, ...]
    context: tuple[str, ...] = ()
    details: RuleDetails = Field(default_factory=lambda: RuleDetails.model_validate({}), alias="rule")


def rules_folder(folder: str | None) -> Path:
    """Return ``folder``, or the folder of the installed ``pii_rules`` package.

    Raises RuleError where it does not exist.
    """
    path = Path(folder) if folder else Path(str(resources.files(PACKAGED_RULES)))
    if not path.is_dir():
        raise RuleError(f"The folder of PII rules {path} does not exist: set scrub.rules to a folder of *.yaml files.")
    return path


def read_rules(folders: Sequence[Path]) -> list[Rule]:
    """Return the enabled rules of all ``*.yaml`` files in ``folders``, in order of folder, file name and place.

    Raises RuleError for a file that is not a registry of recognisers, and for two rules of one name.
    """
    rules: list[Rule] = []
    seen: dict[str, Path] = {}
    for path in [path for folder in folders for path in sorted(folder.glob("*.yaml"))]:
        try:
            # libyaml's safe loader where PyYAML has it: a tenth of the time.
            content: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=SAFE_LOADER)  # noqa: S506
        except yaml.YAMLError as error:
            raise RuleError(f"{path} is not YAML: {error}") from error
        if not isinstance(content, dict) or not isinstance(content.get("recognizers"), list):
            raise RuleError(f"{path} has no list 'recognizers': see Presidio's recognizer registry format.")
        for entry in content["recognizers"]:
            try:
                rule = Rule.model_validate(entry)
            except ValidationError as error:
                name = entry.get("name", "?") if isinstance(entry, dict) else "?"
                raise RuleError(f"{path}, recogniser {name!r}: {error}") from error
            if rule.name in seen:
                raise RuleError(f"{path}: recogniser {rule.name!r} is already in {seen[rule.name]}: rename one.")
            seen[rule.name] = path
            if rule.enabled:
                rules.append(rule)
    return rules


def resolve_validator(name: str, allowed: Sequence[str]) -> Validator:
    """Return the function named ``module:function``, whose module must lie in one of the ``allowed`` packages."""
    module, separator, function = name.partition(":")
    if not separator or not any(module == package or module.startswith(package + ".") for package in allowed):
        raise RuleError(
            f"Validator {name!r} is not a 'module:function' of {', '.join(allowed)}: "
            "add its package to scrub.validator_packages if you trust it."
        )
    try:
        validator: Validator = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise RuleError(f"Validator {name!r} cannot be imported: {error}") from error
    return validator


def rules_digest(folders: Sequence[Path]) -> str:
    """Return the sha256 over names and bytes of all files in ``folders`` that findings depend on."""
    state = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".yaml", ".tsv", ".txt", ".py"}:
                state.update(path.relative_to(folder).as_posix().encode() + b"\0")
                state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()
