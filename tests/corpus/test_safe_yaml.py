"""The fast loader and PyYAML's own give the same values."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from corpus.safe_yaml import read_yaml

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(path for folder in ("corpus", "pii_rules") for path in (ROOT / folder).rglob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_tables_have_one_reading(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert read_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["山: [川", "? 甲: 乙: 丙", "!!python/object/apply:os.getcwd []", "\x00"])
def test_what_is_no_safe_yaml_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        read_yaml(text)
