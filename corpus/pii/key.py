"""The user's key: it makes pseudonyms and audit hashes, and never enters a file."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from corpus.errors import ConfigError

MIN_KEY_BYTES = 16  # 128 bits: a mobile number has 37, so an unkeyed or weakly keyed hash can be searched


class KeyMissing(ConfigError, ValueError):
    """An action needs the key and there is none, or it is too short."""


class Key:
    """A secret for HMAC-SHA256."""

    def __init__(self, secret: bytes) -> None:
        """Raises KeyMissing for a secret shorter than :data:`MIN_KEY_BYTES`."""
        if len(secret) < MIN_KEY_BYTES:
            raise KeyMissing(
                f"The PII key has {len(secret)} bytes: use at least {MIN_KEY_BYTES}, e.g. openssl rand -hex 32."
            )
        self._secret = secret

    def __repr__(self) -> str:
        return f"Key({self.fingerprint()[:8]}…)"

    def fingerprint(self) -> str:
        """Return a sha256 that names the key without giving it away."""
        return hmac.new(self._secret, b"wudao key fingerprint", hashlib.sha256).hexdigest()

    def digest(self, kind: str, value: str) -> bytes:
        """Return the 32-byte HMAC of ``value`` as a ``kind``."""
        return hmac.new(self._secret, f"{kind}\0{value}".encode("utf-8", "replace"), hashlib.sha256).digest()


def read_key(variable: str, file: str | None) -> Key | None:
    """Return the key from environment variable ``variable``, else from ``file``, else None."""
    text = os.environ.get(variable)
    if text:
        return Key(text.encode("utf-8"))
    if file is not None:
        return Key(Path(file).read_bytes().strip())
    return None
