"""Chinese personal names by grammar: a surname, one or two characters, and a border where a name can end.

No model decides here: after or before a trigger, a name is taken where its surname is one, its characters occur in
names, and what follows is punctuation or a function word. Ambiguous stretches are left alone.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from corpus.pii.candidate import Candidate
from pii_rules.validators.tables import words


class Demands(NamedTuple):
    """What a trigger asks of a name."""

    rare: bool  # surnames that are common words count
    usual: int  # so many characters of the given name must be usual ones (all, where it has fewer)
    border: (
        str  # "none": usual characters settle it, "word": punctuation or a function word follows, "mark": punctuation
    )
    common: bool = False  # names that are words of the dictionary count


LABEL = Demands(rare=True, usual=1, border="none", common=True)
PARTY = Demands(rare=False, usual=1, border="none")
ROLE = Demands(rare=False, usual=2, border="word")
CALLED = Demands(rare=False, usual=1, border="mark")
SELF = Demands(rare=False, usual=2, border="mark")
BEFORE = Demands(rare=False, usual=2, border="mark")
DESCRIBED = Demands(rare=True, usual=0, border="mark")

WINDOW = 13  # characters of a stretch looked at: the longest written names with · fit
LONGEST = 4
LONGEST_PART = 5  # characters of one part of a name with ·
MINORITY = re.compile(r"[一-龥]{1,6}(?:·[一-龥]{1,8}){1,3}")
STRETCH = re.compile(r"[一-龥·]*")
HAN = re.compile(r"[一-龥]")
JOINTS = frozenset("和与及在到被将向对把从是说称因为给")
INVENTED = re.compile(r"[”\"]? ?\((?:化名|假名)")  # the text itself says that the name is not the person's


def after_label(candidate: Candidate) -> Candidate | None:
    """A name in the field of a form (姓名：…): rare surnames count."""
    return _after(candidate, LABEL)


def after_party(candidate: Candidate) -> Candidate | None:
    """A name after a party of a proceeding (原告…, 被告人…): a usual given name may run on into the sentence."""
    return _after(candidate, PARTY)


def after_role(candidate: Candidate) -> Candidate | None:
    """A name after a word that often stands before something else (患者…, 联系…): a border must follow."""
    return _after(candidate, ROLE)


def after_self(candidate: Candidate) -> Candidate | None:
    """A name after 我是, 我叫: punctuation must follow."""
    return _after(candidate, SELF)


def after_called(candidate: Candidate) -> Candidate | None:
    """A name after 名叫, 真名: punctuation must follow, one unusual character is no obstacle."""
    return _after(candidate, CALLED)


def before_title(candidate: Candidate) -> Candidate | None:
    """A full name right before a title (…先生); a surname alone (王先生) names nobody."""
    return _before(candidate, BEFORE)


def before_mark(candidate: Candidate) -> Candidate | None:
    """A name right before a mark that ends it: a number."""
    return _before(candidate, BEFORE)


def before_description(candidate: Candidate) -> Candidate | None:
    """A name right before what describes a person (，男，…): where nothing stands before it, any given name will do."""
    return _before(candidate, DESCRIBED)


def begins() -> list[str]:
    """Return expressions: a name that a validator ``after_…`` accepts, except after a label, begins with one."""
    return _begins(words("surnames") - words("rare_surnames"))


def begins_after_label() -> list[str]:
    """Return expressions: a name that :func:`after_label` accepts begins with one of them."""
    return _begins(words("surnames"))


def _begins(surnames: frozenset[str]) -> list[str]:
    """A surname of one character and what can stand behind it (see :func:`is_name`), one of two, or a name with ·."""
    double = "|".join(sorted(words("compound_surnames")))
    single = f"[{''.join(sorted(surnames))}]{_han_without(words('not_given') - words('surnames'))}"
    return [f"{single}|(?:{double})", "[一-龥]{1,6}·"]


def _han_without(excluded: frozenset[str]) -> str:
    """Return the class [一-龥] without ``excluded``, as ranges: an automaton knows no lookahead."""
    ranges, low = [], ord("一")
    for border in [*sorted(ord(char) for char in excluded if HAN.match(char)), ord("龥") + 1]:
        if low < border:
            ranges.append(f"{chr(low)}-{chr(border - 1)}")
        low = border + 1
    return f"[{''.join(ranges)}]"


def surname_length(text: str) -> int:
    """Return the length of the surname that ``text`` starts with, 0 without one."""
    if text[:2] in words("compound_surnames"):
        return 2
    return 1 if text[:1] in words("surnames") else 0


def is_name(name: str, demands: Demands) -> bool:
    """Whether ``name`` (surname and given name) can be a person's, as far as ``demands`` go."""
    length = surname_length(name)
    given = name[length:]
    if len(name) == LONGEST and length == 1 and name[1] in words("surnames"):
        given = name[2:]  # both parents' surnames
    if not length or not 1 <= len(given) <= 2:
        return False
    if any(char in words("not_given") for char in given) or name in words("not_names"):
        return False
    if given in words("not_given_names") or name[:2] in words("not_names"):
        return False
    if name in words("common_words") and not demands.common:
        return False
    if sum(char in words("given_chars") for char in given) < min(demands.usual, len(given)):
        return False
    return demands.rare or length == 2 or name[0] not in words("rare_surnames")


def _ends(text: str, at: int) -> bool:
    """Whether a name can end before ``at``: no Han character, or a function word, follows."""
    rest = text[at : at + 3]
    if not rest or not HAN.match(rest):
        return True
    return rest[0] in words("after_names") or rest[:2] in words("after_names")


def _after(candidate: Candidate, demands: Demands) -> Candidate | None:
    """Return the candidate narrowed to the name at the start of its span."""
    text, start = candidate.text, candidate.start
    run = STRETCH.match(text, start, start + WINDOW).group()  # type: ignore[union-attr]  # the empty stretch matches
    minority = MINORITY.match(run)
    if minority and not any(char in words("not_given") for char in run[: run.index("·")]):
        return candidate._replace(end=start + _trim_minority(run, minority.end()))
    if not surname_length(run) or _organisation_ends().search(_compound(run)):
        return None
    size = _given_border(text, start, run, demands)
    return candidate._replace(end=start + size) if size else None


@functools.cache
def _organisation_ends() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(words("organisation_ends")))))


def _compound(run: str) -> str:
    """Return what can belong to one name of an organisation: up to a word that joins two parts of a sentence."""
    joint = next((at for at in range(3, len(run)) if run[at] in JOINTS), len(run))
    return run[1 : min(joint, 8)]


def _given_border(text: str, start: int, run: str, demands: Demands) -> int:
    """Return the length of the name that ``run`` starts with, 0 where none can be told.

    Punctuation settles it; then a function word; without either, characters that are usual in given names.
    """
    surname = surname_length(run)
    short, long = surname + 1, surname + 2
    if len(run) in (short, long) or (surname == 1 and len(run) == LONGEST and run[1] in words("surnames")):
        if is_name(run, demands):
            return len(run) if INVENTED.match(text, start + len(run)) is None else 0
        if len(run) == short:
            return 0
    if demands.border == "mark":
        return 0
    usual = words("given_chars")
    follows_short = _ends(text, start + short)
    follows_long = len(run) >= long and _ends(text, start + long)
    tail = run[short] if len(run) > short else ""
    sizes = []
    if follows_short and not (follows_long and tail in usual):
        sizes.append(short)
    if follows_long:
        sizes.append(long)
    if not sizes and demands.border == "none" and len(run) > long:
        if tail in usual and run[long] not in usual:
            sizes.append(long)
        elif tail not in usual:
            sizes.append(short)
        demands = demands._replace(usual=2)
    for size in sizes:
        if text[start + size : start + size + 1] != "某" and is_name(run[:size], demands):
            return size if INVENTED.match(text, start + size) is None else 0
    return 0


def _trim_minority(run: str, end: int) -> int:
    """Return where a name with · ends: before the first function word after its last ·."""
    last = run.rindex("·", 0, end)
    closed = end == len(run) and end - last <= LONGEST_PART + 1  # punctuation follows
    for at in range(last + 2, end):
        word = run[at : at + 2]
        if (len(word) == 2 and word in words("after_names")) or (not closed and run[at] in words("after_names")):
            return at
    return end


def _before(candidate: Candidate, demands: Demands) -> Candidate | None:
    """Return the candidate narrowed to the name at the end of its span.

    ``demands`` hold for a name that stands alone; one with other characters before it must be a usual one.
    """
    text, end = candidate.text, candidate.end
    if INVENTED.match(text, end):
        return None
    low = max(0, end - WINDOW)
    stretch = re.search(r"[一-龥·]*$", text[low:end])
    run = stretch.group() if stretch else ""
    if "·" in run:
        minority = re.search(r"[一-龥]{1,6}(?:·[一-龥]{1,8}){1,3}$", run)
        if minority is None:
            return None
        start = _skip_before(run, minority.start(), run.index("·", minority.start()))
        return candidate._replace(start=end - len(run) + start)
    for size in (LONGEST, 3, 2):
        if len(run) < size:
            continue
        name = run[-size:]
        if size == LONGEST and surname_length(name) != 2 and not (len(run) == size and name[1] in words("surnames")):
            continue
        if size == 2 and surname_length(name) == 2:
            continue
        left = run[:-size]
        alone = not left and not (text[end - size - 1 : end - size].isalnum() if end > size else False)
        if alone and is_name(name, demands):
            return candidate._replace(start=end - size)
        border = not left or left[-1] in words("before_names") or left[-2:] in words("before_names")
        # Two characters are a name only at a border; three usual ones are less often a chance.
        if (border or (size == 3 and len(run) <= 6 and left[-1] not in words("surnames"))) and is_name(name, BEFORE):
            return candidate._replace(start=end - size)
    return None


def _skip_before(run: str, start: int, dot: int) -> int:
    """Return where a name with · starts: after the last trigger word before its first ·."""
    for at in range(dot - 1, start, -1):
        if run[at - 1] in words("before_names") or run[max(0, at - 2) : at] in words("before_names"):
            return at
    return start
