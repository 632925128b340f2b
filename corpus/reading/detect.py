"""Which format a file has: by its first bytes, then by its name."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import NamedTuple

from corpus.reading.members import codec_of

# First bytes that are looked at, raw and decoded.
HEAD_BYTES = 1 << 16


class Detection(NamedTuple):
    """A format's name, or None and one sentence that says what the file is instead."""

    format: str | None
    codec: str
    refusal: str = ""


_COMPRESSIONS = (".gz", ".gzip", ".zst", ".zstd")
_TEXT_NAMES = frozenset([".txt", ".text", ".md", ".markdown", ".rst"])
_HTML_NAMES = frozenset([".html", ".htm", ".xhtml", ".shtml", ".mhtml"])
_JSON_NAMES = frozenset([".jsonl", ".ndjson", ".json"])
_HTML_HEAD = re.compile(rb"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_ARC = "ARC, the format before WARC, is not read; convert it with 'warcio recompress'."
# (offset, magic, what it is)
_REFUSED: tuple[tuple[int, bytes, str], ...] = (
    (0, b"filedesc://", _ARC),
    (0, b"%PDF-", "PDF is not read; extract its text first."),
    (0, b"PK\x03\x04", "ZIP archives (and Office documents) are not read; unpack them first."),
    (0, b"PK\x05\x06", "ZIP archives are not read; unpack them first."),
    (0, b"\x04\x22\x4d\x18", "LZ4 compression is not read; recompress with gzip or zstd."),
    (0, b"BZh", "bzip2 compression is not read; recompress with gzip or zstd."),
    (0, b"\xfd7zXZ\x00", "xz compression is not read; recompress with gzip or zstd."),
    (0, b"7z\xbc\xaf\x27\x1c", "7z archives are not read; unpack them first."),
    (0, b"Rar!\x1a\x07", "RAR archives are not read; unpack them first."),
    (257, b"ustar", "tar archives are not read; unpack them first."),
    (0, b"ARROW1", "Arrow IPC files are not read; write Parquet."),
    (0, b"FEA1", "Feather files are not read; write Parquet."),
    (0, b"Obj\x01", "Avro is not read; write Parquet."),
    (0, b"ORC", "ORC is not read; write Parquet."),
    (0, b"SQLite format 3\x00", "SQLite databases are not read; export JSONL."),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Old Office documents are not read; extract their text first."),
)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def detect(name: str, head: bytes, inner: bytes) -> Detection:
    """Return the format of file ``name``.

    ``head`` are its first bytes as stored, ``inner`` the first decoded ones
    (the same without compression).
    """
    if not head:
        return Detection(None, "none", "The file is empty.")
    codec = codec_of(head)
    path = PurePosixPath(name.lower())
    while path.suffix in _COMPRESSIONS:
        path = path.with_suffix("")
    if path.suffix == ".wat" or path.name.endswith(".warc.wat"):
        return Detection(None, codec, "WAT files hold metadata and no text; read the WARC or WET files.")
    if inner.startswith(b"PAR1"):
        if codec == "none":
            return Detection("parquet", codec)
        return Detection(None, codec, "Parquet inside gzip or zstd is not read; unpack it.")
    if codec != "none" and not inner:
        # Damage at the front says nothing about the rest; the reader finds what still decodes.
        named = _by_name(path.suffix)
        return Detection(named, codec, "" if named else "The compressed data does not decode, or is empty.")
    for offset, magic, refusal in _REFUSED:
        if inner[offset : offset + len(magic)] == magic:
            return Detection(None, codec, refusal)
    found = _by_content(inner, path.suffix) or _by_name(path.suffix)
    if found in ("html", "text") or found is None:
        sample = inner[:4096]
        if sample.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16 has zero bytes
            return Detection(found or "text", codec)
        if found is None or (found == "text" and _BINARY.search(sample)):
            return Detection(None, codec, "The file is of no known kind; name its format under input.format.")
    return Detection(found, codec)


def _by_content(inner: bytes, suffix: str) -> str | None:
    body = inner.lstrip(b"\xef\xbb\xbf \t\r\n")
    if re.match(rb"WARC/\d", body):
        return "warc"
    if suffix in _TEXT_NAMES:
        return "text"
    if _HTML_HEAD.match(body, 0, 4096):
        return "html"
    if suffix in _HTML_NAMES:
        return "html"
    if re.match(rb"\[\s*[\[{\]]", body):
        return "wudao"
    if re.match(rb"\{\s*[\"}]", body):
        # One object spread over lines is no JSONL; the array reader takes a sequence of objects too.
        spread = re.match(rb"\{[ \t]*\r?\n", body) is not None
        return "wudao" if spread else "jsonl"
    return None


def _by_name(suffix: str) -> str | None:
    if suffix in _TEXT_NAMES:
        return "text"
    if suffix in _HTML_NAMES:
        return "html"
    if suffix in _JSON_NAMES:
        return "jsonl"
    return "warc" if suffix in (".warc", ".wet") else None
