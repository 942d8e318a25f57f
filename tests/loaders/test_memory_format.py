"""Channels-last batches: the same values in another layout, whoever makes them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data
from support.loading import FLOAT_PIPELINE, PIPELINE, Numbers, Plain, arrays, collate, equal
from torch.utils.data import default_collate

from penstock.augment import CenterCrop, Pipeline, Resize, ToDtype
from penstock.errors import OptionError
from penstock.formats import Arrays
from penstock.loaders import DataLoader

HALF_PIPELINE = Pipeline([Resize(20), CenterCrop((16, 11)), ToDtype("float16", scale=True)])
PIPELINES = [PIPELINE, FLOAT_PIPELINE, HALF_PIPELINE]


def loader_of(dataset: Any, memory_format: Any = torch.channels_last, **arguments: Any) -> DataLoader[Any]:
    defaults = {"batch_size": 5, "shuffle": True, "augment": PIPELINE, "seed": 4, "memory_format": memory_format}
    return DataLoader(dataset, **{**defaults, **arguments})


def is_channels_last(images: torch.Tensor) -> bool:
    _, channels, height, width = images.shape
    return images.stride() == (height * width * channels, 1, width * channels, channels)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize(("wrap", "workers"), [(None, 0), (None, 1), (None, 2), (Plain, 0), (Plain, 1)])
def test_the_values_are_those_of_contiguous_batches(
    wrap: Callable[[Any], Any] | None, workers: int, pipeline: Pipeline
) -> None:
    dataset = arrays() if wrap is None else wrap(arrays())
    loader = loader_of(dataset, augment=pipeline, num_workers=workers)
    assert loader.explain().startswith("engine: native") == (wrap is None)
    contiguous = loader_of(dataset, torch.contiguous_format, augment=pipeline, num_workers=workers)
    for _ in range(2):
        batches, expected = list(loader), list(contiguous)
        assert equal(batches, expected)
        for (images, _), (plain, _) in zip(batches, expected, strict=True):
            assert images.shape[1:] == (3, *(pipeline.output_size or ()))
            assert images.is_contiguous(memory_format=torch.channels_last)
            assert is_channels_last(images)
            assert plain.is_contiguous()


@pytest.mark.parametrize("workers", [0, 2])
def test_memory_that_is_used_again_holds_the_next_batch_and_kept_batches_stay(workers: int) -> None:
    loader = loader_of(arrays(), num_workers=workers, batch_size=2)
    kept = [[images, labels] for images, labels in loader]
    loader.set_epoch(0)
    again = [[images.clone(), labels] for images, labels in loader]
    assert equal(kept, again)
    assert len({images.data_ptr() for images, _ in kept}) == len(kept)


def test_a_row_that_fails_raises_at_its_batch() -> None:
    class Failing(Arrays):
        def records(self, indices: Any) -> Any:
            if 3 in list(indices):
                raise LookupError("the index is gone")
            return super().records(indices)

    dataset = Failing(np.zeros((6, 9, 9, 3), np.uint8), np.arange(6))
    iterator = iter(loader_of(dataset, batch_size=2, shuffle=False, num_workers=1))
    assert next(iterator)[1].tolist() == [0, 1]
    with pytest.raises(LookupError, match="the index is gone"):
        next(iterator)
    images, labels = next(iterator)
    assert is_channels_last(images)
    assert labels.tolist() == [4, 5]


def test_what_follows_the_images_stays() -> None:
    class Several(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Any:
            return *arrays()[index], torch.full((2, 3, 4), index), f"name {index}"

    images, labels, others, names = next(iter(loader_of(Several(), batch_size=4, shuffle=False)))
    assert is_channels_last(images)
    assert labels.tolist() == [0, 1, 2, 3]
    assert others.is_contiguous()
    assert list(names) == ["name 0", "name 1", "name 2", "name 3"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("wrap", [arrays, lambda: Plain(arrays())])
@pytest.mark.parametrize("workers", [0, 1])
def test_pinned_batches_are_channels_last_too(wrap: Callable[[], Any], workers: int) -> None:
    for images, _ in loader_of(wrap(), pin_memory=True, num_workers=workers):
        assert images.is_pinned()
        assert is_channels_last(images)
        assert is_channels_last(images.to("cuda", non_blocking=True))


def test_explain_names_the_layout() -> None:
    assert loader_of(arrays()).explain().endswith("\nimages: channels-last in memory")
    assert "memory" not in loader_of(arrays(), torch.contiguous_format).explain()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"memory_format": "channels_last"},
            r"must be torch.contiguous_format or torch.channels_last, got 'channels_last'",
        ),
        ({"memory_format": torch.channels_last_3d}, r"or torch.channels_last, got torch.channels_last_3d"),
        ({"memory_format": torch.preserve_format}, r"or torch.channels_last, got torch.preserve_format"),
        ({"memory_format": None}, r"or torch.channels_last, got None"),
        ({"augment": None}, r"a pipeline makes, and there is none; give augment="),
        ({"batch_size": None}, r"got batch_size=None; give a batch size"),
        ({"collate_fn": collate}, r"your own collate_fn=<function collate .*; end it with images.to\("),
    ],
)
def test_what_can_not_be_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        loader_of(arrays(), **arguments)


def test_a_batch_sampler_and_torchs_own_collating_go_with_it() -> None:
    loader: DataLoader[Any] = DataLoader(
        arrays(),
        batch_sampler=[[1, 2], [3]],
        augment=PIPELINE,
        collate_fn=default_collate,
        memory_format=torch.channels_last,
    )
    assert loader.explain().startswith("engine: native")
    assert [is_channels_last(images) for images, _ in loader] == [True, True]


def test_a_collating_of_ones_own_that_is_set_later_counts() -> None:
    loader = loader_of(arrays())
    loader.collate_fn = collate
    assert "not native: collate_fn is your own" in loader.explain()
    assert next(iter(loader))[0].is_contiguous()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda loader: pickle.loads(pickle.dumps(loader))])
def test_a_copy_keeps_the_layout(copied: Callable[[Any], Any]) -> None:
    loader = loader_of(arrays())
    twin = copied(loader)
    assert twin.memory_format == torch.channels_last
    assert twin.explain() == loader.explain()
    assert is_channels_last(next(iter(twin))[0])


def test_a_loader_rebuilt_from_its_attributes_keeps_the_layout() -> None:
    loader = loader_of(arrays())
    ours: DataLoader[Any] = DataLoader(
        loader.dataset,
        sampler=range(4),
        batch_size=4,
        collate_fn=loader.collate_fn,
        memory_format=loader.memory_format,
    )
    assert ours.explain().startswith("engine: native")
    theirs: Any = torch.utils.data.DataLoader(
        loader.dataset, batch_sampler=loader.batch_sampler, collate_fn=loader.collate_fn
    )
    assert all(is_channels_last(next(iter(again))[0]) for again in (ours, theirs))


def test_without_images_the_default_is_no_obstacle() -> None:
    loader: DataLoader[Any] = DataLoader(Numbers(3), memory_format=torch.contiguous_format)
    assert [batch.tolist() for batch in loader] == [[0], [1], [2]]
