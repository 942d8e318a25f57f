"""Loaders with a seed: epochs, ranks, and what batches depend on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from support.children import start_python
from support.loading import PIPELINE, Numbers, arrays, equal

from penstock.errors import OptionError
from penstock.loaders import DataLoader
from penstock.loaders.ordering.order import Order


def numbers(loader: Any) -> list[list[int]]:
    return [batch.tolist() for batch in loader]


def expected(epoch: int, size: int = 10, batch_size: int = 3, **arguments: Any) -> list[list[int]]:
    order = Order(size, batch_size, shuffle=True, seed=8, **arguments).epoch(epoch)
    return [order.batch(number)[0].tolist() for number in range(len(order))]


def seeded(size: int = 10, batch_size: int = 3, **arguments: Any) -> DataLoader[Any]:
    return DataLoader(Numbers(size), batch_size, shuffle=True, seed=8, **arguments)


def test_each_iteration_is_an_epoch_also_after_a_break() -> None:
    loader = seeded()
    assert numbers(loader) == expected(0)
    for _ in loader:
        break
    assert numbers(loader) == expected(2)
    iter(loader)
    assert numbers(loader) == expected(4)
    assert len({str(expected(epoch)) for epoch in range(5)}) == 5


def test_set_epoch_fixes_the_next_and_counting_goes_on_from_there() -> None:
    loader = seeded()
    loader.set_epoch(7)
    assert [numbers(loader), numbers(loader)] == [expected(7), expected(8)]
    loader.set_epoch(0)
    assert numbers(loader) == expected(0)
    loader.sampler.set_epoch(3)  # type: ignore[union-attr]  # as code written for DistributedSampler does
    assert numbers(loader) == expected(3)


def test_two_iterations_at_a_time_have_their_own_epochs() -> None:
    loader = seeded()
    first, second = iter(loader), iter(loader)
    assert next(second).tolist() == expected(1)[0]
    assert numbers(first) == expected(0)
    assert numbers(second) == expected(1)[1:]


def test_a_failed_start_uses_up_no_epoch() -> None:
    dataset = arrays()
    loader: DataLoader[Any] = DataLoader(dataset, 23, shuffle=True, augment=PIPELINE, seed=8)
    dataset.transform = str
    with pytest.raises(OptionError, match="augment and a transform exclude each other"):
        iter(loader)
    dataset.transform = None
    assert next(iter(loader))[1].tolist() == expected(0, size=23, batch_size=23)[0]


def test_the_samplers_of_a_seeded_loader_show_its_order() -> None:
    loader = seeded()
    assert list(loader.sampler) == [index for batch in expected(0) for index in batch]
    assert list(loader.batch_sampler) == expected(1)  # type: ignore[arg-type]
    assert numbers(loader) == expected(2)
    assert len(loader.sampler) == 10  # type: ignore[arg-type]


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("padding", ["wrap", "none"])
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_ranks_share_the_order(world_size: int, padding: Any, drop_last: bool) -> None:
    for rank in range(world_size):
        place = {"rank": rank, "world_size": world_size, "padding": padding, "drop_last": drop_last}
        loader = seeded(**place)
        assert len(loader) == len(expected(0, **place))
        assert numbers(loader) == expected(0, **place)
        assert [index for batch in expected(1, **place) for index in batch] == list(loader.sampler)


def test_single_samples_are_shared_one_by_one() -> None:
    loaders = [seeded(7, None, rank=rank, world_size=2, padding="none") for rank in range(2)]
    assert [len(loader) for loader in loaders] == [4, 3]
    order = [index for batch in expected(0, size=7, batch_size=1) for index in batch]
    assert [list(loader) for loader in loaders] == [order[0::2], order[1::2]]


def test_a_seed_alone_does_not_shuffle() -> None:
    assert numbers(DataLoader(Numbers(5), 2, seed=1)) == [[0, 1], [2, 3], [4]]


def test_an_empty_dataset_has_no_batches() -> None:
    assert numbers(DataLoader(Numbers(0), 2, shuffle=True, seed=1)) == []


def test_global_random_state_does_not_matter() -> None:
    torch.manual_seed(1)
    first = numbers(seeded())
    torch.manual_seed(2)
    assert numbers(seeded()) == first


def test_samples_depend_on_seed_epoch_and_index_alone() -> None:
    def samples(epoch: int, **arguments: Any) -> dict[int, bytes]:
        loader: DataLoader[Any] = DataLoader(arrays(), augment=PIPELINE, **{"seed": 8, **arguments})
        loader.set_epoch(epoch)
        return {
            int(label): image.numpy().tobytes()
            for images, labels in loader
            for image, label in zip(images, labels, strict=True)
        }

    base = samples(1, batch_size=4)
    assert samples(1, batch_size=7, shuffle=True, num_workers=2) == base
    halves = [samples(1, batch_size=2, rank=rank, world_size=2, shuffle=True, padding="none") for rank in range(2)]
    assert {**halves[0], **halves[1]} == base
    assert samples(2, batch_size=4) != base
    assert samples(1, batch_size=4, seed=9) != base


def test_padding_samples_get_a_crop_of_their_own() -> None:
    loaders = [DataLoader(arrays(1), 1, augment=PIPELINE, seed=1, rank=rank, world_size=2) for rank in range(2)]
    (first, first_label), (second, second_label) = (next(iter(loader)) for loader in loaders)
    assert first_label.tolist() == second_label.tolist() == [0]
    assert not torch.equal(first, second)


WORKER = """
import json, sys
import torch.distributed as dist
from support.loading import Numbers
from penstock.loaders import DataLoader

early = DataLoader(Numbers(10), 3, shuffle=True, seed=8)
sampled = DataLoader(Numbers(10), 3, sampler=range(10), seed=8)
explicit = DataLoader(Numbers(10), 3, shuffle=True, seed=8, rank=0, world_size=1)
alone = [batch.tolist() for batch in early]
dist.init_process_group("gloo", init_method=sys.argv[1], rank=int(sys.argv[2]), world_size=2)
shared = [batch.tolist() for batch in early]
# As Accelerate does: every other batch of what the loader says is its batch sampler.
early.set_epoch(0)
sharded = list(early.batch_sampler)[int(sys.argv[2]) :: 2]
others = [[batch.tolist() for batch in loader] for loader in (sampled, explicit, DataLoader(Numbers(4), 4))]
print(json.dumps([alone, [len(early), len(iter(early)), len(early.sampler)], shared, others, sharded]))
dist.barrier()
dist.destroy_process_group()
"""


def test_ranks_come_from_torch_distributed_once_it_is_initialised(tmp_path: Path) -> None:
    meeting = f"file://{tmp_path}/store"
    os.environ["OMP_NUM_THREADS"] = "1"
    workers = [start_python("-c", WORKER, meeting, rank) for rank in range(2)]
    for rank, worker in enumerate(workers):
        output, errors = worker.communicate(timeout=100)
        assert worker.returncode == 0, errors
        place = {"rank": rank, "world_size": 2}
        straight = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
        others = [straight, expected(0), [[0, 1, 2, 3]]]
        shown = [expected(0), [2, 2, 10], expected(1, **place), others, expected(0)[rank::2]]
        assert output.strip() == str(shown)


def test_iterating_the_order_costs_no_copy_of_the_epoch() -> None:
    loader: DataLoader[Any] = DataLoader(Numbers(10**12), 4, shuffle=True, seed=1)
    first = next(iter(loader))
    assert len(set(first.tolist())) == 4
    assert len(loader) == 10**12 // 4


def test_equal_seeds_give_equal_batches() -> None:
    def epochs() -> list[Any]:
        loader: DataLoader[Any] = DataLoader(arrays(), 4, shuffle=True, augment=PIPELINE, seed=2)
        return [list(loader) for _ in range(2)]

    assert equal(epochs(), epochs())
