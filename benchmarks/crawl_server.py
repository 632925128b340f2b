"""Serves the site of ``crawl_site`` on loopback, and writes its log.

    python benchmarks/crawl_server.py LOG HOSTS PAGES LATENCY

Serves until standard input closes, and then writes the requests as JSON lines to the file LOG. The port is the first
line of the output.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from typing import Any

from crawl_site import Request, Site


class Server:
    """Serves a :class:`Site` on 127.0.0.1 in a thread. ``latency`` seconds are added to each answer."""

    def __init__(self, site: Site, latency: float = 0.0) -> None:
        self.site, self._latency = site, latency
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        ).result()
        self.port = server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Return ``crawl`` settings that reach this server."""
        return self.site.crawl_settings(self.port) | changes

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = head.split("\r\n")
                fields = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines[1:]}
                request = Request(
                    fields["host"], lines[0].split()[1], time.monotonic(), agent=fields.get("user-agent", "")
                )
                self.site.log.append(request)
                open_still = await self._answer(request, fields, writer)
                request.ended = time.monotonic()
                if not open_still:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: Request, fields: dict[str, str], writer: asyncio.StreamWriter) -> bool:
        status, headers, body, wait = self.site.answer(request.host, request.target)
        await asyncio.sleep(wait + self._latency)
        request.status = status
        if status == 0:
            writer.write(body)
            return False
        if status == 200 and headers.get("ETag") and fields.get("if-none-match") == headers["ETag"]:
            request.status, status, body = 304, 304, b""
            headers = {"ETag": headers["ETag"]}
        cut = status == -1
        if headers.get("Transfer-Encoding") == "chunked":
            step = 500
            pieces = [body[start : start + step] for start in range(0, len(body), step)]
            body = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n\r\n"
        elif status != 304:
            headers["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(
            f"HTTP/1.1 {200 if cut else status} X\r\n{lines}\r\n".encode() + (body[: len(body) // 2] if cut else body)
        )
        await writer.drain()
        return not cut


def main() -> None:
    """Serve until standard input closes; then write the log."""
    log, hosts, pages, latency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    site = Site(hosts, pages)
    with Server(site, latency) as server:
        print(server.port, flush=True)
        sys.stdin.read()
        with open(log, "w", encoding="utf-8") as stream:
            for request in site.log:
                stream.write(json.dumps(request.__dict__) + "\n")


if __name__ == "__main__":
    main()
