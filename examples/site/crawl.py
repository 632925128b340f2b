"""Serve the example site on loopback and crawl it with ``wudao crawl``: ``crawl.py OUT``.

OUT/crawl receives the crawl (its WARC files are OUT/crawl/warc/), OUT/planted.tsv what was planted. A crawl that is
there is begun anew: the pages may have changed. Two crawls of the same pages give the same files.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from example_site import ExampleSite, write_planted
from serve import Server, address

SETTINGS = Path(__file__).with_name("crawl.yaml")
HTML = "text/html"


def seeds(site: ExampleSite) -> list[str]:
    """Return the front page of every site, and the advertisements, which nobody links to."""
    fronts = [f"{one.origin}/" for one in site.sites.values()]
    return fronts + [answer.url for answer in site.responses if not answer.url.startswith(tuple(fronts))]


def missed(site: ExampleSite, server: Server) -> list[str]:
    """Return the URLs of pages that were not asked for."""
    pages = [response.url for response in site.responses if response.content_type.startswith(HTML)]
    asked = set(server.asked)
    return sorted(url for url in pages if address(url) not in asked)


def crawl(out: Path) -> None:
    """Crawl into ``out``; raises RuntimeError where a page was missed."""
    shutil.rmtree(out / "crawl", ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    site = ExampleSite()
    write_planted(site, out)
    with Server(site) as server, tempfile.TemporaryDirectory() as scratch:
        listed = Path(scratch) / "seeds.txt"
        listed.write_text("".join(f"{url}\n" for url in seeds(site)), encoding="utf-8")
        command = ["crawl", str(listed), "-o", str(out / "crawl"), "-c", str(SETTINGS)]
        resolve = f"crawl.resolve={json.dumps(server.resolve())}"
        subprocess.run([sys.executable, "-m", "pipelines.cli", *command, "--set", resolve], check=True)
        lost = missed(site, server)
    if lost:
        raise RuntimeError(f"{len(lost)} pages of the example were not fetched, the first is {lost[0]}")


def main() -> None:
    """Crawl to the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    crawl(parser.parse_args().out)


if __name__ == "__main__":
    main()
