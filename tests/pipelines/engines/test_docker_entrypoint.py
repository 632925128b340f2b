"""The image's entry point: an executor of Spark on Kubernetes, or the wudao command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "docker-entrypoint.sh"
POD = {
    "SPARK_HOME": "/opt/spark",
    "SPARK_JAVA_OPT_0": "-Dspark.driver.port=7078",
    "SPARK_JAVA_OPT_1": "-Dnote=two words",
    "SPARK_EXECUTOR_MEMORY": "4g",
    "SPARK_DRIVER_URL": "spark://CoarseGrainedScheduler@10.0.0.1:7078",
    "SPARK_EXECUTOR_ID": "3",
    "SPARK_EXECUTOR_CORES": "2",
    "SPARK_APPLICATION_ID": "spark-1",
    "SPARK_EXECUTOR_POD_IP": "10.0.0.9",
    "SPARK_RESOURCE_PROFILE_ID": "0",
    "SPARK_EXECUTOR_POD_NAME": "wudao-exec-3",
}


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    for name in ("java", "wudao"):
        command = tmp_path / name
        command.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n', encoding="utf-8")
        command.chmod(0o755)
    return tmp_path


def run(commands: Path, arguments: list[str], variables: dict[str, str]) -> list[str]:
    environment = {"PATH": f"{commands}:/usr/bin:/bin", **variables}
    return subprocess.run(
        ["bash", str(SCRIPT), *arguments], env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_an_executor_is_started_with_what_the_pod_says(commands: Path) -> None:
    said = run(commands, ["executor"], POD)
    assert said[0] == f"{commands}/java"
    assert said[1:7] == [
        "-Dspark.driver.port=7078", "-Dnote=two words", "-Xms4g", "-Xmx4g", "-cp", "/opt/spark/jars/*",
    ]  # fmt: skip
    assert said[7].endswith("KubernetesExecutorBackend")
    options = dict(zip(said[8::2], said[9::2], strict=True))
    assert options["--driver-url"] == POD["SPARK_DRIVER_URL"]
    assert options["--podName"] == "wudao-exec-3"
    assert len(options) == 7


def test_a_pod_without_a_variable_fails_and_names_it(commands: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        run(commands, ["executor"], {name: value for name, value in POD.items() if name != "SPARK_DRIVER_URL"})
    assert "SPARK_DRIVER_URL" in raised.value.stderr


def test_everything_else_goes_to_wudao(commands: Path) -> None:
    assert run(commands, ["build", "-i", "一 二"], {}) == [f"{commands}/wudao", "build", "-i", "一 二"]
