"""Signals over segmented words, as datatrove computes them for FineWeb-2.

Only the profile ``fineweb2-zh`` asks for them: jieba segments about 1 MB/s,
a hundredth of the speed of the character signals. They are therefore no
columns of the documents; a decision made with them is recorded with its value.

Sources: datatrove 0.10.1, ``GopherRepetitionFilter``, ``FineWebQualityFilter`` and
``GopherQualityFilter`` as ``fineweb-2-pipeline.py`` calls them, with
``configs/cmn_Hani.yml`` (commit 05e67295). The definitions are kept where Chinese
shows them to be odd (the spaces between words count as characters of a top
n-gram), so that the published thresholds mean what they meant there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

WORD_SIGNALS: tuple[str, ...] = (
    "word_duplicate_line_share",
    "word_top_2gram_share",
    "word_top_3gram_share",
    "word_top_4gram_share",
    *(f"word_duplicate_{n}gram_share" for n in range(5, 11)),
    "word_line_punctuation_share",
    "word_duplicate_line_char_share",
    "word_newline_ratio",
    "word_count",
    "word_mean_length",
    "word_hash_ratio",
    "word_ellipsis_ratio",
    "word_bullet_line_share",
    "word_ellipsis_line_share",
    "word_alpha_share",
    "word_stopwords",
)

STOPWORDS = frozenset(
    [
        "的",
        "年",
        "在",
        "月",
        "是",
        "和",
        "日",
        "了",
        "於",
        "·",
        "為",
        "有",
        "被",
        "人",
        "中",
        "为",
        "他",
        "與",
        "後",
        "也",
        "而",
        "由",
    ]
)
# The members of datatrove's TERMINAL_PUNCTUATION that belong to East Asian or Latin text.
TERMINAL = tuple("!?.‼‽⁇⁈⁉。﹒﹖﹗！．？｡")
PUNCTUATION = frozenset(
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»‼‽⁇⁈⁉﹒﹖﹗｡"
    + "".join(chr(code) for first, end in ((0, 9), (11, 13), (13, 32), (127, 160)) for code in range(first, end))
)
_LINE_BREAKS = re.compile(r"\n+")


def word_signals(text: str) -> dict[str, float]:
    """Return every signal of ``WORD_SIGNALS`` for ``text``, rounded to 1e-4.

    Raises ``ImportError`` naming the remedy where jieba is missing.
    """
    return measure_words(text, segment(text))


def segment(text: str) -> list[str]:
    """Return jieba's words, stripped, without blanks: what spaCy's Chinese tokenizer hands to datatrove."""
    try:
        import jieba
    except ImportError as error:
        raise ImportError("the profile fineweb2-zh segments words: pip install jieba") from error
    jieba.setLogLevel(60)
    return [word for word in (piece.strip() for piece in jieba.cut(text)) if word]


def measure_words(text: str, words: Sequence[str]) -> dict[str, float]:
    """Return the signals of ``text`` segmented into ``words``."""
    values = dict.fromkeys(WORD_SIGNALS, 0.0)
    lines = [line for line in text.split("\n") if line.strip()]
    if not words or not lines:
        return values
    count = len(words)
    split = _LINE_BREAKS.split(text)
    values["word_duplicate_line_share"] = _repeats(split)[0] / len(split)
    for n in (2, 3, 4):
        values[f"word_top_{n}gram_share"] = _top_ngram(words, n) / len(text)
    for n in range(5, 11):
        values[f"word_duplicate_{n}gram_share"] = _duplicate_ngrams(words, n) / len(text)
    values["word_line_punctuation_share"] = sum(line.endswith(TERMINAL) for line in lines) / len(lines)
    values["word_duplicate_line_char_share"] = _repeats(lines)[1] / len(text.replace("\n", ""))
    values["word_newline_ratio"] = text.count("\n") / count
    spoken = [len(word) for word in words if any(character not in PUNCTUATION for character in word)]
    values["word_count"] = len(spoken)
    values["word_mean_length"] = sum(spoken) / len(spoken) if spoken else 0.0
    values["word_hash_ratio"] = text.count("#") / count
    values["word_ellipsis_ratio"] = (text.count("...") + text.count("…")) / count
    every = text.splitlines()
    values["word_bullet_line_share"] = sum(line.lstrip().startswith(("•", "-")) for line in every) / len(every)
    values["word_ellipsis_line_share"] = sum(line.rstrip().endswith(("...", "…")) for line in every) / len(every)
    values["word_alpha_share"] = sum(any(character.isalpha() for character in word) for word in words) / count
    values["word_stopwords"] = len(STOPWORDS.intersection(words))
    return {name: round(float(value), 4) for name, value in values.items()}


def _repeats(parts: Sequence[str]) -> tuple[int, int]:
    """Return how many parts equal an earlier one, and their characters."""
    seen: set[str] = set()
    repeats = characters = 0
    for part in parts:
        if part in seen:
            repeats += 1
            characters += len(part)
        seen.add(part)
    return repeats, characters


def _top_ngram(words: Sequence[str], n: int) -> int:
    """Return length times occurrences of the commonest n-gram (the first of equals)."""
    grams = Counter(" ".join(words[i : i + n]) for i in range(len(words) - n + 1))
    if not grams:
        return 0
    gram, occurrences = grams.most_common(1)[0]
    return len(gram) * occurrences


def _duplicate_ngrams(words: Sequence[str], n: int) -> int:
    """Return the characters in repeated n-grams, found greedily from the left and without overlap."""
    seen: set[str] = set()
    characters = i = 0
    while i < len(words) - n + 1:
        gram = "".join(words[i : i + n])
        if gram in seen:
            characters += len(gram)
            i += n
        else:
            seen.add(gram)
            i += 1
    return characters
