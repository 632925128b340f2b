"""The steps of a build, one file each, by name.

The table maps a step's name to its class, imported only when it is made, so
that ``import corpus`` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from corpus.steps.interface import Step

STEPS = {
    "decode": "corpus.steps.decode:Decode",
    "extract": "corpus.steps.extract:Extract",
    "normalise": "corpus.steps.normalise:Normalise",
    "language": "corpus.steps.language:Language",
    "label": "corpus.steps.label:Label",
    "quality": "corpus.steps.quality:Quality",
    "sign": "corpus.steps.sign:Sign",
    "scrub": "corpus.steps.scrub:Scrub",
}


def make_step(name: str, settings: Any) -> Step:
    """Return step ``name`` made from its configuration section ``settings`` (see corpus/config)."""
    module, _, attribute = STEPS[name].partition(":")
    step: Step = getattr(import_module(module), attribute)(settings)
    return step
