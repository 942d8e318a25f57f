"""The meaning of every op in plain numpy: slow, obvious, and what the other executors are measured by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...errors import SpecError
from ..ops import (
    Apply,
    AutoAugment,
    CenterCrop,
    Choice,
    ColorJitter,
    CutMix,
    Cutout,
    GaussianBlur,
    Grayscale,
    Lambda,
    MixUp,
    Normalize,
    Op,
    Pad,
    PCALighting,
    RandAugment,
    RandomAdjustSharpness,
    RandomAffine,
    RandomAutocontrast,
    RandomCrop,
    RandomEqualize,
    RandomErasing,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomHSL,
    RandomInvert,
    RandomPerspective,
    RandomPosterize,
    RandomResizedCrop,
    RandomRotation,
    RandomSolarize,
    RandomVerticalFlip,
    Resize,
    ToDtype,
    TrivialAugmentWide,
)
from ..ops.arguments import pair
from ..ops.crops import Crops
from ..params import ParamTable, drawn_inside
from ..pipeline import Pipeline
from . import colours
from .base import Image, Result, check_drawn, check_images, check_pipeline, check_run
from .cropping import several_crops
from .erasing import cut_out, erase
from .hls import shift_hsl
from .padding import padded
from .policies import apply_policy
from .resampling import resize
from .transforming import transformed
from .warping import warp_coefficients

__all__ = ["ReferenceExecutor"]

Pixels: TypeAlias = NDArray[Any]
"""(height, width, 3): uint8, or float32 from `ToDtype` on."""

Drawn: TypeAlias = Mapping[str, float]
"""What one op drew for one sample, by field."""


class ReferenceExecutor:
    """`Executor` in numpy: the oracle. Takes some 100 ms an image. Thread-safe."""

    def __init__(self, pipeline: Pipeline) -> None:
        check_pipeline(self, pipeline)
        self._pipeline = pipeline

    @property
    def pipeline(self) -> Pipeline:
        return self._pipeline

    def run(self, images: Sequence[Image], params: ParamTable) -> list[Result]:
        check_run(self._pipeline, images, params)
        check_images(images)
        check_drawn(self._pipeline, params, [image.shape[:2] for image in images])
        return [self._run_one(image, params, sample) for sample, image in enumerate(images)]

    def _run_one(self, image: Image, params: ParamTable, sample: int) -> Result:
        crops: list[Pixels] = [image]
        for position, op in enumerate(self._pipeline):
            drawn = params.drawn(sample, position)
            crops = (
                several_crops(op, image=crops[0])
                if isinstance(op, Crops)
                else [apply_op(op, each, drawn) for each in crops]
            )
        results = np.stack(crops) if self._pipeline.crops > 1 else crops[0]
        # Rounding to float16 comes last, after all arithmetic in float32.
        return np.array(np.moveaxis(results, -1, -3), dtype=self._pipeline.dtype, order="C")


@singledispatch
def apply_op(op: Op, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (registered functions take all)
    """The image that leaves `op`; SpecError for an op that nobody has spelt out here."""
    name = type(op).__name__
    raise SpecError(f"{name} has no meaning in the reference executor; register one with apply_op.register")


def apply_ops(ops: Sequence[Op], image: Pixels, drawn: Drawn) -> Pixels:
    """The image that leaves the last of these ops; `drawn` is of them all, "<position>.<field>"."""
    for position, op in enumerate(ops):
        image = apply_op(op, image, drawn_inside(drawn, position))
    return image


@apply_op.register
def _apply(op: Apply, image: Pixels, drawn: Drawn) -> Pixels:
    return apply_ops(op.ops, image, drawn) if drawn["apply"] else image


@apply_op.register
def _choice(op: Choice, image: Pixels, drawn: Drawn) -> Pixels:
    place = int(drawn["choice"])
    chosen, inside = op.choices[place], drawn_inside(drawn, place)
    return apply_op(chosen, image, inside) if isinstance(chosen, Op) else apply_ops(chosen, image, inside)


@apply_op.register
def _random_resized_crop(op: RandomResizedCrop, image: Pixels, drawn: Drawn) -> Pixels:
    x, y, width, height = (int(drawn[field]) for field in ("x", "y", "width", "height"))
    return resize(image[y : y + height, x : x + width], *pair(op.size), op.interpolation)


@apply_op.register
def _resize(op: Resize, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (draws nothing)
    if isinstance(op.size, int):
        size = short_side_size(image.shape[0], image.shape[1], op.size, op.max_size)
        return resize(image, *size, op.interpolation)
    return resize(image, *pair(op.size), op.interpolation)


def short_side_size(height: int, width: int, short: int, max_size: int | None) -> tuple[int, int]:
    """(height, width) with the shorter side `short` and the longer at most `max_size`, as torchvision rounds it."""
    new_short, new_long = short, int(short * max(height, width) / min(height, width))
    if max_size is not None and new_long > max_size:
        new_short, new_long = max(int(max_size * new_short / new_long), 1), max_size
    return (new_long, new_short) if width <= height else (new_short, new_long)


@apply_op.register
def _center_crop(op: CenterCrop, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (draws nothing)
    height, width = pair(op.size)
    missing = [max(want - have, 0) for want, have in zip((height, width), image.shape[:2], strict=True)]
    padded = np.pad(image, [*((m // 2, (m + 1) // 2) for m in missing), (0, 0)])
    # Python rounds halves to the even neighbour, here as in torchvision.
    top, left = round((padded.shape[0] - height) / 2), round((padded.shape[1] - width) / 2)
    return padded[top : top + height, left : left + width]


@apply_op.register
def _random_horizontal_flip(op: RandomHorizontalFlip, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (all is drawn)
    return image[:, ::-1] if drawn["flip"] else image


@apply_op.register
def _grayscale(op: Grayscale, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (draws nothing)
    return colours.grayscale(image)


@apply_op.register
def _random_grayscale(op: RandomGrayscale, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (all is drawn)
    return colours.grayscale(image) if drawn["apply"] else image


@apply_op.register
def _random_invert(op: RandomInvert, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (all is drawn)
    return colours.invert(image) if drawn["apply"] else image


@apply_op.register
def _random_solarize(op: RandomSolarize, image: Pixels, drawn: Drawn) -> Pixels:
    return colours.solarize(image, op.threshold) if drawn["apply"] else image


@apply_op.register
def _random_posterize(op: RandomPosterize, image: Pixels, drawn: Drawn) -> Pixels:
    return colours.posterize(image, op.bits) if drawn["apply"] else image


@apply_op.register
def _random_autocontrast(op: RandomAutocontrast, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (all is drawn)
    return colours.autocontrast(image) if drawn["apply"] else image


@apply_op.register
def _random_equalize(op: RandomEqualize, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (all is drawn)
    return colours.equalize(image) if drawn["apply"] else image


@apply_op.register
def _random_adjust_sharpness(op: RandomAdjustSharpness, image: Pixels, drawn: Drawn) -> Pixels:
    return colours.adjust_sharpness(image, op.sharpness_factor) if drawn["apply"] else image


@apply_op.register
def _color_jitter(op: ColorJitter, image: Pixels, drawn: Drawn) -> Pixels:
    adjustments = {
        "brightness": colours.adjust_brightness,
        "contrast": colours.adjust_contrast,
        "saturation": colours.adjust_saturation,
        "hue": colours.adjust_hue,
    }
    names = list(adjustments)
    for place in range(len(names)):
        name = names[int(drawn[f"order_{place}"])]
        if getattr(op, name) is not None:
            image = adjustments[name](image, drawn[name])
    return image


@apply_op.register
def _gaussian_blur(op: GaussianBlur, image: Pixels, drawn: Drawn) -> Pixels:
    return colours.gaussian_blur(image, pair(op.kernel_size), drawn["sigma"])


@apply_op.register
def _random_hsl(op: RandomHSL, image: Pixels, drawn: Drawn) -> Pixels:
    if (op.random_h, op.random_s, op.random_l) == (0, 0, 0):
        return image
    return shift_hsl(image, int(drawn["h"]), int(drawn["s"]), int(drawn["l"]))


@apply_op.register
def _pca_lighting(op: PCALighting, image: Pixels, drawn: Drawn) -> Pixels:
    rgb = np.zeros(3)
    for k, (vector, value) in enumerate(zip(np.array(op.eigvec).T, op.eigval, strict=True)):
        rgb += vector * drawn[f"alpha_{k}"] * value
    return colours.light(image, rgb)


@apply_op.register
def _random_vertical_flip(op: RandomVerticalFlip, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (all is drawn)
    return image[::-1] if drawn["flip"] else image


@apply_op.register
def _pad(op: Pad, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (draws nothing)
    return padded(image, op.padding, op.fill, op.padding_mode)


@apply_op.register
def _random_crop(op: RandomCrop, image: Pixels, drawn: Drawn) -> Pixels:
    left, top, right, bottom = op.margins(*image.shape[:2])
    whole = padded(image, (left, top, right, bottom), op.fill, op.padding_mode)
    y, x = int(drawn["y"]) + top, int(drawn["x"]) + left
    height, width = pair(op.size)
    return whole[y : y + height, x : x + width]


@apply_op.register(RandomRotation)
@apply_op.register(RandomAffine)
@apply_op.register(RandomPerspective)
def _warp(op: RandomRotation | RandomAffine | RandomPerspective, image: Pixels, drawn: Drawn) -> Pixels:
    if isinstance(op, RandomPerspective) and not drawn["apply"]:
        return image
    columns = {field: np.array([value]) for field, value in drawn.items()}
    (coefficients,) = warp_coefficients(op, columns, np.array([image.shape[:2]]))
    return transformed(image, coefficients, op.interpolation, op.fill)


@apply_op.register(AutoAugment)
@apply_op.register(RandAugment)
@apply_op.register(TrivialAugmentWide)
def _policy(op: AutoAugment | RandAugment | TrivialAugmentWide, image: Pixels, drawn: Drawn) -> Pixels:
    changes = sum(field.startswith("op_") for field in drawn)
    return apply_policy(image, changes, drawn, op.interpolation, op.fill or 0)


@apply_op.register
def _lambda(op: Lambda, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (draws nothing)
    return op.call(image) if image.dtype == np.uint8 else op.call(image.transpose(2, 0, 1)).transpose(1, 2, 0)


@apply_op.register
def _to_dtype(op: ToDtype, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (draws nothing)
    if op.dtype == "uint8":
        return image
    floats = image.astype(np.float32)
    return floats / np.float32(255) if op.scale else floats


@apply_op.register
def _normalize(op: Normalize, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (draws nothing)
    return (image - np.array(op.mean, np.float32)) / np.array(op.std, np.float32)


@apply_op.register
def _random_erasing(op: RandomErasing, image: Pixels, drawn: Drawn) -> Pixels:
    return erase(op, image, drawn)


@apply_op.register
def _cutout(op: Cutout, image: Pixels, drawn: Drawn) -> Pixels:
    return cut_out(op, image, drawn)


@apply_op.register(MixUp)
@apply_op.register(CutMix)
def _mixing(op: Op, image: Pixels, drawn: Drawn) -> Pixels:  # noqa: ARG001  (is done to whole batches, by mix_batch)
    return image
