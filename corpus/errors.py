"""Errors that a person can act on. Their message is one sentence that names the place and the remedy."""

from __future__ import annotations


class WudaoError(Exception):
    """Base of all errors that the command prints without a traceback."""


class ConfigError(WudaoError):
    """A configuration that cannot be used: names file, line and the nearest right key."""


class StorageError(WudaoError):
    """A store that cannot be read or written."""


class BuildError(WudaoError):
    """A build that cannot go on, or whose balance does not hold."""


class CorruptionError(WudaoError):
    """A file whose content is not what its manifest says."""


class MissingDependency(WudaoError):
    """An optional package that this configuration needs and that is not installed."""


def io_sentence(error: OSError) -> str:
    """Return an operating system's error as one sentence: place, cause, remedy."""
    import errno

    remedies = {
        errno.ENOSPC: "no space is left; free some and run the same command again",
        errno.EDQUOT: "the quota is used up; free some space and run the same command again",
        errno.EROFS: "the file system is read-only; choose another output",
        errno.EACCES: "permission denied; choose another place or mend its permissions",
        errno.ENOENT: "it is not there (any more); put it back, or name another place, and run the same command again",
    }
    place = error.filename if error.filename is not None else "a file of the build"
    cause = error.strerror or str(error)
    return f"{place}: {remedies.get(error.errno or 0, f'{cause}; mend that and run the same command again')}"
