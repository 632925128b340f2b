"""Every kind on invented values in phrasings of their own, and what must not be taken for one."""

from __future__ import annotations

import pytest

from corpus.steps.scrub import Scrub
from pii_rules.validators import checksums


def resident_id(body: str) -> str:
    return body + next(c for c in "0123456789X" if checksums.mod_11_2(body + c))


def card(body: str) -> str:
    return body + next(d for d in "0123456789" if checksums.luhn(body + d))


ID = resident_id("51302119870914352")
FOUND = [
    ("CN_ID_CARD", f"办理登记时请出示身份证{{{ID}}}原件。"),
    ("CN_ID_CARD", f"证件号码 {{{ID[:6]} {ID[6:14]} {ID[14:]}}}"),
    ("CN_ID_CARD", "老身份证号：{320106540817123}，已经换发"),
    ("CN_ID_CARD", f"港澳居民居住证{{{resident_id('81000019910203001')}}}"),
    ("CN_PR_CARD", f"新版外国人永久居留身份证{{{resident_id('93184019800305004')}}}"),
    ("CN_MOBILE", "有事请打我手机{13761234095}，白天都在"),
    ("CN_MOBILE", "联系方式：{+86 188-2345-6701}"),
    ("CN_MOBILE", "vx同号 {１５９ ００１２ ３４５６}"),
    ("CN_MOBILE", "加我{一八八二三四五六七零一}"),
    ("CN_MOBILE", "号码是{1 7 7 0 9 8 7 6 5 4 3}"),
    ("CN_LANDLINE", "家里座机{0571-88123467}，晚上七点后打"),
    ("CN_LANDLINE", "家庭电话（{021）64567823}"),
    ("EMAIL", "简历请发{li.xiaoman_77@163.com}谢谢"),
    ("EMAIL", "邮箱{zhaoqi(at)foxmail(dot)com}"),
    ("EMAIL", "写信到{songyu88 艾特 qq 点 com}即可"),
    ("EMAIL", "Ｅｍａｉｌ：{ｗｕｄｉ２０＠ｓｉｎａ．ｃｎ}"),
    ("BANK_CARD", f"请把钱打到工行卡号{{{card('621226100200345678')}}}"),
    (
        "BANK_CARD",
        f"账号 {{{card('622575123456789')[:4]} {card('622575123456789')[4:8]} {card('622575123456789')[8:12]} {card('622575123456789')[12:]}}}",
    ),
    ("PASSPORT", "护照号{EJ1234567}，有效期到2030年"),
    ("TRAVEL_PERMIT", "往来港澳通行证号码：{C87654321}"),
    ("TRAVEL_PERMIT", "台胞证{01234567}"),
    ("HK_ID", "香港身份证{C123456(9)}"),
    ("MACAU_ID", "澳门居民身份证号{5123456(7)}"),
    ("TW_ID", "國民身分證統一編號{A123456789}"),
    ("MILITARY_ID", "军官证号：{北字第1234567号}"),
    ("LICENSE_PLATE", "肇事车辆车牌为{浙A7K23M}，已逃离现场"),
    ("LICENSE_PLATE", "新能源车{沪AD12345}停在门口"),
    ("WECHAT_ID", "加微信：{tiantian_0812}，备注来意"),
    ("WECHAT_ID", "可以加V {maomao-2020}聊"),
    ("QQ", "我的QQ号是{284719365}"),
    ("BIRTH_DATE", "患者，女，{1988-03-21}出生"),
    ("BIRTH_DATE", "出生日期：{一九七六年十月八日}"),
    ("IP_ADDRESS", "登录IP为{113.87.42.19}，属地广东"),
    ("MAC_ADDRESS", "网卡地址 {3C:5A:B4:91:0E:7D}"),
    ("IMEI", f"手机串号{{{card('86012345678901')}}}"),
    ("SOCIAL_SECURITY", "社保卡号：{B10293847}"),
    ("MEDICAL_RECORD", "住院号：{00482913}，床位12"),
    ("GPS", "我的定位{30.274185,120.155103}"),
    ("URL_USER", "主页 {https://space.bilibili.com/38472910} 欢迎关注"),
    ("CRYPTO", "打赏地址 {1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa}"),
    ("SECRET", "密钥 {ghp_9aB3dE5fG7hJ1kL2mN4pQ6rS8tU0vW2xY4zA} 泄露"),
    ("ADDRESS", "收货地址：{湖南省长沙市岳麓区梅溪湖街道环湖路88号3栋2单元1601室}"),
    ("ADDRESS", "户籍地为{贵州省遵义市湄潭县永兴镇茶海村二组17号}"),
    ("PERSON", "姓名：{钟若彤}"),
    ("PERSON", "原告{谭志远}与被告协商未果"),
    ("PERSON", "收件人：{欧阳文静}，请尽快发货"),
    ("PERSON", "联系人：{古丽娜尔·买买提}"),
]

CLEAN = [
    "统一社会信用代码91350100M000100Y43的企业",
    "订单编号20240513987654321098已发货",
    "客服热线400-820-8820，也可拨打95588或12345",
    "销售额达13812345678元，同比增长",
    "版本Chrome/114.0.5735.90已发布",
    "把表格范围改成B2:B1048576再用VLOOKUP查找",
    "抵扣税款人民币123456元",
    "时间戳1700000000000表示毫秒",
    "国药准字H20063034",
    "内网地址192.168.1.100和127.0.0.1",
    "他在2019-1234567号文件里写道",
    "发票代码010800123456",
    "北纬30.5°的神秘地带",
    "公共DNS是114.114.114.114",
    "患者：谢谢医生，我知道了",
    "王先生说他很满意",
    "高兴的是，大家都来了",
    "扫一扫，关注微信公众号，回复H5即可",
    "身份证号110101199003071234校验不通过",
    "我是从去年才开始写作的",
]


@pytest.mark.parametrize(("kind", "marked"), FOUND, ids=[f"{kind}-{i}" for i, (kind, _) in enumerate(FOUND)])
def test_kind_is_found_with_its_span(scrub: Scrub, kind: str, marked: str) -> None:
    start, end = marked.index("{"), marked.index("}") - 1
    text = marked.replace("{", "").replace("}", "")
    spans = [span for span in scrub.spans([text])[0] if span.kind == kind]
    assert len(spans) == 1, spans
    inside = text[spans[0].start : spans[0].end]
    assert inside.strip("（()）") == text[start:end].strip("（()）")


@pytest.mark.parametrize("text", ["他家住在云岭省双溪县河口镇双桥村五社", "收货地址：云岭省双溪县河口镇双桥村十二社"])
def test_an_address_may_end_the_text_without_a_number(scrub: Scrub, text: str) -> None:
    for cut in (text, text + "，", text + "组"):
        assert all(span.end <= len(cut) for span in scrub.spans([cut])[0])


@pytest.mark.parametrize("text", CLEAN)
def test_ordinary_text_has_nothing(scrub: Scrub, text: str) -> None:
    assert scrub.spans([text])[0] == []
