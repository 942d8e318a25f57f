"""The class in torch's place: signature, attributes, errors, and torch's own iteration without Penstock's arguments."""

from __future__ import annotations

import copy
import inspect
import itertools
import os
import pickle
from typing import Any

import pytest
import torch
import torch.utils.data
from support.loading import PIPELINE, Numbers, arrays, collate
from torch.utils.data import BatchSampler, IterableDataset, SubsetRandomSampler
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter, _SingleProcessDataLoaderIter

from penstock.errors import EngineClosedError, OptionError
from penstock.loaders import DataLoader
from penstock.loaders.engines.shared_memory import CheckedCollate

OWN = {
    "augment": None,
    "seed": None,
    "rank": None,
    "world_size": None,
    "padding": "wrap",
    "weights": None,
    "num_samples": None,
    "memory_format": torch.contiguous_format,
    "executor": "auto",
    "executor_fallback": False,
    "engine": "auto",
    "workers": "processes",
    "on_error": "raise",
    "max_errors": 100,
    "error_log": None,
    "on_worker_death": "raise",
    "max_restarts": 10,
    "watchdog": None,
    "device": None,
    "devices": None,
    "prefetch_to_device": 2,
    "progress": False,
}


class Stream(IterableDataset[int]):
    def __iter__(self) -> Any:
        return iter(range(5))


def test_the_signature_begins_with_torchs() -> None:
    ours = list(inspect.signature(DataLoader).parameters.values())
    theirs = list(inspect.signature(torch.utils.data.DataLoader).parameters.values())

    def shape(parameters: list[inspect.Parameter]) -> list[tuple[str, Any, Any]]:
        return [(p.name, p.kind, p.default) for p in parameters]

    assert shape(ours[: len(theirs)]) == shape(theirs)
    own = ours[len(theirs) :]
    assert {p.name: p.default for p in own} == OWN
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in own)


def test_it_is_a_torch_loader() -> None:
    assert issubclass(DataLoader, torch.utils.data.DataLoader)
    assert isinstance(DataLoader(Numbers(3)), torch.utils.data.DataLoader)
    assert DataLoader[int] is not None


def test_every_constructor_argument_is_an_attribute() -> None:
    loader: DataLoader[Any] = DataLoader(
        arrays(), 4, True, augment=PIPELINE, seed=3, rank=1, world_size=2, padding="none"
    )
    plain: DataLoader[Any] = DataLoader(Numbers(9), 2)
    for name in inspect.signature(DataLoader).parameters:
        assert hasattr(loader, name)
        assert hasattr(plain, name)
    assert (loader.batch_size, loader.shuffle, loader.drop_last, loader.num_workers) == (4, True, False, 0)
    assert (loader.augment, loader.seed, loader.rank, loader.world_size, loader.padding) == (PIPELINE, 3, 1, 2, "none")
    assert {name: getattr(plain, name) for name in OWN} == OWN
    assert plain.shuffle is None
    theirs = torch.utils.data.DataLoader(Numbers(9), 2)
    assert set(vars(theirs)) <= set(vars(plain))


@pytest.mark.parametrize(
    "name", ["batch_size", "sampler", "batch_sampler", "drop_last", "dataset", "persistent_workers", *OWN]
)
def test_what_is_fixed_stays_fixed(name: str) -> None:
    loader: DataLoader[Any] = DataLoader(Numbers(3))
    with pytest.raises(ValueError, match=f"{name} attribute should not be set after DataLoader is initialized"):
        setattr(loader, name, None)


def test_other_attributes_can_be_set() -> None:
    loader: DataLoader[Any] = DataLoader(Numbers(4), 2)
    loader.collate_fn = list
    assert list(loader) == [[0, 1], [2, 3]]


@pytest.mark.parametrize("own", [{}, {"augment": PIPELINE}, {"augment": PIPELINE, "seed": 0}, {"seed": 1}])
@pytest.mark.parametrize(
    "arguments",
    [
        {"num_workers": -1},
        {"timeout": -1},
        {"prefetch_factor": 2},
        {"prefetch_factor": -1, "num_workers": 1},
        {"persistent_workers": True},
        {"multiprocessing_context": "fork"},
        {"multiprocessing_context": "none such", "num_workers": 1},
        {"batch_sampler": [[0]], "batch_size": 2},
        {"batch_sampler": [[0]], "shuffle": True},
        {"batch_sampler": [[0]], "drop_last": True},
        {"batch_sampler": [[0]], "sampler": [0]},
        {"sampler": [0], "shuffle": True},
        {"batch_size": None, "drop_last": True},
    ],
)
def test_bad_arguments_raise_as_in_torch(arguments: dict[str, Any], own: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".") as theirs:
        torch.utils.data.DataLoader(arrays(), **arguments)
    with pytest.raises(type(theirs.value)) as ours:
        DataLoader(arrays(), **arguments, **own)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"shuffle": True},
        {"sampler": [0]},
        {"batch_sampler": [[0]]},
    ],
)
def test_iterable_datasets_refuse_what_torch_refuses(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="IterableDataset") as theirs:
        torch.utils.data.DataLoader(Stream(), **arguments)
    with pytest.raises(ValueError, match="IterableDataset") as ours:
        DataLoader(Stream(), **arguments)
    assert str(ours.value) == str(theirs.value)


def test_without_own_arguments_iteration_is_torchs() -> None:
    assert isinstance(iter(DataLoader(Numbers(3))), _SingleProcessDataLoaderIter)
    assert isinstance(iter(DataLoader(Numbers(3), num_workers=1)), _MultiProcessingDataLoaderIter)
    assert [batch.tolist() for batch in DataLoader(Stream(), batch_size=2)] == [[0, 1], [2, 3], [4]]
    assert list(DataLoader(Stream(), batch_size=None)) == [0, 1, 2, 3, 4]


def test_persistent_workers_of_torch_stay() -> None:
    loader: DataLoader[Any] = DataLoader(Numbers(4), 2, num_workers=1, persistent_workers=True)
    first = iter(loader)
    list(first)
    assert iter(loader) is first


@pytest.mark.parametrize("workers", [0, 1])
def test_persistent_or_not_a_seeded_loader_goes_through_torchs_workers(workers: int) -> None:
    loader: DataLoader[Any] = DataLoader(
        Numbers(4), 2, shuffle=True, num_workers=workers, persistent_workers=workers > 0, seed=0
    )
    epochs = [[batch.tolist() for batch in loader] for _ in range(3)]
    assert all(sorted(itertools.chain.from_iterable(epoch)) == [0, 1, 2, 3] for epoch in epochs)
    again: DataLoader[Any] = DataLoader(Numbers(4), 2, shuffle=True, seed=0)
    assert epochs == [[batch.tolist() for batch in again] for _ in range(3)]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda loader: pickle.loads(pickle.dumps(loader))])
def test_a_loader_can_be_copied(copied: Any) -> None:
    loader: DataLoader[Any] = DataLoader(Numbers(9), 2, shuffle=True, seed=4)
    loader.set_epoch(2)
    twin = copied(loader)
    assert [batch.tolist() for batch in twin] == [batch.tolist() for batch in loader]
    with pytest.raises(ValueError, match="should not be set"):
        twin.dataset = Numbers(1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, r"seed must be 0 <= seed < 2\*\*64, got -1"),
        ({"seed": 2**64, "sampler": [0]}, r"seed must be 0 <= seed < 2\*\*64"),
        ({"seed": 1.5}, "seed must be an int, got 1.5"),
        ({"seed": True}, "seed must be an int, got True"),
        ({"seed": 0, "rank": 1}, "rank and world_size go together, got rank=1, world_size=None"),
        ({"seed": 0, "world_size": 2}, "rank and world_size go together"),
        ({"seed": 0, "rank": 2, "world_size": 2}, "rank=2, world_size=2"),
        ({"rank": 0, "world_size": 2}, "rank=0 is about Penstock's own order, which needs seed="),
        ({"padding": "none"}, "padding='none' is about Penstock's own order, which needs seed="),
        ({"seed": 0, "padding": "zeros"}, "padding must be 'wrap' or 'none', got 'zeros'"),
        ({"seed": 0, "rank": 0, "world_size": 2, "sampler": [0]}, "rank=0 .* and a sampler was given"),
        ({"seed": 0, "padding": "none", "batch_sampler": [[0]]}, "padding='none' .* and a sampler was given"),
        ({"augment": lambda image: image}, "augment must be a penstock.augment.Pipeline or Views, got function"),
    ],
)
def test_own_arguments_that_do_not_go_together_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        DataLoader(arrays(), **arguments)


def test_own_arguments_are_refused_for_iterable_datasets_by_name() -> None:
    with pytest.raises(OptionError, match="augment needs a map-style dataset, got the IterableDataset Stream"):
        DataLoader(Stream(), augment=PIPELINE)
    with pytest.raises(OptionError, match=r"seed=0 orders the samples of map-style datasets, got .* Stream"):
        DataLoader(Stream(), seed=0)


@pytest.mark.parametrize("epoch", [-1, 2**32 - 1, 2**32])
def test_an_impossible_epoch_is_refused(epoch: int) -> None:
    with pytest.raises(OptionError, match=f"epoch must be 0 <= epoch < 2\\*\\*32 - 1, got {epoch}; for example"):
        DataLoader(Numbers(2), seed=0).set_epoch(epoch)


@pytest.mark.parametrize("epoch", [1.5, "x", None])
def test_an_epoch_that_is_no_number_is_refused(epoch: Any) -> None:
    with pytest.raises(OptionError, match=f"epoch must be an int, got {epoch!r}"):
        DataLoader(Numbers(2), seed=0).set_epoch(epoch)


def test_set_epoch_reaches_the_sampler() -> None:
    sampler = torch.utils.data.DistributedSampler(Numbers(8), num_replicas=2, rank=0)
    loader: DataLoader[Any] = DataLoader(Numbers(8), sampler=sampler)
    loader.set_epoch(5)
    assert sampler.epoch == 5


def test_samplers_of_torch_are_taken_as_they_are() -> None:
    sampler = SubsetRandomSampler(range(3))
    batches = BatchSampler(sampler, 2, False)
    assert DataLoader(Numbers(9), sampler=sampler).sampler is sampler
    assert DataLoader(Numbers(9), batch_sampler=batches).batch_sampler is batches
    assert DataLoader(Numbers(9), batch_sampler=batches, seed=0).batch_sampler is batches
    assert DataLoader(Numbers(9), collate_fn=collate).collate_fn is collate


def test_threads_are_not_worker_processes_to_warn_of() -> None:
    many = (os.cpu_count() or 1) + 5
    with pytest.warns(UserWarning, match="will create .* worker processes in total"):
        DataLoader(Numbers(3), num_workers=many)
    DataLoader(arrays(), 2, num_workers=many, augment=PIPELINE)
    DataLoader(Numbers(3), num_workers=many, workers="threads")
    with pytest.warns(UserWarning, match="will create .* worker processes in total"):
        iter(DataLoader(arrays(), 2, num_workers=many, augment=PIPELINE, engine="python"))


def test_a_closed_native_iterator_says_so() -> None:
    iterator: Any = iter(DataLoader(arrays(), 2, num_workers=1, augment=PIPELINE))
    next(iterator)
    iterator.close()
    with pytest.raises(EngineClosedError, match=r"this iterator was closed; call iter\(loader\) for a new pass"):
        next(iterator)


def test_torchs_workers_look_for_room_before_they_collate() -> None:
    loader: DataLoader[Any] = DataLoader(Numbers(4), 2, num_workers=1, collate_fn=collate)
    iterator: Any = iter(loader)
    assert isinstance(iterator._collate_fn, CheckedCollate)
    assert loader.collate_fn is collate
    assert [batch.tolist() for batch in iterator] == [[0, 1], [2, 3]]
