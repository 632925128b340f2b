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
