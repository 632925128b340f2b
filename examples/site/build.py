"""Build the example web site as an archive: ``build.py OUT`` writes OUT/example.warc.gz and OUT/planted.tsv.

Two runs give the same bytes. ``crawl.py`` serves the same responses and crawls them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from example_site import REVISITED, ExampleSite, write_planted
from warc_writer import record, request_record, response_record, revisit_record

START_DATE = "2024-06-01T{:02d}:{:02d}:{:02d}Z"
LATER_DATE = "2024-06-08T09:30:00Z"


def records(site: ExampleSite) -> Iterator[bytes]:
    """The members of the archive: the crawl's description, names looked up, then a record a response."""
    info = b"software: examples/site/build.py\r\nformat: WARC File Format 1.1\r\nrobots: classic\r\n"
    yield record("warcinfo", "", "application/warc-fields", info, START_DATE.format(0, 0, 0))
    for one in site.sites.values():
        block = f"20240601000000\n{one.host}.\t3600\tIN\tA\t192.0.2.10\n".encode()
        yield record("response", f"dns:{one.host}", "text/dns", block, START_DATE.format(0, 0, 0))
    for index, response in enumerate(site.responses, start=1):
        date = START_DATE.format(index // 1200, index // 20 % 60, index % 20 * 3)
        if index % 10 == 0:
            yield request_record(response.url, date)
        yield response_record(response, date)
        if index in REVISITED:
            yield revisit_record(response, LATER_DATE, date)


def main() -> None:
    """Write the example to the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    site = ExampleSite()
    (arguments.out / "example.warc.gz").write_bytes(b"".join(records(site)))
    kinds = write_planted(site, arguments.out)
    print(f"{len(site.articles)} articles, {len(site.responses)} responses; planted: {dict(kinds)}")


if __name__ == "__main__":
    main()
