"""Numbers and names that have the form of a kind and are another thing, beside the real ones."""

from __future__ import annotations

import pytest

from corpus.steps.scrub import Scrub

IS_ONE = [
    ("CN_MOBILE", "联系电话：{139 2047 6158}，晚上在"),
    ("CN_MOBILE", "电话 {158.0713.6642}"),
    ("CN_MOBILE", "手机号{186*2905*7431}（去掉星号）"),
    ("CN_MOBILE", "加我手机{1_7_7_0_9_8_6_5_4_3_2}"),
    ("CN_MOBILE", "送货请打电话{135_6620_8791}"),
    ("IP_ADDRESS", "登录地址为{61.23.18.30}，来自广东"),
    ("IP_ADDRESS", "服务器{5.39.17.22}，端口22"),
    ("IP_ADDRESS", "订阅 http://{12.30.14.22}:8080/feed 即可"),
    ("IP_ADDRESS", "client_ip={113.65.208.77} 访问过三次"),
    ("IP_ADDRESS", "发帖人{183.14.132.201}说"),
    ("IP_ADDRESS", "{121.14.88.76} 是我家的地址"),
    ("QQ", "扣扣：{2836571940}"),
    ("QQ", "QQ/微信：{731946285}"),
    ("WECHAT_ID", "想买的联系我 v：{hua_dian88}"),
    ("WECHAT_ID", "微信号是{zhouxiaoyu}"),
    ("EMAIL", "来信寄{wenqing.liu@sjtu.edu.cn}/或传真"),
    ("EMAIL", "mailto:{zhoumu77@126.com}"),
    ("EMAIL", '提交者 git config user.email "{ruanyue@foxmail.com}"'),
    ("EMAIL", 'ssh-keygen -t ed25519 -C "{hezhi@sina.com}"'),
    ("EMAIL", "抄送{linan@163.com}:请查收"),
    ("EMAIL", "邮箱{pengyu88#qq.com}（#换@）"),
]

IS_NONE = [
    "内网主机172.16.31.205有电话告警",
    "咨询号码段192.168.10.111不可用",
    "图片0_192_4860_2730.png已上传",
    "文件 IMG_138_2047_6158 丢失",
    "样例输入：1 3 5 7 2 6 8 0 4 9 1",
    "138 2047 6158 7290 为四组读数",
    "变量 v1_135_7902_4681 的值",
    "3.4.12.7 违约责任的承担",
    "## 10.2.3.1 安装依赖",
    "（见第7.12.3.4条）",
    "如图 12.7.3.5 所示",
    "依照本合同8.11.2.3条执行",
    "升级到Flash Player 11.30.20.31之后",
    "系统自带 Linux 21.6.18.5 的补丁",
    "浏览器 32.0.0.101 发布",
    "网段 61.155.18.0/24 归机房所有",
    "pip install tool==24.11.7.3",
    "博客作者 qq_48271635 发表于昨日",
    "https://blog.csdn.net/qq_48271635/article/details/1",
    "标签 f:function;v:variable2;c:class",
    'tags 里写着 kind:v:counter12 file:"a.c"',
    "git clone git@gitee.com:somebody/notes.git",
    "远程仓库 deploy@code.myhost.cn:~/site.git",
    "git remote add origin builder@build.myhost.net:tools/app",
    "scp readme.md student@lab.myhost.cn:notes",
    "ssh -p 2222 student@lab.myhost.cn",
    "rsync -av data/ backup@store.myhost.cn:/srv/data",
    "url = https://somebody@bitbucket.org/somebody/notes.git",
    "ftp://reader:secret@files.myhost.cn/pub",
    "~/extensions/clock@panel.myhost.cn/metadata.json",
    "推荐[Moya* github.com](https://github.com/)这个库",
]


@pytest.mark.parametrize(("kind", "marked"), IS_ONE, ids=[f"{kind}-{i}" for i, (kind, _) in enumerate(IS_ONE)])
def test_the_real_one_is_found(scrub: Scrub, kind: str, marked: str) -> None:
    value = marked[marked.index("{") + 1 : marked.index("}")]
    text = marked.replace("{", "").replace("}", "")
    assert [text[s.start : s.end] for s in scrub.spans([text])[0] if s.kind == kind] == [value]


@pytest.mark.parametrize("text", IS_NONE)
def test_what_only_looks_like_it_is_not(scrub: Scrub, text: str) -> None:
    assert [s for s in scrub.spans([text])[0] if s.kind != "URL_USER"] == []


@pytest.mark.parametrize(
    ("inside", "alone"),
    [("hotel 138.20.47.61.58 rates", "tel 13820476158"), ("the server restarted", "ver"), ("descriptions", "IP")],
)
def test_an_abbreviation_is_a_cue_as_a_word_only(inside: str, alone: str) -> None:
    from corpus.pii.matcher import _alternation

    cues = _alternation(("tel", "ver", "IP", "电话"))
    assert cues is not None
    assert cues.search(inside) is None
    assert cues.search(f"联系{alone}联系") is not None
