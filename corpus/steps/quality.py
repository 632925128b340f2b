"""The quality step: measure every text, decide by profile, explain on request.

``benchmarks/quality.py --speed`` measures what it costs for the built-in profile;
the profile ``fineweb2-zh`` segments words and is about a hundred times slower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corpus.quality.signals import SIGNALS
from corpus.steps.interface import Outcome, set_columns

if TYPE_CHECKING:
    import pyarrow as pa

    from corpus.config.quality import QualitySettings
    from corpus.quality.classifier import QualityClassifier
    from corpus.quality.decide import Explanation, Judge


class Quality:
    """Adds ``signal_*``, ``quality`` and ``n_chars``; drops what misses a threshold of the profile.

    Long texts are split into parts first (:func:`corpus.quality.split.split_long`).
    Reads ``text`` and, where present, ``source_type``, ``domains``, ``page_kind``,
    ``language``, ``script`` and the columns of ``profile.COLUMN_SIGNALS``; a missing
    or null one counts as unknown. Never reads ``given_label``, ``path`` or ``url``.
    """

    name = "quality"
    version = 2

    def __init__(self, settings: QualitySettings) -> None:
        self.settings = settings
        self._judge: Judge | None = None
        self._classifier: QualityClassifier | None = None

    def load(self) -> None:
        """Read the profile, the lexicon, the word lists, the cohesion table and the classifier; compile the kernels.

        Raises ``ValueError`` or ``OSError`` naming the file where one of them is unusable.
        """
        from corpus.quality.classifier import QualityClassifier
        from corpus.quality.cohesion import Cohesion, read_table
        from corpus.quality.decide import Judge
        from corpus.quality.lexicon import make_lexicon, read_word_list
        from corpus.quality.profile import Limits, load_profile, with_limits

        limits = {name: Limits(limit.min, limit.max) for name, limit in self.settings.thresholds.items()}
        profile = with_limits(load_profile(self.settings.profile), limits, self.settings.disabled)
        listed = dict.fromkeys(word for path in self.settings.word_lists for word in read_word_list(path))
        if self.settings.classifier is not None:
            self._classifier = QualityClassifier(self.settings.classifier)
            self._classifier.load()
        cohesion = None if self.settings.cohesion is None else Cohesion(read_table(self.settings.cohesion))
        self._judge = Judge(profile, make_lexicon(listed), cohesion)

    def artifacts(self) -> dict[str, str]:
        """Return name -> sha256 of the profile (where it is a file), the word lists and the artifacts."""
        import hashlib
        from pathlib import Path

        from corpus.quality.profile import BUILT_IN, profile_file

        paths = {f"word_list:{i}": path for i, path in enumerate(self.settings.word_lists)}
        if self.settings.profile not in BUILT_IN:
            paths["profile"] = str(profile_file(self.settings.profile))
        if self.settings.cohesion is not None:
            paths["cohesion"] = self.settings.cohesion
        if self.settings.classifier is not None:
            paths["classifier"] = self.settings.classifier
        return {name: hashlib.sha256(Path(path).read_bytes()).hexdigest() for name, path in sorted(paths.items())}

    def apply(self, batch: pa.RecordBatch) -> Outcome:
        """Return the rows that pass, with signals, and a "dropped" removal for each other one.

        A removal's row is a row of ``batch``; of a text in parts, each part is judged by itself.
        """
        import numpy as np
        import pyarrow as pa

        from corpus.quality.split import split_long
        from corpus.steps.interface import Removal

        judge = self._judge_loaded()
        parts, origin = split_long(batch, self.settings.max_chars)
        verdicts = judge.judge(parts)
        quality, probability = verdicts.quality, None
        if self._classifier is not None:
            probability = self._classifier.probabilities(parts.column("text"))
            weight = self.settings.classifier_weight
            quality = np.round((1 - weight) * quality + weight * probability, 4)
        dropped = verdicts.rule >= 0
        score, threshold = verdicts.score.astype(np.float64), verdicts.threshold.astype(np.float64)
        if probability is not None and self.settings.classifier_min is not None:
            unlikely = ~dropped & (probability < self.settings.classifier_min)
            score[unlikely], threshold[unlikely] = probability[unlikely], self.settings.classifier_min
            dropped |= unlikely
        rows = np.flatnonzero(dropped)
        sources = rows if origin is None else origin[rows]
        names = [*(rule.name for rule in judge.profile.rules), "classifier"]  # no rule, -1, is the last
        columns = (sources, verdicts.rule[rows], score[rows], threshold[rows])
        removals = [
            Removal(source, "dropped", names[rule], value, limit)
            for source, rule, value, limit in zip(*(column.tolist() for column in columns), strict=True)
        ]
        stays = np.ones(parts.num_rows, dtype=bool)
        stays[rows] = False
        if removals:
            parts = parts.filter(pa.array(stays))
        measured = {
            **{f"signal_{signal}": verdicts.signals[stays, column] for column, signal in enumerate(SIGNALS)},
            "quality": quality[stays].astype(np.float32),
            "n_chars": verdicts.n_chars[stays],
        }
        kept = set_columns(parts, {name: pa.array(values) for name, values in measured.items()})
        return Outcome(kept, removals, None if origin is None else pa.array(np.delete(origin, rows), pa.int32()))

    def explain(self, row: dict[str, Any]) -> list[Explanation]:
        """Return every rule's signal beside its threshold for one document, in the profile's order.

        ``row`` maps column names to Python values; ``text`` is required.
        """
        return self._judge_loaded().explain(row)

    def _judge_loaded(self) -> Judge:
        if self._judge is None:
            raise RuntimeError("call load() before the first batch")
        return self._judge
