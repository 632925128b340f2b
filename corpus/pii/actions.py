"""What happens to a found span: a typed placeholder, a mask, or a keyed pseudonym."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from corpus.pii.key import Key
from corpus.pii.pseudonyms import pseudonym
from corpus.pii.shadow import shadow


def placeholder(kind: str) -> str:
    """Return the typed placeholder, ``<CN_MOBILE>``."""
    return f"<{kind}>"


def mask(value: str) -> str:
    """Return ``value`` with every letter, digit and numeral as ``*``; separators stay, so the shape stays readable."""
    return "".join("*" if unicodedata.category(char)[0] in "LN" else char for char in value)


def canonical(kind: str, value: str) -> str:
    """Return the form of ``value`` that is the same for every way of writing it.

    Shadow form, without anything but letters and digits, case folded; the country code of a mobile is taken off.
    E-mail, addresses of the network and URLs keep their punctuation.
    """
    text = shadow(value).casefold()
    if kind in {"EMAIL", "URL_USER", "IP_ADDRESS", "GPS"}:
        return "".join(text.split())
    text = "".join(char for char in text if char.isalnum())
    if kind == "CN_MOBILE" and len(text) > 11:
        return text[-11:]
    return text


def replacement(action: str, kind: str, value: str, key: Key | None) -> str:
    """Return what stands in the place of ``value`` under ``action``; other actions leave it."""
    actions: dict[str, Callable[[], str]] = {
        "placeholder": lambda: placeholder(kind),
        "mask": lambda: mask(value),
        "pseudonym": lambda: pseudonym(kind, value, _stream(key, kind, value)),
    }
    return actions[action]() if action in actions else value


def _stream(key: Key | None, kind: str, value: str) -> bytes:
    if key is None:  # load() has checked; this guards direct callers
        raise ValueError("a pseudonym needs a key")
    return key.digest(kind, canonical(kind, value))
