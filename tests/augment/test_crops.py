"""FiveCrop and TenCrop: which crops, in which order, what follows them, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.parity import tolerance
from support.pipelines import conversions, images, movements
from support.torchvision_shim import transforms_v1

from penstock.augment import (
    Apply,
    FiveCrop,
    MixUp,
    NativeExecutor,
    Normalize,
    Op,
    Pad,
    Pipeline,
    RandomErasing,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomInvert,
    RandomRotation,
    ReferenceExecutor,
    Resize,
    TenCrop,
    ToDtype,
    TorchExecutor,
)
from penstock.errors import DecodeError, SpecError

T = transforms_v1()


@st.composite
def several(draw: st.DrawFn, height: int, width: int) -> FiveCrop | TenCrop:
    size = draw(st.integers(1, height)), draw(st.integers(1, width))
    return draw(st.sampled_from([FiveCrop(size), TenCrop(size), TenCrop(size, vertical_flip=True)]))


def torchvisions(op: FiveCrop | TenCrop) -> Any:
    return T.TenCrop(op.size, op.vertical_flip) if isinstance(op, TenCrop) else T.FiveCrop(op.size)


@given(image=images(), data=st.data())
@settings(max_examples=60)
def test_crops_are_torchvisions_in_its_order(image: Any, data: st.DataObject) -> None:
    op = data.draw(several(*image.shape[:2]))
    expected = np.stack([np.asarray(crop) for crop in torchvisions(op)(Image.fromarray(image))]).transpose(0, 3, 1, 2)
    pipeline = Pipeline([op])
    name = type(op).__name__
    for kind, where in ((ReferenceExecutor, "reference"), (NativeExecutor, "native")):
        result = kind(pipeline).run([image], pipeline.params([0], sizes=image.shape[:2]))[0]
        assert result.shape == (pipeline.crops, 3, *pipeline.output_size)  # type: ignore[misc]
        assert np.abs(result.astype(int) - expected).max() <= tolerance(name, where)


@given(
    image=images(),
    before=st.lists(movements(), max_size=2),
    after=st.lists(movements() | st.just(RandomInvert(0.5)), max_size=3),
    tail=conversions(),
    data=st.data(),
)
@settings(max_examples=60)
def test_the_kernels_do_to_each_crop_what_the_reference_does(
    image: Any, before: list[Op], after: list[Op], tail: list[Op], data: st.DataObject
) -> None:
    height, width = Pipeline(before).apply(image).shape[1:]
    pipeline = Pipeline([*before, data.draw(several(height, width)), *after, *tail])
    params = pipeline.params([3], seed=7, sizes=image.shape[:2])
    native, reference = (kind(pipeline).run([image], params)[0] for kind in (NativeExecutor, ReferenceExecutor))
    assert native.dtype == reference.dtype == pipeline.dtype
    np.testing.assert_array_equal(native, reference)


def test_random_ops_behind_draw_once_for_all_crops() -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    plain = Pipeline([FiveCrop(12)])
    flipped = Pipeline([FiveCrop(12), RandomHorizontalFlip()])
    assert flipped.params([0], sizes=(30, 40)).columns == ("1.flip",)
    seen = set()
    for index in range(20):
        flip = flipped.params([index], sizes=(30, 40))["1.flip"][0]
        crops = plain.apply(image)
        np.testing.assert_array_equal(flipped.apply(image, index), crops[..., ::-1] if flip else crops)
        seen.add(flip)
    assert seen == {0, 1}


def test_warps_and_groups_behind_are_done_to_each_crop() -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    pipeline = Pipeline([Resize((20, 25)), TenCrop(16), Apply([RandomRotation(30), RandomGrayscale(1.0)], 1.0)])
    params = pipeline.params([3], sizes=image.shape[:2])
    native, reference = (kind(pipeline).run([image], params)[0] for kind in (NativeExecutor, ReferenceExecutor))
    assert native.shape == (10, 3, 16, 16)
    assert np.abs(native.astype(int) - reference).max() <= 1


def test_each_crop_is_erased_at_the_same_places() -> None:
    image = np.random.default_rng(0).integers(1, 256, (30, 40, 3), np.uint8)
    pipeline = Pipeline([FiveCrop(16), ToDtype("float32"), RandomErasing(1.0)])
    params = pipeline.params([3], sizes=image.shape[:2])
    native, reference = (kind(pipeline).run([image], params)[0] for kind in (NativeExecutor, ReferenceExecutor))
    np.testing.assert_array_equal(native, reference)
    erased = (native == 0).all(axis=1)
    assert erased.any()
    assert (erased == erased[0]).all()


def test_what_they_are_written_as() -> None:
    pipeline = Pipeline([TenCrop((8, 9), vertical_flip=True), ToDtype("float32", scale=True)])
    assert repr(pipeline[0]) == "TenCrop(size=(8, 9), vertical_flip=True)"
    assert Pipeline.from_json(pipeline.to_json()) == pipeline
    assert pipeline.output_size == (8, 9)
    assert (pipeline.crops, Pipeline([FiveCrop(3)]).crops, Pipeline([Resize(3)]).crops) == (10, 5, 1)


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: FiveCrop(0), "FiveCrop: size must be"),
        (lambda: TenCrop(3, vertical_flip=2), "TenCrop: vertical_flip must be"),  # type: ignore[arg-type]
        (
            lambda: Pipeline([Resize((8, 20)), FiveCrop(9)]),
            r"FiveCrop: size must fit the image, which is \(8, 20\) \(height, width\) in pixels, got \(9, 9\); give a "
            "smaller size, or put a Resize before it",
        ),
        (
            lambda: Pipeline([FiveCrop(9), RandomInvert(), TenCrop(3)]),
            "TenCrop at position 2 comes after FiveCrop at position 0, which makes several crops of each image; keep",
        ),
        (
            lambda: Pipeline([FiveCrop(9), ToDtype("float32"), MixUp(num_classes=3)]),
            "MixUp at position 2 comes after FiveCrop at position 0, which makes several crops of each image; keep one",
        ),
        (
            lambda: Pipeline([ToDtype("float32"), Normalize([0] * 3, [1] * 3), FiveCrop(9)]),
            "FiveCrop at position 2 comes after ToDtype at position 0, but works on uint8 images; move FiveCrop",
        ),
        (
            lambda: Pipeline([RandomErasing(), FiveCrop(9)]),
            "FiveCrop at position 1 comes after RandomErasing at position 0, which works on the finished result; move",
        ),
        (lambda: Apply([FiveCrop(9)]), "Apply: ops must be ops on uint8 .* put FiveCrop before or behind the Apply"),
    ],
)
def test_crops_that_can_not_be_are_refused(declare: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        declare()


@pytest.mark.parametrize("op", [FiveCrop((9, 20)), TenCrop((9, 20))])
def test_an_image_that_is_too_small_is_named(op: Op) -> None:
    image = np.zeros((8, 30, 3), np.uint8)
    message = rf"{type(op).__name__}: size must fit the image, which is \(8, 30\) .* got \(9, 20\); give a smaller"
    with pytest.raises(DecodeError, match=message):
        Pipeline([op]).apply(image)
    with pytest.raises(DecodeError, match=message):
        Pipeline([op]).params([0], sizes=(8, 30))


@pytest.mark.parametrize("op", [FiveCrop((9, 20)), TenCrop((9, 20))])
@pytest.mark.parametrize("before", [[], [Resize(9)], [Pad(3)], [Resize((30, 40))]])
def test_sizes_are_not_asked_for_where_nothing_is_drawn(op: Op, before: list[Op]) -> None:
    pipeline = Pipeline([*before, op, RandomHorizontalFlip()])
    assert pipeline.params(range(5)) == pipeline.params(range(5), sizes=(40, 100))
    # Who applies such a table to an image that is too small says so, all alike.
    table = pipeline.params([0])
    image = np.zeros((4, 4, 3), np.uint8)
    if before in ([], [Pad(3)]):
        side = 4 if not before else 10
        message = rf"^{type(op).__name__}: size must fit the image, which is \({side}, {side}\) .* got \(9, 20\); give"
        for kind in (NativeExecutor, ReferenceExecutor):
            with pytest.raises(DecodeError, match=message):
                kind(pipeline).run([image], table)
        with pytest.raises(DecodeError, match=message):
            TorchExecutor(pipeline, "cpu").run_batch(torch.zeros((1, 3, 4, 4), dtype=torch.uint8), table)


def test_the_core_refuses_what_python_has_refused_before() -> None:
    from penstock._core import Program

    with pytest.raises(SpecError, match="ten_crop: expected after no other; keep one"):
        Program([("five_crop", (3.0, 3.0, 0.0)), ("ten_crop", (3.0, 3.0, 0.0))])
    with pytest.raises(SpecError, match="five_crop, ten_crop: expected outside groups; move them out"):
        Program([("apply", (0.5, 1.0)), ("five_crop", (3.0, 3.0, 0.0))])
    with pytest.raises(SpecError, match="ten_crop: vertical_flip: expected a whole number from 0 to 1, got 2"):
        Program([("ten_crop", (3.0, 3.0, 2.0))])


def test_predictions_are_averaged_over_crops_as_torchvision_shows_it() -> None:
    batch = torch.from_numpy(np.stack([Pipeline([TenCrop(4)]).apply(np.zeros((6, 6, 3), np.uint8))] * 2))
    samples, crops, *shape = batch.shape
    assert batch.view(-1, *shape).shape == (samples * crops, 3, 4, 4)
