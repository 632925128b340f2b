"""Removes documents of a built corpus by every criterion, builds again, and kills removals; every claim is asserted.

    python benchmarks/takedown.py --input out/example-site/crawl/warc [--kills 30] [--seed 1] [--folder DIR]

The corpus is built from copies of the WARC files, with shards of 64 KiB of text, so that a removal leaves some
untouched (a build that lies in ``--folder`` already is taken). What is removed is found in the corpus itself: the page
with the most duplicates, one of the duplicates, the host with the fewest pages (two at least), the smallest key, a
name behind 作者 or 记者, a mobile number that scrubbing has replaced. Each is a run of ``wudao remove`` on a fresh
copy of the output, then all of them at once. What must go is worked out here, from the shards and the tables of
duplicates, not from what the command says. Then:

* only shards that held a removed row have other bytes, and ``wudao verify`` finds nothing;
* every other row of text and of tokens is there, in its order; the texts are gone from the intermediates too;
* the certificate tells of these documents, and neither it nor the tombstones hold an address, a name or a number;
* copies of the removed pages under other addresses are added to the input: neither a build that resumes nor one with
  ``--fresh`` publishes anything else than the corpus after the removal;
* a removal that dies by SIGKILL leaves all or nothing: in front of each change that it makes to the file system, and
  at ``--kills`` random moments between two. The same command then completes it, and `wudao clean` leaves the
  files of an undisturbed removal.
"""

from __future__ import annotations

import argparse
import gzip
import io
import re
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson
from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType
from takedown_checks import DATASETS, Corpus, Removal, Request, Row, checked_removal, published_keys, root_hash, wudao
from takedown_kills import Victim, killed_everywhere

from corpus.shards.verify import verify
from corpus.storage import Store

OPTIONS = ("--set", f"publish.shard_bytes={1 << 16}")
NAME = re.compile(r"(?:作者|记者)[:： ]?\s*([\u4e00-\u9fff]{2,3})(?=[\s，。：:）)])")
MOBILE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
COPIES = "copies.warc.gz"


def chosen(corpus: Corpus) -> dict[str, Request]:
    """Return a request of each kind, by what it names."""
    by_keeper = Counter(one.keeper for one in corpus.duplicates)
    hosts: dict[str, set[bytes]] = defaultdict(set)
    urls: Counter[str] = Counter()
    for row in corpus.rows.values():
        urls[row.url or ""] += 1
        if row.host:
            hosts[row.host].add(row.key)
    keepers = sorted(
        (one for one in corpus.rows.values() if one.url and urls[one.url] == 1 and by_keeper[one.key]),
        key=lambda one: (-by_keeper[one.key], one.key),
    )
    found = {}
    if keepers:
        found["url"] = Request(urls=(keepers[0].url or "",))
    dropped = sorted(
        (one.key, one.url)
        for one in corpus.duplicates
        if one.url and one.keeper in corpus.rows and keepers and one.keeper != keepers[0].key and not urls[one.url]
    )
    if dropped:
        found["url of a duplicate"] = Request(urls=(dropped[0][1],))
    small = sorted((len(keys), host) for host, keys in hosts.items() if len(keys) > 1)
    if small:
        found["host"] = Request(hosts=(small[0][1],))
    found["doc"] = Request(keys=(min(corpus.rows).hex(),))
    for kind, pattern in (("person", NAME), ("id", MOBILE)):
        text = Counter(hit for one in corpus.raw.values() for hit in set(pattern.findall(one.text)))
        rare = sorted((count, hit) for hit, count in text.items())
        if rare:
            found[kind] = Request(**{f"{kind}s": (rare[0][1],)})
    return found


def joined(requests: Iterable[Request]) -> Request:
    """Return the request that names what any of ``requests`` names."""
    names = Request.__dataclass_fields__
    return Request(**{name: tuple(value for one in requests for value in getattr(one, name)) for name in names})


def write_copies(inputs: Path, pages: list[Row]) -> int:
    """Add the records of ``pages`` to the input once more, under another host's addresses; return how many it were."""
    wanted = {one.record_id for one in pages}
    count = 0
    with (inputs / COPIES).open("wb") as out:
        for record in records(inputs):
            if record.record_id in wanted:
                count += 1
                record.headers["WARC-Target-URI"] = f"https://copies.example/{count}"
                record.headers["WARC-Record-ID"] = f"<urn:uuid:00000000-0000-4000-8000-{count:012d}>"
                data = io.BytesIO()
                record.write(data)
                out.write(gzip.compress(data.getvalue(), mtime=0))
    return count


def records(inputs: Path) -> Iterator[WarcRecord]:
    """Yield the responses of the WARC files that were given."""
    for path in sorted(inputs.iterdir()):
        if path.name != COPIES:
            with path.open("rb") as stream:
                yield from ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=False)


def built_again(inputs: Path, output: Path, left: dict[bytes, str], *options: str) -> str:
    """Build into ``output`` once more, assert that it publishes what is in ``left``, and return what it was like."""
    seconds = wudao("build", "-i", str(inputs), "-o", str(output), *OPTIONS, *options)
    assert published_keys(output) == left, "a rebuild brought something back, or lost something"
    assert verify(Store(output)).problems == []
    funnel = orjson.loads((output / "build.json").read_bytes())["funnel"]
    dropped = funnel["dropped"].get("tombstone", 0)
    return f"{dropped} kept out by tombstones, root hash {root_hash(output)[:16]}, {seconds:.1f} s CPU"


def line(kind: str, done: Removal) -> str:
    """Return a row of the table of removals."""
    shards = " | ".join(f"{done.changed[name]} of {done.shards[name]}" for name in DATASETS)
    counts = f"{done.published} | {done.duplicates} | {shards} | {done.tokens:,}"
    return f"| {kind} | {counts} | {done.root_hash[:16]} | {done.cpu:.1f} |"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", action="append", required=True, help="WARC file or folder of them; repeatable")
    parser.add_argument("--kills", type=int, default=30, help="kills at random moments")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", help="work here and leave everything; default: a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        run(Path(arguments.folder or temporary).resolve(), arguments)


def run(folder: Path, arguments: argparse.Namespace) -> None:
    """Build, remove, build again, kill."""
    inputs, output = folder / "input", folder / "output"
    if not (output / "build.json").exists():
        inputs.mkdir(parents=True, exist_ok=True)
        for given in map(Path, arguments.input):
            for path in sorted(given.glob("*.warc.gz")) if given.is_dir() else [given]:
                shutil.copyfile(path, inputs / path.name)
        wudao("build", "-i", str(inputs), "-o", str(output), *OPTIONS)
    before = Corpus.read(output)
    print(f"{len(before.rows):,} documents, {len(before.duplicates):,} duplicates, root hash {before.root_hash[:16]}\n")
    requests = chosen(before)
    everything = joined(requests.values())
    print(
        "| by | documents | duplicates | text shards | token shards | tokens | root hash | CPU s |\n" + "|---" * 8 + "|"
    )
    for kind, request in (requests | {"all of these": everything}).items():
        case = Path(shutil.copytree(output, folder / "removed"))
        print(line(kind, checked_removal(before, case, request)), flush=True)
        if request is not everything:
            shutil.rmtree(case)
    left = published_keys(case)
    gone = [row for key, row in before.rows.items() if key not in left]
    print(f"\nthe same input: {built_again(inputs, case, left)}")
    print(f"copies of {write_copies(inputs, gone)} removed pages added: {built_again(inputs, case, left)}")
    print(f"with --fresh: {built_again(inputs, case, left, '--fresh')}\n", flush=True)
    (inputs / COPIES).unlink()
    shutil.rmtree(case)
    victim = Victim(output, everything, folder)
    rows = killed_everywhere(victim, arguments.kills, arguments.seed)
    kills = sum(before + after for _, _, before, after in rows)
    print(f"{kills} kills of a removal that makes {len(victim.changes)} changes in {victim.seconds:.2f} s\n")
    print("| killed | during | nothing removed | all removed |\n|---|---|---|---|")
    for how, phase, none, all_ in rows:
        print(f"| {how} | {phase} | {none} | {all_} |")


if __name__ == "__main__":
    main()
