"""Does any input crash a build: mutated WARC, HTML, JSONL, Parquet and WuDao files, and mutated configurations.

    python benchmarks/input_mutations.py [--inputs 100000] [--seed 1] [--keep FOLDER]

Seeded mutations of small sound files (bit flips, cuts, repeated and moved slices, changed lengths, huge numbers, deep
nesting, bytes that are no UTF-8, compression of what is broken) are written to a folder, planned by
:func:`corpus.reading.plan_splits`, read by :func:`corpus.reading.read_split` and sent through the decode and extract
steps; mutated ``corpus.yaml`` goes through :func:`corpus.config.load.load_config`. Wanted: nothing but the project's
own errors (:class:`corpus.errors.WudaoError`), every record accounted for (read = with documents + skipped +
quarantined, in every batch and in the ledger), no death of the process, none that takes more than ``CPU_LIMIT`` seconds.
Chunks run in forked children, so that a death is seen and its file known. Files that fail are written to ``--keep``.
The exit status is 1 where anything failed. An exception inside a step, which a build turns into a quarantined record,
counts as a failure here too.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from corpus.config.build import BuildConfig
from corpus.config.input import InputSettings
from corpus.config.load import load_config
from corpus.errors import WudaoError
from corpus.reading import plan_splits, read_split
from corpus.reading.digests import DigestCache
from corpus.reading.splits import Split
from corpus.steps import make_step
from pipelines.passes.steps import Chain

CPU_LIMIT = 60.0  # seconds for one chunk of files
MEMORY_LIMIT = 6 << 30
CHUNK = 250
SHARES = {"warc": 0.22, "html": 0.22, "jsonl": 0.18, "wudao": 0.15, "parquet": 0.11, "yaml": 0.12}
SUFFIX = {"warc": ".warc", "html": ".html", "jsonl": ".jsonl", "wudao": ".json", "parquet": ".parquet", "yaml": ".yaml"}
SENTENCES = (
    "渡口的船少了一半，剩下的也只在正午开一趟。",
    "老人说，旧县志里记着三次大水，最近一次是民国廿年。",
    "本实验在恒温条件下重复五次，误差不超过百分之二。",
    "承租人逾期支付租金的，出租人可以解除合同。",
)
HUGE = (
    b"0",
    b"-1",
    b"9" * 19,
    b"4294967296",
    b"1e999",
    b"9" * 5000,
    b"0x10",
    "４２".encode(),
    b"1" + b"0" * 400,
    b"NaN",
)
NESTING = (b"[", b'{"a":', b"<div>", b"<table><tr><td>", b"- ", b"{", b"[{", b"<b>")
NOISE = (
    b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\x00", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\\ud83d", b"\\u0000",
    b"\r\n\r\n", b"WARC/1.0\r\n", b"PAR1", b"<!--", b"</", b"&#x110000;", b"&#0;", b"\xef\xbb\xbf", b"\xe2\x80\xa8",
    b"<script>", b"<plaintext>", b"charset=utf-7", b"<meta charset=utf-16>", b'"text":', b"null", b"!!bool ", b"!!int ''",
    b"&a [*a]", b"? [a]: b\n", b"<<: 5\n", b"2020-99-99", b"2001-01-01T00:00:00+99:99", b"\t", b"}{", b"},{", b"]", b"%YAML 9.9\n",
)  # fmt: skip


class Failure(NamedTuple):
    """An input that crashed something, or was not accounted for."""

    kind: str
    name: str
    what: str


def text(number: int) -> str:
    """Return a short Chinese text, different for each number."""
    rng = random.Random(number)
    return f"第{number}篇。" + "".join(rng.choice(SENTENCES) for _ in range(rng.randint(1, 12)))


def page(number: int, charset: str = "utf-8") -> bytes:
    """Return a page of a few paragraphs."""
    body = "".join(f"<p>{text(number * 7 + n)}</p>" for n in range(3))
    markup = f"<!doctype html><html><head><meta charset={charset}><title>第{number}页</title></head><body>{body}"
    return (markup + "<ul><li><a href=/a>目录</a><li><a href=/b>留言</a></ul></body></html>").encode(
        charset, "xmlcharrefreplace"
    )


def warc(number: int) -> bytes:
    """Return an archive of four records, plain, gzip or zstd by number."""
    records = []
    for n in range(number, number + 4):
        block = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset={('utf-8', 'gbk')[n % 2]}\r\n".encode()
        body = page(n, ("utf-8", "gbk")[n % 2])
        if n % 3 == 0:
            block, body = block + b"Content-Encoding: gzip\r\n", gzip.compress(body, mtime=0)
        if n % 5 == 0:
            body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
            block += b"Transfer-Encoding: chunked\r\n"
        block += b"\r\n" + body
        head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://例{n}.cn/\r\nWARC-Date: 2020-07-01T08:00:00Z\r\n"
        head += f"WARC-Record-ID: <urn:uuid:{n}>\r\nContent-Type: application/http; msgtype=response\r\n"
        records.append(f"{head}Content-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n")
    pack: Callable[[bytes], bytes] = (bytes, lambda one: gzip.compress(one, mtime=0), zstandard.compress)[number % 3]
    return b"".join(map(pack, records))


def rows(number: int) -> list[dict[str, Any]]:
    """Return rows as WuDao and JSONL files have them."""
    return [
        {"id": n, "uniqueKey": f"k{n}", "titleUkey": f"t{n}", "dataType": "新闻", "title": f"第{n}则", "content": text(n),
         "url": f"http://例.cn/{n}", "date": "2021-03-04", "meta": {"refs": [{"a": 1}, {"b": [2, 3.5]}]}}
        for n in range(number, number + 5)
    ]  # fmt: skip


def jsonl(number: int) -> bytes:
    """Return JSON Lines, plain, gzip or zstd by number."""
    data = "".join(json.dumps(row, ensure_ascii=number % 2 == 0) + "\n" for row in rows(number)).encode()
    return (data, gzip.compress(data, mtime=0), zstandard.compress(data))[number % 3]


def wudao(number: int) -> bytes:
    """Return one JSON array of objects."""
    return json.dumps(rows(number), ensure_ascii=False, indent=number % 2 or None).encode()


def parquet(number: int) -> bytes:
    """Return a Parquet file of two row groups."""
    sink = pa.BufferOutputStream()
    codec = ("zstd", "snappy", "none", "gzip")[number % 4]
    pq.write_table(pa.Table.from_pylist(rows(number) * 4), sink, row_group_size=10, compression=codec)
    return bytes(sink.getvalue())


def configuration(number: int) -> bytes:
    """Return two sections of the commented default configuration: the whole of it takes PyYAML a tenth of a second."""
    whole = (Path(__file__).parents[1] / "corpus.yaml").read_text(encoding="utf-8")
    sections = re.split(r"^(?=[a-z_]+:)", whole, flags=re.MULTILINE)[1:]
    return "".join(sections[place % len(sections)] for place in (number, number + 1 + number // 7)).encode()


SAMPLES: dict[str, Callable[[int], bytes]] = {
    "warc": warc,
    "html": lambda number: page(number, ("utf-8", "gb18030", "big5")[number % 3] if number % 7 else "utf-16"),
    "jsonl": jsonl,
    "wudao": wudao,
    "parquet": parquet,
    "yaml": configuration,
}


def mutate(data: bytearray, rng: random.Random) -> None:
    """Change ``data`` once."""
    at = rng.randrange(len(data) + 1)
    kind = rng.randrange(10)
    if kind == 0 and data:
        for _ in range(rng.choice((1, 1, 8, 64))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        del data[at : at + rng.choice((1, 4, 40, 400))]
    elif kind == 3:
        start = rng.randrange(len(data) + 1)
        data[at:at] = data[start : start + rng.choice((1, 16, 256, 4096))] * rng.choice((1, 1, 2, 20))
    elif kind == 4:
        digits = [place for place, byte in enumerate(data[:20_000]) if 0x30 <= byte <= 0x39]
        start = rng.choice(digits) if digits else at
        end = start
        while end < len(data) and 0x30 <= data[end] <= 0x39:
            end += 1
        data[start:end] = rng.choice(HUGE)
    elif kind == 5 and len(data) >= 8:
        # A length field of a binary format: four bytes little-endian, more often than not at the end (Parquet's footer).
        place = len(data) - 8 if rng.random() < 0.3 else rng.randrange(len(data) - 4)
        data[place : place + 4] = rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, len(data))).to_bytes(4, "little")
    elif kind == 6:
        data[at:at] = rng.choice(NESTING) * rng.choice((3, 30, 600, 20_000))
    elif kind == 7:
        data[at:at] = rng.choice(NOISE)
    elif kind == 8:
        data[at:at] = rng.choice(NOISE) * rng.choice((2, 50, 3000))
    else:
        data[at : at + rng.choice((1, 20))] = rng.randbytes(rng.choice((1, 20, 300)))


def mutated(kind: str, number: int, seed: int) -> bytes:
    """Return input ``number`` of ``kind``: a function of its arguments."""
    rng = random.Random(f"{seed} {kind} {number}")
    data = bytearray(SAMPLES[kind](rng.randrange(1000)))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        mutate(data, rng)
    whole = bytes(data)
    if kind not in ("yaml", "parquet") and rng.random() < 0.08:
        whole = (gzip.compress, zstandard.compress)[rng.randrange(2)](whole)
    return whole


def settings(folder: Path) -> InputSettings:
    """Return limits small enough that inputs of this size reach them."""
    return InputSettings(
        paths=[str(folder)],
        max_record_bytes=1 << 18,
        max_decompressed_bytes=1 << 24,
        split_bytes=1 << 12,
        batch_rows=64,
    )


class Reader:
    """Sends files through planning, reading, decoding and extracting, and keeps the accounts."""

    def __init__(self) -> None:
        config = BuildConfig()
        self.steps = [make_step(name, getattr(config, name)) for name in ("decode", "extract")]

    def load(self) -> None:
        """Load the steps, and use them once: kernels that this process has loaded need no loading in its forks."""
        for step in self.steps:
            step.load()
        with tempfile.TemporaryDirectory() as scratch:
            for kind in SHARES:
                (Path(scratch) / f"sound{SUFFIX[kind]}").write_bytes(SAMPLES[kind](1))
            for _ in self.read(Path(scratch)):
                pass

    def read(self, folder: Path) -> Iterator[tuple[str, str | None, Counter[str]]]:
        """Yield (paths, what failed or None, counts) of every split of ``folder``."""
        limits = settings(folder)
        try:
            plan = plan_splits(limits, DigestCache())
        except WudaoError:
            yield "plan", None, Counter(refused=1)
            return
        yield "plan", None, Counter(refused=plan.refused.num_rows, read=plan.refused.num_rows)
        for split in plan.splits:
            try:
                yield _names(split), None, self.account(split, limits)
            except Exception:  # noqa: BLE001 - what this benchmark looks for
                yield _names(split), traceback.format_exc(limit=-4), Counter()

    def account(self, split: Split, limits: InputSettings) -> Counter[str]:
        """Read one split; return its counts. Raises where a balance does not hold or a step failed."""
        chain = Chain(self.steps)
        ledger = chain.ledger
        try:
            for batch in read_split(split, limits):
                skipped = sum(batch.skipped.values())
                if batch.n_read != batch.records.num_rows + skipped + batch.quarantined.num_rows:
                    raise AssertionError(f"{batch.n_read} read, others accounted for")
                ledger.read += batch.n_read
                ledger.skipped.update(batch.skipped)
                ledger.quarantined.update(batch.quarantined.column("reason").to_pylist())
                ledger.kept += chain.run(batch.records).num_rows
        except WudaoError:
            return Counter(own_errors=1)
        ledger.check(_names(split))
        for letter in chain.dead_letters:
            if letter["reason"].endswith("_error"):
                raise AssertionError(f"step {letter['step']} raised on {letter['path']}: {letter['detail']}")
        return Counter(
            read=ledger.read,
            documents=ledger.documents,
            skipped=ledger.skipped.total(),
            quarantined=ledger.quarantined.total(),
        )


def _names(split: Split) -> str:
    return " ".join(piece.path for piece in split.pieces)


def load_configurations(paths: Sequence[Path]) -> Iterator[tuple[str, str | None, Counter[str]]]:
    """Yield (name, what failed or None, counts) of every configuration."""
    for path in paths:
        try:
            load_config(path)
            yield path.name, None, Counter(accepted=1)
        except WudaoError as error:
            sound = bool(str(error)) and "Traceback" not in str(error)
            yield path.name, None if sound else f"no sentence: {error!r}", Counter(refused=1)
        except Exception:  # noqa: BLE001 - what this benchmark looks for
            yield path.name, traceback.format_exc(limit=-4), Counter()


def chunk(kind: str, numbers: range, seed: int, folder: Path, reader: Reader) -> dict[str, Any]:
    """Write the inputs ``numbers`` into ``folder``, feed them, and return counts and failures as JSON values."""
    paths = []
    for number in numbers:
        path = folder / f"{number:06d}{SUFFIX[kind]}"
        path.write_bytes(mutated(kind, number, seed))
        paths.append(path)
    counts: Counter[str] = Counter()
    failures: list[tuple[str, str]] = []
    for name, what, found in load_configurations(paths) if kind == "yaml" else reader.read(folder):
        counts.update(found)
        if what is not None:
            failures.append((name, what))
    return {"counts": counts, "failures": failures}


def in_child(run: Callable[[], dict[str, Any]]) -> dict[str, Any] | str:
    """Return what ``run`` returns in a forked child with limits on CPU and memory, or how the child died."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(receive)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
            signal.setitimer(signal.ITIMER_VIRTUAL, CPU_LIMIT)  # SIGVTALRM ends the process, in C code too
            with os.fdopen(send, "w") as stream:
                json.dump(run(), stream)
            status = 0
        except BaseException:  # noqa: BLE001 - told to the parent, which knows the inputs
            traceback.print_exc()
        os._exit(status)
    os.close(send)
    with os.fdopen(receive) as stream:
        said = stream.read()
    _, status = os.waitpid(child, 0)
    if status:
        return f"died: signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "an exception outside of any split"
    found: dict[str, Any] = json.loads(said)
    return found


def feed(kind: str, numbers: range, seed: int, scratch: Path, reader: Reader) -> tuple[Counter[str], list[Failure]]:
    """Feed ``numbers`` in a child; where it dies, halve them until the input stands alone."""
    folder = scratch / f"{kind}-{numbers.start}-{len(numbers)}"
    folder.mkdir()
    found = in_child(lambda: chunk(kind, numbers, seed, folder, reader))
    shutil.rmtree(folder)
    if not isinstance(found, str):
        return Counter(found["counts"]), [Failure(kind, name, what) for name, what in found["failures"]]
    if len(numbers) == 1:
        return Counter(), [Failure(kind, f"{numbers.start:06d}{SUFFIX[kind]}", found)]
    middle = len(numbers) // 2
    left = feed(kind, numbers[:middle], seed, scratch, reader)
    right = feed(kind, numbers[middle:], seed, scratch, reader)
    return left[0] + right[0], left[1] + right[1]


def keep(failure: Failure, folder: Path, seed: int) -> None:
    """Write the files of ``failure`` to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in failure.name.split():
        stem = name.partition(".")[0]
        if stem.isdigit():
            (folder / f"{seed}-{failure.kind}-{name}").write_bytes(mutated(failure.kind, int(stem), seed))


def main() -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for inputs that fail")
    arguments = parser.parse_args()
    reader = Reader()
    reader.load()
    failures: list[Failure] = []
    print("| kind | inputs | records read | documents | skipped | quarantined | files refused | failures |")
    print("|---" * 8 + "|")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        for kind, share in SHARES.items():
            total = round(arguments.inputs * share)
            counts: Counter[str] = Counter()
            found: list[Failure] = []
            for start in range(0, total, CHUNK):
                numbers = range(start, min(start + CHUNK, total))
                more, failed = feed(kind, numbers, arguments.seed, Path(scratch), reader)
                counts += more
                found += failed
            for failure in found:
                print(f"{failure.kind} {failure.name}\n{failure.what}", file=sys.stderr, flush=True)
                if arguments.keep:
                    keep(failure, arguments.keep, arguments.seed)
            failures += found
            cells = [counts[name] for name in ("read", "documents", "skipped", "quarantined", "refused")]
            print(f"| {kind} | {total} | {' | '.join(map(str, cells))} | {len(found)} |", flush=True)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = seconds.ru_utime + seconds.ru_stime
    print(f"{cpu:.0f} s of CPU, {time.monotonic() - began:.0f} s, largest process {seconds.ru_maxrss / 1e3:.0f} MB")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
