"""The colour ops in plain numpy, on (height, width, 3) uint8 images: slow, and equal to Pillow in every bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["invert"]


def invert(image_hwc: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`PIL.ImageOps.invert`."""
    inverted: NDArray[np.uint8] = 255 - image_hwc
    return inverted
