"""The comparison of transports runs, and its contestants get equal batches. Nothing here measures time."""

from __future__ import annotations

import torch
from benchmarks.transport import CASES, Case, markdown, pool_batches, run, torch_batches

CASE = Case("tiny", (2, 3), 4, 2, True)


def test_contestants_make_equal_batches() -> None:
    theirs, ours = list(torch_batches(CASE, 7)), list(pool_batches(CASE, 7))
    assert len(theirs) == len(ours) == 7
    assert all(torch.equal(one, other) for one, other in zip(theirs, ours, strict=True))


def test_a_run_keeps_every_measurement_and_shows_the_fastest() -> None:
    result = run(2, 8, [CASE])
    (turn,) = result["turns"]
    assert len(turn["torch_ms"]) == len(turn["pool_ms"]) == 2
    assert min(turn["torch_ms"] + turn["pool_ms"]) > 0
    turn["torch_ms"], turn["pool_ms"] = [30.0, 10.0], [5.0, 8.0]
    assert [cell.strip() for cell in markdown(result).splitlines()[2].strip("|").split("|")] == [
        "tiny",
        "2",
        "10.00",
        "5.00",
        "2.0",
    ]
    assert any(case.shape == (3, 224, 224) for case in CASES)
