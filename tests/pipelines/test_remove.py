"""Take-down of a finished build: rows, tokens, manifests, funnel; and a rebuild that brings nothing back."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.config.scrub import ScrubSettings
from corpus.errors import BuildError
from corpus.schema import SOURCE_TYPES, tokens_schema
from corpus.shards import journal
from corpus.shards.manifest import TOKEN_SHARDS, read_manifest, write_manifest
from corpus.shards.reader import open_corpus, read_corpus, read_shard
from corpus.shards.verify import verify
from corpus.shards.writer import ShardWriter
from corpus.steps.scrub import Scrub
from corpus.storage import Store
from corpus.takedown.certificate import is_sealed
from corpus.takedown.request import Request
from pipelines.build import Build
from pipelines.clean import clean
from pipelines.commands.pii import verify_pii_command
from pipelines.commands.remove import remove_command
from pipelines.engines.registry import make_engine
from pipelines.leaks import check_leaks, find_leaks
from pipelines.lock import locked
from pipelines.takedown.removal import remove
from pipelines.takedown.search import find

MakeConfig = Callable[..., BuildConfig]
NEWS3 = "https://news0.example/3"
PHONE = "13907314582"


def build(config: BuildConfig) -> dict[str, Any]:
    engine = make_engine(config.run)
    try:
        Build(config, engine, Console(file=StringIO())).run()
    finally:
        engine.close()
    summary: dict[str, Any] = orjson.loads((Path(config.output) / "build.json").read_bytes())
    return summary


def write_tokens(output: Path) -> None:
    """Write token shards with one token per character, in place of a tokenizer's."""
    corpus = open_corpus(str(output))
    store = Store(output).sub("tokens")
    shards = []
    names = [*corpus.root["tables"]["domains"], "none"]
    for shard in corpus.shards():
        name = f"{shard['split']}/t{shard['index']}.arrow"
        writer = ShardWriter(store, name, tokens_schema(False), compression=None, sized_by="tokens", batch_rows=0)
        counts, lengths = [0] * len(names), [0] * len(names)
        for batch in read_shard(corpus.store, shard):
            rows = [
                {
                    "tokens": [ord(char) & 0xFFFF for char in row["text"]],
                    "doc_key": row["doc_key"],
                    "domain": -1,
                    "domain_mask": 0,
                    "source_type": -1,
                    "n_chars": row["n_chars"],
                    "quality": row["quality"],
                    "cluster_size": row["cluster_size"],
                    "prompt_len": 0,
                }
                for row in batch.to_pylist()
            ]
            counts[-1] += len(rows)
            lengths[-1] += sum(len(row["tokens"]) for row in rows)
            writer.write(pa.RecordBatch.from_pylist(rows, schema=tokens_schema(False)))
        entry = writer.close() | {"index": shard["index"], "split": shard["split"], "n_chars": shard["n_chars"]}
        shards.append(entry | {"tokens": lengths[-1], "domain_rows": counts, "domain_tokens": lengths})
    totals: dict[str, Any] = {name: sum(one[name] for one in shards) for name in ("rows", "tokens", "bytes", "n_chars")}
    totals["domain_tokens"] = dict.fromkeys(names, 0) | {"none": totals["tokens"]}
    root = {"kind": "tokens", "corpus_root_hash": corpus.root_hash, "dtype": "uint16", "tokenizer": {"path": "../x"}}
    tables = {"domains": names[:-1], "source_types": list(SOURCE_TYPES)}
    write_manifest(store, TOKEN_SHARDS, shards, root | {"tables": tables, "totals": totals})


@pytest.fixture(scope="module")
def original(written_input: Path, make_config: MakeConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("original") / "out"
    build(make_config(written_input, output, run={"workers": 1}, publish={"shard_bytes": 1 << 16, "valid_share": 0.1}))
    write_tokens(output)
    return output


@pytest.fixture
def output(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "out")
    return tmp_path / "out"


def published(output: Path) -> dict[str, str]:
    """Return url (or key) -> text of what is published."""
    rows = (row for batch in read_corpus(open_corpus(str(output))) for row in batch.to_pylist())
    return {row["url"] or row["doc_key"].hex(): row["text"] for row in rows}


def taken(output: Path, **criteria: tuple[str, ...]) -> dict[str, Any]:
    store = Store(output)
    return remove(store, find(store, Request(**criteria)))


def files(output: Path) -> dict[str, bytes]:
    return {name: Store(output).read_bytes(name) for name in Store(output).names() if not name.startswith("work/")}


def test_only_touched_shards_change_and_everything_verifies(output: Path) -> None:
    before = files(output)
    texts = published(output)
    certificate = taken(output, urls=("http://NEWS0.example/3#top",))
    after = files(output)
    assert set(texts) - set(published(output)) == {NEWS3}
    shards = {name for name in before if name.endswith(".arrow")}
    assert len(shards - set(after)) == 2  # one text shard, one token shard
    assert all(before[name] == after[name] for name in shards & set(after))
    assert verify(Store(output)).problems == []
    summary = orjson.loads(after["build.json"])
    assert summary["funnel"]["removed_on_request"] == certificate["removed"]["rows"] == 1
    assert certificate["removed"]["tokens"] == len(texts[NEWS3])
    manifest = read_manifest(Store(output).sub("tokens"))
    assert manifest.root["totals"]["tokens"] == sum(len(text) for text in published(output).values())
    assert manifest.root["totals"]["domain_tokens"]["none"] == manifest.root["totals"]["tokens"]


def test_duplicates_go_with_the_document_that_they_stand_for(output: Path) -> None:
    findings = find(Store(output), Request(urls=("https://mirror.example/5",)))  # a copy of news2.example/5
    roles = {one.url: (one.role, one.why) for one in findings.documents.values()}
    assert len(roles) == 2
    assert sorted(role for role, _ in roles.values()) == ["duplicate", "published"]
    assert {("url",), ("copy",)} == {why for _, why in roles.values()}
    certificate = remove(Store(output), findings)
    assert {one["role"] for one in certificate["documents"]} == {"duplicate", "published"}
    assert not {"https://mirror.example/5", "https://news2.example/5"} & set(published(output))


def test_what_was_scrubbed_is_found_before_scrubbing_and_with_any_spelling(output: Path) -> None:
    assert not any(PHONE in text for text in published(output).values())
    findings = find(Store(output), Request(ids=("139-0731 ４５８２",)))
    (one,) = findings.published
    assert one.url == "https://news0.example/pii"
    assert f"【{PHONE}】" in one.excerpts[0]
    remove(Store(output), findings)
    for path in (output / "work" / "documents").iterdir():
        with pa.ipc.open_file(path) as reader:
            assert not any(PHONE in text for text in reader.read_all().column("text").to_pylist())
    shutil.rmtree(output / "work" / "documents")
    assert not find(Store(output), Request(ids=(PHONE,))).intermediates


def test_a_namesake_stays_where_it_is_named(output: Path) -> None:
    findings = find(Store(output), Request(hosts=("g.example",)))
    assert len(findings.published) == 20
    namesake = findings.published[0]
    rest = find(Store(output), Request(hosts=("g.example",), keep=(namesake.key.hex(),)))
    assert {one.key for one in findings.published} - {one.key for one in rest.published} == {namesake.key}


def test_the_certificate_and_the_tombstones_hold_nothing_personal(output: Path) -> None:
    certificate = taken(output, ids=(PHONE,), hosts=("news1.example",))
    data = (output / "takedown" / f"{certificate['certificate']}.json").read_bytes()
    assert is_sealed(data)
    assert not is_sealed(data.replace(b'"rows": ', b'"rows": 1'))
    stones = (output / "tombstones.parquet").read_bytes()
    for secret in (PHONE, "news1.example", "news0.example", "lizhi_88"):
        assert secret.encode() not in data + stones
    assert {one["dataset"] for one in certificate["shards"]} == {"corpus", "tokens"}
    assert certificate["root_hash"]["after"] == open_corpus(str(output)).root_hash


def test_a_rebuild_brings_neither_it_nor_a_copy_back(
    written_input: Path, make_config: MakeConfig, output: Path, tmp_path: Path
) -> None:
    texts = published(output)
    taken(output, urls=(NEWS3,), ids=(PHONE,))
    after = open_corpus(str(output)).root_hash
    config = make_config(written_input, output, run={"workers": 1})
    shutil.rmtree(output / "tokens")
    summary = build(config)
    assert summary["funnel"]["dropped"]["tombstone"] == 2
    assert "removed_on_request" not in summary["funnel"]
    assert open_corpus(str(output)).root_hash == after  # what was rewritten is what a build makes
    assert verify(Store(output)).problems == []
    # The same text elsewhere, the same address with another text, and a near copy that is ranked first.
    folder = tmp_path / "more"
    shutil.copytree(written_input, folder)
    near = texts[NEWS3] + "\n" + texts[NEWS3][:60]
    rows = [
        {"id": "again", "url": "https://elsewhere.example/copy", "text": texts[NEWS3]},
        {"id": "new", "url": NEWS3, "text": texts["https://g.example/1"][::-1]},
        {"id": "near", "url": "https://elsewhere.example/near", "text": near},
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "g_back.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    build(make_config(folder, output, run={"workers": 1}))
    now = published(output)
    assert not {NEWS3, "https://elsewhere.example/copy", "https://elsewhere.example/near"} & set(now)
    assert set(now) == set(texts) - {NEWS3, "https://news0.example/pii"}
    assert verify(Store(output)).problems == []


def taken_and_killed(output: Path, operations: int | None) -> int:
    """Take a page down in a child process that is killed at its n-th write; return how many writes there were."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        count = 0

        def counted(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal count
                if count == operations:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1
                return function(*arguments, **options)

            return call

        status = 1
        try:
            os.replace = counted(os.replace)  # type: ignore[assignment]
            for name in ("open_write", "write_atomic", "delete"):
                setattr(Store, name, counted(getattr(Store, name)))
            taken(output, urls=(NEWS3,))
            os.write(writer, b"%d" % count)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as stream:
        told = stream.read()
    assert os.WIFSIGNALED(status) or status == 0
    return int(told) if told else -1


def check_kills(original: Path, folder: Path, step: int) -> None:
    shutil.copytree(original, folder / "whole")
    before, texts = open_corpus(str(original)).root_hash, set(published(original))
    total = taken_and_killed(folder / "whole", None)
    assert total > 20
    after = open_corpus(str(folder / "whole")).root_hash
    seen = set()
    for operations in range(0, total, step):
        output = folder / str(operations)
        shutil.copytree(original, output)
        assert taken_and_killed(output, operations) == -1
        root_hash = open_corpus(str(output)).root_hash
        seen.add(root_hash)
        assert verify(Store(output)).problems == []  # a reader sees the one or the other, in every file
        assert texts - set(published(output)) == ({NEWS3} if root_hash == after else set())
        journal.finish(Store(output))
        assert open_corpus(str(output)).root_hash == root_hash
        assert verify(Store(output)).problems == []
        if root_hash == before:
            taken(output, urls=(NEWS3,))
            assert open_corpus(str(output)).root_hash == after
            assert verify(Store(output)).problems == []
        shutil.rmtree(output)
    assert seen == {before, after}


def test_kill_9_leaves_all_or_nothing(original: Path, tmp_path: Path) -> None:
    check_kills(original, tmp_path, 5)


@pytest.mark.slow
def test_kill_9_at_every_write_leaves_all_or_nothing(original: Path, tmp_path: Path) -> None:
    check_kills(original, tmp_path, 1)


def test_nothing_personal_survives_a_clean(output: Path) -> None:
    text = published(output)[NEWS3]
    taken(output, urls=(NEWS3,))
    clean(Store(output))
    assert verify(Store(output)).problems == []
    for name in Store(output).names():
        assert text[:20].encode() not in Store(output).read_bytes(name)


def test_a_second_take_down_adds_to_the_first(output: Path) -> None:
    taken(output, urls=(NEWS3,))
    taken(output, hosts=("g.example",))
    summary = orjson.loads((output / "build.json").read_bytes())
    assert summary["funnel"]["removed_on_request"] == 21
    assert [one["documents"] for one in summary["takedowns"]] == [1, 20]
    assert verify(Store(output)).problems == []
    (output / summary["takedowns"][0]["certificate"]).unlink()
    assert "missing" in verify(Store(output)).problems[0]


def test_shards_without_rows_leave_and_a_corpus_may_become_empty(output: Path) -> None:
    store = Store(output)
    shards = list(open_corpus(str(output)).shards())
    first = [key.hex() for batch in read_shard(store.sub("corpus"), shards[0]) for key in batch["doc_key"].to_pylist()]
    taken(output, keys=tuple(first))
    left = list(open_corpus(str(output)).shards())
    assert [one["content_hash"] for one in left] == [one["content_hash"] for one in shards[1:]]
    assert [one["index"] for one in left] == list(range(len(shards) - 1))
    assert verify(store).problems == []
    rows = (key.hex() for batch in read_corpus(open_corpus(str(output))) for key in batch["doc_key"].to_pylist())
    taken(output, keys=tuple(rows))
    root = open_corpus(str(output)).root
    assert (root["parts"], root["totals"]["rows"], root["totals"]["text_bytes"]) == ([], 0, 0)
    assert all(not counts for counts in root["totals"]["columns"].values())
    assert verify(store).problems == []


def test_an_address_that_is_not_there_yet_can_be_kept_out(output: Path) -> None:
    before = files(output)
    certificate = taken(output, hosts=(".future.example",))
    assert certificate["removed"] == {"rows": 0, "characters": 0, "tokens": 0}
    assert certificate["tombstones"] == 1
    changed = {name for name, data in files(output).items() if before.get(name) != data}
    assert not any(name.endswith(".arrow") for name in changed)
    assert verify(Store(output)).problems == []


def test_the_command_previews_and_then_removes(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(output)
    remove_command(str(output), Request(ids=(PHONE,)), False, 5)
    printed = capsys.readouterr().out
    assert f"【{PHONE}】" in printed
    assert "Nothing was changed" in printed
    assert files(output) == before
    remove_command(str(output), Request(ids=(PHONE,)), True, 5)
    assert '"certificate"' in capsys.readouterr().out
    remove_command(str(output), Request(ids=(PHONE,)), True, 5)
    assert "Nothing to remove" in capsys.readouterr().out


def test_a_build_that_runs_is_not_disturbed(output: Path) -> None:
    with locked(Store(output)), pytest.raises(BuildError, match="is running here"):
        remove_command(str(output), Request(urls=(NEWS3,)), True, 5)


def test_tokens_of_another_corpus_are_refused(output: Path) -> None:
    path = output / "tokens" / "manifest.json"
    path.write_bytes(path.read_bytes().replace(open_corpus(str(output)).root_hash.encode(), b"0" * 64))
    with pytest.raises(BuildError, match="wudao tokenise"):
        taken(output, urls=(NEWS3,))


def test_leaks_are_counted_by_kind(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verify_pii_command(str(output), 0.0)
    assert "0.0000" in capsys.readouterr().out
    phones_stay = ScrubSettings.model_validate({"actions": {"CN_MOBILE": "keep"}})
    leaks = find_leaks(Scrub(phones_stay), [leaky_batch()])
    assert (leaks.by_rules["EMAIL"], leaks.left["CN_MOBILE"], leaks.count) == (1, 1, 1)
    everything = find_leaks(Scrub(ScrubSettings.model_validate({})), [leaky_batch()])
    assert everything.by_rules["CN_MOBILE"] == everything.by_rules["EMAIL"] == 1
    assert everything.rate() == round(everything.count * 1e6 / everything.characters, 4)


def leaky_batch() -> pa.RecordBatch:
    text = article_of("联系电话：13907314582，邮箱 lizhi_88@163.com。")
    row = {"doc_key": b"k" * 16, "url": None, "title": None, "text": text, "n_chars": len(text), "source_type": None}
    schema = pa.schema(
        [
            ("doc_key", pa.binary(16)),
            ("url", pa.string()),
            ("title", pa.string()),
            ("text", pa.large_string()),
            ("n_chars", pa.int32()),
            ("source_type", pa.string()),
        ]
    )
    return pa.RecordBatch.from_pylist([row], schema=schema)


def article_of(ending: str) -> str:
    return "村里的水渠修了三年，今年春天终于通了水，大家都来看。" * 3 + "\n" + ending


def test_a_build_fails_above_its_leak_threshold(tmp_path: Path) -> None:
    batch = leaky_batch()
    schema = batch.schema
    writer = ShardWriter(Store(tmp_path), "train/a.arrow", schema)
    writer.write(batch)
    entry = writer.close()
    check_leaks(ScrubSettings.model_validate({"max_leaks": 1e6}), Store(tmp_path), [entry])
    with pytest.raises(BuildError, match="CN_MOBILE 1") as caught:
        check_leaks(ScrubSettings.model_validate({"max_leaks": 1.0}), Store(tmp_path), [entry])
    assert "13907314582" not in str(caught.value)
