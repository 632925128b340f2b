"""Kinds of pages and their text, on pages written for these tests."""

import numpy as np
import pytest

from corpus.extraction.engine import Extraction, Extractor

EXTRACTOR = Extractor()
LONG = "入冬以后，渡口的船少了一半，剩下的几条也只在正午开一趟。老船工说，水位低的时候看得见江心的石头，夜里不敢走。"
NAV = "<ul class=nav>" + "".join(f"<li><a href=/{i}>栏目{i}号</a></li>" for i in range(8)) + "</ul>"


def extract(markup: str, url: str | None = None) -> Extraction:
    return EXTRACTOR.extract(np.frombuffer(markup.encode(), np.uint8), url)


def article(body: str) -> str:
    return f"<title>渡口的冬天_江城晚报</title><body>{NAV}<div class=main><h1>渡口的冬天</h1>{body}</div>"


def test_article_keeps_paragraphs_and_drops_furniture() -> None:
    page = article(
        f"<div class=info>2025年12月3日 08:30　来源：江城晚报　作者：小满</div><div class=content><p>　　{LONG}</p><p>{LONG}又及。</p>"
        "<p>责任编辑：小满</p></div><div class=share>分享到：<a href=#>微信</a></div>"
        "<div class=prevnext>上一篇：<a href=/1>渔火</a></div><div class=comments><p>写得真好，想起了外婆家门口的那条河。</p></div>"
        "<div class=related><h3>相关阅读</h3><ul><li><a href=/2>江上的桥</a></ul></div><footer>版权所有</footer>"
    )
    found = extract(page)
    assert found.kind == "article"
    assert found.title == "渡口的冬天"
    assert found.parts == [f"{LONG}\n{LONG}又及。"]
    assert found.published_at == 1764721800


def test_table_list_and_code_keep_their_lines() -> None:
    page = article(
        f"<div class=content><p>{LONG}</p><table><tr><th>月份</th><th>班次</th></tr><tr><td>十二月</td><td>一</td></tr></table>"
        f"<ol><li>先看水位，再看风向。</li><li>雾天停航。</li></ol><pre><code>if fog:\n    stop()</code></pre><p>{LONG}</p></div>"
    )
    text = extract(page).parts[0]
    assert "月份\t班次\n十二月\t一" in text
    assert "先看水位，再看风向。\n雾天停航。" in text
    assert "if fog:\n    stop()" in text


def test_inline_comment_class_in_code_is_code() -> None:
    page = article(
        f"<div class=content><p>{LONG}</p><pre><span class=comment># 停航</span>\nstop()</pre><p>{LONG}</p></div>"
    )
    assert "# 停航\nstop()" in extract(page).parts[0]


def test_line_numbers_go() -> None:
    page = article(
        f"<div class=post><p>{LONG}</p><table><tr><td class=gutter><pre>1\n2</pre></td><td class=code><pre>a = 1\nb = 2</pre></td></table>"
        f"<p>{LONG}</p></div>"
    )
    text = extract(page).parts[0]
    assert "a = 1\nb = 2" in text
    assert "\n1\n2" not in text


def test_layout_tables_of_old_pages() -> None:
    links = "<br>".join(f"<a href=/{i}>江城要闻第{i}条标题写在这里</a>" for i in range(9))
    page = (
        f"<title>渡口的冬天-江城日报</title><table><tr><td>{NAV}</td></tr></table><table><tr><td><b>渡口的冬天</b></td></tr>"
        f"<tr><td>&nbsp;&nbsp;{LONG}<br><br>&nbsp;&nbsp;{LONG}</td></tr></table><table><tr><td>相关新闻<br>{links}</td></tr></table>"
    )
    text = extract(page).parts[0]
    assert text.count("入冬以后") == 2
    assert "江城要闻" not in text


POST = (
    "<div id=post_{n}><table><tr><td class=pls><a href=space-uid-{n}.html>住户{n}</a><p>积分 {n}20</p></td><td class=plc>"
    "<em>发表于 2025-12-0{n} 10:00</em> <a href=#>只看该作者</a><div class=t_f id=postmessage_{n}>{body}</div>"
    "<div class=sign>少即是多</div><a href=#>回复</a> <a href=#>举报</a></td></tr></table></div>"
)
BODIES = [
    "请问冬天从渡口到对岸还开船吗？想带孩子去看候鸟。",
    "开的，正午一趟，二十分钟到。",
    "雾天停，最好先打电话问。<br>电话在码头公告牌上。",
]


def test_forum_thread_yields_posts() -> None:
    posts = "".join(POST.format(n=n, body=body) for n, body in enumerate(BODIES, start=1))
    page = (
        '<meta name=generator content="Discuz! X3.4"><title>冬天还开船吗 - 江城论坛</title>'
        f"<body id=nv_forum class=pg_viewthread>{NAV}<div id=postlist>{posts}</div><div id=ft>Powered by Discuz!</div>"
    )
    found = extract(page, "https://bbs.jiangcheng.example/thread-12-1-1.html")
    assert found.kind == "forum"
    assert found.parts == [body.replace("<br>", "\n") for body in BODIES]
    assert "forum" in found.hints
    assert "generator:discuz" in found.hints


def test_question_and_answers() -> None:
    answers = "".join(
        f"<div class=answer><a href=/user/{n}>热心人{n}</a><div class=answer-content>{body}</div><span>赞 {n}</span></div>"
        for n, body in enumerate(BODIES[1:], start=1)
    )
    page = (
        '<script type="application/ld+json">{"@type":"QAPage"}</script><title>冬天渡口还开船吗_江城问答</title>'
        f"<body>{NAV}<div class=question><h1>冬天渡口还开船吗</h1><div class=question-detail>{BODIES[0]}</div></div>{answers}"
    )
    found = extract(page, "https://www.jiangcheng.example/question/7.html")
    assert found.kind == "qa"
    text = "\n\n".join(found.parts)
    assert all(body.replace("<br>", "\n") in text for body in BODIES)
    assert "热心人" not in text
    assert len(found.parts) >= 2


def test_comment_list() -> None:
    items = "".join(
        f"<div class=comment-item><a href=/people/{n}/>看客{n}</a> <span class=comment-time>2025-12-0{n}</span>"
        f"<p class=comment-content>第{n}条：片子拍得慢，可江水的声音好听，看完想去坐一次船。</p></div>"
        for n in range(1, 6)
    )
    page = f"<title>渡口 短评</title><body>{NAV}<h1>渡口 短评</h1><div id=comments>{items}</div>"
    found = extract(page, "https://www.yingban.example/subject/1/comments")
    assert found.kind == "comments"
    assert len(found.parts) == 5
    assert "看客" not in "".join(found.parts)


def test_wechat_article_hidden_by_style() -> None:
    page = (
        '<meta property="og:title" content="渡口的冬天"><body><div class="rich_media"><h1 class="rich_media_title">渡口的冬天</h1>'
        '<div class="rich_media_meta_list"><a id="js_name">江城读本</a><em id="publish_time">2025-12-03 08:30</em></div>'
        f'<div class="rich_media_content" id="js_content" style="visibility: hidden; opacity: 0;"><section><p>{LONG}</p></section>'
        f'<section><p>{LONG}</p></section></div></div><div class="qr_code_pc"><p>微信扫一扫关注该公众号</p></div>'
    )
    found = extract(page, "https://mp.weixin.qq.com/s/abc")
    assert found.kind == "wechat"
    assert found.parts == [f"{LONG}\n{LONG}"]


def test_index_page_is_named() -> None:
    links = "".join(f"<li><a href=/n/{i}.html>江城新闻标题之第{i}条内容写得很长</a></li>" for i in range(40))
    found = extract(f"<title>新闻列表</title><body>{NAV}<div class=list><ul>{links}</ul></div>")
    assert found.kind == "index"
    assert found.link_density > 0.9


def test_traditional_script_and_features() -> None:
    page = (
        '<title>渡口的冬天 | 生活 | 江城新聞</title><meta property="og:type" content="article"><meta name=robots content="NOINDEX, noai">'
        '<meta property="article:published_time" content="2025-12-03T08:30:00+08:00"><body><ol class=breadcrumb><li><a href=/>首頁</a>'
        f"<li><a href=/life>生活</a></ol><article><h1>渡口的冬天</h1><p>{LONG.replace('们', '們')}入夜後氣溫驟降。</p></article>"
    )
    found = extract(page)
    assert found.published_at == 1764721800
    assert {"breadcrumb:生活", "og:type=article"} <= set(found.hints)
    assert found.hints == sorted(found.hints)
    assert found.opt_out == ["noai", "noindex"]


def test_same_bytes_same_result() -> None:
    page = article(f"<div class=content><p>{LONG}</p></div>")
    assert extract(page) == extract(page)


@pytest.mark.parametrize("markup", ["", " ", "<", "<p>", "<html></html>", "<body>" * 5, "\x00\x01", "<!doctype html>"])
def test_empty_pages_have_no_text(markup: str) -> None:
    assert "".join(extract(markup).parts).strip() in ("", "<", "\x00\x01")


def test_title_of_a_book_page_is_its_chapter_not_the_book() -> None:
    page = (
        "<title>渡船的维护 - 渡口手册</title><div class=bar><h1 class=menu-title>渡口手册</h1></div>"
        f"<main><ul><li><em>船厂网址: <a href=https://ship.example/>https://ship.example/</a></em></li></ul><hr>"
        f"<h2><a href=#3>3.2. 渡船的维护</a></h2><p>{LONG}</p><p>{LONG}</p></main>"
    )
    found = extract(page)
    assert found.title == "3.2. 渡船的维护"
    assert found.parts == [f"{LONG}\n{LONG}"]


def test_heading_that_links_home_names_the_site() -> None:
    page = (
        "<title>目录结构 - 渡口 • 江边笔记</title><meta property=og:title content=目录结构><h1><a href=/>渡口</a></h1>"
        f"<article><p>{LONG}</p><p>{LONG}</p></article>"
    )
    assert extract(page).title == "目录结构"


def test_page_that_states_only_its_site_is_named_by_its_heading() -> None:
    page = (
        "<title>渡口 官方文档</title><meta property=og:site_name content=渡口>"
        f"<div class=markdown><h1>停航的规则</h1><p>{LONG}</p><p>{LONG}</p></div>"
    )
    assert extract(page).title == "停航的规则"


@pytest.mark.parametrize(
    "mark",
    ["<sup><a href=#fn1>[1]</a></sup>", "<a href=#ftn.id3 class=footnote><sup>[82]</sup></a>",
     "<sup id=cite_ref-2><a href='https://wiki.example/p#cite_note-2'>[2]</a></sup>"],
)  # fmt: skip
def test_marks_of_notes_go(mark: str) -> None:
    half = len(LONG) // 2
    page = article(
        f"<div class=content><p>{LONG[:half]}{mark}{LONG[half:]}</p><p>江面宽 3×10<sup>2</sup> 米，船票二元。</p>"
        "<div id=fn1><p>水位见年报。<a class=footnote-backref href=#fnref1>↩</a></p></div></div>"
    )
    text = extract(page).parts[0]
    assert LONG in text
    assert "3×102 米" in text
    assert "↩" not in text


def test_lines_with_a_sentence_before_the_title_stay() -> None:
    lead = "编者按：冬季停航在即，本报记者走访了三个渡口。"
    page = f"<title>渡口的冬天</title><article><p>{lead}</p><h1>渡口的冬天</h1><p>{LONG}</p><p>{LONG}</p></article>"
    assert lead in extract(page).parts[0]


def test_page_of_excerpts_is_an_index() -> None:
    entries = "".join(
        f"<article><h1><a href=/{name}/>{name}的来历</a></h1><p>{LONG}</p><p>{LONG}{name}。</p></article>"
        for name in ("石桥", "渡船", "灯塔", "码头")
    )
    assert extract(f"<title>江边笔记</title>{entries}", "https://river.example/page/2/").kind == "index"
    own = f"<title>渡口的冬天</title><article><h1>渡口的冬天</h1><p>{LONG}</p><p>{LONG}</p></article>"
    sections = "<h2><a href=/a>渔火</a></h2><h2><a href=/b>石桥</a></h2><h2><a href=/c>灯塔</a></h2>"
    assert extract(own + sections).kind == "article"
    linked = own.replace("<h1>渡口的冬天", "<h1><a href=/winter>渡口的冬天</a>")
    assert extract(linked + sections, "https://river.example/winter").kind == "article"


@pytest.mark.parametrize(
    ("title", "heading", "expected"),
    [
        ("渡船 - 渡口手册", "3.1 渡船", "3.1 渡船"),  # shorter than the site's name
        ("clean_html_mapper — 渡口手册", "clean_html_mapper", "clean_html_mapper"),
        ("渡口的冬天_江城晚报", "江城晚报", "渡口的冬天"),
    ],
)
def test_title_is_the_page_not_the_site(title: str, heading: str, expected: str) -> None:
    page = f"<title>{title}</title><main><h1>{heading}</h1><p>{LONG}</p><p>{LONG}</p></main>"
    if heading == "江城晚报":
        page = page.replace("<h1>", "<h1><a href=/index.html>").replace("</h1>", "</a></h1>")
    assert extract(page).title == expected
