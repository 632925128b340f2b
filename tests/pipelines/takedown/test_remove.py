"""Take-down of a finished build: rows, tokens, manifests, funnel; and a rebuild that brings nothing back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from takedown_corpus import NEWS3, PHONE, MakeConfig, build, files, published, taken

from corpus.errors import BuildError
from corpus.shards.manifest import read_manifest
from corpus.shards.reader import open_corpus, read_corpus, read_shard
from corpus.shards.verify import verify
from corpus.storage import Store
from corpus.takedown.certificate import is_sealed
from corpus.takedown.request import Request
from pipelines.clean import clean
from pipelines.commands.remove import remove_command
from pipelines.lock import locked
from pipelines.takedown.removal import remove
from pipelines.takedown.search import find


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


@pytest.mark.parametrize("criterion", ["url of a duplicate", "host", "doc", "id"])
def test_the_same_command_again_finds_nothing_and_changes_nothing(
    criterion: str, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mirror,) = find(Store(output), Request(urls=("https://mirror.example/5",))).published
    request = {
        "url of a duplicate": Request(urls=("https://mirror.example/5",)),
        "host": Request(hosts=("mirror.example",)),
        "doc": Request(keys=(mirror.key.hex(),)),
        "id": Request(ids=(PHONE,)),
    }[criterion]
    remove_command(str(output), request, True, 5)
    assert '"certificate"' in capsys.readouterr().out
    once = files(output)
    remove_command(str(output), request, True, 5)
    assert "Nothing to remove" in capsys.readouterr().out
    assert files(output) == once


def test_a_text_that_a_rebuild_read_again_is_emptied_again(
    written_input: Path, make_config: MakeConfig, output: Path
) -> None:
    taken(output, urls=(NEWS3,))
    for path in (output / "work" / "reports").rglob("*.json"):
        path.unlink()
    shutil.rmtree(output / "tokens")
    build(make_config(written_input, output, run={"workers": 1}))
    findings = find(Store(output), Request(urls=(NEWS3,)))
    assert [one.role for one in findings.documents.values()] == ["not published"]
    remove(Store(output), findings)
    assert find(Store(output), Request(urls=(NEWS3,))).documents == {}
    assert verify(Store(output)).problems == []


def test_a_build_that_runs_is_not_disturbed(output: Path) -> None:
    with locked(Store(output)), pytest.raises(BuildError, match="is running here"):
        remove_command(str(output), Request(urls=(NEWS3,)), True, 5)


def test_tokens_of_another_corpus_are_refused(output: Path) -> None:
    path = output / "tokens" / "manifest.json"
    path.write_bytes(path.read_bytes().replace(open_corpus(str(output)).root_hash.encode(), b"0" * 64))
    with pytest.raises(BuildError, match="wudao tokenise"):
        taken(output, urls=(NEWS3,))
