"""Clusters: who is kept, who is removed and why, on texts of every kind."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from dedupe_pages import Find, Page, Signing, chinese, edited
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.config.dedupe import DedupeSettings
from corpus.dedupe.clusters import find_clusters
from corpus.schema import CLUSTERS
from pipelines.engines.duckdb_session import DuckDBSession

NOTICE = (
    "为规范城市供水管理，保障居民用水安全，根据有关法律法规，结合本市实际，制定本办法。"
    "本市行政区域内的供水、用水及其监督管理活动，适用本办法。供水企业应当建立水质检测制度，"
    "定期对原水、出厂水和管网水进行检测，并向社会公布检测结果。用户不得擅自拆除计量设施。"
)
NOTICE_TRADITIONAL = (
    "為規範城市供水管理，保障居民用水安全，根據有關法律法規，結合本市實際，制定本辦法。"
    "本市行政區域內的供水、用水及其監督管理活動，適用本辦法。供水企業應當建立水質檢測制度，"
    "定期對原水、出廠水和管網水進行檢測，並向社會公佈檢測結果。用戶不得擅自拆除計量設施。"
)


def test_nothing_in_nothing_out(find: Find) -> None:
    assert find([]) == []


def test_documents_that_stand_alone_get_no_row(find: Find) -> None:
    rng = random.Random(1)
    assert find([Page(bytes([number]), chinese(rng, 300)) for number in range(20)]) == []


def test_columns_are_those_of_the_schema(signing: Signing, duckdb_session: DuckDBSession) -> None:
    duckdb_session.register("signatures", signing.table([Page(b"a", NOTICE), Page(b"b", NOTICE)]))
    find_clusters(duckdb_session, signing.settings)
    table = duckdb_session.arrow("SELECT * FROM clusters").read_all()
    assert table.column_names == CLUSTERS.names
    table.cast(CLUSTERS)


def test_exact_copies_in_another_script_width_and_punctuation(find: Find) -> None:
    spaced = NOTICE.replace("，", " , ").replace("。", "。\n\n")
    rows = find([Page(b"b", NOTICE, 0.7), Page(b"a", NOTICE_TRADITIONAL, 0.6), Page(b"c", spaced, 0.5)])
    assert [row["kind"] for row in rows] == ["keeper", "exact", "exact"]
    assert {row["keeper"] for row in rows} == {Page(b"b", "").doc_key}
    assert {row["similarity"] for row in rows} == {1.0}
    assert {row["cluster_size"] for row in rows} == {3}
    assert {row["component"] for row in rows} == {Page(b"a", "").doc_key}


def test_near_copy_names_keeper_and_similarity(find: Find) -> None:
    rows = find([Page(b"a", NOTICE + "原载于供水信息网", 0.4), Page(b"b", NOTICE, 0.9)])
    assert [row["kind"] for row in rows] == ["near", "keeper"]
    assert rows[0]["keeper"] == Page(b"b", "").doc_key
    assert 0.8 <= rows[0]["similarity"] < 1.0
    assert rows[0]["component"] == Page(b"a", "").doc_key


def test_keeper_by_quality_then_length_then_key(find: Find) -> None:
    longer = NOTICE + "！！！"
    same = [Page(b"d", NOTICE, 0.5), Page(b"c", NOTICE, 0.5), Page(b"b", longer, 0.5), Page(b"a", longer, 0.5)]
    assert [row["kind"] for row in find(same)] == ["exact", "exact", "exact", "keeper"]
    assert [row["kind"] for row in find([*same, Page(b"z", NOTICE, 0.6)])][-1] == "keeper"


def test_ties_go_by_the_full_key(find: Find) -> None:
    prefix = b"\x90" * 15
    exact = find([Page(prefix + b"\x02", NOTICE), Page(prefix[:7] + b"\x01" * 9, NOTICE)])
    assert [row["kind"] for row in exact] == ["exact", "keeper"]
    near = find([Page(b"\x91" + prefix, NOTICE + "见附件甲"), Page(prefix + b"\x01", NOTICE + "见附件乙")])
    assert [row["kind"] for row in near] == ["near", "keeper"]


def test_repeats_leave_the_first_place(find: Find) -> None:
    rng = random.Random(2)
    text = chinese(rng, 200)
    rows = find([Page(b"a", text, split=3), Page(b"a", text, split=1), Page(b"a", text, split=2), Page(b"b", "短")])
    assert [(row["split"], row["kind"]) for row in rows] == [(1, "keeper"), (2, "repeat"), (3, "repeat")]
    assert {row["cluster_size"] for row in rows} == {3}


def test_repeat_of_a_removed_document_points_to_the_keeper(find: Find) -> None:
    rows = find([Page(b"a", NOTICE, 0.1), Page(b"a", NOTICE, 0.1), Page(b"b", NOTICE, 0.9)])
    assert [row["kind"] for row in rows] == ["exact", "repeat", "keeper"]
    assert {row["keeper"] for row in rows} == {Page(b"b", "").doc_key}


def test_short_texts_are_compared_exactly_only(find: Find) -> None:
    rows = find(
        [
            Page(b"a", "很好，下次还来！"),
            Page(b"b", "很好下次还来"),
            Page(b"c", "很好，下次再来"),
            Page(b"d", ""),
            Page(b"e", "……"),
        ]
    )
    assert [(row["row"], row["kind"]) for row in rows] == [(0, "keeper"), (1, "exact"), (3, "exact"), (4, "keeper")]


def test_different_texts_in_one_hot_bucket_stay_apart(find: Find, signing: Signing) -> None:
    rng = random.Random(3)
    table = signing.table([Page(number.to_bytes(2, "big"), chinese(rng, 200)) for number in range(400)])
    bands = [[7, *own[1:]] for own in table["bands"].to_pylist()]
    index = table.schema.get_field_index("bands")
    assert find(table.set_column(index, "bands", pa.array(bands, pa.list_(pa.int64())))) == []


def chain(links: int) -> list[Page]:
    """Texts of which only neighbours are near: each shifts the window by a tenth."""
    rng = random.Random(4)
    text = chinese(rng, 300 + 30 * links)
    return [Page(rng.randbytes(16), text[30 * link : 30 * link + 300], rng.random()) for link in range(links)]


def shingles(text: str) -> set[str]:
    return {text[start : start + 5] for start in range(len(text) - 4)}


@pytest.mark.parametrize("leaders", [1, 3, 32])
def test_a_chain_is_cut_where_members_are_far_from_their_keeper(find: Find, leaders: int) -> None:
    pages = chain(60)
    texts = {page.doc_key: page.text for page in pages}
    rows = find(pages, DedupeSettings(leaders=leaders))
    near = [row for row in rows if row["kind"] == "near"]
    keepers = [row for row in rows if row["kind"] == "keeper"]
    assert len(near) >= 15
    for row in near:
        own, kept = shingles(pages[row["row"]].text), shingles(texts[row["keeper"]])
        assert len(own & kept) / len(own | kept) >= 0.75
    # A document that the cut left alone keeps its component.
    assert any(row["cluster_size"] == 1 for row in keepers) or len(near) + len(keepers) == 60
    assert len({row["component"] for row in rows}) < len(keepers)


@pytest.mark.parametrize("residual", [0, 5])
def test_contraction_in_the_engine_gives_the_same_clusters(find: Find, residual: int) -> None:
    pages = mixed_pages(random.Random(5))
    assert find(pages, DedupeSettings(residual_edges=residual)) == find(pages)


def mixed_pages(rng: random.Random) -> list[Page]:
    pages = chain(25)
    for _ in range(12):
        text = chinese(rng, 250)
        for copy in range(rng.randint(1, 5)):
            page_text = text if copy % 2 else edited(rng, text, 0.015)
            pages.append(Page(rng.randbytes(16), page_text, rng.choice([0.2, 0.5, 0.5])))
    pages += [Page(page.key, page.text, page.quality) for page in rng.sample(pages, 6)]
    pages += [Page(rng.randbytes(16), "短评") for _ in range(3)]
    return pages


def by_key(rows: list[dict[str, object]], pages: list[Page]) -> set[tuple[object, ...]]:
    """What the clusters say, without the places: repeats are counted, not named."""
    places = {}
    counters: dict[int, int] = {}
    for page in pages:
        row = counters.get(page.split, 0)
        counters[page.split] = row + 1
        places[(page.split, row)] = page.doc_key
    return {
        (
            places[(row["split"], row["row"])],
            row["kind"],
            row["keeper"],
            row["similarity"],
            row["cluster_size"],
            row["component"],
        )
        for row in rows
    }


@given(st.randoms(use_true_random=False), st.integers(1, 5))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_clusters_do_not_depend_on_order_or_splits(find: Find, rng: random.Random, splits: int) -> None:
    pages = mixed_pages(random.Random(6))
    shuffled = [Page(page.key, page.text, page.quality, rng.randrange(splits)) for page in pages]
    rng.shuffle(shuffled)
    assert by_key(find(shuffled), shuffled) == by_key(find(pages), pages)


@given(st.integers(0, 10_000))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_member_has_one_row_and_every_cluster_its_keeper(find: Find, seed: int) -> None:
    pages = mixed_pages(random.Random(seed))
    rows = find(pages)
    places = [(row["split"], row["row"]) for row in rows]
    assert len(places) == len(set(places))
    clusters: dict[bytes, list[dict[str, object]]] = {}
    for row in rows:
        clusters.setdefault(row["keeper"], []).append(row)
    for keeper, members in clusters.items():
        kept = [row for row in members if row["kind"] == "keeper"]
        assert len(kept) == 1
        assert pages[kept[0]["row"]].doc_key == keeper
        assert {row["cluster_size"] for row in members} == {len(members)}
        assert len({row["component"] for row in members}) == 1
        best = max(members, key=lambda row: (pages[row["row"]].quality, len(pages[row["row"]].text)))
        assert pages[kept[0]["row"]].quality == pages[best["row"]].quality
    for row in rows:
        assert (row["similarity"] == 1.0) or row["kind"] == "near"
        assert row["similarity"] >= 0.8


def test_keys_that_share_their_first_64_bits_are_told_apart(find: Find) -> None:
    rng = random.Random(7)
    head = b"\x01\x02\x03\x04\x05\x06\x07\x08"
    texts = [chinese(rng, 200) for _ in range(3)]
    pages = [Page(head + bytes([number]) * 8, text) for number, text in enumerate(texts, 1)]
    pages += [Page(rng.randbytes(16), edited(rng, text, 0.01)) for text in texts]
    rows = find(pages)
    assert len(rows) == 6
    assert len({row["keeper"] for row in rows}) == 3


def test_keys_that_no_window_tells_apart_are_refused(find: Find) -> None:
    with pytest.raises(ValueError, match="128-bit"):
        find([Page(bytes(16), NOTICE), Page(b"\x01" + bytes(6) + b"\x00" * 8 + b"\x01", NOTICE), *collisions()])


def collisions() -> list[Page]:
    """For every window of 8 bytes, a pair of keys that agree in it."""
    pages = []
    for first in range(9):
        for number in (1, 2):
            key = bytearray([number * 16 + first] * 16)
            key[first : first + 8] = bytes([200 + first] * 8)
            pages.append(Page(bytes(key), NOTICE))
    return pages


def test_copies_are_found_among_pages_of_one_template(find: Find) -> None:
    rng = random.Random(8)
    head, foot = chinese(rng, 150), chinese(rng, 100)
    pages = []
    for number in range(120):
        body = chinese(rng, 200)
        pages.append(Page(rng.randbytes(15) + bytes([number]), head + body + foot, 0.9))
        pages.append(Page(rng.randbytes(15) + bytes([number]), head + edited(rng, body, 0.01) + foot, 0.1))
    rows = find(pages)
    near = [row for row in rows if row["kind"] == "near"]
    assert all(row["keeper"][15] == pages[row["row"]].key[15] for row in near)
    assert len(near) >= 118
