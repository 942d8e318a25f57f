"""Resuming far into a huge dataset: the right batch, in little memory. Nothing here measures time."""

from __future__ import annotations

import subprocess
import sys

import pytest
from benchmarks.environment import ROOT, child_environment
from benchmarks.resume import CASES, POSITION, SIZE, markdown, measure

pytestmark = [pytest.mark.alone, pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")]


@pytest.mark.parametrize("name", ["native", "inline"])
def test_the_middle_of_two_billion_samples_takes_under_50_mb(name: str) -> None:
    turn = measure(name)  # which compares the batch with the order
    assert (turn["size"], turn["position"]) == (SIZE, POSITION) == (2_000_000_000, 1_000_000_000)
    assert turn["peak_bytes"] < 50e6


TOUCH = """
from benchmarks.memory import PeakMemory, private_bytes
peak, before = PeakMemory(), private_bytes()
block = bytearray(30_000_000)
block[::1024] = b"x" * len(block[::1024])
grown = private_bytes() - before
del block
print(grown, peak.bytes())
"""


def test_memory_that_is_touched_is_counted() -> None:
    # Apart: in a process that has run many tests, the system takes memory back meanwhile.
    command = [sys.executable, "-c", TOUCH]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=child_environment(), cwd=ROOT)
    grown, peak = map(int, done.stdout.split())
    assert grown == pytest.approx(30e6, abs=3e6)
    assert peak == pytest.approx(30e6, abs=3e6)


def test_the_table_has_medians_and_the_largest_memory() -> None:
    turns = [
        {
            "case": name,
            "size": 20,
            "position": 10,
            "seconds": seconds,
            "cpu_seconds": seconds / 2,
            "peak_bytes": 1e6 * seconds,
        }
        for name in CASES
        for seconds in (1.0, 4.0, 2.0)
    ]
    lines = markdown({"turns": turns}).splitlines()
    assert len(lines) == 2 + len(CASES)
    assert [cell.strip() for cell in lines[2].split("|")[2:-1]] == ["20", "10", "2,000.0", "4,000.0", "1,000.0", "4.0"]
