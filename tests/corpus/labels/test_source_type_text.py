"""The text model of source types on texts written for it, one genre beside the other."""

from __future__ import annotations

import copy
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.labels.folding import fold
from corpus.labels.lexicon import compile_lexicons
from corpus.labels.scan import Channels, Scan, scan
from corpus.labels.source_type_text import (
    STATISTICS,
    SourceTypeError,
    TextModel,
    cue_lexicons,
    load_text_model,
    statistics,
)
from corpus.labels.source_types import PatternTable
from corpus.labels.terms import Terms

# Written for this test; none of them is found elsewhere.
TEXTS = {
    "news": (
        "本报讯（记者林晓）昨日上午，市交通局召开新闻发布会通报，环城快速路北段将于下月初正式通车。据介绍，该路段全长十二公里，"
        "总投资约九亿元。有关部门负责人表示，通车后从城北到机场的时间有望缩短二十分钟。",
        "两市早盘低开，沪指跌0.62%，半导体板块领跌，煤炭、电力个股逆势走高。截至午盘，成交额较昨日同期减少三百亿元。",
        "新能源车企三季度营收同比增长38%，净利润超预期，盘前股价涨逾5%",
        "某国总统周三宣布，将推迟原定下月举行的选举，外交部发言人当天对此表示关切，并呼吁各方通过会谈解决分歧。",
        "山村里走出三位院士，网友：这个小学太牛了",
        "入冬以来，北方多地出现雾霾天气。记者近日走访了几家医院，发现呼吸科门诊量明显增加。一位不愿透露姓名的医生说，"
        "每天要看近百名患者。环保部门公布的数据显示，上周全省有六个城市达到重度污染。专家认为，静稳天气是主要原因，"
        "预计周末冷空气南下后情况将好转。市教育局已经发出通知，要求中小学停止户外活动。",
    ),
    "comment": (
        "收到货了，包装很严实，颜色和图片一样，就是尺码偏小一点，客服给换了一双，态度不错，下次还会来买。",
        "房间有点旧，隔音不好，半夜能听到走廊说话，不过前台态度挺好，早餐品种也多，性价比还可以。",
        "等了一个半小时才送到，汤都洒了，米饭也是凉的，打电话给商家也没人接，差评！",
        "剧情拖沓，主演演技尴尬，看了半小时就想走，浪费票钱，不推荐。",
        "这本书排版舒服，内容由浅入深，适合入门，物流也快，值得买。",
        "太难吃了，肉都是柴的，再也不点了",
        "用了一个月，电池不耐用，系统还老是卡，有点后悔。",
    ),
    "encyclopedia": (
        "云岭山雀（学名：Parus exemplaris），又名灰背山雀，是山雀科山雀属的一种鸟类，体长约十一厘米，分布于云贵高原海拔一千五百米"
        "以上的常绿阔叶林，主要以昆虫和种子为食。该物种于1894年首次被描述，模式产地位于大理。",
        "陈仲甫（1862年—1931年），字子明，号雪樵，浙江绍兴人，清末民初教育家。光绪十四年中举，后赴日本留学，回国后创办越州中学堂，"
        "历任校长、省议会议员。1931年病逝于杭州，享年六十九岁。",
        "青石桥站位于东城区，是市地铁4号线的一座车站，于2009年9月28日启用。车站为地下岛式站台，设有四个出入口，站名得名于附近的青石桥。",
        "并查集是一种用于维护若干不相交集合的数据结构，支持合并与查询两种操作。\n\n定义\n\n设全集含有 n 个元素，每个元素初始时各自构成一个集合。"
        "若两个元素属于同一集合，则称它们等价。\n\n实现\n\n用树表示集合，根节点为代表元。查询时沿父节点向上，直到根；采用路径压缩后，"
        "单次操作的均摊时间复杂度为 O(α(n))，其中 α 为反阿克曼函数。\n\n性质\n\n对于任意操作序列，最坏复杂度记作 O(m α(n))。",
    ),
    "forum": (
        "哈哈哈你也在这儿啊\n是啊刚来没多久\n晚上一起吃饭呗",
        "楼主说得对，我也遇到过，顶一下，坐等大神来解答",
        "今天又被套住了，主力一出货散户就接盘，明天再跌我就割肉走人，这破股",
        "好困啊，不想上班\n抱抱，再坚持一天就周末啦\n嗯嗯爱你",
        "沙发！前排围观，兄弟们怎么看？",
        "这票明天会涨停吗，满仓干进去了，庄家别砸盘啊",
    ),
    "blog": (
        "去年冬天，我一个人坐火车去了趟漠河。其实出发前我也犹豫过，朋友都说那么冷有什么好玩的。可是当我推开旅馆的门，"
        "看见满天的星星，我突然觉得一切都值得。那几天我每天走很多路，拍照片，和老板聊天，听他讲年轻时的故事。"
        "也许旅行的意义就在这里：让我们从自己的生活里暂时走开，再回来时，看什么都有一点不一样。\n\n"
        "后来我常常想起那个晚上。我想，人总要有几次这样的经历，才会明白自己真正想要什么。这篇文章写得很乱，谢谢你读到这里，"
        "如果你也去过，欢迎在评论区留言告诉我。" * 2,
        "这里是本周刊的第六十二期，每周五发布，欢迎投稿和订阅。\n\n本期话题：我们为什么越来越不会休息\n\n"
        "上个月我读到一篇文章，作者是一位工程师，他说自己辞职以后反而更累。我觉得这很有意思，因为很多人都有类似的感受。"
        "过去大家下班就是下班，现在手机一响，人就又回到办公室里了。我的看法是，休息不是什么都不做，而是做一件和工作没有关系的事。\n\n"
        "文章推荐\n\n一位教授谈写作的习惯（中文），他认为每天写五百字比一周写一篇长文更有用。\n\n往期回顾\n\n上一期：城市里的自行车\n" * 2,
    ),
    "academic": (
        "目的：探讨早期康复训练对脑卒中患者运动功能的影响。方法：选取2016年收治的96例患者，随机分为对照组和观察组。"
        "结果：观察组评分显著高于对照组，差异有统计学意义（P<0.05）。结论：早期康复训练有助于运动功能恢复。",
        "针对传统方法在小样本条件下精度不足的问题,提出一种基于迁移学习的故障诊断模型.该模型首先提取振动信号的时频特征,再采用对抗训练对齐分布."
        "实验结果表明,该方法的准确率优于对比算法,具有较好的鲁棒性.",
        "本文以江南三县的田赋档案为例，考察清代中后期基层征收机制的演变，揭示胥吏在税收中的中介作用，并由此反思国家与社会关系的既有解释。",
        "基于2010至2019年省级面板数据,构建空间计量模型,实证分析数字金融对城乡收入差距的影响机制.研究表明,数字金融显著缩小了差距,且存在空间溢出效应.",
    ),
    "qa": (
        "请问我家宝宝八个月了，最近几天一直拉肚子，吃了药也不见好，该怎么办？需要去医院检查吗？",
        "公司拖欠我三个月工资，也没签劳动合同，现在想辞职，能要求赔偿吗",
        "您好，根据您描述的情况，考虑是过敏引起的，建议您不要抓挠，忌食辛辣，可以口服抗过敏药，必要时到医院皮肤科检查。祝早日康复。",
        "患者：医生，我这几天嗓子疼，还有点咳嗽。\n医生：发烧吗？多久了？\n患者：不发烧，大概三天。\n医生：先多喝水，注意休息，可以吃点清热的药。",
        "问：租房合同没到期，房东要卖房子，我可以不搬吗？\n答：你好，买卖不破租赁，你可以要求继续履行合同。",
        "你好，这种情况属于正常现象，不用担心，注意饮食清淡，多休息就可以了。",
    ),
    "manual": (
        "安装步骤\n1. 打开下载页面，选择与系统对应的安装包。\n2. 双击安装文件，按照提示点击“下一步”。\n3. 勾选“添加到环境变量”，然后点击“完成”。\n"
        "注意：安装过程中请勿关闭电源。如果您需要卸载，请在设置中选择该程序。",
        "番茄炒蛋的做法\n\n用料\n- 番茄 2 个\n- 鸡蛋 3 个\n- 食用油 15 毫升\n- 食盐 3 克\n\n步骤\n- 番茄洗净切块，鸡蛋打入碗中搅拌均匀\n"
        "- 热锅倒入食用油，油温六成热时倒入蛋液，炒熟盛出\n- 锅中放入番茄，中火翻炒至出汁\n- 加入鸡蛋和食盐，翻炒均匀后出锅装盘",
        "使用前请先给电池充满电。长按电源键三秒开机，指示灯变为绿色。按“模式”键可切换到定时功能，屏幕上显示剩余时间。"
        "请勿将本产品放入水中，清洁前务必拔下插头。如需更换滤网，请参阅第八页。",
        "read_table 用于读取分隔符文件。\n\n参数\n- path：文件路径，字符串。\n- sep：分隔符，默认值为逗号。\n- header：是否有标题行，默认 true。\n\n"
        "返回值\n数据表对象。\n\n示例\n```\ndata = read_table(path, sep)\n```\n如果文件不存在，该方法会返回错误。更多选项请参阅配置文档。",
    ),
    "other": (
        "第一条 为了加强城市供水管理，保障用水安全，制定本条例。\n第二条 本条例适用于本市行政区域内的供水、用水活动。\n"
        "第三条 市水行政主管部门负责监督管理。违反本条例规定的，责令改正，并处以罚款。",
        "原告诉称，双方于2015年签订买卖合同，被告至今未支付剩余货款，请求判令被告支付货款及逾期利息。被告辩称，货物存在质量问题，不同意支付。",
        "公诉机关指控，被告人张某某于某日凌晨窜至被害人家中，盗走手机一部。经鉴定，该手机价值人民币一千二百元。",
        "一款轻松有趣的记账软件，为您提供海量模板，一键导入账单，多种图表随时随地查看收支。全新版本更新内容：优化界面，修复已知问题，"
        "带给用户更流畅的体验。立即下载，免费使用全部功能！",
        "夫医者，意也。古人云：不知脉理，何以治病？故曰上工治未病，中工治已病者也。其脉浮而紧者，名曰伤寒，汗出则愈矣。",
    ),
}  # fmt: skip
CASES = [(kind, text) for kind, texts in TEXTS.items() for text in texts]
WEIGHTS = yaml.safe_load(files("corpus.labels").joinpath("source_type_weights.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def model() -> TextModel:
    return load_text_model()


@pytest.fixture(scope="module")
def compiled() -> tuple[Terms, Channels]:
    return compile_lexicons(cue_lexicons())


def found(compiled: tuple[Terms, Channels], *texts: str) -> Scan:
    return scan(pa.array(texts, pa.large_string()), *compiled)


def logits(model: TextModel, compiled: tuple[Terms, Channels], text: str) -> dict[str, float]:
    return dict(zip(model.types, model.logits(found(compiled, text))[0].tolist(), strict=True))


@pytest.mark.parametrize(("kind", "text"), CASES)
def test_each_genre_is_known_by_its_language(
    model: TextModel, compiled: tuple[Terms, Channels], kind: str, text: str
) -> None:
    points = logits(model, compiled, text)
    assert max(points, key=points.__getitem__) == kind


def test_traditional_script_reads_as_simplified(model: TextModel, compiled: tuple[Terms, Channels]) -> None:
    simplified = "请问医生，我女儿发烧三天了，吃药也不见好，该怎么办？"
    traditional = "請問醫生，我女兒發燒三天了，吃藥也不見好，該怎麼辦？"
    assert logits(model, compiled, traditional) == logits(model, compiled, simplified)


def test_evidence_for_a_type_raises_it(model: TextModel, compiled: tuple[Terms, Channels]) -> None:
    plain = "桥头新开了一家小店，门口摆着两盆花。"
    for kind, more in {
        "news": "据悉，本报记者昨日接到通报。",
        "comment": "性价比很高，值得购买，下次还会来，五星好评。",
        "academic": "本文探讨了其机理，结果表明该方法有效。",
        "manual": "点击按钮，选择菜单，输入参数，请确保已安装。",
        "other": "被告人辩称，本院经审理查明，判决如下。",
    }.items():
        before, after = logits(model, compiled, plain), logits(model, compiled, plain + more)
        assert after[kind] - before[kind] > max(after[other] - before[other] for other in model.types if other != kind)


def test_a_text_without_signs_is_not_taken_for_a_page(model: TextModel, compiled: tuple[Terms, Channels]) -> None:
    points = logits(model, compiled, "白云在天上飘")
    assert max(points, key=points.__getitem__) in {"news", "comment", "forum"}


@pytest.mark.parametrize("text", ["", "。\n", "The city opened a new bridge on Monday, officials said.", "1234 5678"])
def test_a_text_without_han_says_nothing(model: TextModel, compiled: tuple[Terms, Channels], text: str) -> None:
    assert set(logits(model, compiled, text).values()) == {0.0}


@given(
    texts=st.lists(st.sampled_from([text for _, text in CASES] + ["", "。", "\n\n", "x" * 400]), max_size=6),
    cut=st.integers(0, 6),
)
@settings(max_examples=40, deadline=None)
def test_logits_do_not_depend_on_batching(
    model: TextModel, compiled: tuple[Terms, Channels], texts: list[str], cut: int
) -> None:
    whole = model.logits(found(compiled, *texts))
    parts = [model.logits(found(compiled, *part)) for part in (texts[:cut], texts[cut:])]
    assert np.isfinite(whole).all()
    assert (whole == np.concatenate(parts)).all()


def test_statistics_of_a_talk_and_of_a_paragraph(compiled: tuple[Terms, Channels]) -> None:
    talk, paragraph = (
        dict(zip(STATISTICS, row.tolist(), strict=True))
        for row in statistics(found(compiled, "在不在？\n在啊\n吃了没", "他走了很久，终于看见一盏灯。灯下没有人。" * 5))
    )
    assert (talk["turns"], talk["length"], talk["line_length"]) == (2, 9, 3)
    assert talk["question"] == pytest.approx(100 / 19)
    assert (paragraph["turns"], paragraph["length"]) == (0, 100)
    assert paragraph["sentence_length"] == pytest.approx(100 / 11)
    assert paragraph["clause_length"] == pytest.approx(100 / 16)


def test_the_tables_agree(model: TextModel) -> None:
    assert PatternTable().types == model.types
    assert {lexicon.name for lexicon in cue_lexicons()} == set(WEIGHTS["cues"])
    for lexicon in cue_lexicons():
        assert all(term == fold(term) for term in lexicon.weights)


def test_every_group_speaks_for_a_type_and_every_type_is_spoken_for(model: TextModel) -> None:
    assert (model.votes.max(axis=1) >= 1.5).all()
    assert (model.votes.max(axis=0) >= 2).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table["cues"].pop("chat"), "without weights"),
        (lambda table: table["cues"]["chat"].update(poem=1), "unknown source types"),
        (lambda table: table["cues"]["chat"].update(half_density=-1), "positive"),
        (lambda table: table["cues"]["chat"].update(forum=float("nan")), "not finite"),
        (lambda table: table["statistics"]["length"].update(at=[8, 8, 60, 150, 400, 1000, 3000]), "do not ascend"),
        (lambda table: table["statistics"]["length"].update(news=[1]), "not weights"),
        (lambda table: table["statistics"].update(rhyme={"at": [0, 1]}), "no such statistic"),
        (lambda table: table.pop("base"), "not weights"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    table = copy.deepcopy(WEIGHTS)
    change(table)
    path = tmp_path / "weights.yaml"
    path.write_text(yaml.safe_dump(table, allow_unicode=True), encoding="utf-8")
    with pytest.raises(SourceTypeError, match=message):
        load_text_model(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceTypeError, match=r"none\.yaml"):
        load_text_model(tmp_path / "none.yaml")
