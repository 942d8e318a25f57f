"""One result whoever makes it: native threads, worker processes, or the caller; and the choice between them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support import containers
from support.containers import CONTAINERS
from support.loading import FLOAT_PIPELINE, PIPELINE, Plain, arrays, collate, equal, write_folder
from support.pillow import WEBP
from torch.utils.data import ConcatDataset, Subset, random_split

from penstock.augment import CenterCrop, Normalize, Pipeline, RandomResizedCrop, Resize, ToDtype
from penstock.formats import Arrays, Concat, Folder
from penstock.formats import Subset as PenstockSubset
from penstock.loaders import DataLoader

HALF = Pipeline([Resize(20), CenterCrop(16), ToDtype("float16", scale=True)])


def several_labels(dtype: str) -> Arrays:
    source = arrays()
    labels = np.arange(23 * 3).reshape(23, 3).astype(dtype)
    return Arrays(np.stack([image for image, _ in source]), labels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """JPEG, PNG, GIF and WebP files in one folder, some of them grey."""
    return Folder(
        str(write_folder(tmp_path_factory.mktemp("images"), 16, (".jpg", ".png", ".gif", f".{WEBP.lower()}")))
    )


def batches(dataset: Any, **arguments: Any) -> list[Any]:
    loader: DataLoader[Any] = DataLoader(dataset, **{"batch_size": 5, "shuffle": True, "seed": 4, **arguments})
    return [batch for _ in range(2) for batch in loader]


def engine(loader: DataLoader[Any]) -> str:
    return loader.explain().split()[1]


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("pipeline", [PIPELINE, FLOAT_PIPELINE, HALF])
@pytest.mark.parametrize("kind", ["folder", "arrays", "multilabel", "floats"])
def test_all_engines_give_the_same_bits(kind: str, pipeline: Pipeline, folder: Folder) -> None:
    dataset = {
        "folder": lambda: folder,
        "arrays": arrays,
        "multilabel": lambda: several_labels("int64"),
        "floats": lambda: several_labels("float32"),
    }[kind]()
    reference = batches(dataset, augment=pipeline, collate_fn=collate)
    for workers in (0, 1, 3):
        assert equal(batches(dataset, augment=pipeline, num_workers=workers), reference)
    assert equal(batches(dataset, augment=pipeline, num_workers=1, collate_fn=collate), reference)
    assert equal(batches(Plain(dataset), augment=pipeline), reference)


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_runs_in_every_engine(name: str, tmp_path: Path) -> None:
    containers.write_folder(tmp_path / "images")
    dataset = CONTAINERS[name].make(tmp_path)
    native = batches(dataset, augment=PIPELINE, batch_size=4, num_workers=2)
    assert sorted(label for _, labels in native[:3] for label in labels.tolist()) == containers.LABELS
    assert equal(native, batches(dataset, augment=PIPELINE, batch_size=4, num_workers=1, collate_fn=collate))
    assert equal(native, batches(Plain(dataset), augment=PIPELINE, batch_size=4))


@pytest.mark.parametrize("pipeline", [PIPELINE, FLOAT_PIPELINE, HALF])
def test_a_batch_is_what_torch_would_collate(pipeline: Pipeline) -> None:
    for dataset, dtype in ((arrays(), torch.int64), (several_labels("float32"), torch.float32)):
        for images, labels in batches(dataset, augment=pipeline):
            assert images.shape[1:] == (3, *(pipeline.output_size or ()))
            assert images.dtype == getattr(torch, pipeline.dtype)
            assert images.is_contiguous()
            assert labels.dtype == dtype
            assert not images.is_pinned()
        assert all(type(batch) is list for batch in batches(dataset, augment=pipeline))


def test_each_sample_is_what_the_pipeline_makes_of_its_key() -> None:
    dataset = arrays()
    loader: DataLoader[Any] = DataLoader(dataset, 4, shuffle=True, num_workers=2, augment=PIPELINE, seed=6)
    loader.set_epoch(3)
    for images, labels in loader:
        for image, label in zip(images, labels.tolist(), strict=True):
            expected = PIPELINE.apply(dataset[label][0], index=label, seed=6, epoch=3)
            assert np.array_equal(image.numpy(), expected)


def test_batches_are_fresh_memory() -> None:
    loader: DataLoader[Any] = DataLoader(arrays(), 4, num_workers=1, augment=PIPELINE, seed=6)
    kept = list(loader)
    loader.set_epoch(0)
    for images, labels in loader:
        images.zero_()
        labels.zero_()
    loader.set_epoch(0)
    assert equal(kept, list(loader))
    assert arrays().labels.tolist() == list(range(23))


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("prefetch_factor", [1, 2, 9])
@pytest.mark.parametrize("in_order", [True, False])
def test_prefetching_changes_nothing(prefetch_factor: int, in_order: bool) -> None:
    arguments = {"prefetch_factor": prefetch_factor, "in_order": in_order, "num_workers": 3}
    assert equal(batches(arrays(), augment=PIPELINE, **arguments), batches(arrays(), augment=PIPELINE))


@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
def test_a_multiprocessing_context_changes_nothing(context: str) -> None:
    arguments: dict[str, Any] = {"augment": PIPELINE, "num_workers": 1, "multiprocessing_context": context}
    expected = batches(arrays(), augment=PIPELINE)
    assert equal(batches(arrays(), **arguments), expected)
    if context != "forkserver":
        loader: DataLoader[Any] = DataLoader(arrays(), 5, shuffle=True, seed=4, collate_fn=collate, **arguments)
        assert equal(list(loader), expected[:5])


def test_rows_of_a_batch_may_repeat() -> None:
    loader: DataLoader[Any] = DataLoader(arrays(), batch_sampler=[[2, 2, 2], [-1, 22]], augment=PIPELINE)
    torch.manual_seed(0)
    (_, first), (images, second) = list(loader)
    assert (first.tolist(), second.tolist()) == ([2, 2, 2], [22, 22])
    assert not torch.equal(images[0], images[1])


@pytest.mark.parametrize("arguments", [{}, {"collate_fn": collate}])
@pytest.mark.parametrize("workers", [0, 1])
def test_an_index_out_of_range_is_an_index_error_at_its_batch(workers: int, arguments: dict[str, Any]) -> None:
    batch_sampler = [[0], [23], [-24], [1]]
    loader: DataLoader[Any] = DataLoader(
        arrays(), batch_sampler=batch_sampler, num_workers=workers, augment=PIPELINE, **arguments
    )
    iterator = iter(loader)
    assert next(iterator)[1].tolist() == [0]
    for index in (23, -24):
        with pytest.raises(IndexError, match=f"index {index} is out of range: the dataset has 23 samples"):
            next(iterator)
    assert next(iterator)[1].tolist() == [1]


WRAPPERS: dict[str, Callable[[Folder], Any]] = {
    "torch Subset": lambda folder: Subset(folder, [5, 3, -1, 3]),
    "random_split": lambda folder: random_split(folder, [0.5, 0.5], torch.Generator().manual_seed(0))[1],
    "torch ConcatDataset": lambda folder: ConcatDataset([arrays(3), folder, Subset(folder, [1, 0])]),
    "Subset of ConcatDataset": lambda folder: Subset(ConcatDataset([folder, arrays(3)]), [17, 0, 18, 2]),
    "Penstock Subset": lambda folder: PenstockSubset(folder, [5, 3, 3]),
    "Penstock Concat": lambda folder: Concat([folder, folder]),
    "torch Subset of Penstock Subset": lambda folder: Subset(PenstockSubset(folder, [5, 3, 3]), [2, 0]),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers_are_seen_through(name: str, folder: Folder) -> None:
    dataset = WRAPPERS[name](folder)
    loader: DataLoader[Any] = DataLoader(dataset, 5, shuffle=True, num_workers=1, augment=PIPELINE, seed=4)
    assert engine(loader) == "native"
    assert equal(list(loader) + list(loader), batches(Plain(dataset), augment=PIPELINE))


class OwnItems(Arrays):
    def __getitem__(self, index: Any) -> Any:
        image, label = super().__getitem__(index)
        return 255 - image, label


class OwnSubset(Subset[Any]):
    """Could do anything."""


@pytest.mark.parametrize(
    ("make", "arguments", "reason"),
    [
        (lambda: Plain(arrays()), {}, r"dataset \(Plain\) offers no undecoded records"),
        (lambda: OwnItems(np.zeros((9, 4, 4, 3), np.uint8)), {}, r"dataset \(OwnItems\) overrides __getitem__"),
        (lambda: OwnSubset(arrays(), [1, 2]), {}, r"dataset \(OwnSubset\) offers no undecoded records"),
        (lambda: Subset(Plain(arrays()), [1, 2]), {}, r"dataset.dataset \(Plain\) offers no"),
        (lambda: ConcatDataset([arrays(), Plain(arrays())]), {}, r"dataset.datasets\[1\] \(Plain\) offers no"),
        (lambda: arrays(target_transform=float), {}, r"dataset \(Arrays\) has a target_transform"),
        (lambda: Subset(arrays(target_transform=float), [1]), {}, r"dataset.dataset \(Arrays\) has a target_transform"),
        (arrays, {"collate_fn": collate}, "collate_fn is your own"),
        (arrays, {"worker_init_fn": print}, "worker_init_fn is for worker processes"),
        (arrays, {"batch_size": None}, "batch_size=None: samples come one by one"),
        (arrays, {"augment": Pipeline([Resize(8)])}, "the pipeline has no fixed output size"),
        (arrays, {"augment": None}, "no augment= is declared"),
        (
            lambda: ConcatDataset([arrays(), several_labels("float32")]),
            {},
            "the datasets of dataset have labels of different kinds",
        ),
    ],
)
def test_what_is_not_for_the_native_engine_is_explained(
    make: Callable[[], Any], arguments: dict[str, Any], reason: str
) -> None:
    for workers, name in ((0, "inline"), (1, "processes")):
        loader: DataLoader[Any] = DataLoader(make(), **{"num_workers": workers, "augment": PIPELINE, **arguments})
        first, *rest = loader.explain().splitlines()
        assert first.startswith(f"engine: {name} ")
        assert re.search(f"  not native: {reason}", "\n".join(rest))


def test_the_fallback_gives_the_same_pixels_as_the_dataset() -> None:
    inverted = OwnItems(np.full((9, 4, 4, 3), 255, np.uint8))
    (images, _), *_ = DataLoader(inverted, 9, augment=Pipeline([CenterCrop(2)]))
    assert images.max() == 0


def test_every_obstacle_is_named() -> None:
    loader: DataLoader[Any] = DataLoader(
        Plain(arrays()), 2, collate_fn=collate, worker_init_fn=print, augment=Pipeline([Resize(8)])
    )
    assert loader.explain().count("not native") == 4


def test_the_explanation_tells_order_and_keys() -> None:
    native: DataLoader[Any] = DataLoader(arrays(), 2, shuffle=True, num_workers=2, augment=PIPELINE, seed=3)
    ops = [
        "ops (executor='auto'): the native kernels are the fastest on a CPU",
        *(f"  {number} {op!r}: native" for number, op in enumerate(PIPELINE)),
    ]
    assert native.explain().splitlines() == [
        "engine: native (C++ threads: 2; batches under way: 4)",
        *ops,
        "order: shuffled by (seed, epoch); rank 0 of 1",
        "random draws: depend on (seed=3, epoch, index, draw) alone",
    ]
    sampled: DataLoader[Any] = DataLoader(arrays(), 2, sampler=[1, 2], augment=PIPELINE, seed=3)
    assert sampled.explain().splitlines() == [
        "engine: native (in the caller's thread; num_workers > 0 would prefetch)",
        *ops,
        "order: that of list, as in torch; seed is not used, since a sampler was given",
        "random draws: depend on (torch's base seed, epoch, index, draw) alone",
    ]
    inside: DataLoader[Any] = DataLoader(Subset(native.dataset, [1]))
    assert "the pipeline is inside, at dataset.dataset" in inside.explain()


def test_a_subset_of_an_augmented_dataset_still_works() -> None:
    inner: DataLoader[Any] = DataLoader(arrays(), augment=PIPELINE)
    images, labels = next(iter(DataLoader(Subset(inner.dataset, [4, 2]), 2)))
    assert images.shape == (2, 3, 9, 9)
    assert labels.tolist() == [4, 2]


def test_arguments_set_later_count() -> None:
    loader: DataLoader[Any] = DataLoader(arrays(), 5, augment=PIPELINE)
    assert engine(loader) == "native"
    loader.collate_fn = collate
    assert engine(loader) == "inline"
    assert len(list(loader)) == 5


def test_photographs_give_the_same_bits_in_all_engines(photographs: list[Path]) -> None:
    root = photographs[0].parents[1]
    dataset = PenstockSubset(Folder(str(root)), range(0, len(photographs), 9))
    pipeline = Pipeline([RandomResizedCrop(64), ToDtype("float32", scale=True), Normalize((0.5,) * 3, (0.2,) * 3)])
    native = batches(dataset, augment=pipeline, num_workers=2)
    assert equal(native, batches(dataset, augment=pipeline, num_workers=2, collate_fn=collate))
