"""Junk for the quality benchmark, by kind: made from real pages and texts, or from grammars written here.

Every kind yields documents as (text, page_kind). What each is made of stands in
``KINDS``. The grammars share no code with the lexicon: they were written as the
spam reads on the web, before the thresholds were set.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence

KINDS = {
    "mojibake": "genuine texts decoded with the wrong one of UTF-8, GB18030, Big5, Windows-1252",
    "salad_words": "genuine texts, jieba's words shuffled, marks too",
    "salad_in_clauses": "genuine texts, jieba's words shuffled, every mark left in its place",
    "salad_words_run_on": "the same without any mark",
    "salad_characters": "genuine texts, characters shuffled, marks too",
    "salad_fragments": "fragments of 6-12 characters from a hundred genuine texts strung together",
    "link_farm": "anchor texts of the WARC pages, 40-200 of them, one a line or in a row",
    "link_directory": "site names with URLs, one a line",
    "keyword_row": "city x product keywords in a row",
    "keyword_stuffing": "sentences that repeat one product keyword",
    "doorway": "company template with city and product filled in, repeated paragraphs",
    "placeholder": "error pages, login walls, unfilled templates, filler text",
    "gambling": "grammar of gambling advertisements",
    "pornography": "grammar of pornographic link pages and escort advertisements (mild wording)",
    "services": "grammar of certificate, invoice, loan and detective advertisements",
    "games": "grammar of private-server and cheat advertisements",
    "flood": "one sentence, exclamation or emoji row repeated",
    "code": "scripts, style sheets and JSON left over from pages",
    "numbers": "tables of digits",
}  # fmt: skip

CITIES = [
    "北京",
    "上海",
    "广州",
    "深圳",
    "天津",
    "重庆",
    "成都",
    "武汉",
    "南京",
    "杭州",
    "苏州",
    "西安",
    "郑州",
    "长沙",
    "青岛",
    "济南",
    "沈阳",
    "大连",
    "厦门",
    "福州",
    "合肥",
    "昆明",
    "贵阳",
    "南宁",
    "石家庄",
    "太原",
    "南昌",
    "哈尔滨",
    "长春",
    "兰州",
    "无锡",
    "宁波",
    "佛山",
    "东莞",
    "温州",
    "泉州",
    "常州",
    "徐州",
    "烟台",
    "潍坊",
]
GOODS = [
    "不锈钢水箱",
    "玻璃钢化粪池",
    "活动板房",
    "彩钢瓦",
    "塑料托盘",
    "防火卷帘门",
    "钢结构厂房",
    "叉车租赁",
    "吊车出租",
    "搬家公司",
    "管道疏通",
    "空调维修",
    "开锁",
    "保洁",
    "装修",
    "注册公司",
    "代理记账",
    "商标注册",
    "网站建设",
    "小程序开发",
    "磁选机",
    "破碎机",
    "烘干机",
    "包装机",
    "数控车床",
    "液压机",
    "护栏网",
    "石笼网",
    "PE管",
    "电缆桥架",
    "冷库",
    "锅炉",
    "除尘器",
    "过滤器",
    "变压器",
    "发电机",
    "篷布",
    "工作服",
]


def make(kind: str, count: int, texts: Sequence[str], anchors: Sequence[str], seed: int = 7) -> Iterator[str]:
    """Yield ``count`` documents of ``kind``; the same arguments give the same documents."""
    for number in range(count):
        rng = random.Random(f"{seed}:{kind}:{number}")
        yield _MAKERS[kind](rng, texts, anchors)


def _long_text(rng: random.Random, texts: Sequence[str]) -> str:
    while True:
        text = rng.choice(texts)
        if len(text) >= 200:
            return text[:1500]


def _mojibake(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    text = _long_text(rng, texts)
    written, read = rng.choice(
        [("utf-8", "gb18030"), ("utf-8", "cp1252"), ("utf-8", "big5"), ("gb18030", "cp1252"), ("gb18030", "utf-8"),
         ("gb18030", "big5")]
    )  # fmt: skip
    return text.encode(written, "replace").decode(read, "replace")


def _words(text: str) -> list[str]:
    import jieba

    jieba.setLogLevel(60)
    return [word for word in jieba.cut(text) if word.strip()]


def _salad_words(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    words = _words(_long_text(rng, texts)[:800])
    rng.shuffle(words)
    return "".join(words)


def _salad_in_clauses(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    pieces = _words(_long_text(rng, texts)[:800])
    words = [piece for piece in pieces if piece[0].isalnum()]
    rng.shuffle(words)
    return "".join(words.pop() if piece[0].isalnum() else piece for piece in pieces)


def _salad_words_run_on(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    return re.sub(r"\W+", "", _salad_words(rng, texts, anchors))


def _salad_characters(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    characters = list("".join(_long_text(rng, texts)[:800].split()))
    rng.shuffle(characters)
    return "".join(characters)


def _salad_fragments(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    pieces = []
    for _ in range(rng.randint(40, 100)):
        text = "".join(_long_text(rng, texts).split())
        start = rng.randrange(max(len(text) - 12, 1))
        pieces.append(text[start : start + rng.randint(6, 12)])
    return "".join(pieces)


def _link_farm(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    separator = rng.choice(["\n", "\n", " ", " | ", "  "])
    return separator.join(rng.choice(anchors) for _ in range(rng.randint(40, 200)))


def _link_directory(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    lines = []
    for _ in range(rng.randint(20, 80)):
        name = rng.choice(CITIES) + rng.choice(GOODS) + rng.choice(["网", "有限公司", "", "厂家"])
        host = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(rng.randint(4, 10)))
        lines.append(
            f"{name} {rng.choice(['http://www.', 'www.', 'https://'])}{host}.{rng.choice(['com', 'cn', 'net'])}/"
        )
    return "\n".join(lines)


def _keyword_row(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    good = rng.choice(GOODS)
    tails = ["", "厂家", "价格", "公司", "哪家好", "批发", "电话", "多少钱", "供应商", "报价"]
    separator = rng.choice(["，", "、", " ", "_", "|", ","])
    return separator.join(rng.choice(CITIES) + good + rng.choice(tails) for _ in range(rng.randint(40, 150)))


def _keyword_stuffing(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    city, good = rng.choice(CITIES), rng.choice(GOODS)
    key = city + good
    frames = [
        "{k}厂家直销，{k}价格优惠，{k}质量可靠，欢迎选购{k}。", "想找{k}就来我们公司，专业{k}十年，{k}首选品牌。",
        "{k}哪家好？{k}多少钱？{k}批发就找我们，{k}热线等您来电。", "我公司主营{k}、{g}、{c}{g}安装，{k}售后无忧。",
        "优质{k}，值得信赖的{k}供应商，{k}报价，{k}图片，{k}参数。", "{k}的特点：{k}结实耐用，{k}美观大方，{k}安装方便。",
    ]  # fmt: skip
    return rng.choice(["", "\n"]).join(
        rng.choice(frames).format(k=key, g=good, c=city) for _ in range(rng.randint(8, 25))
    )


def _doorway(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    good = rng.choice(GOODS)
    frame = "{c}{g}厂家专业生产{g}，产品销往{c}及周边地区，质优价廉，量大从优，欢迎新老客户来电咨询，联系电话：13{n}。"
    return "\n".join(
        frame.format(c=city, g=good, n=rng.randrange(10**8, 10**9)) for city in rng.sample(CITIES, rng.randint(6, 25))
    )


def _placeholder(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    return rng.choice(
        [
            "抱歉，您访问的页面不存在或已被删除！\n您可以返回首页，或者使用搜索功能查找您需要的内容。\n3秒后自动跳转到首页，如果没有跳转请点击这里。",
            "404 Not Found\n很抱歉，您要访问的页面未找到。可能是网址输入有误，或者该页面已被管理员删除。\n返回首页 联系管理员",
            "请先登录\n登录后可见全部内容，还没有账号？立即注册\n用户名 密码 记住我 忘记密码\n使用第三方账号登录：QQ 微信 微博",
            "网站维护中，给您带来不便敬请谅解。系统升级期间暂停访问，预计恢复时间另行通知，请稍后再试。",
            "{{article.title}}\n作者：{{author}} 发布时间：{{date}}\n{{content}}\n上一篇：{{prev}} 下一篇：{{next}}\n版权所有 {{site}}",
            "这里是内容这里是内容这里是内容这里是内容，这里是标题，此处填写公司简介，此处填写公司简介，这里输入联系方式。",
            "此内容因违规无法查看，该内容已被发布者删除。由用户投诉并经平台审核，相关内容违反规定，如有疑问请联系客服。",
            "本站域名出售，有意者请联系。此域名正在转让，一口价，可议价。联系QQ 微信同号。本域名由专业平台担保交易，安全快捷。",
            "为了更好的浏览体验，请升级浏览器。您的浏览器版本过低，不支持JavaScript，请开启JavaScript后刷新页面重试。安全验证",
            "暂无内容\n暂无数据\n没有找到相关结果，请更换关键词重试\n热门搜索\n没有更多了\n暂无相关推荐",
            "欢迎来到我的网站，网站建设中，敬请期待！如需技术支持请联系网站管理员。文章标题文章标题文章标题，测试内容测试内容。",
            "Lorem ipsum dolor sit amet，示例文本，占位文本，请在后台修改。公司地址：XX省XX市XX区XX路XX号 电话：000-00000000",
        ]
    )


def _sentences(rng: random.Random, frames: Sequence[str], slots: dict[str, Sequence[str]], low: int, high: int) -> str:
    chosen = [rng.choice(frames) for _ in range(rng.randint(low, high))]
    filled = [re.sub(r"\{(\w+)\}", lambda match: rng.choice(slots[match.group(1)]), frame) for frame in chosen]
    return rng.choice(["", "\n", ""]).join(filled)


_CONTACTS = ["微信{n}", "加微信：{n}", "QQ：{n}", "V信{n}", "电报 @{n}", "扣扣{n}", "薇❤{n}", "电话1{n}"]


def _account(rng: random.Random) -> str:
    return rng.choice(_CONTACTS).replace("{n}", "".join(rng.choice("0123456789") for _ in range(rng.randint(7, 10))))


def _gambling(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    names = ["金皇", "鼎盛", "九洲", "天博", "星耀", "豪盈", "恒彩", "万豪", "凤凰", "新濠", "喜来登", "聚富"]
    slots = {
        "a": names, "b": ["娱乐", "国际", "体育", "彩票", "棋牌", "娱乐城", "赌场"], "x": [_account(rng) for _ in range(3)],
        "g": ["百家乐", "真人视讯", "老虎机", "捕鱼", "时时彩", "赛车", "六合彩", "体育投注", "电子游艺", "龙虎斗", "牛牛", "斗地主"],
        "m": ["18", "28", "58", "88", "188", "888"],
    }  # fmt: skip
    frames = [
        "{a}{b}官网，亚洲最具信誉的网上{g}平台，新会员注册就送{m}元体验金，首次存款再送百分之百。",
        "本平台提供{g}、{g}、{g}等上百款游戏，真人发牌，公平公正，提款三分钟到账。",
        "{a}{b}，大额无忧，日日返水，VIP专享彩金，24小时客服在线。", "现在开户即可领取{m}元彩金，邀请好友再得佣金，{x}。",
        "{g}技巧交流群，老师一对一带单，每天稳赢，不成功不收费，{x}。", "{a}{b}手机版下载，{a}{b}登录网址，{a}{b}最新线路，备用网址。",
        "专业{g}计划，准确率高达98%，倍投方案，轻松回血上岸，{x}。", "{g}哪个平台好？首选{a}{b}，信誉老品牌，赔率高，限红高，出款快。",
        "澳门{a}{b}携手{a}{b}，为玩家提供{g}在线投注，高赔率，现金提现秒到。", "网上玩{g}赢钱技巧，{g}必胜打法，{g}预测软件免费下载。",
    ]  # fmt: skip
    return _sentences(rng, frames, slots, 4, 14)


def _pornography(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    slots = {
        "c": CITIES, "x": [_account(rng) for _ in range(3)],
        "v": ["成人视频", "激情电影", "无码高清", "国产自拍", "偷拍视频", "美女写真", "午夜剧场", "三级片", "情色小说"],
        "w": ["学生妹", "白领", "空姐", "模特", "少妇", "护士", "小姐", "嫩模"],
        "r": ["欧美", "日韩", "国产", "亚洲", "港台"],
    }  # fmt: skip
    frames = [
        "{r}{v}在线观看，免费{v}，最新{v}大全。", "{r}{v} {r}{v} {v}专区 {v}下载", "{c}{w}上门服务，{c}同城交友，照片真实，不满意可换，{x}。",
        "提供{c}高端{w}，全套服务，安全私密，外围预约，{x}。", "美女裸聊，一对一视频，注册免费看，{x}。", "18岁以下禁止入内，{v}每日更新，永久域名请收藏。",
        "{c}楼凤，{c}喝茶，{c}品茶，{c}新茶到店，{x}。", "{v}免费试看，{r}{v}，{w}系列，{w}制服诱惑，高清在线。",
    ]  # fmt: skip
    return _sentences(rng, frames, slots, 4, 14)


def _services(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    slots = {"c": CITIES, "x": [_account(rng) for _ in range(3)]}
    kinds = [
        ["专业办理各类毕业证、学位证、资格证，学信网可查，{x}。", "{c}办证，{c}刻章，快速出证，先看样后付款，保密安全，{x}。",
         "本公司长期为客户办理大学文凭，水印钢印齐全，与真证无异，{x}。", "留学文凭成绩单制作，使馆认证，三天交货，{x}。"],
        ["{c}代开发票，{c}开票，正规税票，可验证后付款，点位低，{x}。", "长期对外代开餐饮、住宿、建筑、广告、劳务等各类发票，{x}。",
         "本公司有多余进项票，优惠代开，真实可查，量大从优，{x}。"],
        ["{c}小额贷款，无抵押无担保，凭身份证即可办理，当天放款，{x}。", "黑户也能贷，不查征信，不看负债，秒批秒到账，{x}。",
         "急用钱找我们，空放私借，利息低，放款快，{x}。", "信用卡代还、提额、套现，花呗借呗取现，{x}。"],
        ["{c}私家侦探，婚外情调查取证，找人查址，{c}最好的侦探公司，{x}。", "专业手机定位，通话记录查询，微信聊天记录恢复，{x}。",
         "{c}讨债公司，专业要账，不成功不收费，{x}。"],
        ["招聘网络兼职，日结，在家就能做，一单一结，每天轻松几百元，{x}。", "淘宝刷单招人，学生宝妈均可，操作简单，佣金秒返，{x}。",
         "手机赚钱项目，日入过千，零投资零风险，躺着也能赚，{x}。"],
        ["代写毕业论文，论文发表，包通过，查重不过退款，{x}。", "四六级答案，考前一天发送，准确率高，{x}。", "包过拿证，免考，建造师会计师挂靠，{x}。"],
    ]  # fmt: skip
    return _sentences(rng, rng.choice(kinds), slots, 4, 12)


def _games(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    slots = {
        "g": ["传奇", "奇迹", "魔域", "天龙八部", "诛仙", "梦幻西游"], "v": ["1.76", "1.80", "1.85", "1.95", "2.0"], "x": [_account(rng) for _ in range(3)],
        "h": ["10", "12", "14", "18", "20"], "k": ["复古", "合击", "单职业", "微变", "迷失", "超变", "轻变"],
    }  # fmt: skip
    frames = [
        "{v}{k}{g}私服，今日{h}点新开，装备靠打，长久稳定，{x}。", "新开{g}sf发布网，每天发布最新{g}开区信息。", "找{g}私服就上本站，{k}版本，散人天堂，元宝可打。",
        "上线送满级VIP，元宝无限领，一刀999，激情攻沙。", "{g}外挂，{g}辅助免费下载，自动打怪，防封稳定，{x}。", "{k}{g}，BOSS全爆，爆率超高，回收秒到账，{x}。",
        "刚开一秒{v}{k}{g}，全区满员，火爆异常，错过再等一年。", "透视自瞄，无后座，稳定不封号，卡密自助购买，{x}。",
    ]  # fmt: skip
    return _sentences(rng, frames, slots, 4, 14)


def _flood(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    piece = rng.choice(["顶", "哈", "支持楼主", "好好好", "路过打酱油！", "沙发！", "赞👍", "转发微博", "签到", "66", "求关注求互粉", "加油！！！",
                        "今天也要努力签到呀。", "感谢楼主分享，好人一生平安！", "😂", "每天签到领积分，积分可以换礼品。"])  # fmt: skip
    return rng.choice(["", "", "\n", " "]).join([piece] * rng.randint(40, 200))


def _code(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    lines = []
    for _ in range(rng.randint(20, 60)):
        name = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(3, 8)))
        lines.append(
            rng.choice(
                [f"var {name} = document.getElementById('{name}'); // {rng.choice(GOODS)}", f".{name} {{ margin: 0 auto; width: {rng.randint(1, 999)}px; }}",
                 f'{{"{name}": "{rng.choice(CITIES)}", "id": {rng.randint(1, 99999)}, "url": "/{name}.html"}},', f"$('#{name}').click(function(){{ alert('{rng.choice(CITIES)}'); }});",
                 f"function {name}(e) {{ return e.{name} || window.event; }}"]
            )
        )  # fmt: skip
    return "\n".join(lines)


def _numbers(rng: random.Random, texts: Sequence[str], anchors: Sequence[str]) -> str:
    head = rng.choice(["期号 号码 和值 大小", "代码 名称 现价 涨幅", "日期 开盘 收盘 最高 最低", "编号 型号 数量 单价"])
    names = ["大", "小", "单", "双", "涨", "跌", *CITIES]
    rows = [
        " ".join(
            [
                str(rng.randint(1, 99999)),
                rng.choice(names),
                *(f"{rng.random() * 100:.2f}" for _ in range(rng.randint(2, 6))),
            ]
        )
        for _ in range(rng.randint(30, 120))
    ]
    return "\n".join([head, *rows])


_MAKERS: dict[str, Callable[[random.Random, Sequence[str], Sequence[str]], str]] = {
    name.removeprefix("_"): maker
    for name, maker in list(globals().items())
    if name.removeprefix("_") in KINDS and callable(maker)
}
