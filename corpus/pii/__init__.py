"""Personal information: found in a normalised shadow of the text, resolved, replaced, counted and audited.

The recognisers are data (the ``pii_rules`` package, or a folder of the user's own) in the format of
Presidio's recogniser registry. This package runs them fast over Arrow batches:

* :mod:`corpus.pii.shadow` folds evasive spellings into plain ones, with an exact map back;
* :mod:`corpus.pii.prefilter` finds in one scan which recognisers can match at all;
* :mod:`corpus.pii.matcher` is a rule at work, with validator and substring context; :mod:`corpus.pii.recognizer` makes
  a Presidio recogniser of it;
* :mod:`corpus.pii.database_cache` keeps what the prefilter has compiled;
* :mod:`corpus.pii.spans` decides between overlapping kinds;
* :mod:`corpus.pii.actions` replaces what was found;
* :mod:`corpus.pii.engine` puts them together; :mod:`corpus.pii.audit` checks the result independently.

Importing this package imports neither Presidio nor hyperscan; the engine does, when it loads.
"""

from __future__ import annotations

from corpus import errors

__all__ = ["MissingDependency"]


class MissingDependency(errors.MissingDependency, ImportError):
    """Scrubbing is on, but the packages of the ``pii`` extra are not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"Scrubbing personal information needs {package}, which is not installed: "
            "run pip install 'wudao-corpus[pii]', or set scrub.enabled to false."
        )
