"""The executor on tensors: packs images into a batch, applies each op to all of it, and takes it apart again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ....errors import OptionError
from ...ops.base import Stage
from ...params import ParamTable
from ...pipeline import Pipeline
from ..base import Image, Result, check_drawn, check_images, check_run
from . import colour_ops, conversion, crops, erasing, geometry, groups, jitter, policies, resampling, warping
from .dispatch import Drawn, apply_ops, check_ops
from .images import Images, Sizes, assembled, on_device, portions

__all__ = ["TorchExecutor"]

FAMILIES = (colour_ops, conversion, crops, erasing, geometry, groups, jitter, policies, resampling, warping)
"""The modules that know how to run ops; each registers its own when it is imported."""

PACKED_PIXELS = 1 << 25
"""How many pixels, padding included, `run` has on the device at a time (of one image, if that alone has more)."""

WITHOUT_FLOAT64 = ("mps",)
"""Types of devices on which torch has no float64."""

DTYPES = {"uint8": torch.uint8, "float32": torch.float32, "float16": torch.float16}


class TorchExecutor:
    """`Executor` on torch tensors: a batch at a time, on the CPU or a GPU.

    The signature for batches that are on a device already is

        run_batch(batch: torch.Tensor, params: ParamTable) -> torch.Tensor
        (B, 3, H, W) uint8 on any device           ->  (B, 3, h, w) of `pipeline.dtype` on the same device

    with `params` drawn by `Pipeline.params` (on the host) for the B images of that one size. Kernels are queued on the
    device's current stream; nothing waits for the device. Results differ from the reference by what docs/parity.md
    says. Thread-safe.

    Args:
        pipeline: what is applied.
        device: where `run` works, anything that `torch.device` takes; `run_batch` works where its batch is.

    Raises:
        SpecError: an op that this executor can't run, by name.
        OptionError: `pipeline` is no `Pipeline`, torch knows no such device, or that has no float64 ("mps").
    """

    def __init__(self, pipeline: Pipeline, device: str | torch.device = "cpu") -> None:
        given: Any = pipeline
        if not isinstance(given, Pipeline):
            raise OptionError(
                f"TorchExecutor needs a penstock.augment.Pipeline, got {type(given).__name__}; wrap ops in Pipeline, "
                "and take each of Views by itself"
            )
        check_ops(pipeline)
        self._pipeline = pipeline
        self._device = _device(device)
        floats = (position for position, op in enumerate(pipeline) if op.stage is Stage.DTYPE)
        self._levels = next(floats, len(pipeline))

    @property
    def pipeline(self) -> Pipeline:
        return self._pipeline

    @property
    def device(self) -> torch.device:
        """Where `run` works."""
        return self._device

    def run(self, images: Sequence[Image], params: ParamTable) -> list[Result]:
        """`Executor.run`: images of any sizes to the device in zero-padded batches, results back to the host."""
        check_run(self._pipeline, images, params)
        check_images(images)
        check_drawn(self._pipeline, params, [image.shape[:2] for image in images])
        results: list[Result | None] = [None] * len(images)
        for rows in _packs([image.shape[:2] for image in images]):
            packed = _packed([images[row] for row in rows], self._device)
            done = self._apply(packed, ParamTable(params.columns, params.values[rows]))
            pixels = done.pixels.cpu().numpy()
            crops = self._pipeline.crops
            for place, row in enumerate(rows):
                height, width = done.sizes[place * crops]
                own = pixels[place * crops : (place + 1) * crops, :, :height, :width]
                results[row] = np.array(own if crops > 1 else own[0], order="C")
        return [result for result in results if result is not None]

    def run_batch(self, batch: torch.Tensor, params: ParamTable) -> torch.Tensor:
        """The whole batch, transformed, in memory of its own.

        Args:
            batch: (B, 3, H, W) uint8, contiguous or channels_last, none of them 0; not changed. Copies into it may
                still be under way on the current stream.
            params: B rows, drawn for images of (H, W).

        Returns:
            (B, 3, h, w) of `pipeline.dtype`, on the batch's device and in its memory format; (B, crops, 3, h, w) where
            the pipeline makes several crops.

        Raises:
            OptionError: a batch of another shape or dtype, or on a device without float64; `params` with other columns
                than the pipeline's, not one row per image, or drawn for another size; results of several sizes, which
                only `run` can give.
            RuntimeError: there is no memory for an op; torch's own type, and the message names the op.
        """
        _check_batch(batch)
        sizes = np.broadcast_to(np.array(batch.shape[2:], np.int64), (len(batch), 2))
        check_run(self._pipeline, batch, params)
        check_drawn(self._pipeline, params, sizes)
        done = self._apply(Images(batch, sizes), params)
        _check_one_size(done.sizes)
        result = done.trimmed().pixels.contiguous(memory_format=_memory_format(batch))
        if result.untyped_storage().data_ptr() == batch.untyped_storage().data_ptr():
            result = result.clone()
        return result.view(len(batch), -1, *result.shape[1:]) if self._pipeline.crops > 1 else result

    def run_images(self, images: Sequence[torch.Tensor], params: ParamTable) -> torch.Tensor:
        """As `run_batch`, for images of several sizes, (3, height, width) uint8 each, on one device.

        Raises:
            OptionError: as `run_batch`.
        """
        check_run(self._pipeline, images, params)
        _check_tensors(images)
        sizes = np.array([image.shape[1:] for image in images], np.int64)
        check_drawn(self._pipeline, params, sizes)
        done = []
        for rows in map(sorted, _packs(sizes.tolist())):
            pixels = images[0].new_zeros((len(rows), 3, *sizes[rows].max(axis=0).tolist()))
            for place, row in enumerate(rows):
                pixels[place, :, : sizes[row, 0], : sizes[row, 1]] = images[row]
            packed = ParamTable(params.columns, params.values[rows])
            done.append((np.array(rows), self._apply(Images(pixels, sizes[rows]), packed)))
        crops = self._pipeline.crops
        whole = assembled([((rows[:, None] * crops + np.arange(crops)).ravel(), made) for rows, made in done])
        _check_one_size(whole.sizes)
        pixels = whole.trimmed().pixels.contiguous()
        return pixels.view(len(images), crops, *pixels.shape[1:]) if crops > 1 else pixels

    def _apply(self, images: Images, params: ParamTable) -> Images:
        drawn = dict(zip(params.columns, params.values.T, strict=True))
        images = apply_ops(self._pipeline.ops[: self._levels], images, drawn)
        if self._levels == len(self._pipeline):
            return images
        crops = len(images) // len(params)
        return self._converted(images, {name: column.repeat(crops) for name, column in drawn.items()})

    def _converted(self, images: Images, drawn: Drawn) -> Images:
        """`ToDtype` and what follows, some images at a time, as floats take much memory."""
        pixels = torch.empty(images.pixels.shape, dtype=DTYPES[self._pipeline.dtype], device=images.device)
        for some in portions(images.areas, images.device):
            part, result = images.part(some), pixels[some]
            own = {name: column[some] for name, column in drawn.items()}
            # Made in the place of the result, where that is float32.
            floats = result.copy_(part.pixels) if result.dtype == torch.float32 else part.pixels
            done = apply_ops(self._pipeline.ops[self._levels :], part.with_pixels(floats), own, first=self._levels)
            # Rounding to float16 comes last, after all arithmetic in float32.
            if done.pixels is not result:
                result.copy_(done.pixels)
        return images.with_pixels(pixels)


def _check_batch(batch: torch.Tensor) -> None:
    expected = "batch must be a (B, 3, H, W) uint8 tensor with at least one pixel"
    if not isinstance(batch, torch.Tensor):
        raise OptionError(f"{expected}, got {type(batch).__name__}; decoded images of several sizes go to run()")
    if batch.dtype != torch.uint8 or batch.ndim != 4 or batch.shape[1] != 3 or not batch.numel():
        raise OptionError(f"{expected}, got {tuple(batch.shape)} {batch.dtype}; stack decoded images into one")
    _check_float64(batch.device)


def _check_tensors(images: Sequence[torch.Tensor]) -> None:
    expected = "images must be (3, height, width) uint8 tensors with at least one pixel, and at least one"
    if not images:
        raise OptionError(f"{expected}, got none; leave empty batches out")
    for place, image in enumerate(images):
        if not isinstance(image, torch.Tensor):
            raise OptionError(f"{expected}, got {type(image).__name__} at place {place}; decoded arrays go to run()")
        if image.dtype != torch.uint8 or image.ndim != 3 or len(image) != 3 or not image.numel():
            raise OptionError(f"{expected}, got {tuple(image.shape)} {image.dtype} at place {place}; convert it")


def _check_one_size(sizes: Sizes) -> None:
    if (sizes != sizes[0]).any():
        smallest, largest = (tuple(size.tolist()) for size in (sizes.min(axis=0), sizes.max(axis=0)))
        raise OptionError(
            f"images must leave the pipeline with one size to be one tensor, got heights and widths from {smallest} to "
            f"{largest}; let it end with a Resize or a CenterCrop"
        )


def _memory_format(batch: torch.Tensor) -> torch.memory_format:
    interleaved = batch.is_contiguous(memory_format=torch.channels_last) and not batch.is_contiguous()
    return torch.channels_last if interleaved else torch.contiguous_format


def _device(device: str | torch.device) -> torch.device:
    try:
        known = torch.device(device)
    except (RuntimeError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(
            f"device={device!r} is no device that torch knows ({reason}); write 'cpu' or 'cuda:0'"
        ) from error
    _check_float64(known)
    return known


def _check_float64(device: torch.device) -> None:
    if device.type in WITHOUT_FLOAT64:
        raise OptionError(
            f"TorchExecutor needs float64, which torch's device {str(device)!r} does not have: weights, places and "
            "hues would round otherwise than in the other executors; augment on 'cpu', and move the results there"
        )


def _packs(sizes: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Rows that are packed together: images of similar size, and not too many pixels at once."""
    chosen: list[int] = []
    height = width = 0
    for row in sorted(range(len(sizes)), key=lambda row: tuple(sizes[row])):
        higher, wider = max(height, sizes[row][0]), max(width, sizes[row][1])
        if chosen and (len(chosen) + 1) * higher * wider > PACKED_PIXELS:
            yield chosen
            chosen, (higher, wider) = [], sizes[row]
        chosen.append(row)
        height, width = higher, wider
    if chosen:
        yield chosen


def _packed(images: Sequence[Image], device: torch.device) -> Images:
    sizes = np.array([image.shape[:2] for image in images], np.int64)
    pixels: NDArray[np.uint8] = np.zeros((len(images), *sizes.max(axis=0), 3), np.uint8)
    for place, image in enumerate(images):
        pixels[place, : image.shape[0], : image.shape[1]] = image
    return Images(on_device(pixels, device).permute(0, 3, 1, 2).contiguous(), sizes)
