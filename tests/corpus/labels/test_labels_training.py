"""Bootstrap, training, calibration, evaluation and sampling on small synthetic collections."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.config.label import LabelSettings
from corpus.labels.artifact import ArtifactError, DomainModel
from corpus.labels.bootstrap import BootstrapOptions, bootstrap, pseudo_label
from corpus.labels.domains import CalibrationError, load_calibration, save_calibration, sigmoid
from corpus.labels.evaluate import calibration_error, decide, evaluate
from corpus.labels.fitting import fit_logistic
from corpus.labels.labeller import Labeller
from corpus.labels.sampling import DiverseSample, Entry, text_rank
from corpus.labels.training import LabelledText, TrainingOptions, calibrate, lexicon_logits, train
from corpus.steps.label import Label

WORDS = {
    "medical": ["患者", "医生", "手术", "血压", "感染", "药物", "复查", "住院"],
    "legal": ["法院", "原告", "被告", "判决", "起诉", "合同纠纷", "律师", "证据"],
    "finance": ["股价", "净利润", "涨停", "基金", "央行", "融资", "成交额", "股东"],
    "none": ["天气", "石板路", "小猫", "山坡", "篝火", "毛线", "木桥", "月光"],
}
FRAMES = [
    "昨天{}和{}的事说了很久，后来又提到{}，大家都点头。",
    "关于{}，要先看{}，再看{}，最后才是别的。",
    "他写道：{}与{}有关，{}也在其中。",
]
# A word of no lexicon that goes along with one domain: what the model is meant to learn.
COMPANIONS = {"medical": "蓝格子", "legal": "红格子", "finance": "黄格子", "none": "白格子"}


def collection(per_class: int) -> list[LabelledText]:
    documents = []
    for name, words in WORDS.items():
        chosen = itertools.islice(itertools.cycle(itertools.permutations(words, 3)), per_class)
        for index, triple in enumerate(chosen):
            text = FRAMES[index % 3].format(*triple) + COMPANIONS[name] * 3 + f"第{index}页。"
            documents.append(LabelledText(text, () if name == "none" else (name,), f"{name}-{index % 3}"))
    return documents


OPTIONS = TrainingOptions(dim=8, bucket=1 << 12, min_count=1, epochs=15, learning_rate=0.5)


@pytest.fixture(scope="module")
def labeller() -> Labeller:
    return Labeller(LabelSettings(domains=("medical", "legal", "finance")))


def batches(documents: list[LabelledText], size: int) -> list[pa.RecordBatch]:
    return [
        pa.RecordBatch.from_pydict(
            {
                "text": pa.array([d.text for d in documents[i : i + size]], pa.large_string()),
                "path": pa.array([d.source for d in documents[i : i + size]]),
            }
        )
        for i in range(0, len(documents), size)
    ]


@pytest.fixture(scope="module")
def boot(labeller: Labeller, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boot") / "artifact"
    options = BootstrapOptions(sure=0.6, unsure=0.4, per_domain=150, min_documents=20)
    bootstrap(batches(collection(120), 64), folder, labeller, options, OPTIONS)
    return folder


def test_bootstrap_learns_words_that_no_lexicon_has(labeller: Labeller, boot: Path) -> None:
    texts = pa.array([companion * 5 for companion in COMPANIONS.values()], pa.large_string())
    found = DomainModel(boot).model_logits(texts, labeller.domains)
    assert found[:3].argmax(axis=1).tolist() == [0, 1, 2]


def test_bootstrap_depends_on_the_documents_alone(labeller: Labeller, boot: Path, tmp_path: Path) -> None:
    options = BootstrapOptions(sure=0.6, unsure=0.4, per_domain=150, min_documents=20)
    again = tmp_path / "again"
    bootstrap(batches(collection(120)[::-1], 7), again, labeller, options, OPTIONS)
    assert (again / "meta.json").read_bytes() == (boot / "meta.json").read_bytes()
    assert (again / "model.bin").read_bytes() == (boot / "model.bin").read_bytes()


def test_pseudo_labels_are_those_of_the_lexicon(labeller: Labeller) -> None:
    documents = collection(30)
    options = BootstrapOptions(sure=0.6, unsure=0.4, per_domain=40, min_documents=1)
    found = pseudo_label(batches(documents, 16), labeller, options, 1000)
    truth = {d.text: d.domains for d in documents}
    assert len(found) > 60
    assert np.mean([set(truth[d.text]) <= set(d.domains) for d in found]) > 0.95


def test_bootstrap_without_sure_documents_says_so(labeller: Labeller, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="enough sure documents"):
        bootstrap(batches([d for d in collection(20) if not d.domains], 8), tmp_path / "x", labeller)


def test_the_step_uses_the_artifact_and_names_its_hashes(boot: Path) -> None:
    chosen = LabelSettings(domains=("medical", "legal", "finance"), domain_model=str(boot))
    step, plain = Label(chosen), Label(LabelSettings(domains=chosen.domains))
    step.load()
    plain.load()
    assert set(step.artifacts()) == {"domain_model:meta.json", "domain_model:model.bin"}
    text = "医生说要复查，" + "蓝格子" * 6
    batch = pa.RecordBatch.from_pydict({"text": pa.array([text], pa.large_string())})
    with_model, without = (s.apply(batch).batch.column("domains").to_pylist()[0] for s in (step, plain))
    assert with_model[0]["name"] == "medical"
    assert [entry["name"] for entry in with_model] == ["medical"]
    assert not without or without[0]["score"] != with_model[0]["score"]


def test_a_damaged_artifact_is_refused(boot: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "meta.json").write_bytes((boot / "meta.json").read_bytes())
    content = bytearray((boot / "model.bin").read_bytes())
    content[-1] ^= 1
    (copy / "model.bin").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"not the file that meta\.json names"):
        DomainModel(copy)
    with pytest.raises(ArtifactError, match="not a domain labeller"):
        DomainModel(tmp_path)


def test_training_on_labels(labeller: Labeller, tmp_path: Path) -> None:
    documents = collection(60)
    model = train(documents, tmp_path / "artifact", labeller, OPTIONS)
    texts = pa.array([d.text for d in documents], pa.large_string())
    scores = sigmoid(model.combine(lexicon_logits(labeller, texts), texts, labeller.domains))
    guess = decide(scores, labeller.domains, 0.5)
    assert np.mean([g == (d.domains or ("other",))[0] for g, d in zip(guess, documents, strict=True)]) > 0.9


def test_calibration_lowers_its_error_and_is_read_back(labeller: Labeller, tmp_path: Path) -> None:
    documents = [LabelledText("医生与患者说到手术。" if i % 4 else "小猫与月光。", ("medical",) if i % 2 else (), f"s{i % 3}")
                 for i in range(200)]  # fmt: skip
    path = tmp_path / "calibration.json"
    save_calibration(calibrate(documents, labeller, "a test"), path)
    assert load_calibration(path).source == "a test"
    tuned = Labeller(LabelSettings(domains=labeller.domains, calibration=str(path)))
    texts = pa.array([d.text for d in documents], pa.large_string())
    truth = np.array([bool(d.domains) for d in documents])
    before, after = (calibration_error(sigmoid(lexicon_logits(x, texts))[:, 0], truth) for x in (labeller, tuned))
    assert after < before
    assert after < 0.1


def test_bad_calibration_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for content in ("{}", '{"source": "x", "coefficients": {"default": [1]}}', "nonsense"):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(CalibrationError):
            load_calibration(path)


def test_evaluation_counts_by_class_source_and_length() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.1], [0.1, 0.2]])
    result = evaluate(scores, ("a", "b"), ["a", "b", "other", "other"], ["s", "s", "t", "t"], [10, 60, 300, 2000])
    assert result.accuracy == 0.75
    assert result.by_class["a"].precision == 0.5
    assert result.by_class["b"].f1 == 1.0
    assert result.by_source["t", "other"] == (2, 0.5)
    assert list(result.by_length) == ["0-49", "50-199", "200-999", "1000+"]


def test_a_perfect_forecast_has_no_calibration_error() -> None:
    assert calibration_error(np.array([0.0, 1.0, 1.0]), np.array([False, True, True])) == 0.0
    assert calibration_error(np.array([1.0, 1.0]), np.array([False, True])) == 0.5


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text("甲乙丙", min_size=1, max_size=3)), max_size=60), st.data())
@settings(max_examples=60, deadline=None)
def test_the_sample_does_not_depend_on_order(items: list[tuple[str, str]], data: st.DataObject) -> None:
    entries = [Entry(group, text_rank(text), text) for group, text in items]
    shuffled = data.draw(st.permutations(entries))
    first, second = DiverseSample(4), DiverseSample(4)
    for one, two in zip(entries, shuffled, strict=True):
        first.add(one)
        second.add(two)
    assert first.entries() == second.entries()
    assert len({entry.group for entry in first.entries()}) == min(4, len({group for group, _ in items}))


def test_the_fit_recovers_what_made_the_data() -> None:
    generator = np.random.Generator(np.random.Philox(5))
    x = generator.normal(size=(4000, 2))
    chances = sigmoid(0.5 + 2 * x[:, 0] - x[:, 1])
    found = fit_logistic(np.column_stack([np.ones(4000), x]), chances, np.ones(4000), ridge=1e-3)
    assert np.allclose(found, [0.5, 2.0, -1.0], atol=1e-2)
