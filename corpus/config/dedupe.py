"""Configuration of duplicate detection: hash form, signatures, bands, verification."""

from __future__ import annotations

from pydantic import Field, model_validator

from corpus.config.section import Section


class DedupeSettings(Section):
    """Section ``dedupe`` of ``corpus.yaml``."""

    shingle: int = Field(
        default=5,
        ge=2,
        le=32,
        description="Characters of the hash form in a shingle; chosen on the near-duplicate sets "
        "(docs/decisions/shingle-length.md).",
    )
    permutations: int = Field(
        default=112,
        ge=16,
        le=512,
        description="MinHash permutations that the bands may use; 112 as in FineWeb (arXiv 2406.17557, 14 bands of 8).",
    )
    threshold: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="Jaccard similarity of two hash forms' shingle sets from which they count as near-duplicates; "
        "0.8 as in Lee et al. 2022 (arXiv 2107.06499).",
    )
    miss_weight: float = Field(
        default=0.98,
        gt=0,
        lt=1,
        description="Weight of missed pairs against false candidates in the choice of bands and rows (datasketch's "
        "search). High, because false candidates are verified and missed ones are lost: 16 bands of 7 at 0.8.",
    )
    min_shingles: int = Field(
        default=64,
        ge=1,
        description="Texts with fewer shingles are compared exactly only: below some 70 characters the paraphrase "
        "sets (LCQMC, BQ, PAWS-X) hold pairs that differ in one word and in meaning "
        "(docs/decisions/near-duplicates.md).",
    )
    sketch_bins: int = Field(
        default=1024,
        ge=64,
        le=65536,
        description="Bins of the verification sketch, a power of two; 2 bits each. The standard error at 0.8 is about "
        "0.016 for long texts and falls to 0 for texts with few shingles.",
    )
    leaders: int = Field(
        default=32,
        ge=1,
        description="Keepers of one component that each of its members is compared with before only verified "
        "pairs decide (docs/decisions/near-duplicates.md).",
    )
    residual_edges: int = Field(
        default=50_000_000,
        ge=0,
        description="Verified pairs up to which components are found by union-find in one process (24 bytes each); "
        "above, the engine contracts the graph first.",
    )
    seed: int = Field(default=1, ge=0, description="Seed of the hash functions; another seed makes another index.")

    @model_validator(mode="after")
    def _bins_are_a_power_of_two(self) -> DedupeSettings:
        if self.sketch_bins & (self.sketch_bins - 1):
            raise ValueError(f"sketch_bins must be a power of two, not {self.sketch_bins}")
        return self
