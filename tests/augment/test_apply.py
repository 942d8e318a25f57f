"""`Pipeline.apply`: one image, drawn and done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image
from support.pipelines import images, pipelines

from penstock.augment import NativeExecutor, Normalize, Pipeline, RandomHorizontalFlip, RandomResizedCrop, ToDtype
from penstock.errors import OptionError

TRAIN = Pipeline(
    [
        RandomResizedCrop(24),
        RandomHorizontalFlip(),
        ToDtype("float32", scale=True),
        Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
)


@settings(max_examples=25)
@given(pipelines(), images())
def test_it_is_params_then_native_kernels(pipeline: Pipeline, image: Any) -> None:
    given_image = image.copy()
    result = pipeline.apply(image, 7, epoch=2, seed=3, draw=11)
    table = pipeline.params([7], epoch=2, seed=3, sizes=image.shape[:2], draws=[11])
    (expected,) = NativeExecutor(pipeline).run([image], table)
    assert result.dtype == pipeline.dtype
    assert result.flags.c_contiguous
    assert result.flags.writeable
    assert result.ctypes.data % 64 == 0  # a cache line, for whole vectors
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(image, given_image)


def test_pil_image_and_strided_array_are_taken() -> None:
    image = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
    expected = TRAIN.apply(image, 5)
    np.testing.assert_array_equal(TRAIN.apply(Image.fromarray(image), 5), expected)
    np.testing.assert_array_equal(TRAIN.apply(np.asfortranarray(image), 5), expected)


@pytest.mark.parametrize(
    ("image", "came"),
    [
        (np.zeros((4, 4), np.uint8), r"\(4, 4\) uint8"),
        (np.zeros((3, 4, 4), np.uint8), r"\(3, 4, 4\) uint8"),
        (np.zeros((4, 4, 3), np.float32), r"\(4, 4, 3\) float32"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\) uint8"),
    ],
)
def test_other_images_are_refused(image: Any, came: str) -> None:
    expected = rf"image must be \(height, width, 3\) uint8 RGB, got {came}; convert it, for example with PIL"
    with pytest.raises(OptionError, match=expected):
        TRAIN.apply(image)


@pytest.mark.parametrize("mode", ["L", "HSV", "YCbCr", "RGBA"])
def test_images_of_pillow_are_taken_in_rgb_only(mode: str) -> None:
    with pytest.raises(
        OptionError, match=rf"^image must be of mode RGB, got mode {mode}; give image.convert\('RGB'\)$"
    ):
        Pipeline([]).apply(Image.new(mode, (4, 4)))


def test_what_is_no_array_is_refused() -> None:
    with pytest.raises(OptionError, match=r"^image must be an array of ints, got \[\[1, 2\], \[3\]\]: "):
        Pipeline([]).apply([[1, 2], [3]])
