"""Reading ``corpus.yaml``: safe, bounded, and with errors that name the line and the nearest right key."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from corpus.config.build import BuildConfig
from corpus.errors import ConfigError

MAX_BYTES = 1 << 20
MAX_DEPTH = 20


def load_config(path: str | Path | None, overrides: Iterable[str] = ()) -> BuildConfig:
    """Return the configuration of file ``path`` (None: all defaults) with ``section.key=value`` overrides applied.

    Raises ConfigError with one sentence for anything that is not right.
    """
    tree: dict[str, Any] = {}
    lines: dict[tuple[str | int, ...], int] = {}
    name = str(path) if path is not None else "options"
    if path is not None:
        tree, lines = _read(Path(path))
    for override in overrides:
        _apply(tree, override)
    try:
        return BuildConfig.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(_sentence(name, error, lines)) from None


def _read(path: Path) -> tuple[dict[str, Any], dict[tuple[str | int, ...], int]]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give an existing YAML file with -c") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: {len(data)} bytes is too large for a configuration (limit {MAX_BYTES})")
    try:
        depth = 0
        for event in yaml.parse(data, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                line = _line(event)
                raise ConfigError(f"{path}, line {line}: anchors and aliases are not read; write the value out")
            if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) is not None:
                # Constructors of a tag that its value does not fit raise whatever comes ("!!int ''": IndexError).
                raise ConfigError(f"{path}, line {_line(event)}: tags are not read; write the value without '!'")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > MAX_DEPTH:
                raise ConfigError(f"{path}, line {_line(event)}: nested more than {MAX_DEPTH} deep")
        node = yaml.compose(data, Loader=yaml.SafeLoader)
        tree = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(f"{path}{place}: not valid YAML ({problem})") from None
    if tree is None:
        return {}, {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}, line 1: a configuration is a mapping of sections, as in corpus.yaml")
    lines: dict[tuple[str | int, ...], int] = {}
    if node is not None:
        _collect_lines(node, (), lines, path)
    return tree, lines


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 0


def _collect_lines(
    node: yaml.Node, at: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int], path: Path
) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*at, key.value)
            if place in lines:
                raise ConfigError(f"{path}, line {key.start_mark.line + 1}: '{key.value}' is given twice")
            lines[place] = key.start_mark.line + 1
            _collect_lines(value, place, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*at, index)] = item.start_mark.line + 1
            _collect_lines(item, (*at, index), lines, path)


def _apply(tree: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals:
        raise ConfigError(f"--set {override}: write it as section.key=value")
    *sections, last = key.strip().split(".")
    for section in sections:
        branch = tree.setdefault(section, {})
        if not isinstance(branch, dict):
            raise ConfigError(f"--set {override}: '{section}' is not a section")
        tree = branch
    try:
        if any(getattr(event, "tag", None) is not None for event in yaml.parse(value, Loader=yaml.SafeLoader)):
            raise ConfigError(f"--set {override}: tags are not read; write the value without '!'")
        tree[last] = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError):
        raise ConfigError(f"--set {override}: the value is not valid YAML; quote it") from None


def _sentence(name: str, error: ValidationError, lines: Mapping[tuple[str | int, ...], int]) -> str:
    first = error.errors(include_url=False)[0]
    place = tuple(part for part in first["loc"])
    line = next((lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in lines), None)
    where = f"{name}, line {line}" if line is not None else name
    dotted = ".".join(str(part) for part in place)
    if first["type"] == "extra_forbidden":
        known = _fields_at(BuildConfig, place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
        remedy = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(sorted(known))}"
        return f"{where}: unknown key '{dotted}'; {remedy}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: '{dotted}' is {first.get('input')!r}: {message[0].lower() + message[1:]}"


def _fields_at(model: Any, place: tuple[str | int, ...]) -> list[str]:
    for part in place:
        field = getattr(model, "model_fields", {}).get(part)
        if field is None:
            return []
        model = field.annotation
        if get_origin(model) in (Union, types.UnionType):
            model = next((arm for arm in get_args(model) if isinstance(arm, type) and issubclass(arm, BaseModel)), None)
    return list(getattr(model, "model_fields", {}))
