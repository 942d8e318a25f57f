"""The engine's own tests, in C++, with sanitizers where the compiler has them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "core" / "tests"


@pytest.mark.timeout(600)
def test_engine_without_python() -> None:
    compiler = os.environ.get("CXX", "c++")
    command = ["make", "--silent", "--jobs=2", f"--directory={FOLDER}", f"CXX={compiler}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tests = sum(file.read_text().count("\nTEST(") for file in FOLDER.glob("*_test.cpp"))
    assert done.stdout.count("ok     ") == tests
