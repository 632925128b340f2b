"""The runner of Beam pipelines in this process: every element arrives, once and whole."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from corpus.config.build import RunSettings
from corpus.errors import BuildError
from pipelines.engines.beam import pipeline_arguments
from pipelines.engines.registry import make_engine

beam = pytest.importorskip("apache_beam", reason="the beam extra is not installed")

SOURCES, PIECES, PIECE_BYTES = 24, 400, 4096


def pieces(source: int) -> Iterator[tuple[int, bytes]]:
    """Yield the elements of one source: (group, bytes that tell source and number)."""
    for number in range(PIECES):
        yield number % 7, f"{source} {number} ".encode() * (PIECE_BYTES // 8)


def tally(grouped: tuple[int, Iterable[bytes]]) -> tuple[int, int, int]:
    """Return (group, elements, sum of their checksums): the same in whatever order they came."""
    sums = [zlib.crc32(piece) for piece in grouped[1]]
    return grouped[0], len(sums), sum(sums)


def expected() -> set[tuple[int, int, int]]:
    groups: dict[int, list[bytes]] = {}
    for source in range(SOURCES):
        for group, piece in pieces(source):
            groups.setdefault(group, []).append(piece)
    return {tally(one) for one in groups.items()}


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="threads"),
        pytest.param(
            ["--direct_running_mode=multi_processing --direct_num_workers=2"], id="processes", marks=pytest.mark.slow
        ),
    ],
)
def test_nothing_is_lost_between_bundles(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beam empties its buffers on a clock, once a second; once a millisecond shows at once what that loses."""
    monkeypatch.setattr("apache_beam.runners.portability.fn_api_runner.worker_handlers.DATA_BUFFER_TIME_LIMIT_MS", 1)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))  # the workers import this file
    found = str(tmp_path / "found")
    from apache_beam.options.pipeline_options import PipelineOptions

    with beam.Pipeline(options=PipelineOptions(pipeline_arguments(arguments, 4))) as pipeline:
        lines = (
            pipeline
            | beam.Create(range(SOURCES))
            | beam.Reshuffle()
            | beam.FlatMap(pieces).with_output_types(tuple[int, bytes])
            | beam.GroupByKey()
            | beam.Map(tally)
            | beam.Map(lambda row: " ".join(map(str, row)))
        )
        lines | beam.io.WriteToText(found, shard_name_template="")
    rows = [tuple(map(int, line.split())) for line in Path(found).read_text("ascii").splitlines()]
    assert set(rows) == expected()
    assert len(rows) == len(set(rows))


def test_beam_loses_what_is_written_during_a_timed_flush() -> None:
    """Why pipelines.engines.beam_runner exists. Once this fails Beam has mended it, and the module may go."""
    from apache_beam.runners.worker.data_plane import ClosableOutputStream

    arrived: list[bytes] = []

    def hand_over(data: bytes) -> None:
        arrived.append(data)
        if data == b"first":
            stream.write(b"second")  # as the thread of the bundle does, which no lock holds off

    stream = ClosableOutputStream.create(arrived.append, hand_over, 3_600_000)
    stream.write(b"first")
    stream.flush()
    stream.write(b"third")
    stream.close()
    assert arrived == [b"first", b"third"]


def test_the_timed_flush_cannot_be_asked_for() -> None:
    given = ["--experiments=data_buffer_time_limit_ms=500"]
    with pytest.raises(BuildError, match="loses elements"):
        make_engine(RunSettings(engine="beam", beam_args=given)).run(None, None, [], print, print)  # type: ignore[arg-type]
