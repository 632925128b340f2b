"""Compiles every kernel once, so that no worker has to: ``python -m pipelines.compile_kernels``.

Numba keeps what it compiles (see corpus/kernel_cache.py), for this kind of
processor. Set-up runs this; without it the first build does the same work in
every worker at once.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import orjson

from corpus.config.build import BuildConfig
from corpus.errors import MissingDependency
from corpus.kernel_cache import delete_stale
from pipelines.apply import apply_steps

PAGE = """<html><head><title>编译内核用的页面</title></head><body><div class="nav"><a href="/">首页</a></div>
<article>{}</article><div class="footer">联系电话：13900000000</div></body></html>"""
PARAGRAPH = (
    "<p>这一页没有别的用处，只是让每一个内核都在安装时编译一次，以后的每一次构建就不必再等。第{}段写到这里为止。</p>"
)
STEPS = ("normalise", "language", "label", "quality", "sign", "scrub")


def compile_kernels() -> float:
    """Run every step over a page, the same in another charset and a line of JSON; return the seconds it took."""
    started = time.monotonic()
    delete_stale()
    with tempfile.TemporaryDirectory() as folder:
        body = "\n".join(PARAGRAPH.format(number) for number in range(12))
        (Path(folder) / "page.html").write_text(PAGE.format(body), encoding="utf-8")
        (Path(folder) / "gbk.html").write_bytes(PAGE.format(body).encode("gb18030"))
        (Path(folder) / "lines.jsonl").write_bytes(orjson.dumps({"id": 1, "text": body}) + b"\n")
        config = BuildConfig.model_validate({"input": {"paths": [folder]}})
        try:
            list(apply_steps(STEPS, config))
        except MissingDependency:
            list(apply_steps(STEPS[:-1], config))
    _compile_cohesion()
    return time.monotonic() - started


def _compile_cohesion() -> None:
    """Measure one text by an empty table: the default configuration names none."""
    import numpy as np
    import pyarrow as pa

    from corpus.kernels.buffers import text_buffers
    from corpus.quality.cohesion import Cohesion, CohesionTable

    table = CohesionTable(np.arange(4, dtype=np.uint16), np.zeros(16, dtype=np.uint16), 0)
    Cohesion(table).incohesion(*text_buffers(pa.array([PARAGRAPH], pa.large_string())))


if __name__ == "__main__":
    print("compiling the kernels, once for this kind of processor: some minutes", flush=True)
    print(f"kernels ready after {compile_kernels():.0f} s")
