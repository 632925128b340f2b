"""The command: fast to start, one sentence for what a person can mend."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "pipelines.cli"]


def wudao(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("build", "-i", "nowhere/*.warc"), "nowhere"),
        (("build", "-c", "nowhere.yaml"), "nowhere.yaml: cannot be read"),
        (("build", "--set", "qualty.profile=web"), "did you mean 'quality'?"),
        (("build", "-i", ".", "--engine", "slurm"), "'run.engine' is 'slurm'"),
        (("build",), "name files, folders, globs or URLs with -i"),
        (("build", "-i", "page.txt", "--conf", "spark.cores.max"), "--conf spark.cores.max: write it as name=value"),
        (("build", "-i", "page.txt", "--set", "label.domains=[medicine]"), "no lexicon is shipped for 'medicine'"),
        (("build", "-i", "page.txt", "--set", "quality.profile=wep"), "no quality profile 'wep': use one of"),
        (("build", "-i", "page.txt", "--set", "scrub.rules=nowhere"), "PII rules nowhere does not exist"),
        (("build", "-i", "page.txt", "--set", "tokenizer_path=nowhere"), "no tokenizer lies here"),
        (("labels", "evaluate", "nowhere"), "nowhere: cannot be read (No such file or directory)"),
        (("apply", "langage", "README.md"), "no step is called 'langage'"),
        (("verify", "nowhere"), "nowhere"),
        (("clean", "nowhere"), "no finished build here"),
        (("trace", "nowhere", "0", "0"), "nowhere"),
        (("report", "nowhere"), "no finished build here"),
        (("explain", "everything"), "nothing to explain"),
    ],
)
def test_what_a_person_can_mend_is_one_sentence(arguments: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text("清晨的集市上，卖鱼的老人把一筐鲫鱼倒进木盆里。", encoding="utf-8")
    result = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path
    )
    assert result.returncode == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) <= 2


def test_a_shard_that_was_cut_is_one_sentence(tmp_path: Path) -> None:
    sentences = (
        "清晨的集市上，卖鱼的老人把一筐鲫鱼倒进木盆里，等着早起的主顾来挑。",
        "隔壁的豆腐摊冒着热气，老板娘一边切豆腐，一边和熟人说起昨夜的那场大雨。",
        "雨水冲垮了村口的小桥，送菜的拖拉机只好绕远路，所以今天的青菜比平时贵两毛。",
        "修桥的工人说，桥墩是五十年前用石头垒的，这次打算换成钢筋混凝土，月底以前可以通车。",
        "学校的老师怕孩子们过河危险，每天放学都站在岸边，一个一个把他们送到对面。",
        "镇里的干部来看过以后，答应先架一座临时的木桥，材料由林场提供，运费不用村里出。",
        "到了中午，太阳出来了，晒谷场上铺满了湿漉漉的玉米，几只麻雀落下来又被人赶走。",
    )
    (tmp_path / "page.txt").write_text("\n".join(sentences), encoding="utf-8")
    assert wudao("build", "-i", str(tmp_path / "page.txt"), "-o", str(tmp_path / "out"), "--no-tokens").returncode == 0
    (shard,) = (tmp_path / "out" / "corpus").rglob("*.arrow")
    shard.write_bytes(shard.read_bytes()[:3000])
    result = wudao("extract", str(tmp_path / "out"), "--split", "train", "-o", str(tmp_path / "subset"))
    assert result.returncode == 1
    assert "not readable as an Arrow stream" in result.stderr
    assert "restore it or run the build again" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_heavy_modules_are_not_imported_for_help() -> None:
    code = "import sys, corpus, pipelines.cli; print(sorted({'numba','pyarrow','duckdb','torch','pyspark','presidio_analyzer'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.strip() == "[]"


def test_help_names_every_command() -> None:
    result = wudao("--help")
    assert result.returncode == 0
    shown = {line.split()[0] for line in result.stdout.partition("Commands:")[2].splitlines() if line.strip()}
    for name in ("build", "apply", "tokenizer", "tokenise", "verify", "clean", "inspect", "trace", "config"):
        assert name in shown
    for name in ("crawl", "commoncrawl", "extract", "remove", "explain", "train", "generate"):
        assert name in shown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("build", "--help"), ("--dry-run", "--input", "--engine")),
        (("commoncrawl", "--help"), ("--crawl", "--index", "--dry-run")),
        (
            ("train", "--help"),
            ("Pretrain on token shards", "python -m trainer train", "torchrun", "--preset", "--out", "lr="),
        ),
        (("train", "-h"), ("--init-from", "--set SECTION.KEY=VALUE")),
        (("generate", "--help"), ("--prompt", "--temperature", "--tokenizer", "--seed", "[MASK]")),
    ],
)
def test_help_says_what_a_command_takes(arguments: tuple[str, ...], told: tuple[str, ...]) -> None:
    result = wudao(*arguments)
    assert result.returncode == 0
    for one in told:
        assert one in result.stdout


def test_the_trainers_help_needs_no_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; from trainer.__main__ import main; main(['train', '--help'])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert "--init-from" in result.stdout


def test_train_hands_its_arguments_and_its_exit_status_on() -> None:
    result = wudao("train", "--presett", "cpm-tiny")
    assert result.returncode == 2
    assert "python -m trainer train" in result.stderr
    assert "--out" in result.stderr


def test_a_dry_run_over_files_says_how_much_would_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("今年的雨水比往年多。", encoding="utf-8")
    result = wudao("build", "-i", str(tmp_path), "-o", str(tmp_path / "out"), "--dry-run")
    assert result.returncode == 0, result.stderr
    assert "1 files" in result.stdout
    assert not (tmp_path / "out").exists()


def test_an_input_on_the_command_line_is_read_instead_of_common_crawl(tmp_path: Path) -> None:
    config = tmp_path / "cc.yaml"
    config.write_text("input: {source: commoncrawl, commoncrawl: {crawls: [CC-MAIN-2025-08]}}\n", encoding="utf-8")
    (tmp_path / "a.txt").write_text("今年的雨水比往年多。", encoding="utf-8")
    result = wudao("build", "-c", str(config), "-i", str(tmp_path / "a.txt"), "--dry-run")
    assert "1 files" in result.stdout, result.stderr


def test_apply_keeps_ids_and_says_what_was_removed(tmp_path: Path) -> None:
    import json

    source = tmp_path / "in.jsonl"
    good = "清晨的集市上人来人往，卖菜的老人把刚摘的豆角一把一把码得整整齐齐，等着相熟的主顾来挑。" * 2
    source.write_text(
        "\n".join(
            json.dumps(row, ensure_ascii=False)
            for row in [{"id": "zh", "text": good}, {"id": "en", "text": "An English text, quite plain. " * 9}]
        ),
        encoding="utf-8",
    )
    result = wudao("apply", "language", str(source))
    rows = {row["id"]: row for row in map(json.loads, result.stdout.splitlines())}
    assert rows["zh"]["language"] == "zh"
    assert rows["en"]["removed"]["reason"] == "language"


@pytest.mark.parametrize(
    "arguments", [("inspect", "."), ("remove", ".", "--url", "https://news.example/1"), ("clean", ".")]
)
def test_a_summary_that_is_not_json_is_one_sentence(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "current.json").write_text("{}")
    (tmp_path / "build.json").write_text("{")
    (tmp_path / "corpus").mkdir()
    result = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path
    )
    assert result.returncode == 1
    assert "build.json: not valid JSON" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
