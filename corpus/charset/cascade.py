"""The cascade that decides a body's charset.

Byte order mark, UTF-8, what header and page declare, statistics over common
characters, GB 18030 with replacement: the first that fits. "Fits" is judged by
the bytes, never by the claim alone: a declared charset is kept only while its
reading costs about as little as the best one, and a few broken characters (a
page cut in the middle, one bad byte in a template) do not unseat a charset that
reads the rest. ``facts/web-reading.md`` compares the order with the common
detectors.
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from corpus.charset.binary import CONTROL_SHARE
from corpus.charset.gb18030_private import to_today
from corpus.charset.labels import MULTIBYTE, SEVEN_BIT, WIDE, Declaration, header_charset, markup_charset
from corpus.charset.statistics import FAMILIAR_BITS, CharsetStatistics, Reading

UTF_8 = "utf-8"
_MARKS = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE_ORDER = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_ISO_2022 = (
    (re.compile(rb"\x1b\$\)C"), "iso2022_kr"),
    (re.compile(rb"\x1b\$[@AB]|\x1b\$\([DOPQ]|\x1b\(I"), "iso2022_jp_ext"),
)
_PRINTABLE = bytes(range(0x20, 0x7F))
# Half the bytes of Han in UTF-16 look like ASCII, at most half of those of Latin, nine in ten of a page's markup.
_MAX_ASCII_IN_WIDE = 0.7
_REPLACEMENT = "\ufffd"
# A declaration is overruled when the best reading is cheaper by more than this: 20 bits are odds of a million to one,
# and a bit per character is what a text in a special vocabulary may cost above the model of general prose.
_DECLARED_ODDS_BITS = 20.0
_DECLARED_BITS_PER_CHARACTER = 1.0
# Bytes that are no text in a charset cost more than this a character in it.
_NOISE_BITS = 15.0


class Decoded(NamedTuple):
    """A decoded body. ``source`` says how ``charset`` was found (the values of ``charset_source`` in corpus.schema)."""

    text: str
    charset: str
    source: str
    replacements: int  # U+FFFD that decoding made


class Utf8Scan(NamedTuple):
    """What :func:`corpus.kernels.encoding.scan_utf8` found in the body."""

    errors: int
    multibyte: int
    wide: int
    nuls: int
    controls: int  # without NULs
    escapes: int


class Cascade:
    """Decides and decodes, one body at a time; bodies that are clean UTF-8 need not come here."""

    def __init__(self, statistics: CharsetStatistics, error_share: float) -> None:
        """``error_share``: broken bytes per character up to which a charset still counts as right."""
        self.statistics = statistics
        self.error_share = error_share

    def decode(self, body: bytes, scan: Utf8Scan, content_type: str | None, is_markup: bool) -> Decoded | None:
        """Return ``body`` as text, or None where it is binary: full of controls, and neither UTF-16 nor UTF-32.

        ``scan`` is over ``body``; ``content_type`` the raw HTTP header.
        """
        for mark, codec in _MARKS:
            if body.startswith(mark):
                rest = body[len(mark) :]
                if codec == UTF_8:
                    if self._mostly_utf8(scan):
                        return _decode(rest, codec, "bom")
                    body = rest
                    break
                decoded = _decode(rest, codec, "bom")
                if self._few_replacements(decoded):
                    return decoded
        header = header_charset(content_type)
        claimed = header.codec if header and header.codec in WIDE else None
        if claimed or scan.nuls * 16 >= len(body):
            wide = self._wide(body, claimed)
            if wide is not None:
                return wide
        declared = [declaration for declaration in (header, markup_charset(body) if is_markup else None) if declaration]
        seven_bit = self._seven_bit(body, scan, declared)
        if seven_bit is not None:
            return seven_bit
        if scan.nuls > 1 + len(body) // 100 or scan.controls > CONTROL_SHARE * len(body):
            return self._wide(body, claimed)
        if scan.errors == 0 and not self._accidental_utf8(body, scan, declared):
            return _decode(body, UTF_8, UTF_8)
        if scan.errors and self._mostly_utf8(scan):
            return _decode(body, UTF_8, UTF_8)
        return self._legacy(body, declared)

    def _few_replacements(self, decoded: Decoded) -> bool:
        return decoded.replacements <= 1 + len(decoded.text) * self.error_share

    def _mostly_utf8(self, scan: Utf8Scan) -> bool:
        """Return whether the valid characters of the body outweigh the broken ones.

        Text in a legacy charset forms far fewer valid sequences by chance than
        broken ones, three-byte sequences least of all, so the test can be lenient:
        pages that splice in a part in another charset keep what is UTF-8.
        """
        if scan.errors == 0:
            return True
        narrow = scan.multibyte >= 16 and scan.multibyte >= 4 * scan.errors
        return narrow or scan.wide >= 2 * scan.errors

    def _accidental_utf8(self, body: bytes, scan: Utf8Scan, declared: list[Declaration]) -> bool:
        """Return whether a short body is declared CJK, reads well as such, and is valid UTF-8 only by chance.

        Only two-byte sequences can be an accident of any length worth a look: the
        lead bytes C2-DF and trail bytes 80-BF are a fifth of the hanzi of GB 2312.
        """
        if scan.multibyte == 0 or scan.wide or scan.multibyte > 64:
            return False
        claims = {declaration.codec for declaration in declared}
        if not claims & MULTIBYTE or UTF_8 in claims:
            return False
        sample = self.statistics.sample(body)
        readings = [self.statistics.reading(sample, codec) for codec in sorted(claims & MULTIBYTE)]
        return any(reading and not reading.broken and reading.per_character <= FAMILIAR_BITS for reading in readings)

    def _wide(self, body: bytes, claimed: str | None) -> Decoded | None:
        """Return the body as UTF-16 or UTF-32 without a mark, where nearly all of it is then letters in common use.

        Without a claim, text in ASCII is never read so: any two of its letters
        make a Han character ("Bush hid the facts").
        """
        if claimed is None and _ascii_letters(body) > _MAX_ASCII_IN_WIDE * len(body):
            return None
        for codec in dict.fromkeys(([claimed] if claimed else []) + list(_WIDE_ORDER)):
            decoded = _decode(body, codec, "header" if codec == claimed else "statistics")
            sample = decoded.text[:4096]
            good = sum(_is_usual(character) for character in sample)
            if sample and good >= 0.9 * len(sample) and self._few_replacements(decoded):
                return decoded
        return None

    def _seven_bit(self, body: bytes, scan: Utf8Scan, declared: list[Declaration]) -> Decoded | None:
        """Return the body as ISO-2022-JP, ISO-2022-KR or HZ, which hide their characters in ASCII."""
        if scan.multibyte or scan.errors:
            return None
        if scan.escapes:
            for pattern, codec in _ISO_2022:
                if pattern.search(body):
                    source = next((d.source for d in declared if d.codec == codec), "statistics")
                    decoded = _decode(body, codec, source)
                    if self._few_replacements(decoded):
                        return decoded
        for declaration in declared:
            if declaration.codec == "hz" and b"~{" in body:
                return _decode(body, "hz", declaration.source)
        return None

    def _legacy(self, body: bytes, declared: list[Declaration]) -> Decoded:
        """Return the body in a declared charset that holds, else in the cheapest, else as GB 18030."""
        sample = self.statistics.sample(body)
        # A Latin-1 claim fits any bytes and is the default of many servers: others are heard first.
        claims = sorted(declared, key=lambda declaration: declaration.codec == "cp1252")
        for declaration in claims:
            claimed = self.statistics.reading(sample, declaration.codec) if declaration.codec in MULTIBYTE else None
            if claimed and claimed.tolerable(self.error_share) and claimed.per_character <= FAMILIAR_BITS:
                return _decode(body, claimed.codec, declaration.source)
        readings = self.statistics.readings(sample)
        best = next((reading for reading in readings if reading.tolerable(self.error_share)), None)
        for declaration in claims:
            if declaration.codec in SEVEN_BIT or declaration.codec in WIDE or declaration.codec == UTF_8:
                continue
            claimed = next((reading for reading in readings if reading.codec == declaration.codec), None)
            if claimed is None:
                decoded = self._unmodelled(body, declaration, best)
                if decoded is not None:
                    return decoded
            elif claimed.tolerable(self.error_share) and (best is None or _not_much_dearer(claimed, best)):
                return _decode(body, claimed.codec, declaration.source)
        if best is None or best.per_character > _NOISE_BITS:
            wide = self._wide(body, None)  # pages of Han alone hold no NULs in UTF-16
            if wide is not None:
                return wide
        if best is not None:
            return _decode(body, best.codec, "statistics")
        return _decode(body, "gb18030", "fallback")

    def _unmodelled(self, body: bytes, declaration: Declaration, best: Reading | None) -> Decoded | None:
        """Return the body in a declared charset that has no statistics, unless a CJK reading is plainly right."""
        if best and best.codec in MULTIBYTE and best.characters >= 8 and best.per_character <= FAMILIAR_BITS:
            return None
        decoded = _decode(body, declaration.codec, declaration.source)
        return decoded if self._few_replacements(decoded) else None


def _ascii_letters(body: bytes) -> int:
    return len(body) - len(body.translate(None, _PRINTABLE))


def _not_much_dearer(claimed: Reading, best: Reading) -> bool:
    tolerance = _DECLARED_ODDS_BITS + _DECLARED_BITS_PER_CHARACTER * best.characters
    return claimed.bits <= best.bits + tolerance


def _is_usual(character: str) -> bool:
    """Return whether a UTF-16 reading of text may hold ``character``: ASCII, Latin, CJK, kana, hangul, full width."""
    code = ord(character)
    return (
        0x20 <= code < 0x7F
        or code in (0x09, 0x0A, 0x0D)
        or 0xA0 <= code < 0x0600
        or 0x2000 <= code < 0x2700
        or 0x3000 <= code < 0x3100
        or 0x4E00 <= code < 0xA000
        or 0xAC00 <= code < 0xD7A4
        or 0xFF00 <= code < 0xFFF0
    )


def _decode(body: bytes, codec: str, source: str) -> Decoded:
    """Return ``body`` decoded by ``codec``, what does not decode as U+FFFD."""
    try:
        text = body.decode(codec)
        replacements = 0
    except UnicodeDecodeError:
        text = body.decode(codec, "replace")
        replacements = text.count(_REPLACEMENT)
        if codec == UTF_8:
            replacements -= body.count(b"\xef\xbf\xbd")
    if codec == "gb18030":
        text = to_today(text)
    if text.startswith("\ufeff"):
        text = text.lstrip("\ufeff")
    return Decoded(text, codec, source, replacements)
