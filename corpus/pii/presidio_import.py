"""Importing Presidio without the neural libraries that it would pull in where they are installed.

``import presidio_analyzer`` imports transformers, and spaCy's thinc imports
torch, where they exist: 14 s of CPU for classes that pattern recognisers never
touch. Both treat a missing library as normal, so they are told that it is.
"""

from __future__ import annotations

import importlib
import sys

NEURAL = (
    "transformers",
    "torch",
    "tensorflow",
    "mxnet",
    "cupy",
    "stanza",
    "spacy_stanza",
    "spacy_huggingface_pipelines",
)


def import_presidio() -> None:
    """Import ``presidio_analyzer``; ModuleNotFoundError where it is not installed.

    Neural libraries that this process has imported already are left alone.
    """
    if "presidio_analyzer" in sys.modules:
        return
    hidden = [name for name in NEURAL if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        importlib.import_module("presidio_analyzer")
    finally:
        for name in hidden:
            del sys.modules[name]
