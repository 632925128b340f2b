"""`wudao labels` and `wudao quality` from the command line, on sentences written here."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

PHRASES = {
    "medical": ("患者出现发热和咳嗽", "医生建议做血常规检查", "按时服用降压药", "手术后恢复良好", "糖尿病需要控制血糖"),
    "legal": ("原告请求判令被告赔偿", "人民法院依法审理", "合同约定的违约责任", "律师代理诉讼", "判决书已经生效"),
    "none": ("老人们在河边下棋", "孩子们追着风筝跑", "周末去爬山", "窗外下着小雨", "猫在屋顶上睡觉"),
}


def run(*arguments: str) -> Result:
    from pipelines.cli import app

    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = random.Random(4)
    path = tmp_path_factory.mktemp("labelled") / "documents.jsonl"
    with path.open("w", encoding="utf-8") as stream:
        for number in range(150):
            name = list(PHRASES)[number % 3]
            text = "，".join(rng.sample(PHRASES[name], 4)) + f"。编号{number}。"
            stream.write(
                json.dumps({"text": text, "domains": name, "source": f"s{number % 2}"}, ensure_ascii=False) + "\n"
            )
    return path


def test_train_and_evaluate(labelled: Path, tmp_path: Path) -> None:
    artifact = tmp_path / "artifact"
    assert run("labels", "train", str(labelled), "-o", str(artifact)).exit_code == 0
    result = run("labels", "evaluate", str(labelled), "--artifact", str(artifact), "--json")
    told = json.loads(result.output)
    assert set(told["by_class"]) == {"medical", "legal", "other"}
    assert told["macro_f1"] > 0.9
    assert "not an empty folder" in str(run("labels", "train", str(labelled), "-o", str(artifact)).exception)


def test_calibrate_writes_constants_that_the_configuration_takes(labelled: Path, tmp_path: Path) -> None:
    constants = tmp_path / "calibration.json"
    assert run("labels", "calibrate", str(labelled), "-o", str(constants)).exit_code == 0
    assert "150 documents" in json.loads(constants.read_text(encoding="utf-8"))["source"]
    result = run("labels", "evaluate", str(labelled), "--set", f"label.calibration={json.dumps(str(constants))}")
    assert "macro F1" in result.output


def test_bootstrap_on_a_corpus(small_corpus: Path, tmp_path: Path) -> None:
    result = run("labels", "bootstrap", str(small_corpus), "-o", str(tmp_path / "a"), "--min-documents", "3")
    assert result.exit_code == 0, result.output
    meta = json.loads((tmp_path / "a/meta.json").read_text(encoding="utf-8"))
    assert set(meta["combination"]) == {"medical", "legal", "finance"}
    few = run("labels", "bootstrap", str(small_corpus), "-o", str(tmp_path / "b"))
    assert "no domain has enough sure documents" in str(few.exception)


def test_quality_train_reads_files_and_corpora(labelled: Path, small_corpus: Path, tmp_path: Path) -> None:
    from corpus.quality.classifier import QualityClassifier

    model = tmp_path / "quality.bin"
    result = run("quality", "train", "--good", str(labelled), "--bad", str(small_corpus), "-o", str(model))
    assert result.exit_code == 0, result.output
    assert "150 good and 55 bad texts" in result.output
    QualityClassifier(model).load()
    first = model.read_bytes()
    run("quality", "train", "--good", str(labelled), "--bad", str(small_corpus), "-o", str(model))
    assert model.read_bytes() == first


def test_quality_cohesion_learns_the_same_in_any_order(labelled: Path, small_corpus: Path, tmp_path: Path) -> None:
    from corpus.quality.cohesion import read_table

    rng = random.Random(9)
    phrases = [phrase for some in PHRASES.values() for phrase in some]
    for number in range(2):
        rows = ("，".join(rng.choices(phrases, k=180)) + "。" for _ in range(800))
        lines = (json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in rows)
        (tmp_path / f"{number}.jsonl").write_text("".join(lines), encoding="utf-8")
    # Rows of phrases would not pass the default profile.
    setting = ("--set", "quality.profile=wudao-2021")
    places = [str(tmp_path / "0.jsonl"), str(tmp_path / "1.jsonl"), str(small_corpus)]
    result = run("quality", "cohesion", *places, "-o", str(tmp_path / "a.npz"), *setting)
    assert result.exit_code == 0, result.output
    assert "1,655 documents" in result.output
    assert f"quality.cohesion={tmp_path / 'a.npz'}" in result.output
    assert run("quality", "cohesion", *places[::-1], "-o", str(tmp_path / "b.npz"), *setting).exit_code == 0
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert read_table(tmp_path / "a.npz").learnt_symbols > 2_000_000
    few = run("quality", "cohesion", str(labelled), "-o", str(tmp_path / "c.npz"), *setting)
    assert "at least 2,000,000 are needed" in str(few.exception)
    assert "is a folder" in str(run("quality", "cohesion", str(labelled), "-o", str(tmp_path)).exception)
