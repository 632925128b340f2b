"""The ``quality`` section: which texts are good enough to keep."""

from __future__ import annotations

from pydantic import Field

from corpus.config.section import Section


class ThresholdSettings(Section):
    """Limits that replace those of the profile for one rule; null leaves that side open."""

    min: float | None = Field(None, description="Smallest value that passes.")
    max: float | None = Field(None, description="Largest value that passes.")


class QualitySettings(Section):
    """How text quality is judged. Signals are always measured and stored; the profile only decides."""

    profile: str = Field(
        "web",
        description="web (the default), wudao-2021 (the published WuDao rules), fineweb2-zh (FineWeb-2 cmn_Hani; "
        "needs jieba), or the path of a YAML file of the same form as corpus/quality/profiles/web.yaml.",
    )
    thresholds: dict[str, ThresholdSettings] = Field(
        default_factory=dict,
        description="Limits by rule name that replace those of the profile and of all its overrides.",
    )
    disabled: tuple[str, ...] = Field((), description="Names of rules that decide nothing; their signals stay.")
    word_lists: tuple[str, ...] = Field(
        (),
        description="Files of the user's own words, one a line, UTF-8, # for comments. Distinct words per line are "
        "the signal listed_per_line, dropped above 0.5 (ChineseWebText).",
    )
    max_chars: int = Field(
        200_000,
        ge=1_000,
        description="Longer documents are split at paragraph borders into parts of at most this many characters: a "
        "book or a forum archive is no worse for its length (CT-LLM drops above 10,000).",
    )
    cohesion: str | None = Field(
        None,
        description="Path of a table made by `wudao quality cohesion CORPUS -o TABLE` from a sample of running text: "
        "which characters hardly ever stand side by side. It gives the signal incohesion, by which shuffled words are "
        "dropped; null: the signal is 0 and decides nothing.",
    )
    classifier: str | None = Field(
        None, description="Path of a model made by `wudao quality train`; its probability joins the quality score."
    )
    classifier_weight: float = Field(
        0.5, ge=0, le=1, description="Share of the classifier's probability in the quality score (equal parts)."
    )
    classifier_min: float | None = Field(
        None, ge=0, le=1, description="Documents whose classifier probability is below are dropped; null: none is."
    )
