"""The markup parser: tree construction where it decides text, and invariants on any bytes."""

import time

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import types

from corpus.extraction.page import Page
from corpus.extraction.vocabulary import load

WORDS = load()


def page_of(markup: str | bytes, max_nodes: int = 1 << 20, max_depth: int = 512) -> Page:
    data = markup.encode() if isinstance(markup, str) else markup
    return Page(np.frombuffer(data, np.uint8), WORDS, max_nodes, max_depth)


def text_of(markup: str) -> str:
    page = page_of(markup)
    from corpus.kernels import markup_exclude

    skip = markup_exclude.unseen(page.tree, WORDS.tag_flags)
    markup_exclude.show_formulas(page.data, page.tree, skip)
    return page.render(0, skip, page.nothing)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>第一段<p>第二段", "第一段\n第二段"),
        ("<ul><li>春<li>夏<ul><li>小暑</ul><li>秋</ul>", "春\n夏\n小暑\n秋"),
        ("<table><tr><td>甲<td>乙<tr><td>丙<td>丁</table>", "甲\t乙\n丙\t丁"),
        ("<dl><dt>词<dd>义<dt>字<dd>形</dl>", "词\n义\n字\n形"),
        ("山<br>水<br/>云", "山\n水\n云"),
        ("<p>他说：<b>好</b> <i>极了</i>。</p>", "他说：好 极了。"),
        ("<pre>def f():\n    return 1</pre>", "def f():\n    return 1"),
        ("<p>前</b>后</p></div>尾", "前后\n尾"),
        ("<b><div>块内</div>块外</b>完", "块内\n块外完"),
        ("a &lt; b &amp;&amp; c &#x4e2d;", "a < b && c 中"),
        ("<script>var a='<p>代码</p>';</script>文<style>p{}</style>", "文"),
        ("1 < 2，3 <4", "1 < 2，3 <4"),
        ("<!-- 注释 <p>隐藏</p> -->显示<!---->也显示", "显示也显示"),
        ("<title>题</title><div>文", "文"),
        ("<textarea><p>输入</textarea>后", "后"),
        ("<td>无表<td>格", "无表\t格"),
        ("<p title='a>b'>属性里的大于号</p>", "属性里的大于号"),
        ("<p class=x hidden-note=1 id=y>无引号</p>", "无引号"),
        ("<math><mi>x</mi><annotation encoding='application/x-tex'> x^2 </annotation></math>得证", "$x^2$得证"),
        ("<script type='math/tex'>\\frac{1}{2}</script>为半", "$\\frac{1}{2}$为半"),
        ('<img eeimg="1" alt="E=mc^2">是质能方程', "$E=mc^2$是质能方程"),
        ("<img alt='一只猫'>图", "图"),
        ("　　<p>&nbsp;&nbsp;缩进的段落</p><p>&nbsp;</p><p>下一段</p>", "缩进的段落\n下一段"),
    ],
)
def test_text_follows_the_standard(markup: str, text: str) -> None:
    assert text_of(markup).strip() == text


def test_unclosed_anchor_ends_with_the_next_one() -> None:
    page = page_of("<a href=/1>甲乙<p><a href=/2>丙</a>丁戊己</p>")
    assert int(page.links[0]) == 3


def test_named_anchor_is_no_link() -> None:
    assert int(page_of("<a name=top><p>正文不是链接</p></a>").links[0]) == 0


def test_content_before_body_is_kept() -> None:
    assert text_of("<html><head><title>题</title><p>没有 body 的旧页面</p>").strip() == "没有 body 的旧页面"


def test_cues_need_word_borders() -> None:
    comment, ad = WORDS.cues("comment"), WORDS.cues("ad")
    page = page_of('<div class="postCommentList"></div><div class="header read-more"></div><div id="ad_top"></div>')
    divs = page.named("div")
    assert page.tree.cues[divs[0]] & comment
    assert not page.tree.cues[divs[1]] & ad
    assert page.tree.cues[divs[2]] & ad


def test_ids_made_of_headings_give_no_cues() -> None:
    share = WORDS.cues("share")
    page = page_of(
        "<div id=share></div><div id=share-post-1207></div><div id=share-a-boat-today></div><div id=share-渡船></div>"
        "<h2 id=share>共享</h2><h2 class=share>分享</h2>"
    )
    marked = [bool(page.tree.cues[node] & share) for node in page.named("div", "h2")]
    assert marked == [True, True, False, False, False, True]


def test_depth_is_bounded_and_fast() -> None:
    for markup in ("<div>" * 100_000 + "深处", "<b>" * 100_000 + "深处", "<table><tr><td>" * 30_000 + "深处"):
        began = time.process_time()
        page = page_of(markup)
        assert time.process_time() - began < 2
        assert int(page.text[0]) == 2
        assert page.tree.depth >= 30_000


def test_node_budget_cuts_the_page() -> None:
    page = page_of("<p>一</p>" * 1000, max_nodes=500)
    assert page.tree.truncated
    assert len(page.tree.tag) <= 500


@pytest.mark.parametrize(
    "markup",
    [b"<" * 200_000, b"</x>" * 100_000, b"<a " * 100_000, b"<!--" * 100_000, b"<p class='" + b"a b" * 100_000,
     b"&" * 300_000, b"<a><li><p><td>" * 20_000 + b"</div>" * 50_000, b"<option>" * 50_000],
)  # fmt: skip
def test_hostile_input_is_linear(markup: bytes) -> None:
    page_of(b"<p>warm")
    began = time.process_time()
    page_of(markup)
    assert time.process_time() - began < 3


PIECES = st.sampled_from(
    ["<p>", "</p>", "<div class='comment'>", "</div>", "<a href=x>", "</a>", "<li>", "<ul>", "</ul>", "<table>", "<tr>", "<td>",
     "</table>", "<pre>", "</pre>", "<b>", "</b>", "<script>", "</script>", "<br>", "文字", " ", "<!--", "-->", "&amp;", "<", ">",
     "<body>", "</body>", "<html>", "<head>", "<title>", "</title>", "<math>", "<annotation>", "</math>", "<svg>", "<x-y>", "</x-y>"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.lists(PIECES, max_size=60).map(lambda pieces: "".join(pieces).encode()), st.binary(max_size=200)))
def test_tree_is_nested_on_any_bytes(data: bytes) -> None:
    page = page_of(data)
    tree = page.tree
    for node in range(1, len(tree.tag)):
        parent = int(tree.parent[node])
        assert 0 <= parent < node
        assert tree.tag[parent] != 0
        assert node < tree.end[node] <= tree.end[parent]
        assert 0 <= tree.start[node] <= tree.stop[node] <= len(data)
    page.render(0, page.nothing, page.nothing)
    assert int(page.text[0]) >= int(page.links[0]) >= 0


def test_every_tree_has_the_type_that_is_stated_for_trees() -> None:
    for markup in ("", "<p>一", "<div><a href=/>二</a></div>" * 1000, "<b>" * 10_000):
        tree = page_of(markup).tree
        assert numba.typeof(tree) == types.BaseTuple.from_types([numba.typeof(field) for field in tree], type(tree))
