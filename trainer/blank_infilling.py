"""GLM's autoregressive blank infilling (Du et al. 2022), as THUDM/GLM builds it for the Chinese models.

Part A is the text with each span replaced by one mask token; part B is the
spans, shuffled, each behind ``sop``. A position of part B has the position of
its mask in part A and a second one that counts within the span.

Differences from the reference, all for samples that do not depend on their
batch: the bounds of a generated part come from the sample itself, not from
the shortest and longest of a micro-batch; a draw of spans that cannot be
placed is repeated, not dropped; ``[CLS]`` inside a window of several documents
is never part of a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.config import ObjectiveConfig
from trainer.randomness import generator
from trainer.spans import Span, span_lengths, spans_in_documents

NO_TARGET = -100
_MODE, _SAMPLE = 1, 2  # purposes of generators
_ATTEMPTS = 16  # draws of spans before a sample is given up (it then bears no loss)

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GlmTokens:
    """GLM's special ids. ``eod`` is EOS, which ends documents."""

    cls: int
    mask: int
    smask: int
    gmask: int
    sop: int
    eop: int
    eod: int
    dblock: int
    sentence_ends: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class GlmExample:
    """Part A and part B of one text; ``separator`` is the length of part A."""

    ids: IntArray
    targets: IntArray
    positions: IntArray
    block_positions: IntArray
    separator: int


def make_text(window: npt.NDArray[Any], length: int, tokens: GlmTokens) -> IntArray:
    """Return ``[CLS] document [EOS]`` (several, where documents end in the window), at most ``length`` tokens."""
    parts: list[npt.NDArray[Any]] = []
    start = 0
    for end in [*(np.flatnonzero(window == tokens.eod) + 1).tolist(), window.size]:
        document = window[start:end]
        if document.size > 1 or (document.size == 1 and document[0] != tokens.eod):
            parts += [np.array([tokens.cls]), document]
        start = end
    text = np.concatenate([*parts, np.empty(0, np.int64)]).astype(np.int64)
    if text.size == 0 or text[-1] != tokens.eod:
        text = np.append(text, tokens.eod)
    if text.size > length:
        text = np.append(text[: length - 1], tokens.eod)
        if text[-2] == tokens.cls:  # a document that would be empty
            text = np.append(text[:-2], tokens.eod) if text[-3] != tokens.eod else text[:-2]
    return text


def glm_examples(
    window: npt.NDArray[Any], index: int, config: ObjectiveConfig, tokens: GlmTokens, seed: int
) -> list[GlmExample]:
    """Return the examples of sample ``index``: one, or several short ones.

    The mode, and whether texts are cut short, are drawn once for
    ``config.mode_group`` consecutive samples.
    """
    group = generator(seed, _MODE, index // config.mode_group)
    short = group.random() < config.short_share
    mode = group.random()
    random = generator(seed, _SAMPLE, index)
    text = make_text(window, config.length, tokens)
    if short:
        target = int(group.integers(32, config.length - 1)) if config.length > 34 else config.length - 2
        texts = cut_short(text, target, config.length, tokens, random)
    else:
        texts = [text]
    examples = []
    for one in texts:
        if mode < config.token_share:
            example = token_mode(one, config, tokens, random)
        elif mode < config.token_share + config.sentence_share:
            example = sentence_mode(one, config, tokens, random)
        else:
            example = document_mode(one, config, tokens, random)
        if example is not None:
            examples.append(example)
    return examples


def cut_short(
    text: IntArray, target: int, length: int, tokens: GlmTokens, random: np.random.Generator
) -> list[IntArray]:
    """Return the text cut to pieces of about ``target`` tokens that begin and end with sentences where they can."""
    body = text[1:]
    ends = tokens.sentence_ends
    result = []
    for _ in range((length - 1) // target):
        piece = body
        if target < body.size:
            start = int(random.integers(0, body.size - target))
            while start > 0 and (
                body[start] == tokens.eod or not (int(body[start - 1]) in ends or body[start - 1] == tokens.eod)
            ):
                start -= 1
            stop = start + target
            while stop > start and not (int(body[stop - 1]) in ends or body[stop - 1] == tokens.eod):
                stop -= 1
            if stop - start < target // 2:
                stop = start + target
            piece = body[start:stop]
        result.append(np.concatenate([[tokens.cls], piece]))
    return result


def build_blocks(
    text: IntArray,
    spans: list[Span],
    order: list[int],
    mask: int,
    tokens: GlmTokens,
    noise: npt.NDArray[np.bool_] | None,
) -> GlmExample:
    """Return the example with ``spans`` (ascending, disjoint) blanked and laid into part B in ``order``.

    ``noise`` marks tokens of the text that part B's input shows as dBLOCK; the
    targets are the true ones. Position ids number the corrupted text: a mask
    has one position, whatever its span's length.
    """
    running = np.ones(text.size, np.int64)
    for start, end in spans:
        running[start + 1 : end] = 0
    running = np.cumsum(running) - 1
    ids: list[Any] = []
    positions: list[Any] = []
    last = 0
    for start, end in spans:
        ids += [text[last:start], [mask]]
        positions += [running[last:start], [running[start]]]
        last = end
    ids.append(text[last:])
    positions.append(running[last:])
    separator = sum(len(part) for part in ids)
    targets: list[Any] = [np.full(separator, NO_TARGET)]
    blocks: list[Any] = [np.zeros(separator, np.int64)]
    for i in order:
        start, end = spans[i]
        shown = text[start:end]
        if noise is not None:
            shown = np.where(noise[start:end], tokens.dblock, shown)
        ids += [[tokens.sop], shown]
        targets += [text[start:end], [tokens.eop]]
        positions.append(np.full(end - start + 1, running[start]))
        blocks.append(np.arange(1, end - start + 2))
    a, b, c, d = (np.concatenate(part).astype(np.int64) for part in (ids, targets, positions, blocks))
    return GlmExample(a, b, c, d, separator)


def build_prefix(text: IntArray, division: int, tokens: GlmTokens) -> GlmExample:
    """Return the example that continues ``text[:division]``; its target ends with the text's own EOS."""
    source, target = text[:division], text[division:]
    separator = division + 1
    return GlmExample(
        np.concatenate([source, [tokens.gmask, tokens.sop], target[:-1]]),
        np.concatenate([np.full(separator, NO_TARGET), target]),
        np.concatenate([np.arange(separator), np.full(target.size, division)]),
        np.concatenate([np.zeros(separator, np.int64), np.arange(1, target.size + 1)]),
        separator,
    )


def token_mode(
    text: IntArray, config: ObjectiveConfig, tokens: GlmTokens, random: np.random.Generator
) -> GlmExample | None:
    """[MASK]: short spans, Poisson lengths, ``mask_ratio`` of the text."""
    for _ in range(_ATTEMPTS):
        lengths = span_lengths(int(config.mask_ratio * text.size), config.span_mean, random)
        random.shuffle(lengths)
        spans = spans_in_documents(text, lengths, config.mask_ratio, tokens.eod, tokens.cls, random)
        if spans:
            spans.sort()
            order = random.permutation(len(spans)).tolist()
            noise = random.random(text.size) < config.block_mask_prob if config.block_mask_prob > 0 else None
            return build_blocks(text, spans, order, tokens.mask, tokens, noise)
    return None


def sentence_mode(
    text: IntArray, config: ObjectiveConfig, tokens: GlmTokens, random: np.random.Generator
) -> GlmExample | None:
    """[sMASK]: whole sentences in random order until ``mask_ratio`` of the text is masked."""
    sentences: list[Span] = []
    start = 1
    for i, token in enumerate(text.tolist()):
        if token == tokens.eod or token == tokens.cls:
            start = i + 1
        elif token in tokens.sentence_ends:
            sentences.append((start, i + 1))
            start = i + 1
    if start < text.size:  # a piece without [EOS]
        sentences.append((start, text.size))
    if not sentences:
        return None
    chosen: list[Span] = []
    masked = 0
    for i in random.permutation(len(sentences)).tolist():
        chosen.append(sentences[i])
        masked += sentences[i][1] - sentences[i][0]
        if masked >= int(config.mask_ratio * text.size):
            break
    chosen.sort()
    return build_blocks(text, chosen, random.permutation(len(chosen)).tolist(), tokens.smask, tokens, None)


def document_mode(
    text: IntArray, config: ObjectiveConfig, tokens: GlmTokens, random: np.random.Generator
) -> GlmExample | None:
    """[gMASK]: one long part, the end of the text or anywhere in it."""
    if text.size < 4:
        return None
    length = int(random.integers(int(config.generation_min_ratio * text.size), text.size - 2 + 1))
    length = max(length, 1)
    first_end = np.flatnonzero(text == tokens.eod)
    several = first_end.size > 0 and int(first_end[0]) != text.size - 1
    if several or random.random() < config.infill_prob:
        return build_prefix(text, text.size - length, tokens)
    spans = spans_in_documents(text, [length], config.mask_ratio, tokens.eod, tokens.cls, random)
    return build_blocks(text, spans, [0], tokens.gmask, tokens, None) if spans else None
