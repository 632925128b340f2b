"""The independent audit: what scrubbing left behind is suspected, what only looks like it is not."""

from __future__ import annotations

import pytest

from corpus.pii.audit import audit


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("联系电话13761234095，工作日打", "mobile"),
        ("联系电话137 6123 4095，工作日打", "mobile"),
        ("联系电话1376-123-4095", None),
        ("联系电话1376 1234 095", "mobile"),
        ("联系电话137.6123.4095", "mobile"),
        ("联系电话137 61234095", "mobile"),
        ("联系电话+86 137 6123 4095", "mobile"),
        ("联系电话8613761234095", "mobile"),
        ("联系电话86137-6123-4095", "mobile"),
        ("联系电话1 3 7 6 1 2 3 4 0 9 5", "mobile"),
        ("联系电话137\u200b6123\u200b4095", "mobile"),
        ("身份证号11010519491231002X", "resident_id"),
        ("身份证号110105 19491231 002X", "resident_id"),
        ("卡号6222 0212 3456 7894", "bank_card"),
        ("邮箱li.xiaoman@163.com", "email"),
        ("邮箱li.xiaoman＠163.com", "email"),
    ],
)
def test_what_is_left_is_suspected(text: str, check: str | None) -> None:
    assert [suspicion.check for suspicion in audit([text])] == ([check] if check else [])


@pytest.mark.parametrize(
    "text",
    [
        "比例为138.12345678，取四位小数",
        "宽13 高61 深234 重095",
        "样本 13 76 12 34 09 5 共六组",
        "内网地址172.168.100.10和192.168.137.200",
        "均值16.202123456789012",
        "克隆仓库 git@github.com:someone/project.git",
        "写信到 someone@example.com 或 a.b@mail.example.org",
        "主机 root@server.test，占位 user@host.invalid",
        "装饰器 a@.classmethod.com",
        "客服13800138000",
        "单号113761234095",
    ],
)
def test_what_only_looks_like_it_is_not(text: str) -> None:
    assert audit([text]) == []


def test_places_and_numbers_of_texts() -> None:
    texts = ["没有什么", "电话 137-6123-4095。", "写给li@163.com"]
    assert [(s.text, texts[s.text][s.start : s.end], s.check) for s in audit(texts)] == [
        (1, "137-6123-4095", "mobile"),
        (2, "li@163.com", "email"),
    ]
