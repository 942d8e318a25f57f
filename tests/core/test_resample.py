"""Resizing is within a grey level of Pillow and of the plain numpy definition, and equal at all instruction-set levels.

Why a grey level, and up to which shrink factor: docs/design/2026-11-21-resample.md.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from penstock import _core
from penstock.augment.executors import resampling

sides = st.one_of(st.integers(1, 6), st.integers(1, 70), st.integers(1, 400))
small_sides = st.one_of(st.integers(1, 6), st.integers(1, 70))
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(params=_core.simd_levels(), scope="module", autouse=True)
def simd_level(request: pytest.FixtureRequest) -> Iterator[str]:
    _core.set_simd_level(request.param)
    yield request.param
    _core.set_simd_level(_core.simd_levels()[-1])


def random_image(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Noise; only black and white, where rounding shows most; or a gradient."""
    generator = np.random.default_rng(seed)
    if seed % 4 == 0:
        y, x = np.mgrid[:height, :width][..., None]
        slope = generator.uniform(-3, 3, (2, 3))
        return (128 + y * slope[0] + x * slope[1]).clip(0, 255).astype(np.uint8)
    image = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return image if seed % 4 > 1 else np.where(image < 128, np.uint8(0), np.uint8(255))


def pillow_resize(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def differences(got: NDArray[np.uint8], expected: NDArray[np.uint8]) -> NDArray[np.int64]:
    """In grey levels; none may be over 1."""
    found = np.abs(got.astype(int) - expected)
    assert found.max() <= 1
    return found


def resize(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    program = _core.Program([("resize", (float(height), float(width)))])
    return program.apply(image, np.empty(0)).transpose(1, 2, 0)


@settings(max_examples=100)
@given(height=sides, width=sides, new_height=sides, new_width=sides, seed=seeds)
@example(height=400, width=1, new_height=1, new_width=400, seed=0)
@example(height=1, width=400, new_height=400, new_width=1, seed=1)
@example(height=300, width=300, new_height=224, new_width=262, seed=2)
@example(height=300, width=300, new_height=223, new_width=262, seed=3)
def test_close_to_pillow(height: int, width: int, new_height: int, new_width: int, seed: int) -> None:
    image = random_image(height, width, seed)
    differences(resize(image, new_height, new_width), pillow_resize(image, new_height, new_width))


@settings(max_examples=60)
@given(height=small_sides, width=small_sides, new_height=small_sides, new_width=small_sides, seed=seeds)
def test_close_to_the_definition(height: int, width: int, new_height: int, new_width: int, seed: int) -> None:
    image = random_image(height, width, seed)
    differences(resize(image, new_height, new_width), resampling.resize(image, new_height, new_width))


@settings(max_examples=40)
@given(
    target=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    factors=st.tuples(st.floats(1, 64), st.floats(1, 64)),
    kind=st.sampled_from(["noise", "extremes", "stripes"]),
    seed=seeds,
)
def test_close_to_pillow_at_every_shrink_factor(
    target: tuple[int, int], factors: tuple[float, float], kind: str, seed: int
) -> None:
    height, width = (int(side * factor) for side, factor in zip(target, factors, strict=True))
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    if kind == "extremes":
        image = np.where(image < 255 * (seed % 7 + 1) // 8, np.uint8(0), np.uint8(255))
    elif kind == "stripes":
        image[:, :, 0] = np.where(np.arange(height) // (seed % 9 + 1) % 2, 255, 0)[:, None]
        image[:, :, 1] = np.where(np.arange(width) // (seed % 9 + 1) % 2, 255, 0)
    differences(resize(image, *target), pillow_resize(image, *target))


def test_most_pixels_are_pillows() -> None:
    """Where all pixels are random, about one in six is a level off; the differences have no direction."""
    image = np.random.default_rng(0).integers(0, 256, (310, 290, 3), dtype=np.uint8)
    got, expected = resize(image, 224, 224), pillow_resize(image, 224, 224)
    assert differences(got, expected).mean() < 0.18
    assert abs(got.astype(int).mean() - expected.mean()) < 0.01


@settings(max_examples=30)
@given(height=small_sides, width=small_sides, new_side=small_sides, seed=seeds)
def test_an_axis_that_stays_is_not_touched(height: int, width: int, new_side: int, seed: int) -> None:
    image = random_image(height, width, seed)
    for column in (0, width - 1):  # alone, or among others
        alone = resize(image[:, column : column + 1], new_side, 1)
        np.testing.assert_array_equal(resize(image, new_side, width)[:, column], alone[:, 0])
    for row in (0, height - 1):
        alone = resize(image[row : row + 1], 1, new_side)
        np.testing.assert_array_equal(resize(image, height, new_side)[row], alone[0])


@settings(max_examples=100)
@given(
    height=sides,
    width=sides,
    new_height=sides,
    new_width=sides,
    seed=seeds,
    flip=st.booleans(),
    generator=st.randoms(use_true_random=False),
)
def test_a_window_equals_cutting_the_whole(
    height: int, width: int, new_height: int, new_width: int, seed: int, flip: bool, generator: random.Random
) -> None:
    image = random_image(height, width, seed)
    window_height, window_width = generator.randint(1, new_height), generator.randint(1, new_width)
    program = _core.Program(
        [
            ("resize", (float(new_height), float(new_width))),
            ("random_horizontal_flip", (0.5,)),
            ("center_crop", (float(window_height), float(window_width))),
        ]
    )
    got = program.apply(image, np.array([float(flip)])).transpose(1, 2, 0)
    whole = resize(image, new_height, new_width)[:, :: -1 if flip else 1]
    top, left = round((new_height - window_height) / 2), round((new_width - window_width) / 2)
    np.testing.assert_array_equal(got, whole[top : top + window_height, left : left + window_width])


@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
def test_a_flat_image_stays_flat(value: int) -> None:
    image = np.full((97, 61, 3), value, np.uint8)
    for size in [(1, 1), (13, 200), (224, 224), (97, 60)]:
        assert np.unique(resize(image, *size)).tolist() == [value]


def test_levels_agree_on_an_extreme_reduction(simd_level: str) -> None:
    # Weights far smaller than a 16-bit word holds, and many taps.
    image = random_image(3000, 2000, 1)
    results = []
    for level in _core.simd_levels():
        _core.set_simd_level(level)
        results.append(resize(image, 3, 2))
    _core.set_simd_level(simd_level)
    assert all(np.array_equal(result, results[0]) for result in results)
    differences(results[0], pillow_resize(image, 3, 2))
