"""With a pipeline but without a seed, order and use of random numbers are torch's, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.utils.data
from support.loading import PIPELINE, Plain, arrays, collate, equal
from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler, WeightedRandomSampler

from penstock.loaders import DataLoader

SIZE = 23


class EagerSampler:
    """Draws when iteration begins, not at its first step."""

    def __iter__(self) -> Any:
        return iter(torch.randperm(SIZE).tolist())

    def __len__(self) -> int:
        return SIZE


class StepwiseBatches:
    """Draws one random number for each batch."""

    def __iter__(self) -> Any:
        for _ in range(7):
            yield torch.randint(SIZE, (3,)).tolist()


ORDERS: dict[str, Callable[[], dict[str, Any]]] = {
    "sequential": lambda: {"batch_size": 4},
    "shuffle": lambda: {"batch_size": 4, "shuffle": True},
    "drop_last": lambda: {"batch_size": 4, "shuffle": True, "drop_last": True},
    "generator": lambda: {"batch_size": 4, "shuffle": True, "generator": torch.Generator().manual_seed(5)},
    "weighted": lambda: {"batch_size": 4, "sampler": WeightedRandomSampler([0.1] * 20 + [5.0] * 3, 15)},
    "replacement": lambda: {"batch_size": 4, "sampler": RandomSampler(range(SIZE), replacement=True, num_samples=40)},
    "batch_sampler": lambda: {"batch_sampler": BatchSampler(RandomSampler(range(SIZE)), 5, True)},
    "stepwise": lambda: {"batch_sampler": StepwiseBatches()},
    "eager": lambda: {"batch_size": 3, "sampler": EagerSampler()},
    "single": lambda: {"batch_size": None, "shuffle": True},
    "single eager": lambda: {"batch_size": None, "sampler": EagerSampler()},
}


def trace(loader: Any, epochs: int = 2) -> list[tuple[str, Any]]:
    """The state of torch's generators after each step, and the labels that came."""

    def states() -> tuple[bytes, bytes]:
        own = loader.generator.get_state().numpy().tobytes() if loader.generator is not None else b""
        return torch.get_rng_state().numpy().tobytes(), own

    found: list[tuple[str, Any]] = []
    for _ in range(epochs):
        iterator = iter(loader)
        found.append(("iter", states()))
        for step, (_, labels) in enumerate(iterator):
            found.append((str(labels.tolist()) if isinstance(labels, torch.Tensor) else str(labels), states()))
            if step == 4:
                break
    return found


def cases() -> list[tuple[str, str, int, bool]]:
    """Every order inline and in native threads; worker processes, which cost time, where the order is of a kind."""
    single = [name for name in ORDERS if name.startswith("single")]
    batched = [name for name in ORDERS if name not in single]
    return [
        *(("native", name, workers, False) for name in batched for workers in (0, 2)),
        *(("inline", name, 0, False) for name in ORDERS),
        *(("processes", name, 2, False) for name in ("shuffle", "generator", "stepwise", "single eager")),
        *((engine, name, 2, True) for engine in ("native", "processes") for name in ("shuffle", "stepwise")),
    ]


@pytest.mark.parametrize(("engine", "name", "workers", "persistent"), cases())
def test_random_numbers_are_used_as_torch_uses_them(engine: str, name: str, workers: int, persistent: bool) -> None:
    arguments: dict[str, Any] = {"num_workers": workers, "persistent_workers": persistent}
    own = {} if engine == "native" or name.startswith("single") else {"collate_fn": collate}
    torch.manual_seed(11)
    expected = trace(torch.utils.data.DataLoader(arrays(SIZE), **ORDERS[name](), **arguments))
    torch.manual_seed(11)
    loader: DataLoader[Any] = DataLoader(arrays(SIZE), **ORDERS[name](), **arguments, **own, augment=PIPELINE)
    assert loader.explain().split()[1] == engine
    assert trace(loader) == expected


def test_the_base_seed_keys_the_draws() -> None:
    def batches(seed: int, workers: int, **arguments: Any) -> list[Any]:
        torch.manual_seed(seed)
        loader: DataLoader[Any] = DataLoader(
            arrays(SIZE), 4, shuffle=True, num_workers=workers, augment=PIPELINE, **arguments
        )
        return [list(loader) for _ in range(2)]

    first = batches(1, 0)
    assert equal(first, batches(1, 2))
    assert equal(first, batches(1, 2, collate_fn=collate))
    assert equal(first, batches(1, 0, collate_fn=collate))
    assert not equal(first, batches(2, 0))


@pytest.mark.parametrize("arguments", [{}, {"collate_fn": collate}])
def test_epochs_of_persistent_workers_draw_anew_though_their_base_seed_stays(arguments: dict[str, Any]) -> None:
    loader: DataLoader[Any] = DataLoader(
        arrays(4), 4, num_workers=1, persistent_workers=True, augment=PIPELINE, **arguments
    )
    first, second = (next(iter(loader))[0] for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("make", [arrays, lambda: Plain(arrays())])
def test_visiting_an_index_twice_gives_two_crops(make: Callable[[], Any]) -> None:
    loader: DataLoader[Any] = DataLoader(make(), batch_size=6, sampler=[3, 3, 3, 3, 3, 3], augment=PIPELINE)
    images, labels = next(iter(loader))
    assert labels.tolist() == [3] * 6
    assert len({image.numpy().tobytes() for image in images}) > 1


def test_where_a_sample_stands_does_not_matter_when_each_comes_once() -> None:
    torch.manual_seed(3)
    shuffled: DataLoader[Any] = DataLoader(arrays(), 23, shuffle=True, augment=PIPELINE)
    iterator = iter(shuffled)
    images, labels = next(iterator)
    torch.manual_seed(3)
    straight: DataLoader[Any] = DataLoader(arrays(), 23, augment=PIPELINE)
    same_base_seed, _ = next(iter(straight))
    assert labels.tolist() != list(range(23))
    assert torch.equal(images[torch.argsort(labels)], same_base_seed)


def test_sequential_samplers_of_torch_are_kept() -> None:
    loader: DataLoader[Any] = DataLoader(arrays(), 4, augment=PIPELINE)
    assert type(loader.sampler) is SequentialSampler
    assert type(DataLoader(arrays(), 4, shuffle=True, augment=PIPELINE).sampler) is RandomSampler
