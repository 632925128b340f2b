"""How the options of Beam reach it."""

from __future__ import annotations

import pytest

from corpus.config.build import RunSettings
from corpus.errors import BuildError
from pipelines.engines.beam import IN_PROCESS, pipeline_arguments
from pipelines.engines.registry import make_engine


@pytest.mark.parametrize("given", [[], ["--runner=DirectRunner"], ["--runner direct"], ["--runner", "FnApiRunner"]])
def test_without_a_runner_pipelines_stay_in_this_process(given: list[str]) -> None:
    expected = [f"--runner={IN_PROCESS}", "--direct_running_mode=multi_threading", "--direct_num_workers=3"]
    assert pipeline_arguments(given, 3) == expected


def test_what_is_given_wins_over_the_defaults() -> None:
    given = ["--direct_running_mode=multi_processing --direct_num_workers=5"]
    assert pipeline_arguments(given, 2) == [
        f"--runner={IN_PROCESS}",
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=5",
    ]
    assert pipeline_arguments(["--direct_running_mode=in_memory"], 2) == [
        f"--runner={IN_PROCESS}",
        "--direct_running_mode=in_memory",
    ]


def test_options_of_another_runner_pass_through_unchanged() -> None:
    given = ["--runner=FlinkRunner --flink_master=flink:8081", "--job_name='语料 一'"]
    assert pipeline_arguments(given, 2) == ["--runner=FlinkRunner", "--flink_master=flink:8081", "--job_name=语料 一"]


def test_a_runner_that_does_not_exist_is_named() -> None:
    pytest.importorskip("apache_beam", reason="the beam extra is not installed")
    engine = make_engine(RunSettings(engine="beam", beam_args=["--runner=NoSuchRunner"]))
    with pytest.raises(BuildError, match="NoSuchRunner"):
        engine.run(None, None, [], print, print)  # type: ignore[arg-type]
