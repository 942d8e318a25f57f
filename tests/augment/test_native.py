"""The native kernels against the oracle: a grey level for each resize, the rest in every bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from support.closeness import assert_close, conversion, moves, resize_count
from support.parity import tolerance
from support.pipelines import images, padded_crops, padding, pipelines, sides

from penstock import _core
from penstock.augment import (
    CenterCrop,
    Executor,
    NativeExecutor,
    Normalize,
    Op,
    Pad,
    Pipeline,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
    ReferenceExecutor,
    Resize,
    ToDtype,
)

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TRAIN = [RandomResizedCrop(224), RandomHorizontalFlip()]
EVAL = [Resize(256), CenterCrop(224)]
TAILS: list[list[Op]] = [
    [],
    [ToDtype("float32")],
    [ToDtype("float32", scale=True), Normalize(MEAN, STD)],
    [ToDtype("float16", scale=True), Normalize(MEAN, STD)],
]


@pytest.fixture(autouse=True, params=_core.simd_levels())
def _every_simd_level(request: pytest.FixtureRequest) -> Any:
    _core.set_simd_level(request.param)
    yield
    _core.set_simd_level(_core.simd_levels()[-1])


def assert_equal(pipeline: Pipeline, pictures: list[NDArray[np.uint8]], limit: int, **key: int) -> None:
    """`limit`: grey levels for each resize. Converting, after it, is exact."""
    sizes = np.array([picture.shape[:2] for picture in pictures])
    table = pipeline.params(range(len(pictures)), sizes=sizes, **key)
    moving = moves(pipeline)
    moving_table = moving.params(range(len(pictures)), sizes=sizes, **key)
    results = NativeExecutor(pipeline).run(pictures, table)
    pixels = NativeExecutor(moving).run(pictures, moving_table)
    expected = ReferenceExecutor(moving).run(pictures, moving_table)
    tail = conversion(pipeline)
    for result, moved, reference in zip(results, pixels, expected, strict=True):
        assert result.dtype == pipeline.dtype
        assert_close(result, moved, tail, 0)
        assert_close(moved, reference, [], limit * resize_count(pipeline))


@settings(max_examples=150)
@given(pipelines(), images(), st.integers(0, 2**32))
def test_any_pipeline_equals_the_reference(pipeline: Pipeline, image: NDArray[np.uint8], seed: int) -> None:
    assert_equal(pipeline, [image], tolerance("any pipeline", "native"), seed=seed)


@settings(max_examples=60)
@given(images(), sides, sides)
def test_resize_equals_the_reference(image: NDArray[np.uint8], height: int, width: int) -> None:
    assert_equal(Pipeline([Resize((height, width))]), [image], tolerance("Resize", "native"))


@settings(max_examples=60)
@given(images(), sides, sides, st.integers(0, 2**32))
def test_crop_equals_the_reference(image: NDArray[np.uint8], height: int, width: int, seed: int) -> None:
    pipeline = Pipeline([RandomResizedCrop((height, width))])
    assert_equal(pipeline, [image], tolerance("RandomResizedCrop", "native"), seed=seed)


@settings(max_examples=60)
@given(images(), sides, sides)
def test_center_crop_equals_the_reference(image: NDArray[np.uint8], height: int, width: int) -> None:
    assert_equal(Pipeline([CenterCrop((height, width))]), [image], tolerance("CenterCrop", "native"))


@settings(max_examples=30)
@given(images(), st.integers(0, 9))
def test_flip_equals_the_reference(image: NDArray[np.uint8], seed: int) -> None:
    assert_equal(Pipeline([RandomHorizontalFlip()]), [image], tolerance("RandomHorizontalFlip", "native"), seed=seed)


@settings(max_examples=30)
@given(images(), st.integers(0, 9))
def test_vertical_flip_equals_the_reference(image: NDArray[np.uint8], seed: int) -> None:
    assert_equal(Pipeline([RandomVerticalFlip()]), [image], tolerance("RandomVerticalFlip", "native"), seed=seed)


FLIPS = (RandomHorizontalFlip, RandomVerticalFlip)


@settings(max_examples=60)
@given(images(), padding(), st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0]))
def test_pad_between_flips_equals_the_reference(image: Any, more: dict[str, Any], before: float, after: float) -> None:
    ops = [*(flip(before) for flip in FLIPS), Pad(**more), RandomHorizontalFlip(after)]
    assert_equal(Pipeline(ops), [image], tolerance("Pad", "native"))


@settings(max_examples=60)
@given(images(), padding(), padding(), sides, sides)
def test_padding_of_what_was_padded_and_cut_equals_the_reference(
    image: Any, first: dict[str, Any], second: dict[str, Any], height: int, width: int
) -> None:
    ops = [Pad(**first), CenterCrop((height, width)), Pad(**second), CenterCrop((width, height))]
    assert_equal(Pipeline(ops), [image], tolerance("Pad", "native"))


@settings(max_examples=60)
@given(images(), padded_crops(), st.sampled_from([0.0, 1.0]), st.integers(0, 2**32))
def test_random_crop_equals_the_reference(image: Any, crop: Op, flip: float, seed: int) -> None:
    assert_equal(Pipeline([RandomVerticalFlip(flip), crop]), [image], tolerance("RandomCrop", "native"), seed=seed)


@settings(max_examples=60)
@given(images(), sides, sides, st.lists(st.sampled_from(FLIPS), max_size=2), padding())
def test_resize_between_flips_and_padding_equals_the_reference(
    image: Any, height: int, width: int, flips: list[Any], more: dict[str, Any]
) -> None:
    mirror = [flip(1.0) for flip in flips]
    pipeline = Pipeline([*mirror, Resize((height, width)), *mirror, Pad(**more)])
    assert_equal(pipeline, [image], tolerance("Resize", "native"))


def test_a_flip_after_a_resize_mirrors_its_result_exactly() -> None:
    for flip, axis in ((RandomHorizontalFlip, 2), (RandomVerticalFlip, 1)):
        for photograph in load_sample_images().images:
            straight, mirrored = (Pipeline([Resize((99, 101)), *tail]).apply(photograph) for tail in ([], [flip(1.0)]))
            np.testing.assert_array_equal(np.flip(mirrored, axis), straight)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("normalized", [False, True])
def test_every_level_converts_as_in_the_reference(dtype: str, scale: bool, normalized: bool) -> None:
    every_level = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 256, 3)
    tail = [Normalize((0.123, 117, -3.5), (0.0625, 58.1, 3e5))] if normalized and dtype != "uint8" else []
    limit = tolerance("ToDtype", "native") + tolerance("Normalize", "native")
    assert_equal(Pipeline([ToDtype(dtype, scale=scale), *tail]), [every_level], limit)


@pytest.mark.parametrize("head", [TRAIN, EVAL], ids=["train", "eval"])
@pytest.mark.parametrize("tail", TAILS, ids=["uint8", "float32", "normalized", "float16"])
def test_photographs_equal_the_reference(head: list[Op], tail: list[Op]) -> None:
    pipeline = Pipeline([*head, *tail])
    assert_equal(pipeline, load_sample_images().images * 2, tolerance("any pipeline", "native"), seed=5)


@pytest.mark.parametrize("head", [TRAIN, EVAL], ids=["train", "eval"])
def test_own_photographs_equal_the_reference(photographs: list[Path], head: list[Op]) -> None:
    chosen = [np.array(Image.open(path).convert("RGB")) for path in photographs[:: max(len(photographs) // 12, 1)]]
    assert_equal(Pipeline(head), chosen, tolerance("any pipeline", "native"))


@pytest.mark.parametrize("kind", [NativeExecutor, ReferenceExecutor])
def test_it_is_an_executor(kind: Any) -> None:
    pipeline = Pipeline([CenterCrop(8)])
    executor = kind(pipeline)
    assert isinstance(executor, Executor)
    assert executor.pipeline is pipeline
    assert executor.run([], pipeline.params([])) == []
