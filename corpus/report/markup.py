"""HTML that escapes by default: what comes out of pages, paths or configurations is text, never markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

LONGEST: Final = 300  # characters of one value that are shown
LONGEST_LINK: Final = 2_000
ELLIPSIS: Final = "…"
# Controls, and what reorders or hides the text beside it (Unicode Standard Annex #9), line separators, noncharacters.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e0fff]"
)
_SPACES = re.compile(r"\s+")
_VOID: Final = ("br", "rect", "line", "path")


class Html(str):
    """A piece of markup that is already escaped."""

    __slots__ = ()


Child = Any  # Html, text, a number, None (nothing), or an iterable of these


def plain(value: object, longest: int = LONGEST) -> str:
    """Return ``value`` as text of at most ``longest`` characters without controls, white space as single spaces."""
    # Cut before anything is searched: a title may have ten million characters.
    text = str(value)
    cut = text[: longest * 4]
    cut = _SPACES.sub(" ", _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", cut))
    return cut if len(cut) <= longest and len(text) <= longest * 4 else cut[:longest].rstrip() + ELLIPSIS


def escaped(value: object, longest: int = LONGEST) -> Html:
    """Return :func:`plain` text with ``& < > " '`` escaped, fit for content and for quoted attributes."""
    return Html(html.escape(plain(value, longest), quote=True))


def element(name: str, *children: Child, **attributes: object) -> Html:
    """Return an element; ``class_`` is the attribute class, ``_`` in other names is ``-``, None leaves one out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value, LONGEST_LINK)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{said}/>")
    return Html(f"<{name}{said}>{joined(children)}</{name}>")


def joined(children: Iterable[Child]) -> Html:
    """Return ``children`` one after the other; text among them is escaped."""
    return Html("".join(_child(one) for one in children))


def _child(value: Child) -> str:
    if value is None:
        return ""
    if isinstance(value, Html):
        return value
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, Iterable):
        return joined(value)
    return escaped(value)


def data(value: object, longest: int = LONGEST) -> Html:
    """Return text that others wrote, isolated so that its direction cannot reach what stands beside it."""
    return Html(f"<bdi>{escaped(plain(value, longest).strip(), longest + 1)}</bdi>")


def link(url: str | None, longest: int = 90) -> Html:
    """Return ``url`` as a link where it is a plain http(s) address, else as text."""
    if not url:
        return Html("")
    if not is_address(url):
        return data(url, longest)
    return element("a", data(url, longest), href=url, rel="noopener noreferrer nofollow")


def is_address(url: str) -> bool:
    """Whether ``url`` is an http(s) address without user name, white space or controls, short enough to be shown."""
    if len(url) > LONGEST_LINK or _UNSEEN.search(url) or _SPACES.search(url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def number(value: float) -> str:
    """Return a count with separators of thousands."""
    return f"{value:,.0f}"


def share(part: float, whole: float) -> str:
    """Return ``part / whole`` in percent, with digits enough to tell a small one from none; empty without a whole."""
    if whole <= 0:
        return ""
    value = part / whole
    if part and value < 0.0001:
        return "< 0.01 %"
    return f"{value * 100:.2f} %" if value < 0.1 else f"{value * 100:.1f} %"


def size(value: float) -> str:
    """Return bytes in a unit of ten to the power of three."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError
