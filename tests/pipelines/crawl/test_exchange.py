"""One request, against servers that behave and servers that do not."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipelines.crawl.addresses import AddressRefused, Guard
from pipelines.crawl.exchange import Connection, Exchange, FetchFailed, Limits

URL = "http://a.test/page?x=1"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def fetch(handler: Handler, count: int = 1, body_bytes: int = 1000, **changes: Any) -> list[Exchange]:
    async def run() -> list[Exchange]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        guard = Guard({"a.test": f"127.0.0.1:{port}"}, ["a.test"], [80])
        limits = Limits(1, 0.3, 1, body_bytes)
        connection = Connection(guard, "bot (x)", limits)
        try:
            return [await connection.fetch(URL, **changes) for _ in range(count)]
        finally:
            await connection.close()
            server.close()

    return asyncio.run(run())


def answering(*pieces: bytes, pause: float = 0.0) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return handler


def test_bytes_are_kept_as_they_came() -> None:
    head = b"HTTP/1.1 200 Fine  indeed\r\nX-oDD:  a \r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"4;ext=1\r\n\xe4\xb8\xad1\r\n3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n"
    found = fetch(answering(head + body))[0]
    assert (found.head, found.body, found.status, found.truncated) == (head, body, 200, None)
    assert found.request.startswith(b"GET /page?x=1 HTTP/1.1\r\nHost: a.test\r\nUser-Agent: bot (x)\r\n")
    assert found.address == "127.0.0.1"


def test_a_kept_connection_is_used_again_and_a_closed_one_is_opened_anew() -> None:
    opened = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(1)
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await asyncio.sleep(0)

    assert [one.body for one in fetch(handler, 5)] == [b"ok"] * 5
    assert len(opened) == 3


def test_informational_responses_are_no_part_of_the_record() -> None:
    found = fetch(answering(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"))[0]
    assert found.head == b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
    assert found.body == b"x"


@pytest.mark.parametrize("length", [b"Content-Length: 100000\r\n", b""])
def test_long_bodies_are_cut(length: bytes) -> None:
    found = fetch(answering(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n", b"x" * 100_000))[0]
    assert (len(found.body), found.truncated) == (1000, "length")


def test_endless_drip_is_cut_by_time() -> None:
    found = fetch(answering(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 100, pause=0.1))[0]
    assert found.truncated == "time"
    assert found.seconds < 1.6


def test_a_body_that_ends_early_is_kept_and_marked() -> None:
    found = fetch(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"))[0]
    assert (found.body, found.truncated) == (b"half", "disconnect")


def test_an_unwanted_body_is_not_read() -> None:
    found = fetch(
        answering(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\nxxx"), wanted=lambda head: b"html" in head
    )[0]
    assert (found.body, found.truncated) == (b"", "length")


@pytest.mark.parametrize(
    ("pieces", "pause", "why"),
    [
        ([b"SSH-2.0-OpenSSH_9.6\r\n\r\n"], 0, "protocol"),
        ([b""], 1, "timeout"),
        ([], 0, "closed"),
        ([b"HTTP/1.1 200 OK\r\nA"], 0, "disconnect|protocol"),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000], 0, "protocol"),
    ],
)
def test_what_is_no_response_fails(pieces: list[bytes], pause: float, why: str) -> None:
    with pytest.raises(FetchFailed, match=f"^(?:{why})$"):
        fetch(answering(*pieces, pause=pause))


def test_refused_addresses_are_not_connected_to() -> None:
    async def run() -> None:
        await Connection(Guard({}, [], [80]), "bot", Limits(1, 1, 1, 1)).fetch("http://169.254.169.254/latest/")

    with pytest.raises(AddressRefused, match="link-local"):
        asyncio.run(run())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_tls_checks_the_certificate_against_the_name_and_not_the_address(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=a.test", "-addext", "subjectAltName=DNS:a.test"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate, key)

    async def run() -> list[str]:
        handler = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=served)
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        guard = Guard({"a.test": place, "b.test": place}, ["*.test"], [443])
        found = []
        for host, trusted in (("a.test", True), ("b.test", True), ("a.test", False)):
            connection = Connection(
                guard,
                "bot (x)",
                Limits(2, 2, 2, 100),
                partial(ssl.create_default_context, cafile=certificate if trusted else None),
            )
            try:
                found.append((await connection.fetch(f"https://{host}/")).body.decode())
            except FetchFailed as error:
                found.append(str(error))
            await connection.close()
        server.close()
        return found

    assert asyncio.run(run()) == ["ok", "tls", "tls"]
