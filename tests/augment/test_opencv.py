"""RandomHSL against OpenCV, whose conversions MXNet's `ImageRecordIter` adds its numbers between."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from support.parity import tolerance

from penstock.augment import NativeExecutor, ParamTable, Pipeline, RandomHSL, ReferenceExecutor
from penstock.augment.executors.hls import hls_from_rgb, rgb_from_hls

Picture = NDArray[np.uint8]

HIGHEST = np.array([180, 255, 255])
"""Of hue, lightness and saturation."""

SHIFTS = [(36, 50, 50), (-36, 50, -50), (35, -49, -50), (0, 0, 0), (180, -255, 3), (-1, 255, 255)]


def all_colours(step: int) -> Picture:
    """(n, 1, 3): of a row's last pixels, and so of one alone, OpenCV's portable code takes care."""
    levels = np.append(np.arange(0, 255, step), 255).astype(np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 1, 3)


def jittered(image: Picture, hue: int, saturation: int, lightness: int) -> Picture:
    """What MXNet does with what it has drawn."""
    parts = cv2.cvtColor(image, cv2.COLOR_RGB2HLS).astype(int) + np.array([hue, lightness, saturation])
    return np.asarray(cv2.cvtColor(parts.clip(0, HIGHEST).astype(np.uint8), cv2.COLOR_HLS2RGB), np.uint8)


def ours(executor: Any, image: Picture, shift: tuple[int, int, int]) -> Picture:
    pipeline = Pipeline([RandomHSL(180, 255, 255)])
    (result,) = executor(pipeline).run([image], ParamTable(pipeline.columns, np.array([shift], np.float64)))
    return np.asarray(result).transpose(1, 2, 0)


@pytest.fixture(autouse=True)
def _code_without_fused_multiplications() -> Any:
    """In what OpenCV compiles for AVX2 the compiler fuses multiplications with sums, in its portable code too."""
    cv2.setUseOptimized(False)
    yield
    cv2.setUseOptimized(True)


def test_conversions_are_opencvs() -> None:
    rgb = all_colours(step=4)
    np.testing.assert_array_equal(hls_from_rgb(rgb), cv2.cvtColor(rgb, cv2.COLOR_RGB2HLS))
    hls = np.minimum(rgb, HIGHEST).astype(np.uint8)
    np.testing.assert_array_equal(rgb_from_hls(hls), cv2.cvtColor(hls, cv2.COLOR_HLS2RGB))


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("executor", [ReferenceExecutor, NativeExecutor])
def test_jitter_is_mxnets(executor: Any, shift: tuple[int, int, int]) -> None:
    image = all_colours(step=9)
    distance = np.abs(ours(executor, image, shift).astype(int) - jittered(image, *shift))
    assert distance.max() <= tolerance("RandomHSL", "reference")


def test_vectorised_conversion_takes_a_few_colours_otherwise() -> None:
    """By one step of hue or saturation: what `RandomHSL` says of it."""
    cv2.setUseOptimized(True)
    rgb = np.tile(all_colours(step=4).reshape(1, -1, 3), (2, 1, 1))
    distance = np.abs(hls_from_rgb(rgb) - cv2.cvtColor(rgb, cv2.COLOR_RGB2HLS).astype(int))
    assert distance.max() <= 1
    assert (distance > 0).any(axis=-1).mean() < 1e-3
