"""Beam's FnApiRunner without the timed flush of its data plane, which loses elements.

Between bundles in threads or processes the runner buffers elements in a
``TimeBasedBufferingClosableOutputStream``. A thread of its own empties that
buffer once a second: it takes what is there, hands it over, then clears the
buffer, and no lock holds the writer off. What is written between taking and
clearing is gone, without an error; what is half written arrives in two parts
that may go to different workers. So a stage of more than a second could lose
elements by megabytes (apache-beam 2.77, ``runners/worker/data_plane.py``; the
workers of other runners have the timed flush off unless an experiment asks for
it). A batch pipeline has no use for it: buffers are flushed by size, between
elements, and at the end of a bundle.
"""

from __future__ import annotations

from apache_beam import Pipeline
from apache_beam.options.pipeline_options import DebugOptions, PipelineOptions
from apache_beam.runners.portability.fn_api_runner import worker_handlers
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner, RunnerResult

EXPERIMENT = "data_buffer_time_limit_ms"


class UntimedRunner(FnApiRunner):  # type: ignore[misc]
    """Runs batch pipelines in this process or in processes of its own; every element arrives, once and whole."""

    def run_pipeline(self, pipeline: Pipeline, options: PipelineOptions) -> RunnerResult:
        """Run ``pipeline`` to its end and return the result."""
        # A constant of the module is the only way to the runner's end of the data plane. 0 is flush by size alone.
        worker_handlers.DATA_BUFFER_TIME_LIMIT_MS = 0
        return super().run_pipeline(pipeline, options)


def asks_for_timed_flush(options: PipelineOptions) -> bool:
    """Return whether ``options`` turn the timed flush on in the workers of whatever runner."""
    experiments = options.view_as(DebugOptions).experiments or []
    return any(one.startswith(f"{EXPERIMENT}=") and one.partition("=")[2] not in ("0", "-1") for one in experiments)
