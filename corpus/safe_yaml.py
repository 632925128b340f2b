"""YAML of our own tables and of users' rule files, read safely and fast."""

from __future__ import annotations

from typing import Any

import yaml

# libyaml's loader builds the same values as PyYAML's own in a tenth of the time; not every build of PyYAML has it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str) -> Any:
    """Return the value of the YAML document ``text``: mappings, lists and scalars only. Raises ``yaml.YAMLError``."""
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 - both loaders are the safe ones
