"""Applying a program equals doing its ops one after the other in Pillow and numpy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from penstock._core import Program, set_simd_level, simd_levels
from penstock.errors import OptionError

Op = tuple[str, tuple[float, ...]]

CROP: Op = ("random_resized_crop", (24.0, 20.0, 0.08, 1.0, 3 / 4, 4 / 3))
FLIP: Op = ("random_horizontal_flip", (0.5,))
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NORMALIZE: Op = ("normalize", (*MEAN, *STD))

RESIZE_TOLERANCE = 1
"""Grey levels by which each resize may differ from Pillow's (docs/design/2026-11-21-resample.md)."""

sides = st.one_of(st.integers(1, 8), st.integers(1, 90))
targets = st.integers(1, 60).map(float)
geometry = st.lists(
    st.one_of(
        st.tuples(st.just("random_resized_crop"), st.tuples(targets, targets, *map(st.just, CROP[1][2:]))),
        st.tuples(st.just("resize"), st.tuples(targets, targets)),
        st.tuples(st.just("resize_short"), st.tuples(st.integers(1, 40).map(float), st.sampled_from([0.0, 45.0]))),
        st.tuples(st.just("center_crop"), st.tuples(targets, targets)),
        st.just(FLIP),
    ),
    max_size=5,
)
conversions = st.sampled_from(
    [
        [],
        [("to_dtype", (0.0, 1.0))],
        [("to_dtype", (1.0, 0.0))],
        [("to_dtype", (1.0, 1.0))],
        [("to_dtype", (2.0, 1.0))],
        [("to_dtype", (1.0, 1.0)), NORMALIZE],
        [("to_dtype", (2.0, 1.0)), NORMALIZE],
        [("to_dtype", (1.0, 0.0)), ("normalize", (0.5, -3.0, 1e-7, 1e-6, 255.0, 1e6))],
    ]
)


@pytest.fixture(params=simd_levels(), scope="module", autouse=True)
def _simd_level(request: pytest.FixtureRequest) -> Iterator[None]:
    set_simd_level(request.param)
    yield
    set_simd_level(simd_levels()[-1])


# --- the oracle: Pillow and numpy, op by op ----------------------------------------------------------------------


def resize(image: Image.Image, height: int, width: int) -> Image.Image:
    return image.resize((width, height), Image.Resampling.BILINEAR)


def resize_short(image: Image.Image, short: int, max_size: int) -> Image.Image:
    new_short, new_long = short, int(short * max(image.size) / min(image.size))
    if max_size and new_long > max_size:
        new_short, new_long = max(1, int(max_size * new_short / new_long)), max_size
    return resize(image, *((new_long, new_short) if image.width <= image.height else (new_short, new_long)))


def center_crop(image: Image.Image, height: int, width: int) -> Image.Image:
    missing_x, missing_y = max(width - image.width, 0), max(height - image.height, 0)
    padded = Image.new("RGB", (image.width + missing_x, image.height + missing_y))
    padded.paste(image, (missing_x // 2, missing_y // 2))
    left, top = round((padded.width - width) / 2), round((padded.height - height) / 2)
    return padded.crop((left, top, left + width, top + height))


def move_pixels(image: Image.Image, ops: list[Op], drawn: Callable[[int, str], float]) -> Image.Image:
    for position, (name, arguments) in enumerate(ops):
        if name == "random_resized_crop":
            x, y, width, height = (int(drawn(position, field)) for field in ("x", "y", "width", "height"))
            image = resize(image.crop((x, y, x + width, y + height)), *map(int, arguments[:2]))
        elif name == "random_horizontal_flip" and drawn(position, "flip"):
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        elif name in ("resize", "resize_short", "center_crop"):
            image = {"resize": resize, "resize_short": resize_short, "center_crop": center_crop}[name](
                image, *map(int, arguments)
            )
    return image


def convert(image_chw: NDArray[np.uint8], ops: list[Op]) -> NDArray[Any]:
    result: NDArray[Any] = image_chw
    dtype = np.dtype(np.uint8)
    for name, arguments in ops:
        if name == "to_dtype" and arguments[0]:
            dtype = np.dtype([np.uint8, np.float32, np.float16][int(arguments[0])])
            result = result.astype(np.float32)
            if arguments[1]:
                result = result / np.float32(255)
        elif name == "normalize":
            mean, std = (np.array(half, np.float32)[:, None, None] for half in (arguments[:3], arguments[3:]))
            result = (result - mean) / std
    with np.errstate(over="ignore"):  # float16 ends at 65504
        return result.astype(dtype)


def oracle(image: NDArray[np.uint8], ops: list[Op], params: dict[str, float]) -> NDArray[Any]:
    return convert(moved_chw(image, ops, params), ops)


def moved_chw(image: NDArray[np.uint8], ops: list[Op], params: dict[str, float]) -> NDArray[np.uint8]:
    moved = move_pixels(Image.fromarray(image), ops, lambda position, field: params[f"{position}.{field}"])
    return np.asarray(moved).transpose(2, 0, 1)


def random_image(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def draw(program: Program, image: NDArray[np.uint8], seed: int = 0) -> NDArray[np.float64]:
    zero = np.zeros(1, np.int64)
    return program.draw(seed, 0, zero, zero, np.array([image.shape[:2]], np.int32))[0]


# --- parity ------------------------------------------------------------------------------------------------------


@settings(max_examples=250)
@given(moves=geometry, conversion=conversions, height=sides, width=sides, seed=st.integers(0, 2**32 - 1))
def test_equals_op_by_op(moves: list[Op], conversion: list[Op], height: int, width: int, seed: int) -> None:
    """But for a grey level for each resize; what comes out of them is converted exactly."""
    image = random_image(height, width, seed)
    program = Program(moves + conversion)
    params = draw(program, image, seed)
    expected = moved_chw(image, moves, dict(zip(program.columns, params.tolist(), strict=True)))
    moved = Program(moves).apply(image, params)
    resizes = sum(name.startswith(("random_resized", "resize")) for name, _ in moves)
    assert np.abs(moved.astype(int) - expected).max() <= RESIZE_TOLERANCE * resizes
    result = program.apply(image, params)
    assert result.dtype == program.dtype
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, convert(np.asarray(moved, np.uint8), conversion))


def test_every_value_in_every_dtype() -> None:
    values = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    for dtype in (0.0, 1.0, 2.0):
        for scale in (0.0, 1.0):
            ops: list[Op] = [("to_dtype", (dtype, scale)), *([NORMALIZE] if dtype else [])]
            result = Program(ops).apply(values, np.empty(0))
            np.testing.assert_array_equal(result, oracle(values, ops, {}))


@pytest.mark.parametrize("exponent", range(-30, 20))
def test_float16_rounds_as_numpy(exponent: int) -> None:
    # Subnormal halves, ties, and overflow to infinity.
    ops: list[Op] = [
        ("to_dtype", (2.0, 0.0)),
        ("normalize", (0.0, 1.0, 100.5, *[2.0**-exponent] * 2, 3.0 * 2.0**-exponent)),
    ]
    values = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    np.testing.assert_array_equal(Program(ops).apply(values, np.empty(0)), oracle(values, ops, {}))


@pytest.mark.parametrize("size", [(10, 10), (11, 11), (10, 13), (13, 10), (1, 30), (30, 1), (9, 30), (30, 9)])
@pytest.mark.parametrize("crop", [(10.0, 10.0), (11.0, 11.0), (7.0, 12.0), (12.0, 7.0)])
def test_center_crop_pads_and_rounds_as_torchvision(size: tuple[int, int], crop: tuple[float, float]) -> None:
    image = random_image(*size) | 1  # no black pixel, so that padding shows
    ops: list[Op] = [("center_crop", crop), FLIP]
    for flip in (0.0, 1.0):
        np.testing.assert_array_equal(Program(ops).apply(image, np.array([flip])), oracle(image, ops, {"1.flip": flip}))


def test_padding_is_converted_too() -> None:
    ops: list[Op] = [("center_crop", (4.0, 4.0)), ("to_dtype", (1.0, 1.0)), NORMALIZE]
    result = Program(ops).apply(random_image(2, 2), np.empty(0))
    np.testing.assert_array_equal(result[:, 0, 0], (np.float32(0) - np.float32(MEAN)) / np.float32(STD))


def test_a_crop_of_nothing_but_padding_is_black() -> None:
    ops: list[Op] = [("center_crop", (60.0, 60.0)), CROP]
    result = Program(ops).apply(random_image(2, 2), np.array([1.0, 2.0, 20.0, 20.0]))
    np.testing.assert_array_equal(result, np.zeros((3, 24, 20), np.uint8))


def test_threads_do_not_disturb_each_other() -> None:
    program = Program([CROP, FLIP, ("to_dtype", (1.0, 1.0)), NORMALIZE])
    images = [random_image(40 + k, 90 - k, k) for k in range(40)]
    params = [draw(program, image, k) for k, image in enumerate(images)]
    alone = [program.apply(image, row) for image, row in zip(images, params, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        for result, expected in zip(pool.map(program.apply, images, params), alone, strict=True):
            np.testing.assert_array_equal(result, expected)


# --- arguments ---------------------------------------------------------------------------------------------------


def test_strided_and_read_only_images() -> None:
    program = Program([("resize", (9.0, 7.0))])
    image = random_image(40, 30)
    expected = program.apply(image[::-2, ::3].copy(), np.empty(0))
    strided = image[::-2, ::3]
    strided.flags.writeable = False
    np.testing.assert_array_equal(program.apply(strided, np.empty(0)), expected)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        "image",
    ],
)
def test_what_is_no_image(image: Any) -> None:
    with pytest.raises(OptionError, match=r"image: expected a numpy array, uint8 of shape \(.*\).*, got "):
        Program([("resize", (9.0, 7.0))]).apply(image, np.empty(0))


def test_wrong_number_of_params() -> None:
    with pytest.raises(OptionError, match=r"params: expected a numpy array, float64 of shape \(4,\), got"):
        Program([CROP]).apply(random_image(9, 9), np.zeros(3))


@pytest.mark.parametrize(
    "crop",
    [
        (-1, 0, 4, 4),
        (0, 0, 0, 4),
        (0, 0, 4, 10),
        (6, 0, 4, 4),
        (0.5, 0, 4, 4),
        (0, 0, float("nan"), 4),
        (float("inf"), 0, 4, 4),
        (1e300, 0, 4, 4),
    ],
)
def test_crop_outside_the_image(crop: tuple[float, ...]) -> None:
    message = "params: expected a crop of whole pixels inside the image of 9x9, padding included, got x="
    with pytest.raises(OptionError, match=re.escape(message) + r".*; draw them for this image's size"):
        Program([CROP]).apply(random_image(9, 9), np.array(crop, np.float64))
