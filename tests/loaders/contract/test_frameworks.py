"""Frameworks that build a loader anew: by its attributes, by recorded arguments, or as torch's class around it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch.utils.data
from support.loading import PIPELINE, arrays
from torch.utils.data import BatchSampler, DistributedSampler, SequentialSampler

from penstock.errors import OptionError
from penstock.loaders import Augmented, DataLoader

ARGUMENTS: dict[str, dict[str, Any]] = {
    "none": {},
    "seed": {"seed": 3},
    "channels-last": {"memory_format": torch.channels_last},
    "python": {"engine": "python"},
    "native": {"engine": "native", "num_workers": 1, "prefetch_factor": 3},
    "threads": {"engine": "python", "workers": "threads", "num_workers": 1},
    "substitute": {"on_error": "substitute", "max_errors": 7, "seed": 1},
    "restart": {"engine": "python", "num_workers": 1, "on_worker_death": "restart", "max_restarts": 3},
    "watchdog": {"watchdog": 30},
    "device": {"device": "cpu", "prefetch_to_device": 1},
    "devices": {"devices": ["cpu", "cpu"]},
    "torch's": {"drop_last": True, "pin_memory_device": "cuda", "in_order": False, "generator": torch.Generator()},
}
RESOLVED = {"dataset", "shuffle", "sampler", "batch_sampler", "collate_fn"}


def by_attributes(loader: DataLoader[Any], **replaced: Any) -> DataLoader[Any]:
    """The class, called with the attributes that are not (by identity) the defaults of its signature."""
    attributes = {name: value for name, value in vars(loader).items() if not name.startswith("_")}
    attributes["multiprocessing_context"] = loader.multiprocessing_context
    parameters = inspect.signature(type(loader).__init__).parameters
    given = {n: attributes[n] for n, p in parameters.items() if n in attributes and attributes[n] is not p.default}
    return type(loader)(**{**given, "shuffle": False, **replaced})


@contextmanager
def recording(*classes: Any) -> Iterator[None]:
    """Constructors and assignments of these classes are patched to note, on the object, what they were given."""

    def noting_init(init: Any) -> Any:
        @functools.wraps(init)
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
            if not hasattr(self, "__noted"):
                object.__setattr__(self, "__noted", (args, kwargs))
            init(self, *args, **kwargs)

        return wrapper

    def noting_set(assign: Any) -> Any:
        @functools.wraps(assign)
        def wrapper(self: Any, name: str, value: Any) -> None:
            assign(self, name, value)
            object.__setattr__(self, "__noted_last", name)

        return wrapper

    saved = [(cls, cls.__init__, cls.__setattr__) for cls in classes]
    for cls, init, assign in saved:
        cls.__init__, cls.__setattr__ = noting_init(init), noting_set(assign)
    yield
    for cls, init, assign in saved:
        cls.__init__, cls.__setattr__ = init, assign


def check_rebuilt(again: Any, loader: DataLoader[Any]) -> None:
    assert type(again) is DataLoader
    assert isinstance(again.dataset, Augmented)
    assert again.augment == PIPELINE
    for name in set(inspect.signature(DataLoader).parameters) - RESOLVED:
        assert getattr(again, name) is getattr(loader, name) or getattr(again, name) == getattr(loader, name)
    assert again.collate_fn is loader.collate_fn
    assert len(list(again)) == len(again)


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("distributed", [False, True])
def test_by_attributes(name: str, distributed: bool) -> None:
    loader: DataLoader[Any] = DataLoader(arrays(), 4, True, augment=PIPELINE, **ARGUMENTS[name])
    sampler = DistributedSampler(range(23), 2, 1) if distributed else SequentialSampler(range(23))
    again = by_attributes(loader, sampler=sampler, batch_sampler=None)
    check_rebuilt(again, loader)
    assert again.sampler is sampler


@pytest.mark.parametrize("name", [name for name in ARGUMENTS if name != "torch's"])
def test_by_attributes_around_a_batch_sampler(name: str) -> None:
    loader: DataLoader[Any] = DataLoader(arrays(), 4, True, augment=PIPELINE, **ARGUMENTS[name])
    batches = BatchSampler(loader.sampler, 5, False)
    again = by_attributes(loader, sampler=None, batch_sampler=batches, batch_size=1, drop_last=False)
    assert again.batch_sampler is batches
    assert len(list(again)) == 5


@pytest.mark.parametrize("name", ARGUMENTS)
def test_by_recorded_arguments(name: str) -> None:
    with recording(torch.utils.data.DataLoader, DataLoader):
        loader: DataLoader[Any] = DataLoader(arrays(), batch_size=4, shuffle=True, augment=PIPELINE, **ARGUMENTS[name])
    args, kwargs = loader.__noted  # type: ignore[attr-defined]  # left by `recording`
    again = DataLoader(*args, **{**kwargs, "shuffle": False, "sampler": SequentialSampler(range(23))})
    check_rebuilt(again, loader)


def test_what_can_not_be_shared_out_anew_says_so(tmp_path: Path) -> None:
    placed: DataLoader[Any] = DataLoader(arrays(), 4, True, seed=2, rank=0, world_size=2)
    with pytest.raises(OptionError, match="rank=0 is about Penstock's own order, and a sampler was given"):
        by_attributes(placed, sampler=DistributedSampler(range(23), 2, 0), batch_sampler=None)
    skipping: DataLoader[Any] = DataLoader(arrays(), 4, on_error="skip", error_log=tmp_path / "log")
    with pytest.raises(OptionError, match="on_error='skip' makes batches shorter on one rank only"):
        list(by_attributes(skipping, sampler=DistributedSampler(range(23), 2, 0), batch_sampler=None))


@pytest.mark.parametrize("name", ARGUMENTS)
def test_by_lightning_itself(name: str) -> None:
    data = pytest.importorskip("lightning_fabric.utilities.data")
    loader: DataLoader[Any] = DataLoader(arrays(), 4, True, augment=PIPELINE, **ARGUMENTS[name])
    with data._replace_dunder_methods(torch.utils.data.DataLoader, "dataset"):
        hooked: DataLoader[Any] = DataLoader(arrays(), batch_size=4, shuffle=True, augment=PIPELINE, **ARGUMENTS[name])
    sampler = DistributedSampler(range(23), 2, 1)
    for built in (loader, hooked):
        check_rebuilt(data._update_dataloader(built, sampler), built)


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("processes", [1, 2])
def test_by_accelerate_itself(name: str, processes: int) -> None:
    loading = pytest.importorskip("accelerate.data_loader")
    loader: DataLoader[Any] = DataLoader(arrays(), 4, True, augment=PIPELINE, **ARGUMENTS[name])
    again = loading.prepare_data_loader(loader, num_processes=processes, process_index=0, put_on_device=False)
    assert again.dataset is loader.dataset
    again.set_epoch(1)
    assert len(list(again)) == len(again)
    assert len(list(loading.skip_first_batches(again, 1))) == len(again) - 1
