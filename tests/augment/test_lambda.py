"""`Lambda`: Python functions between ops that run natively."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pipelines import colours, conversions, images, movements

from penstock import _core
from penstock.augment import (
    Apply,
    CenterCrop,
    ColorJitter,
    FiveCrop,
    Lambda,
    MixUp,
    NativeExecutor,
    Normalize,
    Pipeline,
    RandomErasing,
    RandomHorizontalFlip,
    ReferenceExecutor,
    ToDtype,
)
from penstock.augment.executors.batches import batch_executor
from penstock.errors import SpecError


def negative(pixels: np.ndarray) -> np.ndarray:
    """Changes its array in place, as functions may."""
    pixels[:] = 255 - pixels
    return pixels


def rolled(pixels: np.ndarray) -> np.ndarray:
    return np.roll(pixels, 1, axis=1)


def same(pixels: np.ndarray) -> np.ndarray:
    return pixels


functions = st.sampled_from([Lambda(negative), Lambda(rolled), Lambda(same)])


@given(
    before=st.lists(movements() | colours() | functions, max_size=3),
    between=functions,
    after=st.lists(movements() | colours() | functions, max_size=2),
    end=conversions(),
    late=st.lists(functions, max_size=2),
    image=images(40, 40),
)
@settings(max_examples=60)
def test_native_parts_and_functions_are_what_the_reference_makes(
    before: list[Any], between: Any, after: list[Any], end: list[Any], late: list[Any], image: np.ndarray
) -> None:
    end = [*end[:1], *late, *end[1:], *late] if end else []
    pipeline = Pipeline([*before, between, *after, *end])
    params = pipeline.params([3], 1, 2, image.shape[:2])
    original = image.copy()
    (native,) = NativeExecutor(pipeline).run([image], params)
    (reference,) = ReferenceExecutor(pipeline).run([image], params)
    assert native.dtype == reference.dtype == pipeline.dtype
    assert native.flags.c_contiguous
    limit = 1 if pipeline.dtype == "uint8" else 20  # the blur: a level; floats may be divided by a small deviation
    assert np.abs(native.astype(np.float32) - reference.astype(np.float32)).max() <= limit
    assert np.array_equal(native, pipeline.apply(image, 3, 1, 2))
    assert np.array_equal(image, original)


def test_what_functions_see() -> None:
    seen: list[tuple[Any, ...]] = []

    def look(pixels: np.ndarray) -> np.ndarray:
        seen.append((pixels.shape, pixels.dtype.name, pixels.flags.writeable, pixels.flags.c_contiguous))
        return pixels

    image = np.zeros((7, 6, 3), np.uint8)
    image.setflags(write=False)
    look_ = Lambda(look)
    to_half, normalize = ToDtype("float16", scale=True), Normalize((0.5,) * 3, (2,) * 3)
    pipeline = Pipeline([look_, CenterCrop((4, 5)), look_, ToDtype("uint8"), look_])
    assert pipeline.apply(image).shape == (3, 4, 5)
    late = Pipeline([CenterCrop((4, 5)), to_half, look_, normalize, look_])
    assert late.apply(image).dtype == np.float16
    before, after = ((7, 6, 3), "uint8", True, True), ((4, 5, 3), "uint8", True, True)
    assert seen == [before, after, after, *[((3, 4, 5), "float32", True, True)] * 2]


def test_rounding_to_float16_comes_last() -> None:
    image = np.full((1, 1, 3), 77, np.uint8)
    third = Lambda(lambda pixels: pixels / np.float32(3))
    pipeline = Pipeline([ToDtype("float16", scale=True), third, Normalize((0.1,) * 3, (0.3,) * 3)])
    expected = (np.float32(77) / np.float32(255) / np.float32(3) - np.float32(0.1)) / np.float32(0.3)
    assert pipeline.apply(image)[0, 0, 0] == np.float16(expected)
    assert ReferenceExecutor(pipeline).run([image], pipeline.params([0]))[0][0, 0, 0] == np.float16(expected)


def test_draws_are_those_of_the_ops_places() -> None:
    ops = [RandomHorizontalFlip(), ColorJitter(0.5), ToDtype("float32")]
    pipeline = Pipeline([ops[0], Lambda(same), *ops[1:]])
    table = pipeline.params(np.arange(50))
    assert table.columns[:2] == ("0.flip", "2.order_0")
    assert pipeline.functions == (1,)
    first, rest = pipeline.split(2)
    assert np.array_equal(rest.params(np.arange(50)).values, table.values[:, 1:])
    assert not np.array_equal(table["2.brightness"], Pipeline(ops).params(np.arange(50))["1.brightness"])
    assert first.functions == (1,)
    assert rest.functions == ()


def test_the_size_is_known() -> None:
    assert Pipeline([CenterCrop((4, 5)), Lambda(rolled)]).output_size == (4, 5)


@pytest.mark.parametrize(
    ("function", "got"),
    [
        (lambda pixels: pixels[:2], r"uint8 of shape \(2, 6, 3\)"),
        (lambda pixels: pixels / 2, r"float64 of shape \(7, 6, 3\)"),
        (lambda _: None, "NoneType"),
    ],
)
def test_results_of_another_kind_are_refused(function: Any, got: str) -> None:
    pipeline = Pipeline([Lambda(function)])
    expected = rf"^Lambda\(function=<function .*>\) must give what it was given, uint8 of shape \(7, 6, 3\), got {got}"
    for run in (NativeExecutor(pipeline), ReferenceExecutor(pipeline)):
        with pytest.raises(SpecError, match=expected):
            run.run([np.zeros((7, 6, 3), np.uint8)], pipeline.params([0]))


def failing(pixels: np.ndarray) -> np.ndarray:
    raise KeyError(f"no {pixels.shape}")


def test_errors_of_functions_name_the_op() -> None:
    with pytest.raises(KeyError, match="no") as caught:
        Pipeline([CenterCrop(2), Lambda(failing)]).apply(np.zeros((3, 3, 3), np.uint8))
    assert caught.value.__notes__ == [f"in Lambda(function='{__name__}:failing')"]  # type: ignore[attr-defined]


def test_importable_functions_are_written_by_name() -> None:
    pipeline = Pipeline([Lambda(negative), CenterCrop(3)])
    assert pipeline.to_dict()["ops"][0] == {"op": "Lambda", "function": f"{__name__}:negative"}
    assert Pipeline.from_json(pipeline.to_json()) == pipeline == pickle.loads(pickle.dumps(pipeline))
    method = Lambda(f"{__name__}:Holder.method")
    assert method.function is Holder.method
    assert method.to_dict()["function"] == f"{__name__}:Holder.method"


class Holder:
    @staticmethod
    def method(pixels: np.ndarray) -> np.ndarray:
        return pixels


def test_others_have_no_dictionary() -> None:
    def inner(pixels: np.ndarray) -> np.ndarray:
        return pixels

    for function in (lambda pixels: pixels, inner, np.vectorize(int)):
        with pytest.raises(SpecError, match="Lambda: function must be importable to be written as a dictionary, got <"):
            Lambda(function).to_dict()


@pytest.mark.parametrize("address", ["numpy", "numpy:no_such_function", "no_such_module:f", ":f", ""])
def test_names_that_can_not_be_imported(address: str) -> None:
    with pytest.raises(SpecError, match=f"^Lambda: function '{address}' can't be imported .*write it as 'module:name'"):
        Lambda(address)


def test_who_can_not_run_it_says_so() -> None:
    pipeline = Pipeline([CenterCrop(3), Lambda(same)])
    with pytest.raises(SpecError, match="TorchExecutor can't run Lambda, which calls Python on single images"):
        batch_executor("torch", pipeline, "cpu")
    with pytest.raises(SpecError, match="Apply: ops must be ops on uint8 images"):
        Apply([Lambda(same)])
    program = _core.Program([("lambda", ())])
    with pytest.raises(SpecError, match="lambda: expected no function of Python's"):
        program.apply(np.zeros((2, 2, 3), np.uint8), np.zeros(0))


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        (
            [ToDtype("float32"), Lambda(same), RandomErasing()],
            "RandomErasing at position 2 comes after Lambda at position 1, a function on floats; move Lambda behind",
        ),
        (
            [FiveCrop(3), Lambda(same)],
            "Lambda at position 1 comes after FiveCrop at position 0, and functions take one image; move Lambda before",
        ),
        (
            [MixUp(num_classes=3), Lambda(same)],
            "Lambda at position 1 comes after MixUp at position 0, which works on finished batches; move Lambda before",
        ),
    ],
)
def test_orders_without_a_meaning(ops: list[Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Pipeline(ops)


@pytest.mark.parametrize("floats", [[], [ToDtype("uint8")], [ToDtype("float32"), RandomErasing(1.0)]])
def test_functions_beside_erasing(floats: list[Any]) -> None:
    erasing = [] if floats and floats[0].dtype == "float32" else [RandomErasing(1.0)]
    pipeline = Pipeline([CenterCrop(9), *floats, Lambda(rolled), *erasing, Lambda(same)])
    image = np.random.default_rng(0).integers(1, 256, (12, 9, 3), np.uint8)
    params = pipeline.params([3], sizes=(12, 9))
    (native,) = NativeExecutor(pipeline).run([image], params)
    assert np.array_equal(native, ReferenceExecutor(pipeline).run([image], params)[0])
    assert (native == 0).any()


@pytest.mark.parametrize("floats", [[], [ToDtype("float32")]])
def test_several_crops_of_what_a_function_made(floats: list[Any]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 8, 3), np.uint8)
    made = Pipeline([Lambda(rolled), FiveCrop(5), *floats]).apply(image)
    assert np.array_equal(made, Pipeline([FiveCrop(5), *floats]).apply(rolled(image)))
