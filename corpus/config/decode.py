"""Configuration of the decode step."""

from __future__ import annotations

from pydantic import Field

from corpus.config.section import Section


class DecodeSettings(Section):
    """How payloads become text."""

    max_bytes: int = Field(
        64 << 20,
        ge=1,
        description="Bytes that one payload may decompress to; above, it is quarantined. Pages of Common Crawl"
        " are cut at 1 MiB (since 2025: 5 MiB); 64 MiB leaves room for crawls without a limit.",
    )
    max_expansion: int = Field(
        200,
        ge=1,
        description="Times its stored size that a payload may decompress to. Deflate reaches 1032 at most; pages of"
        " repeated rows reach about 50.",
    )
    expansion_floor: int = Field(
        8 << 20, ge=1, description="Bytes that any payload may decompress to, however small it is stored."
    )
    error_share: float = Field(
        0.02,
        ge=0,
        le=0.5,
        description="Broken bytes per character beyond ASCII up to which a charset still counts as right: one bad"
        " character in a template repeats with its rows, a wrong charset breaks one in five.",
    )
    statistics_bytes: int = Field(
        1 << 13,
        ge=64,
        description="Bytes of a payload, from the first that is not ASCII on, that the charset statistics read.",
    )
