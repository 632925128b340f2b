"""What of a build's configuration differs from the default, without what may be a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson

HIDDEN: Final = "(set; not shown)"
# Passed through to other systems; may hold their credentials.
_PASSED_ON: Final = ("run.conf", "run.beam_args")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s\"]*@")
_QUERY = re.compile(r"(://[^\s\"?]*)\?[^\s\"]*")


class Change(NamedTuple):
    """One key with its value and the default, as JSON."""

    key: str
    value: str
    default: str


def changes(config: Mapping[str, Any]) -> list[Change]:
    """Return every key of ``config`` (of a summary) whose value is not the default, in alphabetical order.

    A key that is not known (any more) has the default "-".
    """
    from corpus.config.build import BuildConfig

    defaults = dict(_flat(BuildConfig().model_dump(mode="json"), ""))
    missing = object()
    found = []
    for key, value in sorted(_flat(config, "")):
        default = defaults.get(key, missing)
        if value != default:
            said = HIDDEN if any(key == one or key.startswith(one + ".") for one in _PASSED_ON) else _json(value)
            found.append(Change(key, said, "-" if default is missing else _json(default)))
    return found


def _flat(values: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        key = f"{above}{name}"
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{key}.")
        else:
            yield key, value


def _json(value: Any) -> str:
    said = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return without_credentials(said)


def without_credentials(text: str) -> str:
    """Return ``text`` whose URLs have lost user names, passwords and queries (signed addresses)."""
    return _QUERY.sub(r"\1?…", _CREDENTIALS.sub("…@", text))
