"""From windows of tokens to model inputs and targets: causal (CPM), blank infilling (GLM), MLM. Pure NumPy.

Every random choice comes from a generator keyed by (seed, purpose, sample
index), so a sample is the same on any rank, in any batch, at any time.

A batch is rows of tokens. ``segment`` and ``context_end`` describe the mask
for all objectives alike: position q sees position k iff both lie in the same
segment and ``k <= q`` or ``k < context_end[q]`` (the bidirectional part A of
GLM, the whole document for MLM, nothing for causal).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.errors import ConfigError
from trainer.blank_infilling import GlmExample, GlmTokens, glm_examples
from trainer.config import ObjectiveConfig
from trainer.data import TokenDataset
from trainer.randomness import generator

NO_TARGET = -100  # PyTorch's ignore_index
PADDING = -1  # segment of padding
_MLM = 3  # purpose of a generator; 1 and 2 are GLM's

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Rows for one forward pass; all arrays ``(rows, width)``."""

    ids: IntArray
    targets: IntArray  # NO_TARGET where there is none
    positions: IntArray
    block_positions: IntArray | None  # GLM's second position
    segment: npt.NDArray[np.int32]
    context_end: npt.NDArray[np.int32]

    @property
    def tokens(self) -> int:
        """Tokens that are not padding."""
        return int((self.segment != PADDING).sum())

    @property
    def target_count(self) -> int:
        """Tokens that bear loss."""
        return int((self.targets != NO_TARGET).sum())

    def attended_pairs(self) -> int:
        """Query-key pairs that the mask allows, padding not counted: what attention has to compute."""
        q = np.broadcast_to(np.arange(self.ids.shape[1]), self.ids.shape)
        starts = segment_starts(self.segment)
        seen = np.maximum(q + 1, self.context_end) - starts
        return int(seen[self.segment != PADDING].sum())


def segment_starts(segment: npt.NDArray[np.int32]) -> IntArray:
    """Return for each position where its segment begins in its row."""
    new = np.ones(segment.shape, bool)
    new[:, 1:] = segment[:, 1:] != segment[:, :-1]
    places = np.where(new, np.arange(segment.shape[1]), 0)
    starts: IntArray = np.maximum.accumulate(places, axis=1)
    return starts


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Ids that objectives need, from the tokenizer's meta data."""

    eod: int
    pad: int
    glm: GlmTokens | None = None
    mask: int | None = None
    vocab: int = 0  # ids in use: MLM's random tokens come from below it

    @staticmethod
    def of(tokenizer: dict[str, Any], objective: str) -> SpecialTokens:
        """Read them from the manifest's tokenizer entry.

        Raises:
            ConfigError: the tokenizer is not made for the objective.
        """
        special = tokenizer["special_ids"]
        glm = None
        if objective == "glm":
            names = ("cls", "mask", "smask", "gmask", "sop", "eop", "eod", "dblock")
            missing = [name for name in names if name not in special]
            if missing:
                raise ConfigError(
                    f"the shards were made with the tokenizer {tokenizer['name']!r}, which has no "
                    f"{', '.join(missing)}: the glm objective needs a tokenizer of kind glm"
                )
            glm = GlmTokens(**{name: special[name] for name in names}, sentence_ends=_ends(tokenizer))
        if objective == "mlm" and "mask" not in special:
            raise ConfigError(f"the tokenizer {tokenizer['name']!r} has no mask token, which the mlm objective needs")
        return SpecialTokens(
            special["eod"], special.get("pad", special["eod"]), glm, special.get("mask"), tokenizer["vocab_size"]
        )


def _ends(tokenizer: dict[str, Any]) -> frozenset[int]:
    return frozenset(tokenizer.get("sentence_end_ids", ()))


def dataset_length(config: ObjectiveConfig) -> int:
    """Return the length of the windows that the objective reads: GLM adds [CLS] and [EOS] itself."""
    return config.length - 2 if config.kind == "glm" else config.length


def build_batch(
    dataset: TokenDataset, first: int, count: int, config: ObjectiveConfig, special: SpecialTokens, seed: int
) -> Batch:
    """Return the batch of the samples ``first .. first + count``."""
    tokens, silent = dataset.read(first, count)
    if config.kind == "causal":
        return causal(tokens, special.eod, document_mask=config.document_mask, silent=silent)
    indices = range(first, first + count)
    if config.kind == "mlm":
        return mlm(tokens[:, :-1], indices, config, special, seed)
    if special.glm is None:
        raise ConfigError("the glm objective needs GLM's special tokens")
    rows = [glm_examples(row[:-1], i, config, special.glm, seed) for i, row in zip(indices, tokens, strict=True)]
    return pack(rows, config, special.pad)


def causal(
    tokens: npt.NDArray[Any], eod: int, *, document_mask: bool = True, silent: npt.NDArray[np.bool_] | None = None
) -> Batch:
    """Next-token prediction over windows ``(rows, length + 1)``.

    ``document_mask``: attention and positions do not cross the end-of-document
    token (which still is a target, and the last token of its document).
    ``silent``: tokens that are no targets (prompts).
    """
    ids = tokens[:, :-1].astype(np.int64)
    targets = tokens[:, 1:].astype(np.int64)
    if silent is not None:
        targets[silent[:, 1:]] = NO_TARGET
    segment, positions = _documents(ids, eod) if document_mask else _whole_rows(ids)
    if document_mask:
        # The end-of-document token cannot know the next document.
        targets[ids == eod] = NO_TARGET
    return Batch(ids, targets, positions, None, segment, np.zeros(ids.shape, np.int32))


def _whole_rows(ids: IntArray) -> tuple[npt.NDArray[np.int32], IntArray]:
    return np.zeros(ids.shape, np.int32), np.broadcast_to(np.arange(ids.shape[1]), ids.shape).copy()


def _documents(ids: IntArray, eod: int) -> tuple[npt.NDArray[np.int32], IntArray]:
    """Return (segment, position in the segment): a segment ends with the end-of-document token."""
    segment = np.zeros(ids.shape, np.int32)
    segment[:, 1:] = np.cumsum(ids[:, :-1] == eod, axis=1)
    positions = np.arange(ids.shape[1]) - segment_starts(segment)
    return segment, positions


def mlm(tokens: npt.NDArray[Any], indices: range, config: ObjectiveConfig, special: SpecialTokens, seed: int) -> Batch:
    """BERT's masked language model: of the chosen tokens 80 % become MASK, 10 % a random token, 10 % stay."""
    if special.mask is None:
        raise ConfigError("the mlm objective needs a mask token")
    ids = tokens.astype(np.int64)
    targets = np.full(ids.shape, NO_TARGET, np.int64)
    segment, positions = _documents(ids, special.eod) if config.document_mask else _whole_rows(ids)
    for row, index in enumerate(indices):
        random = generator(seed, _MLM, index)
        candidates = np.flatnonzero(ids[row] != special.eod)
        chosen = random.permutation(candidates)[: int(config.mask_ratio * candidates.size)]
        targets[row, chosen] = ids[row, chosen]
        fate = random.random(chosen.size)
        ids[row, chosen[fate < 0.8]] = special.mask
        other = chosen[fate >= 0.9]
        ids[row, other] = random.integers(0, special.vocab, other.size)
    ends = np.zeros(ids.shape, np.int32)
    starts = segment_starts(segment)
    for row in range(ids.shape[0]):
        edges = np.append(np.unique(starts[row]), ids.shape[1])
        ends[row] = edges[np.searchsorted(edges, np.arange(ids.shape[1]), side="right")]
    return Batch(ids, targets, positions, None, segment, ends)


def row_width(config: ObjectiveConfig) -> int:
    """Return the fixed width of GLM rows, a multiple of 32.

    A sample has length L + 2 n for n spans; n averages 0.15 L / 3.157. 1.11 L
    + 40 holds every sample that was seen (L = 512: mean 561, largest 576).
    """
    return -(-int(config.samples_per_row * 1.11 * config.length + 40) // 32) * 32


def pack(samples: list[list[GlmExample]], config: ObjectiveConfig, pad: int) -> Batch:
    """Lay GLM examples into rows of ``samples_per_row`` samples; what does not fit (:func:`row_width`) is left out."""
    width = row_width(config)
    rows = len(samples) // config.samples_per_row
    shape = (rows, width)
    ids = np.full(shape, pad, np.int64)
    targets = np.full(shape, NO_TARGET, np.int64)
    positions, block_positions = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    segment, context_end = np.full(shape, PADDING, np.int32), np.zeros(shape, np.int32)
    for row in range(rows):
        at = number = 0
        group = samples[row * config.samples_per_row : (row + 1) * config.samples_per_row]
        for example in (e for sample in group for e in sample):
            end = at + example.ids.size
            if end > width:
                continue
            ids[row, at:end] = example.ids
            targets[row, at:end] = example.targets
            positions[row, at:end] = example.positions
            block_positions[row, at:end] = example.block_positions
            segment[row, at:end] = number
            context_end[row, at:end] = at + example.separator
            at = end
            number += 1
    return Batch(ids, targets, positions, block_positions, segment, context_end)
