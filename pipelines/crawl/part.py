"""What a task has fetched so far: a WARC file that grows by whole pages, and a journal that says up to where.

Every page is appended to the WARC file first and to the journal afterwards,
with the place where its records end. After ``kill -9`` the next attempt cuts
the WARC file back to the last journalled place and goes on from there, so that
only pages in flight are lost. Under its final name the file appears whole.
"""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from corpus.errors import BuildError
from corpus.storage import Store
from pipelines.crawl.exchange import Exchange

WARC_VERSION = "WARC/1.1"
OPT_OUT_HEADER = "WUDAO-Opt-Out"  # reservations that neither headers nor page state, for the reader of the WARC file
_PROFILE = "http://netpreserve.org/warc/1.1/revisit/"
_RECORD_IDS = uuid.UUID("0b7f6f0e-6d2a-5c55-8a53-3b9b0d3f5a7e")  # namespace of our UUIDs, version 5 (RFC 9562)
_LOCK_SECONDS = 120.0

Line = dict[str, Any]


class _Received(StatusAndHeaders):  # type: ignore[misc]
    """A header block that is written exactly as it was received or sent."""

    def __init__(self, head: bytes) -> None:
        super().__init__("", [], protocol="")
        self.headers_buff = head

    def __bool__(self) -> bool:
        return True

    def compute_headers_buffer(self, header_filter: object = None) -> None:
        """Leave the bytes as they are."""


def parts_folder(output: Store) -> Path:
    """Return where parts grow: beside a local output, in the machine's temporary folder for a remote one."""
    if output.local:
        return Path(output.path("work/parts"))
    return Path(tempfile.gettempdir()) / f"wudao-crawl-{blake2b(output.root.encode(), digest_size=8).hexdigest()}"


class Part:
    """The growing WARC file of one task. Use :meth:`opened`.

    Record ids are hashes of ``name`` (what the file will be called), place,
    URL and date, so that they are unique and the same bytes come out of the
    same pages. ``record_date`` (epoch seconds) stands for the dates of all
    records, None for their own.
    """

    def __init__(self, folder: Path, mark: str, name: str = "", record_date: float | None = None) -> None:
        self._name, self._record_date = name, record_date
        self._warc_path = folder / f"{mark}.warc.gz.part"
        self._journal_path = folder / f"{mark}.journal"
        self._lock_path = folder / f"{mark}.lock"
        self.lines: list[Line] = []  # of earlier attempts
        self._warc: BinaryIO | None = None
        self._journal: BinaryIO | None = None
        self._watch: Callable[[Line], None] = lambda line: None
        self._buffer = io.BytesIO()
        self._writer = WARCWriter(self._buffer, gzip=True, warc_version=WARC_VERSION)

    @contextmanager
    def opened(self) -> Iterator[Part]:
        """Lock, recover what earlier attempts wrote, and open for appending.

        Raises BuildError where another process holds the part for minutes.
        """
        self._lock_path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._lock_path, "ab") as lock:
            self._acquire(lock)
            self._recover()
            with open(self._warc_path, "ab") as self._warc, open(self._journal_path, "ab") as self._journal:
                yield self

    def _acquire(self, lock: BinaryIO) -> None:
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise BuildError(
                        f"{self._lock_path}: another crawl works on this; wait for it or choose another output"
                    ) from None
                time.sleep(0.1)

    def _recover(self) -> None:
        kept = end = 0
        data = self._journal_path.read_bytes() if self._journal_path.exists() else b""
        while (newline := data.find(b"\n", kept)) >= 0:
            try:
                line: Line = orjson.loads(data[kept:newline])
            except orjson.JSONDecodeError:
                break
            self.lines.append(line)
            end = max(end, int(line["end"]))
            kept = newline + 1
        if kept < len(data):
            os.truncate(self._journal_path, kept)
        size = self._warc_path.stat().st_size if self._warc_path.exists() else 0
        if size > end:
            os.truncate(self._warc_path, end)
        elif size < end and not self._moved(size):
            # The file system lost what the journal promises (a power cut): nothing of this part can be trusted.
            os.truncate(self._journal_path, 0)
            self.lines.clear()
            if size:
                os.truncate(self._warc_path, 0)

    def _moved(self, size: int) -> bool:
        """Return whether an earlier attempt got as far as moving the finished file to its final name."""
        return size == 0 and bool(self.lines) and self.lines[-1].get("type") == "finished"

    def watch(self, callback: Callable[[Line], None]) -> None:
        """Call ``callback`` with each line that is noted from now on."""
        self._watch = callback

    @property
    def size(self) -> int:
        """Bytes of the WARC file so far."""
        return 0 if self._warc is None else self._warc.tell()

    @property
    def finished(self) -> bool:
        """Whether an earlier attempt had fetched everything."""
        return bool(self.lines) and self.lines[-1].get("type") == "finished"

    def note(self, line: Line) -> None:
        """Append the records written since the last note to the WARC file, then ``line`` to the journal."""
        assert self._warc is not None
        assert self._journal is not None
        records = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        if records:
            self._warc.write(records)
            self._warc.flush()
        self._journal.write(orjson.dumps(line | {"end": self._warc.tell()}) + b"\n")
        self._journal.flush()
        self._watch(line)

    def finish(self, store: Store, name: str) -> int:
        """Move the WARC file to ``name`` in ``store`` and return its bytes; at a second call nothing happens."""
        assert self._warc is not None
        if store.local and self.finished and store.exists(name):
            return store.size(name)
        os.fsync(self._warc.fileno())
        size = self._warc_path.stat().st_size
        if size == 0:
            return 0
        if not self.finished:
            self.note({"type": "finished"})
        if store.local:
            os.makedirs(os.path.dirname(store.path(name)), exist_ok=True)
            os.replace(self._warc_path, store.path(name))
        else:
            with open(self._warc_path, "rb") as source, store.open_write(name) as target:
                shutil.copyfileobj(source, target, 1 << 20)
        return size

    def append(self, member: bytes) -> None:
        """Add a record that is compressed already, as it is."""
        self._buffer.write(member)

    def warcinfo(self, name: str, fields: dict[str, str], now: float) -> None:
        """Add the record that says who wrote the file."""
        record = self._writer.create_warcinfo_record(name, fields)
        for header, value in self._identity("warcinfo", "", now).items():
            record.rec_headers.replace_header(header, value)
        self._writer.write_record(record)

    def response(self, exchange: Exchange, now: float, opt_out: list[str]) -> str:
        """Add response and request of ``exchange``, which ended at ``now``; return the payload digest."""
        headers = self._identity("response", exchange.url, now) | {"WARC-IP-Address": exchange.address}
        if exchange.truncated:
            headers["WARC-Truncated"] = exchange.truncated
        if opt_out:
            headers[OPT_OUT_HEADER] = ", ".join(opt_out)
        record = self._writer.create_warc_record(
            exchange.url,
            "response",
            payload=io.BytesIO(exchange.body),
            length=len(exchange.body),
            http_headers=_Received(exchange.head),
            warc_headers_dict=headers,
        )
        self._writer.write_record(record)
        self._request(exchange, now, record.rec_headers.get_header("WARC-Record-ID"))
        digest: str = record.rec_headers.get_header("WARC-Payload-Digest")
        return digest

    def revisit(self, exchange: Exchange, now: float, digest: str, stored_at: float) -> None:
        """Add a revisit record: the page is as it was when its response record was written at ``stored_at``."""
        modified = exchange.status != 304
        record = self._writer.create_warc_record(
            exchange.url,
            "revisit",
            http_headers=_Received(exchange.head),
            warc_headers_dict={
                **self._identity("revisit", exchange.url, now),
                "WARC-IP-Address": exchange.address,
                "WARC-Profile": _PROFILE + ("identical-payload-digest" if modified else "server-not-modified"),
                "WARC-Payload-Digest": digest,
                "WARC-Refers-To-Target-URI": exchange.url,
                "WARC-Refers-To-Date": self._date(stored_at),
            },
        )
        self._writer.write_record(record)
        self._request(exchange, now, record.rec_headers.get_header("WARC-Record-ID"))

    def metadata(self, url: str, now: float, fields: list[tuple[str, str]]) -> None:
        """Add a metadata record with ``fields`` (application/warc-fields)."""
        payload = "".join(f"{name}: {value}\r\n" for name, value in fields).encode("utf-8")
        self._writer.write_record(
            self._writer.create_warc_record(
                url,
                "metadata",
                payload=io.BytesIO(payload),
                length=len(payload),
                warc_content_type="application/warc-fields",
                warc_headers_dict=self._identity("metadata", url, now),
            )
        )

    def _request(self, exchange: Exchange, now: float, concurrent_to: str) -> None:
        self._writer.write_record(
            self._writer.create_warc_record(
                exchange.url,
                "request",
                http_headers=_Received(exchange.request),
                warc_headers_dict=self._identity("request", exchange.url, now) | {"WARC-Concurrent-To": concurrent_to},
            )
        )

    def _date(self, seconds: float) -> str:
        return warc_date(seconds if self._record_date is None else self._record_date)

    def _identity(self, kind: str, url: str, now: float) -> dict[str, str]:
        """Return id and date of the record that begins here."""
        date = self._date(now)
        place = self.size + self._buffer.tell()
        identity = uuid.uuid5(_RECORD_IDS, f"{self._name} {place} {kind} {url} {date}")
        return {"WARC-Record-ID": f"<urn:uuid:{identity}>", "WARC-Date": date}


def warc_date(seconds: float) -> str:
    """Return epoch seconds as WARC 1.1 writes them, with microseconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
