"""Tables of character classes and flags for the text kernels.

One ``uint16`` per code point of the Basic Multilingual Plane: the low four bits
hold the class, the others are flags. Astral code points are classified by
:func:`corpus.kernels.text_events.astral_entry`.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

SPACE, NEWLINE, HAN, RARE_HAN, KANA, HANGUL, LATIN, LETTER, DIGIT, PUNCTUATION, SYMBOL, BROKEN = range(12)
CLASS_MASK = 15

FUNCTION = 1 << 4  # frequent function character of modern or classical Chinese
ENCLITIC = 1 << 5  # never begins a clause in running text
PROCLITIC = 1 << 6  # hardly ever ends a clause in running text
MOJIBAKE = 1 << 7  # seldom seen outside wrongly decoded text
TERMINAL = 1 << 8  # ends a finished line
LENTICULAR = 1 << 9  # 【】
BULLET = 1 << 10  # begins a list item
BREAK = 1 << 11  # ends a clause
WORD = 1 << 12  # Han, kana, hangul: a unit of its own in n-grams
RUN = 1 << 13  # letter or digit: joins its neighbours to one unit
ELLIPSIS = 1 << 14
SEPARATOR = 1 << 15  # stands between clauses; two in a row are an error

# Structural words of modern and classical Chinese; the traditional forms are added from VARIANTS.
FUNCTION_CHARACTERS = (
    "的一是不了在有和就也都而及与着或我你他她它们这那之其以于为者所个要会可对从被把将让很更最又再还没能吗呢吧么但并且则该应由向至到说"
    "去来给比跟用等后前因如当些每各已才只却即便虽使得地过种件位次第几什怎何谁哪自己此若非无未乎矣焉哉故曰"
)
VARIANTS = dict(
    zip(
        "這們個為爲與於會對從將讓還沒嗎麼當則並該應說來給後過種幾無卻雖誰",
        "这们个为为与于会对从将让还没吗么当则并该应说来给后过种几无却虽谁",
        strict=True,
    )
)
# Begin fewer than 0.4 % of their occurrences a clause, in 14 M characters of prose of thirty sources (chance: 11 %).
ENCLITICS = "的了么麼们們吗嗎些息款式型级級件题題"
# End with fewer than 0.6 % of theirs a clause.
PROCLITICS = "不这這第其没沒很自被或最但并並该該再每各又怎太那共什"
TERMINALS = "。！？…”」』’；：.!?;:｡﹒︒．"
BREAKS = '．。！？…；：，、,.!?;:｡（）()《》〈〉“”「」『』"[]【】〔〕{}|／/—～~·•\t'
SEPARATORS = "，。．、；：,;｡"
BULLETS = "•·●○■□▪▫◆◇★☆※►▶➤→-*+–—‣⁃"
# Written Cantonese; neither GB 2312 nor Big5 level 1 has them.
CANTONESE = (
    "嘅咁哋喺咗嚟嗰冇啲唔佢乜嘢咩喎啩㗎噃嘥攞揾搵瞓諗睇俾畀餸嗮晒咪嘞囉呃噉囖誒嚹啫啱靚吔裏舖黐唓噏慳揦焗"
    "拃嫲戇鑊掹唥摷噚攰㷫踎燶漚掯冧喼㧬擝奀啋嘜掅劏嗱嘈嚿嘟嗌孭揸揼撳搣掟冚嬲曱甴脷腍"
)
# What UTF-8 read as GBK yields for the commonest characters and marks; hardly any is a word of modern Chinese.
MOJIBAKE_CHARACTERS = "锟鐨銆锛鈥涓鍦鏄浠鎴鍙鏈浜鏃鍒鍜鍚鍥鎵鏉綘璁閫缁鎬鐢鍏鍔鐜"


@cache
def classes() -> NDArray[np.uint16]:
    """Return the table of 65,536 entries: class in the low four bits, flags above.

    A Han character counts as common where GB 2312 or the first level of Big5
    (A440-C67E) has it, read from Python's own codecs; all others are rare.
    """
    table = np.zeros(65536, dtype=np.uint16)
    for code in range(65536):
        table[code] = _class_of(code)
    for characters, flag in (
        (FUNCTION_CHARACTERS + "".join(VARIANTS), FUNCTION),
        (ENCLITICS, ENCLITIC),
        (PROCLITICS, PROCLITIC),
        (MOJIBAKE_CHARACTERS, MOJIBAKE),
        (TERMINALS, TERMINAL),
        (BREAKS, BREAK),
        ("【】", LENTICULAR),
        (BULLETS, BULLET),
        ("…", ELLIPSIS),
        (SEPARATORS, SEPARATOR),
    ):
        for character in characters:
            table[ord(character)] |= flag
    kind = table & CLASS_MASK
    table[np.isin(kind, (HAN, RARE_HAN, KANA, HANGUL))] |= WORD
    table[np.isin(kind, (LATIN, LETTER, DIGIT))] |= RUN
    # C1 controls and Latin-1 letters appear in runs where UTF-8 or GBK was read as Latin-1 or Windows-1252.
    table[0x80:0xA0] |= MOJIBAKE
    table[0xFFFD] |= MOJIBAKE
    table.setflags(write=False)
    return table


@cache
def unlikely_pairs() -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return (index, matrix): ``matrix[index[a], index[b]]`` says that ``b`` never follows ``a`` in a sentence.

    ``index`` has 65,536 entries and is 0 for all but function characters; traditional
    forms share the number of the simplified one. Row and column 0 are False.
    """
    index = np.zeros(65536, dtype=np.uint8)
    for number, character in enumerate(FUNCTION_CHARACTERS, start=1):
        index[ord(character)] = number
    for variant, character in VARIANTS.items():
        index[ord(variant)] = index[ord(character)]
    size = len(FUNCTION_CHARACTERS) + 1
    matrix = np.zeros((size, size), dtype=np.bool_)
    text = files("corpus.kernels").joinpath("unlikely_pairs.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            first, followers = line.split("\t")
            for follower in followers:
                matrix[index[ord(first)], index[ord(follower)]] = True
    index.setflags(write=False)
    matrix.setflags(write=False)
    return index, matrix


def _class_of(code: int) -> int:
    if code in (0x0A, 0x0D, 0x2028, 0x2029, 0x85):
        return NEWLINE
    if 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0xF900 <= code <= 0xFAFF or code in (0x3005, 0x3007):
        return HAN if _is_common(code) else RARE_HAN
    if (0x3041 <= code <= 0x30FF and code != 0x30FB) or 0x31F0 <= code <= 0x31FF or 0xFF66 <= code <= 0xFF9D:
        return KANA
    if 0xAC00 <= code <= 0xD7A3 or 0x1100 <= code <= 0x11FF or 0x3130 <= code <= 0x318F:
        return HANGUL
    category = unicodedata.category(chr(code))
    if category[0] == "Z" or code in (0x09, 0x0B, 0x0C, 0x200B, 0xFEFF):
        return SPACE
    if category in ("Cc", "Cn", "Cs") or code == 0xFFFD:
        return BROKEN
    if category[0] == "L" or category[0] == "M":
        latin = code < 0x250 or 0xFF21 <= code <= 0xFF5A or 0x1E00 <= code <= 0x1EFF
        return LATIN if latin else LETTER
    if category == "Nd":
        return DIGIT
    return PUNCTUATION if category[0] == "P" else SYMBOL  # private use too: emoticons of forums and messengers


def _is_common(code: int) -> bool:
    character = chr(code)
    if code in (0x3005, 0x3007) or character in CANTONESE:
        return True
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        pass
    else:
        return True
    try:
        return b"\xa4\x40" <= character.encode("big5") <= b"\xc6\x7e"
    except UnicodeEncodeError:
        return False
