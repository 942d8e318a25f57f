"""Ranks that share out a loader's batches, more or fewer of them from stage to stage; for processes of their own."""

from __future__ import annotations

import json
import multiprocessing
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from support.loading import PIPELINE, arrays

from penstock import rng
from penstock.formats import Arrays
from penstock.loaders import DataLoader

GLOBAL_BATCH_SIZE = 8
SIZE = 61
EPOCHS = 2


class Noisy(torch.utils.data.Dataset[Any]):
    """Numbers that every generator has a part in, and the index."""

    def __len__(self) -> int:
        return SIZE

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        drawn = [random.random(), np.random.rand(), float(torch.rand(())), rng.current().random()]
        return torch.tensor(drawn, dtype=torch.float64) + index, index


@dataclass(frozen=True)
class Scenario:
    """What is loaded.

    Attributes:
        dataset: makes it.
        arguments: of the loader.
    """

    dataset: Callable[[], Any]
    arguments: dict[str, Any]

    def loader(self, world_size: int, **more: Any) -> DataLoader[Any]:
        """This rank's loader, where so many share out the global batch; torch.distributed says which rank it is."""
        arguments = {"seed": 9, "shuffle": True} | self.arguments | more
        return DataLoader(self.dataset(), GLOBAL_BATCH_SIZE // world_size, **arguments)


def _classes() -> Arrays:
    images = arrays(SIZE)
    return Arrays(np.stack([images[index][0] for index in range(SIZE)]), np.arange(SIZE) ** 2 // SIZE % 7)


SCENARIOS = {
    "native": Scenario(lambda: arrays(SIZE), {"augment": PIPELINE, "engine": "native"}),
    "native, unpadded": Scenario(lambda: arrays(SIZE), {"augment": PIPELINE, "engine": "native", "padding": "none"}),
    "native, drop_last": Scenario(lambda: arrays(SIZE), {"augment": PIPELINE, "engine": "native", "drop_last": True}),
    "native, balanced": Scenario(
        _classes, {"augment": PIPELINE, "engine": "native", "weights": "balanced", "shuffle": None}
    ),
    "Python": Scenario(Noisy, {}),
    "Python, unpadded": Scenario(Noisy, {"padding": "none"}),
    "Python, weights": Scenario(Noisy, {"weights": np.arange(1.0, SIZE + 1), "num_samples": 57, "shuffle": None}),
}


@dataclass(frozen=True)
class Stage:
    """Some global batches, shared out.

    Attributes:
        world_size: over so many ranks.
        batches: how many; None: all until the end of the last epoch.
        num_workers: of each rank's loader.
    """

    world_size: int
    batches: int | None
    num_workers: int


STAGES = (Stage(1, 3, 0), Stage(2, 2, 1), Stage(4, 2, 0), Stage(1, None, 1))
"""Epochs of eight global batches, the last one of five samples: all of these end or begin within the first."""
LATE_STAGES = (Stage(1, 6, 1), Stage(2, 4, 0), Stage(4, 3, 1), Stage(1, None, 0))
"""The second one ends in the second epoch, so two ranks share out a batch that is not full."""
RUNS = {f"{name}, {when}": (name, stages) for name in SCENARIOS for when, stages in (("1", STAGES), ("2", LATE_STAGES))}


def follow(rank: int, folder: Path) -> None:
    """Takes part in all stages of all runs that have this rank."""
    torch.set_num_threads(1)
    multiprocessing.set_start_method("fork", force=True)  # as in a main program; here it would be that of this process
    for number, (name, stages) in enumerate(RUNS.values()):
        for place, stage in enumerate(stages):
            if rank >= stage.world_size:
                continue
            store = folder / f"store-{number}-{place}"
            dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=stage.world_size)
            found = _one_stage(SCENARIOS[name], stage, folder / f"state-{number}")
            torch.save(found, folder / f"batches-{number}-{place}-{rank}")
            dist.barrier()
            dist.destroy_process_group()


def _one_stage(scenario: Scenario, stage: Stage, checkpoint: Path) -> dict[str, Any]:
    """This rank's batches, None where others have one more, and all ranks' states after them."""
    loader = scenario.loader(stage.world_size, num_workers=stage.num_workers)
    if checkpoint.exists():
        loader.load_state_dict(json.loads(checkpoint.read_text()))
    batches = list(islice(_all_batches(loader), stage.batches))
    states: list[Any] = [None] * stage.world_size
    dist.all_gather_object(states, loader.state_dict())
    if dist.get_rank() == 0:
        checkpoint.write_text(json.dumps(states[0]))
    return {"batches": batches, "states": states}


def _all_batches(loader: DataLoader[Any]) -> Any:
    while loader.state_dict()["epoch"] < EPOCHS:
        yield from loader
