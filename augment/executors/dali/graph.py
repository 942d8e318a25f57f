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
from .geometry import Window
from .modules import Dali, Node
from .steps import Step, Values

__all__ = ["IMAGES", "Graph"]

IMAGES = "images"
"""The name of the input that images come by."""

_DTYPES = {"uint8": "UINT8", "float32": "FLOAT", "float16": "FLOAT16"}


class Graph:
    """The steps of a pipeline, built for batches of up to `capacity` samples. Not thread-safe.

    Args:
        dali: from `load_dali`.
        steps: by the prefix of their inputs' names.
        conversions: the `ToDtype` and `Normalize` that follow, if any.
        encoded: image files are fed, (bytes,) uint8 each; else pixels, (height, width, 3) uint8.
        device_id: of the GPU; None: DALI's CPU back-end.
        threads: of DALI, on the CPU.
        capacity: samples in the largest batch.
        channels_last: results are (height, width, 3), and (3, height, width) otherwise.
    """

    def __init__(
        self,
        dali: Dali,
        steps: Mapping[str, Step],
        conversions: Sequence[Op],
        *,
        encoded: bool,
        device_id: int | None,
        threads: int,
        capacity: int,
        channels_last: bool,
    ) -> None:
        self.capacity = capacity
        self._dali = dali
        self._on_gpu = device_id is not None
        self._names = [IMAGES]
        self._pipeline = dali.pipeline(
            batch_size=capacity, num_threads=threads, device_id=device_id, prefetch_queue_depth=1, exec_dynamic=True
        )
        before = [(prefix, step) for prefix, step in steps.items() if not step.after_conversion]
        after = [(prefix, step) for prefix, step in steps.items() if step.after_conversion]
        with self._pipeline:
            image = self._built(self._decoded(before) if encoded else self._pixels(), before)
            finished = _converted(dali, image, conversions, channels_last)
            self._pipeline.set_outputs(self._built(finished, after))
        self._pipeline.build()
        _watch_forks()
        _graphs.add(self)

    def leave(self) -> None:
        """Never takes DALI's pipeline down: in a forked child, which has not its threads, that would wait for ever."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._pipeline._pipe))

    def run(self, feeds: Mapping[str, Values]) -> Any:
        """The results of one batch, a `TensorList` of DALI.

        Raises:
            RuntimeError: DALI failed, and this graph can't be used any more.
        """
        for name in self._names:
            values = feeds[name]
            self._pipeline.feed_input(name, values if isinstance(values, list) else np.ascontiguousarray(values))
        return self._pipeline.run()[0]

    def _built(self, image: Node, steps: Iterable[tuple[str, Step]]) -> Node:
        for prefix, step in steps:
            image = step.build(self._dali, image, self._inputs(prefix, step))
        return image

    def _pixels(self) -> Node:
        image = self._dali.fn.external_source(name=IMAGES, ndim=3, dtype=self._dali.types.UINT8, layout="HWC")
        return image.gpu() if self._on_gpu else image

    def _decoded(self, rest: list[tuple[str, Step]]) -> Node:
        """The images of encoded files; a first step that cuts inside the image is the decoder's, and leaves `rest`."""
        fn, types = self._dali.fn, self._dali.types
        files = fn.external_source(name=IMAGES, ndim=1, dtype=types.UINT8)
        device = "mixed" if self._on_gpu else "cpu"
        prefix, first = rest[0] if rest else ("", None)
        if isinstance(first, Window) and first.inside:
            del rest[0]
            return first.decode(self._dali, files, self._inputs(prefix, first), device)
        return fn.decoders.image(files, device=device, output_type=types.RGB, adjust_orientation=False)

    def _inputs(self, prefix: str, step: Step) -> dict[str, Node]:
        nodes = {}
        for name, given in step.inputs.items():
            dtype = getattr(self._dali.types, _DALI_NAMES[given.dtype])
            layout = {"layout": "HWC"} if given.ndim == 3 else {}
            self._names.append(f"{prefix}.{name}")
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
