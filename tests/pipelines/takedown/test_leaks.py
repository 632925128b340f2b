"""What the rules still find in a published corpus, and the threshold that fails a build."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from corpus.config.scrub import ScrubSettings
from corpus.errors import BuildError
from corpus.shards.writer import ShardWriter
from corpus.steps.scrub import Scrub
from corpus.storage import Store
from pipelines.commands.pii import verify_pii_command
from pipelines.leaks import check_leaks, find_leaks


def test_leaks_are_counted_by_kind(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verify_pii_command(str(output), 0.0)
    assert "0.0000" in capsys.readouterr().out
    phones_stay = ScrubSettings.model_validate({"actions": {"CN_MOBILE": "keep"}})
    leaks = find_leaks(Scrub(phones_stay), [leaky_batch()])
    assert (leaks.by_rules["EMAIL"], leaks.left["CN_MOBILE"], leaks.count) == (1, 1, 1)
    everything = find_leaks(Scrub(ScrubSettings.model_validate({})), [leaky_batch()])
    assert everything.by_rules["CN_MOBILE"] == everything.by_rules["EMAIL"] == 1
    assert everything.rate() == round(everything.count * 1e6 / everything.characters, 4)


def leaky_batch() -> pa.RecordBatch:
    text = article_of("联系电话：13907314582，邮箱 lizhi_88@163.com。")
    row = {"doc_key": b"k" * 16, "url": None, "title": None, "text": text, "n_chars": len(text), "source_type": None}
    schema = pa.schema(
        [
            ("doc_key", pa.binary(16)),
            ("url", pa.string()),
            ("title", pa.string()),
            ("text", pa.large_string()),
            ("n_chars", pa.int32()),
            ("source_type", pa.string()),
        ]
    )
    return pa.RecordBatch.from_pylist([row], schema=schema)


def article_of(ending: str) -> str:
    return "村里的水渠修了三年，今年春天终于通了水，大家都来看。" * 3 + "\n" + ending


def test_a_build_fails_above_its_leak_threshold(tmp_path: Path) -> None:
    batch = leaky_batch()
    schema = batch.schema
    writer = ShardWriter(Store(tmp_path), "train/a.arrow", schema)
    writer.write(batch)
    entry = writer.close()
    check_leaks(ScrubSettings.model_validate({"max_leaks": 1e6}), Store(tmp_path), [entry])
    with pytest.raises(BuildError, match="CN_MOBILE 1") as caught:
        check_leaks(ScrubSettings.model_validate({"max_leaks": 1.0}), Store(tmp_path), [entry])
    assert "13907314582" not in str(caught.value)
