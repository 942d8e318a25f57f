"""Loaders that are killed and resumed, in the first 200 of the runs of `benchmarks.kill_resume`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.environment import ROOT, child_environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted, and found in /proc")


@pytest.mark.timeout(900)
def test_no_sample_is_lost_repeated_or_altered_and_no_worker_left(tmp_path: Path) -> None:
    output = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks.kill_resume", "--runs", "200", "--jobs", "4", "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=child_environment(), cwd=ROOT)
    assert output.exists(), done.stderr
    result = json.loads(output.read_text())
    assert (result["runs"], result["failures"], result["workers_left_over"]) == (200, [], [])
    assert done.returncode == 0, done.stderr
    counts = result["cases"].values()
    assert sum(case["process_kills"] for case in counts) > 100
    assert sum(case["worker_kills"] for case in counts) > 10
    assert sum(case["resumes"] for case in counts) > 100
    assert all(case["batches"] for case in counts)
