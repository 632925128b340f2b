"""Settings of the label step."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from corpus.config.section import Section


class LabelSettings(Section):
    """How documents get domains and a source type."""

    domains: tuple[str, ...] = Field(
        (
            "medical",
            "legal",
            "finance",
            "technology",
            "education",
            "sports",
            "entertainment",
            "automobile",
            "real_estate",
            "military",
            "agriculture",
            "travel",
            "food",
            "history_culture",
            "science",
        ),
        description="Domains to label, each with a shipped lexicon (corpus/labels/lexicons) or one of `lexicons`.",
    )
    lexicons: dict[str, str] = Field(
        default_factory=dict,
        description="Domain -> file of term<TAB>weight lines: a new domain, or another lexicon for a shipped one.",
    )
    calibration: str | None = Field(
        None, description="File of calibration constants (`wudao labels calibrate` writes it); null: those shipped."
    )
    min_score: float = Field(
        0.4,
        ge=0,
        le=1,
        description="Calibrated probability from which a domain is given. F1 of calibrated scores is highest near "
        "half the F1 reached (Lipton et al. 2014, arXiv:1402.1892); 0.4 measured in benchmarks/labels.py.",
    )
    min_scores: dict[str, float] = Field(
        default_factory=dict, description="Domain -> its own minimum, where it differs from `min_score`."
    )
    min_distinct: int = Field(
        1,
        ge=1,
        description="Different lexicon terms that a domain needs (ChineseWebText 2 asks for 3 to 5 of raw keywords).",
    )
    title_weight: int = Field(3, ge=0, description="How often a hit in the title counts. Source: set by hand.")
    domain_model: str | None = Field(
        None, description="Folder of a trained domain labeller (`wudao labels bootstrap|train`); null: lexicons alone."
    )
    source_type_min_score: float = Field(
        0.4,
        ge=0,
        le=1,
        description="Probability below which the source type stays null; 0.4 answers most bare text.",
    )
    given_labels: Literal["ignore", "add", "override"] = Field(
        "ignore",
        description="Labels given by the source (WuDao dataType): ignored, added with score 1, or decisive (override).",
    )
    given_label_table: str | None = Field(
        None, description="File of label<TAB>domain<TAB>source type lines (- for none); null: the one shipped."
    )
