"""Parsing one JSON object from untrusted bytes."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import orjson


class JsonFault(NamedTuple):
    """Why bytes are no JSON object; ``truncated``: they are the beginning of one."""

    detail: str
    truncated: bool


def parse_object(data: bytes) -> dict[str, Any] | JsonFault:
    """Return the JSON object in ``data``, or why there is none.

    orjson refuses lone surrogates (``"\\ud83d"``, an emoji cut in half) and
    NaN, both frequent in scraped data; Python's parser, slower, takes them.
    Neither nests deeper than about 1,000 levels.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if b"\\ud" not in data and b"\\uD" not in data and b"NaN" not in data and b"Infinity" not in data:
            return _fault(data, error)
        try:
            value = _well_formed(json.loads(data))
        except (ValueError, RecursionError):
            return _fault(data, error)
    if isinstance(value, dict):
        return value
    return JsonFault(f"The JSON value is a {type(value).__name__}, not an object.", False)


def _well_formed(value: Any) -> Any:
    """Return ``value`` with surrogate pairs joined and lone surrogates replaced by U+FFFD: UTF-8 can hold it."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_well_formed(each) for each in value]
    if isinstance(value, dict):
        return {_well_formed(key): _well_formed(each) for key, each in value.items()}
    return value


def _fault(data: bytes, error: orjson.JSONDecodeError) -> JsonFault:
    # orjson counts the position in characters; at the end of the text it says so in words.
    ended = "end of data" in error.msg or "EOF" in error.msg
    return JsonFault(f"{error.msg[:1].upper()}{error.msg[1:]}.", ended)
