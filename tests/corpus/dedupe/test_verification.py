"""Leaders, components, and values that occur twice: against plain Python."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.dedupe.components import component_labels, lead_greedily
from corpus.dedupe.repetition import RepeatedValues
from corpus.dedupe.verification import LeadComponents, VerifyPairs, threshold_steps

edge_lists = st.lists(
    st.tuples(st.integers(-9, 9), st.integers(-9, 9)).filter(lambda edge: edge[0] != edge[1]), max_size=30
)


@given(edge_lists)
@settings(deadline=None)
def test_component_root_is_its_smallest_node(edges: list[tuple[int, int]]) -> None:
    left = np.array([edge[0] for edge in edges], dtype=np.int64)
    right = np.array([edge[1] for edge in edges], dtype=np.int64)
    labels = component_labels(left, right).to_pydict()
    expected = {node: node for edge in edges for node in edge}
    for _ in expected:
        for a, b in edges:
            expected[a] = expected[b] = min(expected[a], expected[b])
    assert dict(zip(labels["k"], labels["root"], strict=True)) == expected


def test_chain_of_100_000_is_one_component() -> None:
    nodes = np.random.default_rng(1).permutation(100_000)
    assert set(component_labels(nodes[:-1], nodes[1:])["root"].to_pylist()) == {0}


@given(
    st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda edge: edge[0] < edge[1])),
    st.integers(0, 12),
)
@settings(deadline=None)
def test_greedy_leaders_are_the_first_maximal_independent_set(edges: set[tuple[int, int]], earlier_nodes: int) -> None:
    pairs = sorted(edges)
    earlier = np.array([1 if node < earlier_nodes else 0 for node in range(12)], dtype=np.int32)
    left, right = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    weights = np.arange(8000, 8000 + len(pairs), dtype=np.int32)
    leaders, similarity = lead_greedily(right, left, weights, earlier)
    chosen: set[int] = set()
    for node in range(12):
        near = sorted(other for other in chosen if (other, node) in edges)
        if earlier[node] or not near:
            chosen.add(node)
            assert leaders[node] == node
        else:
            assert leaders[node] == near[0]
            assert similarity[node] == 8000 + pairs.index((near[0], node))


def sketch(rng: random.Random, base: bytes | None = None, share: float = 0.0) -> bytes:
    """256 bytes of bins 1..3; with ``base`` its bytes, ``share`` of them drawn anew."""
    fresh = bytes(sum(rng.randrange(1, 4) << shift for shift in (0, 2, 4, 6)) for _ in range(256))
    if base is None:
        return fresh
    return bytes(new if rng.random() < share else old for new, old in zip(fresh, base, strict=True))


def members(component: int, keys: list[int], sketches: list[bytes], earlier: list[int] | None = None) -> pa.RecordBatch:
    return pa.record_batch(
        {
            "component": pa.array([component] * len(keys), pa.int64()),
            "k": pa.array(keys, pa.int64()),
            "earlier": pa.array(earlier or [0] * len(keys), pa.int32()),
            "sketch": pa.array(sketches, pa.binary()),
        }
    )


def led(batches: list[pa.RecordBatch], leaders: int = 32) -> list[dict[str, object]]:
    function = LeadComponents(threshold_steps(0.8), leaders)
    return [row for batch in function(iter(batches)) for row in batch.to_pylist()]


def test_members_follow_the_best_leader_that_they_are_near() -> None:
    rng = random.Random(1)
    first, second = sketch(rng), sketch(rng)
    batch = members(5, [30, 10, 20, 40], [first, second, sketch(rng, first, 0.05), sketch(rng, second, 0.05)])
    assert [row["leader"] for row in led([batch])] == [30, 10, 30, 10]
    assert [row["position"] for row in led([batch])] == [0, 1, 2, 3]


def test_components_may_lie_across_batches_and_end_within_one() -> None:
    rng = random.Random(2)
    base = sketch(rng)
    batch = pa.Table.from_batches([members(1, [1, 2, 3], [base] * 3), members(2, [4, 5], [base] * 2)]).combine_chunks()
    whole = batch.to_batches()
    parts = [whole[0].slice(0, 2), whole[0].slice(2, 0), whole[0].slice(2)]
    assert led(parts) == led(whole)
    assert [row["leader"] for row in led(whole)] == [1, 1, 1, 4, 4]


def test_what_is_near_none_of_a_full_list_of_leaders_stays_undecided() -> None:
    rng = random.Random(3)
    sketches = [sketch(rng) for _ in range(4)]
    assert [row["leader"] for row in led([members(1, [1, 2, 3, 4], sketches)], leaders=2)] == [1, 2, None, None]


def test_published_documents_lead_even_when_near_each_other() -> None:
    base = sketch(random.Random(4))
    assert [row["leader"] for row in led([members(1, [3, 2, 1], [base] * 3, [1, 1, 0])])] == [3, 2, 3]


def test_pairs_below_the_threshold_are_dropped() -> None:
    rng = random.Random(5)
    base = sketch(rng)
    batch = pa.record_batch(
        {
            "a": pa.array([1, 1, 1], pa.int64()),
            "b": pa.array([2, 3, 4], pa.int64()),
            "left_sketch": pa.array([base] * 3, pa.binary()),
            "right_sketch": pa.array([base, sketch(rng), sketch(rng, base, 0.1)], pa.binary()),
        }
    )
    (near,) = VerifyPairs(threshold_steps(0.8))(iter([batch, batch.slice(0, 0)][:1]))
    assert near.column("b").to_pylist() == [2, 4]
    assert near.column("similarity")[0].as_py() == 10_000


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40), st.data())
@settings(deadline=None)
def test_repeated_values_are_never_missed(values: list[int], data: st.DataObject) -> None:
    doubled = values + (data.draw(st.lists(st.sampled_from(values), max_size=10)) if values else [])
    repeated = RepeatedValues(len(doubled))
    for value in doubled:
        repeated.add(np.array([value], dtype=np.int64))
    told = repeated.contains(np.array(doubled, dtype=np.int64))
    counts = Counter(doubled)
    assert all(told[place] for place, value in enumerate(doubled) if counts[value] > 1)


@pytest.mark.parametrize("count", [100_000])
def test_few_single_values_stay(count: int) -> None:
    values = np.random.default_rng(2).integers(-(2**63), 2**63 - 1, count)
    repeated = RepeatedValues(count)
    repeated.add(values)
    assert repeated.contains(values).mean() < 1 / 8
