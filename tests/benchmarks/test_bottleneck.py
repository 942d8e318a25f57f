"""What the suite takes for the truth, and what it takes away to check it. Nothing here measures time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.bottleneck import CONSUMERS, ENGINES, Engine, Photographs, markdown, remedied, truth_of
from support.loading import write_folder

from penstock.loaders.stats.stats import Setup, StageCounters, Stats

NATIVE, INLINE = ENGINES[0], ENGINES[-1]


def stats(steps: list[float], waits: list[float], engine: Engine) -> Stats:
    """Of a pass whose workers need 10 ms for a batch."""
    workers = engine.arguments["num_workers"]
    return Stats(
        Setup(engine.name, workers, engine.arguments.get("prefetch_factor", 0)),
        batches=1 + len(steps),
        samples=1 + len(steps),
        elapsed_seconds=sum(steps) + sum(waits),
        wait_seconds=sum(waits),
        recent_steps=steps,
        recent_waits=waits,
        stages={engine.stage: StageCounters(0.01 * len(steps), len(steps))},
    )


def test_the_truth_of_each_consumer() -> None:
    truths = [truth_of(consumer, NATIVE) for consumer in CONSUMERS]
    assert truths == ["training step", "prefetch depth", "decode"]
    assert [truth_of(consumer, INLINE) for consumer in CONSUMERS] == ["training step", "training step", "sample"]


def test_what_was_named_is_taken_away(tmp_path: Path) -> None:
    write_folder(tmp_path / "images")
    write_folder(tmp_path / "pack")
    what, loader, pauses = remedied(stats([0.1] * 40, [0.0] * 40, NATIVE), NATIVE, tmp_path, (0.1, 0.2))
    assert (what, pauses, loader.prefetch_factor) == ("steps of half the time", (0.05, 0.1), 2)
    bursts = ([0.0] * 9 + [0.3]) * 4
    waits = ([0.0] * 2 + [0.01] * 8) * 4
    what, loader, pauses = remedied(stats(bursts, waits, NATIVE), NATIVE, tmp_path, (0.0,))
    assert (what, pauses, loader.prefetch_factor) == ("prefetch_factor=10", (0.0,), 10)
    what, loader, _ = remedied(stats([0.0] * 40, [0.01] * 40, NATIVE), NATIVE, tmp_path, (0.0,))
    assert (what, loader.dataset.dataset.root) == ("a dct pack", str(tmp_path / "pack"))
    what, loader, _ = remedied(stats([0.0] * 40, [0.01] * 40, INLINE), INLINE, tmp_path, (0.0,))
    assert what == "augment= declared: native"
    assert loader.explain().startswith("engine: native")


def test_plain_photographs(tmp_path: Path) -> None:
    images = Photographs(write_folder(tmp_path, extensions=(".jpg",)))
    image, index = images[3]
    assert (len(images), image.shape, image.dtype, index) == (12, (3, 224, 224), torch.uint8, 3)


@pytest.mark.parametrize("named", ["decode", "prefetch depth"])
def test_the_table_shows_truth_and_name(named: str) -> None:
    case: dict[str, Any] = {
        "engine": "native",
        "consumer": "sleeps",
        "truth": "decode",
        "named": named,
        "samples_per_second": 1234.5,
        "change": "a dct pack",
        "samples_per_second_changed": 4321.0,
        "stats": {"wait_share": np.float64(0.25)},
        "table": "all the numbers",
    }
    head, _, row, *rest = markdown({"cases": [case]}).splitlines()
    assert [cell.strip() for cell in head.split("|")[1:-1]][2:5] == ["waited", "true", "named"]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells == ["native", "sleeps", "25%", "decode", named, "1,234", "a dct pack", "4,321"]
    assert "all the numbers" in rest
