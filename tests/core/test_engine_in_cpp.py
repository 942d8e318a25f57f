"""The engine's own tests, in C++, and the inputs that fuzzing has found worth keeping, with sanitizers where the
compiler has them.

All in one file: processes that share the tests take whole files, and two must not build in one folder at once.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "core"
TARGETS = sorted(path.stem for path in (CORE / "fuzz").glob("fuzz_*.cpp"))

pytestmark = [pytest.mark.compiles, pytest.mark.timeout(600)]


def make(folder: Path, *goals: str) -> str:
    """What it prints."""
    compiler = os.environ.get("CXX", "c++")
    command = ["make", "--silent", "--jobs=2", f"--directory={folder}", f"CXX={compiler}", *goals]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    return done.stdout


def test_engine_without_python() -> None:
    tests = sum(file.read_text().count("\nTEST(") for file in (CORE / "tests").glob("*_test.cpp"))
    assert make(CORE / "tests").count("ok     ") == tests


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_breaks_no_promise(target: str) -> None:
    files = len(list((CORE / "fuzz" / "corpus" / target).iterdir()))
    assert f"replayed {files} files" in make(CORE / "fuzz", f"replay-{target}")
