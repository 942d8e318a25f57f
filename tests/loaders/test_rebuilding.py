"""Loaders that other frameworks build anew from ours keep the pipeline, and the keys where they keep the sampler."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import pytest
import torch
import torch.utils.data
from support.loading import PIPELINE, arrays, equal
from torch.utils.data import SequentialSampler

from penstock.loaders import Augmented, DataLoader


def lightning(loader: DataLoader[Any], sampler: Any) -> Any:
    """As Lightning does: the class called with the attributes that differ from the signature's defaults."""
    attributes = {name: value for name, value in vars(loader).items() if not name.startswith("_")}
    attributes["multiprocessing_context"] = loader.multiprocessing_context
    parameters = inspect.signature(type(loader).__init__).parameters
    changed = {
        name: attributes[name] for name, p in parameters.items() if name in attributes and attributes[name] != p.default
    }
    changed.update(sampler=sampler, shuffle=False, batch_sampler=None)
    return type(loader)(**changed)


def accelerate(loader: DataLoader[Any], batch_sampler: Any) -> Any:
    """As Accelerate does: torch's class, with the dataset, a batch sampler and the remaining arguments."""
    names = ("num_workers", "collate_fn", "pin_memory", "timeout", "worker_init_fn", "generator", "persistent_workers")
    arguments = {name: getattr(loader, name) for name in names}
    return torch.utils.data.DataLoader(loader.dataset, batch_sampler=batch_sampler, **arguments)


def test_the_dataset_carries_the_pipeline() -> None:
    dataset = arrays()
    loader: DataLoader[Any] = DataLoader(dataset, 4, augment=PIPELINE)
    assert isinstance(loader.dataset, Augmented)
    assert loader.dataset.dataset is dataset
    assert loader.augment is loader.dataset.pipeline is PIPELINE
    again: DataLoader[Any] = DataLoader(loader.dataset, 4)
    assert again.dataset is loader.dataset
    assert again.augment is PIPELINE
    assert DataLoader(loader.dataset, 4, augment=pickle.loads(pickle.dumps(PIPELINE))).dataset is loader.dataset


def test_rebuilt_as_lightning_does() -> None:
    loader: DataLoader[Any] = DataLoader(arrays(), 4, shuffle=True, augment=PIPELINE, seed=3)
    again = lightning(loader, SequentialSampler(range(23)))
    assert again.dataset is loader.dataset
    assert again.augment == PIPELINE
    assert [batch[1].tolist() for batch in again] == [list(range(23))[k : k + 4] for k in range(0, 23, 4)]


@pytest.mark.parametrize("workers", [0, 1])
def test_rebuilt_as_accelerate_does(workers: int) -> None:
    arguments: dict[str, Any] = {"shuffle": True, "num_workers": workers, "augment": PIPELINE, "seed": 3}
    prepared: DataLoader[Any] = DataLoader(arrays(), 4, **arguments)
    again = accelerate(prepared, prepared.batch_sampler)
    loader: DataLoader[Any] = DataLoader(arrays(), 4, **arguments)
    for _ in range(2):
        assert len(again) == len(loader)
        assert equal(list(again), list(loader))


def test_rebuilt_with_our_class_around_our_batch_sampler_keeps_the_keys() -> None:
    loader: DataLoader[Any] = DataLoader(arrays(), 4, shuffle=True, augment=PIPELINE, seed=3)
    expected = list(loader)
    loader.set_epoch(0)
    again: DataLoader[Any] = DataLoader(loader.dataset, batch_sampler=loader.batch_sampler)
    for ours, theirs in zip(expected, list(again), strict=True):
        assert torch.equal(ours[0], theirs[0])
