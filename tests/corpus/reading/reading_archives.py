"""Archives made by hand."""

from __future__ import annotations

import gzip
from typing import Any


def warc_record(block: bytes, kind: str = "response", url: str | None = "http://例.cn/", **fields: Any) -> bytes:
    """Return one WARC record. Keyword names are header names with underscores."""
    headers = {
        "WARC-Type": kind,
        "WARC-Record-ID": "<urn:uuid:00000000-0000-0000-0000-000000000001>",
        "WARC-Date": "2020-07-01T08:00:00Z",
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(block)),
    }
    if url:
        headers["WARC-Target-URI"] = url
    headers |= {name.replace("_", "-"): value for name, value in fields.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return b"WARC/1.0\r\n" + head.encode() + b"\r\n" + block + b"\r\n\r\n"


def http(
    body: bytes, status: str = "200 OK", content_type: str | None = "text/html; charset=utf-8", extra: str = ""
) -> bytes:
    """Return an HTTP response."""
    declared = f"Content-Type: {content_type}\r\n" if content_type else ""
    return f"HTTP/1.1 {status}\r\n{declared}{extra}\r\n".encode() + body


def page(number: int, sentences: int = 3) -> bytes:
    """Return a small Chinese page."""
    text = f"第{number}篇：山里的春天来得晚，四月才见桃花。" * sentences
    return f"<html><head><title>春天 {number}</title></head><body><p>{text}</p></body></html>".encode()


def members(*records: bytes) -> bytes:
    """Return ``records`` as one gzip member each."""
    return b"".join(gzip.compress(record, mtime=0) for record in records)
