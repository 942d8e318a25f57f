"""Steps that resize images as Pillow does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ...ops import Resize
from ...ops.arguments import pair
from .edges import FILTERS, Filter, inner_weight, reach_px
from .modules import Dali, Node
from .steps import Drawn, Input, Sizes, Step, Values

__all__ = ["Resample", "ResampleTwice", "resample"]


def resample(op: Resize) -> Step:
    """What resizes as `op` says, with a filter of `FILTERS`."""
    return Resample(op) if op.interpolation == "bilinear" else ResampleTwice(op)


class Resample(Step):
    """Pillow's antialiased resize with its bilinear filter, up to rounding.

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
        self._filter = FILTERS[op.interpolation]

    def feed(self, drawn: Drawn, sizes: Sizes) -> Mapping[str, Values]:
        return self._feed_pass(sizes, self.sizes_after(drawn, sizes))

    def sizes_after(self, drawn: Drawn, sizes: Sizes) -> Sizes:  # noqa: ARG002  (draws nothing)
        if not isinstance(self._op.size, int):
            return np.broadcast_to(np.array(pair(self._op.size), np.int64), sizes.shape)
        return _short_side_sizes(sizes, self._op.size, self._op.max_size)

    def build(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        return _resized(dali, image, given, self._filter)

    def _feed_pass(self, sizes: Sizes, wanted: Sizes) -> dict[str, Values]:
        margin = reach_px(sizes, wanted, self._filter.support)
        rows, columns = (
            [
                inner_weight(int(length), int(size), self._op.interpolation)
                for length, size in zip(sizes[:, axis], wanted[:, axis], strict=True)
            ]
            for axis in (0, 1)
        )
        return {
            "margin": (-margin).astype(np.int32),
            "shape": (sizes + 2 * margin).astype(np.int32),
            "first": margin.astype(np.float32),
            "last": (margin + sizes).astype(np.float32),
            "size": wanted.astype(np.float32),
            "rows": [1 / weight[:, None, None] for weight in rows],
            "columns": [1 / weight[None, :, None] for weight in columns],
        }


class ResampleTwice(Resample):
    """`Resample` with a filter that overshoots: one axis after the other, in Pillow's order, with uint8 in between.

    Pillow cuts off what lies beyond 0 and 255 after each of its passes, so that one pass for both is no match.
    """

    inputs: ClassVar[Mapping[str, Input]] = {
        f"{number}.{name}": given for number in (1, 2) for name, given in Resample.inputs.items()
    }

    def feed(self, drawn: Drawn, sizes: Sizes) -> Mapping[str, Values]:
        wanted = self.sizes_after(drawn, sizes)
        lost = sizes - wanted
        columns_first = (lost[:, 0] > 0) & (lost[:, 0] > 2 * lost[:, 1])
        # Which axis is the first differs from image to image, and so is no matter of the graph but of sizes.
        between = np.where(columns_first[:, None] == np.array([True, False]), wanted, sizes)
        feeds = (self._feed_pass(sizes, between), self._feed_pass(between, wanted))
        return {f"{number}.{name}": values for number, feed in enumerate(feeds, 1) for name, values in feed.items()}

    def build(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        for number in (1, 2):
            image = _resized(dali, image, {name: given[f"{number}.{name}"] for name in Resample.inputs}, self._filter)
        return image


def _resized(dali: Dali, image: Node, given: Mapping[str, Node], kernel: Filter) -> Node:
    fn, types = dali.fn, dali.types
    framed = fn.slice(image, start=given["margin"], shape=given["shape"], axis_names="HW", out_of_bounds_policy="pad")
    resized = fn.resize(
        framed,
        size=given["size"],
        roi_start=given["first"],
        roi_end=given["last"],
        interp_type=getattr(types, kernel.dali),
        antialias=True,
        dtype=types.FLOAT,
    )
    weighted = resized * (given["rows"] * given["columns"])
    return fn.reshape(fn.cast(weighted, dtype=types.UINT8), layout="HWC")


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
