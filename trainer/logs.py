"""What a run leaves to look at: ``metrics.jsonl``, TensorBoard events, ``loss.svg``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

_WIDTH, _HEIGHT, _MARGIN = 720, 400, 56
ENTROPY = "unigram entropy"
_COLOURS = {"train": "#8aa4c8", "valid": "#c8442c", ENTROPY: "#555555"}
_PAIRS = [("#c8442c", "#e3a89c"), ("#2b5fa8", "#a3bbdd"), ("#2c8c4a", "#a2cfae"), ("#7a4a9e", "#c5b0d5")]
Curve = list[tuple[float, float]]


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
    curves = {name: _curve(metrics, split=name) for name in ("train", "valid")}
    return _svg({**curves, ENTROPY: _entropy(metrics)}, _COLOURS)


def compare(runs: dict[str, list[dict[str, Any]]]) -> str:
    """Return the validation losses of several runs (name -> metrics) beside each other, each with its entropy."""
    curves: dict[str, Curve] = {}
    colours: dict[str, str] = {}
    for number, (name, metrics) in enumerate(runs.items()):
        curves[f"{name} valid"], curves[f"{name} {ENTROPY}"] = _curve(metrics, split="valid"), _entropy(metrics)
        strong, pale = _PAIRS[number % len(_PAIRS)]
        colours |= {f"{name} valid": strong, f"{name} {ENTROPY}": pale}
    return _svg(curves, colours)


def _curve(metrics: list[dict[str, Any]], split: str) -> Curve:
    lines = [line for line in metrics if line["split"] == split and isinstance(line.get("loss"), int | float)]
    return [(line["step"], line["loss"]) for line in lines if math.isfinite(line["loss"])]


def _entropy(metrics: list[dict[str, Any]]) -> Curve:
    return [(m["step"], m["unigram_entropy"]) for m in metrics if isinstance(m.get("unigram_entropy"), int | float)]


def _svg(curves: dict[str, Curve], colours: dict[str, str]) -> str:
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
        colour = colours[name]
        line_points = " ".join(place(x, y) for x, y in curve)
        parts.append(f'<polyline points="{line_points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{_WIDTH - _MARGIN}" y="{24 + 16 * number}" text-anchor="end" fill="{colour}">{name}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])
