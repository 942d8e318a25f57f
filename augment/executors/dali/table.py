"""Which ops DALI can run, sample by sample and with our pixels, and why not the others."""

from __future__ import annotations

from functools import singledispatch
from typing import TypeAlias

from ...ops import (
    CenterCrop,
    ColorJitter,
    Cutout,
    GaussianBlur,
    Grayscale,
    Lambda,
    Normalize,
    Op,
    Pad,
    RandomCrop,
    RandomErasing,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomInvert,
    RandomPosterize,
    RandomResizedCrop,
    RandomSolarize,
    RandomVerticalFlip,
    Resize,
    ToDtype,
)
from ...pipeline import Pipeline
from . import colours, erasing, geometry
from .edges import FILTERS
from .resampling import resample
from .steps import Step

__all__ = ["dali_obstacle", "dali_prefix", "leading_window", "steps_of"]

Steps: TypeAlias = tuple[Step, ...]


def dali_prefix(pipeline: Pipeline) -> int:
    """How many ops at the beginning of the pipeline DALI can run; the rest is for another executor."""
    return next((position for position, op in enumerate(pipeline) if dali_obstacle(op)), len(pipeline))


def dali_obstacle(op: Op) -> str:
    """Why DALI can't run this op, in words; "" where it can."""
    steps = steps_of(op)
    return steps if isinstance(steps, str) else ""


def leading_window(op: Op) -> Steps:
    """What cuts out the part of an image that `op` takes, though another executor runs it; nothing for all of it."""
    return (geometry.DrawnWindow(),) if isinstance(op, RandomResizedCrop) else ()


@singledispatch
def steps_of(op: Op) -> Steps | str:  # noqa: ARG001  (registered functions take it)
    """The steps of a graph that do what `op` does; or why there are none."""
    return "no operator of DALI gives its pixels sample by sample"


@steps_of.register
def _random_resized_crop(op: RandomResizedCrop) -> Steps | str:
    resize = Resize(op.size, op.interpolation, antialias=op.antialias)
    return _other_filter(op.interpolation) or (geometry.DrawnWindow(), resample(resize))


@steps_of.register
def _resize(op: Resize) -> Steps | str:
    return _other_filter(op.interpolation) or (resample(op),)


def _other_filter(interpolation: str) -> str:
    if interpolation in FILTERS:
        return ""
    return f"none of its resizes has the pixels of Pillow's {interpolation!r}"


@steps_of.register
def _center_crop(op: CenterCrop) -> Steps | str:
    return (geometry.CentralWindow(op),)


@steps_of.register
def _random_crop(op: RandomCrop) -> Steps | str:
    return _mirrored_padding(op) or (geometry.CropWindow(op),)


@steps_of.register
def _pad(op: Pad) -> Steps | str:
    return _mirrored_padding(op) or (geometry.PaddedWindow(op),)


@steps_of.register
def _random_horizontal_flip(op: RandomHorizontalFlip) -> Steps | str:  # noqa: ARG001  (all is drawn)
    return (geometry.Flip("horizontal"),)


@steps_of.register
def _random_vertical_flip(op: RandomVerticalFlip) -> Steps | str:  # noqa: ARG001  (all is drawn)
    return (geometry.Flip("vertical"),)


@steps_of.register
def _random_invert(op: RandomInvert) -> Steps | str:  # noqa: ARG001  (all is drawn)
    return (colours.Invert(),)


@steps_of.register
def _random_posterize(op: RandomPosterize) -> Steps | str:
    return (colours.Posterize(op),)


@steps_of.register
def _random_solarize(op: RandomSolarize) -> Steps | str:
    return (colours.Solarize(op),)


@steps_of.register(Grayscale)
@steps_of.register(RandomGrayscale)
def _grayscale(op: Grayscale | RandomGrayscale) -> Steps | str:  # noqa: ARG001  (all is drawn)
    return (colours.Gray(),)


@steps_of.register
def _color_jitter(op: ColorJitter) -> Steps | str:
    changed = [name for name in ("brightness", "contrast", "saturation", "hue") if getattr(op, name) is not None]
    if "hue" in changed:
        return "DALI turns hues in another colour space than Pillow"
    if len(changed) > 1:
        return f"the order of {', '.join(changed)} is drawn for each sample, and DALI has one order for a batch"
    return tuple(colours.BLENDS[name]() for name in changed)


@steps_of.register
def _gaussian_blur(op: GaussianBlur) -> Steps | str:
    return (colours.Blur(op),)


@steps_of.register(ToDtype)
@steps_of.register(Normalize)
def _conversion(op: ToDtype | Normalize) -> Steps | str:  # noqa: ARG001  (done as the graph's last node)
    return ()


@steps_of.register
def _lambda(op: Lambda) -> Steps | str:  # noqa: ARG001  (any function)
    return "it calls Python on single images"


@steps_of.register
def _random_erasing(op: RandomErasing) -> Steps | str:
    return "DALI has no noise by drawn keys" if op.value == "random" else (erasing.Erase(op),)


@steps_of.register
def _cutout(op: Cutout) -> Steps | str:
    return (erasing.Erase(op),)


def _mirrored_padding(op: Pad | RandomCrop) -> str:
    if op.padding_mode == "constant":
        return ""
    return f"DALI pads with one colour, and not in mode {op.padding_mode!r}"
