"""A run that goes on with 1, 2, 4 and 1 ranks, real processes with gloo, is the run that was never interrupted."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from support.elastic import EPOCHS, LATE_STAGES, RUNS, SCENARIOS, follow
from support.loading import equal

pytestmark = [pytest.mark.skipif(os.name != "posix", reason="gloo's file store"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All runs, by four processes that join for each stage."""
    place = tmp_path_factory.mktemp("elastic")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.elastic"])
    ranks = [context.Process(target=follow, args=(rank, place)) for rank in range(4)]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join()
    assert [process.exitcode for process in ranks] == [0] * 4
    return place


def found(folder: Path, run: str) -> list[tuple[int, list[dict[str, Any]]]]:
    """World size, and what each rank had, by stage."""
    number = list(RUNS).index(run)
    return [
        (
            stage.world_size,
            [torch.load(folder / f"batches-{number}-{place}-{rank}") for rank in range(stage.world_size)],
        )
        for place, stage in enumerate(RUNS[run][1])
    ]


def joined(ranks: list[dict[str, Any]]) -> list[list[torch.Tensor]]:
    """Global batches: the ranks' parts one after the other; the last ranks may have none of the last one."""
    count = max(len(rank["batches"]) for rank in ranks)
    parts = [[rank["batches"][number] for rank in ranks if number < len(rank["batches"])] for number in range(count)]
    return [[torch.cat(column) for column in zip(*part, strict=True)] for part in parts]


@pytest.mark.parametrize("run", RUNS)
def test_global_batches_are_those_of_one_process_that_was_never_interrupted(folder: Path, run: str) -> None:
    name, stages = RUNS[run]
    loader = SCENARIOS[name].loader(1)
    whole = [batch for _ in range(EPOCHS) for batch in loader]
    given = [batch for _, ranks in found(folder, run) for batch in joined(ranks)]
    assert len(given) == len(whole)
    padded = [len(batch[1]) - len(expected[1]) for batch, expected in zip(given, whole, strict=True)]
    wraps = stages is LATE_STAGES and len(whole[-1][1]) % 2 and SCENARIOS[name].arguments.get("padding") != "none"
    assert padded == [int(wraps and number == len(whole) // 2 - 1) for number in range(len(whole))]
    assert equal(
        [[part[: len(expected[1])] for part in batch] for batch, expected in zip(given, whole, strict=True)],
        [list(batch) for batch in whole],
    )


@pytest.mark.parametrize("run", RUNS)
def test_all_ranks_have_the_same_state(folder: Path, run: str) -> None:
    states = [(world_size, rank["states"]) for world_size, ranks in found(folder, run) for rank in ranks]
    assert [world_size for world_size, _ in states] == [1, 2, 2, 4, 4, 4, 4, 1]
    assert all(each == of_ranks[0] for _, of_ranks in states for each in of_ranks)
