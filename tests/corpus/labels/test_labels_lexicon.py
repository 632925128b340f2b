"""Lexicon files: reading, errors, and what is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.config.label import LabelSettings
from corpus.labels.labeller import load_given_labels
from corpus.labels.lexicon import LexiconError, load_lexicon, parse_lexicon, shipped_lexicons
from corpus.labels.source_type_text import load_text_model


def test_every_default_domain_has_a_lexicon_of_some_size() -> None:
    sizes = {name: len(load_lexicon(name).weights) for name in LabelSettings().domains}
    assert set(sizes) == set(shipped_lexicons())
    assert all(sizes[name] >= 150 for name in ("medical", "legal", "finance"))
    assert min(sizes.values()) >= 60


def test_terms_are_folded_and_weights_optional() -> None:
    lexicon = parse_lexicon("x", "# note\n證券\t5\nＩＰＯ\n", "x.tsv")
    assert lexicon.weights == {"证券": 5, "ipo": 3}


@pytest.mark.parametrize(
    ("content", "message"),
    [("证券\tviel\n", "line 1"), ("证券\t5\n證券\t4\n", "twice"), ("\t5\n", "line 1"), ("# nothing\n", "no terms")],
)
def test_errors_name_the_line(content: str, message: str) -> None:
    with pytest.raises(LexiconError, match=message):
        parse_lexicon("x", content, "x.tsv")


def test_unknown_and_missing_lexicons(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match="shipped: agriculture"):
        load_lexicon("astrology")
    with pytest.raises(LexiconError, match="cannot be read"):
        load_lexicon("x", tmp_path / "none.tsv")


def test_given_labels_name_known_domains_and_types() -> None:
    table = load_given_labels()
    assert table["医学问答"] == ("medical", "qa")
    assert table["百科"] == (None, "encyclopedia")
    assert table["经济"] == ("finance", None)
    assert {domain for domain, _ in table.values() if domain} <= set(LabelSettings().domains)
    assert {kind for _, kind in table.values() if kind} <= set(load_text_model().types)
