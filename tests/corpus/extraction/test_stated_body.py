"""The text that a page states: it trims what surrounds the selected text and stands in where that missed it."""

from hypothesis import given
from hypothesis import strategies as st

from corpus.extraction.stated_body import checked

FIRST = "入冬以后，渡口的船少了一半，剩下的几条也只在正午开一趟，赶集的人要在岸边等很久。"
MIDDLE = "老船工说，水位低的时候看得见江心的石头，夜里不敢走，雾天更不敢走，只能把船系在柳树下，等太阳把雾晒散了再说。"
LAST = "桥修到第三个年头，合龙那天他把船划到桥墩下面，仰着头看了半晌，说这桥比船稳当，就是少了点水声，也少了等船的人。"
STATED = f"{FIRST} {MIDDLE} {MIDDLE} {LAST}"
TEXT = f"{FIRST}\n{MIDDLE}\n{MIDDLE}\n{LAST}"


def test_lines_around_the_stated_text_go() -> None:
    around = f"江城晚报 小满\n{TEXT}\n订阅本刊的读者可以在每周三收到渡口的消息。\n小满，本报记者"
    assert checked(around, STATED) == TEXT


def test_a_summary_before_the_stated_text_stays() -> None:
    summary = "编者按：这是渡口系列报道的最后一篇，感谢读者一路相伴。"
    assert checked(f"{summary}\n{TEXT}", STATED) == f"{summary}\n{TEXT}"


def test_a_stated_text_that_was_cut_short_trims_nothing_at_its_end() -> None:
    text = f"{TEXT}\n后来船卖给了下游的人家。"
    assert checked(text, STATED[:-20] + "……") == text


def test_the_stated_text_stands_in_for_a_selection_that_missed_it() -> None:
    assert checked("请登录后继续阅读本文，开通会员享受更多权益。", STATED) == STATED


def test_a_short_statement_says_nothing() -> None:
    assert checked("请登录后继续阅读。", FIRST) == "请登录后继续阅读。"


@given(st.lists(st.text("渡口江船。\n ab", max_size=60), max_size=12), st.text("渡口江船。\n ab", max_size=600))
def test_nothing_is_invented(lines: list[str], stated: str) -> None:
    text = "\n".join(lines)
    found = checked(text, stated)
    assert found == stated or set(found.split("\n")) <= set(text.split("\n")) | {""}
