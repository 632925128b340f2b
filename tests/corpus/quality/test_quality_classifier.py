"""The trained classifier: learns, repeats itself, joins the score."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from corpus.config.quality import QualitySettings
from corpus.quality.classifier import QualityClassifier, train
from corpus.steps.quality import Quality

GOOD = [f"第{i}次实验的结果说明，温度升高以后反应速度明显加快，这与前人的研究是一致的。" for i in range(40)]
BAD = [f"点击领取{i}元优惠券，限时抢购，全场包邮，手慢无，赶快下单吧，速来围观！！！" for i in range(40)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(GOOD, BAD, tmp_path_factory.mktemp("model") / "quality.bin", seed=3)


def test_tells_the_classes_apart(model: Path) -> None:
    classifier = QualityClassifier(model)
    classifier.load()
    good, bad, blank = classifier.probabilities(
        pa.array(
            ["实验结果与前人的研究一致，说明温度的影响明显。", "限时抢购，全场包邮，赶快下单领取优惠券！", " "],
            pa.large_string(),
        )
    )
    assert good > 0.8 > 0.2 > bad
    assert blank == 0


def test_the_same_seed_gives_the_same_model(model: Path, tmp_path: Path) -> None:
    assert train(GOOD, BAD, tmp_path / "again.bin", seed=3).read_bytes() == model.read_bytes()


def test_both_classes_are_needed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bad"):
        train(GOOD, [" "], tmp_path / "none.bin")


def test_joins_the_step(model: Path) -> None:
    text = "".join(GOOD[:3]), "".join(BAD[:3]).replace("点击领取", "领取")
    batch = pa.RecordBatch.from_pydict({"text": pa.array(text, pa.large_string())})
    rules = ("promotion", "duplicate_10grams", "duplicate_5grams", "top_4gram", "top_3gram", "top_2gram", "low_entropy")
    step = Quality(QualitySettings(classifier=str(model), classifier_min=0.5, disabled=rules))
    step.load()
    outcome = step.apply(batch)
    assert [(removal.row, removal.reason) for removal in outcome.removals] == [(1, "classifier")]
    assert list(step.artifacts()) == ["classifier"]
