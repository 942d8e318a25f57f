"""Steps that cut, pad and mirror images."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from ...ops import CenterCrop, Pad, RandomCrop
from ...ops.arguments import pair
from .modules import Dali, Node
from .steps import Drawn, Input, Sizes, Step, Values

__all__ = ["CentralWindow", "CropWindow", "DrawnWindow", "Flip", "PaddedWindow", "Window"]


class Window(Step):
    """Cuts a window out of each image; what of it lies outside is of the colour `fill`."""

    inputs: ClassVar[Mapping[str, Input]] = {"start": Input(1, np.int32), "shape": Input(1, np.int32)}

    inside: bool = False
    """Whether the window never leaves the image, so that a decoder can cut it."""

    fill: Sequence[int] = (0, 0, 0)

    @abstractmethod
    def window(self, drawn: Drawn, sizes: Sizes) -> tuple[Sizes, Sizes]:
        """(n, 2) top and left, and (n, 2) height and width, in pixels of the image."""

    def feed(self, drawn: Drawn, sizes: Sizes) -> Mapping[str, Values]:
        start, shape = self.window(drawn, sizes)
        return {"start": start.astype(np.int32), "shape": shape.astype(np.int32)}

    def sizes_after(self, drawn: Drawn, sizes: Sizes) -> Sizes:
        return self.window(drawn, sizes)[1]

    def build(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        outside = {} if self.inside else {"out_of_bounds_policy": "pad", "fill_values": [*map(float, self.fill)]}
        return dali.fn.slice(image, start=given["start"], shape=given["shape"], axis_names="HW", **outside)


class DrawnWindow(Window):
    """The window that `RandomResizedCrop` draws."""

    inside = True

    def window(self, drawn: Drawn, sizes: Sizes) -> tuple[Sizes, Sizes]:  # noqa: ARG002  (all is drawn)
        return _columns(drawn, "y", "x"), _columns(drawn, "height", "width")


class CropWindow(Window):
    """The window of `RandomCrop`, padded with one colour."""

    def __init__(self, op: RandomCrop) -> None:
        self._size = pair(op.size)
        self.inside = op.padding is None and not op.pad_if_needed
        self.fill = _colour(op.fill)

    def window(self, drawn: Drawn, sizes: Sizes) -> tuple[Sizes, Sizes]:
        return _columns(drawn, "y", "x"), np.broadcast_to(np.array(self._size, np.int64), sizes.shape)


class CentralWindow(Window):
    """The window of `CenterCrop`."""

    def __init__(self, op: CenterCrop) -> None:
        self._size = np.array(pair(op.size), np.int64)

    def window(self, drawn: Drawn, sizes: Sizes) -> tuple[Sizes, Sizes]:  # noqa: ARG002  (draws nothing)
        missing = np.maximum(self._size - sizes, 0)
        # Halves go to the even neighbour, as Python rounds them in torchvision.
        start = np.rint((sizes + missing - self._size) / 2).astype(np.int64) - missing // 2
        return start, np.broadcast_to(self._size, sizes.shape)


class PaddedWindow(Window):
    """The image and what `Pad` puts around it, in one colour."""

    def __init__(self, op: Pad) -> None:
        left, top, right, bottom = np.broadcast_to(np.array(op.padding, np.int64), 4)
        self._before = np.array([top, left])
        self._more = np.array([top + bottom, left + right])
        self.fill = _colour(op.fill)

    def window(self, drawn: Drawn, sizes: Sizes) -> tuple[Sizes, Sizes]:  # noqa: ARG002  (draws nothing)
        return np.broadcast_to(-self._before, sizes.shape), sizes + self._more


class Flip(Step):
    """Mirrors an image where that was drawn: "horizontal" is left to right, "vertical" top to bottom."""

    inputs: ClassVar[Mapping[str, Input]] = {"flip": Input(0, np.int32)}

    def __init__(self, direction: str) -> None:
        self._direction = direction

    def feed(self, drawn: Drawn, sizes: Sizes) -> Mapping[str, Values]:  # noqa: ARG002  (of any size)
        return {"flip": drawn["flip"].astype(np.int32)}

    def build(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        directions = {"horizontal": 0, "vertical": 0, self._direction: given["flip"]}
        return dali.fn.flip(image, **directions)


def _columns(drawn: Drawn, *fields: str) -> Sizes:
    return np.stack([drawn[field] for field in fields], axis=1).astype(np.int64)


def _colour(fill: int | Sequence[int]) -> Sequence[int]:
    return (fill, fill, fill) if isinstance(fill, int) else fill
