"""Builds the C++ core, ``penstock._core``; everything else is declared in ``pyproject.toml``.

``PENSTOCK_SANITIZE=address,undefined`` builds with those sanitizers; ``PENSTOCK_DEBUG=1`` builds without
optimisation and with assertions (importing such a build warns).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup

SANITIZE = os.environ.get("PENSTOCK_SANITIZE", "")
DEBUG = os.environ.get("PENSTOCK_DEBUG", "") not in ("", "0")

PROBE = """
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
#ifndef LIBJPEG_TURBO_VERSION_NUMBER
#error PENSTOCK_NOT_TURBO
#endif
int main() { jpeg_decompress_struct info; (void)info; return &jpeg_crop_scanline == nullptr; }
"""

INSTALL = """
  Debian, Ubuntu   sudo apt-get install libjpeg62-turbo-dev   (Ubuntu: libjpeg-turbo8-dev)
  Fedora           sudo dnf install libjpeg-turbo-devel
  conda            conda install -c conda-forge libjpeg-turbo
  Homebrew         brew install jpeg-turbo
"""


def include_dirs() -> list[str]:
    """Folders with headers outside the compiler's own, from conda and Homebrew."""
    roots = [os.environ.get("CONDA_PREFIX"), "/opt/homebrew/opt/jpeg-turbo", "/usr/local/opt/jpeg-turbo"]
    return [str(Path(r, "include")) for r in roots if r and Path(r, "include", "jpeglib.h").exists()]


def library_dirs() -> list[str]:
    """The library folders that belong to `include_dirs`."""
    return [str(Path(folder).parent / "lib") for folder in include_dirs()]


def compile_args() -> list[str]:
    """Compiler options; ``-ffp-contract=off`` keeps drawn parameters equal on every machine."""
    speed = ["-O0", "-DPENSTOCK_DEBUG=1", "-D_GLIBCXX_ASSERTIONS"] if DEBUG else ["-O1" if SANITIZE else "-O3"]
    sanitize = [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer"] if SANITIZE else []
    return [*speed, *sanitize, "-g1", "-Wall", "-Wextra", "-ffp-contract=off", "-fvisibility=hidden", "-pthread"]


def version() -> str:
    """The version of `pyproject.toml` (Python 3.10 has no tomllib)."""
    found = re.search(r'^version = "([^"]+)"$', Path("pyproject.toml").read_text(), re.MULTILINE)
    if found is None:
        sys.exit('penstock: expected a line `version = "..."` in pyproject.toml')
    return found[1]


def is_stale(compiled: str, source: str) -> bool:
    """Whether an object file is older than its source, any header of the core, the version or the options."""
    if not os.path.exists(compiled):
        return True
    inputs = [source, "pyproject.toml", "setup.py", *map(str, Path("core").rglob("*.h"))]
    return max(os.stat(f).st_mtime for f in inputs) > os.stat(compiled).st_mtime


def kept_objects() -> str:
    """A folder for the object files of this interpreter and these options."""
    options = [sysconfig.get_platform(), str(sys.implementation.cache_tag), "debug" if DEBUG else "", SANITIZE]
    return str(Path("build", "editable." + "-".join(filter(None, options))))


class BuildCore(build_ext):
    """Refuses, with one clear message, to build without libjpeg-turbo's headers.

    An editable install keeps its object files: the next one compiles only what has changed since.
    """

    def build_extensions(self) -> None:
        self.probe_libjpeg_turbo()
        if self.editable_mode:
            self.build_temp = kept_objects()
        super().build_extensions()

    def probe_libjpeg_turbo(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.cpp")
            source.write_text(PROBE)
            command = [*self.compiler.compiler_so_cxx, *(f"-I{d}" for d in include_dirs())]
            command += ["-c", str(source), "-o", str(Path(folder, "probe.o"))]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        found = "IJG's libjpeg was found, which" if "PENSTOCK_NOT_TURBO" in done.stderr else "libjpeg-turbo's jpeglib.h"
        fault = f"{found} lacks what Penstock needs" if "IJG" in found else f"{found} was not found"
        sys.exit(f"penstock: {fault}. Install libjpeg-turbo's headers, then run this again:\n{INSTALL}")


def main() -> None:
    """Declares the extension and hands over to setuptools."""
    # setuptools wants paths relative to this file.
    sources = [*sorted(Path("core/engine").rglob("*.cpp")), *sorted(Path("core/binding").glob("*.cpp"))]
    ParallelCompile("PENSTOCK_BUILD_JOBS", default=0, needs_recompile=is_stale).install()
    core = Pybind11Extension(
        "penstock._core",
        [str(s) for s in sources],
        depends=["pyproject.toml", *map(str, sorted(Path("core").rglob("*.h")))],
        include_dirs=["core", *include_dirs()],
        library_dirs=library_dirs(),
        libraries=["jpeg"],
        define_macros=[("PENSTOCK_VERSION", f'"{version()}"')],
        cxx_std=17,
        extra_compile_args=compile_args(),
        extra_link_args=["-pthread", *([f"-fsanitize={SANITIZE}"] if SANITIZE else [])],
    )
    setup(ext_modules=[core], cmdclass={"build_ext": BuildCore})


main()
