"""Steps that change colours, in the arithmetic of `ReferenceExecutor`: DALI's own operators round otherwise."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ...ops import GaussianBlur, RandomPosterize, RandomSolarize
from ...ops.arguments import pair
from .modules import Dali, Node
from .steps import Drawn, Input, Sizes, Step, Values

__all__ = ["BLENDS", "Blend", "Blur", "Gray", "Invert", "Posterize", "Solarize"]

LUMA = np.array([[[19595, 38470, 7471]]], np.int32)
"""What red, green and blue count in Pillow's "L", of 65,536."""


class Invert(Step):
    """255 - v, where drawn."""

    inputs: ClassVar[Mapping[str, Input]] = {"flipped": Input(0, np.uint8, with_pixels=True)}

    def feed(self, drawn: Drawn, sizes: Sizes) -> Mapping[str, Values]:  # noqa: ARG002  (of any size)
        return {"flipped": np.where(drawn["apply"] != 0, 255, 0).astype(np.uint8)}

    def build(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        return dali.fn.reshape(image ^ given["flipped"], layout="HWC")


class Posterize(Step):
    """Keeps the highest bits, where drawn."""

    inputs: ClassVar[Mapping[str, Input]] = {"kept": Input(0, np.uint8, with_pixels=True)}

    def __init__(self, op: RandomPosterize) -> None:
        self._kept = 256 - (1 << (8 - op.bits))

    def feed(self, drawn: Drawn, sizes: Sizes) -> Mapping[str, Values]:  # noqa: ARG002  (of any size)
        return {"kept": np.where(drawn["apply"] != 0, self._kept, 255).astype(np.uint8)}

    def build(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        return dali.fn.reshape(image & given["kept"], layout="HWC")


class Solarize(Step):
    """255 - v for every v from the threshold on, where drawn."""

    inputs: ClassVar[Mapping[str, Input]] = {"threshold": Input(0, np.int32, with_pixels=True)}

    NEVER = 256

    def __init__(self, op: RandomSolarize) -> None:
        self._threshold = int(np.clip(np.ceil(op.threshold), 0, self.NEVER))

    def feed(self, drawn: Drawn, sizes: Sizes) -> Mapping[str, Values]:  # noqa: ARG002  (of any size)
        return {"threshold": np.where(drawn["apply"] != 0, self._threshold, self.NEVER).astype(np.int32)}

    def build(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        all_bits = dali.types.Constant(255, dtype=dali.types.UINT8)
        return dali.fn.reshape(image ^ ((image >= given["threshold"]) * all_bits), layout="HWC")


class Gray(Step):
    """The luma in all channels: always, or where drawn."""

    inputs: ClassVar[Mapping[str, Input]] = {
        "gray": Input(0, np.uint8, with_pixels=True),
        "colour": Input(0, np.uint8, with_pixels=True),
    }

    def feed(self, drawn: Drawn, sizes: Sizes) -> Mapping[str, Values]:
        gray = drawn.get("apply", np.ones(len(sizes))) != 0
        return {"gray": gray.astype(np.uint8), "colour": (~gray).astype(np.uint8)}

    def build(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        return dali.fn.reshape(image * given["colour"] + _luma(dali, image) * given["gray"], layout="HWC")


class Blend(Step):
    """One factor of `ColorJitter`: `PIL.Image.blend` of the image with a start that the factor leads away from."""

    inputs: ClassVar[Mapping[str, Input]] = {"factor": Input(0, np.float32, with_pixels=True)}

    name: ClassVar[str]

    def feed(self, drawn: Drawn, sizes: Sizes) -> Mapping[str, Values]:  # noqa: ARG002  (of any size)
        return {"factor": drawn[self.name].astype(np.float32)}

    @abstractmethod
    def start(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        """What the image is blended with, in float."""

    def build(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        fn, types = dali.fn, dali.types
        start = self.start(dali, image, given)
        blended = start + given["factor"] * (fn.cast(image, dtype=types.FLOAT) - start)
        cut = dali.math.floor(dali.math.clamp(blended, 0.0, 255.0))
        return fn.reshape(fn.cast(cut, dtype=types.UINT8), layout="HWC")


class Brightness(Blend):
    """From black."""

    name = "brightness"

    def start(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:  # noqa: ARG002  (the same for all)
        return dali.types.Constant(0.0, dtype=dali.types.FLOAT)


class Contrast(Blend):
    """From the mean grey level."""

    name = "contrast"

    inputs: ClassVar[Mapping[str, Input]] = {**Blend.inputs, "pixels": Input(0, np.int64, with_pixels=True)}

    def feed(self, drawn: Drawn, sizes: Sizes) -> Mapping[str, Values]:
        return {**super().feed(drawn, sizes), "pixels": sizes.prod(axis=1)}

    def start(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        fn, types = dali.fn, dali.types
        luma = fn.cast(_luma(dali, image), dtype=types.INT64)
        total = fn.reductions.sum(luma, axes=[0, 1, 2], keep_dims=True, dtype=types.INT64)
        # In whole numbers: the mean, halves rounded up.
        return fn.cast((2 * total + given["pixels"]) // (2 * given["pixels"]), dtype=types.FLOAT)


class Saturation(Blend):
    """From the image without colours."""

    name = "saturation"

    def start(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:  # noqa: ARG002  (drawn is the factor)
        return dali.fn.cast(_luma(dali, image), dtype=dali.types.FLOAT)


BLENDS: Mapping[str, type[Blend]] = {blend.name: blend for blend in (Brightness, Contrast, Saturation)}
"""By the argument of `ColorJitter`."""


class Blur(Step):
    """`GaussianBlur`."""

    inputs: ClassVar[Mapping[str, Input]] = {"sigma": Input(0, np.float32)}

    def __init__(self, op: GaussianBlur) -> None:
        width, height = pair(op.kernel_size)
        self._taps = [height, width]

    def feed(self, drawn: Drawn, sizes: Sizes) -> Mapping[str, Values]:  # noqa: ARG002  (of any size)
        return {"sigma": drawn["sigma"].astype(np.float32)}

    def build(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        return dali.fn.gaussian_blur(image, sigma=given["sigma"], window_size=self._taps)


def _luma(dali: Dali, image: Node) -> Node:
    """(height, width, 1) uint8: Pillow's conversion from "RGB" to "L"."""
    fn, types = dali.fn, dali.types
    weights = types.Constant(LUMA, device=image.device)
    weighted = fn.reductions.sum(fn.cast(image, dtype=types.INT32) * weights, axes=[2], keep_dims=True)
    return fn.cast((weighted + 0x8000) // 0x10000, dtype=types.UINT8)
