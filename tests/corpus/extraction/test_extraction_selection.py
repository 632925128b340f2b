"""Which element holds a text and what goes from it, on pages written for these tests."""

import json

import numpy as np
import pytest

from corpus.extraction.engine import Extraction, Extractor

EXTRACTOR = Extractor()
LONG = "入冬以后，渡口的船少了一半，剩下的几条也只在正午开一趟。老船工说，水位低的时候看得见江心的石头，夜里不敢走。"
MORE = "桥修到第三个年头，合龙那天他把船划到桥墩下面，仰着头看了半晌，说这桥比船稳当，就是少了点水声。"
NAV = "<ul class=nav>" + "".join(f"<li><a href=/{i}>栏目{i}号</a></li>" for i in range(8)) + "</ul>"
HEAD = f"<title>渡口的冬天_江城晚报</title><body>{NAV}"
TITLE = "<h1>渡口的冬天</h1>"


def extract(markup: str, url: str | None = None) -> Extraction:
    return EXTRACTOR.extract(np.frombuffer(markup.encode(), np.uint8), url)


def test_text_of_the_article_element_not_of_a_longer_notice_outside() -> None:
    notice = "<p>我们和合作伙伴会在您的设备上保存信息，并根据您的选择处理个人数据，您可以随时更改这些选择。</p>" * 6
    page = f"{HEAD}<article>{TITLE}<p>{LONG}</p><p>{MORE}</p><p>{LONG}</p></article><div class=x7f2><div class=k9>{notice}</div></div>"
    assert extract(page).parts == [f"{LONG}\n{MORE}\n{LONG}"]


def test_article_element_with_only_the_summary_is_not_the_text() -> None:
    body = f"<p>{LONG}</p><p>{MORE}</p>" * 3
    text = extract(f"{HEAD}<article>{TITLE}<p>{MORE}</p></article><div class=content>{body}</div>").parts[0]
    assert text.count(LONG) == 3


def test_text_in_several_marked_elements() -> None:
    pieces = "".join(f"<section class=textblock><p>第{n}节。{LONG}</p><p>{MORE}</p></section>" for n in range(1, 5))
    text = extract(f"{HEAD}<main>{TITLE}{pieces}</main>").parts[0]
    assert all(f"第{n}节。" in text for n in range(1, 5))


@pytest.mark.parametrize(
    "heading",
    ["<h2 id=share>共享单车</h2>", "<h2 id=related-work>前人的工作</h2>", "<h3 id=comments-on-bridges>桥评</h3>"],
)
def test_heading_named_like_a_part_of_a_template_stays(heading: str) -> None:
    text = extract(f"{HEAD}<div class=content>{TITLE}<p>{LONG}</p>{heading}<p>{MORE}</p></div>").parts[0]
    assert heading.split(">")[1].split("<")[0] in text


def test_section_with_a_slug_stays() -> None:
    section = f"<div class=section id=sharing-a-boat-with-others><h2>合伙开船</h2><p>{MORE}</p></div>"
    assert MORE in extract(f"{HEAD}<div class=content>{TITLE}<p>{LONG}</p><p>{LONG}</p>{section}</div>").parts[0]


def test_list_of_keywords_is_no_prose() -> None:
    spam = "渡口时刻表 江城二手船 柴油机配件 船票预订 " * 900
    page = f"{HEAD}<div class=entry>{TITLE}<p>{LONG}</p><p>{MORE}</p></div><div>{spam}</div>"
    assert extract(page).parts == [f"{LONG}\n{MORE}"]


@pytest.mark.parametrize(
    "beside",
    [
        '<div class="gallery col3"><ul class=slides><li><h2>江心石</h2><p>枯水期的江心石，摄于正午。</p></li></ul></div>',
        '<div class="video-js vjs-paused"><p>视频播放器正在加载，请稍候。</p><span>当前时间 0:00</span></div>',
        "<div class=photo-credit>小满 摄</div>",
        '<div class="article-body__newsletter newsletter"><p>订阅江城晚报，每周三收到渡口的消息。</p></div>',
    ],
)
def test_what_stands_beside_a_text_goes(beside: str) -> None:
    page = f"{HEAD}<div class=article-body>{TITLE}<p>{LONG}</p>{beside}<p>{MORE}</p><p>{LONG}</p></div>"
    assert extract(page).parts == [f"{LONG}\n{MORE}\n{LONG}"]


def test_gallery_that_is_the_page_stays() -> None:
    slides = "".join(f"<li><p>图{n}：{LONG}</p></li>" for n in range(1, 5))
    text = extract(f"{HEAD}{TITLE}<div class=gallery><ul>{slides}</ul></div>").parts[0]
    assert all(f"图{n}：" in text for n in range(1, 5))


def test_table_and_list_that_stay_keep_their_linked_rows() -> None:
    rows = "".join(f"<tr><td><a href=/b{n}>柳林{n}号</a></td><td>{n * 7}</td></tr>" for n in range(1, 6))
    items = f"<li><a href=/w1>水位站的观测记录与说明</a></li><li>{MORE}<a href=/w2>航道图</a></li>"
    page = f"{HEAD}<div class=content>{TITLE}<p>{LONG}</p><table><tr><th>船名</th><th>载客人数（含船工与随船货主，不含儿童）</th></tr>{rows}</table><ul>{items}</ul><p>{LONG}</p></div>"
    text = extract(page).parts[0]
    assert "柳林1号\t7\n柳林2号\t14" in text
    assert "水位站的观测记录与说明" in text


def test_container_above_a_marked_text_must_add_prose() -> None:
    links = "".join(f"<li><a href=/s{n}>江城优选商品第{n}号限时</a></li>" for n in range(30))
    page = f"{HEAD}<div class=post_content>{TITLE}<div class=post_text><p>{LONG}</p><p>{MORE}</p></div><div class=tabbox><p>看更多好物。</p><ul>{links}</ul></div></div>"
    assert "优选" not in extract(page).parts[0]


def test_text_that_its_own_classes_would_take_away() -> None:
    sections = "".join(
        f'<section class="Section Section--Ads"><h2>其{n}</h2><p>{LONG}</p><p>{MORE}</p></section>'
        for n in "一二三四五六七"
    )
    page = f"{HEAD}<article itemprop=articleBody>{TITLE}{sections}</article>"
    assert extract(page).parts[0].count(LONG) == 7


def test_page_of_comments_under_a_short_text_is_a_discussion() -> None:
    replies = "".join(f"<div class=reply-item><div class=reply-text>第{n}位：{MORE}</div></div>" for n in range(1, 13))
    page = f"{HEAD}<div class=post-container>{TITLE}<p>{LONG}</p></div><div class=replies>{replies}</div>"
    found = extract(page)
    assert found.kind == "comments"
    text = "\n".join(found.parts)
    assert LONG in text
    assert all(f"第{n}位：" in text for n in range(1, 13))


@pytest.mark.parametrize("container", ["article class=x1", "div class=article-content"])
def test_short_text_in_its_own_element_is_no_discussion(container: str) -> None:
    replies = "".join(f"<div class=reply-item><div class=reply-text>第{n}位：{MORE}</div></div>" for n in range(1, 31))
    body = f"<{container}><p>{LONG}</p><p>{MORE}</p><p>{LONG}</p></{container.split()[0]}>"
    found = extract(f"{HEAD}{TITLE}{body}<div class=replies>{replies}</div>")
    assert found.kind == "article"
    assert found.parts == [f"{LONG}\n{MORE}\n{LONG}"]


def test_comments_under_a_long_text_are_left_out() -> None:
    replies = "".join(f"<div class=reply-item><div class=reply-text>第{n}位：{MORE}</div></div>" for n in range(1, 200))
    body = f"<p>{LONG}</p><p>{MORE}</p>" * 12
    found = extract(f"{HEAD}<div class=content>{TITLE}{body}</div><div class=replies>{replies}</div>")
    assert found.kind == "article"
    assert "位：" not in found.parts[0]


@pytest.mark.parametrize(
    "url",
    ["http://www.jiangcheng.example/xw/202405/t20240513_6950123.shtml", "https://keji.jiangcheng.example/d/2024-05-13/doc-1.shtml",
     "https://guandian.jiangcheng.example/pinglun/2024/0513/1.html", "https://www.jiangcheng.example/reviews/boat-of-the-year"],
)  # fmt: skip
def test_address_of_an_article_that_looks_like_a_thread(url: str) -> None:
    related = "".join(f"<p>{MORE}<a href=/r{n}>江上的桥之{n}</a></p>" for n in range(3))
    body = f"<p>{LONG}</p>" * 6
    page = f"<title>渡口的冬天_江城高峰论坛_江城网</title><body>{NAV}<div class=q1>{TITLE}{body}</div><div class=related>{related}</div>"
    found = extract(page, url)
    assert found.kind == "article"
    assert found.parts == ["\n".join([LONG] * 6)]


def signed(count: int, body: str) -> str:
    return "".join(
        f'<div class="z9x"><a href="/u/{n}">江边人{n}</a><i>05-1{n % 10} 08:30</i><div>{n}号：{body}</div><span>赞</span></div>'
        for n in range(count)
    )


@pytest.mark.parametrize("heading", [TITLE, "<div class=bt>渡口的冬天</div>"])
def test_comments_are_known_by_their_form(heading: str) -> None:
    found = extract(
        f"{HEAD}<div class=q1>{heading}<p>{LONG}</p><p>{MORE}</p></div><div class=k3>{signed(40, MORE)}</div>"
    )
    assert found.kind == "article"
    text = found.parts[0]
    assert LONG in text
    assert "号：" not in text


def test_records_by_reply_buttons() -> None:
    replies = "".join(f"<li><b>江边人{n}</b><p>{n}号：{MORE}</p><em>回复(2)</em></li>" for n in range(20))
    text = extract(f"{HEAD}<div class=q1>{TITLE}<p>{LONG}</p><p>{MORE}</p></div><ul class=k3>{replies}</ul>").parts[0]
    assert "号：" not in text


@pytest.mark.parametrize(
    "entries",
    [
        "".join(f"<div class=e><b>0{n}:30</b><p>第{n}条：{MORE}</p></div>" for n in range(1, 9)),
        "".join(f'<div class=e><a href="/u/{n}">船工{n}</a><p>第{n}条：{LONG * 14}</p></div>' for n in range(1, 9)),
        "<table>"
        + "".join(f'<tr><td><a href="/u/{n}">船工{n}</a></td><td>第{n}条：{MORE}</td></tr>' for n in range(1, 9))
        + "</table>",
    ],
)
def test_entries_of_a_text_are_no_comments(entries: str) -> None:
    text = extract(f"{HEAD}<div class=q1>{TITLE}<p>{LONG}</p>{entries}</div>").parts[0]
    assert all(f"第{n}条：" in text for n in range(1, 9))


def test_page_of_nothing_but_records_keeps_them() -> None:
    page = f"<title>江边的人</title><body><div class=k3>{signed(12, MORE)}</div>"
    assert "11号：" in "\n".join(extract(page).parts)


def test_stated_text_ends_the_selected_one() -> None:
    stated = json.dumps({"@type": "NewsArticle", "articleBody": f"{LONG} {MORE} {LONG} {MORE}"}, ensure_ascii=False)
    tail = "小满在江城住了十年，写过三本关于渡口的书。"
    page = (
        f'<script type="application/ld+json">{stated}</script>{HEAD}<div class=content>{TITLE}'
        f"<p>{LONG}</p><p>{MORE}</p><p>{LONG}</p><p>{MORE}</p><p>{tail}</p></div>"
    )
    assert extract(page).parts == [f"{LONG}\n{MORE}\n{LONG}\n{MORE}"]


def test_class_of_wechat_alone_does_not_make_a_page_its() -> None:
    page = f"{HEAD}<div id=page-content>{TITLE}<p>{LONG}</p><p>{MORE}</p></div>"
    assert extract(page).kind == "article"


POST = "<div class=post><div class=post-content>{body}</div>{below}</div>"
BODIES = [
    "冬天还开船吗？想带孩子去江心洲看芦苇。",
    "开的，正午一趟，雾大就停。",
    "上周刚去过，船票两块钱。",
    "谢谢楼上各位，那就周六去。",
]


def thread(below: str, above: str = "") -> Extraction:
    posts = "".join(POST.format(body=body, below=below) for body in BODIES)
    page = f"<title>冬天还开船吗 - 江城论坛</title><body>{NAV}{above}<h1>冬天还开船吗</h1><div id=posts>{posts}</div>"
    return extract(page, "https://bbs.jiangcheng.example/thread-12-1-1.html")


def test_signatures_and_notices_are_no_posts() -> None:
    text = "\n".join(thread("<div class=signature>一江春水向东流，渡口的灯还亮着，船什么时候再开？</div>").parts)
    assert "春水" not in text
    text = "\n".join(
        thread("", "<div class=notice>欢迎来到江城论坛！注册之后就可以发帖，也可以看到附件里的大图。</div>").parts
    )
    assert "欢迎" not in text
    assert all(body in text for body in BODIES)


def test_lines_before_the_title_of_a_thread_go() -> None:
    text = "\n".join(thread("", "<div class=x>论坛将在周日凌晨维护，请提前保存草稿。</div>").parts)
    assert "维护" not in text
    assert all(body in text for body in BODIES)


def test_button_under_every_post_goes() -> None:
    assert thread("<div>Balas</div><div>Kutip</div>").parts[-1] == BODIES[-1]
