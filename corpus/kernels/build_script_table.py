"""Builds ``script_table.npz``: what each Han character says about language and script.

    python -m corpus.kernels.build_script_table

Sources: OpenCC's own dictionaries (a character that s2t changes is simplified,
one that t2s changes is traditional; t2jp and jp2t tell old and new Japanese forms),
the character sets of Python's codecs (GB 2312, Big5, JIS X 0208), and
``script_markers.txt``.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpus.kernels import script

HERE = Path(__file__).parent
# Kanji made in Japan that OpenCC, a converter of variants, does not know.
KOKUJI = "込働畑峠辻枠凪匂喰噺塀搾栃榊樫笹籾腺膵躾鰯鱈"

# Kana that Chinese comments draw faces with: (ﾉ*>∀<)ﾉ ヾ(^▽^)ノ ¯\\_(ツ)_/¯. Japanese text has plenty of others.
FACES = "ノヾヽツﾉ"


def in_charset(character: str, codec: str) -> bool:
    """Return whether ``codec`` can encode ``character``."""
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def letter_class(code: int) -> int:
    """Return the class of a code point: one of the ``script`` module's letter classes."""
    if any(first <= code <= last for first, last in script.HAN_RANGES):
        return script.HAN
    if (0x3041 <= code <= 0x30FF and code not in (0x30FB, 0x30FC, 0x30A0)) or 0x31F0 <= code <= 0x31FF:
        return script.KANA
    if 0xFF66 <= code <= 0xFF9D and code != 0xFF70:
        return script.KANA
    if 0xAC00 <= code <= 0xD7A3 or 0x1100 <= code <= 0x11FF or 0x3131 <= code <= 0x318E:
        return script.HANGUL
    if code >= 0x20000 or not unicodedata.category(chr(code)).startswith("L"):
        return script.CODE_SYMBOL if code < 0x80 and chr(code) in script.CODE_SYMBOLS else script.OTHER
    if code < 0x250 or 0x1E00 <= code <= 0x1EFF or 0xFF21 <= code <= 0xFF5A:
        return script.LATIN
    return script.LETTER


def table() -> npt.NDArray[np.uint16]:
    """Return the entry of every code point below ``script.TABLE_SIZE``: class and flags."""
    from opencc import OpenCC

    to_traditional, to_simplified = OpenCC("s2t"), OpenCC("t2s")
    to_japanese, from_japanese = OpenCC("t2jp"), OpenCC("jp2t")
    entries = np.zeros(script.TABLE_SIZE, dtype=np.uint16)
    for code in range(script.TABLE_SIZE):
        if 0xD800 <= code <= 0xDFFF:
            continue
        entry = letter_class(code)
        if entry == script.HAN:
            character = chr(code)
            simplified = to_traditional.convert(character) != character
            traditional = to_simplified.convert(character) != character
            new_form = from_japanese.convert(character) != character
            old_form = to_japanese.convert(character) != character
            common_in_big5 = in_charset(character, "big5") and character.encode("big5") < b"\xc9\x40"  # level 1
            in_jis = in_charset(character, "shift_jis")
            entry |= (
                script.SIMPLIFIED * simplified | script.TRADITIONAL * traditional | script.NOT_JAPANESE * (not in_jis)
            )
            if in_jis and not common_in_big5:
                if character in KOKUJI or (new_form and not in_charset(character, "gb2312")):
                    entry |= script.JAPANESE
                elif new_form and simplified:
                    entry |= script.NEW_FORM
            if in_jis and old_form:
                entry |= script.OLD_FORM
            elif in_jis and traditional:
                entry |= script.KEPT_FORM
        entries[code] = entry
    flags = {
        "modern": script.MODERN,
        "classical": script.CLASSICAL,
        "cantonese": script.CANTONESE,
        "function": script.FUNCTION,
        "formal": script.FORMAL,
        "mandarin": script.MANDARIN,
    }
    for line in (HERE / "script_markers.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            flag = flags[line.strip("[]")]
        elif line and not line.startswith("#"):
            entries[[ord(character) for character in line]] |= flag
    return entries


def main() -> None:
    """Write ``script_table.npz`` beside this module."""
    np.savez_compressed(HERE / "script_table.npz", entries=table())


if __name__ == "__main__":
    main()
