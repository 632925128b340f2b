"""Compiles every kernel once, so that no worker has to: ``python -m pipelines.compile_kernels``.

Numba keeps what it compiles (see corpus/kernel_cache.py), for this kind of
processor. Set-up runs this; without it the first build does the same work in
every worker at once.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.errors import MissingDependency
from corpus.kernel_cache import delete_stale
from pipelines.apply import apply_steps
from pipelines.build import Build
from pipelines.engines.registry import make_engine

STEPS = ("normalise", "language", "label", "quality", "sign")

PAGE = """<html><head><title>河湾边的老图书馆</title></head><body><div class="nav"><a href="/">首页</a></div>
<h1>河湾边的老图书馆</h1><p>一座修了又修的房子，和替它守门的人。</p>
<article>{}</article><div class="footer">联系电话：13900000000</div></body></html>"""
# Threads are cut into posts by kernels of their own.
THREAD = """<html><head><title>河湾边的老图书馆 - 论坛</title><meta name="generator" content="Discuz! X3.4"></head>
<body id="nv_forum" class="pg_viewthread">
<h1><span id="thread_subject">河湾边的老图书馆</span></h1><div id="postlist">{}</div>
</body></html>"""
POST = """<div id="post_{0}"><div class="authi"><a href="space-uid-{0}.html">读者{0}</a>
<em>发表于 2024-3-{0}</em></div>
<div class="t_f" id="postmessage_{0}">{1}</div><div class="po"><a href="#">回复</a></div></div>"""
# Sentences that the quality rules keep: what is dropped never reaches the passes behind.
SENTENCES = (
    "镇上的老图书馆在河湾的东岸，砖墙爬满了藤，夏天比别处凉快。",
    "管书的是一位退休的木匠，他修好了所有摇晃的书架，还替孩子们削过陀螺。",
    "每逢集日，赶路的人进来歇脚，顺手翻几页旧报纸，再把听来的消息带回村里。",
    "去年秋天雨水多，屋顶漏了两处，大家凑钱换了瓦，又把受潮的书摊在院子里晒。",
    "有人提议装上电梯，他摇头说，楼梯一共才十七级，走一走对身体有好处。",
    "冬天傍晚，灯光从窗子里照到河面上，对岸的人就知道还没有关门。",
    "新来的老师借走了一整套地方志，说要给学生讲讲这条河改过几次道。",
    "临走时她留下一张字条，写着哪一页夹了一片枫叶，请下一位读者不要取走。",
)
# What every kind of rule looks for, so that the kernels of the scrub step have something to do; nobody's.
PERSONAL = "联系人：王小明，手机１３９００００００００，邮箱 nobody@example.com，QQ：12345678，住青山路12号3栋402室。"


def compile_kernels() -> float:
    """Build a corpus of some pages and lines that are near each other; return the seconds it took."""
    started = time.monotonic()
    delete_stale()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in"
        source.mkdir()
        body = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)
        (source / "page.html").write_text(PAGE.format(body), encoding="utf-8")
        (source / "gbk.html").write_bytes(PAGE.format(body).encode("gb18030"))
        posts = "".join(POST.format(number, body) for number in range(1, 4))
        (source / "thread-12-1-1.html").write_text(THREAD.format(posts), encoding="utf-8")
        texts = ["\n".join((*SENTENCES, PERSONAL, f"第{number}份抄件。")) for number in range(4)]
        lines = [{"id": number, "text": text} for number, text in enumerate(texts)]
        (source / "lines.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
        config = {"input": {"paths": [str(source)]}, "output": str(Path(folder) / "out"), "tokenise": False}
        try:
            _build(config)
        except MissingDependency:  # without the pii extra
            list(apply_steps(STEPS, BuildConfig.model_validate(config)))
    _compile_cohesion()
    return time.monotonic() - started


def _build(settings: dict[str, Any]) -> None:
    config = BuildConfig.model_validate(settings | {"run": {"workers": 1}})
    engine = make_engine(config.run)
    try:
        Build(config, engine, Console(quiet=True)).run()
    finally:
        engine.close()


def _compile_cohesion() -> None:
    """Measure one text by an empty table: the default configuration names none."""
    import numpy as np
    import pyarrow as pa

    from corpus.kernels.buffers import text_buffers
    from corpus.quality.cohesion import Cohesion, CohesionTable

    table = CohesionTable(np.arange(4, dtype=np.uint16), np.zeros(16, dtype=np.uint16), 0)
    Cohesion(table).incohesion(*text_buffers(pa.array(SENTENCES, pa.large_string())))


if __name__ == "__main__":
    print("compiling the kernels, once for this kind of processor: some minutes", flush=True)
    print(f"kernels ready after {compile_kernels():.0f} s")
