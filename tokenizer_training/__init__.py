"""Tokenizers for CPM and GLM: trained once from a sample of the corpus, then an artifact with a hash.

artifact = train("glm", texts, Path("tok"), TokenizerSettings())
tokenizer = load(Path("tok"))
ids = tokenizer.encode_batch(texts)   # large_list<uint16>, end-of-document id last
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizer_training.artifact import Artifact

if TYPE_CHECKING:
    from corpus.config.tokenizer import TokenizerSettings
    from tokenizer_training.tokenizer import Tokenizer

KINDS = ("cpm", "glm", "bpe")

__all__ = ["KINDS", "Artifact", "load", "train"]


def train(kind: str, texts: Iterator[str], out: Path, settings: TokenizerSettings) -> Artifact:
    """Train a tokenizer of ``kind`` on ``texts`` and write it into the folder ``out``.

    The model is a function of the texts, their order and the settings. Raises
    ``ValueError`` for an unknown kind or a sample without text,
    ``ModuleNotFoundError`` where the kind's library is missing.
    """
    from tokenizer_training import artifact, huggingface

    if kind == "bpe":
        from tokenizer_training import byte_bpe

        messages = byte_bpe.train(texts, out, settings)
    elif kind in KINDS:
        from tokenizer_training import sentencepiece_training

        messages = sentencepiece_training.train(kind, texts, out, settings)
    else:
        raise ValueError(f"unknown tokenizer kind {kind!r}; there are {', '.join(KINDS)}")
    huggingface.write_files(out)
    meta = artifact.read_meta(out)
    return Artifact(out, artifact.hash_files(out, meta), meta, messages)


def load(folder: Path | str) -> Tokenizer:
    """Load the tokenizer artifact in ``folder``.

    Raises ``FileNotFoundError`` or ``ValueError`` with one sentence where it is none.
    """
    from tokenizer_training import artifact
    from tokenizer_training.tokenizer import ByteBpeTokenizer, SentencePieceTokenizer

    folder = Path(folder)
    kind = artifact.read_meta(folder)["kind"]
    tokenizer = ByteBpeTokenizer(folder) if kind == "bpe" else SentencePieceTokenizer(folder)
    tokenizer.load()
    return tokenizer
