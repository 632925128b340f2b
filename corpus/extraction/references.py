"""Character references of HTML, also hostile ones."""

from __future__ import annotations

import html
import re
from typing import Final

# Longer than any that names a character without leading zeros; Python's int refuses those of 4,300 digits.
_LONG: Final = re.compile(r"&#(?:([0-9]{8,})|[xX]([0-9a-fA-F]{7,}));?")


def unescape(text: str) -> str:
    """Return ``text`` with its character references replaced, U+FFFD for what names no character (HTML, 13.2.5.80)."""
    return html.unescape(_LONG.sub(_shortened, text)) if "&" in text else text


def _shortened(match: re.Match[str]) -> str:
    digits = (match[1] or match[2]).lstrip("0") or "0"
    if len(digits) > 7:  # U+10FFFF is 1114111
        return "\ufffd"
    return f"&#{digits};" if match[1] else f"&#x{digits};"
