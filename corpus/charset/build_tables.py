"""Builds ``costs.npz``: what each character of each candidate charset costs, in sixteenths of a bit.

    python -m corpus.charset.build_tables

The statistics of the cascade are unigram models of Chinese (simplified and
traditional), Japanese, Korean and texts in alphabets, laid over the
code tables of Python's own codecs. The characters in ``common_characters.txt``
share a language's mass by Zipf-Mandelbrot rank, ``1 / (rank + 8) ** 1.15``,
which gives 的 its known 4 % and rank 500 about 0.035 %; the rest of the mass is
spread evenly over the frequent levels of the national standard (GB 2312 and
Big5 level 1, JIS level 1, KS X 1001) and a residue over all else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpus.kernels.encoding import LAYOUT_ALPHABET, LAYOUT_EUC_JP, LAYOUT_GB18030, LAYOUT_LATIN, LAYOUT_PAIRS

HERE = Path(__file__).parent
UNITS_PER_BIT = 16
ASCII_BITS = 5.0
PRIVATE_BITS = 26.0  # private use: assigned by gb18030 and cp932 to every empty slot, hardly ever meant
ERROR_BITS = 20.0
RESIDUE_BITS = 24.0
PUNCTUATION = "，。、；：？！“”‘’（）《》〈〉【】「」『』…—·～　〔〕－．％"
SYMBOLS = "─━│┃┌┐└┘├┤┬┴┼═║╔╗╚╝○●◎◇◆□■△▲▽▼☆★※→←↑↓①②③④⑤⑥⑦⑧⑨⑩０１２３４５６７８９℃×÷±／＋＝＊＃"
# gb18030 carries traditional text too, at this penalty: a GBK page in traditional script must not turn into Big5.
OTHER_SCRIPT_BITS = 3.0

# In order of preference among equals.
MULTIBYTE = ("gb18030", "big5hkscs", "cp932", "cp949", "euc_jp", "johab")
LATIN = ("cp1252", "cp1250", "iso8859_2", "cp1254")
ALPHABETS = {
    "russian": ("cp1251", "koi8_r", "iso8859_5", "cp866", "mac_cyrillic", "cp855"),
    "greek": ("cp1253", "iso8859_7"),
    "hebrew": ("cp1255",),
    "arabic": ("cp1256",),
    "thai": ("cp874",),
}
CODECS = (*MULTIBYTE, *LATIN, *(codec for codecs in ALPHABETS.values() for codec in codecs))

Model = dict[str, float]


def read_lists() -> dict[str, str]:
    """Return section name -> characters by rank, without repetitions."""
    lists: dict[str, list[str]] = {}
    for line in (HERE / "common_characters.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            current = lists.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            current.extend(line)
    return {name: "".join(dict.fromkeys(characters)) for name, characters in lists.items()}


def ranked(characters: str, mass: float) -> Model:
    """Return bits per character when ``characters`` share ``mass`` by rank."""
    weights = [1.0 / (rank + 8.0) ** 1.15 for rank in range(1, len(characters) + 1)]
    total = sum(weights)
    return {character: -math.log2(mass * weight / total) for character, weight in zip(characters, weights, strict=True)}


def even(characters: Iterable[str], mass: float) -> Model:
    """Return bits per character when ``characters`` share ``mass`` evenly."""
    members = list(dict.fromkeys(characters))
    bits = math.log2(len(members) / mass)
    return dict.fromkeys(members, bits)


def pairs(codec: str, leads: range, trails: range = range(0xA1, 0xFF)) -> list[str]:
    """Return the characters of ``codec`` with the given lead and trail bytes."""
    found = []
    for lead in leads:
        for trail in trails:
            try:
                character = bytes((lead, trail)).decode(codec)
            except UnicodeDecodeError:
                continue
            if len(character) == 1:
                found.append(character)
    return found


def layered(*models: Model) -> Model:
    """Return the union; where a character is in several models the cheapest counts."""
    union: Model = {}
    for model in models:
        for character, bits in model.items():
            union[character] = min(bits, union.get(character, bits))
    return union


def chinese(common: str, frequent: list[str], rare: list[str]) -> Model:
    """Return a model of Chinese prose from its common characters and the two levels of its standard."""
    return layered(
        ranked(common, 0.72),
        even(PUNCTUATION, 0.10),
        even(SYMBOLS, 0.02),
        even(frequent, 0.15),
        even(rare, 0.004),
        even(KANA, 0.001),
    )


KANA = [chr(code) for code in (*range(0x3041, 0x3094), *range(0x30A1, 0x30F7), 0x30FC)]


def language_models() -> dict[str, Model]:
    """Return codec -> bits per character."""
    from opencc import OpenCC

    lists = read_lists()
    to_traditional = OpenCC("s2t")
    hant = "".join(dict.fromkeys(to_traditional.convert(character)[:1] for character in lists["hans"]))
    hans_model = chinese(lists["hans"], pairs("gb2312", range(0xB0, 0xD8)), pairs("gb2312", range(0xD8, 0xF8)))
    big5_trails = range(0x40, 0xFF)
    hant_model = layered(
        chinese(hant, pairs("big5", range(0xA4, 0xC7), big5_trails), pairs("big5", range(0xC9, 0xFA), big5_trails)),
        even(lists["yue"], 0.004),
    )
    both = layered(hans_model, {character: bits + OTHER_SCRIPT_BITS for character, bits in hant_model.items()})
    hiragana, katakana = (part for part in _split_kana(lists["ja-kana"]))
    japanese = layered(
        ranked(hiragana, 0.42),
        ranked(katakana, 0.12),
        ranked(lists["ja"], 0.34),
        even(PUNCTUATION + "ー", 0.09),
        even(SYMBOLS, 0.01),
        even(pairs("euc_jp", range(0xB0, 0xD0)), 0.018),
        even(pairs("euc_jp", range(0xD0, 0xF5)), 0.001),
        even([chr(code) for code in range(0xFF61, 0xFFA0)], 0.004),
    )
    korean = layered(
        ranked(lists["ko"], 0.84),
        even(PUNCTUATION, 0.03),
        even(SYMBOLS, 0.01),
        even(pairs("euc_kr", range(0xB0, 0xC9)), 0.12),
        even(pairs("euc_kr", range(0xCA, 0xFE)), 0.008),
        even(KANA, 0.0005),
    )
    marks = "’‘“”–—…•®©™°»«·£€\xa0"
    latin = {
        "cp1252": layered(ranked("éèàäöüßçêóáíñôîûâåøæãõúìòùëï", 0.04), even("ÉÈÀÇÜÖÄÑÁÍÓÚÅØÆÊÎ", 0.002)),
        "cp1250": layered(ranked("áéíóöüžščřěůýąęłśżćńúűőťźďňľôäđß", 0.04), even("ÁÉÍÓÖÜŽŠČŘĚŮÝĄĘŁŚŻĆŃÚŰŐŤŹ", 0.002)),
        "cp1254": layered(ranked("ıüşöçğ", 0.04), even("İŞÖÜÇĞâîû", 0.004)),
    }
    latin["iso8859_2"] = latin["cp1250"]
    alphabets = {
        "russian": ("оеаинтсрвлкмдпуяызьбгчйхжюшцщэфъё", "іїєґўћђ"),
        "greek": ("αοιετσνηυρπκμλςωδγχθφβξζψ", "άέήίόύώϊϋΐΰ"),
        "hebrew": ("יוהלרתמאשבנםדפעקחצגטסכזןךףץ", "ְִֵֶַָּ"),
        "arabic": ("اليمونرتبةعدسفهكقأحجشطصخضذثئءغىظؤإآ", "ًٌٍَُِّْ"),
        "thai": ("านรอกเงมยลวดทสตะปบคหแจพชขใไโผถซณธศฟภฐญษฉ", "่้ี์ัิืุูำ็๊๋ๆ"),
    }
    multibyte = {
        "gb18030": both, "big5hkscs": hant_model, "cp932": japanese, "euc_jp": japanese, "cp949": korean,
        "johab": korean,
    }  # fmt: skip
    singles = {
        codec: layered(
            ranked(letters, 0.78), even(more, 0.08), even((letters + more).upper(), 0.08), even(marks + "№„", 0.05)
        )
        for name, (letters, more) in alphabets.items()
        for codec in ALPHABETS[name]
    }
    return multibyte | {codec: layered(model, even(marks, 0.02)) for codec, model in latin.items()} | singles


def _split_kana(kana: str) -> tuple[str, str]:
    return "".join(c for c in kana if c < "ァ"), "".join(c for c in kana if c >= "ァ")


def cost_of(model: Model) -> Callable[[str], int]:
    """Return a function from a decoded character to sixteenths of a bit."""

    def cost(character: str) -> int:
        if len(character) > 1:
            bits = RESIDUE_BITS
        elif "\ue000" <= character <= "\uf8ff" or "\x80" <= character < "\xa0":
            bits = PRIVATE_BITS
        else:
            bits = model.get(character, RESIDUE_BITS)
        return max(1, round(bits * UNITS_PER_BIT))

    return cost


def tables(codec: str, model: Model) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Return ``(single, double)`` of shapes ``[256]`` and ``[65536]``; 0 marks bytes that are no character.

    EUC-JP's three-byte characters (JIS X 0212) and four-byte GB 18030 are rare
    enough that the walker gives them the residue cost without a table.
    """
    cost = cost_of(model)
    single = np.zeros(256, dtype=np.int16)
    double = np.zeros(65536, dtype=np.int16)
    single[:128] = round(ASCII_BITS * UNITS_PER_BIT)
    for byte in range(128, 256):
        try:
            character = bytes((byte,)).decode(codec)
        except UnicodeDecodeError:
            continue
        # cp932 and others map stray lead bytes to private use or C1: not characters.
        if not ("\x80" <= character < "\xa0" or "\uf8f0" <= character <= "\uf8ff"):
            single[byte] = cost(character)
    if codec in MULTIBYTE:
        for lead in range(128, 256):
            if single[lead]:
                continue
            for trail in range(0x30, 256):
                try:
                    character = bytes((lead, trail)).decode(codec)
                except UnicodeDecodeError:
                    continue
                double[lead << 8 | trail] = cost(character)
    return single, double


def main() -> None:
    """Write ``costs.npz`` beside this module."""
    models = language_models()
    built = [tables(codec, models[codec]) for codec in CODECS]
    layouts = {"gb18030": LAYOUT_GB18030, "euc_jp": LAYOUT_EUC_JP} | dict.fromkeys(LATIN, LAYOUT_LATIN)
    layouts |= {codec: LAYOUT_ALPHABET for codecs in ALPHABETS.values() for codec in codecs}
    np.savez_compressed(
        HERE / "costs.npz",
        codecs=np.array(CODECS),
        layouts=np.array([layouts.get(codec, LAYOUT_PAIRS) for codec in CODECS]),
        single=np.stack([single for single, _ in built]),
        double=np.stack([double for _, double in built[: len(MULTIBYTE)]]),  # the others have no pairs
    )


if __name__ == "__main__":
    main()
