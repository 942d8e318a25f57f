"""The layout of image batches in memory: torch's memory formats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch.utils.data import default_collate

from ..errors import OptionError
from .devices.tree import map_tensors

__all__ = ["collate_channels_last", "collating", "default_collating"]

Collate: TypeAlias = Callable[[list[Any]], Any]


def collate_channels_last(samples: list[Any]) -> list[Any]:
    """torch's `default_collate` of samples (image, ...), with the images, or all views of them, channels-last.

    What is (n, crops, 3, height, width) is made so crop by crop: torch's memory format is about four dimensions.
    """
    images, *others = default_collate(samples)
    return [map_tensors(_channels_last, images), *others]


def _channels_last(images: torch.Tensor) -> torch.Tensor:
    flat = images.flatten(0, -4).to(memory_format=torch.channels_last)
    return flat.view(images.shape)


def default_collating(memory_format: torch.memory_format) -> Collate:
    """What collates samples with a pipeline where the user names nothing."""
    return collate_channels_last if memory_format == torch.channels_last else default_collate


def collating(
    memory_format: Any, collate_fn: Collate | None, *, augmented: bool, batch_size: int | None
) -> Collate | None:
    """What a loader with these arguments collates by; None for torch's choice.

    Raises:
        OptionError: they can't give batches in this memory format.
    """
    if memory_format not in (torch.contiguous_format, torch.channels_last):
        raise OptionError(
            f"memory_format must be torch.contiguous_format or torch.channels_last, got {memory_format!r}"
        )
    if memory_format == torch.contiguous_format:
        return collate_fn
    about = "memory_format=torch.channels_last is about batches of images that a pipeline makes"
    if not augmented:
        raise OptionError(f"{about}, and there is none; give augment=, or leave out memory_format=")
    if batch_size is None:
        raise OptionError(f"{about}, got batch_size=None; give a batch size, or leave out memory_format=")
    if collate_fn not in (None, default_collate, collate_channels_last):
        raise OptionError(
            f"{about}, and they are made by your own collate_fn={collate_fn!r}; end it with "
            "images.to(memory_format=torch.channels_last) and leave out memory_format=, or leave out collate_fn="
        )
    return collate_channels_last
