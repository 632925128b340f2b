"""``wudao remove``."""

from __future__ import annotations

from collections import Counter

from rich.console import Console

from corpus.errors import BuildError
from corpus.shards.journal import finish
from corpus.shards.verify import SUMMARY_NAME
from corpus.storage import Store
from corpus.takedown.certificate import FOLDER
from corpus.takedown.request import Request
from corpus.takedown.tombstones import Tombstones
from pipelines.lock import locked
from pipelines.takedown.removal import remove
from pipelines.takedown.search import Findings, Found, find


def remove_command(output: str, request: Request, yes: bool, count: int) -> None:
    """Show what a request finds; with ``yes`` remove it and print the certificate. Completes one that was killed."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    store = Store(output)
    request.check()
    if not store.exists(SUMMARY_NAME):
        raise BuildError(f"{output}: no finished build here; name the OUTPUT of `wudao build`")
    with locked(store):
        if finish(store):
            console.print("an earlier take-down was completed")
        findings = find(store, request)
        show_findings(console, findings, count)
        if not yes:
            console.print("Nothing was changed. Repeat with --yes to remove these; --keep KEY leaves a namesake.")
            return
        if not findings.documents and request.stones() <= Tombstones.read(store).stones:
            console.print("Nothing to remove.")
            return
        certificate = remove(store, findings)
    console.print(store.read_bytes(f"{FOLDER}/{certificate['certificate']}.json").decode(), end="")
    console.print(f"certificate  {store.path(f'{FOLDER}/' + certificate['certificate'] + '.json')}")
    console.print("The input still holds what was removed, and so may rejects and audits below work/: see")
    console.print("docs/personal-information.md; `wudao clean --intermediates` empties work/.")


def show_findings(console: Console, findings: Findings, count: int) -> None:
    """Print ``count`` documents of each role with the surroundings of what matched, and the totals."""
    by_role: dict[str, list[Found]] = {"published": findings.published}
    for one in sorted(findings.documents.values(), key=lambda one: one.key):
        if one.role != "published":
            by_role.setdefault(one.role, []).append(one)
    for role, documents in by_role.items():
        for one in documents[:count]:
            place = f"shard {one.shard} row {one.row}" if one.shard is not None else ""
            copy = f"of {one.keeper.hex()}" if one.keeper is not None else ""
            console.print(f"── {role} {one.key.hex()}  {copy or place}  by {', '.join(one.why)}")
            console.print(f"   {one.url or 'no address'}  {one.title or ''}")
            for line in one.excerpts:
                console.print(f"   {line}")
        if len(documents) > count:
            console.print(f"   … and {len(documents) - count:,} more {role}; -n shows more")
    console.print(
        ", ".join(f"{len(documents):,} {role}" for role, documents in by_role.items())
        + f" in {len(findings.rows())} shards"
    )
    hosts = Counter((one.url or "").split("/")[2] for one in findings.published if (one.url or "").count("/") > 1)
    if len(hosts) > 1:
        console.print("published on: " + ", ".join(f"{host} {number}" for host, number in hosts.most_common(10)))
    if findings.request.needs_text and not findings.intermediates:
        console.print(
            "Only published texts were searched: the intermediates are gone. What scrubbing replaced is not found;"
        )
        console.print("name the page by --url or --doc where you know it.")
