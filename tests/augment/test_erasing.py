"""Erasing: the oracle against torchvision and the authors' code, native against the oracle, noise, and bad orders."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from support.drawing import philox
from support.loading import arrays
from support.parity import tolerance
from support.pipelines import conversions, erasing, images
from support.torchvision_shim import transforms_v1, transforms_v2

from penstock.augment import (
    CenterCrop,
    Cutout,
    MixUp,
    NativeExecutor,
    Normalize,
    Op,
    Pipeline,
    RandomErasing,
    RandomHorizontalFlip,
    ReferenceExecutor,
    ToDtype,
    TorchExecutor,
)
from penstock.augment.executors.noise import cosine_table, normal_noise, radius_table
from penstock.errors import SpecError
from penstock.loaders import DataLoader

FLOAT = ToDtype("float32", scale=True)
NORMALIZE = Normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.25))
SIZE = (41, 57)


@pytest.fixture
def image() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)


def reference(ops: list[Op], image: NDArray[np.uint8], index: int = 0) -> NDArray[Any]:
    pipeline = Pipeline(ops)
    (result,) = ReferenceExecutor(pipeline).run([image], pipeline.params([index], sizes=image.shape[:2]))
    return result


# --- the meaning ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tail", [[], [FLOAT, NORMALIZE]], ids=["uint8", "float32"])
@pytest.mark.parametrize("value", [0, 7, (1, 2, 3)])
def test_a_rectangle_equals_torchvision_s(image: NDArray[np.uint8], tail: list[Op], value: Any) -> None:
    assert tolerance("RandomErasing", "reference") == 0
    op = RandomErasing(1.0, value=value)
    pipeline = Pipeline([*tail, op])
    table = pipeline.params(range(20), sizes=SIZE)
    results = ReferenceExecutor(pipeline).run([image] * 20, table)
    whole = torch.from_numpy(reference(tail, image))
    colour = torch.tensor(value, dtype=torch.float32).reshape(-1, 1, 1)
    for sample, result in enumerate(results):
        drawn = {name: int(number) for name, number in table.drawn(sample, len(tail)).items()}
        place = (drawn[name] for name in ("y", "x", "height", "width"))
        expected = transforms_v2().functional.erase(whole, *place, colour)
        assert np.array_equal(result, expected.numpy())


def test_rectangles_are_drawn_from_torchvision_s_distribution() -> None:
    arguments: dict[str, Any] = {"scale": (0.05, 0.5), "ratio": (0.4, 3.0)}
    ours = Pipeline([RandomErasing(1.0, **arguments)]).params(np.arange(4000), sizes=(60, 90))
    torch.manual_seed(0)
    get_params = transforms_v1().RandomErasing.get_params
    tensor = torch.zeros(3, 60, 90)
    theirs = np.array([get_params(tensor, **arguments, value=[0.0])[:4] for _ in range(4000)])
    for column, name in enumerate(("0.y", "0.x", "0.height", "0.width")):
        assert stats.ks_2samp(ours[name], theirs[:, column]).pvalue > 1e-4


@pytest.mark.parametrize("length", [2, 16, 90])
def test_squares_equal_the_authors_code(image: NDArray[np.uint8], length: int) -> None:
    pipeline = Pipeline([FLOAT, Cutout(length, 2)])
    (result,) = ReferenceExecutor(pipeline).run([image], pipeline.params([5], sizes=SIZE))
    # The centres are those of squares of one pixel.
    centres = Pipeline([FLOAT, Cutout(1, 2)]).params([5], sizes=SIZE)
    mask = np.ones(SIZE, np.float32)
    for hole in range(2):
        y, x = (int(centres[f"1.{axis}_{hole}"][0]) for axis in "yx")
        y1, y2 = (np.clip(y + step, 0, SIZE[0]) for step in (-(length // 2), length // 2))
        x1, x2 = (np.clip(x + step, 0, SIZE[1]) for step in (-(length // 2), length // 2))
        mask[y1:y2, x1:x2] = 0.0
    assert np.array_equal(result, reference([FLOAT], image) * mask)


def test_a_square_of_odd_length_has_its_length() -> None:
    drawn = Pipeline([Cutout(5)]).params(range(50), sizes=(5, 500))
    inside = (drawn["0.x_0"] > 0) & (drawn["0.x_0"] < 490)
    assert (drawn["0.width_0"][inside] == 5).all()
    assert set(drawn["0.height_0"]) == {3, 4, 5}


# --- noise ---------------------------------------------------------------------------------------------------------


def test_noise_is_what_the_design_page_says() -> None:
    noise = normal_noise((123, 456), 7)
    for pixel in range(7):
        block = philox((123, 456), (pixel // 2, 0, 0, 0))
        one, other = block[pixel % 2 * 2], block[pixel % 2 * 2 + 1]
        radii = [math.sqrt(-2 * math.log((word % 65536 + 0.5) / 65536)) for word in (one, other)]
        angles = [2 * math.pi * ((word >> 16) + 0.5) / 65536 for word in (one, other)]
        expected = [
            radii[0] * math.cos(angles[0]),
            radii[0] * math.sin(angles[0]),
            radii[1] * math.cos(angles[1]),
        ]
        np.testing.assert_allclose(noise[pixel], expected, rtol=2e-7, atol=1e-7)


def test_noise_is_standard_normal_and_uncorrelated() -> None:
    noise = normal_noise((2**32 - 1, 7), 200_001)
    for channel in noise.T:
        assert stats.kstest(channel, "norm").pvalue > 1e-4
    neighbours = np.corrcoef(np.hstack([noise[:-1], noise[1:]]).T)
    assert np.abs(neighbours - np.eye(6)).max() < 0.012
    assert not np.array_equal(noise[:100], normal_noise((2**32 - 1, 8), 100))


def test_its_tables_can_not_be_changed() -> None:
    for table in (radius_table(), cosine_table()):
        assert (table.dtype, table.shape) == (np.float32, (65536,))
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 0


def test_noise_lies_where_it_was_drawn_and_differs_between_samples(image: NDArray[np.uint8]) -> None:
    pipeline = Pipeline([FLOAT, RandomErasing(1.0, value="random")])
    table = pipeline.params(range(8), sizes=SIZE)
    plain = reference([FLOAT], image)
    for sample, result in enumerate(ReferenceExecutor(pipeline).run([image] * 8, table)):
        _, x, y, width, height, *key = table.row(sample).astype(int)
        expected = normal_noise((key[0], key[1]), height * width).reshape(height, width, 3).transpose(2, 0, 1)
        assert np.array_equal(result[:, y : y + height, x : x + width], expected)
        outside = np.ones(SIZE, bool)
        outside[y : y + height, x : x + width] = False
        assert np.array_equal(result[:, outside], plain[:, outside])
    assert len({tuple(row) for row in table.values[:, 5:]}) == 8


# --- native --------------------------------------------------------------------------------------------------------


@st.composite
def erasing_pipelines(draw: st.DrawFn) -> Pipeline:
    """Everything but what the native kernels only come close to."""
    tail = draw(conversions())
    floats = any(isinstance(op, ToDtype) and op.dtype != "uint8" for op in tail)
    erasures = draw(st.lists(erasing(floats=floats), min_size=1, max_size=3))
    return Pipeline([RandomHorizontalFlip(), *tail, *erasures])


@settings(max_examples=120)
@given(erasing_pipelines(), images(), st.integers(0, 2**32))
def test_native_results_equal_the_reference_s(pipeline: Pipeline, image: NDArray[np.uint8], seed: int) -> None:
    assert tolerance("RandomErasing", "native") == tolerance("Cutout", "native") == 0
    table = pipeline.params(range(3), sizes=image.shape[:2], seed=seed)
    native, expected = (kind(pipeline).run([image] * 3, table) for kind in (NativeExecutor, ReferenceExecutor))
    for result, oracle in zip(native, expected, strict=True):
        assert result.dtype == oracle.dtype == pipeline.dtype
        assert np.array_equal(result, oracle)


@settings(max_examples=60)
@given(erasing_pipelines(), st.lists(images(), min_size=1, max_size=3), st.integers(0, 2**32))
def test_torch_results_equal_the_reference_s(pipeline: Pipeline, pictures: list[Any], seed: int) -> None:
    assert tolerance("RandomErasing", "torch") == tolerance("Cutout", "torch") == 0
    table = pipeline.params(range(len(pictures)), sizes=[image.shape[:2] for image in pictures], seed=seed)
    ours, expected = (kind(pipeline).run(pictures, table) for kind in (TorchExecutor, ReferenceExecutor))
    for result, oracle in zip(ours, expected, strict=True):
        assert result.dtype == oracle.dtype == pipeline.dtype
        assert np.array_equal(result, oracle)


TAILS: list[list[Op]] = [
    [RandomErasing(0.7, value=(9, 8, 7)), Cutout(3, 2, 5)],
    [FLOAT, NORMALIZE, RandomErasing(0.7, value="random"), Cutout(3)],
    [ToDtype("float16", scale=True), NORMALIZE, RandomErasing(0.7, value="random"), RandomErasing(value=0.3)],
]


@pytest.mark.parametrize("tail", TAILS, ids=["uint8", "float32", "float16"])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=["planes", "pixels"])
def test_batches_of_the_loader_hold_what_the_pipeline_makes(tail: list[Op], memory_format: Any) -> None:
    dataset, pipeline = arrays(), Pipeline([CenterCrop((11, 14)), RandomHorizontalFlip(), *tail])
    loader = DataLoader(dataset, 5, augment=pipeline, seed=3, num_workers=2, shuffle=False, memory_format=memory_format)
    assert loader.explain().startswith("engine: native")
    made = torch.cat([images for images, _ in loader])
    for index, result in enumerate(made):
        assert np.array_equal(result.numpy(), pipeline.apply(dataset[index][0], index, seed=3))


# --- orders --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        (
            [RandomErasing(), CenterCrop(3)],
            "Pipeline: CenterCrop at position 1 comes after RandomErasing at position 0, which works on the finished "
            "result; move CenterCrop before RandomErasing",
        ),
        (
            [FLOAT, Cutout(3), NORMALIZE],
            "Pipeline: Normalize at position 2 comes after Cutout at position 1, which works on the finished result; "
            "move Normalize before Cutout",
        ),
        (
            [Cutout(3), FLOAT],
            "Pipeline: ToDtype at position 1 comes after Cutout at position 0, which works on the finished result; "
            "move ToDtype before Cutout",
        ),
        (
            [MixUp(3), Cutout(3)],
            "Pipeline: Cutout at position 1 comes after MixUp at position 0, which works on finished batches; move "
            "Cutout before MixUp",
        ),
        (
            [CenterCrop(9), RandomErasing(value="random")],
            "Pipeline: RandomErasing at position 1 has value='random', normal noise, which needs floats, and works on "
            "uint8 there; put ToDtype('float32', scale=True) before it, or give value=0",
        ),
        (
            [ToDtype("uint8"), Cutout(9, value=(0, 0.5, 0))],
            "Pipeline: Cutout at position 1 works on uint8 there, so its value must be whole numbers from 0 to 255, "
            "got (0.0, 0.5, 0.0); change it, or put ToDtype('float32', scale=True) before it",
        ),
        (
            [RandomErasing(value=-1)],
            "Pipeline: RandomErasing at position 0 works on uint8 there, so its value must be whole numbers from 0 to "
            "255, got (-1.0, -1.0, -1.0); change it, or put ToDtype('float32', scale=True) before it",
        ),
    ],
)
def test_bad_orders_say_what_to_move_where(ops: list[Op], message: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$"):
        Pipeline(ops)


def test_several_may_follow_each_other() -> None:
    pipeline = Pipeline([FLOAT, RandomErasing(), Cutout(3), RandomErasing(value="random")])
    assert Pipeline.from_json(pipeline.to_json()) == pipeline
