"""What a step of a DALI graph is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .modules import Dali, Node

__all__ = ["Drawn", "Input", "Sizes", "Step", "Values"]

Drawn: TypeAlias = Mapping[str, NDArray[np.float64]]
"""What one op drew, by field: (n,) each."""

Sizes: TypeAlias = NDArray[np.int64]
"""(n, 2) heights and widths of the images that reach a step."""

Values: TypeAlias = NDArray[Any] | list[NDArray[Any]]
"""One array for each of n samples; of equal shapes, they can be one array whose first axis is n long."""


@dataclass(frozen=True, slots=True)
class Input:
    """One argument that a step is fed for each sample.

    Attributes:
        ndim, dtype: of its arrays.
        with_pixels: it is computed with pixels, and so belongs into their memory; else operators take it as an
            argument, from the CPU's.
    """

    ndim: int
    dtype: type[np.generic]
    with_pixels: bool = False


class Step(ABC):
    """One operator, or a few, of a DALI graph: (height, width, 3) uint8 images in and out, or finished results."""

    inputs: ClassVar[Mapping[str, Input]] = {}
    """What it is fed, by name."""

    after_conversion: ClassVar[bool] = False
    """Whether it takes results as they leave the last `ToDtype` or `Normalize`, and not uint8 images."""

    def feed(self, drawn: Drawn, sizes: Sizes) -> Mapping[str, Values]:  # noqa: ARG002  (most take one or none)
        """The values of `inputs` for a batch."""
        return {}

    def sizes_after(self, drawn: Drawn, sizes: Sizes) -> Sizes:  # noqa: ARG002  (most keep them)
        """The sizes of the images that it gives."""
        return sizes

    @abstractmethod
    def build(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        """The images that leave it; `given` are nodes of its `inputs`."""
