"""Lines around a text go, lines of the text stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.extraction.boilerplate import LineFilter

LINES = LineFilter()
PROSE = "清晨的集市上，卖豆腐的老人把木板一块块卸下来，热气扑了他一脸。"


@pytest.mark.parametrize(
    "line",
    ["责任编辑：小满", "（责编：小满、阿青）", "来源：江城晚报", "上一篇：渔火", "下一篇：没有了", "分享到：微信 微博", "相关阅读：", "标签：江城 渡口",
     "未经授权不得转载", "版权所有 江城晚报社", "更多精彩内容请关注江城晚报公众号", "打印本页", "扫一扫在手机打开当前页"],
)  # fmt: skip
def test_tail_lines_go(line: str) -> None:
    assert LINES.clean(f"{PROSE}\n{PROSE}\n{line}", "") == f"{PROSE}\n{PROSE}"


@pytest.mark.parametrize(
    "line",
    ["集市", "2025年12月3日 08:30", "作者：小满 来源：江城晚报", "发布时间：2025-12-03", "浏览次数：128 次", "字号：大 中 小",
     "首页 > 新闻 > 正文", "【打印】", "阅读 1.2万", "字数统计: 1,244 | 阅读时长 ≈ 4", "2013/04/18 随笔 共 393 字，约 2 分钟",
     "预计阅读时间 6 分钟", "| | 阅读次数", "（原标题：老街的早晨，从一碗豆腐脑开始）"],
)  # fmt: skip
def test_head_lines_go(line: str) -> None:
    assert LINES.clean(f"{line}\n{PROSE}", "集市") == PROSE


@pytest.mark.parametrize(
    "line",
    ["来源于生活的故事，往往最动人，也最难写好。", "2025年12月3日，集市重新开张，来了三百多人。", "作者在书里写道，他一生只去过一次县城。",
     "编辑部的灯亮到凌晨两点。", "一、豆腐", "他回复说：“明天再来。”"],
)  # fmt: skip
def test_lines_of_the_text_stay(line: str) -> None:
    text = f"{PROSE}\n{line}\n{PROSE}"
    assert LINES.clean(text, "") == text
    assert line in LINES.clean(f"{line}\n{PROSE}", "")


@pytest.mark.parametrize(
    "line",
    ["3楼", "楼主", "发表于 2025-12-3 10:00", "只看该作者", "回复 3", "举报", "3天前", "来自iPhone客户端", "IP属地：江苏", "本帖最后由 阿青 于 2025-12-3 编辑",
     "积分 1280", "全部评论", "12", "赞(3) 回复", "2025-12-03 10:00"],
)  # fmt: skip
def test_lines_around_posts_go(line: str) -> None:
    assert LINES.clean_post(f"{line}\n开的，正午一趟。\n{line}") == "开的，正午一趟。"


@pytest.mark.parametrize(
    "line", ["顶一个，说得太对了！", "3楼的说法不对，我昨天刚坐过船。", "谢谢", "回复楼上：不用买票。", "好"]
)
def test_short_posts_stay(line: str) -> None:
    assert LINES.clean_post(line) == line


def test_title_that_ends_like_a_sentence_is_not_repeated() -> None:
    title = "走了三十里山路，他终于见到了那座桥！"
    assert LINES.clean(f"{title}\n{PROSE}", title) == PROSE
    assert LINES.clean(f"{PROSE}\n{title}\n{PROSE}", title) == f"{PROSE}\n{title}\n{PROSE}"


@pytest.mark.parametrize(
    "dateline",
    ["Diperbarui 13 Mei 2024, 18:13 WIB", "04.05.2024, 22:58", "Posted Fri, May 10, 2024 at 2:52 pm PT | Updated Fri, May 10, 2024 at 2:55 pm PT",
     "2025年12月3日 08:30", "19 Nov 2025 05:44 GMT"],
)  # fmt: skip
def test_datelines_of_any_language_go_with_their_byline(dateline: str) -> None:
    assert LINES.clean(f"小满 本报记者\n{dateline}\n{PROSE}", "") == PROSE
    assert LINES.clean(f"{PROSE}\n小满 本报记者\n{dateline}\n{PROSE}\n{PROSE}", "") == f"{PROSE}\n{PROSE}\n{PROSE}"


@pytest.mark.parametrize("line", ["2025年12月3日", "第一节 豆腐", "2025年12月3日 08:30，集市重新开张，来了三百多人。"])
def test_lines_after_a_summary_stay(line: str) -> None:
    text = f"{PROSE}\n{line}\n{PROSE}\n{PROSE}"
    assert LINES.clean(text, "") == text


def test_labels_of_every_post_go() -> None:
    texts = [f"第{n}位读者说，船票两块钱。\nKutip\nBalas" for n in range(4)] + ["Kutip\nBalas", "谢谢", "谢谢", "谢谢"]
    assert LINES.clean_posts(texts) == [f"第{n}位读者说，船票两块钱。" for n in range(4)] + ["", "谢谢", "谢谢", "谢谢"]


@pytest.mark.parametrize("line", ["优点：", "    return 0", "}", "船票两块钱，儿童免票。"])
def test_lines_that_posts_share_by_right_stay(line: str) -> None:
    texts = [f"第{n}位读者说。\n{line}\n便宜。" for n in range(4)]
    assert LINES.clean_posts(texts) == texts


@given(st.lists(st.text("船票谢a1。\n :", max_size=40), max_size=12))
def test_posts_keep_their_number_and_order(texts: list[str]) -> None:
    found = LINES.clean_posts(texts)
    assert len(found) == len(texts)
    for text, cleaned in zip(texts, found, strict=True):
        assert set(cleaned.split("\n")) <= set(text.split("\n")) | {""}
