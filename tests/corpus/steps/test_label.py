"""The label step on documents written for it."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.config.label import LabelSettings
from corpus.labels.source_types import PatternTable
from corpus.schema import DOMAIN_SCORE
from corpus.steps.label import Label

MEDICAL = (
    "患者男，四十二岁，因反复胸闷、气短两周就诊。心电图提示心肌缺血，血压偏高。医生建议住院做冠脉造影，"
    "同时口服阿司匹林，监测血糖和血脂，术后按医嘱服药，定期复查。"
)
LEGAL = (
    "本院认为，被告未按合同约定支付货款，构成违约，应当承担违约责任。原告的诉讼请求有事实和法律依据，"
    "本院予以支持。依照有关法律规定，判决如下：被告于判决生效之日起十日内向原告支付货款及利息。"
)
FINANCE = (
    "公司发布年报，全年营业收入同比增长百分之十二，归属于上市公司股东的净利润下降，每股收益三角。"
    "受此影响，股价早盘低开，收盘跌停，成交额放大，多家券商下调评级。"
)
PLAIN = "早上下了一点雨，院子里的石板路很滑。奶奶坐在门口剥豆子，小猫在她脚边打盹。"
INSURANCE = (
    "原告因患甲状腺癌住院手术治疗，向保险公司申请重疾险理赔遭拒，遂向人民法院起诉。被告保险公司辩称，"
    "投保时原告未如实告知结节病史。法院判决保险公司支付保险金，驳回其他诉讼请求。医院病历、诊断证明在案为证。"
)


@pytest.fixture(scope="module")
def step() -> Label:
    made = Label(LabelSettings())
    made.load()
    return made


def batch(texts: list[str], **columns: list[object]) -> pa.RecordBatch:
    arrays: dict[str, pa.Array] = {"text": pa.array(texts, pa.large_string())}
    for name, values in columns.items():
        kind = pa.list_(pa.string()) if name == "page_hints" else pa.string()
        arrays[name] = pa.array(values, kind)
    return pa.RecordBatch.from_pydict(arrays)


def domains(step: Label, *texts: str) -> list[list[str]]:
    rows = step.apply(batch(list(texts))).batch.column("domains").to_pylist()
    return [[entry["name"] for entry in row] for row in rows]


def test_clear_documents_get_their_domain(step: Label) -> None:
    found = domains(step, MEDICAL, LEGAL, FINANCE, PLAIN)
    assert [row[:1] for row in found] == [["medical"], ["legal"], ["finance"], []]


def test_traditional_script_is_read(step: Label) -> None:
    text = "法院審理後認為，被告應負損害賠償責任，判決被告給付原告醫療費用，訴訟費用由被告負擔，全案可上訴。"
    assert domains(step, text)[0][0] == "legal"


def test_a_document_may_have_several_domains(step: Label) -> None:
    assert {"medical", "legal", "finance"} & set(domains(step, INSURANCE)[0]) >= {"legal"}
    relaxed = Label(LabelSettings(min_score=0.15))
    relaxed.load()
    assert {"medical", "legal", "finance"} <= set(domains(relaxed, INSURANCE)[0])


@pytest.mark.parametrize(
    "text",
    [
        "下车以后记得戴帽子，外面风大。",
        "前门上车刷卡，后门下车。",
        "这个想法真是丧心病狂，笑死我了。",
        "看见小狗走丢了，真让人心疼。",
        "老和尚讲禅定之道，讲了一下午。",
        "表哥在工地搬砖，中午吃盒饭。",
    ],
)
def test_everyday_words_are_no_field(step: Label, text: str) -> None:
    assert not {"medical", "legal", "finance"} & set(domains(step, text)[0])


def test_short_texts_of_a_field_keep_it(step: Label) -> None:
    texts = [
        "散户追高被套，主力尾盘出货。",
        "反复咳嗽、咳痰一周，去呼吸内科就诊。",
        "对方拖欠货款不还，准备起诉到法院。",
    ]
    assert [row[:1] for row in domains(step, *texts)] == [["finance"], ["medical"], ["legal"]]


def test_nothing_is_dropped_and_types_fit_the_schema(step: Label) -> None:
    outcome = step.apply(batch([MEDICAL, "", "。"]))
    assert outcome.removals == []
    assert outcome.batch.schema.field("domains").type == pa.list_(DOMAIN_SCORE)
    assert outcome.batch.schema.field("source_type").type == pa.string()
    assert outcome.batch.schema.field("source_type_score").type == pa.float32()
    assert outcome.batch.column("domains").to_pylist()[1:] == [[], []]
    assert step.apply(batch([])).batch.num_rows == 0


def test_best_first_and_above_threshold(step: Label) -> None:
    for row in step.apply(batch([MEDICAL, LEGAL, FINANCE, INSURANCE])).batch.column("domains").to_pylist():
        scores = [entry["score"] for entry in row]
        assert scores == sorted(scores, reverse=True)
        assert all(score >= 0.4 for score in scores)


def test_the_title_counts(step: Label) -> None:
    body = "下面几点供大家参考，按顺序看就可以，有问题再说。" * 3
    plain = step.apply(batch([body], title=[None])).batch.column("domains").to_pylist()[0]
    titled = step.apply(batch([body], title=["糖尿病患者的饮食与胰岛素治疗"])).batch.column("domains").to_pylist()[0]
    assert [entry["name"] for entry in plain] == []
    assert [entry["name"] for entry in titled] == ["medical"]


@pytest.mark.parametrize(
    ("url", "kind", "expected"),
    [
        ("https://baike.baidu.com/item/甘草/1", "article", "encyclopedia"),
        ("http://bbs.example.cn/thread-881-1-1.html", "forum", "forum"),
        ("https://zhidao.baidu.com/question/123.html", "qa", "qa"),
        ("https://blog.example.cn/2019/05/a.html", "article", "blog"),
        ("http://news.example.cn/2020-01-03/1.shtml", "article", "news"),
        ("https://docs.example.org/zh/guide/install", "article", "manual"),
        ("https://journal.example.edu.cn/abstract/1", "article", "academic"),
    ],
)
def test_the_address_decides_for_plain_text(step: Label, url: str, kind: str, expected: str) -> None:
    text = "这里有一些内容，讲的是一件事情的前后经过，以及后来的情况。"
    host = url.split("/")[2]
    found = step.apply(batch([text], url=[url], host=[host], page_kind=[kind])).batch
    assert found.column("source_type").to_pylist() == [expected]


def test_stating_an_article_tells_news_from_blog_no_more_than_before() -> None:
    # WordPress, Hexo and Jekyll state og:type=article for every post.
    table = PatternTable()
    points = table.logits(None, None, None, pa.array([["og:type=article"]], pa.list_(pa.string())), None, 1)[0]
    by_type = dict(zip(table.types, points.tolist(), strict=True))
    assert by_type["news"] == by_type["blog"] > by_type["forum"]


def test_text_alone_tells_some_types(step: Label) -> None:
    texts = {
        "academic": "目的：探讨护理干预对术后恢复的影响。方法：选取120例患者，随机分为两组。"
        "结果：观察组并发症发生率低于对照组，"
        "差异有统计学意义（P<0.05）。结论：护理干预有助于恢复。",
        "comment": "快递很快，包装也好，就是颜色跟图片有点色差，客服态度不错，性价比可以，下次还会买。",
        "qa": "请问我家孩子昨天开始发烧，最高三十九度，吃了退烧药又烧起来，该怎么办？需要去医院吗？谢谢医生！",
        "forum": "哈哈楼主好搞笑啊，沙发让我抢到了，顶一下！",
        "other": "第一条 为了规范管理，制定本办法。\n第二条 本办法所称单位，是指依法设立的机关。\n"
        "第三条 主管部门应当加强监督检查，不得推诿。",
    }
    found = step.apply(batch(list(texts.values()))).batch.column("source_type").to_pylist()
    assert found == list(texts)


def test_without_evidence_the_type_is_null(step: Label) -> None:
    strict = Label(LabelSettings(source_type_min_score=0.999))
    strict.load()
    found = strict.apply(batch([PLAIN])).batch
    assert found.column("source_type").to_pylist() == [None]
    assert found.column("source_type_score").to_pylist() == [None]


def test_source_types_alone() -> None:
    made = Label(LabelSettings(domains=()))
    made.load()
    found = made.apply(batch([LEGAL, PLAIN], given_label=["医学问答", None])).batch
    assert found.column("domains").to_pylist() == [[], []]
    assert found.column("domains").type == pa.list_(DOMAIN_SCORE)
    assert found.column("source_type").to_pylist()[0] == "other"


def test_given_labels(step: Label) -> None:
    rows = batch([PLAIN, LEGAL, PLAIN], given_label=["医学问答", "股票", "不在表里"])
    assert step.apply(rows).batch.column("domains").to_pylist()[0] == []
    adding, overriding = (Label(LabelSettings(given_labels=use)) for use in ("add", "override"))
    adding.load()
    overriding.load()
    added = adding.apply(rows).batch
    assert [[e["name"] for e in row] for row in added.column("domains").to_pylist()] == [
        ["medical"],
        ["finance", "legal"],
        [],
    ]
    assert added.column("source_type").to_pylist()[0] == "qa"
    assert added.column("given_label").to_pylist() == ["医学问答", "股票", "不在表里"]
    replaced = overriding.apply(rows).batch.column("domains").to_pylist()
    assert [[e["name"] for e in row] for row in replaced] == [["medical"], ["finance"], []]


def test_a_new_domain_is_a_file_and_a_line(tmp_path: object) -> None:
    path = f"{tmp_path}/chess.tsv"
    with open(path, "w", encoding="utf-8") as stream:
        stream.write("象棋\t5\n开局\t4\n残局\t5\n将军\t3\n车马炮\t4\n")
    settings_ = LabelSettings(domains=("legal", "chess"), lexicons={"chess": path})
    made = Label(settings_)
    made.load()
    text = "这盘象棋开局就很激烈，到了残局红方车马炮齐攻，连续将军，黑方只好认输。"
    assert domains(made, text) == [["chess"]]
    assert set(made.artifacts()) == {"lexicon:chess"}
    assert Label(LabelSettings()).artifacts() == {}


@given(
    texts=st.lists(st.sampled_from([MEDICAL, LEGAL, FINANCE, PLAIN, INSURANCE, "", "短"]), min_size=1, max_size=6),
    cut=st.integers(0, 6),
)
@settings(max_examples=30, deadline=None)
def test_labels_do_not_depend_on_batching(step: Label, texts: list[str], cut: int) -> None:
    whole = step.apply(batch(texts)).batch
    parts = [step.apply(batch(part)).batch for part in (texts[:cut], texts[cut:]) if part]
    for name in ("domains", "source_type", "source_type_score"):
        assert whole.column(name).to_pylist() == [value for part in parts for value in part.column(name).to_pylist()]
