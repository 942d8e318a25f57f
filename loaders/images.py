"""Single images, as samples have them, and what pipelines make of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ..augment import Augmentation, Pipeline, Views
from ..augment.views import pipelines_of
from .keys.keys import KeyedIndex

__all__ = ["IMAGES", "applied", "described", "fresh_key", "rgb_pixels"]

IMAGES = "PIL images, (height, width, 3) uint8 arrays or (3, height, width) uint8 tensors"
"""What `rgb_pixels` takes, in words."""


def rgb_pixels(image: Any) -> NDArray[np.uint8] | None:
    """(height, width, 3) uint8, C order, of `IMAGES`; one channel, or none, is grey. None for anything else."""
    if isinstance(image, Image.Image):
        return np.asarray(image.convert("RGB"))
    pixels = image
    if isinstance(image, torch.Tensor):
        pixels = image.numpy(force=True)
        pixels = np.moveaxis(pixels, 0, -1) if pixels.ndim == 3 else pixels
    if isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.size:
        pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
        if pixels.ndim == 3 and pixels.shape[2] in (1, 3):
            return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    return None


def described(image: Any) -> str:
    """Something that is no image, for messages."""
    shape = f" {image.dtype} of shape {tuple(image.shape)}" if hasattr(image, "shape") else ""
    return f"{type(image).__name__}{shape}"


def fresh_key() -> KeyedIndex:
    """A key from torch's default generator, as torchvision's transforms draw from it."""
    seed = int(torch.empty((), dtype=torch.int64).random_().item())
    return KeyedIndex(0, seed, epoch=0, draw=0)


def applied(augmentation: Augmentation, pixels: NDArray[np.uint8], key: KeyedIndex) -> Any:
    """A (3, height, width) tensor of the pipeline's dtype; of views, a list of them."""
    views = [_view(pipeline, pixels, key, view) for view, pipeline in enumerate(pipelines_of(augmentation))]
    return views if isinstance(augmentation, Views) else views[0]


def _view(pipeline: Pipeline, pixels: NDArray[np.uint8], key: KeyedIndex, view: int) -> torch.Tensor:
    indices, draws = np.array([key], np.int64), np.array([key.draw], np.int64)
    size = np.array([pixels.shape[:2]], np.int32)
    params = pipeline.program.draw(key.seed, key.epoch, indices, draws, size, view)
    return torch.from_numpy(pipeline.apply_row(pixels, params[0]))
