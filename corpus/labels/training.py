"""Training the domain labeller: one thread, one seed, documents in the order of their hashes."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.labels.artifact import NONE, Combination, DomainModel, write_artifact
from corpus.labels.domains import Calibration, Floats, domain_logits, sigmoid
from corpus.labels.fitting import fit_logistic
from corpus.labels.labeller import Labeller
from corpus.labels.sampling import text_rank
from corpus.labels.tokens import tokens

# A trained model's part of the combined log-odds. Leave-sources-out at threshold 0.4 (benchmarks/labels.py): macro F1
# .891 without the model, .890 with 0.2, .886 with 0.3, .738 with the model alone. It helps where the labelled
# documents come from many sources.
MODEL_SHARE = 0.2
LOGIT_CAP = 12.0
HOLDOUT = 26  # documents whose hash begins below this of 256 calibrate, the others train: about one in ten


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """fastText's arguments. Character 3-grams: an earlier study measured them level with word bigrams
    across sources; one-vs-all because a document may belong to several domains."""

    dim: int = 16
    word_ngrams: int = 3
    bucket: int = 1 << 17
    min_count: int = 5
    epochs: int = 5
    learning_rate: float = 0.3
    seed: int = 20210316
    max_tokens: int = 1000  # of a document's head; the facts found 600 characters as good as the whole


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A document with all its domains (none: belongs to no domain) and, if known, the source it came from."""

    text: str
    domains: tuple[str, ...]
    source: str = ""


def train_model(documents: Iterable[LabelledText], folder: Path, options: TrainingOptions) -> int:
    """Write ``folder/model.bin``, trained on ``documents`` in hash order; return how many documents that were.

    The result depends on the set of documents only. Errors: ``ValueError``
    where there is nothing to train on.
    """
    import fasttext

    ordered = sorted(documents, key=lambda document: (text_rank(document.text), document.domains))
    if not ordered:
        raise ValueError("no documents to train on")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt", dir=folder) as stream:
        for document in ordered:
            labels = " ".join(f"__label__{name}" for name in sorted(document.domains) or [NONE])
            words = " ".join(tokens(document.text)[: options.max_tokens])
            stream.write(f"{labels} {words}\n")
        stream.flush()
        model = fasttext.train_supervised(
            stream.name, dim=options.dim, wordNgrams=options.word_ngrams, bucket=options.bucket, loss="ova",
            minCount=options.min_count, epoch=options.epochs, lr=options.learning_rate, seed=options.seed,
            thread=1, minn=0, maxn=0, verbose=0,
        )  # fmt: skip
    model.save_model(str(folder / "model.bin"))
    return len(ordered)


def train(
    documents: Iterable[LabelledText], folder: Path, labeller: Labeller, options: TrainingOptions | None = None
) -> DomainModel:
    """Train on labelled documents, write the artifact to ``folder``, return it loaded.

    A tenth of the documents, held out by hash, puts the model's log-odds on
    the lexicons' scale; the parts are then mixed with :data:`MODEL_SHARE`.
    Mixing weights are not fitted to the labels: within its own sources a model
    always seems better than it is (``benchmarks/labels.py``).
    """
    options = options or TrainingOptions()
    everything = list(documents)
    names = tuple(n for n in labeller.domains if any(n in document.domains for document in everything))
    held = [document for document in everything if text_rank(document.text)[0] < HOLDOUT]
    count = train_model([d for d in everything if text_rank(d.text)[0] >= HOLDOUT], folder, options)
    facts = {"method": "train", "documents": count, "options": asdict(options), "lexicons": labeller.lexicon_digests}
    return finish_artifact(folder, held, labeller, names, MODEL_SHARE, options.max_tokens, facts, offset=False)


def finish_artifact(
    folder: Path,
    held: Sequence[LabelledText],
    labeller: Labeller,
    names: Sequence[str],
    share: float,
    max_tokens: int,
    facts: Mapping[str, Any],
    offset: bool,
) -> DomainModel:
    """Write ``meta.json`` beside the trained model and return the artifact.

    Per domain: a logistic fit of the lexicon's probabilities on the model's
    log-odds over the documents ``held`` gives the model's scale; the model then
    has ``share`` of the combined log-odds, the lexicon the rest. ``offset``
    keeps the fit's intercept, which carries the class shares of ``held``.
    """
    write_artifact(folder, {name: Combination(0.0, 1.0, 0.0) for name in names}, max_tokens, {})
    model = DomainModel(folder)
    texts = pa.array([document.text for document in held], pa.large_string())
    own, lexicon = model.model_logits(texts, labeller.domains), lexicon_logits(labeller, texts)
    combination = {}
    for name in names:
        index = labeller.domains.index(name)
        design = np.stack([np.ones(len(held)), np.clip(own[:, index], -LOGIT_CAP, LOGIT_CAP)], axis=1)
        intercept, slope = 0.0, 1.0
        if len(held):
            intercept, slope = fit_logistic(design, sigmoid(lexicon[:, index]), np.ones(len(held)), 1.0).tolist()
        combination[name] = Combination(1 - share, share * max(slope, 0.0), share * intercept * offset)
    write_artifact(folder, combination, max_tokens, facts)
    return DomainModel(folder)


def lexicon_logits(labeller: Labeller, texts: pa.Array) -> Floats:
    """Return float64[n, domains], the lexicons' log-odds."""
    features, _ = labeller.evidence(texts, None)
    return domain_logits(features, labeller.coefficients)


def source_weights(documents: Sequence[LabelledText]) -> Floats:
    """Return float64[n] that let every source weigh the same, with mean 1."""
    sizes = Counter(document.source for document in documents)
    return np.array([len(documents) / len(sizes) / sizes[document.source] for document in documents])


def calibrate(documents: Sequence[LabelledText], labeller: Labeller, source: str, ridge: float = 3.0) -> Calibration:
    """Return the labeller's calibration, rescaled to labelled documents (Platt: slope and intercept per domain).

    Every source weighs the same. Domains without both kinds of documents take
    the fit over all domains together, as does ``default``. ``source`` is kept
    in the file. Errors: ``ValueError`` where no domain has both kinds.
    """
    texts = pa.array([document.text for document in documents], pa.large_string())
    logits, weights = lexicon_logits(labeller, texts), source_weights(documents)
    fits: dict[str, Floats] = {}
    pooled: list[tuple[Floats, Floats, Floats]] = []
    for index, name in enumerate(labeller.domains):
        targets = np.array([float(name in document.domains) for document in documents])
        if targets.min(initial=1.0) == targets.max(initial=0.0):
            continue
        design = np.stack([np.ones(len(targets)), np.clip(logits[:, index], -LOGIT_CAP, LOGIT_CAP)], axis=1)
        fits[name] = fit_logistic(design, targets, weights, ridge)
        pooled.append((design, targets, weights))
    if not pooled:
        raise ValueError("no domain has documents both of it and outside it")
    parts = [np.concatenate(column) for column in zip(*pooled, strict=True)]
    common = fit_logistic(parts[0], parts[1], parts[2], ridge)
    rows = {}
    for index, name in enumerate((*labeller.domains, "default")):
        intercept, slope = fits.get(name, common).tolist()
        old = labeller.coefficients[index] if name != "default" else labeller.default_coefficients
        fresh = max(slope, 0.0) * old
        fresh[0] += intercept
        rows[name] = tuple(round(float(value), 5) for value in fresh)
    return Calibration(source, rows)
