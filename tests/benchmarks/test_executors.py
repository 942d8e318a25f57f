"""The comparison of executors runs, and Penstock's make equal batches. Nothing here measures time."""

from __future__ import annotations

import torch
from benchmarks.executors import contestants, has_dali, markdown, photographs, run
from support.torchvision_shim import torchvision_module


def test_contestants_make_batches_of_one_kind() -> None:
    torchvision_module("transforms.v2")  # skips without torchvision
    batches = {contestant.name: contestant.call(3) for contestant in contestants("cpu", photographs(2))}
    assert {(tuple(batch.shape), batch.dtype) for batch in batches.values()} == {((2, 3, 224, 224), torch.float32)}
    one_level = 1 / 255 / 0.2
    assert (batches["native"] - batches["torch"]).abs().max() < one_level
    if has_dali():
        assert (batches["DALI"] - batches["torch"]).abs().max() < one_level


def test_a_run_keeps_every_measurement_and_shows_medians() -> None:
    torchvision_module("transforms.v2")
    result = run(["cpu"], 2, {"cpu": 2})
    assert [len(row["seconds"]) for row in result["contestants"]] == [2] * (4 if has_dali() else 3)
    result["gpu"] = "some GPU"
    result["contestants"] = [
        {"name": "a", "device": "cpu", "batch_size": 2, "seconds": [0.01, 9.0, 0.002], "gpu_seconds": [0.0] * 3},
        {"name": "b", "device": "cuda", "batch_size": 4, "seconds": [0.001], "gpu_seconds": [0.0002]},
    ]
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown(result).splitlines()[2:]] == [
        ["a", "one core", "2", "200", ""],
        ["b", "some GPU", "4", "4,000", "50.0"],
    ]
