"""One HTTP/1.1 request and its response, byte for byte as they went over the wire.

A web archive keeps what the server sent: header spelling, transfer coding,
compressed body. The common clients hide that and resolve names by themselves,
so h11 does the protocol here and the sockets are asyncio's: the address is the
one that :mod:`pipelines.crawl.addresses` has checked.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

from corpus.reading.headers import parse_fields
from pipelines.crawl.addresses import Guard, ResolutionFailed
from pipelines.crawl.urls import DEFAULT_PORTS, split_authority

SILENT = "closed"  # the server closed the connection without a byte: usual at the end of a kept one
_READ_BYTES = 1 << 16
_MAX_HEADER_BYTES = 1 << 16
_ACCEPT = "text/html,application/xhtml+xml,text/plain;q=0.9,application/xml;q=0.8,*/*;q=0.1"


class FetchFailed(OSError):
    """A request without a usable response; the message is a short reason for counting."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes that a request may take."""

    connect_seconds: float
    read_seconds: float
    total_seconds: float
    body_bytes: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its response as sent and received."""

    url: str
    request: bytes
    head: bytes  # status line and headers, with the blank line
    body: bytes  # as received: chunk framing and compression kept
    status: int
    address: str
    seconds: float
    truncated: str | None = None  # WARC-Truncated: "length", "time" or "disconnect"

    @property
    def fields(self) -> dict[str, list[str]]:
        """The response headers by lower-case name."""
        return parse_fields(self.head)


@dataclass(frozen=True, slots=True)
class _Ask:
    headers: dict[str, str]
    body_bytes: int
    wanted: Callable[[bytes], bool]
    started: float


class Connection:
    """Keeps one connection open to one authority at a time; not for concurrent use. ``tls`` is asked at https only."""

    def __init__(
        self,
        guard: Guard,
        user_agent: str,
        limits: Limits,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self._guard, self._user_agent, self._limits, self._tls = guard, user_agent, limits, tls
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._place: tuple[str, str, int] | None = None
        self._address = ""

    async def fetch(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        body_bytes: int | None = None,
        wanted: Callable[[bytes], bool] = lambda head: True,
    ) -> Exchange:
        """Request ``url`` (normalised) with GET and return the exchange. Redirects are not followed.

        The body is read where ``wanted`` says so of the response's head, up to
        ``body_bytes`` (None: the limit given to the constructor).

        Raises
        ------
        pipelines.crawl.addresses.AddressRefused
            where the URL's address must not be connected to.
        FetchFailed
            where there is no response: DNS, connection, TLS, protocol, time.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        ask = _Ask(headers or {}, self._limits.body_bytes if body_bytes is None else body_bytes, wanted, started)
        reused = await self._connect(url)
        try:
            return await self._exchange(url, ask)
        except FetchFailed as error:
            await self.close()
            if not reused or str(error) != SILENT:
                raise
        # A kept connection that the server has closed meanwhile: once more on a fresh one.
        await self._connect(url)
        try:
            return await self._exchange(url, ask)
        except FetchFailed:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection."""
        writer, self._reader, self._writer, self._place = self._writer, None, None, None
        if writer is not None:
            writer.close()
            try:
                await asyncio.wait_for(writer.wait_closed(), 1.0)
            except (OSError, TimeoutError):
                return

    async def _connect(self, url: str) -> bool:
        """Make sure of a connection for ``url``; return whether it was open before."""
        place = split_authority(url)
        if self._place == place and self._reader is not None and not self._reader.at_eof():
            return True
        await self.close()
        scheme, host, port = place
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                endpoint = await self._guard.endpoint(host, port)
                context = self._tls() if scheme == "https" else None
                self._reader, self._writer = await asyncio.open_connection(
                    endpoint.address, endpoint.port, ssl=context, server_hostname=host if context else None
                )
        except TimeoutError as error:
            raise FetchFailed("connect_timeout") from error
        except ssl.SSLError as error:
            raise FetchFailed("tls") from error
        except OSError as error:
            raise FetchFailed("dns" if isinstance(error, ResolutionFailed) else "connect") from error
        self._place, self._address = place, endpoint.address
        return False

    async def _exchange(self, url: str, ask: _Ask) -> Exchange:
        assert self._reader is not None
        assert self._writer is not None
        loop = asyncio.get_running_loop()
        protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEADER_BYTES)
        request = self._request(protocol, url, ask.headers)
        received = bytearray()
        head_size = status = None
        truncated = None
        finished = False
        deadline = ask.started + self._limits.total_seconds
        try:
            self._writer.write(request)
            await asyncio.wait_for(self._writer.drain(), self._limits.read_seconds)
            while not finished:
                event = protocol.next_event()
                if event is h11.NEED_DATA:
                    if head_size is not None and len(received) - head_size >= ask.body_bytes:
                        truncated = "length"
                        break
                    data = await self._read(deadline - loop.time())
                    received += data
                    protocol.receive_data(data)
                elif isinstance(event, h11.InformationalResponse):
                    received = bytearray(protocol.trailing_data[0])
                elif isinstance(event, h11.Response):
                    status = int(event.status_code)
                    head_size = _head_size(received)
                    if not ask.wanted(bytes(received[:head_size])):
                        del received[head_size:]
                        truncated = "length"
                        break
                elif isinstance(event, h11.EndOfMessage):
                    finished = True
                elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                    break
        except TimeoutError:
            if head_size is None:
                raise FetchFailed("timeout") from None
            truncated = "time"
        except (OSError, h11.RemoteProtocolError) as error:
            if head_size is None and not received:
                raise FetchFailed(SILENT) from error
            if head_size is None:
                raise FetchFailed("protocol" if isinstance(error, h11.RemoteProtocolError) else "disconnect") from error
            truncated = "disconnect"
        if status is None or head_size is None:
            raise FetchFailed("disconnect" if received else SILENT)
        if finished and (surplus := len(protocol.trailing_data[0])):
            del received[-surplus:]
        if truncated == "length":
            del received[head_size + ask.body_bytes :]
        if not finished or protocol.our_state is h11.MUST_CLOSE or protocol.their_state is h11.MUST_CLOSE:
            await self.close()
        return Exchange(
            url,
            request,
            bytes(received[:head_size]),
            bytes(received[head_size:]),
            status,
            self._address,
            loop.time() - ask.started,
            truncated,
        )

    def _request(self, protocol: h11.Connection, url: str, headers: dict[str, str]) -> bytes:
        parts = urlsplit(url)
        scheme, host, port = split_authority(url)
        name = f"[{host}]" if ":" in host else host
        authority = name if port == DEFAULT_PORTS[scheme] else f"{name}:{port}"
        lines = {
            "Host": authority,
            "User-Agent": self._user_agent,
            "Accept": _ACCEPT,
            "Accept-Language": "zh-CN,zh;q=0.9,*;q=0.1",
            "Accept-Encoding": "gzip, br",
            **headers,
        }
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        sent = protocol.send(h11.Request(method="GET", target=target, headers=list(lines.items())))
        return (sent or b"") + (protocol.send(h11.EndOfMessage()) or b"")

    async def _read(self, left: float) -> bytes:
        assert self._reader is not None
        if left <= 0:
            raise TimeoutError
        return await asyncio.wait_for(self._reader.read(_READ_BYTES), min(self._limits.read_seconds, left))


def _head_size(received: bytearray) -> int:
    """Return the size of status line and headers, whose end h11 has found, with the blank line."""
    ends = [place + len(mark) for mark in (b"\r\n\r\n", b"\n\n", b"\n\r\n") if (place := received.find(mark)) >= 0]
    return min(ends)
