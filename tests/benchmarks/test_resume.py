"""Resuming far into a huge dataset: the right batch, in little memory. Nothing here measures time."""

from __future__ import annotations

import sys

import pytest
from benchmarks.memory import PeakMemory, private_bytes
from benchmarks.resume import CASES, POSITION, SIZE, markdown, measure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.mark.parametrize("name", ["native", "inline"])
def test_the_middle_of_two_billion_samples_takes_under_50_mb(name: str) -> None:
    turn = measure(name)  # which compares the batch with the order
    assert (turn["size"], turn["position"]) == (SIZE, POSITION) == (2_000_000_000, 1_000_000_000)
    assert turn["peak_bytes"] < 50e6


def test_memory_that_is_touched_is_counted() -> None:
    peak, before = PeakMemory(), private_bytes()
    block = bytearray(30_000_000)
    block[::1024] = b"\1" * len(block[::1024])
    assert private_bytes() - before == pytest.approx(30e6, abs=3e6)
    del block
    assert peak.bytes() == pytest.approx(30e6, abs=3e6)


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
