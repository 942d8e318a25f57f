"""Resizes by every filter: the oracle against Pillow, the native kernels against the oracle, in every bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from support.parity import tolerance
from support.pillow import RESIZE_TOLERANCE
from support.pipelines import images, sides
from support.torchvision_shim import transforms_v2

from penstock import _core
from penstock.augment import (
    CenterCrop,
    NativeExecutor,
    Op,
    Pad,
    Pipeline,
    RandomHorizontalFlip,
    RandomInvert,
    RandomResizedCrop,
    RandomVerticalFlip,
    ReferenceExecutor,
    Resize,
)
from penstock.augment.executors.resampling import resize
from penstock.errors import SpecError

Picture = NDArray[np.uint8]

EXACT = ("nearest", "bicubic", "box", "hamming", "lanczos")
"""All that the native kernels compute as Pillow does; bilinear has tests of its own."""

PHOTOGRAPHS: list[Picture] = [image[60:260, 100:400].copy() for image in load_sample_images().images]


@pytest.fixture(params=_core.simd_levels())
def simd_level(request: pytest.FixtureRequest) -> Any:
    _core.set_simd_level(request.param)
    yield request.param
    _core.set_simd_level(_core.simd_levels()[-1])


def pillow(image: Picture, height: int, width: int, interpolation: str) -> Picture:
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling[interpolation.upper()]))


def assert_close(result: Picture, expected: Picture, limit: int) -> None:
    assert result.shape == expected.shape
    assert np.abs(result.astype(int) - expected).max() <= limit


@pytest.mark.parametrize("interpolation", EXACT)
@settings(max_examples=25, deadline=None)
@given(image=images(), height=sides, width=sides)
@example(image=np.zeros((1, 1, 3), np.uint8), height=96, width=1)
def test_reference_equals_pillow(image: Picture, height: int, width: int, interpolation: str) -> None:
    limit = max(tolerance("Resize", "reference"), RESIZE_TOLERANCE)
    assert_close(resize(image, height, width, interpolation), pillow(image, height, width, interpolation), limit)


@given(st.integers(1, 5000), st.integers(1, 5000))
@settings(max_examples=200)
def test_nearest_picks_pillows_pixels(length: int, size: int) -> None:
    line = np.arange(length, dtype=np.int32)[None]
    expected = np.asarray(Image.fromarray(line).resize((size, 1), Image.Resampling.NEAREST))
    np.testing.assert_array_equal(resize(line[..., None].astype(np.uint16), 1, size, "nearest")[..., 0], expected)


@settings(max_examples=120, deadline=None)
@given(images(), sides, sides, st.sampled_from(EXACT), st.sampled_from(_core.simd_levels()))
def test_native_equals_the_reference(image: Picture, height: int, width: int, interpolation: str, level: str) -> None:
    _core.set_simd_level(level)
    result = Pipeline([Resize((height, width), interpolation)]).apply(image).transpose(1, 2, 0)
    _core.set_simd_level(_core.simd_levels()[-1])
    np.testing.assert_array_equal(result, resize(image, height, width, interpolation))


@pytest.mark.parametrize("interpolation", EXACT)
@pytest.mark.parametrize("size", [(224, 224), (30, 299), (199, 17), (1, 1), (400, 130)])
def test_photographs_equal_pillow(interpolation: str, size: tuple[int, int], simd_level: str) -> None:  # noqa: ARG001
    for photograph in PHOTOGRAPHS:
        result = Pipeline([Resize(size, interpolation)]).apply(photograph).transpose(1, 2, 0)
        assert_close(result, pillow(photograph, *size, interpolation), RESIZE_TOLERANCE)


AROUND = [RandomHorizontalFlip(1.0), RandomVerticalFlip(1.0), Pad((3, 0, 5, 9), 7), CenterCrop((9, 20)), RandomInvert()]


@settings(max_examples=60, deadline=None)
@given(
    images(),
    st.lists(st.sampled_from(AROUND), max_size=3),
    sides,
    sides,
    st.sampled_from(EXACT),
)
def test_what_stands_around_a_resize_is_kept_apart(
    image: Picture, around: list[Op], height: int, width: int, interpolation: str
) -> None:
    """Stages join ops: windows, mirrored and padded, of a resize that is computed in part only."""
    pipeline = Pipeline([*around, Resize((height, width), interpolation), *around])
    table = pipeline.params([0, 1], sizes=image.shape[:2])
    results, expected = (kind(pipeline).run([image] * 2, table) for kind in (NativeExecutor, ReferenceExecutor))
    np.testing.assert_array_equal(results, expected)


@pytest.mark.parametrize("interpolation", EXACT)
def test_crops_equal_torchvisions(interpolation: str) -> None:
    resized_crop = transforms_v2().functional.resized_crop
    mode = transforms_v2().InterpolationMode[interpolation.upper()]
    pipeline = Pipeline([RandomResizedCrop((50, 70), interpolation=interpolation)])
    for photograph in PHOTOGRAPHS:
        table = pipeline.params(range(8), sizes=photograph.shape[:2])
        results = NativeExecutor(pipeline).run([photograph] * 8, table)
        for sample, result in enumerate(results):
            x, y, width, height = table.row(sample).astype(int)
            expected = resized_crop(Image.fromarray(photograph), y, x, height, width, [50, 70], mode)
            assert_close(result.transpose(1, 2, 0), np.asarray(expected), RESIZE_TOLERANCE)


def test_the_short_side_takes_the_filter() -> None:
    for interpolation in EXACT:
        result = Pipeline([Resize(40, interpolation)]).apply(PHOTOGRAPHS[0]).transpose(1, 2, 0)
        np.testing.assert_array_equal(result, resize(PHOTOGRAPHS[0], 40, 60, interpolation))


@pytest.mark.parametrize("filter_number", [6.0, -1.0, 0.5])
def test_the_core_refuses_filters_that_there_are_not(filter_number: float) -> None:
    for op in (("resize", (8.0, 8.0)), ("resize_short", (8.0, 0.0)), ("random_resized_crop", (8, 8, 0.1, 1, 1, 1))):
        with pytest.raises(SpecError, match=r"filter: expected a whole number from 0 to 5, got"):
            _core.Program([(op[0], (*op[1], filter_number))])
