"""Images that are in memory already, as numpy arrays or torch tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DatasetError, OptionError
from ..record import Codec, Records
from .base import Dataset, Labels, Transform
from .classes import ClassesOption, class_list, fit_labels, label_names

__all__ = ["Arrays", "Layout"]

Layout: TypeAlias = Literal["NHWC", "NCHW", "NHW"]
"""What the dimensions of the images are: number, height, width, channels."""


class Arrays(Dataset):
    """Images and labels in memory. Nothing is copied where the image data is a C-contiguous NHWC array.

    Args:
        images: uint8 array or CPU tensor: (n, height, width, 3 or 1), (n, 3 or 1, height, width), or (n, height, width)
            for grey; grey becomes RGB.
        labels: (n,) ints or names; (n, k) ints or floats for several labels per sample; None: every label is -1.
        classes: names of the labels; with names as labels, the classes to use (otherwise those found, sorted).
        layout: what the dimensions are, where they can't tell.

    Raises:
        DatasetError: another dtype or shape, an ambiguous layout, or labels that don't fit the images or the classes.
    """

    def __init__(
        self,
        images: ArrayLike,
        labels: ArrayLike | None = None,
        *,
        classes: ClassesOption = None,
        layout: Layout | None = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        self._images = _images_nhwc(_as_array(images, "images"), layout)
        self._labels, self._classes = _labels(labels, len(self._images), class_list(classes))
        self._labels.setflags(write=False)

    def __len__(self) -> int:
        return len(self._images)

    @property
    def classes(self) -> list[str]:
        return list(self._classes)

    @property
    def labels(self) -> Labels:
        return self._labels

    def describe(self, index: int) -> str:
        return f"Arrays, image {index}"

    def name(self, index: int) -> str:
        del index
        return ""

    def records(self, indices: Sequence[int] | NDArray[np.int64]) -> Records:
        chosen = np.asarray(indices, np.int64)
        height, width = self._images.shape[1:3]
        count = len(chosen)
        return Records(
            codec=np.full(count, int(Codec.RAW), np.uint8),
            labels=self._labels[chosen],
            paths=[],
            file=np.full(count, -1, np.int32),
            offset=np.zeros(count, np.int64),
            length=np.full(count, height * width * 3, np.int64),
            width=np.full(count, width, np.int32),
            height=np.full(count, height, np.int32),
            payloads=[_rgb_bytes(self._images[index]) for index in chosen.tolist()],
        )


def _as_array(values: ArrayLike, what: str) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DatasetError(f"{what} can't be read as one array in the memory of the CPU: {error}") from error


def _images_nhwc(images: NDArray[Any], layout: Layout | None) -> NDArray[np.uint8]:
    """A view as (n, height, width, 1 or 3)."""
    if images.dtype != np.uint8:
        raise DatasetError(
            f"expected images of dtype uint8 with values from 0 to 255, got {images.dtype} of shape {images.shape}; "
            "convert them first"
        )
    chosen = layout or _guess_layout(images.shape)
    if chosen not in get_args(Layout):
        raise OptionError(f"layout must be one of {', '.join(get_args(Layout))}, got {layout!r}")
    if len(chosen) != images.ndim:
        raise DatasetError(f"layout={chosen} has {len(chosen)} dimensions, but the images have shape {images.shape}")
    nhwc = images[..., np.newaxis] if chosen == "NHW" else np.moveaxis(images, chosen.index("C"), 3)
    if nhwc.shape[3] not in (1, 3) or 0 in nhwc.shape[1:]:
        raise DatasetError(
            f"expected images with 1 or 3 channels and at least one pixel, got shape {images.shape} as {chosen}"
        )
    return nhwc


def _guess_layout(shape: tuple[int, ...]) -> Layout:
    channels_last, channels_first = shape[-1:] in ((1,), (3,)), len(shape) == 4 and shape[1] in (1, 3)
    if len(shape) == 3 and not channels_last:
        return "NHW"
    if len(shape) == 4 and channels_last != channels_first:
        return "NHWC" if channels_last else "NCHW"
    if len(shape) == 3 or channels_first:
        raise DatasetError(
            f"images of shape {shape} can be read in more than one way; "
            f"say which it is: layout={' or '.join(repr(name) for name in get_args(Layout) if len(name) == len(shape))}"
            + (", or images[None] for a single image" if len(shape) == 3 else "")
        )
    raise DatasetError(
        f"expected images of shape (n, height, width, 3 or 1), (n, 3 or 1, height, width) or (n, height, width), "
        f"got {shape}"
    )


def _rgb_bytes(image_hwc: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The (height, width, 1 or 3) image as the flat bytes of an RGB image."""
    rgb = image_hwc if image_hwc.shape[2] == 3 else np.broadcast_to(image_hwc, (*image_hwc.shape[:2], 3))
    return np.ascontiguousarray(rgb).reshape(-1)


def _labels(labels: ArrayLike | None, count: int, classes: list[str] | None) -> tuple[Labels, list[str]]:
    if labels is None:
        return np.full(count, -1, np.int64), classes or []
    given = _as_array(labels, "labels")
    if len(given.shape) not in (1, 2) or len(given) != count:
        raise DatasetError(f"expected labels of shape ({count},) or ({count}, k) for {count} images, got {given.shape}")
    if given.dtype.kind in "UO" and given.ndim == 1 and all(isinstance(name, str) for name in given):
        return label_names([str(name) for name in given], classes, lambda index: f"sample {index}")
    if given.dtype.kind in "iub" or given.shape == (0,):
        return fit_labels(given.astype(np.int64), [], classes, "labels")
    if given.dtype.kind == "f" and given.ndim == 2:
        return fit_labels(given.astype(np.float32), [], classes, "labels")
    raise DatasetError(
        f"expected labels that are ints or names, or floats of shape (n, k), got {given.dtype} of shape {given.shape}; "
        "one float per sample is labels[:, None]"
    )
