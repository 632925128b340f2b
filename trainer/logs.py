"""What a run leaves to look at: ``metrics.jsonl``, TensorBoard events, ``loss.svg``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

_WIDTH, _HEIGHT, _MARGIN = 720, 400, 56
_COLOURS = {"train": "#8aa4c8", "valid": "#c8442c", "unigram entropy": "#555555"}


class RunLog:
    """Writes metrics of one run; a resumed run appends, after lines beyond its step are cut."""

    def __init__(self, folder: Path, tensorboard: bool) -> None:
        self._folder = folder
        self._tensorboard = tensorboard
        self._writer: Any = None

    def open(self, step: int) -> None:
        """Make the folder, drop what a lost continuation wrote after ``step``, start TensorBoard if it is there."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "metrics.jsonl"
        kept = [line for line in read_metrics(self._folder) if line["step"] <= step]
        path.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        if self._tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                return
            self._writer = SummaryWriter(str(self._folder / "tensorboard"), purge_step=step + 1)

    def write(self, step: int, split: str, **values: float | str | None) -> None:
        """Append one line."""
        line = {"step": step, "split": split, **values}
        with (self._folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self._writer is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self._writer.add_scalar(f"{split}/{name}", value, step)

    def close(self) -> None:
        """Draw the curves and end TensorBoard."""
        (self._folder / "loss.svg").write_text(draw(read_metrics(self._folder)), encoding="utf-8")
        if self._writer is not None:
            self._writer.close()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's ``metrics.jsonl``; a torn last line is left out."""
    path = folder / "metrics.jsonl"
    lines: list[dict[str, Any]] = []
    if path.is_file():
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(text))
            except json.JSONDecodeError:
                break
    return lines


def draw(metrics: list[dict[str, Any]]) -> str:
    """Return the loss curves as SVG: training loss, validation loss, and the unigram entropy to be beaten."""
    curves: dict[str, list[tuple[float, float]]] = {name: [] for name in _COLOURS}
    for line in metrics:
        loss = line.get("loss")
        if isinstance(loss, int | float) and math.isfinite(loss):
            curves.setdefault(line["split"], []).append((line["step"], loss))
        entropy = line.get("unigram_entropy")
        if isinstance(entropy, int | float):
            curves["unigram entropy"].append((line["step"], entropy))
    points = [p for curve in curves.values() for p in curve]
    if not points:
        return '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>\n'
    right = max(x for x, _ in points) or 1
    low, high = min(y for _, y in points), max(y for _, y in points)
    span = (high - low) or 1.0

    def place(x: float, y: float) -> str:
        px = _MARGIN + x / right * (_WIDTH - 2 * _MARGIN)
        return f"{px:.1f},{_HEIGHT - _MARGIN - (y - low) / span * (_HEIGHT - 2 * _MARGIN):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" '
        f'font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for i in range(5):
        y = low + span * i / 4
        x, _, py = place(0, y).partition(",")
        parts.append(f'<line x1="{x}" x2="{_WIDTH - _MARGIN}" y1="{py}" y2="{py}" stroke="#dddddd"/>')
        parts.append(f'<text x="{_MARGIN - 6}" y="{py}" text-anchor="end">{y:.2f}</text>')
    parts.append(f'<text x="{_WIDTH - _MARGIN}" y="{_HEIGHT - 20}" text-anchor="end">step {right:.0f}</text>')
    parts.append(f'<text x="{_MARGIN}" y="{_HEIGHT - 20}">loss in nats per target</text>')
    for number, (name, curve) in enumerate((n, c) for n, c in curves.items() if c):
        colour = _COLOURS.get(name, "#2c8c4a")
        line_points = " ".join(place(x, y) for x, y in curve)
        parts.append(f'<polyline points="{line_points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{_WIDTH - _MARGIN}" y="{24 + 16 * number}" text-anchor="end" fill="{colour}">{name}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])
