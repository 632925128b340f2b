"""Training of the byte-level BPE tokenizer ``bpe`` (GPT-2), by the ``tokenizers`` library."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corpus.config.tokenizer import TokenizerSettings
from tokenizer_training import artifact
from tokenizer_training.sentencepiece_training import sentences

DEFAULT_VOCABULARY = 50_257  # GPT-2
END_OF_TEXT = "<|endoftext|>"


def train(texts: Iterator[str], out: Path, settings: TokenizerSettings) -> list[str]:
    """Train on ``texts``, write ``tokenizer.json`` and ``meta.json`` into ``out``, return messages for a person.

    Raises:
        ValueError: the sample holds no text.
        ModuleNotFoundError: ``tokenizers`` is not installed.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # one thread: merges must not depend on scheduling
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers, trainers

    characters = 0

    def counted() -> Iterator[str]:
        nonlocal characters
        for sentence in sentences(texts):
            characters += len(sentence)
            yield sentence

    sample = list(counted())
    if not "".join(sample).strip():
        raise ValueError("the tokenizer's training sample holds no text: nothing can be learnt from it")
    wanted = settings.vocabulary_size or DEFAULT_VOCABULARY
    size = max(min(wanted, characters // settings.minimum_characters_per_piece), 257)
    fast = tokenizers.Tokenizer(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    fast.train_from_iterator(
        sample,
        trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=[END_OF_TEXT],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / artifact.BPE_FILE).write_text(fast.to_str(), encoding="utf-8")
    vocab = fast.get_vocab_size()
    meta: dict[str, Any] = {
        "format_version": artifact.FORMAT_VERSION,
        "name": f"bpe-{vocab}",
        "kind": "bpe",
        "model": artifact.BPE_FILE,
        "pieces": vocab,
        "vocab_size": vocab,
        "padded_vocab_size": artifact.padded(vocab),
        "special_ids": {"eod": fast.token_to_id(END_OF_TEXT), "pad": fast.token_to_id(END_OF_TEXT)},
        "newline": "\n",
        "newline_policy": "\\n is a byte like every other",
        "losses": [],
    }
    artifact.write_meta(out, meta)
    if vocab < wanted:
        return [
            f"tokenizer bpe: {vocab} pieces instead of {wanted}, since the sample has only {characters} characters "
            f"(tokenizer.minimum_characters_per_piece = {settings.minimum_characters_per_piece})"
        ]
    return []
