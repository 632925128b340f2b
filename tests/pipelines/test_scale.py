"""The rehearsal of benchmarks/scale_rehearsal.py over a few splits: what it checks holds, whatever the number."""

from __future__ import annotations

from pathlib import Path

import pytest
from scale_rehearsal import MEMORY_LIMIT, misses, rehearse, table
from scaling_model import TB, markdown, model


@pytest.mark.slow
def test_a_rehearsal_commits_resumes_and_sweeps(tmp_path: Path) -> None:
    splits = 60
    found = rehearse(tmp_path, splits)
    assert found["crash"]["handed"] == {"ingest": splits}
    assert found["build"]["handed"] == {"ingest": splits // 2, "publish": splits, "index": splits}
    assert found["resume"]["handed"] == {}
    assert found["build"]["shards"] == 2 * splits
    assert "resume, peak memory" in table({splits: found})


def test_a_target_that_is_missed_is_named() -> None:
    def stage(seconds: float, peak: int) -> dict[str, dict[str, object]]:
        return {"build": {"phases": {"plan": seconds}, "peak_bytes": peak}}

    assert misses({10: stage(1.0, 1), 100: stage(10.0, 1)}) == []
    assert len(misses({10: stage(1.0, 1), 100: stage(100.0, MEMORY_LIMIT + 1)})) == 2


def test_the_document_holds_what_the_model_prints() -> None:
    """After a change of a rate or a default: put the output of benchmarks/scaling_model.py between the two marks."""
    document = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text(encoding="utf-8")
    begin, end = "<!-- begin: benchmarks/scaling_model.py -->\n", "<!-- end: benchmarks/scaling_model.py -->"
    assert document[document.index(begin) + len(begin) : document.index(end)] == markdown(100 * TB, 2 * TB)


def test_the_model_is_in_proportion() -> None:
    def number(size: int) -> float:
        rows = model(100 * TB * size, 2 * TB * size)["Core-hours"]
        return float(next(value for what, _, value, _ in rows if what.startswith("all")).replace(",", ""))

    assert number(10) == pytest.approx(10 * number(1), rel=1e-3)
