"""File systems behind fsspec URLs, and the one layer of retries around them.

Clients of object stores retry for themselves, and layers multiply: 5 requests
by 5 calls by 6 tries at 15 s each are 37 minutes of silence in front of a
server that hangs. So the client retries single requests (a listing or a
multipart upload is many), :func:`attempt` whole operations, nothing else
anything; together they give up after some minutes with one sentence.

Credentials, endpoints and every other option come from the environment and
from fsspec's own configuration (docs/object-stores.md), never from a build's.
"""

from __future__ import annotations

import errno
import os
import random
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from corpus.errors import MissingDependency, StorageError

TRIES = 5
FIRST_DELAY_S = 0.5
DELAY_GROWTH = 3.0  # 0.5 + 1.5 + 4.5 + 13.5: an outage of 20 s and the client's own waits are ridden out
LONGEST_DELAY_S = 120.0  # of callers that try more often

# Protocols that fsspec does not know and that speak S3: the endpoint is AWS_ENDPOINT_URL.
S3_COMPATIBLE = ("cos", "obs")
_S3_OPTIONS: dict[str, Any] = {
    # Other processes write what this one lists, so listings are never remembered.
    "use_listings_cache": False,
    "config_kwargs": {"retries": {"mode": "standard", "total_max_attempts": 5}},
}
CLIENT_OPTIONS = {"s3": _S3_OPTIONS, "s3a": _S3_OPTIONS}
S3_RETRIES = 1  # s3fs would repeat what botocore repeats
EXTRAS = {"s3": "s3", "s3a": "s3"}

_PERMANENT = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EEXIST,
        errno.EFBIG,
        errno.EINVAL,
        errno.EISDIR,
        errno.EMSGSIZE,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOSPC,
        errno.ENOSYS,
        errno.ENOTDIR,
        errno.ENOTEMPTY,
        errno.ENOTSUP,
        errno.EPERM,
        errno.EROFS,
    }
)
_ERRNO_OF = {  # what fsspec raises without a number
    FileExistsError: errno.EEXIST,
    FileNotFoundError: errno.ENOENT,
    IsADirectoryError: errno.EISDIR,
    NotADirectoryError: errno.ENOTDIR,
    PermissionError: errno.EACCES,
}
# Exceptions of client libraries that are no OSError; looked up only where the library is loaded.
_TRANSPORT = (
    ("aiohttp", "ClientError"),
    ("azure.core.exceptions", "ServiceRequestError"),
    ("azure.core.exceptions", "ServiceResponseError"),
    ("botocore.exceptions", "ConnectionError"),
    ("botocore.exceptions", "HTTPClientError"),
    ("botocore.exceptions", "IncompleteReadError"),
    ("botocore.parsers", "ResponseParserError"),
    ("http.client", "HTTPException"),
    ("oss2.exceptions", "RequestError"),
)
_LIBRARY = (
    ("azure.core.exceptions", "AzureError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("oss2.exceptions", "OssError"),
)

Result = TypeVar("Result")


def is_remote(place: str) -> bool:
    """Return whether ``place`` is a URL that does not name a local file."""
    return "://" in place and not place.startswith("file://")


def locate(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of ``url`` and the path in it.

    Raises StorageError for a protocol that nothing serves, MissingDependency
    where only its package is missing.
    """
    import fsspec

    protocol, _, rest = url.partition("://")
    if protocol in S3_COMPATIBLE and protocol not in fsspec.available_protocols():
        protocol, url = "s3", f"s3://{rest}"
    given = fsspec.config.conf.get(protocol, {})
    options = {name: value for name, value in CLIENT_OPTIONS.get(protocol, {}).items() if name not in given}
    try:
        system, path = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        remedy = f"pip install 'wudao-corpus[{EXTRAS[protocol]}]'" if protocol in EXTRAS else str(error)
        raise MissingDependency(f"{url}: a package that reads {protocol}:// is not installed: {remedy}") from error
    except ValueError as error:
        raise StorageError(f"{url}: {error}") from error
    except _types(_LIBRARY) as error:
        raise StorageError(f"{url}: {error}") from error
    if protocol in CLIENT_OPTIONS:
        system.retries = S3_RETRIES
    return system, str(path)


def attempt(
    call: Callable[[], Result], url: str, tries: int = TRIES, pause: Callable[[float], None] | None = None
) -> Result:
    """Run one operation on a remote store, again while its error may pass, with growing pauses in between.

    ``pause`` waits for so many seconds (None: ``time.sleep``). Raises the
    OSError of what is absent, forbidden or full at once, with its number and
    ``url``; StorageError for all else, and after ``tries`` tries.
    """
    delay = FIRST_DELAY_S
    for number in range(1, tries + 1):
        try:
            return call()
        except OSError as error:
            found = error.errno or next((code for kind, code in _ERRNO_OF.items() if isinstance(error, kind)), None)
            if found is not None and found in _PERMANENT:
                raise OSError(found, error.strerror or str(error) or os.strerror(found), url) from error
            cause: Exception = error
        except _types(_TRANSPORT) as error:
            cause = error
        except _types(_LIBRARY) as error:
            raise StorageError(f"{url}: {_one_line(error)}; docs/object-stores.md tells what to set") from error
        if number == tries:
            raise StorageError(
                f"{url}: {_one_line(cause)} (after {tries} tries); run the same command again when the store answers"
            ) from cause
        # Many workers meet the same outage: their pauses differ, so that they do not all come back at once.
        (pause or time.sleep)(delay * random.uniform(0.75, 1.25))  # noqa: S311 - no secret, nothing of the output
        delay = min(delay * DELAY_GROWTH, LONGEST_DELAY_S)
    raise AssertionError("unreachable")


def _types(names: tuple[tuple[str, str], ...]) -> tuple[type[Exception], ...]:
    """Return those of the named exceptions whose module is loaded."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in names)
    return tuple(one for one in found if one is not None)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
