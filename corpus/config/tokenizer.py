"""Configuration of tokenizer training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from corpus.config.section import Section

TokenizerKind = Literal["cpm", "glm", "bpe"]


class TokenizerSettings(Section):
    """How a tokenizer is trained from a sample of the corpus."""

    kind: TokenizerKind = Field(
        "glm",
        description="cpm: jieba words, then SentencePiece (CPM-1); glm: SentencePiece with GLM's special tokens; "
        "bpe: byte-level BPE (GPT-2).",
    )
    vocabulary_size: int | None = Field(
        None,
        ge=300,
        le=1_000_000,
        description="Learned pieces. Default by kind: 30000 for cpm (CPM-1), 50000 for glm (cog-pretrain), 50257 for "
        "bpe (GPT-2). A small sample lowers it, see minimum_characters_per_piece.",
    )
    minimum_characters_per_piece: int = Field(
        20,
        ge=1,
        description="The vocabulary never exceeds sample characters / this: a piece that occurs a handful of times "
        "gets no trained embedding. Own choice; 30000 pieces need 600,000 characters.",
    )
    sample_bytes: int = Field(
        32_000_000,
        ge=1,
        description="UTF-8 bytes of text to train on. SentencePiece unigram takes about 5 s per MB (measured: "
        "16k pieces on 7.9 MB in 37 s); beyond some ten MB the pieces hardly change.",
    )
    domain_weights: dict[str, float] = Field(
        default_factory=dict,
        description="Weight of a domain in the sample relative to its size in the corpus; 1.0 where not named. "
        "The name 'none' means documents without a domain.",
    )
    character_coverage: float = Field(
        0.9995,
        gt=0.9,
        le=1.0,
        description="Share of the sample's characters that get a piece of their own (SentencePiece's advice for "
        "Chinese); the rest is encoded as UTF-8 bytes.",
    )
    seed: int = Field(0, ge=0, description="Seed of the sample: another seed draws other documents.")
