"""The oracle itself, against the libraries whose results the ops promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from support.parity import tolerance
from support.pillow import RESIZE_TOLERANCE
from support.pipelines import images, padding, sides
from support.torchvision_shim import transforms_v1, transforms_v2

from penstock.augment import (
    CenterCrop,
    NativeExecutor,
    Normalize,
    Op,
    Pad,
    ParamTable,
    Pipeline,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
    ReferenceExecutor,
    Resize,
    ToDtype,
    Views,
)
from penstock.augment.executors.reference import apply_op
from penstock.errors import OptionError, SpecError

PHOTOGRAPHS: list[NDArray[np.uint8]] = load_sample_images().images
POLICY = {"deadline": None, "max_examples": 60}


def run(op: Op | Pipeline, image: NDArray[np.uint8], **drawn: float) -> NDArray[Any]:
    """The reference's (height, width, 3) result of one op, or of a pipeline whose first op draws `drawn`."""
    pipeline = op if isinstance(op, Pipeline) else Pipeline([op])
    table = ParamTable([f"0.{field}" for field in drawn], np.array([list(drawn.values())], np.float64))
    (result,) = ReferenceExecutor(pipeline).run([image], table)
    assert result.shape[0] == 3
    assert result.flags.c_contiguous
    return result.transpose(1, 2, 0)


def assert_close(result: NDArray[Any], expected: Any, limit: int) -> None:
    expected = np.asarray(expected)
    assert result.shape == expected.shape
    assert result.dtype == expected.dtype
    assert np.abs(result.astype(np.int64) - expected).max() <= limit


def assert_floats_close(result: NDArray[Any], expected: NDArray[Any]) -> None:
    assert tolerance("ToDtype", "reference") == tolerance("Normalize", "reference") == 0
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


RESIZED = max(tolerance("Resize", "reference"), RESIZE_TOLERANCE)
CROPPED = max(tolerance("RandomResizedCrop", "reference"), RESIZE_TOLERANCE)


@settings(**POLICY)
@given(images(), sides, sides)
def test_resize_equals_pillow(image: NDArray[np.uint8], height: int, width: int) -> None:
    expected = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    assert_close(run(Resize((height, width)), image), expected, RESIZED)


@pytest.mark.parametrize("size", [(224, 224), (500, 30), (30, 500), (1, 1), (427, 640), (900, 1300), (427, 100)])
def test_photographs_resized_equal_pillow(size: tuple[int, int]) -> None:
    for photograph in PHOTOGRAPHS:
        expected = Image.fromarray(photograph).resize(size[::-1], Image.Resampling.BILINEAR)
        assert_close(run(Resize(size), photograph), expected, RESIZED)


@settings(**POLICY)
@given(images(), st.data())
def test_resized_crop_equals_pillow(image: NDArray[np.uint8], data: st.DataObject) -> None:
    y, x = (data.draw(st.integers(0, side - 1)) for side in image.shape[:2])
    height, width = (data.draw(st.integers(1, s - at)) for s, at in zip(image.shape[:2], (y, x), strict=True))
    size = data.draw(st.tuples(sides, sides))
    expected = Image.fromarray(image).crop((x, y, x + width, y + height)).resize(size[::-1], Image.Resampling.BILINEAR)
    result = run(RandomResizedCrop(size), image, x=x, y=y, width=width, height=height)
    assert_close(result, expected, CROPPED)


def test_photographs_cropped_as_drawn_equal_torchvision() -> None:
    resized_crop = transforms_v2().functional.resized_crop
    pipeline = Pipeline([RandomResizedCrop(224)])
    for photograph in PHOTOGRAPHS:
        table = pipeline.params(range(10), sizes=photograph.shape[:2])
        results = ReferenceExecutor(pipeline).run([photograph] * 10, table)
        for sample, result in enumerate(results):
            x, y, width, height = table.row(sample).astype(int)
            expected = resized_crop(Image.fromarray(photograph), y, x, height, width, [224, 224])
            assert_close(result.transpose(1, 2, 0), expected, CROPPED)


@settings(**POLICY)
@given(images(), sides, st.none() | st.integers(1, 60))
def test_resize_of_the_short_side_equals_torchvision(image: NDArray[np.uint8], short: int, more: int | None) -> None:
    max_size = None if more is None else short + more
    longest = max(image.shape[:2]) * short // min(image.shape[:2])
    assume(max_size is None or max_size * short // longest > 0 or longest <= max_size)
    expected = transforms_v2().Resize(short, max_size=max_size)(Image.fromarray(image))
    assert_close(run(Resize(short, max_size=max_size), image), expected, RESIZED)


def test_no_side_shrinks_to_nothing() -> None:
    line = np.arange(3 * 500, dtype=np.uint8).reshape(1, 500, 3)
    assert run(Resize(2, max_size=90), line).shape == (1, 90, 3)


@settings(**POLICY)
@given(images(), sides, sides)
def test_center_crop_equals_torchvision(image: NDArray[np.uint8], height: int, width: int) -> None:
    v2 = transforms_v2()
    result = run(CenterCrop((height, width)), image)
    limit = tolerance("CenterCrop", "reference")
    assert_close(result, v2.CenterCrop((height, width))(Image.fromarray(image)), limit)
    tensor = v2.functional.center_crop(torch.from_numpy(image.transpose(2, 0, 1)), [height, width])
    assert_close(result, tensor.numpy().transpose(1, 2, 0), limit)


@pytest.mark.parametrize(("image_size", "size", "top", "left"), [((7, 9), (4, 4), 2, 2), ((5, 6), (4, 5), 0, 0)])
def test_center_crop_rounds_halves_to_even(
    image_size: tuple[int, int], size: tuple[int, int], top: int, left: int
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*image_size, 3), np.uint8)
    expected = image[top : top + size[0], left : left + size[1]]
    np.testing.assert_array_equal(run(CenterCrop(size), image), expected)


def test_center_crop_puts_zeros_around_and_the_odd_one_last() -> None:
    result = run(CenterCrop((1, 4)), np.full((1, 1, 3), 9, np.uint8))
    assert result[0, :, 0].tolist() == [0, 9, 0, 0]


@settings(**POLICY)
@given(images(), st.booleans())
def test_flip_equals_pillow(image: NDArray[np.uint8], flip: bool) -> None:
    picture = Image.fromarray(image)
    expected = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else picture
    assert_close(
        run(RandomHorizontalFlip(), image, flip=flip), expected, tolerance("RandomHorizontalFlip", "reference")
    )


@settings(**POLICY)
@given(images(), st.booleans())
def test_vertical_flip_equals_pillow(image: NDArray[np.uint8], flip: bool) -> None:
    picture = Image.fromarray(image)
    expected = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if flip else picture
    assert_close(run(RandomVerticalFlip(), image, flip=flip), expected, tolerance("RandomVerticalFlip", "reference"))


@settings(**POLICY)
@given(images(max_height=20, max_width=20), padding(), st.sampled_from([1, 2, 4]))
def test_pad_equals_torchvision(image: NDArray[np.uint8], more: dict[str, Any], count: int) -> None:
    margins = more["padding"]
    more["padding"] = margins if isinstance(margins, int) else margins[:count]
    assume(more["padding_mode"] in ("constant", "edge") or np.max(margins) < min(image.shape[:2]))
    expected = transforms_v2().Pad(**more)(Image.fromarray(image))
    assert_close(run(Pad(**more), image), expected, tolerance("Pad", "reference"))


@pytest.mark.parametrize(
    ("mode", "before", "after"),
    [
        ("edge", [1, 1, 1, 1, 1], [3, 3, 3, 3, 3, 3, 3]),
        ("reflect", [2, 1, 2, 3, 2], [2, 1, 2, 3, 2, 1, 2]),
        ("symmetric", [2, 3, 3, 2, 1], [3, 2, 1, 1, 2, 3, 3]),
    ],
)
def test_padding_larger_than_the_image_repeats_it(mode: str, before: list[int], after: list[int]) -> None:
    line = np.array([1, 2, 3], np.uint8)[None, :, None].repeat(3, 2)
    result = run(Pad((5, 0, 7, 0), padding_mode=mode), line)
    assert result[0, :, 0].tolist() == [*before, 1, 2, 3, *after]
    assert run(Pad(3, padding_mode=mode), line[:, :1]).ravel().tolist() == [1] * 7 * 7 * 3


@settings(**POLICY)
@given(images(max_height=20, max_width=20), padding(), st.tuples(sides, sides))
def test_random_crop_equals_torchvision_s_padding_and_crop(
    image: NDArray[np.uint8], more: dict[str, Any], size: tuple[int, int]
) -> None:
    # Padding by what mirrors is numpy's, whose versions differ where it is larger than the image.
    more["padding_mode"] = "edge" if more["padding_mode"] in ("reflect", "symmetric") else more["padding_mode"]
    op, theirs = (kind(size, pad_if_needed=True, **more) for kind in (RandomCrop, transforms_v2().RandomCrop))
    chosen = theirs.make_params([Image.fromarray(image)])
    left, top = chosen["padding"][:2]
    expected = theirs.transform(Image.fromarray(image), chosen)
    result = run(op, image, x=chosen["left"] - left, y=chosen["top"] - top)
    assert_close(result, expected, tolerance("RandomCrop", "reference"))


@pytest.fixture
def every_level() -> NDArray[np.uint8]:
    """(16, 16, 3): each of the 256 grey levels in each channel, in three orders."""
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    return np.stack([levels, levels.T, levels[::-1]], axis=2)


def to_chw(image: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(image.transpose(2, 0, 1).copy())


def test_unscaled_floats_equal_torchvision(every_level: NDArray[np.uint8]) -> None:
    expected = transforms_v2().ToDtype(torch.float32)(to_chw(every_level)).numpy().transpose(1, 2, 0)
    assert_floats_close(run(ToDtype("float32"), every_level), expected)


def test_scaled_floats_equal_torchvision(every_level: NDArray[np.uint8]) -> None:
    result = run(ToDtype("float32", scale=True), every_level)
    divided = transforms_v1().functional.to_tensor(every_level).numpy().transpose(1, 2, 0)
    assert_floats_close(result, divided)
    multiplied = transforms_v2().ToDtype(torch.float32, scale=True)(to_chw(every_level)).numpy().transpose(1, 2, 0)
    np.testing.assert_array_max_ulp(result, multiplied, maxulp=1)


@pytest.mark.parametrize("scale", [False, True])
def test_normalized_floats_equal_torchvision(every_level: NDArray[np.uint8], scale: bool) -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    floats = run(ToDtype("float32", scale=scale), every_level)
    expected = transforms_v2().Normalize(mean, std)(to_chw(floats)).numpy().transpose(1, 2, 0)
    assert_floats_close(run(Pipeline([ToDtype("float32", scale=scale), Normalize(mean, std)]), every_level), expected)


def test_float16_is_the_float32_result_rounded_once() -> None:
    ops = [Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    half, single = (run(Pipeline([ToDtype(t, scale=True), *ops]), PHOTOGRAPHS[0]) for t in ("float16", "float32"))
    assert half.dtype == np.float16
    np.testing.assert_array_equal(half, single.astype(np.float16))


def test_to_uint8_changes_nothing() -> None:
    np.testing.assert_array_equal(run(ToDtype("uint8", scale=True), PHOTOGRAPHS[0]), PHOTOGRAPHS[0])


def test_no_op_gives_a_copy_in_planes() -> None:
    image = PHOTOGRAPHS[0]
    (result,) = ReferenceExecutor(Pipeline()).run([image], Pipeline().params([0]))
    np.testing.assert_array_equal(result, image.transpose(2, 0, 1))
    assert not np.shares_memory(result, image)


def test_op_without_a_meaning_is_named() -> None:
    class Blur(Op):
        def lower(self) -> tuple[str, tuple[float, ...]]:
            return "blur", ()

    with pytest.raises(SpecError, match="Blur has no meaning in the reference executor; register one"):
        apply_op(Blur(), PHOTOGRAPHS[0], {})


def test_table_of_another_pipeline_is_refused() -> None:
    executor = ReferenceExecutor(Pipeline([RandomHorizontalFlip()]))
    with pytest.raises(OptionError, match=r"params must have the columns \('0.flip',\), got \(\); draw them with"):
        executor.run([PHOTOGRAPHS[0]], Pipeline().params([0]))


def test_table_of_another_length_is_refused() -> None:
    pipeline = Pipeline([RandomHorizontalFlip()])
    with pytest.raises(OptionError, match="params must have one row for each of the 1 images, got 2"):
        ReferenceExecutor(pipeline).run([PHOTOGRAPHS[0]], pipeline.params([0, 1]))


@pytest.mark.parametrize("kind", [NativeExecutor, ReferenceExecutor])
@pytest.mark.parametrize("other", [3, [RandomHorizontalFlip()], Views(2, Pipeline([RandomHorizontalFlip()]))])
def test_an_executor_runs_a_pipeline_and_nothing_else(kind: Any, other: Any) -> None:
    message = (
        f"^{kind.__name__} needs a penstock.augment.Pipeline, got {type(other).__name__}; wrap ops in Pipeline, and"
    )
    with pytest.raises(OptionError, match=message):
        kind(other)


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (np.zeros((8, 8, 3)), r"float64 of shape \(8, 8, 3\)"),
        (np.zeros((8, 8), np.uint8), r"uint8 of shape \(8, 8\)"),
        (None, "NoneType"),
    ],
)
def test_the_reference_refuses_what_is_no_decoded_image(image: Any, got: str) -> None:
    pipeline = Pipeline([RandomHorizontalFlip()])
    decoded = np.zeros((8, 8, 3), np.uint8)
    message = rf"^images must be \(height, width, 3\) uint8 arrays, got {got} at place 1; convert it, for example"
    with pytest.raises(OptionError, match=message):
        ReferenceExecutor(pipeline).run([decoded, image], pipeline.params(range(2)))
