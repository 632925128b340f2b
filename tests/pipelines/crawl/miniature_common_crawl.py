"""A miniature Common Crawl on loopback: index, WARC files, a server of ranges that writes down what it sends."""

from __future__ import annotations

import gzip
import io
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

CRAWL = "CC-MAIN-2026-47"
FILES, RECORDS = 3, 20
LANGUAGES = ("zho", "eng", "zho,eng", "eng,zho", None)
SENTENCES = (
    "清晨的码头上，搬运工人把一袋袋大米从驳船卸到仓库门口，管账的先生在旁边逐一点数。",
    "这座粮仓建于民国初年，外墙用青砖砌成，屋顶铺着两层瓦，夏天里面也十分阴凉。",
    "去年秋天雨水太多，晒场上的稻谷迟迟干不透，村里只好借来烘干机日夜不停地运转。",
    "老保管员退休以前，把三十年来记下的温度和湿度抄成一本册子，交给了接班的年轻人。",
    "县志里提到，光绪年间这一带遭过一次大旱，官府开仓放粮，前后持续了四个多月。",
    "负责检验的姑娘用探子从麻袋里取出样品，先看颜色，再闻气味，最后送去测水分。",
    "为了防老鼠，人们在仓门外钉了一圈铁皮，又养了两只猫，效果比想象的还要好。",
    "铁路修通以后，外省的玉米可以直接运到站台，原来那条走了几百年的马帮小道就荒了。",
    "会计室的墙上挂着一块黑板，每天进出多少、结余多少，用粉笔写得清清楚楚。",
    "专家建议改用低温储藏，虽然一次投入比较大，但是三五年内就能从减少的损耗里省回来。",
    "镇上的小学组织学生来参观，孩子们最感兴趣的是那台会自己翻动粮堆的机器。",
    "博物馆收走了几件旧农具，其中一杆大秤据说能称五百斤，秤砣上还刻着铸造的年份。",
    "到了腊月，家家户户来领口粮，队伍从院子里一直排到桥头，大家边等边聊收成。",
    "新修的公路绕过了老街，几家靠过路客人吃饭的铺子不得不另外想办法谋生。",
    "气象站提前三天发出了预报，所以暴风雨来的时候，露天的货物都已经盖好了油布。",
    "他们把账目、照片和口述材料整理成一套档案，准备在明年春天的展览上公开。",
)


class RangeServer(ThreadingHTTPServer):
    """Serves byte ranges of files in memory, and fails when told to."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.sent: list[tuple[str, int, int]] = []  # file, first byte, bytes
        self.failures: list[int] = []  # statuses of the next answers

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def ranges(self) -> list[tuple[str, int, int]]:
        """Return what was sent of WARC files."""
        return [one for one in self.sent if "/warc/" in one[0] and one[0].startswith("crawl-data/")]

    def index_reads(self) -> list[tuple[str, int, int]]:
        """Return what was sent of the Parquet files of the index."""
        return [one for one in self.sent if one[0].endswith(".parquet")]


class _Handler(BaseHTTPRequestHandler):
    server: RangeServer

    def do_HEAD(self) -> None:
        data = self.server.files.get(self.path[1:])
        self.send_response(404 if data is None else 200)
        self.send_header("Content-Length", str(len(data or b"")))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()

    def do_GET(self) -> None:
        if self.server.failures:
            self.send_error(self.server.failures.pop(0))
            return
        data = self.server.files.get(self.path[1:])
        wanted = self.headers.get("Range")
        if data is None or wanted is None:
            self.send_error(404)
            return
        first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
        if first >= len(data):
            self.send_error(416)
            return
        body = data[first : last + 1]
        self.server.sent.append((self.path[1:], first, len(body)))
        self.send_response(206)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Range", f"bytes {first}-{first + len(body) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


def record(number: int, file: int) -> tuple[str, bytes]:
    """Return URL and gzip member of one response record: an article that no other record has."""
    url = f"http://site{number % 4}.example/f{file}/{number}.html"
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True)
    lines = random.Random(file * 1000 + number).sample(SENTENCES, 9)
    title = f"第{file}号仓库第{number}份记事"
    paragraphs = "".join(f"<p>{line}</p>" for line in lines)
    body = (
        f"<html><head><title>{title}</title></head><body><article><h1>{title}</h1>{paragraphs}</article></body></html>"
    )
    payload = body.encode()
    headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1")
    writer.write_record(
        writer.create_warc_record(
            url, "response", payload=io.BytesIO(payload), length=len(payload), http_headers=headers
        )
    )
    return url, out.getvalue()


def _miniature() -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """Return the files of the crawl by path, the two of its index too, and all rows of the index."""
    files: dict[str, bytes] = {}
    rows: list[dict[str, Any]] = []
    for file in range(FILES):
        name = f"crawl-data/{CRAWL}/segments/1/warc/CC-MAIN-{file:05d}.warc.gz"
        data = b""
        for number in range(RECORDS):
            url, member = record(number, file)
            rows.append(
                {
                    "url": url,
                    "url_surtkey": f"{','.join(reversed(url.split('/')[2].split('.')))})/{url.split('/', 3)[3]}",
                    "url_host_name": url.split("/")[2],
                    "content_languages": LANGUAGES[number % len(LANGUAGES)],
                    "fetch_status": 200 if number != 10 else 404,
                    "content_mime_detected": "text/html" if number != 15 else "application/pdf",
                    "warc_filename": name,
                    "warc_record_offset": len(data),
                    "warc_record_length": len(member),
                }
            )
            data += member
        files[name] = data
    names = []
    ordered = sorted(rows, key=lambda row: str(row["url_surtkey"]))
    for part in range(2):
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(ordered[part::2]), out, row_group_size=7)
        names.append(f"cc-index/table/cc-main/warc/crawl={CRAWL}/subset=warc/part-{part}.parquet")
        files[names[-1]] = out.getvalue()
    names.append(f"cc-index/table/cc-main/warc/crawl={CRAWL}/subset=crawldiagnostics/part-0.parquet")
    files[f"crawl-data/{CRAWL}/cc-index-table.paths.gz"] = gzip.compress("".join(f"{one}\n" for one in names).encode())
    return files, rows


@contextmanager
def served() -> Iterator[tuple[RangeServer, list[dict[str, Any]]]]:
    """Serve the miniature; give the server and the rows of its index."""
    files, rows = _miniature()
    server = RangeServer(files)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server, rows
    finally:
        server.shutdown()
        server.server_close()


def chinese(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that the default settings select."""
    return [
        row
        for row in rows
        if (row["content_languages"] or "").split(",")[0] == "zho"
        and row["fetch_status"] == 200
        and row["content_mime_detected"] == "text/html"
    ]
