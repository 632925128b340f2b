"""Configuration of the normalise step."""

from __future__ import annotations

from pydantic import Field

from corpus.config.section import Section


class NormaliseSettings(Section):
    """How text is brought into one form. Punctuation is never rewritten, traditional script is kept."""

    entities: bool = Field(
        True,
        description="Decode character references that extraction left in the text (&nbsp;, or &amp; escaped twice).",
    )
    han_spaces: bool = Field(
        True,
        description="Remove spaces between two Chinese characters or Chinese punctuation marks (WuDao's rule on"
        " superfluous spaces); spaces next to Latin letters or digits are kept.",
    )
    indentation: bool = Field(
        True,
        description="Keep the indentation by spaces and tabs of lines that begin with an ASCII character, that is of"
        " code; the indentation of other lines is removed.",
    )
    blank_lines: int = Field(1, ge=0, description="Blank lines that a run of blank lines becomes.")
