"""The Java that Spark is given: one argument less, errors only in its log, the user's options last."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipelines.engines.java import driver_options, java_home

FAKE_JAVA = """#!/bin/sh
[ "$1" = -version ] && { echo 'openjdk version "21.0.2" 2024-01-16' >&2; exit 0; }
for one in "$@"; do printf '%s\\n' "<$one>"; done
"""


@pytest.fixture
def fake_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    java = tmp_path / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(FAKE_JAVA, encoding="utf-8")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    return tmp_path


def test_all_arguments_but_one_reach_java_unchanged(fake_home: Path) -> None:
    shim = Path(java_home(fake_home / "scratch")) / "bin" / "java"
    given = ["-Xmx1g", "--add-modules=jdk.incubator.vector", "-Dname=two words", "*.jar", "", "语料"]
    result = subprocess.run([str(shim), *given], capture_output=True, text=True, check=True, cwd=fake_home)
    # An empty argument cannot pass through a list of lines; Java has no use for one.
    assert result.stdout.splitlines() == [f"<{one}>" for one in given if one and "incubator" not in one]


def test_an_old_java_is_not_taken(fake_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = fake_home / "jdk" / "bin" / "java"
    java.write_text(FAKE_JAVA.replace('"21.0.2"', '"11.0.2"'), encoding="utf-8")
    newer = fake_home / "newer" / "bin" / "java"
    newer.parent.mkdir(parents=True)
    newer.write_text(FAKE_JAVA, encoding="utf-8")
    newer.chmod(0o755)
    monkeypatch.setenv("PATH", f"{newer.parent}:/usr/bin:/bin")
    shim = Path(java_home(fake_home / "scratch")) / "bin" / "java"
    assert str(newer) in shim.read_text(encoding="utf-8")


def test_options_of_the_user_come_last_and_a_log_configuration_of_theirs_stays(tmp_path: Path) -> None:
    ours = driver_options(tmp_path, "-Xss4m -XX:TieredStopAtLevel=4").split()
    assert ours[-2:] == ["-Xss4m", "-XX:TieredStopAtLevel=4"]
    file = next(one for one in ours if one.startswith("-Dlog4j2.configurationFile=file:"))
    assert "level = error" in Path(file.partition("file://")[2]).read_text(encoding="utf-8")
    theirs = "-Dlog4j2.configurationFile=/etc/mine.xml"
    assert driver_options(tmp_path, theirs).count("log4j2.configurationFile") == 1


def test_a_log_configuration_in_sparks_folder_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log4j2.properties").touch()
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    assert "log4j2" not in driver_options(tmp_path, "")
