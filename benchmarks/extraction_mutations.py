"""Does any page kill or hang the extract step: mutated pages, and pages built to be hostile.

    python benchmarks/extraction_mutations.py [--data DATA] [--pages 20000]

Mutations of the project's own pages (and of the gold pages of ``DATA``): bit
flips, cuts, repeated and moved pieces, inserted tags. Prints the slowest page;
the exit status is 1 where one took longer than ``LIMIT`` seconds of CPU time
(an exception or a crash ends the script by itself).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

import numpy as np
from extraction import inline_gold
from extraction_pages.generate import KINDS, pages

from corpus.extraction.engine import Extractor

LIMIT = 30.0
TAGS = (
    b"<div>", b"</div>", b"<table>", b"</table>", b"<td>", b"<pre>", b"</pre>", b"<a href=x>", b"</a>", b"<li>", b"<h1>", b"<body>",
    b"</body>", b"<head>", b"<svg>", b"<!--", b"<title>", b"&amp;", b"\xff", b"<math><annotation>x", b"<script type=math/tex>",
    b'<img alt="', b"<figcaption>", b"<div class=comment>", b"<meta property=og:title content='",
)  # fmt: skip
PROSE = "渡口的船少了一半，剩下的也只在正午开一趟。" * 8
HOSTILE = {
    "tags nested 10^5 deep": "<div>" * 100_000 + "深处",
    "inline tags nested 10^5 deep": "<b>" * 100_000 + "深处",
    "tables nested 10^5 deep": "<table><tr><td>" * 100_000 + "深处",
    "a line of 50 MB": "<p>" + "字" * 17_000_000,
    "entity bomb": '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{i} "{"&a;" * 10}">' for i in range(50))
    + "]><p>&a49;",
    "a million entities": "<p>" + "&lt;" * 1_000_000,
    "a million ampersands": "<p>" + "&" * 1_000_000,
    "no-break spaces": "<p>" + PROSE + "\u00a0" * 2_000_000 + "尾",
    "a line of full stops": f"<p>{PROSE}</p><p>" + "。" * 1_000_000 + "a",
    "separators in the title": "<title>" + "-标 " * 500_000 + f"</title><p>{PROSE}",
    "attributes": "<meta " + "a   " * 500_000 + f"><p>{PROSE}",
    "classes": "<div " + "class=comment " * 500_000 + ">x",
    "nested JSON-LD": '<script type="application/ld+json">' + "[" * 200_000 + f"</script><p>{PROSE}",
    "posts": "<body class=viewthread>" + "<div class=post>回" * 200_000,
    "links": "<ul>" + "<li><a href=/x>标题标题标题</a>" * 200_000,
    "headings": "<title>" + "题" * 100 + "</title>" + "<h1>题题题题</h1>" * 100_000,
    "open comments": "<!--" * 500_000,
    "open tags": "<" * 2_000_000,
    "end tags": "</x>" * 1_000_000,
    "misnested": "<a><li><p><td>" * 100_000 + "</div>" * 200_000,
}


def mutate(page: bytes, source: random.Random) -> bytes:
    """Return ``page`` with one to twelve random changes."""
    data = bytearray(page)
    for _ in range(source.randint(1, 12)):
        kind, at = source.randrange(5), source.randrange(len(data) + 1)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << source.randrange(8)
        elif kind == 1:
            del data[at : at + source.randrange(400)]
        elif kind == 2:
            data[at:at] = source.choice(TAGS) * source.choice((1, 3, 50, 600))
        elif kind == 3:
            del data[at:]
        else:
            start = source.randrange(len(data) + 1)
            data[at:at] = data[start : start + source.randrange(500)]
    return bytes(data)


def main() -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--pages", type=int, default=20_000)
    arguments = parser.parse_args()
    base = [markup.encode() for kind in KINDS for _, markup, _ in pages(kind)]
    if arguments.data:
        for name in ("magic_article", "magic_forum", "trafilatura_segments"):
            base += [page.markup.encode("utf-8", "replace")[:60_000] for page in inline_gold(arguments.data, name)]
    extractor = Extractor()
    extractor.extract(np.frombuffer(base[0], np.uint8))
    source = random.Random(20210601)
    slowest = ("", 0.0)
    began = time.process_time()
    for number in range(arguments.pages):
        page = mutate(source.choice(base), source)
        start = time.process_time()
        extractor.extract(
            np.frombuffer(page, np.uint8), "https://bbs.example/thread-1-1-1.html" if number % 3 == 0 else None
        )
        slowest = max(slowest, (f"mutation {number}", time.process_time() - start), key=lambda item: item[1])
    print(
        f"{arguments.pages} mutated pages in {time.process_time() - began:.0f} s, slowest {slowest[0]}: {slowest[1]:.2f} s"
    )
    for name, markup in HOSTILE.items():
        page = markup.encode()
        start = time.process_time()
        found = extractor.extract(np.frombuffer(page, np.uint8))
        seconds = time.process_time() - start
        slowest = max(slowest, (name, seconds), key=lambda item: item[1])
        print(
            f"  {name:30} {len(page) / 1e6:6.1f} MB  {seconds:6.2f} s  {found.kind:8} {sum(map(len, found.parts))} characters"
        )
    return int(slowest[1] > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
