"""WARC 1.1 records as gzip members, and HTTP messages to put into them (ISO 28500:2017; RFC 9112)."""

from __future__ import annotations

import base64
import gzip
import hashlib
import uuid
from dataclasses import dataclass, field

REASONS = {200: "OK", 301: "Moved Permanently", 404: "Not Found", 500: "Internal Server Error"}
NAMESPACE = uuid.UUID("6d1c1f6e-7f0e-5d0a-9c39-0f2f2c0e5a11")
CHUNK = 1500


@dataclass
class Response:
    """What a server answers to one URL. ``body`` is the entity before content and transfer encodings."""

    url: str
    body: bytes
    status: int = 200
    content_type: str = "text/html"
    headers: list[tuple[str, str]] = field(default_factory=list)
    content_encoding: str = ""
    chunked: bool = False
    truncated_to: int | None = None
    bad_length: int = 0

    def payload(self) -> bytes:
        """The body with its content encoding, as the server stores it."""
        return gzip.compress(self.body, 9, mtime=0) if self.content_encoding == "gzip" else self.body

    def message(self) -> bytes:
        """The whole HTTP message as a capture holds it, cut where the capture was cut."""
        payload = self.payload()
        lines = [f"HTTP/1.1 {self.status} {REASONS[self.status]}", "Server: example-site/1.0"]
        lines.append(f"Content-Type: {self.content_type}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.content_encoding:
            lines.append(f"Content-Encoding: {self.content_encoding}")
        lines.append("Transfer-Encoding: chunked" if self.chunked else f"Content-Length: {len(payload)}")
        if self.chunked:
            parts = [payload[start : start + CHUNK] for start in range(0, len(payload), CHUNK)]
            payload = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        if self.truncated_to is not None:
            payload = payload[: self.truncated_to]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


def digest(content: bytes) -> str:
    """The digest of a block or payload as WARC headers write it."""
    return "sha1:" + base64.b32encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()


def record(
    kind: str, url: str, content_type: str, block: bytes, date: str, extra: dict[str, str] | None = None
) -> bytes:
    """One gzip member. ``extra`` headers follow the usual ones and replace them.

    The record id is a UUID of kind, URL, date and block, so that it never changes.
    """
    identity = uuid.uuid5(NAMESPACE, f"{kind} {url} {date} {digest(block)}")
    headers = {"WARC-Type": kind, "WARC-Record-ID": f"<urn:uuid:{identity}>", "WARC-Date": date}
    if url:
        headers["WARC-Target-URI"] = url
    headers |= {"Content-Type": content_type, "WARC-Block-Digest": digest(block), "Content-Length": str(len(block))}
    headers |= extra or {}
    head = "WARC/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    return gzip.compress(head.encode() + block + b"\r\n\r\n", 9, mtime=0)


def record_id(kind: str, url: str, block: bytes, date: str) -> str:
    """The id that ``record`` gives."""
    return f"<urn:uuid:{uuid.uuid5(NAMESPACE, f'{kind} {url} {date} {digest(block)}')}>"


def response_record(response: Response, date: str) -> bytes:
    """The record of one response; ``bad_length`` is added to its Content-Length, as a damaged archive has it."""
    block = response.message()
    extra = {"WARC-IP-Address": "192.0.2.10", "WARC-Payload-Digest": digest(response.payload())}
    if response.truncated_to is not None:
        extra["WARC-Truncated"] = "length"
    if response.bad_length:
        extra["Content-Length"] = str(len(block) + response.bad_length)
    return record("response", response.url, "application/http; msgtype=response", block, date, extra)


def request_record(url: str, date: str) -> bytes:
    """The request that asked for a URL."""
    host, _, path = url.partition("://")[2].partition("/")
    block = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: example-crawler/1.0\r\n\r\n".encode()
    return record("request", url, "application/http; msgtype=request", block, date)


def revisit_record(response: Response, date: str, first_date: str) -> bytes:
    """A later visit that found the same payload: headers only."""
    head = response.message().partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    extra = {
        "WARC-Profile": "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
        "WARC-Refers-To-Target-URI": response.url,
        "WARC-Refers-To-Date": first_date,
        "WARC-Payload-Digest": digest(response.payload()),
    }
    return record("revisit", response.url, "application/http; msgtype=response", head, date, extra)
