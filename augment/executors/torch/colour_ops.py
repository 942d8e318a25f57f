"""Ops that change colours in one fixed way, always or with a probability."""

from __future__ import annotations

import numpy as np

from ...ops import (
    Grayscale,
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomEqualize,
    RandomGrayscale,
    RandomInvert,
    RandomPosterize,
    RandomSolarize,
)
from . import colours, tables
from .dispatch import Drawn, apply_op
from .images import Images, changed, per_sample

__all__: list[str] = []


@apply_op.register
def _grayscale(op: Grayscale, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (draws nothing)
    return images.with_pixels(colours.grayscale(images))


@apply_op.register
def _random_grayscale(op: RandomGrayscale, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (all is drawn)
    return changed(images, drawn["apply"], lambda part, _: colours.grayscale(part))


@apply_op.register
def _random_invert(op: RandomInvert, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (all is drawn)
    return changed(images, drawn["apply"], lambda part, _: colours.invert(part))


@apply_op.register
def _random_solarize(op: RandomSolarize, images: Images, drawn: Drawn) -> Images:
    threshold = colours.whole_thresholds(np.array([op.threshold], np.float64))
    return changed(images, drawn["apply"], lambda part, _: colours.solarize(part, per_sample(threshold, images.device)))


@apply_op.register
def _random_posterize(op: RandomPosterize, images: Images, drawn: Drawn) -> Images:
    mask = colours.kept_bits(np.array([op.bits], np.float64))
    return changed(images, drawn["apply"], lambda part, _: colours.posterize(part, per_sample(mask, images.device)))


@apply_op.register
def _random_autocontrast(op: RandomAutocontrast, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (all is drawn)
    return changed(images, drawn["apply"], lambda part, _: tables.autocontrast(part))


@apply_op.register
def _random_equalize(op: RandomEqualize, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (all is drawn)
    return changed(images, drawn["apply"], lambda part, _: tables.equalize(part))


@apply_op.register
def _random_adjust_sharpness(op: RandomAdjustSharpness, images: Images, drawn: Drawn) -> Images:
    factor = np.array([op.sharpness_factor], np.float32)
    return changed(
        images, drawn["apply"], lambda part, _: colours.adjust_sharpness(part, per_sample(factor, images.device))
    )
