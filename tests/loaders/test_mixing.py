"""MixUp and CutMix in a loader: the same batches whoever makes them, wherever they go, after resuming too."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from support.loading import FLOAT_PIPELINE, PIPELINE, Plain, arrays, collate, equal

from penstock.augment import Choice, CutMix, MixUp, Pipeline
from penstock.augment.executors.batches import mixing_of
from penstock.augment.executors.mixing import mix_batch
from penstock.errors import OptionError
from penstock.formats import Arrays
from penstock.loaders import Augmented, DataLoader

CLASSES = 23
MIXED = Pipeline([*FLOAT_PIPELINE, MixUp(CLASSES, 0.4)])
CUT = Pipeline([*PIPELINE, CutMix(CLASSES, p=0.7)])
EITHER = Pipeline([*PIPELINE, Choice([MixUp(CLASSES), CutMix(CLASSES)], [1, 2])])
PIPELINES = pytest.mark.parametrize("pipeline", [MIXED, CUT, EITHER], ids=["MixUp", "CutMix", "Choice"])


def loader_of(dataset: Any, pipeline: Pipeline, **arguments: Any) -> DataLoader[Any]:
    defaults = {"batch_size": 5, "shuffle": True, "augment": pipeline, "seed": 4}
    return DataLoader(dataset, **{**defaults, **arguments})


def expected(pipeline: Pipeline) -> list[Any]:
    """The first epoch: plain batches, mixed by the oracle. Labels are indices."""
    mixed = []
    for images, labels in loader_of(arrays(), pipeline[:-1]):
        table = pipeline.params(labels[:1], 0, 4, images.shape[2:])
        op, drawn = mixing_of(pipeline[-1], table.drawn(0, len(pipeline) - 1))
        mixed.append([torch.from_numpy(each) for each in mix_batch(op, images.numpy(), labels.numpy(), drawn)])
    return mixed


@PIPELINES
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize(
    ("wrap", "arguments", "engine"),
    [
        (False, {}, "native"),
        (False, {"num_workers": 2}, "native"),
        (False, {"num_workers": 1, "prefetch_factor": 5, "persistent_workers": True}, "native"),
        (False, {"executor": "torch"}, "native"),
        (False, {"device": "cpu"}, "native"),
        (False, {"device": "cpu", "num_workers": 2, "prefetch_to_device": 3}, "native"),
        (True, {}, "inline"),
        (True, {"num_workers": 2}, "pool"),
        (True, {"num_workers": 2, "workers": "threads"}, "pool"),
        (True, {"num_workers": 1, "executor": "torch", "device": "cpu"}, "pool"),
        (False, {"collate_fn": collate}, "inline"),
    ],
)
def test_batches_are_the_same_whoever_makes_them(
    wrap: bool, arguments: dict[str, Any], engine: str, pipeline: Pipeline
) -> None:
    loader = loader_of(Plain(arrays()) if wrap else arrays(), pipeline, **arguments)
    assert f"engine: {engine}" in loader.explain()
    batches = list(loader)
    assert [len(images) for images, _ in batches] == [5, 5, 5, 5, 3]
    assert all(labels.shape == (len(images), CLASSES) for images, labels in batches)
    assert equal(batches, expected(pipeline))
    assert not equal([images for images, _ in loader], [images for images, _ in batches])  # the next epoch


@PIPELINES
def test_with_torchs_sampler_batches_depend_on_its_seed_alone(pipeline: Pipeline) -> None:
    def batches(dataset: Any, **arguments: Any) -> list[Any]:
        torch.manual_seed(3)
        return list(loader_of(dataset, pipeline, seed=None, **arguments))

    first = batches(arrays())
    assert equal(first, batches(arrays(), num_workers=2))
    assert equal(first, batches(Plain(arrays())))
    assert equal(first, batches(Plain(arrays()), num_workers=2))


@PIPELINES
def test_channels_last_batches_hold_the_same(pipeline: Pipeline) -> None:
    batches = list(loader_of(arrays(), pipeline, memory_format=torch.channels_last))
    assert equal(batches, expected(pipeline))
    assert all(images.is_contiguous(memory_format=torch.channels_last) for images, _ in batches)


@PIPELINES
def test_they_go_on_after_resuming(pipeline: Pipeline) -> None:
    whole = list(loader_of(arrays(), pipeline))
    for count in range(1, 5):
        loader = loader_of(arrays(), pipeline, num_workers=2)
        iterator = iter(loader)
        for _ in range(count):
            next(iterator)
        again = loader_of(Plain(arrays()), pipeline)
        again.load_state_dict(loader.state_dict())
        assert equal(list(again), whole[count:])


def test_batches_that_come_out_of_order_are_the_same_ones() -> None:
    batches = list(loader_of(Plain(arrays()), MIXED, num_workers=2, in_order=False))
    whole = expected(MIXED)
    assert len(batches) == len(whole)
    assert all(any(equal(batch, other) for other in whole) for batch in batches)


def test_a_substitute_is_mixed_in_as_the_sample_it_is() -> None:
    class Failing(Plain):
        def __getitem__(self, index: int) -> Any:
            if index == 7:
                raise ValueError("no sample 7")
            return super().__getitem__(index)

    arguments: dict[str, Any] = {"on_error": "substitute", "shuffle": False}
    with_bad = list(loader_of(Failing(arrays()), MIXED, **arguments))
    pool = list(loader_of(Failing(arrays()), MIXED, num_workers=2, **arguments))
    assert equal(with_bad, pool)
    whole = list(loader_of(Plain(arrays()), MIXED, **arguments))
    assert [equal(*pair) for pair in zip(with_bad, whole, strict=True)] == [True, False, True, True, True]


def test_what_else_is_in_a_batch_stays() -> None:
    class Named(Plain):
        def __getitem__(self, index: int) -> Any:
            return (*super().__getitem__(index), f"sample {index}")

    batch = next(iter(loader_of(Named(arrays()), MIXED, shuffle=False)))
    assert list(batch[2]) == [f"sample {k}" for k in range(5)]
    assert batch[1].dtype == torch.float32


def test_a_batch_of_one_keeps_its_label() -> None:
    for images, labels in loader_of(arrays(), CUT, batch_size=1, shuffle=False):
        assert labels.shape == (1, CLASSES)
        assert labels.sum() == 1
        assert images.dtype == torch.uint8


def test_explain_says_where_it_runs() -> None:
    lines = loader_of(arrays(), CUT).explain().splitlines()
    assert "  2 CutMix(num_classes=23, alpha=1.0, p=0.7): torch on cpu, whole batches" in lines
    assert any(line.endswith("index, draw) alone; mixing: on those of the first sample of a batch") for line in lines)


@pytest.mark.parametrize("workers", [0, 2])
def test_labels_that_are_no_classes_are_refused_with_their_sample(workers: int) -> None:
    loader = loader_of(arrays(), Pipeline([*PIPELINE, MixUp(20)]), shuffle=False, num_workers=workers)
    batches = iter(loader)
    for _ in range(4):
        next(batches)
    message = "MixUp: labels must be from 0 to 19, got 20 of sample 20; give num_classes= as many as there are classes"
    with pytest.raises(OptionError, match=f"^{message}$"):
        next(batches)


class Inner(Plain):
    """With something else in place of the label."""

    def __init__(self, inner: Any, label: Any) -> None:
        super().__init__(inner)
        self.label = label

    def __getitem__(self, index: int) -> Any:
        image, _ = super().__getitem__(index)
        return (image,) if self.label is None else (image, self.label)


@pytest.mark.parametrize(
    ("label", "came"),
    [
        (None, "got NoneType; give samples (image, label)"),
        ("name", "got tuple; give samples (image, label)"),
        (0.5, "got torch.float64 of shape (5,); give each sample one class number"),
        (np.zeros(4), "got torch.float64 of shape (5, 4); give each sample one class number"),
    ],
)
def test_other_labels_are_refused(label: Any, came: str) -> None:
    message = f"MixUp needs labels: a tensor of (5,) ints or (5, 23) numbers, one-hot or mixed, {came}"
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        next(iter(loader_of(Inner(arrays(), label), MIXED)))


def named(samples: list[Any]) -> dict[str, Any]:
    images, labels = collate(samples)
    return {"images": images, "labels": labels}


def test_batches_of_another_structure_are_refused() -> None:
    message = (
        "MixUp(num_classes=23, alpha=0.4, p=1.0) needs batches [images, labels, ...] of tensors, got dict; let "
        "collate_fn give them, or leave it out and mix what it gives"
    )
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        next(iter(loader_of(arrays(), MIXED, collate_fn=named)))


def test_what_makes_no_batches_is_refused() -> None:
    message = (
        "CutMix(num_classes=23, alpha=1.0, p=0.7) mixes batches, and batch_size=None makes none; give a batch size"
    )
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        iter(loader_of(arrays(), CUT, batch_size=None))
    with pytest.raises(
        OptionError, match=r"^MixUp\(.*\) mixes the batches of a penstock.loaders.DataLoader, and single"
    ):
        Augmented(arrays(), MIXED)[0]
    with pytest.raises(
        OptionError, match=r"^MixUp\(.*\) mixes the batches of a penstock.loaders.DataLoader, and single"
    ):
        next(iter(torch.utils.data.DataLoader(Augmented(arrays(), MIXED), 5)))


def test_slices_for_several_devices_are_batches_of_their_own() -> None:
    loader = loader_of(arrays(), MIXED, devices=["cpu", "cpu"], shuffle=False)
    first, second = next(iter(loader))
    plain = next(iter(loader_of(arrays(), MIXED[:-1], shuffle=False)))[0]
    for part, start in ((first, 0), (second, 3)):
        count = len(part[0])
        drawn = MIXED.params([start], 0, 4, (9, 9)).drawn(0, len(MIXED) - 1)
        labels = np.arange(start, start + count)
        images, targets = mix_batch(MIXED[-1], plain[start : start + count].numpy(), labels, drawn)
        assert np.array_equal(part[0].numpy(), images)
        assert np.array_equal(part[1].numpy(), targets)


def test_a_dataset_of_arrays_with_one_hot_labels() -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 9, 9, 3), np.uint8)
    one_hot = np.eye(4, dtype=np.float32)[np.arange(6) % 4]
    loaded = list(DataLoader(Arrays(images, np.arange(6) % 4), 3, augment=Pipeline([MixUp(4)]), seed=1, shuffle=False))
    plain = Plain(list(zip(images, one_hot, strict=True)))
    assert equal(loaded, list(DataLoader(plain, 3, augment=Pipeline([MixUp(4)]), seed=1, shuffle=False)))
