"""Several crops of an image, as torchvision's `five_crop` and `ten_crop` make them."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ...errors import DecodeError, SpecError
from ..ops.arguments import pair
from ..ops.crops import Crops, TenCrop

__all__ = ["check_fits", "several_crops"]


def check_fits(op: Crops, height: int, width: int) -> None:
    """DecodeError where an image of this size is smaller than the crops."""
    try:
        op.check_fits(height, width)
    except SpecError as error:
        raise DecodeError(str(error)) from error


def several_crops(op: Crops, image: NDArray[Any]) -> list[NDArray[Any]]:
    """The crops that `op` makes of (height, width, 3); DecodeError for an image that is smaller than they are."""
    check_fits(op, *image.shape[:2])
    five = five_crops(image, *pair(op.size))
    if not isinstance(op, TenCrop):
        return five
    mirrored = image[::-1] if op.vertical_flip else image[:, ::-1]
    return [*five, *five_crops(mirrored, *pair(op.size))]


def five_crops(image: NDArray[Any], height: int, width: int) -> list[NDArray[Any]]:
    """Top left, top right, bottom left, bottom right, middle."""
    bottom, right = image.shape[0] - height, image.shape[1] - width
    # Python rounds halves to the even neighbour, here as in torchvision.
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (round(bottom / 2), round(right / 2))]
    return [image[y : y + height, x : x + width] for y, x in corners]
