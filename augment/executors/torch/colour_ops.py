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
from .images import Images, changed

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
    thresholds = colours.whole_thresholds(np.full(len(images), op.threshold, np.float64))
    return changed(images, drawn["apply"], lambda part, _, own: colours.solarize(part, own), thresholds)


@apply_op.register
def _random_posterize(op: RandomPosterize, images: Images, drawn: Drawn) -> Images:
    masks = colours.kept_bits(np.full(len(images), op.bits, np.float64))
    return changed(images, drawn["apply"], lambda part, _, own: colours.posterize(part, own), masks)


@apply_op.register
def _random_autocontrast(op: RandomAutocontrast, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (all is drawn)
    return changed(images, drawn["apply"], lambda part, _: tables.autocontrast(part))


@apply_op.register
def _random_equalize(op: RandomEqualize, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (all is drawn)
    return changed(images, drawn["apply"], lambda part, _: tables.equalize(part))


@apply_op.register
def _random_adjust_sharpness(op: RandomAdjustSharpness, images: Images, drawn: Drawn) -> Images:
    factors = np.full(len(images), op.sharpness_factor, np.float32)
    return changed(images, drawn["apply"], lambda part, _, own: colours.adjust_sharpness(part, own), factors)
