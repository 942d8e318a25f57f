"""A dataset together with the pipeline that its images go through."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, default_collate

from ..augment import Augmentation, Op, Pipeline, Views
from ..errors import OptionError
from .faults.describing import describe_sample, name_sample
from .images import IMAGES, applied, described, fresh_key, rgb_pixels
from .keys.keys import KeyedIndex
from .wrappers import levels, overrides, refuse_transform

__all__ = ["Augmented", "augmented"]


class Augmented(Dataset[Any]):
    """A map-style dataset whose images have gone through a pipeline; `DataLoader(ds, augment=p)` makes one.

    Samples of `dataset` are tuples with the image first: a PIL image, a (height, width, 3) uint8 array, or a (3,
    height, width) uint8 tensor; one channel, or none, is grey and becomes RGB. Samples of this dataset have a (3,
    height, width) tensor of `pipeline.dtype` in its place, with `Views` a list of them, and the rest as it was.

    In a Penstock `DataLoader` the random draws of a sample depend on its key (seed, epoch, index, draw). Indexed in any
    other way, each draws a fresh key from torch's default generator, as torchvision's transforms do. Other attributes
    (`classes`, `labels`, `records` ...) are those of `dataset`.

    Args:
        dataset: map-style, with no image transform of its own.
        pipeline: what its images go through, a `Pipeline` or `Views`.

    Attributes:
        dataset, pipeline: as given.

    Raises:
        OptionError: `pipeline` is neither; `dataset` is iterable-style, is augmented already, or has a
            `transform`, at any level of wrapping.
    """

    _check: Callable[[Any, Sequence[Any], Sequence[Any]], None] | None = None

    def __init__(self, dataset: Any, pipeline: Augmentation) -> None:
        _check_pipeline(pipeline)
        if isinstance(dataset, IterableDataset):
            raise OptionError(
                f"augment needs a map-style dataset, got the IterableDataset {type(dataset).__name__}: its samples "
                "have no index to key random draws by; apply a transform inside it instead"
            )
        refuse_transform(dataset)
        for place, level in levels(dataset):
            if isinstance(level, Augmented):
                raise OptionError(f"{place} is augmented already, by {level.pipeline!r}; give the pipeline once")
        self.dataset = dataset
        self.pipeline: Augmentation = pipeline

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> Any:
        """One sample for an int; (images, labels) for a slice or sequence of ints, images stacked where sizes agree."""
        if isinstance(index, slice):
            return self._batch(range(len(self))[index])
        if isinstance(index, Sequence) and not isinstance(index, str):
            return self._batch(index)
        if isinstance(index, np.ndarray | torch.Tensor) and index.ndim:
            return self._batch(index.tolist())
        return self._augment(self.dataset[_plain(index)], index)

    def __getitems__(self, indices: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The samples at these indices, as torch's loaders ask for them."""
        plain = [_plain(index) for index in indices]
        several = getattr(self.dataset, "__getitems__", None)
        if several is None or overrides(type(self.dataset), "__getitem__", base="__getitems__"):
            samples = [self.dataset[index] for index in plain]
        else:
            samples = several(plain)
        made = [self._augment(sample, index) for sample, index in zip(samples, indices, strict=True)]
        if self._check is not None:
            self._check(self, made, indices)
        return made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in ("dataset", "pipeline"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.dataset, name)

    def __repr__(self) -> str:
        return f"Augmented({self.dataset!r}, {self.pipeline!r})"

    def describe(self, index: int) -> str:
        """Where a sample comes from, for messages."""
        return describe_sample(self.dataset, index)

    def until(self, pipeline: Augmentation) -> Augmented:
        """The same dataset with another pipeline: the first part of its own."""
        first = copy.copy(self)
        first.pipeline = pipeline
        return first

    def checked(self, check: Callable[[Any, Sequence[Any], Sequence[Any]], None]) -> Augmented:
        """The same dataset, which gives `check(dataset, samples, indices)` what it was asked for at once."""
        checking = copy.copy(self)
        checking._check = check
        return checking

    def _batch(self, indices: Sequence[int]) -> tuple[Any, ...]:
        columns = [list(column) for column in zip(*self.__getitems__(indices), strict=True)]
        if not columns:
            return [], torch.empty(0, dtype=torch.int64)
        images, *others = columns
        by_view = isinstance(self.pipeline, Views)
        whole = [_stacked(list(view)) for view in zip(*images, strict=True)] if by_view else _stacked(images)
        return whole, *(default_collate(other) for other in others)

    def _augment(self, sample: Any, index: Any) -> tuple[Any, ...]:
        if not isinstance(sample, tuple | list) or not sample:
            raise OptionError(
                f"augment needs samples (image, label), got {type(sample).__name__} as sample {index!r} of "
                f"{type(self.dataset).__name__}; let it give tuples with the image first, (image,) without a label"
            )
        if isinstance(self.pipeline, Pipeline) and self.pipeline.mixes:
            raise OptionError(
                f"{self.pipeline[-1]!r} mixes the batches of a penstock.loaders.DataLoader, and single samples or "
                "other loaders' batches were asked for; leave it out of the pipeline for these"
            )
        key = index if isinstance(index, KeyedIndex) else fresh_key()
        pixels = rgb_pixels(sample[0])
        if pixels is None:
            raise OptionError(
                f"augment needs images that are {IMAGES}, got {described(sample[0])} as sample {index!r} of "
                f"{type(self.dataset).__name__}; let it give them as decoded, and leave conversions to the pipeline "
                "(ToDtype, Normalize)"
            )
        try:
            return applied(self.pipeline, pixels, key), *sample[1:]
        except Exception as error:
            name_sample(error, self, index)
            raise


def augmented(dataset: Any, pipeline: Augmentation) -> Augmented:
    """`dataset` with this pipeline: itself where it has it already, so that rebuilding a loader wraps nothing twice.

    Raises:
        OptionError: as `Augmented`; also for a dataset that has another pipeline.
    """
    if not isinstance(dataset, Augmented):
        return Augmented(dataset, pipeline)
    _check_pipeline(pipeline)
    if dataset.pipeline != pipeline:
        raise OptionError(
            f"augment conflicts with the dataset's pipeline: expected {dataset.pipeline!r} or none, got {pipeline!r}; "
            "leave out augment=, or give the loader the dataset inside (dataset.dataset)"
        )
    return dataset


def _check_pipeline(pipeline: Any) -> None:
    if isinstance(pipeline, Pipeline | Views):
        return
    ops = pipeline if isinstance(pipeline, list | tuple) else [pipeline]
    kind = f"the class {pipeline.__name__}" if isinstance(pipeline, type) else type(pipeline).__name__
    expected = f"augment must be a penstock.augment.Pipeline or Views, got {kind}"
    if isinstance(pipeline, type):
        made = f"{pipeline.__name__}(...)"
        raise OptionError(f"{expected}; call it: {f'Pipeline([{made}])' if issubclass(pipeline, Op) else made}")
    if ops and all(isinstance(op, Pipeline) for op in ops):
        raise OptionError(f"give one view of each pipeline: augment=Views.of([...]); {expected}")
    if ops and all(isinstance(op, Op) for op in ops):
        written = ", ".join(f"{type(op).__name__}(...)" for op in ops)
        raise OptionError(f"wrap it in a pipeline: augment=Pipeline([{written}]); {expected}")
    if isinstance(pipeline, Mapping | str):
        read = "from_json(text)" if isinstance(pipeline, str) else "from_dict(...)"
        raise OptionError(f"{expected}; read it with Pipeline.{read} or Views.{read}, or call a preset, as simclr()")
    fix = "call a preset, as in augment=simclr(); give another Python callable to the dataset as its transform"
    raise OptionError(f"{expected}; {fix}")


def _stacked(images: list[torch.Tensor]) -> torch.Tensor | list[torch.Tensor]:
    return torch.stack(images) if len({image.shape for image in images}) == 1 else images


def _plain(index: Any) -> Any:
    return int(index) if isinstance(index, KeyedIndex) else index
