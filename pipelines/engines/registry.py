"""Engines by name, imported only when one is made."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from corpus.config.build import RunSettings

if TYPE_CHECKING:
    from pipelines.engines.interface import Engine

ENGINES = {
    "local": "pipelines.engines.local:LocalEngine",
    "spark": "pipelines.engines.spark:SparkEngine",
    "beam": "pipelines.engines.beam:BeamEngine",
}


def make_engine(settings: RunSettings) -> Engine:
    """Return the engine that ``settings`` name."""
    module, _, attribute = ENGINES[settings.engine].partition(":")
    engine: Engine = getattr(import_module(module), attribute)(settings)
    return engine
