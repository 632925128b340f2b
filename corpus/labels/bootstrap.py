"""A domain labeller without labelled data: lexicon -> pseudo-labels -> fastText.

Documents that the lexicons are sure of become training data; the model then
learns the words around the seed terms and carries over to documents that have
none of them. One round only: an earlier study measured that a second
does not help and that self-training from seeds alone drifts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa

from corpus.labels.artifact import NONE, DomainModel
from corpus.labels.domains import sigmoid
from corpus.labels.labeller import Labeller
from corpus.labels.sampling import DiverseSample, Entry, text_rank
from corpus.labels.training import (
    HOLDOUT,
    LabelledText,
    TrainingOptions,
    finish_artifact,
    lexicon_logits,
    train_model,
)

MODEL_SHARE = 0.4  # of the combined log-odds; leave-sources-out: .885 without the model, .890 with 0.4, .886 with 0.5


@dataclass(frozen=True, slots=True)
class BootstrapOptions:
    """How pseudo-labels are made. Values set by hand and checked on the leave-sources-out benchmark."""

    sure: float = 0.8  # lexicon probability from which a document counts as one of the domain
    unsure: float = 0.2  # below, as none of it; between, it does not train
    per_domain: int = 3000
    none_share: float = 2.0  # documents of no domain, as a multiple of per_domain
    min_documents: int = 100  # domains with fewer sure documents are left to the lexicon
    min_characters: int = 20


def pseudo_label(
    batches: Iterable[pa.RecordBatch], labeller: Labeller, options: BootstrapOptions, max_characters: int
) -> list[LabelledText]:
    """Return a deterministic, diverse sample of documents of which the lexicons are sure.

    Batches have ``text`` and may have ``host`` and ``path``, which keep one
    site from filling the sample. A document trains for all domains it is sure
    of; one that is unsure of any does not train.
    """
    samples = {name: DiverseSample(options.per_domain) for name in labeller.domains}
    samples[NONE] = DiverseSample(round(options.per_domain * options.none_share))
    for batch in batches:
        texts = batch.column("text")
        scores = sigmoid(lexicon_logits(labeller, texts))
        sure, open_ = scores >= options.sure, (scores > options.unsure) & (scores < options.sure)
        usable = ~open_.any(axis=1) | (sure.any(axis=1) & (open_.sum(axis=1) <= 1))
        groups = _groups(batch)
        for row in np.nonzero(usable)[0].tolist():
            text = texts[row].as_py()[:max_characters]
            if len(text) < options.min_characters:
                continue
            names = tuple(name for name, yes in zip(labeller.domains, sure[row], strict=True) if yes)
            entry = Entry((groups[row], names), text_rank(text), text)
            for name in names or (NONE,):
                samples[name].add(entry)
    found: dict[tuple[bytes, tuple[str, ...]], LabelledText] = {}
    for name, sample in samples.items():
        entries = sample.entries()
        if name != NONE and len(entries) < options.min_documents:
            continue
        for entry in entries:
            group, names = cast("tuple[str, tuple[str, ...]]", entry.group)
            found.setdefault((entry.rank, names), LabelledText(entry.text, names, str(group)))
    return [found[key] for key in sorted(found)]


def _groups(batch: pa.RecordBatch) -> list[str]:
    columns = [batch.column(name).to_pylist() for name in ("host", "path") if name in batch.schema.names]
    return [next((value for value in row if value), "") for row in zip(*columns, strict=True)] or [""] * batch.num_rows


def bootstrap(
    batches: Iterable[pa.RecordBatch],
    folder: Path,
    labeller: Labeller,
    options: BootstrapOptions | None = None,
    training: TrainingOptions | None = None,
) -> DomainModel:
    """Write an artifact to ``folder``, trained on pseudo-labels of ``batches``; return it loaded.

    The model's log-odds are put on the lexicon's scale by a logistic fit to
    the lexicon's probabilities on the tenth of the sample that did not train,
    then both are averaged. Errors: ``ValueError`` where no domain has
    ``min_documents`` sure documents.
    """
    options, training = options or BootstrapOptions(), training or TrainingOptions()
    documents = pseudo_label(batches, labeller, options, 4 * training.max_tokens)
    counts = {name: sum(name in d.domains for d in documents) for name in labeller.domains}
    names = tuple(name for name, count in counts.items() if count >= options.min_documents)
    if not names:
        raise ValueError("no domain has enough sure documents; give more text or lower min_documents")
    known = set(names)
    documents = [LabelledText(d.text, tuple(n for n in d.domains if n in known), d.source) for d in documents]
    held = [d for d in documents if text_rank(d.text)[0] < HOLDOUT]
    train_model([d for d in documents if text_rank(d.text)[0] >= HOLDOUT], folder, training)
    facts = {
        "method": "bootstrap",
        "documents": {name: counts[name] for name in names} | {NONE: sum(not d.domains for d in documents)},
        "bootstrap": asdict(options),
        "options": asdict(training),
        "lexicons": labeller.lexicon_digests,
    }
    return finish_artifact(folder, held, labeller, names, MODEL_SHARE, training.max_tokens, facts, offset=True)
