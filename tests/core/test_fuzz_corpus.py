"""The inputs that fuzzing has found worth keeping, replayed with sanitizers where the compiler has them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "core" / "fuzz"
TARGETS = sorted(path.stem for path in FOLDER.glob("fuzz_*.cpp"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_breaks_no_promise(target: str) -> None:
    compiler = os.environ.get("CXX", "c++")
    goal = f"replay-{target}"
    command = ["make", "--silent", "--jobs=2", f"--directory={FOLDER}", f"CXX={compiler}", goal]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    files = len(list((FOLDER / "corpus" / target).iterdir()))
    assert f"replayed {files} files" in done.stdout
