"""The page: whole, self-contained, the same every time, and safe whatever pages hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest

from corpus.errors import BuildError, CorruptionError
from corpus.report.gather import gather
from corpus.report.page import page

VOID = {"meta", "br", "line", "rect", "path"}


class Outline(HTMLParser):
    """Collects tags, attributes and text; refuses what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tags: set[str] = set()
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attributes

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["h2"]:
            self.headings.append(data.strip())


def made(output: Path, **options: Any) -> str:
    return page(gather(str(output), **options)).decode()


def outline(text: str) -> Outline:
    parser = Outline()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


def test_everything_a_person_wants_is_there_in_order(finished: Path) -> None:
    text = made(finished)
    assert [name for name in outline(text).headings if name] == [
        "Funnel",
        "Composition",
        "Distributions",
        "Duplicates",
        "Personal information",
        "Time",
        "Configuration",
        "Provenance and rights",
        "Quarantine",
        "Ten documents",
        "How to look further",
    ]
    assert "<h1><bdi>渡口</bdi></h1>" in text
    for expected in (
        "Han characters: dropped below 50",
        "手机号",
        "b.jsonl</bdi>@100",
        "noai 1",
        "wudao trace",
    ):
        assert expected in text


def test_nothing_is_fetched_and_nothing_runs(finished: Path) -> None:
    text = made(finished)
    parser = outline(text)
    assert not parser.tags & {"script", "img", "iframe", "object", "embed", "link", "form", "base", "audio", "video"}
    assert not [name for name, _ in parser.attributes if name.startswith("on") or name in ("src", "srcset", "action")]
    assert not re.search(r"url\(|@import|@font-face", text)
    assert "default-src 'none'" in text


def test_the_same_build_gives_the_same_bytes(finished: Path) -> None:
    assert made(finished) == made(finished)


def test_what_pages_hold_stays_text(write: Callable[..., Path]) -> None:
    evil = "<script>alert('渡口')</script>\"><img src=x onerror=alert(1)>\u202e${title}$body"

    def change(number: int, row: dict[str, Any]) -> dict[str, Any]:
        return row | {
            "title": evil + "题" * (10_000_000 if number == 7 else 0),
            "url": "javascript:alert(1)" if number % 2 else f"https://site.example/{evil}",
            "host": evil,
            "source_type": evil,
            "charset": evil,
            "text": evil + row["text"],
        }

    text = made(write(change), name=evil)
    parser = outline(text)
    assert "script" not in parser.tags
    assert "img" not in parser.tags
    assert not [value for name, value in parser.attributes if name == "href" and not (value or "").startswith("http")]
    assert not [name for name, _ in parser.attributes if name.startswith("on")]
    assert "\u202e" not in text
    assert len(text) < 300_000


def test_figures_of_a_sample_say_so(finished: Path) -> None:
    text = made(finished, max_shards=1)
    assert "of 1 of 3 shards" in text
    assert "of 1 of 3 shards" not in made(finished)


def test_secrets_and_texts_of_private_files_are_not_shown(write: Callable[..., Path]) -> None:
    paths = ["s3://schluessel:geheim@bucket/a.gz", "https://data.example/a.gz?X-Amz-Signature=abcdef"]
    run = {"conf": {"fs.s3a.secret.key": "geheim"}, "beam_args": ["--password=geheim"]}
    text = made(write(config={"run": run, "input": {"paths": paths}}))
    assert "geheim" not in text
    assert "abcdef" not in text
    assert "run.conf.fs.s3a.secret.key" in text
    assert "秘密的原文" not in text


def test_what_was_cleaned_is_left_out(finished: Path) -> None:
    for path in (finished / "work").rglob("*.parquet"):
        path.unlink()
    text = made(finished)
    assert "not written down (any more)" in text
    assert "similarity of near-duplicates" not in text


def test_a_corpus_without_documents_has_a_page(write: Callable[..., Path]) -> None:
    output = write()
    manifest = output / "corpus/manifest.json"
    root = orjson.loads(manifest.read_bytes())
    empty = {"rows": 0, "n_chars": 0, "bytes": 0, "by_split": {"train": 0, "valid": 0}, "columns": {}}
    manifest.write_bytes(orjson.dumps(root | {"parts": [], "totals": empty}))
    text = made(output)
    outline(text)
    assert "Distributions" not in text


def test_a_summary_of_another_corpus_is_told(finished: Path) -> None:
    summary = orjson.loads((finished / "build.json").read_bytes())
    (finished / "build.json").write_bytes(orjson.dumps(summary | {"root_hash": "f" * 64}))
    assert "tells of another corpus" in made(finished)


def test_tokens_of_another_corpus_are_left_out(finished: Path) -> None:
    (finished / "tokens").mkdir()
    root = {
        "schema_version": 1,
        "parts": [],
        "root_hash": "a" * 64,
        "corpus_root_hash": "b" * 64,
        "totals": {"tokens": 9},
    }
    (finished / "tokens/manifest.json").write_bytes(orjson.dumps(root))
    text = made(finished)
    assert "made from another corpus and are left out" in text
    assert "词元" not in text


@pytest.mark.parametrize(
    ("damage", "error", "sentence"),
    [
        (lambda out: (out / "build.json").unlink(), BuildError, "no finished build here"),
        (lambda out: (out / "build.json").write_text("{"), CorruptionError, "not valid JSON"),
        (lambda out: (out / "build.json").write_text("[1]"), CorruptionError, "not the summary of a build"),
        (lambda out: (out / "corpus/manifest.json").unlink(), CorruptionError, "no manifest.json here"),
        (lambda out: (out / "corpus/manifest.json").write_text("没有"), CorruptionError, "not valid JSON"),
        (
            lambda out: (out / "corpus/manifest.json").write_text(
                '{"schema_version": 1, "parts": [], "root_hash": ""}'
            ),
            CorruptionError,
            "it has no totals",
        ),
        (lambda out: (out / "corpus/train/0.arrow").write_bytes(b"x" * 99), CorruptionError, "not readable"),
        (lambda out: (out / "work/rejects/a.parquet").write_bytes(b"PAR1"), CorruptionError, "a.parquet: not readable"),
    ],
)
def test_what_is_damaged_is_one_sentence(
    finished: Path, damage: Callable[[Path], Any], error: type[Exception], sentence: str
) -> None:
    damage(finished)
    with pytest.raises(error, match=sentence) as caught:
        made(finished)
    assert "\n" not in str(caught.value)
