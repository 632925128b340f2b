"""Tells content that is not text from text."""

from __future__ import annotations

# Signatures of formats that pages are mislabelled as (WHATWG MIME Sniffing, sections 6.1 to 6.4, and common archives).
_MAGIC = (
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"%PDF-", b"PK\x03\x04", b"PK\x05\x06",
    b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd",
    b"\x7fELF", b"MZ\x90\x00", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"OggS\x00", b"ID3\x02", b"ID3\x03",
    b"ID3\x04", b"fLaC", b"FLV\x01", b"FWS", b"CWS", b"wOFF", b"wOF2", b"\x00\x01\x00\x00",
    b"\x00\x00\x01\x00", b"\xca\xfe\xba\xbe", b"SQLite format 3\x00", b"%!PS-Adobe", b"\x1aE\xdf\xa3",
    b"\x00asm", b"II*\x00", b"MM\x00*", b"AT&TFORM", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
)  # fmt: skip
# Compressed data are control bytes to 10 % (26 of 256); damaged text far less.
CONTROL_SHARE = 0.05


def has_binary_signature(body: bytes) -> bool:
    """Return whether ``body`` begins like an image, archive, document, font, program, sound or film."""
    if body.startswith(_MAGIC) or (body[:4] == b"RIFF" and body[8:12] in (b"WEBP", b"WAVE", b"AVI ")):
        return True
    return body[4:8] == b"ftyp" and body[:2] == b"\x00\x00"
