"""The quality signals: their names, their meaning and how counts become shares.

"Characters" are code points other than white space; "units" are Han, kana or
hangul characters and runs of letters or digits; "lines" are non-blank lines;
a "clause" lies between two marks, spaces or line ends. Shares are 0..1, 0 where
the denominator is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MEANINGS: dict[str, str] = {
    "chars": "characters",
    "han_chars": "Han characters",
    "han_share": "Han characters / characters",
    "prose_han_share": "Han / characters, over the lines that are at least one fifth Han",
    "kana_share": "kana / characters",
    "hangul_share": "hangul / characters",
    "latin_share": "Latin letters / characters",
    "digit_share": "digits / characters",
    "punctuation_share": "punctuation / characters",
    "symbol_share": "symbols, emoji included / characters",
    "space_share": "white space / code points",
    "rare_han_share": "Han outside GB 2312 and the first level of Big5 / Han",
    "mojibake_share": "characters that betray wrong decoding, U+FFFD and controls / characters",
    "function_share": "frequent function characters of modern and classical Chinese / Han",
    "char_entropy": "-log2 of the chance that two Han characters drawn without replacement are equal; bits",
    "lines": "non-blank lines",
    "mean_line_length": "characters / lines",
    "terminal_line_share": "lines that end in terminal punctuation / lines",
    "terminal_char_share": "characters in such lines / characters",
    "short_line_share": "lines under ten characters / lines",
    "bare_char_share": "characters in lines without any comma, stop or colon / characters",
    "loose_share": "units in pieces with no comma, stop or colon on either side (labels, links, table cells) / units",
    "bullet_line_share": "lines that begin with a bullet / lines",
    "ellipsis_line_share": "lines that end in an ellipsis / lines",
    "read_more_line_share": "short lines such as 更多, 展开, 阅读全文 / lines",
    "navigation_line_share": "short lines with a navigation term / lines",
    "duplicate_line_share": "lines equal to an earlier one / lines",
    "duplicate_line_char_share": "characters in such lines / characters",
    "top_2gram_share": "2 x (occurrences - 1) of the commonest unit pair / units",
    "top_3gram_share": "the same for triples",
    "top_4gram_share": "the same for quadruples",
    "duplicate_5gram_share": "units inside a unit 5-gram that occurred before / units",
    "duplicate_6gram_share": "the same for 6-grams",
    "duplicate_7gram_share": "the same for 7-grams",
    "duplicate_8gram_share": "the same for 8-grams",
    "duplicate_9gram_share": "the same for 9-grams",
    "duplicate_10gram_share": "the same for 10-grams",
    "disorder_density": "clauses that begin with an enclitic or end with a proclitic, and pairs of function characters "
    "that no sentence has, beyond the first, per 100 Han characters",
    "incohesion": "unlikely neighbours / what the same characters in any order have (corpus/quality/cohesion.py); "
    "0 without a cohesion table (quality.cohesion) and for short texts",
    "run_on_share": "units in spans of more than sixty without a comma, stop or line end / units",
    "repeated_mark_share": "marks in rows of four or more equal ones (rules and leaders excepted) / characters",
    "doubled_separator_share": "commas and stops that directly follow a different one / characters",
    "lenticular_share": "【 and 】 / characters",
    "url_density": "URLs per 1,000 characters",
    "contact_density": "mobile numbers, and account numbers after a cue, per 1,000 characters",
    "promotion_score": "points of calls to action and contacts (three points each) per 100 characters",
    "gambling_score": "points of gambling advertising per 100 characters, reporting vocabulary deducted",
    "pornography_score": "the same for pornography and paid sex; health vocabulary deducted too",
    "services_score": "the same for loans, certificates, invoices, private detectives and the like",
    "games_score": "the same for private game servers, bots and account trade",
    "placeholder_score": "points of error pages, filler text and unfilled templates per 100 characters",
    "listed_per_line": "distinct words of the user's lists / lines (ChineseWebText's measure)",
}
SIGNALS: tuple[str, ...] = tuple(MEANINGS)

# A short text cannot reach the full density with one term: the denominator never falls below this.
SCORE_FLOOR = 120
# Points that every text has free: one typical term, said in passing, is no advertisement (complaints about an
# invoice, a review that names a channel). From reading what the rules dropped of the genuine texts.
FREE_POINTS = 2
# At most this share of the points can be taken back, so that spam cannot clear itself by quoting a police notice.
MAX_DEDUCTION = 0.75
QUANTUM = 4  # decimals kept before a threshold is met


def derive(counts: NDArray[np.int64], incohesion: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
    """Return the signals, shape [documents, len(SIGNALS)], from the counts of ``text_signals.measure``.

    ``incohesion`` is the signal of that name, None where no table is configured.

    Values are rounded to 1e-4 in double precision, then stored as float32.
    """
    import numpy as np

    from corpus.kernels.text_counts import CATEGORIES, COVERED, INDEX, POINTS, TOP

    # A signal is made of whole columns.
    columns: list[NDArray[np.float64]] = list(np.ascontiguousarray(counts.T, dtype=np.float64))

    def count(name: str) -> NDArray[np.float64]:
        return columns[INDEX[name]]

    def share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)

    def points(name: str) -> NDArray[np.float64]:
        return columns[POINTS + CATEGORIES.index(name)]

    chars, han, lines, units = count("chars"), count("han"), count("lines"), count("units")
    words = count("words")
    pairs = words * (words - 1)
    equal = share(count("collisions"), pairs)
    entropy = np.where(equal > 0, -np.log2(np.where(equal > 0, equal, 1.0)), 12.0)
    reporting = points("reporting")
    floor = np.maximum(chars, SCORE_FLOOR)

    def score(name: str, deduction: NDArray[np.float64]) -> NDArray[np.float64]:
        earned = np.maximum(points(name) - FREE_POINTS, 0)
        return 100 * (earned - np.minimum(deduction, MAX_DEDUCTION * earned)) / floor

    nothing = np.zeros_like(chars)
    values = {
        "chars": chars,
        "han_chars": han,
        "han_share": share(han, chars),
        "prose_han_share": share(count("prose_han"), count("prose_chars")),
        "kana_share": share(count("kana"), chars),
        "hangul_share": share(count("hangul"), chars),
        "latin_share": share(count("latin"), chars),
        "digit_share": share(count("digits"), chars),
        "punctuation_share": share(count("punctuation"), chars),
        "symbol_share": share(count("symbols"), chars),
        "space_share": share(count("space"), count("code_points")),
        "rare_han_share": share(count("rare_han"), han),
        # One such character may be a rare word's (a name, a term of a trade): two are not chance.
        "mojibake_share": np.minimum(share(np.maximum(count("mojibake") + count("broken") - 1, 0), chars), 1.0),
        "function_share": share(count("function"), words),
        "char_entropy": np.minimum(entropy, 12.0),
        "lines": lines,
        "mean_line_length": share(chars, lines),
        "terminal_line_share": share(count("terminal_lines"), lines),
        "terminal_char_share": share(count("terminal_chars"), chars),
        "short_line_share": share(count("short_lines"), lines),
        "bare_char_share": share(count("bare_chars"), chars),
        "loose_share": share(count("loose_units"), units),
        "bullet_line_share": share(count("bullet_lines"), lines),
        "ellipsis_line_share": share(count("ellipsis_lines"), lines),
        "read_more_line_share": share(count("read_more_lines"), lines),
        "navigation_line_share": share(count("navigation_lines"), lines),
        "duplicate_line_share": share(count("duplicate_lines"), lines),
        "duplicate_line_char_share": share(count("duplicate_line_chars"), chars),
        # One sign in a short text is chance: it is deducted, and the denominator has a floor.
        "disorder_density": 100
        * np.maximum(count("misplaced_clauses") + count("unlikely_pairs") - 1, 0)
        / np.maximum(han, 100),
        "incohesion": nothing if incohesion is None else incohesion,
        "run_on_share": share(count("run_on_units"), units),
        "repeated_mark_share": share(count("repeated_marks"), chars),
        "doubled_separator_share": share(count("doubled_separators"), chars),
        "lenticular_share": share(count("lenticular"), chars),
        "url_density": 1000 * share(points("url"), floor),
        "contact_density": 1000 * share(count("contacts"), floor),
        "promotion_score": 100 * np.maximum(points("promotion") + 3 * count("contacts") - FREE_POINTS, 0) / floor,
        "gambling_score": score("gambling", reporting),
        "pornography_score": score("pornography", reporting + points("health")),
        "services_score": score("services", reporting),
        "games_score": score("games", reporting),
        "placeholder_score": score("placeholder", nothing),
        "listed_per_line": share(count("distinct_listed"), lines),
    }
    for n in (2, 3, 4):
        top = columns[TOP + n - 2]
        values[f"top_{n}gram_share"] = np.minimum(share(n * np.maximum(top - 1, 0), units), 1.0)
    for n in range(5, 11):
        values[f"duplicate_{n}gram_share"] = share(columns[COVERED + n - 2], units)
    signals = np.stack([values[name] for name in SIGNALS])
    return np.round(signals, QUANTUM, out=signals).astype(np.float32).T
