"""The configuration as commented YAML: what ``corpus.yaml`` holds, made from the sections themselves."""

from __future__ import annotations

import textwrap
from typing import Any

import yaml
from pydantic import BaseModel

from corpus.config.build import BuildConfig

WIDTH = 110
HEAD = """\
# The configuration of a build: every key with its default, what it does, and where the value comes from.
# Delete what you do not change. `wudao config` prints this file. Any value can be set on the command line:
#   wudao build -c corpus.yaml --set quality.profile=wudao-2021
"""


def commented_yaml(model: BaseModel | None = None) -> str:
    """Return ``model`` (default: all defaults) as YAML, every key under a comment that is its description."""
    return HEAD + "\n".join(_lines(model or BuildConfig(), 0)) + "\n"


def _lines(model: BaseModel, depth: int) -> list[str]:
    indent = "  " * depth
    lines: list[str] = []
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            lines.append("")
            summary = (type(value).__doc__ or "").strip().splitlines()
            if summary:
                lines.append(f"{indent}# {summary[0]}")
            nested = _lines(value, depth + 1)
            lines.extend([f"{indent}{name}:", *nested] if nested else [f"{indent}{name}: {{}}"])
            continue
        wrapped = textwrap.wrap(field.description or "", WIDTH - len(indent), break_on_hyphens=False)
        lines.extend(f"{indent}# {line}" for line in wrapped)
        lines.append(f"{indent}{name}: {_value(model.model_dump(mode='json')[name])}")
    return lines


def _value(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip()
