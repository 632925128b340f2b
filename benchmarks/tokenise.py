"""Speed and correctness of the tokenizers on real documents.

    python benchmarks/tokenise.py TEXT_FOLDER [--documents 5000] [--kinds cpm,glm,bpe]

TEXT_FOLDER: ``*.jsonl.zst`` with a ``text`` field. For each kind a tokenizer is
trained on half of the documents; then all are encoded. ``identical``: documents
whose ids equal those of the reference (jieba 0.42.1 and the sentencepiece
library). ``reference_mb_per_s``: that reference on the same machine in the same
minute, since absolute figures move with the machine's load. CPU time, one core.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pyarrow as pa
import zstandard

import tokenizer_training
from corpus.config.tokenizer import TokenizerSettings
from tokenizer_training.tokenizer import SentencePieceTokenizer

TARGETS = {"cpm": 8.0, "glm": 20.0}  # MB/s and core


def read_documents(folder: Path, count: int) -> list[str]:
    """Return about ``count`` documents, drawn evenly from the files with a fixed seed."""
    generator = random.Random(1)
    documents: list[str] = []
    files = sorted(folder.glob("*.jsonl.zst"))
    for path in files:
        with path.open("rb") as raw:
            stream = zstandard.ZstdDecompressor().stream_reader(raw)
            lines = io.TextIOWrapper(stream, encoding="utf-8").read().splitlines()
        share = min(-(-count // len(files)), len(lines))
        documents += [json.loads(line)["text"] for line in generator.sample(lines, share)]
    generator.shuffle(documents)
    return documents


def reference_ids(tokenizer: SentencePieceTokenizer, texts: list[str]) -> list[list[int]]:
    """Return ids from jieba itself (cpm) and the sentencepiece library."""
    if tokenizer.kind != "cpm":
        return list(tokenizer._processor.encode(texts, num_threads=1))
    import jieba

    table = str.maketrans({" ": "▂", "\n": "▃"})
    joined = [" ".join(word.translate(table) for word in jieba.lcut(text)) for text in texts]
    return list(tokenizer._processor.encode(joined, num_threads=1))


def main() -> None:
    """Print one JSON line per kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--kinds", default="cpm,glm,bpe")
    parser.add_argument("--sample-bytes", type=int, default=4_000_000, help="text to train each tokenizer on")
    parser.add_argument("--check", type=int, help="documents to compare with the reference; default: all")
    options = parser.parse_args()
    documents = read_documents(options.folder, options.documents)
    if not documents:
        parser.error(f"{options.folder} holds no *.jsonl.zst")
    size = sum(len(text.encode()) for text in documents) / 1e6
    sample, used = [], 0
    for text in documents:
        if used > options.sample_bytes:
            break
        sample.append(text)
        used += len(text.encode())
    texts = pa.array(documents, pa.large_string())
    for kind in options.kinds.split(","):
        with tempfile.TemporaryDirectory() as folder:
            tokenizer_training.train(kind, iter(sample), Path(folder), TokenizerSettings())
            tokenizer = tokenizer_training.load(folder)
            tokenizer.encode_batch(texts[:5])
            began = time.process_time()
            encoded = tokenizer.encode_batch(texts)
            seconds = time.process_time() - began
            line: dict[str, object] = {
                "kind": kind,
                "documents": len(documents),
                "mb": round(size, 2),
                "mb_per_s": round(size / seconds, 2),
                "target_mb_per_s": TARGETS.get(kind),
                "characters_per_token": round(sum(map(len, documents)) / (len(encoded.values) - len(documents)), 3),
            }
            if isinstance(tokenizer, SentencePieceTokenizer):
                part = documents[: options.check]
                began = time.process_time()
                expected = reference_ids(tokenizer, part)
                seconds = time.process_time() - began
                same = sum(row[:-1] == ids for row, ids in zip(encoded.to_pylist(), expected, strict=False))
                line["identical"] = f"{same} of {len(part)}"
                line["reference_mb_per_s"] = round(sum(len(t.encode()) for t in part) / 1e6 / seconds, 2)
            print(json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
