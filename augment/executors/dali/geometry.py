"""Steps that cut, pad, resize and mirror images."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ...ops import CenterCrop, Pad, RandomCrop, Resize
from ...ops.arguments import pair
from .edges import inner_weight, reach_px
from .modules import Dali, Node
from .steps import Drawn, Input, Sizes, Step, Values

__all__ = ["CentralWindow", "CropWindow", "DrawnWindow", "Flip", "PaddedWindow", "Resample", "Window"]


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

    def decode(self, dali: Dali, encoded: Node, given: Mapping[str, Node], device: str) -> Node:
        """The window of each image file, of which no more is decoded than needed; only where `inside`."""
        return dali.fn.decoders.image_slice(
            encoded,
            start=given["start"],
            shape=given["shape"],
            axis_names="HW",
            device=device,
            output_type=dali.types.RGB,
            adjust_orientation=False,
        )


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


class Resample(Step):
    """Pillow's antialiased bilinear resize, up to rounding.

    DALI repeats the outermost pixels where the filter reaches beyond the image; Pillow leaves those taps out and lets
    the others count for more. So the image gets a black margin, as wide as the filter reaches, and the result is
    divided by the weight of the taps inside.
    """

    inputs: ClassVar[Mapping[str, Input]] = {
        "margin": Input(1, np.int32),
        "shape": Input(1, np.int32),
        "first": Input(1, np.float32),
        "last": Input(1, np.float32),
        "size": Input(1, np.float32),
        "rows": Input(3, np.float32, with_pixels=True),
        "columns": Input(3, np.float32, with_pixels=True),
    }

    def __init__(self, op: Resize) -> None:
        self._op = op

    def feed(self, drawn: Drawn, sizes: Sizes) -> Mapping[str, Values]:
        wanted = self.sizes_after(drawn, sizes)
        margin = reach_px(sizes, wanted)
        heights, widths = (
            [inner_weight(int(length), int(size)) for length, size in zip(sizes[:, axis], wanted[:, axis], strict=True)]
            for axis in (0, 1)
        )
        return {
            "margin": (-margin).astype(np.int32),
            "shape": (sizes + 2 * margin).astype(np.int32),
            "first": margin.astype(np.float32),
            "last": (margin + sizes).astype(np.float32),
            "size": wanted.astype(np.float32),
            "rows": [1 / weight[:, None, None] for weight in heights],
            "columns": [1 / weight[None, :, None] for weight in widths],
        }

    def sizes_after(self, drawn: Drawn, sizes: Sizes) -> Sizes:  # noqa: ARG002  (draws nothing)
        if not isinstance(self._op.size, int):
            return np.broadcast_to(np.array(pair(self._op.size), np.int64), sizes.shape)
        return _short_side_sizes(sizes, self._op.size, self._op.max_size)

    def build(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        fn, types = dali.fn, dali.types
        framed = fn.slice(
            image, start=given["margin"], shape=given["shape"], axis_names="HW", out_of_bounds_policy="pad"
        )
        resized = fn.resize(
            framed,
            size=given["size"],
            roi_start=given["first"],
            roi_end=given["last"],
            interp_type=types.INTERP_LINEAR,
            antialias=True,
            dtype=types.FLOAT,
        )
        weighted = resized * (given["rows"] * given["columns"])
        return fn.reshape(fn.cast(weighted, dtype=types.UINT8), layout="HWC")


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


def _short_side_sizes(sizes: Sizes, short: int, max_size: int | None) -> Sizes:
    """Heights and widths with the shorter side `short` and the longer at most `max_size`, as torchvision rounds."""
    longer = np.floor(short * sizes.max(axis=1) / sizes.min(axis=1)).astype(np.int64)
    shorter = np.full_like(longer, short)
    if max_size is not None:
        over = longer > max_size
        shorter = np.where(over, np.maximum(np.floor(max_size * shorter / longer).astype(np.int64), 1), shorter)
        longer = np.where(over, max_size, longer)
    upright = sizes[:, 1] <= sizes[:, 0]
    wanted: NDArray[np.int64] = np.where(
        upright[:, None], np.stack([longer, shorter], axis=1), np.stack([shorter, longer], axis=1)
    )
    return wanted
