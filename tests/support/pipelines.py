"""Hypothesis strategies for images and for pipelines in every valid order."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from penstock.augment import (
    Apply,
    AutoAugment,
    CenterCrop,
    Choice,
    ColorJitter,
    Cutout,
    GaussianBlur,
    Grayscale,
    Normalize,
    Op,
    Pad,
    PCALighting,
    Pipeline,
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
from penstock.augment.ops.arguments import INTERPOLATIONS
from penstock.augment.ops.padding import PADDING_MODES

FLIPS = (RandomHorizontalFlip, RandomVerticalFlip)

sides = st.one_of(st.integers(1, 8), st.integers(1, 96))
sizes = st.tuples(sides, sides)
channels = st.tuples(*[st.floats(-2, 2, width=32)] * 3)
deviations = st.tuples(*[st.floats(0.0625, 4, width=32)] * 3)


@st.composite
def images(draw: st.DrawFn, max_height: int = 70, max_width: int = 90) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: noise, extremes only, or a gradient."""
    height, width = draw(st.integers(1, max_height)), draw(st.integers(1, max_width))
    kind = draw(st.sampled_from(["noise", "extremes", "gradient"]))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    if kind == "gradient":
        slope = generator.uniform(-3, 3, (2, 3))
        y, x = np.mgrid[:height, :width][..., None]
        return (128 + y * slope[0] + x * slope[1]).clip(0, 255).astype(np.uint8)
    noise = generator.integers(0, 256, (height, width, 3), np.uint8)
    return noise if kind == "noise" else np.where(noise > 127, 255, 0).astype(np.uint8)


interpolations = st.sampled_from(["bilinear", *INTERPOLATIONS])


def crops() -> st.SearchStrategy[Op]:
    bounds = st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)).map(lambda pair: tuple(sorted(pair)))
    ratios = st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)).map(lambda pair: tuple(sorted(pair)))
    return st.builds(RandomResizedCrop, sizes, bounds, ratios, interpolations)


def short_side_resizes() -> st.SearchStrategy[Op]:
    return sides.flatmap(
        lambda side: st.builds(Resize, st.just(side), max_size=st.none() | st.integers(side + 1, side + 60))
    )


def padding() -> st.SearchStrategy[dict[str, Any]]:
    """Arguments that `Pad` and `RandomCrop` share."""
    margins = st.integers(0, 12) | st.integers(0, 40)
    return st.fixed_dictionaries(
        {
            "padding": st.tuples(margins, margins, margins, margins) | margins,
            "fill": st.integers(0, 255) | st.tuples(*[st.integers(0, 255)] * 3),
            "padding_mode": st.sampled_from(PADDING_MODES),
        }
    )


def padded_crops() -> st.SearchStrategy[Op]:
    """Crops that fit any image."""
    return st.builds(lambda size, more: RandomCrop(size, pad_if_needed=True, **more), sizes, padding())


def warps(interpolations: tuple[str, ...] = ("nearest", "bilinear", "bicubic")) -> st.SearchStrategy[Op]:
    """One op that warps, by all its arguments."""
    sampling = {
        "interpolation": st.sampled_from(interpolations),
        "fill": st.integers(0, 255) | st.tuples(*[st.integers(0, 255)] * 3),
    }
    angles = st.floats(0, 200) | st.sampled_from([(angle, angle) for angle in (-90, 0, 90, 180, 270, 360)])
    bounds = st.tuples(st.floats(0.25, 3), st.floats(0.25, 3)).map(lambda pair: tuple(sorted(pair)))
    centers = st.none() | st.tuples(st.floats(-20, 90), st.floats(-20, 90))
    shears = st.none() | st.floats(0, 60) | st.just((-30, 10, 5, 45))
    shares = st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1))
    optional = {"translate": shares, "scale": st.none() | bounds, "shear": shears, "aspect": st.none() | bounds}
    return (
        st.builds(RandomRotation, angles, center=centers, **sampling)
        | st.builds(RandomAffine, angles, center=centers, **optional, **sampling)
        | st.builds(RandomPerspective, st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0]), **sampling)
    )


def geometry() -> st.SearchStrategy[Op]:
    """One op that moves pixels."""
    resizes = st.builds(Resize, sizes, interpolations) | short_side_resizes()
    flips = st.one_of([st.builds(kind, st.sampled_from([0.0, 0.5, 1.0])) for kind in FLIPS])
    pads = st.builds(lambda more: Pad(**more), padding())
    # A cubic may be steeper than its pixels, and make their differences larger.
    moved = flips | warps(("nearest", "bilinear"))
    return crops() | resizes | st.builds(CenterCrop, sizes) | pads | padded_crops() | moved


def groups(members: st.SearchStrategy[Op], deeper: int = 1) -> st.SearchStrategy[Op]:
    """One op that holds some of `members`, or groups of them."""
    inner = members | groups(members, deeper - 1) if deeper else members
    applied = st.builds(Apply, st.lists(inner, min_size=1, max_size=3), st.sampled_from([0.0, 0.5, 1.0]))
    choices = st.lists(inner | st.lists(inner, max_size=2), min_size=1, max_size=3)
    return applied | st.builds(Choice, choices)


def movements() -> st.SearchStrategy[Op]:
    """One op that moves pixels and has the same result in every executor."""
    return warps() | st.builds(CenterCrop, sizes) | st.builds(RandomHorizontalFlip, st.sampled_from([0.5, 1.0]))


def colours() -> st.SearchStrategy[Op]:
    """One op that changes colours."""
    p = st.sampled_from([0.5, 1.0])
    plain = [RandomInvert, RandomAutocontrast, RandomEqualize, RandomGrayscale]
    factors = st.none() | st.floats(0, 2) | st.tuples(st.floats(0, 1), st.floats(1, 9))
    kernels = st.tuples(*[st.sampled_from([1, 3, 5, 19])] * 2)
    return st.one_of(
        *(st.builds(op, p) for op in plain),
        st.builds(RandomSolarize, st.floats(-10, 300), p),
        st.builds(RandomPosterize, st.integers(1, 8), p),
        st.builds(RandomAdjustSharpness, st.floats(0, 20), p),
        st.builds(Grayscale),
        st.builds(ColorJitter, factors, factors, factors, st.none() | st.floats(0, 0.5)),
        st.builds(GaussianBlur, kernels, st.floats(0.125, 9)),
        st.builds(RandomHSL, st.integers(0, 180), st.integers(0, 255), st.integers(0, 255)),
        st.builds(PCALighting, st.floats(0, 3)),
    )


def policies() -> st.SearchStrategy[Op]:
    """One op that draws which changes it makes."""
    filters, fills = (
        st.sampled_from(["nearest", "bilinear", "bicubic"]),
        st.none() | st.tuples(*[st.integers(0, 255)] * 3),
    )
    return st.one_of(
        st.builds(RandAugment, st.integers(0, 3), st.integers(0, 30), st.just(31), filters, fills),
        st.builds(TrivialAugmentWide, st.integers(2, 40), filters, fills),
        st.builds(AutoAugment, st.sampled_from(["imagenet", "cifar10", "svhn"]), filters, fills),
    )


@st.composite
def conversions(draw: st.DrawFn) -> list[Op]:
    """Nothing, or a conversion, or one and a normalisation."""
    conversion = draw(st.none() | st.builds(ToDtype, st.sampled_from(["uint8", "float32", "float16"]), st.booleans()))
    if conversion is None:
        return []
    if conversion.dtype != "uint8" and draw(st.booleans()):
        return [conversion, draw(st.builds(Normalize, channels, deviations))]
    return [conversion]


def erasing(*, floats: bool) -> st.SearchStrategy[Op]:
    """One op that writes over parts of a result."""
    number = st.floats(-3, 3, width=32) if floats else st.integers(0, 255)
    value: st.SearchStrategy[Any] = number | st.tuples(number, number, number)
    shares = st.tuples(st.floats(0, 0.3), st.floats(0.3, 1))
    ratios = st.tuples(st.floats(0.1, 1), st.floats(1, 10))
    drawn = value | st.just("random") if floats else value
    random = st.builds(RandomErasing, st.sampled_from([0.5, 1.0]), shares, ratios, drawn)
    return random | st.builds(Cutout, st.integers(1, 60), st.integers(1, 4), value)


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    """Up to four ops on pixels, then perhaps a conversion, then perhaps a normalisation.

    Of those that change colours only the one that makes differences of pixels no larger.
    """
    ops = geometry() | st.builds(RandomInvert, st.sampled_from([0.0, 0.5, 1.0]))
    return Pipeline([*draw(st.lists(ops | groups(ops), max_size=4)), *draw(conversions())])
