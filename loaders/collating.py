"""Batches of images that differ in size: which samples those are and what helps, where torch only can't stack them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import default_collate

from ..augment import Augmentation
from ..augment.views import pipelines_of
from ..errors import OptionError
from ..record import RecordSource
from .augmented import Augmented
from .faults.describing import describe_sample
from .layout import collate_channels_last
from .wrappers import levels

__all__ = ["NO_SIZE", "check_sizes", "collated", "stacks", "unsized"]

NO_SIZE = "the pipeline has no fixed output size: end its resizing with a crop or a (height, width)"

_EXAMPLES = "as RandomResizedCrop(224), CenterCrop(224) and Resize((224, 224)) do"

_SHOWN = 3
"""So many sizes are in a message, each with one of its samples."""


def unsized(augmentation: Augmentation) -> bool:
    """Whether its results, or those of any view, differ in size where images do: what `NO_SIZE` says."""
    return any(pipeline.output_size is None for pipeline in pipelines_of(augmentation))


def stacks(collate_fn: Callable[[Any], Any]) -> bool:
    """Whether batches are made by torch's `default_collate`, which stacks images."""
    return collate_fn in (default_collate, collate_channels_last)


def collated(
    collate_fn: Callable[[Any], Any], dataset: Any, indices: Sequence[Any] | None, samples: Sequence[Any]
) -> Any:
    """`collate_fn(samples)`, where that stacks images.

    Args:
        collate_fn: makes the batch.
        dataset: whose samples they are.
        indices: theirs; None where that is not known.
        samples: of the batch.

    Raises:
        OptionError: `dataset` is Penstock's, and its images differ in size; the message names some of them. All other
            errors, and those about samples of the user's own datasets, are those of `collate_fn`.
    """
    try:
        return collate_fn(samples)
    except RuntimeError as error:
        explained = _size_error(dataset, samples, indices, f" (torch: {error})")
        if explained is None:
            raise
        raise explained from error


def check_sizes(dataset: Any, samples: Sequence[Any], indices: Sequence[Any]) -> None:
    """Raises what `collated` would, before these samples are stacked."""
    error = _size_error(dataset, samples, indices, " (torch: stack expects each tensor to be equal size)")
    if error is not None:
        raise error


def _size_error(dataset: Any, samples: Sequence[Any], indices: Sequence[Any] | None, torchs: str) -> OptionError | None:
    """The error about images that differ in size; None where that is not what is wrong."""
    fix = _fix(dataset)
    for whose, images in _columns(samples) if fix else ():
        rows: dict[tuple[int, ...], int] = {}
        for row, image in enumerate(images):
            rows.setdefault(_size(image), row)
        if len(rows) > 1:
            shown = [f"{size} for {_name(dataset, indices, row)}" for size, row in rows.items()][:_SHOWN]
            more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
            return OptionError(
                f"{whose} need one size (height, width) to be stacked into a batch, got {', '.join(shown)}{more}; "
                f"{fix}, {_EXAMPLES}; or give collate_fn=, or batch_size=None{torchs}"
            )
    return None


def _fix(dataset: Any) -> str:
    """What gives the samples of a dataset of Penstock's one size; "" for one of the user's."""
    inside = [level for _, level in levels(dataset)]
    if any(isinstance(level, Augmented) for level in inside):
        return NO_SIZE
    if any(isinstance(level, RecordSource) for level in inside):
        return "give augment=Pipeline([...]) that ends its resizing with a crop or a (height, width)"
    return ""


def _columns(samples: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    """The images that are stacked with each other, and whose they are; nothing for samples without images."""
    firsts = [sample[0] if isinstance(sample, tuple | list) and sample else None for sample in samples]
    if all(_size(first) for first in firsts):
        yield "images", firsts
    elif all(isinstance(first, list) and all(map(_size, first)) for first in firsts):
        yield from ((f"images of view {view}", images) for view, images in enumerate(zip(*firsts, strict=False)))


def _size(image: Any) -> tuple[int, ...]:
    """(height, width) of a pipeline's result or of a decoded image; () for anything else."""
    if isinstance(image, torch.Tensor) and image.ndim >= 3:
        return tuple(image.shape[-2:])
    return image.shape[:2] if isinstance(image, np.ndarray) and image.ndim == 3 else ()


def _name(dataset: Any, indices: Sequence[Any] | None, row: int) -> str:
    if indices is None:
        return f"sample {row} of the batch"
    return f"sample {int(indices[row])} ({describe_sample(dataset, indices[row])})"
