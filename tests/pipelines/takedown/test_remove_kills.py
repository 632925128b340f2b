"""Take-down killed at any of its writes: all of it or nothing."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from takedown_corpus import NEWS3, published, taken

from corpus.shards import journal
from corpus.shards.reader import open_corpus
from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.clean import clean


def taken_and_killed(output: Path, operations: int | None) -> int:
    """Take a page down in a child process that is killed at its n-th write; return how many writes there were."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        count = 0

        def counted(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal count
                if count == operations:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1
                return function(*arguments, **options)

            return call

        status = 1
        try:
            os.replace = counted(os.replace)  # type: ignore[assignment]
            for name in ("open_write", "write_atomic", "delete"):
                setattr(Store, name, counted(getattr(Store, name)))
            taken(output, urls=(NEWS3,))
            os.write(writer, b"%d" % count)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as stream:
        told = stream.read()
    assert os.WIFSIGNALED(status) or status == 0
    return int(told) if told else -1


def check_kills(original: Path, folder: Path, step: int) -> None:
    shutil.copytree(original, folder / "whole")
    before, texts = open_corpus(str(original)).root_hash, set(published(original))
    total = taken_and_killed(folder / "whole", None)
    assert total > 20
    after = open_corpus(str(folder / "whole")).root_hash
    clean(Store(folder / "whole"))
    named = set(Store(folder / "whole").names())
    seen = set()
    for operations in range(0, total, step):
        output = folder / str(operations)
        shutil.copytree(original, output)
        assert taken_and_killed(output, operations) == -1
        root_hash = open_corpus(str(output)).root_hash
        seen.add(root_hash)
        assert verify(Store(output)).problems == []  # a reader sees the one or the other, in every file
        assert texts - set(published(output)) == ({NEWS3} if root_hash == after else set())
        journal.finish(Store(output))
        assert open_corpus(str(output)).root_hash == root_hash
        assert verify(Store(output)).problems == []
        if root_hash == before:
            taken(output, urls=(NEWS3,))
            assert open_corpus(str(output)).root_hash == after
            assert verify(Store(output)).problems == []
        clean(Store(output))
        assert set(Store(output).names()) == named
        shutil.rmtree(output)
    assert seen == {before, after}


def test_kill_9_leaves_all_or_nothing(original: Path, tmp_path: Path) -> None:
    check_kills(original, tmp_path, 5)


@pytest.mark.slow
def test_kill_9_at_every_write_leaves_all_or_nothing(original: Path, tmp_path: Path) -> None:
    check_kills(original, tmp_path, 1)
