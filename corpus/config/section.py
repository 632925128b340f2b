"""The base of every configuration section."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of ``corpus.yaml``: unknown keys are refused, values are frozen, every field has a default."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
