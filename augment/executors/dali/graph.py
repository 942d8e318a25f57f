"""A built DALI pipeline: images and drawn numbers in, a batch of results out."""

from __future__ import annotations

import ctypes
import functools
import os
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ...ops import Normalize, Op, ToDtype
from .branch import Branch
from .geometry import Window
from .modules import Dali, Node
from .steps import Input, Step, Values

__all__ = ["IMAGES", "WINDOW", "Graph"]

IMAGES = "images"
"""The name of the input that images come by."""

WINDOW = "window."
"""What the names of the inputs begin with that say what is needed of each image, where that is not all."""

_DTYPES = {"uint8": "UINT8", "float32": "FLOAT", "float16": "FLOAT16"}


class Graph:
    """The branches of each image, built for batches of up to `capacity` samples. Not thread-safe.

    Images are decoded once, as far as the branches need them together.

    Args:
        dali: from `load_dali`.
        branches: at least one.
        encoded: image files are fed, (bytes,) uint8 each; else pixels, (height, width, 3) uint8.
        device_id: of the GPU; None: DALI's CPU back-end.
        threads: of DALI, on the CPU.
        capacity: samples in the largest batch.
    """

    def __init__(
        self,
        dali: Dali,
        branches: Sequence[Branch],
        *,
        encoded: bool,
        device_id: int | None,
        threads: int,
        capacity: int,
    ) -> None:
        self.capacity = capacity
        self._dali = dali
        self._on_gpu = device_id is not None
        self._names = [IMAGES]
        self._pipeline = dali.pipeline(
            batch_size=capacity, num_threads=threads, device_id=device_id, prefetch_queue_depth=1, exec_dynamic=True
        )
        windowed = all(branch.window for branch in branches)
        with self._pipeline:
            image = self._image(encoded, windowed)
            # The only one has its window already.
            done = 1 if windowed and len(branches) == 1 else 0
            self._pipeline.set_outputs(*(self._results(image, branch, done) for branch in branches))
        self._pipeline.build()
        _watch_forks()
        _graphs.add(self)

    def leave(self) -> None:
        """Never takes DALI's pipeline down: in a forked child, which has not its threads, that would wait for ever."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._pipeline._pipe))

    def run(self, feeds: Mapping[str, Values]) -> Sequence[Any]:
        """The results of one batch, a `TensorList` of DALI for each branch.

        Raises:
            RuntimeError: DALI failed, and this graph can't be used any more.
        """
        for name in self._names:
            values = feeds[name]
            self._pipeline.feed_input(name, values if isinstance(values, list) else np.ascontiguousarray(values))
        results: Sequence[Any] = self._pipeline.run()
        return results

    def _image(self, encoded: bool, windowed: bool) -> Node:
        """What the branches begin with: the images, or the `WINDOW` of each, decoded or as they were fed."""
        fn, types = self._dali.fn, self._dali.types
        window = self._inputs(WINDOW, Window.inputs) if windowed else {}
        if not encoded:
            pixels = fn.external_source(name=IMAGES, ndim=3, dtype=types.UINT8, layout="HWC")
            pixels = pixels.gpu() if self._on_gpu else pixels
            return fn.slice(pixels, **window, axis_names="HW") if windowed else pixels
        files = fn.external_source(name=IMAGES, ndim=1, dtype=types.UINT8)
        decoding = {
            "device": "mixed" if self._on_gpu else "cpu",
            "output_type": types.RGB,
            "adjust_orientation": False,  # as Pillow
        }
        if not windowed:
            return fn.decoders.image(files, **decoding)
        return fn.decoders.image_slice(files, **window, axis_names="HW", **decoding)

    def _results(self, image: Node, branch: Branch, done: int) -> Node:
        """What a branch makes of the images, but for its first steps that are `done`."""
        steps = list(branch.steps.items())[done:]
        image = self._built(image, [pair for pair in steps if not pair[1].after_conversion])
        finished = _converted(self._dali, image, branch.conversions, branch.channels_last)
        return self._built(finished, [pair for pair in steps if pair[1].after_conversion])

    def _built(self, image: Node, steps: Iterable[tuple[str, Step]]) -> Node:
        for prefix, step in steps:
            image = step.build(self._dali, image, self._inputs(f"{prefix}.", step.inputs))
        return image

    def _inputs(self, prefix: str, inputs: Mapping[str, Input]) -> dict[str, Node]:
        nodes = {}
        for name, given in inputs.items():
            dtype = getattr(self._dali.types, _DALI_NAMES[given.dtype])
            layout = {"layout": "HWC"} if given.ndim == 3 else {}
            self._names.append(f"{prefix}{name}")
            node = self._dali.fn.external_source(name=self._names[-1], ndim=given.ndim, dtype=dtype, **layout)
            nodes[name] = node.gpu() if self._on_gpu and given.with_pixels else node
        return nodes


_graphs: weakref.WeakSet[Graph] = weakref.WeakSet()


@functools.cache
def _watch_forks() -> None:
    os.register_at_fork(after_in_child=_leave_graphs)


def _leave_graphs() -> None:
    for graph in list(_graphs):
        graph.leave()


_DALI_NAMES: Mapping[type[np.generic], str] = {
    np.uint8: "UINT8",
    np.int32: "INT32",
    np.int64: "INT64",
    np.float32: "FLOAT",
}


def _converted(dali: Dali, image: Node, conversions: Iterable[Op], channels_last: bool) -> Node:
    """The last node: transposed, converted and normalised in one go."""
    dtype, unit, mean, std = "uint8", 1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    for op in conversions:
        if isinstance(op, ToDtype):
            dtype = op.dtype
            unit = 255.0 if op.scale and dtype != "uint8" else 1.0
        elif isinstance(op, Normalize):
            mean, std = tuple(op.mean), tuple(op.std)  # type: ignore[assignment]  # three of each, checked by the op
    return dali.fn.crop_mirror_normalize(
        image,
        dtype=getattr(dali.types, _DTYPES[dtype]),
        output_layout="HWC" if channels_last else "CHW",
        mean=[value * unit for value in mean],
        std=[value * unit for value in std],
    )
