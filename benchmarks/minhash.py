"""MinHash kernel: speed against datasketch and rensa on the same documents, accuracy against theory.

``python benchmarks/minhash.py FILE.jsonl[.zst] ... [--megabytes 20] [--repeat 7]``

Needs ``datasketch``, ``rensa`` and ``zstandard``. All sides take the same ready
hash forms, 5-character shingles and 112 permutations, on one core; times are
process CPU time, the median of ``--repeat`` runs for the kernel. datasketch and
rensa run over as many documents as they need for about 4 s. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from corpus.config.dedupe import DedupeSettings
from corpus.dedupe.signatures import Signer, sketch_standard_error
from corpus.kernels.hash_form import HashForm, hash_form
from corpus.kernels.minwise import similarities

PERMUTATIONS, SHINGLE = 112, 5


def read_texts(paths: list[Path], megabytes: float) -> list[str]:
    """Return texts of at least 200 bytes from JSONL files, until ``megabytes`` are reached."""
    import zstandard

    texts: list[str] = []
    size = 0.0
    for path in paths:
        raw = path.read_bytes()
        data = zstandard.ZstdDecompressor().stream_reader(raw).read() if path.suffix == ".zst" else raw
        for line in data.splitlines():
            text = json.loads(line)["text"]
            if len(text) >= 70 and size < megabytes * 1e6:
                texts.append(text)
                size += len(text.encode())
    return texts


def buffers(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return UTF-8 bytes and offsets of ``texts``."""
    encoded = [text.encode() for text in texts]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(part) for part in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets


def cpu(call: Callable[[], object], repeat: int) -> float:
    """Return the median CPU seconds of ``call`` after one run to warm up."""
    call()
    times = []
    for _ in range(repeat):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return statistics.median(times)


def rate_of(sign: Callable[[list[str]], object], forms: list[str], seconds: float = 4.0) -> float:
    """MB/s of ``sign`` over the shingles of one form after another, for about ``seconds``."""
    done = 0
    start = time.process_time()
    for form in forms:
        sign([form[place : place + SHINGLE] for place in range(len(form) - SHINGLE + 1)])
        done += len(form.encode())
        if time.process_time() - start > seconds:
            break
    return done / 1e6 / (time.process_time() - start)


def competitors() -> Iterator[tuple[str, Callable[[list[str]], object]]]:
    """Yield (name, function over the shingles of one document)."""
    import datasketch
    import rensa

    def with_datasketch(shingles: list[str]) -> object:
        made = datasketch.MinHash(num_perm=PERMUTATIONS)
        made.update_batch([shingle.encode() for shingle in shingles])
        return made.digest()

    def with_rensa(shingles: list[str]) -> object:
        made = rensa.RMinHash(num_perm=PERMUTATIONS, seed=1)
        made.update(shingles)
        return made.digest()

    yield "datasketch", with_datasketch
    yield "rensa", with_rensa


def accuracy(signer: Signer, length: int, edits: int, pairs: int) -> dict[str, float]:
    """Compare estimates with the true Jaccard similarity of ``pairs`` pairs of random texts."""
    rng = random.Random(length * 100 + edits)
    left, right = [], []
    for _ in range(pairs):
        form = [chr(0x4E00 + rng.randrange(3000)) for _ in range(length)]
        left.append("".join(form))
        for place in rng.sample(range(length), edits):
            form[place] = chr(0x8000 + rng.randrange(3000))
        right.append("".join(form))
    sets = [
        [{text[at : at + SHINGLE] for at in range(len(text) - SHINGLE + 1)} for text in side] for side in (left, right)
    ]
    truth = np.array([len(a & b) / len(a | b) for a, b in zip(*sets, strict=True)])
    one, other = signer.sign_texts(*buffers(left)), signer.sign_texts(*buffers(right))
    minhash = (one.minima == other.minima).mean(axis=1) - truth
    sketch = similarities(one.sketches.view(np.uint64), other.sketches.view(np.uint64)) / 10_000 - truth
    theory = math.sqrt(float((truth * (1 - truth)).mean()) / one.minima.shape[1])
    return {
        "characters": length,
        "mean_jaccard": round(float(truth.mean()), 3),
        "rmse": round(float(np.sqrt((minhash**2).mean())), 5),
        "theory": round(theory, 5),
        "rmse_over_theory": round(float(np.sqrt((minhash**2).mean())) / theory, 3),
        "bias": round(float(minhash.mean()), 5),
        "sketch_rmse": round(float(np.sqrt((sketch**2).mean())), 5),
        "sketch_theory_full_bins": round(sketch_standard_error(float(truth.mean()), 1024), 5),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--pairs", type=int, default=4000)
    arguments = parser.parse_args()
    signer = Signer(DedupeSettings())
    signer.load()
    texts = read_texts(arguments.files, arguments.megabytes)
    data, offsets = buffers(texts)
    forms = [hash_form(text) for text in texts]
    code_points = np.frombuffer("".join(forms).encode("utf-32-le"), dtype=np.uint32)
    form_offsets = np.zeros(len(forms) + 1, dtype=np.int64)
    np.cumsum([len(form) for form in forms], out=form_offsets[1:])
    text_mb = len(data) / 1e6
    form_mb = sum(len(form.encode()) for form in forms) / 1e6
    form_maker = HashForm()
    form_maker.load()
    ready = cpu(lambda: signer.sign_forms(code_points, form_offsets), arguments.repeat)
    whole = cpu(lambda: signer.sign_texts(data, offsets), arguments.repeat)
    start = time.process_time()
    for text in texts[: len(texts) // 10]:
        hash_form(text)
    reference = sum(len(text.encode()) for text in texts[: len(texts) // 10]) / 1e6 / (time.process_time() - start)
    others = {name: round(rate_of(sign, forms), 2) for name, sign in competitors()}
    kernel = form_mb / ready
    print(
        json.dumps(
            {
                "documents": len(texts),
                "text_mb": round(text_mb, 1),
                "kernel_on_ready_forms_mb_s": round(kernel, 1),
                "with_hash_form_mb_s": round(text_mb / whole, 1),
                "hash_form_in_plain_python_mb_s": round(reference, 1),
                "others_mb_s": others,
                "times_faster": {name: round(kernel / rate, 1) for name, rate in others.items()},
                "accuracy": [
                    accuracy(signer, *case, arguments.pairs) for case in ((80, 1), (80, 3), (300, 6), (1500, 60))
                ],
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
