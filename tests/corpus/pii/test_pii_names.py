"""Names beside a trigger: who is described, addressed or named as a private person; and who is only spoken of."""

from __future__ import annotations

import pyarrow as pa
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.pii.candidate import Candidate
from corpus.steps.scrub import Scrub
from pii_rules.validators.names import (
    after_called,
    after_label,
    after_party,
    after_role,
    after_self,
    begins,
    begins_after_label,
)

NAMED = [
    "{贺书禾}：男，汉族，大专学历。",
    "{覃若澜}：女，中国国籍，",
    "{于岚}，女，三十四岁，本市户籍。",
    "经查：{栾鹤筠}，男，无业。",
    "{买买提·吐逊}：男，",
    "{孟庭苇}(曾用名孟小苇)，女，住本市。",
    "{邵怀瑾}女士，汉族，在校教师。",
    "{钱伯庸}先生：1962年3月出生，",
    "{柯以敏}先生，57岁，退休工人。",
    "尊敬的{顾晓峰}先生：",
    "{韩雨欣}女士：\n您的申请已经收到。",
    "据市民{罗建华}反映，路灯坏了半月。",
    "家住附近的居民{杨淑芬}说，每天都堵。",
    "河湾村村民{赵玉兰}骑车经过时看见了。",
    "走失者{沈桂英}，身穿红衣。",
    "业主{郑海燕}和物业没有谈拢。",
    "那位男子{潘建国}，当场被拦下。",
    "她的真名叫{许添悦}，是本地人。",
    "狗主人名叫“{曹文斌}”，住三楼。",
    "我叫{陆一鸣}，今年读高二。",
]
NOT_NAMED = [
    "总经理吴启明先生在会上致辞",
    "有请著名画家孙贵云女士上台",
    "鲁迅先生的文章我读过许多遍",
    "感谢钱穆先生的这本书",
    "党员：男，六人；女，四人",
    "苗族：女，一人",
    "干部，男，四十人",
    "单身，男，求合租",
    "性别：男，年龄：三十",
    "高中，女，走读",
    "市民王先生打来电话",
    "居民张某反映楼上漏水",
    "村民李明（化名）说起往事",
    "市民游玩时要注意安全",
    "消费者宣传日，居民消费价格上涨",
    "居民平均收入增加，村民安全得到保障",
    "男子万米和女子花剑都在下午决赛",
    "业主大会选出了代表",
    "名叫金色年华，是个小区",
    "当事人应当如实陈述",
    "尊敬的各位先生：",
    "王先生：您好",
]
DWELLINGS = [
    "收货地址：{浙江省杭州市西湖区文三路}",
    "收货地址：{江苏省苏州市吴中区东山镇紫金路碧螺花园} 电话：13761234095",
    "他家住在{成都市武侯区浆洗街}附近，每天步行上班",
    "户籍所在地：{安徽省阜阳市颍上县江口镇双庙村}",
    "现住址为{武汉市洪山区珞南街道街道口社区}，已住三年",
    "送货地址是{广东省佛山市顺德区大良街道凤翔花园} 收件人：请写姓名",
]
NO_DWELLINGS = [
    "家庭住址：河北省邯郸市永年区",
    "家住北京市，常年在外",
    "收货地址：请填写您的省市区县和路名",
    "公司注册住址：上海市浦东新区张江路",
    "住址：见附件说明的内容如下",
    "租住在朝阳区的一个小区里",
    "现住山城镇XX宿舍，无业",
    "文三路在杭州市西湖区，全长三公里",
]


def found(scrub: Scrub, text: str, kind: str, source_type: str | None = None) -> list[str]:
    scrub.load()
    spans = scrub.engine.scan(pa.array([text], pa.large_string()), None, [source_type]).get(0, [])
    return [text[s.start : s.end] for s in spans if s.kind == kind]


def parted(marked: str) -> tuple[str, str]:
    return marked.replace("{", "").replace("}", ""), marked[marked.index("{") + 1 : marked.index("}")]


@pytest.mark.parametrize("marked", NAMED)
def test_a_private_person_is_found(scrub: Scrub, marked: str) -> None:
    text, name = parted(marked)
    assert found(scrub, text, "PERSON") == [name]


@pytest.mark.parametrize("text", NOT_NAMED)
def test_words_roles_and_public_mentions_stay(scrub: Scrub, text: str) -> None:
    assert found(scrub, text, "PERSON") == []


@pytest.mark.parametrize("marked", DWELLINGS)
def test_a_road_is_enough_where_somebody_lives(scrub: Scrub, marked: str) -> None:
    text, address = parted(marked)
    assert found(scrub, text, "ADDRESS") == [address]


@pytest.mark.parametrize("text", NO_DWELLINGS)
def test_a_town_alone_or_a_road_spoken_of_stays(scrub: Scrub, text: str) -> None:
    assert found(scrub, text, "ADDRESS") == []


def test_in_news_the_private_person_goes_and_the_described_one_stays(scrub: Scrub) -> None:
    assert found(scrub, "河湾村村民赵玉兰骑车经过。", "PERSON", "news") == ["赵玉兰"]
    assert found(scrub, "贺书禾：男，汉族，现任市长。", "PERSON", "news") == []
    assert found(scrub, "贺书禾：男，汉族，现任市长。", "PERSON", "other") == ["贺书禾"]


RUNS = st.text(
    st.sampled_from("李王张于和欧阳司马诸葛赵钱淑芬文博一鸣某的是不与说买提吐孙称诉公司·，：1a"), min_size=1, max_size=8
)
AFTER = {
    after_label: begins_after_label,
    after_party: begins,
    after_role: begins,
    after_self: begins,
    after_called: begins,
}


@settings(max_examples=400, deadline=None)
@given(run=RUNS, rest=st.sampled_from(["", "，", "说", "诉称", "(化名)"]))
def test_what_is_accepted_after_a_trigger_begins_like_a_name(run: str, rest: str) -> None:
    """The prefilter passes over everything else."""
    text = run + rest
    for validator, expressions in AFTER.items():
        if validator(Candidate(text, 0, min(2, len(run)), 0.8, False)) is not None:
            assert regex.match("|".join(expressions()), text), validator.__name__


def test_a_trigger_behind_a_trigger_hides_no_name(scrub: Scrub) -> None:
    text = "请联系管理员 李文博(电话13761234095)"
    (found,) = scrub.spans([text])
    assert [text[s.start : s.end] for s in found] == ["李文博", "13761234095"]


def test_names_far_from_any_identifier_stay(scrub: Scrub) -> None:
    """Weak triggers are looked for round what was found only; what lies inside the distance is all found."""
    distance = scrub.settings.name_distance
    for gap in (0, distance // 2, distance - 3, distance + 3, distance + 40, distance + 400):
        text = "家属李文博" + "。" * gap + "手机13761234095" + "。" * gap + "客户张书禾，" + "天" * 300
        (found,) = scrub.spans([text])
        names = [text[s.start : s.end] for s in found if s.kind == "PERSON"]
        assert names == (["李文博", "张书禾"] if gap + 2 <= distance else [])
