"""Seconds per step beside the budget of the design."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

# CPU milliseconds per MB of text, by step (docs/architecture.md, "A budget for speed").
BUDGET: Final = {
    "read": 10.0, "normalise": 5.0, "language": 7.0, "label": 25.0, "quality": 10.0, "sign": 7.0, "scrub": 10.0,
    "write": 10.0,
}  # fmt: skip
LOADING: Final = "load"  # once per worker, whatever the size of the input


class StepSpeed(NamedTuple):
    """CPU and wall seconds of one step over all workers; rates are over CPU seconds and bytes of payload read."""

    name: str
    cpu: float
    wall: float
    per_megabyte: float | None  # ms; None where that says nothing
    rate: float | None  # MB/s
    budget: float | None  # ms per MB

    @property
    def over(self) -> bool:
        """Whether the step needed more than its budget."""
        return self.budget is not None and self.per_megabyte is not None and self.per_megabyte > self.budget


def step_speeds(step_seconds: Mapping[str, Mapping[str, float]], read_bytes: int) -> list[StepSpeed]:
    """Return the steps of a summary, the one with the most CPU seconds first."""
    megabytes = read_bytes / 1e6
    found = []
    for name, seconds in sorted(step_seconds.items(), key=lambda one: (-one[1]["cpu"], one[0])):
        known = megabytes > 0 and seconds["cpu"] > 0 and name != LOADING
        per_megabyte = seconds["cpu"] * 1000 / megabytes if known else None
        rate = megabytes / seconds["cpu"] if known else None
        found.append(StepSpeed(name, seconds["cpu"], seconds["wall"], per_megabyte, rate, BUDGET.get(name)))
    return found
