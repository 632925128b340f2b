"""What a page states about itself, where reading it takes short cuts."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.extraction import boilerplate, metadata
from corpus.extraction.page import Page
from corpus.extraction.vocabulary import load

WORDS = load()


def page_of(markup: str) -> Page:
    return Page(np.frombuffer(markup.encode("utf-8"), np.uint8), WORDS, 1 << 16, 256)


@pytest.mark.parametrize(
    "name",
    [*metadata._DATE_META, "og:title", "og:site_name", "og:type", "generator", "robots", "tdm-reservation", "ai"],
)
@pytest.mark.parametrize(
    "written", ['<meta name="{}" content="1">', "<META PROPERTY={} CONTENT=1>", "<meta itemprop=' {} '/>"]
)
def test_no_meta_that_is_read_is_passed_over(name: str, written: str) -> None:
    for spelled in (name, name.upper(), "".join(f"&#{ord(character)};" for character in name)):
        page = page_of(written.format(spelled))
        assert metadata._may_state(page.tag_text(page.named("meta")[0]).lower())


def test_reservations_of_any_spelling_are_found() -> None:
    page = page_of('<meta name=AI content="NoAI"><meta name="&#114;obots" content="noindex, follow">')
    assert metadata.read(page).opt_out == {"noai", "noindex"}


@given(st.text(st.sampled_from("甲乙 丙_-—·：「」。\u3000\t\x1c a1Z２ß²①\u0301İ"), max_size=12))
def test_bare_lines_are_what_the_patterns_leave(line: str) -> None:
    edges = re.sub(r"^[\s\W_]+|[\s\W_]+$", "", line)
    assert boilerplate._bare(line) == re.sub(r"\s+", "", edges).casefold()


def test_named_elements_and_the_links_inside_are_in_document_order() -> None:
    page = page_of(
        "<h2><a href=/1>一</a></h2><p><a href=/2>二</a><b>三</b></p><h1>四<a href=/3>五</a><a href=/4>六</a></h1>"
    )
    names = [WORDS.tag_names[page.tree.tag[node]] for node in page.named("h1", "b", "h2")]
    assert names == ["h2", "b", "h1"]
    assert [page.line(node) for node in page.links_in(page.named("h1")[0])] == ["五", "六"]
    assert page.named("table") == []
    assert page.links_in(page.named("b")[0]) == []


@given(st.lists(st.text(st.sampled_from("春夏 \n\u3000秋&;冬x"), max_size=8), max_size=6))
def test_lines_of_many_elements_are_those_of_each(texts: list[str]) -> None:
    page = page_of("".join(f"<h3>{text}<br>尾</h3>" for text in texts))
    nodes = page.named("h3")
    assert page.lines(nodes) == [" ".join(page.render(node, page.nothing, page.nothing).split()) for node in nodes]
