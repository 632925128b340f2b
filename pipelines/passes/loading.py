"""Loaded steps, kept for the life of a worker process: a model is read once, not once per split or build."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from corpus.config.build import BuildConfig
from corpus.config.section import Section
from corpus.steps import make_step

KEPT_STEPS = 24
INGEST_STEPS = ("decode", "extract", "normalise", "language", "label", "quality")


def build_steps(config: BuildConfig) -> list[tuple[str, Section]]:
    """Return every step that the tasks of a build load, with its settings."""
    ingest = [(name, getattr(config, name)) for name in INGEST_STEPS]
    return [*ingest, ("sign", config.dedupe), ("scrub", config.scrub)]


def loaded_step(name: str, settings: Section) -> Any:
    """Return step ``name`` made from ``settings`` and loaded. Steps hold no state beside what they loaded."""
    return _loaded(name, type(settings), settings.model_dump_json())


@lru_cache(maxsize=KEPT_STEPS)
def _loaded(name: str, section: type[Section], settings: str) -> Any:
    step = make_step(name, section.model_validate_json(settings))
    step.load()
    return step
