"""The example site as a web server on loopback: every host, with the answers byte for byte as they are made.

    python examples/site/serve.py [PORT]    # then: curl -H 'Host: news.jiangyuan.example' http://127.0.0.1:PORT/

Broken pages are broken as servers break them: the connection closes before the length that was announced.
"""

from __future__ import annotations

import asyncio
import html
import sys
import threading
from collections.abc import Iterable

from example_site import ExampleSite
from warc_writer import Response

SITEMAP = "/sitemap.xml"
# What is no page. Pages that have gone or moved stay in the sitemap, as they do on real sites.
UNLISTED = ("/robots.txt", ".png")


def address(url: str) -> tuple[str, str]:
    """Return host and request target of a URL of the site."""
    host, _, target = url.removeprefix("http://").partition("/")
    return host, f"/{target}"


def sitemap(origin: str, urls: Iterable[str]) -> Response:
    """Return the sitemap of a host (sitemaps.org), which names its pages, those that have moved or gone too."""
    entries = "".join(f"<url><loc>{html.escape(url)}</loc></url>\n" for url in urls)
    body = f'<?xml version="1.0"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n'
    return Response(f"{origin}{SITEMAP}", body.encode(), content_type="application/xml")


class Server:
    """Serves ``site`` on 127.0.0.1 in a thread while the context is open. ``asked`` lists (host, target)."""

    def __init__(self, site: ExampleSite, port: int = 0) -> None:
        self.port = port  # 0 until the context opens: a free one
        self.asked: list[tuple[str, str]] = []
        self._answers = {address(response.url): response for response in site.responses}
        for one in site.sites.values():
            listed = [answer.url for answer in site.responses if answer.url.startswith(f"{one.origin}/")]
            pages = sorted(url for url in listed if not url.endswith(UNLISTED))
            self._answers[one.host, SITEMAP] = sitemap(one.origin, pages)
        self.hosts = sorted({host for host, _ in self._answers})
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", self.port)
        server = asyncio.run_coroutine_threadsafe(starting, self._loop).result()
        self.port = server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def resolve(self) -> dict[str, str]:
        """Return where each host is, as the crawler's ``resolve`` wants it."""
        return dict.fromkeys(self.hosts, f"127.0.0.1:{self.port}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            whole = True
            while whole:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                request, *lines = head.split("\r\n")
                fields = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
                place = (fields.get("host", "").lower(), request.split(" ")[1])
                self.asked.append(place)
                message, whole = self._message(place)
                writer.write(message)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, IndexError):
            return
        finally:
            writer.close()

    def _message(self, place: tuple[str, str]) -> tuple[bytes, bool]:
        """Return the bytes of an answer, and whether they are all that its header promises."""
        response = self._answers.get(place)
        if response is None:
            return Response("", b"<h1>404</h1>", 404).message(), True
        message = response.message()
        if response.bad_length:
            true = len(response.payload())
            announced = b"Content-Length: %d\r\n" % (true + response.bad_length)
            message = message.replace(b"Content-Length: %d\r\n" % true, announced, 1)
        return message, response.truncated_to is None and not response.bad_length


def main() -> None:
    """Serve until standard input closes."""
    with Server(ExampleSite(), int(sys.argv[1]) if len(sys.argv) > 1 else 8080) as server:
        print(f"{len(server.hosts)} hosts on http://127.0.0.1:{server.port}; end with Ctrl-D", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
