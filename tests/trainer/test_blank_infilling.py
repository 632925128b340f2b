"""GLM's objective: the golden vectors of the original builder, then its distributions."""

from __future__ import annotations

import numpy as np
import pytest

from trainer import blank_infilling as glm
from trainer.config import ObjectiveConfig
from trainer.objectives import pack, row_width
from trainer.presets import preset
from trainer.spans import place_spans, span_lengths, spans_in_documents

EOS, CLS, MASK, SOP, EOP, SMASK, GMASK, DBLOCK = 50000, 50002, 50003, 50006, 50007, 50008, 50009, 50010
TOKENS = glm.GlmTokens(CLS, MASK, SMASK, GMASK, SOP, EOP, EOS, DBLOCK, frozenset({19}))
TEXT = np.array([CLS, 11, 12, 13, 14, 15, 16, EOS])
NONE = glm.NO_TARGET


def check(
    example: glm.GlmExample, ids: list[int], targets: list[int], pos1: list[int], pos2: list[int], sep: int
) -> None:
    assert example.separator == sep
    assert example.ids.tolist() == ids
    assert example.targets.tolist() == [NONE] * sep + targets
    assert example.positions.tolist() == pos1
    assert example.block_positions.tolist() == pos2


def test_golden_token_mode() -> None:
    example = glm.build_blocks(TEXT, [(3, 4), (5, 7)], [1, 0], MASK, TOKENS, None)
    check(
        example,
        [CLS, 11, 12, MASK, 14, MASK, EOS, SOP, 15, 16, SOP, 13],
        [15, 16, EOP, 13, EOP],
        [0, 1, 2, 3, 4, 5, 6, 5, 5, 5, 3, 3],
        [0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 1, 2],
        7,
    )


def test_golden_mask() -> None:
    example = glm.build_blocks(TEXT, [(3, 4), (5, 7)], [1, 0], MASK, TOKENS, None)
    batch = pack([[example]], ObjectiveConfig(kind="glm", length=8), pad=EOS)
    q, k = np.arange(12)[:, None], np.arange(12)[None, :]
    assert np.array_equal((k <= q) | (k < batch.context_end[0, :12, None]), (k <= q) | (k < 7))
    assert (batch.segment[0, 12:] == -1).all()
    assert batch.attended_pairs() == 7 * 7 + sum(range(8, 13))


def test_golden_prefix() -> None:
    check(
        glm.build_prefix(TEXT, 3, TOKENS),
        [CLS, 11, 12, GMASK, SOP, 13, 14, 15, 16],
        [13, 14, 15, 16, EOS],
        [0, 1, 2, 3, 3, 3, 3, 3, 3],
        [0, 0, 0, 0, 1, 2, 3, 4, 5],
        4,
    )


def test_golden_infill() -> None:
    check(
        glm.build_blocks(TEXT, [(2, 7)], [0], GMASK, TOKENS, None),
        [CLS, 11, GMASK, EOS, SOP, 12, 13, 14, 15, 16],
        [12, 13, 14, 15, 16, EOP],
        [0, 1, 2, 3, 2, 2, 2, 2, 2, 2],
        [0, 0, 0, 0, 1, 2, 3, 4, 5, 6],
        4,
    )


def test_golden_sentence() -> None:
    text = np.array([CLS, 11, 12, 19, 13, 14, 19, 15, 16, 19, EOS])
    check(
        glm.build_blocks(text, [(1, 4)], [0], SMASK, TOKENS, None),
        [CLS, SMASK, 13, 14, 19, 15, 16, 19, EOS, SOP, 11, 12, 19],
        [11, 12, 19, EOP],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 1, 1],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
        9,
    )


def test_noise_changes_inputs_of_part_b_only() -> None:
    noise = np.zeros(8, bool)
    noise[[1, 5]] = True
    example = glm.build_blocks(TEXT, [(3, 4), (5, 7)], [1, 0], MASK, TOKENS, noise)
    assert example.ids[7:].tolist() == [SOP, DBLOCK, 16, SOP, 13]
    assert example.targets[7:].tolist() == [15, 16, EOP, 13, EOP]


def text_of(size: int, seed: int = 0, sentence: int = 12) -> np.ndarray:
    body = np.random.default_rng(seed).integers(1000, 2000, size - 2)
    body[sentence - 1 :: sentence] = 19
    return np.concatenate([[CLS], body, [EOS]])


def restore(example: glm.GlmExample, text: np.ndarray) -> list[int]:
    """Put the spans of part B back in place of their masks."""
    spans: dict[int, list[int]] = {}
    for target, place in zip(example.targets, example.positions, strict=True):
        if target != NONE:
            spans.setdefault(int(place), []).append(int(target))
    result: list[int] = []
    for token, place in zip(example.ids[: example.separator], example.positions, strict=False):
        if token in (MASK, SMASK, GMASK):
            span = spans[int(place)]
            result += span[:-1] if span[-1] == EOP else span
        else:
            result.append(int(token))
    return result


@pytest.mark.parametrize("mode", ["token_mode", "sentence_mode", "document_mode"])
def test_every_example_holds_its_whole_text(mode: str) -> None:
    config = ObjectiveConfig(kind="glm", length=512, block_mask_prob=0.0)
    for seed in range(60):
        text = text_of(64 + seed * 5, seed)
        example = getattr(glm, mode)(text, config, TOKENS, np.random.default_rng(seed))
        assert restore(example, text) == text.tolist()
        assert example.ids.size == example.targets.size == example.positions.size == example.block_positions.size
        assert (example.block_positions[: example.separator] == 0).all()
        assert (example.block_positions[example.separator :] > 0).all()
        assert example.positions[: example.separator].tolist() == list(range(example.separator))


def test_span_lengths_have_the_measured_mean() -> None:
    random = np.random.default_rng(1)
    lengths = [n for _ in range(300) for n in span_lengths(76, 3.0, random)]
    assert np.mean(lengths) == pytest.approx(3.157, abs=0.05)
    assert min(lengths) >= 1
    assert max(lengths) <= 39


def test_token_mode_masks_its_share_with_gaps_and_the_rows_have_the_measured_size() -> None:
    config = ObjectiveConfig(kind="glm", length=512)
    sizes = []
    for seed in range(200):
        text = text_of(512, seed)
        example = glm.token_mode(text, config, TOKENS, np.random.default_rng(seed))
        assert example is not None
        part_a = example.ids[: example.separator]
        masks = np.flatnonzero(part_a == MASK)
        assert part_a[0] == CLS
        assert part_a[-1] == EOS
        assert (np.diff(masks) > 1).all()
        masked = 512 - (example.separator - masks.size)
        assert 76 <= masked < 76 + 39
        sizes.append(example.ids.size)
    assert np.mean(sizes) == pytest.approx(561, abs=3)
    assert max(sizes) <= row_width(config)


def test_documents_share_the_masks_by_length() -> None:
    text = np.concatenate([text_of(100, 1), text_of(40, 2), text_of(300, 3)])
    random = np.random.default_rng(0)
    for _ in range(50):
        lengths = span_lengths(int(0.15 * text.size), 3.0, random)
        spans = spans_in_documents(text, lengths, 0.15, TOKENS.eod, TOKENS.cls, random)
        assert spans is not None
        first = sum(b - a for a, b in spans if b <= 100)
        second = sum(b - a for a, b in spans if 100 <= a < 140)
        assert first <= int(0.15 * 98)
        assert second <= int(0.15 * 38)
        assert sum(b - a for a, b in spans) == sum(lengths)
        assert not any(text[i] in (CLS, EOS) for a, b in spans for i in range(a, b))


def test_infeasible_spans_are_refused() -> None:
    assert spans_in_documents(TEXT, [3, 3], 0.15, TOKENS.eod, TOKENS.cls, np.random.default_rng(0)) is None
    assert (
        glm.document_mode(np.array([CLS, 5, EOS]), ObjectiveConfig(kind="glm"), TOKENS, np.random.default_rng(0))
        is None
    )


def test_all_placements_occur() -> None:
    random = np.random.default_rng(0)
    seen = {tuple(place_spans([1, 1], 4, 0, random)) for _ in range(500)}
    assert seen == {((0, 1), (2, 3)), ((0, 1), (3, 4)), ((1, 2), (3, 4))}


def test_modes_come_in_groups_and_in_their_shares() -> None:
    config = preset("glm-large-zh").objective
    window = text_of(512)[1:-1]
    kinds = []
    for index in range(0, 6400, 32):
        group = []
        for i in (index, index + 31):
            example = glm.glm_examples(window, i, config, TOKENS, seed=5)[0]
            group.append(next(m for m in (MASK, SMASK, GMASK) if m in example.ids[: example.separator]))
        assert group[0] == group[1]
        kinds.append(group[0])
    share = [kinds.count(m) / len(kinds) for m in (MASK, SMASK, GMASK)]
    assert share == pytest.approx([0.4, 0.3, 0.3], abs=0.1)


def test_document_mode_is_half_prefix_half_infill_and_always_prefix_for_several_documents() -> None:
    config = ObjectiveConfig(kind="glm")
    ends = []
    for seed in range(300):
        example = glm.document_mode(text_of(200), config, TOKENS, np.random.default_rng(seed))
        assert example is not None
        generated = int((example.targets != NONE).sum()) - (example.targets[-1] == EOP)
        assert 50 <= generated <= 198
        ends.append(int(example.targets[-1]))
    assert ends.count(EOS) / 300 == pytest.approx(0.5, abs=0.1)
    several = np.concatenate([text_of(100), text_of(100)])
    for seed in range(20):
        example = glm.document_mode(several, config, TOKENS, np.random.default_rng(seed))
        assert example is not None
        assert example.targets[-1] == EOS


def test_short_groups_give_several_short_texts() -> None:
    config = ObjectiveConfig(kind="glm", length=256, short_share=1.0)
    window = text_of(256)[1:-1]
    counts = {len(glm.glm_examples(window, i, config, TOKENS, seed=0)) for i in range(0, 640, 32)}
    assert max(counts) > 1


def test_text_of_a_window() -> None:
    window = np.array([5, 6, EOS, 7, 8, 9])
    assert glm.make_text(window, 16, TOKENS).tolist() == [CLS, 5, 6, EOS, CLS, 7, 8, 9, EOS]
    assert glm.make_text(window, 8, TOKENS).tolist() == [CLS, 5, 6, EOS, CLS, 7, 8, EOS]
    assert glm.make_text(window, 6, TOKENS).tolist() == [CLS, 5, 6, EOS]
    assert glm.make_text(np.array([EOS, 5, EOS]), 8, TOKENS).tolist() == [CLS, 5, EOS]
    assert glm.make_text(np.array([EOS]), 8, TOKENS).tolist() == [EOS]


def test_samples_do_not_depend_on_each_other() -> None:
    config = preset("glm-large-zh").objective
    window = text_of(512)[1:-1]
    first = glm.glm_examples(window, 77, config, TOKENS, seed=3)[0]
    glm.glm_examples(window, 78, config, TOKENS, seed=3)
    again = glm.glm_examples(window, 77, config, TOKENS, seed=3)[0]
    assert np.array_equal(first.ids, again.ids)
    other = glm.glm_examples(window, 77, config, TOKENS, seed=4)[0]
    assert not np.array_equal(first.ids, other.ids)
