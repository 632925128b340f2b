"""Lines that site templates print around a text: bylines, dates, share bars, notices.

Only the borders of a text are judged by pattern: lines before its first line
of prose and after its last one. Inside, a line goes only when it is nothing
but a known label (``anywhere`` in ``boilerplate.yaml``).
"""

from __future__ import annotations

import re
from collections import Counter
from importlib.resources import files

from corpus.extraction import dates
from corpus.safe_yaml import read_yaml

_GAPS = re.compile(r"\s+")
_PROSE_END = re.compile(r"[。！？!?…；;.][”’」』\"')）】]*$")
_CLOSING = "})];"  # a line that ends a program
_PUNCTUATED = re.compile(r"[。！？!?…；;，、,]|[:：]$")
_LONG = 60  # characters of a line that is prose whatever it ends with
_SHORT_DATE = 70  # characters up to which a line with a date is a dateline
_LONGEST = 300  # characters of a line that a pattern may match
_HEAD, _TAIL = 12, 16  # lines looked at from either end
_LONGEST_DATELINE = 100  # characters of a line with a date and a time of day
_LONGEST_BYLINE = 40  # characters of the line before a dateline that is taken for its byline
_LONGEST_LABEL = 30  # characters of a line that may be a button of every post
_CLOCK = re.compile(r"(?<![\d.:])\d{1,2}[:：.h]\d\d(?![\d.])")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


class LineFilter:
    """Removes boilerplate lines; compiled once from ``boilerplate.yaml``."""

    def __init__(self) -> None:
        tables = read_yaml((files("corpus.extraction") / "boilerplate.yaml").read_text(encoding="utf-8"))
        self._anywhere = frozenset(_bare(str(label)) for label in tables["anywhere"])
        self._head = re.compile("(?:" + "|".join(tables["head"]) + ")$", re.IGNORECASE)
        self._notice = re.compile("(?:" + "|".join(tables["notice"]) + ")$", re.IGNORECASE)
        self._tail = re.compile("(?:" + "|".join(tables["tail"]) + ")$", re.IGNORECASE)
        self._post = re.compile("(?:" + "|".join(tables["post"]) + ")$", re.IGNORECASE)

    def clean(self, text: str, title: str) -> str:
        """Return ``text`` without boilerplate lines and without the line that repeats ``title`` before the prose."""
        lines = text.split("\n")
        lines = [line for line in lines if not (0 < len(line) <= 40 and _bare(line) in self._anywhere)]
        self._trim_head(lines, title)
        self._trim_tail(lines)
        return "\n".join(lines).strip("\n")

    def clean_posts(self, texts: list[str]) -> list[str]:
        """Return the texts of a page's posts without the lines that forum software prints around them.

        A short line that is no sentence and stands in a quarter of the posts
        (three at least) is a button or a label, unless it is the only line of its
        post. What consists of several of them is no post.
        """
        texts = [self.clean_post(text) for text in texts]
        counts = Counter(line for text in texts for line in {line for line in text.split("\n") if _may_be_label(line)})
        labels = {line for line, count in counts.items() if count >= max(3, len(texts) / 4)}
        if not labels:
            return texts
        return ["\n".join(line for line in text.split("\n") if line not in labels or line == text) for text in texts]

    def clean_post(self, text: str) -> str:
        """Return the text of a post (or of a page of posts) without the lines that forum software prints around it."""
        kept = []
        for line in text.split("\n"):
            trimmed = line.strip()
            if 0 < len(trimmed) <= 80:
                trimmed = _GAPS.sub(" ", trimmed)
                if _bare(trimmed) in self._anywhere or self._post.match(trimmed):
                    continue
                if len(trimmed) <= 40 and not is_prose(trimmed) and dates.has_date(trimmed):
                    continue
            kept.append(line)
        return "\n".join(kept).strip("\n")

    def _trim_head(self, lines: list[str], title: str) -> None:
        """Remove boilerplate from the lines before the first line of prose; nothing where that is far away.

        Where that line is a summary, bylines and datelines may follow it.
        """
        squeezed = _GAPS.sub("", title)
        kept: list[str] = []
        for index, line in enumerate(lines[:_HEAD]):
            trimmed = line.strip()
            if not trimmed:
                continue
            known = len(trimmed) <= _SHORT_DATE and self._head.match(trimmed) is not None
            repeats = bool(squeezed) and _GAPS.sub("", trimmed) == squeezed
            dated = _is_dateline(trimmed)
            if is_prose(trimmed) and not (known or repeats or dated):
                self._trim_after_summary(lines, index)
                lines[:index] = kept
                return
            if dated or (len(trimmed) <= _SHORT_DATE and dates.has_date(trimmed)):
                if kept and _may_be_byline(kept[-1]):
                    kept.pop()
            elif not (known or repeats):
                kept.append(line)
        if len(lines) <= _HEAD:
            lines[:] = kept

    def _trim_after_summary(self, lines: list[str], summary: int) -> None:
        """Remove a dateline that stands next or second after the summary, and a byline between them."""
        if len(lines[summary].strip()) > _LONGEST:
            return
        for index in range(summary + 1, min(summary + 3, len(lines) - 1)):
            trimmed = lines[index].strip()
            known = not is_prose(trimmed) and self._head.match(trimmed) is not None
            if known or _is_dateline(trimmed):
                del lines[summary + 1 : index + 1]
                return
            if not _may_be_byline(trimmed):
                return

    def _trim_tail(self, lines: list[str]) -> None:
        for _ in range(min(_TAIL, len(lines))):
            trimmed = _GAPS.sub(" ", lines[-1]).strip()
            if len(trimmed) > _LONGEST:
                return
            loose = not is_prose(trimmed)
            if (
                not trimmed
                or self._notice.match(trimmed)
                or (loose and (self._tail.match(trimmed) or not (_bare(trimmed) or trimmed[0] in _CLOSING)))
            ):
                lines.pop()
            else:
                return


def _bare(line: str) -> str:
    """Return ``line`` without white space and without what is neither letter nor digit at its ends, case-folded."""
    start, stop = 0, len(line)
    while start < stop and not line[start].isalnum():
        start += 1
    while start < stop and not line[stop - 1].isalnum():
        stop -= 1
    return "".join(line[start:stop].split()).casefold()


def _is_dateline(line: str) -> bool:
    """Whether a line is no sentence and holds a time of day beside a date, in any language."""
    return (
        len(line) <= _LONGEST_DATELINE
        and _PROSE_END.search(line) is None
        and _CLOCK.search(line) is not None
        and (_YEAR.search(line) is not None or dates.has_date(line))
    )


def _may_be_byline(line: str) -> bool:
    trimmed = line.strip()
    return len(trimmed) <= _LONGEST_BYLINE and _PROSE_END.search(trimmed) is None


def _may_be_label(line: str) -> bool:
    """Whether a line may be a button: short, unpunctuated, no heading of what follows, not indented as code is."""
    return 0 < len(line) <= _LONGEST_LABEL and line[0].isalnum() and _PUNCTUATED.search(line) is None


def is_prose(line: str) -> bool:
    """Return whether a trimmed line is long or ends like a sentence."""
    return len(line) >= _LONG or (len(line) >= 12 and _PROSE_END.search(line) is not None)
