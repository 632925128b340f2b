"""The export pass: one file for another program per shard of a corpus or view."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from corpus.errors import MissingDependency
from corpus.shards.export_rows import whole_file, write_json_lines, write_parquet_rows
from corpus.storage import Store
from pipelines.passes.reports import Report, fingerprint
from pipelines.passes.select import Place
from pipelines.passes.task import Announce, Isolation, Item, Progress

VERSION = 1
SUFFIXES = {"parquet": ".parquet", "jsonl": ".jsonl.zst", "hf": ".parquet", "words": ".txt"}
FileFormat = Literal["parquet", "jsonl", "hf", "words"]


@dataclass(frozen=True)
class ExportTask:
    """Writes one shard in ``format``. Names are those of Hugging Face: ``data/train-00003-of-00012.parquet``."""

    output: str
    corpus: Place
    format: FileFormat
    name: str = "export"

    def item(self, shard: dict[str, Any], number: int, count: int) -> Item:
        """Return the item of shard ``number`` of the ``count`` shards of its split."""
        file = f"data/{shard['split']}-{number:05d}-of-{count:05d}{SUFFIXES[self.format]}"
        mark = fingerprint(self.name, VERSION, self.format, file, shard["content_hash"])
        return Item(mark, {"shard": shard, "file": file}, shard["bytes"])

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Write one file."""
        shard, file = item.payload["shard"], item.payload["file"]
        store = Store(self.output)
        with whole_file(store, file) as stream:
            batches = self._announced(shard, announce)
            if self.format == "jsonl":
                rows = write_json_lines(stream, batches)
            elif self.format == "words":
                rows = 0
                for batch in batches:
                    stream.write(_lines(batch.column("text")))
                    rows += batch.num_rows
            else:
                rows = write_parquet_rows(stream, batches)
        return {
            "file": file,
            "rows": rows,
            "bytes": store.size(file),
            "ledger": {"documents": rows, "kept": rows},
            "files": {},
            "read_bytes": shard["bytes"],
        }

    def _announced(self, shard: dict[str, Any], announce: Announce) -> Iterator[pa.RecordBatch]:
        columns = ["text"] if self.format == "words" else None
        rows = read = 0
        announce(Progress(0, 1, 0, 0, 0))
        for ordinal, batch in enumerate(self.corpus.open().batches(shard, columns)):
            announce(Progress(ordinal, ordinal + 1, rows, rows, read))
            rows += batch.num_rows
            read += batch.nbytes
            yield batch


def _lines(texts: pa.Array) -> bytes:
    from tokenizer_training.segmented_lines import segmented_lines

    try:
        return segmented_lines(texts)
    except ModuleNotFoundError as error:
        raise MissingDependency(f"export of words needs {error.name}: pip install {error.name}==0.42.1") from None
