"""Trains word embeddings on a subset and prints neighbours of words, to see what a domain's text teaches.

    wudao extract OUTPUT --domain medical --view -o medical
    wudao export medical --format words -o medical-words
    python examples/word_embeddings.py medical-words 患者 医生 发热

fastText's skip-gram (Bojanowski et al., TACL 2017) on the segmented lines; a
Chinese word is short, so subwords are 1 to 3 characters. With one thread the
same lines give the same vectors (fastText's own seed is fixed).
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

COMMON = 8  # words that are shown where none are asked for


def train(lines: Path, settings: argparse.Namespace) -> Any:
    """Return a fastText model of the words in file ``lines``."""
    import fasttext

    return fasttext.train_unsupervised(
        str(lines), model="skipgram", dim=settings.dim, epoch=settings.epochs, ws=5, minCount=settings.min_count,
        minn=1, maxn=3, neg=5, bucket=200_000, thread=settings.threads, verbose=0,
    )  # fmt: skip


def common_words(model: Any) -> list[str]:
    """Return frequent words of two characters or more, the likeliest to have sensible neighbours."""
    words, counts = model.get_words(include_freq=True)
    ranked = Counter(dict(zip(words, counts.tolist(), strict=True)))
    plain = [word for word, _ in ranked.most_common() if len(word) > 1 and all("一" <= char <= "鿿" for char in word)]
    return plain[:COMMON]


def main() -> int:
    """Train on an export and print the nearest words of each word asked for."""
    parser = argparse.ArgumentParser(description="word embeddings from `wudao export --format words`")
    parser.add_argument("export", type=Path, help="folder that wudao export wrote")
    parser.add_argument("words", nargs="*", help="words to look up; the commonest without any")
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="more than one is faster and not reproducible")
    parser.add_argument("--neighbours", type=int, default=8)
    parser.add_argument("--save", type=Path, help="write the model here")
    settings = parser.parse_args()
    files = sorted(settings.export.glob("data/train-*.txt")) or sorted(settings.export.glob("data/*.txt"))
    if not files:
        print(f"{settings.export}: no data/*.txt here; make them with `wudao export CORPUS --format words`")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "lines.txt"
        with lines.open("wb") as joined:
            for file in files:
                with file.open("rb") as stream:
                    shutil.copyfileobj(stream, joined)
        try:
            model = train(lines, settings)
        except ValueError as error:
            print(f"{settings.export}: {error}; give more text or a smaller --min-count")
            return 1
    print(f"{len(model.words):,} words, {model.get_dimension()} dimensions, from {len(files)} files")
    known = set(model.words)
    for word in settings.words or common_words(model):
        near = model.get_nearest_neighbors(word, k=settings.neighbours)
        shown = "  ".join(f"{other} {score:.2f}" for score, other in near)
        print(f"{word}{'' if word in known else ' (unknown, by its characters)'}: {shown}")
    if settings.save is not None:
        settings.save.parent.mkdir(parents=True, exist_ok=True)
        model.save_model(str(settings.save))
    return 0


if __name__ == "__main__":
    sys.exit(main())
