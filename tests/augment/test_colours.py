"""Ops that change colours: the oracle against Pillow and torchvision, the native kernels against the oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from sklearn.datasets import load_sample_images
from support.closeness import assert_close
from support.parity import tolerance
from support.pipelines import colours, conversions, images, movements
from support.torchvision_shim import transforms_v1, transforms_v2

from penstock import _core
from penstock.augment import (
    CenterCrop,
    ColorJitter,
    GaussianBlur,
    Grayscale,
    NativeExecutor,
    Op,
    ParamTable,
    PCALighting,
    Pipeline,
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomEqualize,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomHSL,
    RandomInvert,
    RandomPosterize,
    RandomSolarize,
    ReferenceExecutor,
    Resize,
    ToDtype,
    from_torchvision,
)
from penstock.errors import SpecError

Picture = NDArray[np.uint8]

PHOTOGRAPH: Picture = load_sample_images().images[0][100:260, 200:420].copy()
GREY: Picture = np.repeat(PHOTOGRAPH[..., 1:2], 3, axis=2)
FLAT: Picture = np.full((9, 11, 3), 77, np.uint8)
V2 = transforms_v2()
F = V2.functional

FACTORS = (0.0, 0.3, 1.0, 1.7, 6.5)
HUES = (-0.5, -0.3, -0.003, 0.11, 0.5)

CASES: list[tuple[Op, Callable[[Image.Image], Image.Image]]] = [
    (RandomInvert(1.0), ImageOps.invert),
    (RandomSolarize(128, 1.0), ImageOps.solarize),
    (RandomSolarize(100.5, 1.0), lambda image: F.solarize(image, 100.5)),
    (RandomAutocontrast(1.0), ImageOps.autocontrast),
    (RandomEqualize(1.0), ImageOps.equalize),
    (Grayscale(), lambda image: image.convert("L").convert("RGB")),
    (RandomGrayscale(1.0), lambda image: F.rgb_to_grayscale(image, 3)),
    *((RandomPosterize(bits, 1.0), lambda image, bits=bits: ImageOps.posterize(image, bits)) for bits in range(1, 9)),
    *(
        (RandomAdjustSharpness(factor, 1.0), lambda image, f=factor: ImageEnhance.Sharpness(image).enhance(f))
        for factor in FACTORS
    ),
    *(
        (ColorJitter(brightness=(factor, factor)), lambda image, f=factor: ImageEnhance.Brightness(image).enhance(f))
        for factor in FACTORS
    ),
    *(
        (ColorJitter(contrast=(factor, factor)), lambda image, f=factor: ImageEnhance.Contrast(image).enhance(f))
        for factor in FACTORS
    ),
    *(
        (ColorJitter(saturation=(factor, factor)), lambda image, f=factor: ImageEnhance.Color(image).enhance(f))
        for factor in FACTORS
    ),
    *((ColorJitter(hue=(hue, hue)), lambda image, hue=hue: F.adjust_hue(image, hue)) for hue in HUES),
]


@pytest.fixture(params=_core.simd_levels())
def simd_level(request: pytest.FixtureRequest) -> Any:
    _core.set_simd_level(request.param)
    yield request.param
    _core.set_simd_level(_core.simd_levels()[-1])


def reference(op: Op | Pipeline, image: Picture, index: int = 0) -> NDArray[Any]:
    """(3, height, width)."""
    pipeline = op if isinstance(op, Pipeline) else Pipeline([op])
    (result,) = ReferenceExecutor(pipeline).run([image], pipeline.params([index], sizes=image.shape[:2]))
    return result


def native(op: Op | Pipeline, image: Picture, index: int = 0) -> NDArray[Any]:
    """(3, height, width)."""
    pipeline = op if isinstance(op, Pipeline) else Pipeline([op])
    (result,) = NativeExecutor(pipeline).run([image], pipeline.params([index], sizes=image.shape[:2]))
    return result


def assert_like(result_chw: NDArray[Any], expected: Any, limit: int) -> None:
    """`expected`: a PIL image."""
    assert_close(result_chw, np.asarray(expected).transpose(2, 0, 1), [], limit)


def tolerated(op: Op, executor: str) -> int:
    return tolerance(type(op).__name__, executor)


@pytest.mark.parametrize(("op", "theirs"), CASES, ids=lambda value: repr(value) if isinstance(value, Op) else "")
class TestEveryOp:
    @settings(max_examples=8, deadline=None)
    @given(image=images())
    def test_reference_equals_pillow(self, op: Op, theirs: Callable[[Image.Image], Any], image: Picture) -> None:
        assert_like(reference(op, image), theirs(Image.fromarray(image)), tolerated(op, "reference"))

    def test_reference_equals_pillow_on_photographs(self, op: Op, theirs: Callable[[Image.Image], Any]) -> None:
        for image in (PHOTOGRAPH, GREY, FLAT):
            assert_like(reference(op, image), theirs(Image.fromarray(image)), tolerated(op, "reference"))

    def test_native_equals_reference_on_photographs(self, op: Op, theirs: Any, simd_level: str) -> None:  # noqa: ARG002
        for image in (PHOTOGRAPH, GREY, FLAT):
            assert_close(native(op, image), reference(op, image), [], tolerated(op, "native"))


@pytest.mark.parametrize(("width", "height"), [(3, 3), (23, 23), (1, 9), (31, 1)])
@pytest.mark.parametrize("sigma", [0.1, 1.3, 20.0])
def test_blur_is_torchvisions(width: int, height: int, sigma: float, simd_level: str) -> None:  # noqa: ARG001
    op = GaussianBlur((width, height), sigma)
    expected = F.gaussian_blur(Image.fromarray(PHOTOGRAPH), [width, height], [sigma, sigma])
    assert_like(reference(op, PHOTOGRAPH), expected, tolerated(op, "reference"))
    assert_close(native(op, PHOTOGRAPH), reference(op, PHOTOGRAPH), [], tolerated(op, "native"))


def test_blur_reflects_small_images_again() -> None:
    line = np.arange(0, 240, 60, dtype=np.uint8).repeat(3).reshape(1, 4, 3)
    assert native(GaussianBlur(15, 1000.0), line)[0, 0].tolist() == [80, 84, 96, 100]
    np.testing.assert_array_equal(native(GaussianBlur(15, 1000.0), line), reference(GaussianBlur(15, 1000.0), line))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(colours() | movements(), min_size=1, max_size=5),
    conversions(),
    images(),
    st.integers(0, 99),
    st.sampled_from(_core.simd_levels()),
)
def test_any_order_equals_the_reference(ops: list[Op], tail: list[Op], image: Picture, index: int, level: str) -> None:
    _core.set_simd_level(level)
    pipeline = Pipeline([*ops, *tail])
    result, expected = native(pipeline, image, index), reference(pipeline, image, index)
    _core.set_simd_level(_core.simd_levels()[-1])
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


def test_every_colour_keeps_its_hue_arithmetic() -> None:
    steps = np.arange(0, 256, 3, dtype=np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=3).reshape(-1, 86 * 4, 3)
    for hue in (-0.21, 0.0001, 0.4):
        assert_like(native(ColorJitter(hue=(hue, hue)), cube), F.adjust_hue(Image.fromarray(cube), hue), 0)


def colour_cube() -> Picture:
    steps = np.array([*range(0, 256, 9), 127, 128, 254, 255], np.uint8)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=3).reshape(len(steps), -1, 3)


@pytest.mark.parametrize("op", [RandomHSL(36, 50, 50), RandomHSL(180, 255, 255), RandomHSL(1)])
def test_hsl_equals_the_reference_on_all_colours(op: RandomHSL, simd_level: str) -> None:  # noqa: ARG001
    image = colour_cube()
    for index in range(4):
        np.testing.assert_array_equal(native(op, image, index), reference(op, image, index))


@pytest.mark.parametrize("executor", [NativeExecutor, ReferenceExecutor])
def test_hsl_shifts_and_cuts_off(executor: Any) -> None:
    """A hue does not go round: red at 0 stays red when it is to be less, and is green a third of a turn further.

    The lightness of red, 127.5, is rounded to 128.
    """
    red_grey_white = np.array([[[255, 0, 0], [90, 90, 90], [255, 255, 255]]], np.uint8)
    pipeline = Pipeline([RandomHSL(180, 255, 255)])
    for row, expected in (
        ([-60, 0, 0], [[255, 1, 1], [90, 90, 90], [255, 255, 255]]),
        ([60, 0, 0], [[1, 255, 1], [90, 90, 90], [255, 255, 255]]),
        ([60, 0, 64], [[129, 255, 129], [154, 154, 154], [255, 255, 255]]),
        ([0, -255, 0], [[128, 128, 128], [90, 90, 90], [255, 255, 255]]),
        ([0, 0, -255], [[0, 0, 0]] * 3),
    ):
        table = ParamTable(pipeline.columns, np.array([row], np.float64))
        (result,) = executor(pipeline).run([red_grey_white], table)
        np.testing.assert_array_equal(result[:, 0].T, expected)


def test_hsl_of_nothing_is_left_out() -> None:
    for executor in (native, reference):
        np.testing.assert_array_equal(executor(RandomHSL(), PHOTOGRAPH), PHOTOGRAPH.transpose(2, 0, 1))
    assert (reference(RandomHSL(0, 0, 1), PHOTOGRAPH) != PHOTOGRAPH.transpose(2, 0, 1)).any()


@pytest.mark.parametrize(
    "op", [PCALighting(), PCALighting(2.0), PCALighting(1, (9, 80, 3), np.eye(3) * [[1], [2], [-3]])]
)
def test_light_is_alexnets(op: PCALighting) -> None:
    table = Pipeline([op]).params(range(20))
    vectors, values = np.array(op.eigvec), np.array(op.eigval)
    for index in range(20):
        alpha = [table[f"0.alpha_{k}"][index] for k in range(3)]
        expected = np.rint(PHOTOGRAPH + vectors @ (alpha * values)).clip(0, 255).astype(np.uint8).transpose(2, 0, 1)
        for executor in (native, reference):
            assert_close(executor(op, PHOTOGRAPH, index), expected, [], tolerance("PCALighting", "reference"))


def test_resized_pixels_are_coloured_as_they_are() -> None:
    ops: list[Op] = [ColorJitter(0.4, 0.4, 0.4, 0.1), RandomSolarize(128, 0.5), RandomHorizontalFlip()]
    pipeline = Pipeline([Resize((64, 48)), *ops, Resize((30, 31)), RandomEqualize(1.0), ToDtype("float32")])
    table = pipeline.params(range(8), sizes=PHOTOGRAPH.shape[:2])
    results = NativeExecutor(pipeline).run([PHOTOGRAPH] * 8, table)
    for sample, result in enumerate(results):
        parts = (pipeline[:1], pipeline[1:4], pipeline[4:5], pipeline[5:])
        image = PHOTOGRAPH
        for first, part in zip((0, 1, 4, 5), parts, strict=True):
            row = [table[name][sample] for name in table.columns if 0 <= int(name.split(".")[0]) - first < len(part)]
            image = part.program.apply(np.ascontiguousarray(image), np.array(row)).transpose(1, 2, 0)
        np.testing.assert_array_equal(result.transpose(1, 2, 0), image)


def test_tables_that_follow_from_histograms_are_those_of_the_pixels(simd_level: str) -> None:  # noqa: ARG001
    first: list[Op] = [RandomPosterize(3, 1.0), RandomEqualize(1.0), RandomInvert(1.0), RandomEqualize(1.0)]
    then: list[Op] = [RandomSolarize(90, 1.0), RandomAutocontrast(1.0), Grayscale(), RandomEqualize(1.0)]
    for ops in (first, [*first, *then], [*then, *first], [RandomEqualize(1.0), RandomAutocontrast(1.0)]):
        for image in (PHOTOGRAPH, GREY, FLAT):
            np.testing.assert_array_equal(native(Pipeline(ops), image), reference(Pipeline(ops), image))


def test_padding_is_coloured_too() -> None:
    result = native(Pipeline([CenterCrop((1, 5)), RandomInvert(1.0)]), np.full((1, 1, 3), 200, np.uint8))
    assert result[0, 0].tolist() == [255, 255, 55, 255, 255]


def test_what_is_left_out_changes_nothing() -> None:
    ops = [RandomInvert(0), RandomEqualize(0), RandomGrayscale(0), ColorJitter(), ColorJitter(0.0, (1, 1), None, 0)]
    for op in ops:
        np.testing.assert_array_equal(native(op, PHOTOGRAPH), PHOTOGRAPH.transpose(2, 0, 1))


def test_jitter_is_torchvisions_with_the_same_draws() -> None:
    ranges = {"brightness": 0.8, "contrast": (0.2, 1.9), "saturation": 0.5, "hue": 0.3}
    ours, theirs = ColorJitter(**ranges), V2.ColorJitter(**ranges)
    pipeline = Pipeline([ours])
    table = pipeline.params(range(24))
    results = NativeExecutor(pipeline).run([PHOTOGRAPH] * 24, table)
    for sample, result in enumerate(results):
        drawn = table.drawn(sample, 0)
        factors = {f"{name}_factor": drawn[name] for name in ranges}
        order = [int(drawn[f"order_{place}"]) for place in range(4)]
        assert_like(result, theirs.transform(Image.fromarray(PHOTOGRAPH), {"fn_idx": order, **factors}), 0)


@pytest.mark.parametrize("library", [transforms_v1(), transforms_v2()], ids=["v1", "v2"])
class TestTranslator:
    def test_arguments_arrive(self, library: Any) -> None:
        theirs = [
            library.RandomInvert(0.25),
            library.RandomSolarize(100, 0.3),
            library.RandomPosterize(3, p=0.1),
            library.RandomAutocontrast(0.2),
            library.RandomEqualize(0.4),
            library.RandomGrayscale(0.6),
            library.Grayscale(3),
            library.ColorJitter(0.4, (0.5, 2.0), 0, 0.1),
            library.RandomAdjustSharpness(2, 0.7),
            library.GaussianBlur(23, 1.5),
            library.GaussianBlur((3, 5), (0.1, 3.0)),
            library.PILToTensor(),
        ]
        assert from_torchvision(library.Compose(theirs)) == Pipeline(
            [
                RandomInvert(0.25),
                RandomSolarize(100, 0.3),
                RandomPosterize(3, 0.1),
                RandomAutocontrast(0.2),
                RandomEqualize(0.4),
                RandomGrayscale(0.6),
                Grayscale(),
                ColorJitter(0.4, (0.5, 2.0), None, (-0.1, 0.1)),
                RandomAdjustSharpness(2, 0.7),
                GaussianBlur(23, 1.5),
                GaussianBlur((3, 5), (0.1, 3.0)),
            ]
        )

    def test_floats_are_refused(self, library: Any) -> None:
        to_floats = [library.PILToTensor(), library.ConvertImageDtype(torch.float32)]
        with pytest.raises(SpecError, match=r"\(RandomInvert\) works on float32 tensors there, and Penstock's on"):
            from_torchvision(library.Compose([*to_floats, library.RandomInvert()]))

    def test_one_channel_is_refused(self, library: Any) -> None:
        with pytest.raises(SpecError, match=r"\(Grayscale\): num_output_channels must be 3, got 1; results always"):
            from_torchvision(library.Compose([library.Grayscale(), library.PILToTensor()]))
