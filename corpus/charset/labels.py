"""Charset labels as the web writes them, and where a page declares one."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

# Labels for which Python's own lookup gives a narrower codec than pages mean, or none (WHATWG Encoding Standard, "names
# and labels"; gb2312 and gbk are read as GB 18030, Big5 with HKSCS, Latin-1 as windows-1252).
WEB_CODECS = {
    "gb18030": (
        "gb2312 gbk gb_2312 gb_2312-80 gb2312-80 gb18030 gb-18030 gb_18030 gb18030-2000 gb18030-2005 gb18030-2022 x-gbk"
        " x-gb2312 x-gb18030 chinese csgb2312 csiso58gb231280 iso-ir-58 euc-cn euccn euc_cn cp936 ms936 windows-936"
        " 936 gb gb23l2 gb-2312 gb_2312_80 zh-cn"
    ),
    "big5hkscs": (
        "big5 big-5 big5-hkscs big5hkscs cn-big5 csbig5 x-x-big5 big5-eten big5-tw cp950 windows-950 ms950 950 zh-tw"
    ),
    "cp932": "shift_jis shift-jis shiftjis sjis x-sjis x-shift-jis ms_kanji csshiftjis windows-31j cp932 ms932 932",
    "euc_jp": "euc-jp euc_jp eucjp x-euc-jp x-euc cseucpkdfmtjapanese",
    "iso2022_jp_ext": "iso-2022-jp csiso2022jp iso2022jp iso-2022-jp-1 iso-2022-jp-2 jis",
    "cp949": (
        "euc-kr euc_kr euckr cp949 windows-949 ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 ks_c_5601 korean cseuckr"
        " iso-ir-149 uhc ms949 949 csksc56011987"
    ),
    "iso2022_kr": "iso-2022-kr csiso2022kr",
    "hz": "hz-gb-2312 hz",
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8 utf_8 utf-8-sig u8 unicode utf8mb4 utf-8n x-unicode20utf8",
    "utf-16-le": "utf-16 utf-16le utf16 utf-16-le ucs-2 iso-10646-ucs-2 csunicode unicodefeff",
    "utf-16-be": "utf-16be utf-16-be unicodefffe",
    "utf-32-le": "utf-32 utf-32le utf32 ucs-4",
    "utf-32-be": "utf-32be",
    "cp1252": (
        "iso-8859-1 iso8859-1 iso_8859-1 iso88591 latin1 latin-1 l1 ascii us-ascii windows-1252 cp1252 ansi x-ansi"
        " iso-ir-100 csisolatin1 cp819 ibm819 x-cp1252 ansi_x3.4-1968"
    ),
    "cp1254": "iso-8859-9 latin5 windows-1254 cp1254",
    "cp874": "tis-620 tis620 iso-8859-11 windows-874",
    "koi8_r": "koi8-r koi8 koi koi8_r cskoi8r",
    "koi8_u": "koi8-u koi8-ru",
    "mac_roman": "macintosh mac x-mac-roman",
    "mac_cyrillic": "x-mac-cyrillic x-mac-ukrainian maccyrillic",
    "iso8859_8": "iso-8859-8-i iso-8859-8-e logical visual",
}
LABELS = {label: codec for codec, labels in WEB_CODECS.items() for label in labels.split()}
SINGLE_BYTE = re.compile(r"(cp|iso8859[-_]|koi8|mac[-_]|windows[-_])|^(johab|tis_620|tis-620)$")
MULTIBYTE = frozenset({"gb18030", "big5hkscs", "cp932", "euc_jp", "cp949", "johab"})
SEVEN_BIT = frozenset({"iso2022_jp_ext", "iso2022_kr", "hz"})
WIDE = frozenset({"utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"})

# The Encoding Standard looks at 1,024 bytes; pages with long scripts or comments before their <meta> are common.
PRESCAN_BYTES = 16_384

_HEADER = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:+-]+)", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_META = re.compile(rb"<meta\b[^>]{0,1024}?\bcharset\s*=\s*[\"']?\s*([\w.:+-]+)", re.IGNORECASE)
_XML = re.compile(rb"\A\s*<\?xml\b[^>]{0,256}?\bencoding\s*=\s*[\"']\s*([\w.:+-]+)", re.IGNORECASE)


class Declaration(NamedTuple):
    """A charset that somebody claims: ``source`` is "header", "meta" or "xml", ``codec`` a Python codec."""

    source: str
    codec: str


def codec_of(label: str) -> str | None:
    """Return the Python codec that decodes pages labelled ``label``, or None for an unknown label.

    Codecs that are not character encodings of pages (``punycode``, ``idna``,
    ``unicode_escape``, ``utf-7``, ...) count as unknown.
    """
    label = label.strip().lower()
    known = LABELS.get(label)
    if known is not None:
        return known
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    if name in LABELS:
        return LABELS[name]
    return name if SINGLE_BYTE.search(name) else None


def header_charset(content_type: str | None) -> Declaration | None:
    """Return what a Content-Type header declares."""
    if not content_type:
        return None
    match = _HEADER.search(content_type)
    codec = codec_of(match.group(1)) if match else None
    return Declaration("header", codec) if codec else None


def markup_charset(body: bytes) -> Declaration | None:
    """Return what a page's own ``<meta>`` or XML declaration says, looking at its first 16 KiB."""
    head = body[:PRESCAN_BYTES]
    if not head.isascii() or b"<!--" in head:
        head = _COMMENT.sub(b"", head)
    match = _XML.search(head)
    source = "xml"
    if match is None:
        match = _META.search(head)
        source = "meta"
    codec = codec_of(match.group(1).decode("ascii")) if match else None
    if codec in WIDE:
        codec = "utf-8"  # a declaration that can be read as ASCII is not UTF-16 (HTML Standard, prescan)
    return Declaration(source, codec) if codec else None
