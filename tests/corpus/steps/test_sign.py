"""The sign step: what it stores, and that batching does not matter."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.config.dedupe import DedupeSettings
from corpus.schema import signatures_schema
from corpus.steps import make_step
from corpus.steps.sign import Sign

LONG = (
    "上海证券交易所今日公布，全年累计成交额同比增长一成，市场参与者结构继续改善，"
    "机构投资者持股比例稳步上升，信息披露质量得到提高。交易所表示，将继续推进制度型开放，"
    "完善退市机制，保护中小投资者合法权益，并支持科技创新企业发行上市。"
)


@pytest.fixture(scope="module")
def step() -> Sign:
    made = make_step("sign", DedupeSettings())
    made.load()
    assert isinstance(made, Sign)
    return made


def batch(texts: list[str], qualities: list[float | None] | None = None) -> pa.RecordBatch:
    return pa.record_batch(
        {
            "doc_key": pa.array([number.to_bytes(16, "big") for number in range(len(texts))], pa.binary(16)),
            "text": pa.array(texts, pa.large_string()),
            "quality": pa.array(qualities or [0.5] * len(texts), pa.float32()),
            "n_chars": pa.array([len(text) for text in texts], pa.int32()),
        }
    )


def test_batch_passes_unchanged(step: Sign) -> None:
    given_batch = batch([LONG, "短"])
    outcome = step.apply(given_batch)
    assert outcome.batch.equals(given_batch)
    assert outcome.removals == []
    assert step.artifacts() == {}


def test_rows_of_the_signatures_dataset(step: Sign) -> None:
    table = step.signatures(batch([LONG, "太短了", ""], [0.9, None, 0.1234]), first_row=7)
    assert table.schema == signatures_schema(16)
    assert table.column("row").to_pylist() == [7, 8, 9]
    assert table.column("quality").to_pylist() == [900_000, 0, 123_400]
    assert [len(bands) for bands in table.column("bands").to_pylist()] == [16, 0, 0]
    assert [len(sketch) for sketch in table.column("signature").to_pylist()] == [256, 0, 0]
    assert len(set(table.column("content_hash").to_pylist())) == 3


def test_short_texts_start_where_the_setting_says(step: Sign) -> None:
    needed = DedupeSettings().min_shingles + DedupeSettings().shingle - 1
    table = step.signatures(batch([LONG.replace("，", "").replace("。", "")[: needed - less] for less in (0, 1)]), 0)
    assert [len(bands) for bands in table.column("bands").to_pylist()] == [16, 0]


def test_empty_batch(step: Sign) -> None:
    assert step.signatures(batch([]), 0).num_rows == 0


@given(st.lists(st.text(max_size=120), max_size=8), st.integers(0, 8))
@settings(deadline=None, max_examples=40)
def test_signatures_do_not_depend_on_batching(texts: list[str], border: int) -> None:
    step = Sign(DedupeSettings(min_shingles=4))
    step.load()
    whole = batch([LONG, *texts, LONG + "又及"])
    border = min(border, whole.num_rows)
    parts = [step.signatures(whole.slice(0, border), 0), step.signatures(whole.slice(border), border)]
    assert pa.Table.from_batches(parts).combine_chunks() == pa.Table.from_batches([step.signatures(whole, 0)])


def test_document_longer_than_a_group_and_a_block(step: Sign) -> None:
    rng = random.Random(1)
    text = "".join(chr(0x4E00 + rng.randrange(3000)) for _ in range(100_000))
    both = step.signatures(batch([text, LONG, text + "。"]), 0)
    assert both.column("bands")[0] == both.column("bands")[2]
    assert both.column("content_hash")[0] == both.column("content_hash")[2]


def test_settings_refuse_bins_that_are_no_power_of_two() -> None:
    with pytest.raises(ValueError, match="power of two"):
        DedupeSettings(sketch_bins=1000)
