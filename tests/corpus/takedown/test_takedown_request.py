"""What a request names, and what is shown of it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from corpus.errors import ConfigError
from corpus.takedown.certificate import is_sealed, sealed
from corpus.takedown.request import Matcher, Request

DOCUMENTS = pa.RecordBatch.from_pydict(
    {
        "doc_key": pa.array([bytes([n]) * 16 for n in range(4)], pa.binary(16)),
        "url": ["https://clinic.example/1", "https://school.example/2", None, "https://clinic.example/4"],
        "host": ["clinic.example", "school.example", None, "clinic.example"],
        "title": ["义诊名单", None, "寻找邱禾苗", None],
        "text": pa.array(
            [
                "昨天的义诊由邱禾苗医生主持，她在镇卫生院工作了二十年，附近的老人都认得她。" * 2,
                "三年级二班的邱 禾 苗同学在田径比赛里跑了第一名，班主任很高兴。",
                "启事一则，知情者请与派出所联系。",
                "候诊大厅重新粉刷，本周暂停挂号。",
            ],
            pa.large_string(),
        ),
    }
)


def found(**criteria: tuple[str, ...]) -> dict[int, tuple[str, ...]]:
    return {row: hit.why for row, hit in Matcher(Request(**criteria)).find(DOCUMENTS).items()}


def test_criteria_are_joined_by_or() -> None:
    assert found(persons=("邱禾苗",)) == {0: ("person",), 1: ("person",), 2: ("person",)}
    assert found(hosts=("clinic.example",), persons=("邱禾苗",)) == {
        0: ("host", "person"),
        1: ("person",),
        2: ("person",),
        3: ("host",),
    }
    assert found(keys=("0303030303",)) == {3: ("doc",)}
    assert found(persons=("邱禾苗",), keep=("01010101",)) == {0: ("person",), 2: ("person",)}


def test_the_surroundings_tell_namesakes_apart() -> None:
    hits = Matcher(Request(persons=("邱禾苗",))).find(DOCUMENTS)
    assert "昨天的义诊由【邱禾苗】医生主持" in hits[0].excerpts[0]
    assert len(hits[0].excerpts) == 2
    assert "三年级二班的【邱 禾 苗】同学" in hits[1].excerpts[0]
    assert hits[2].excerpts == ("启事一则，知情者请与派出所联系。",)


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        ({}, "name what is to be removed"),
        ({"persons": ("邱",)}, "at least 2"),
        ({"persons": ("，。",)}, "at least 2"),
        ({"ids": ("1-2-3",)}, "at least 4"),
        ({"keys": ("xyz",)}, "32 hex digits"),
        ({"hosts": (" ",)}, "must not be empty"),
    ],
)
def test_a_request_that_names_too_little_is_refused(criteria: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Request(**criteria).check()


def test_a_seal_breaks_with_any_change() -> None:
    data = sealed({"certificate": "0123", "removed": {"rows": 3}})
    assert is_sealed(data)
    assert not is_sealed(data.replace(b"3\n", b"4\n"))
