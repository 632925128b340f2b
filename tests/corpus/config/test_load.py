"""The configuration: errors name the line and the nearest right key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.config.build import BuildConfig
from corpus.config.load import load_config
from corpus.config.show import commented_yaml
from corpus.errors import ConfigError

ROOT = Path(__file__).parents[3]


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "corpus.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_and_overrides() -> None:
    loaded = load_config(None, ["publish.valid_share=0.2", "output=语料"])
    assert loaded.publish.valid_share == 0.2
    assert loaded.output == "语料"


def test_a_wrong_key_names_line_and_remedy(tmp_path: Path) -> None:
    path = config(tmp_path, "output: out\npublish:\n  valid_shara: 0.1\n")
    with pytest.raises(
        ConfigError, match=r"corpus\.yaml, line 3: unknown key 'publish\.valid_shara'; did you mean 'valid_share'\?"
    ):
        load_config(path)


def test_a_wrong_type_names_line_and_value(tmp_path: Path) -> None:
    path = config(tmp_path, "publish:\n  shard_bytes: 很大\n")
    with pytest.raises(ConfigError, match=r"line 2: 'publish\.shard_bytes' is '很大'"):
        load_config(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: &x [1]\nb: *x\n", "line 2: anchors and aliases"),
        ("output: [\n", "not valid YAML"),
        ("- a\n", "mapping of sections"),
        ("output: a\noutput: b\n", "line 2: 'output' is given twice"),
        ("x: " + "[" * 40 + "]" * 40, "nested more than"),
        ("!!python/object/apply:os.system ['true']\n", "line 1: tags are not read"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_config(config(tmp_path, text))


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml")


@given(st.binary(max_size=200))
def test_any_bytes_load_or_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("config") / "corpus.yaml"
    path.write_bytes(data)
    refusal = ""
    try:
        load_config(path)
    except ConfigError as error:
        refusal = str(error)
    assert "\n" not in refusal


def test_the_shipped_file_is_the_default() -> None:
    shipped = ROOT / "corpus.yaml"
    assert shipped.read_text(encoding="utf-8") == commented_yaml()
    assert load_config(shipped) == BuildConfig()


@pytest.mark.parametrize(
    "text", ["keep_rejects: !!bool 也许\n", "publish: {shard_bytes: !!int ''}\n", "output: !!timestamp 昨天\n"]
)
def test_a_tag_is_refused_since_its_value_may_not_fit_it(tmp_path: Path, text: str) -> None:
    """PyYAML's constructors raise KeyError, IndexError and AttributeError on these (benchmarks/input_mutations.py)."""
    with pytest.raises(ConfigError, match=r"line 1: tags are not read"):
        load_config(config(tmp_path, text))
    with pytest.raises(ConfigError, match="tags are not read"):
        load_config(None, [text.strip().replace(": ", "=", 1)])


def test_an_override_of_an_impossible_date_is_refused() -> None:
    with pytest.raises(ConfigError, match="quote it"):
        load_config(None, ["output=2001-99-01"])
