"""Executors refuse tables that were drawn for images of other sizes, and what is no image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pipelines import pipelines

from penstock import _core
from penstock.augment import (
    CenterCrop,
    Cutout,
    Executor,
    Lambda,
    NativeExecutor,
    ParamTable,
    Pipeline,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    ReferenceExecutor,
    Resize,
    TenCrop,
    TorchExecutor,
)
from penstock.errors import OptionError, PenstockError

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
CUT = Pipeline([RandomCrop(16)])
INSIDE = "^params: expected a crop of whole pixels inside the image of 30x20, padding included, got x=.*; draw them for"


def dali(pipeline: Pipeline) -> Executor:
    pytest.importorskip("nvidia.dali", reason="NVIDIA DALI is not installed")
    from penstock.augment import DaliExecutor

    return DaliExecutor(pipeline)


@pytest.fixture(params=[NativeExecutor, ReferenceExecutor, TorchExecutor, dali])
def executor_of(request: pytest.FixtureRequest) -> Callable[[Pipeline], Executor]:
    made: Callable[[Pipeline], Executor] = request.param
    return made


@pytest.mark.parametrize("pipeline", [CUT, Pipeline([RandomResizedCrop(8)])], ids=["RandomCrop", "RandomResizedCrop"])
def test_parameters_for_another_size_are_refused(
    executor_of: Callable[[Pipeline], Executor], pipeline: Pipeline
) -> None:
    with pytest.raises(OptionError, match=INSIDE):
        executor_of(pipeline).run([IMAGE], pipeline.params([0], sizes=(400, 400)))


@pytest.mark.parametrize("x", [np.nan, np.inf, -1.0, 0.5, 15.0])
def test_a_crop_that_nobody_drew_is_refused(executor_of: Callable[[Pipeline], Executor], x: float) -> None:
    with pytest.raises(OptionError, match=INSIDE):
        executor_of(CUT).run([IMAGE], ParamTable(CUT.columns, np.array([[x, 1.0]])))


def test_the_second_image_is_looked_at_too(executor_of: Callable[[Pipeline], Executor]) -> None:
    table = CUT.params([0, 1], sizes=[[20, 30], [90, 90]])
    with pytest.raises(OptionError, match=INSIDE):
        executor_of(CUT).run([IMAGE, IMAGE], table)


@pytest.mark.parametrize("op", [Cutout(9), RandomErasing(1.0)], ids=["Cutout", "RandomErasing"])
@pytest.mark.parametrize("executor", [NativeExecutor, ReferenceExecutor, TorchExecutor])
def test_erased_parts_lie_inside_the_result(executor: Callable[[Pipeline], Executor], op: Any) -> None:
    pipeline = Pipeline([CenterCrop((20, 30)), op])
    table = Pipeline([op]).params(range(20), sizes=(900, 900))
    renamed = ParamTable(pipeline.columns, table.values)
    with pytest.raises(OptionError, match=r"^params: expected a rectangle .* inside the result of 30x20"):
        executor(pipeline).run([IMAGE] * 20, renamed)


def test_crops_behind_a_function_are_looked_at() -> None:
    pipeline = Pipeline([Resize((20, 30)), Lambda("numpy:ascontiguousarray"), RandomCrop(16)])
    table = ParamTable(pipeline.columns, np.array([[0.0, 5.0]]))
    with pytest.raises(OptionError, match=INSIDE):
        ReferenceExecutor(pipeline).run([IMAGE], table)


def test_batches_and_lists_of_tensors_are_looked_at() -> None:
    batch = torch.from_numpy(np.stack([IMAGE.transpose(2, 0, 1)] * 2))
    table = CUT.params([0, 1], sizes=(400, 400))
    with pytest.raises(OptionError, match=INSIDE):
        TorchExecutor(CUT).run_batch(batch, table)
    with pytest.raises(OptionError, match=INSIDE):
        TorchExecutor(CUT).run_images(list(batch), table)


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (IMAGE / 255, r"float64 of shape \(20, 30, 3\)"),
        (IMAGE.transpose(2, 0, 1), r"uint8 of shape \(3, 20, 30\)"),
        (IMAGE[:0], r"uint8 of shape \(0, 30, 3\)"),
        (None, "NoneType"),
    ],
    ids=["floats", "chw", "empty", "None"],
)
def test_what_is_no_image_is_refused(image: Any, got: str) -> None:
    pipeline = Pipeline([CenterCrop(8)])
    for executor in (ReferenceExecutor(pipeline), TorchExecutor(pipeline)):
        with pytest.raises(
            OptionError, match=rf"^images must be \(height, width, 3\) uint8 arrays, got {got} at place 1"
        ):
            executor.run([IMAGE, image], pipeline.params([0, 1]))


@pytest.mark.parametrize(
    ("images", "got"),
    [
        ([], "none; leave empty batches out"),
        ([torch.zeros(3, 4, 4)], r"\(3, 4, 4\) torch.float32 at place 0; convert it"),
        ([torch.zeros(4, 4, 3, dtype=torch.uint8)], r"\(4, 4, 3\) torch.uint8 at place 0; convert it"),
        ([IMAGE], r"ndarray at place 0; decoded arrays go to run\(\)"),
    ],
    ids=["none", "floats", "hwc", "arrays"],
)
def test_what_are_no_tensors_of_images_is_refused(images: list[Any], got: str) -> None:
    pipeline = Pipeline([CenterCrop(8)])
    with pytest.raises(OptionError, match=rf"^images must be \(3, height, width\) uint8 tensors .*, got {got}"):
        TorchExecutor(pipeline).run_images(images, pipeline.params(range(len(images))))


@settings(max_examples=60, deadline=None)
@given(pipeline=pipelines(), index=st.integers(0, 99), size=st.tuples(st.integers(1, 60), st.integers(1, 60)))
def test_what_was_drawn_is_taken(pipeline: Pipeline, index: int, size: tuple[int, int]) -> None:
    try:
        table = pipeline.params([index], sizes=size)
    except PenstockError:
        return  # an image that is too small
    pipeline.program.check(table.values, np.array([size], np.int32))


def test_images_that_are_too_small_for_several_crops_are_refused() -> None:
    program = Pipeline([TenCrop(16)]).program
    with pytest.raises(PenstockError, match=r"^TenCrop: size must fit the image, which is \(8, 8\)"):
        program.check(np.zeros((1, 0)), np.array([[8, 8]], np.int32))


@pytest.mark.parametrize(
    ("params", "sizes", "message"),
    [
        (np.zeros((2, 2)), np.ones((1, 2), np.int32), r"sizes: expected a numpy array, int32 of shape \(2, 2\)"),
        (np.zeros((2, 3)), np.ones((2, 2), np.int32), r"params: expected a numpy array, float64 of shape \(2, 2\)"),
        (np.float64(3), np.ones((2, 2), np.int32), r"params: expected a numpy array, float64 of shape \(0, 2\)"),
        (None, None, r"params: expected a numpy array, float64 of shape \(0, 2\), got NoneType"),
    ],
    ids=["sizes", "columns", "scalar", "None"],
)
def test_the_core_names_what_does_not_fit(params: Any, sizes: Any, message: str) -> None:
    program: _core.Program = CUT.program
    with pytest.raises(OptionError, match=message):
        program.check(params, sizes)
