"""Ops that warp: the oracle against Pillow and torchvision, the native kernels against the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from support.parity import tolerance
from support.pipelines import colours, conversions, images, movements, warps
from support.torchvision_shim import transforms_v1, transforms_v2

from penstock import _core
from penstock.augment import (
    CenterCrop,
    NativeExecutor,
    Op,
    Pipeline,
    RandomAffine,
    RandomHorizontalFlip,
    RandomInvert,
    RandomPerspective,
    RandomRotation,
    ReferenceExecutor,
    from_torchvision,
)
from penstock.augment.executors.transforming import transformed
from penstock.augment.executors.warping import (
    CORNERS,
    affine_coefficients,
    perspective_coefficients,
    rotation_coefficients,
    warp_coefficients,
)
from penstock.errors import SpecError

Picture = NDArray[np.uint8]

PHOTOGRAPH: Picture = load_sample_images().images[0][100:260, 200:420].copy()
MODES = {"nearest": 0, "bilinear": 2, "bicubic": 3}
V1, V2 = transforms_v1(), transforms_v2()
FUNCTIONAL = V1.functional
SLOW = {"max_examples": 40, "deadline": None}

modes = st.sampled_from(sorted(MODES))
fills = st.tuples(*[st.integers(0, 255)] * 3)
angles = st.sampled_from([-90.0, 0.0, 45.0, 90.0, 180.0, 270.0, 360.0]) | st.floats(-400, 400)
centers = st.none() | st.tuples(st.floats(-20, 90), st.floats(-20, 90))


@pytest.fixture(params=_core.simd_levels())
def simd_level(request: pytest.FixtureRequest) -> Any:
    _core.set_simd_level(request.param)
    yield request.param
    _core.set_simd_level(_core.simd_levels()[-1])


def run(executor: type[NativeExecutor | ReferenceExecutor], op: Op, image: Picture, **drawn: float) -> Picture:
    """(height, width, 3): what `op` makes of the image once it has drawn this."""
    pipeline = Pipeline([op])
    table = pipeline.params([0], sizes=image.shape[:2])
    values = np.array([[drawn[name.partition(".")[2]] for name in table.columns]], np.float64)
    (result,) = executor(pipeline).run([image], type(table)(table.columns, values))
    return np.asarray(result, np.uint8).transpose(1, 2, 0)


def assert_both(op: Op, image: Picture, expected: Any, **drawn: float) -> None:
    """The reference gives what is expected, the native kernels what the reference gives; both exactly."""
    assert tolerance(type(op).__name__, "reference") == tolerance(type(op).__name__, "native") == 0
    np.testing.assert_array_equal(run(ReferenceExecutor, op, image, **drawn), np.asarray(expected))
    np.testing.assert_array_equal(run(NativeExecutor, op, image, **drawn), np.asarray(expected))


def drawn_corners(moves: list[tuple[int, int]]) -> dict[str, float]:
    fields = [f"{name}_{axis}" for name in CORNERS for axis in "xy"]
    return {"apply": 1.0} | dict(zip(fields, map(float, np.ravel(moves)), strict=True))


def unchanged(**changes: float) -> dict[str, float]:
    """What `RandomAffine` draws where it changes nothing, but for this."""
    zeros = dict.fromkeys(("angle", "translate_x", "translate_y", "shear_x", "shear_y"), 0.0)
    return zeros | {"scale": 1.0, "aspect": 1.0} | changes


@settings(**SLOW)
@given(images(), angles, modes, centers, fills)
def test_rotation_equals_torchvision(
    image: Picture, angle: float, mode: str, center: tuple[float, float] | None, fill: tuple[int, int, int]
) -> None:
    op = RandomRotation((angle, angle), mode, center=center, fill=fill)
    expected = FUNCTIONAL.rotate(Image.fromarray(image), angle, V1.InterpolationMode(mode), False, center, fill)
    assert_both(op, image, expected, angle=angle)


@settings(**SLOW)
@given(
    images(),
    angles,
    st.tuples(st.integers(-40, 40), st.integers(-40, 40)),
    st.floats(0.1, 5),
    st.tuples(st.floats(-80, 80), st.floats(-80, 80)),
    modes,
    centers,
    fills,
)
def test_affine_equals_torchvision(
    image: Picture,
    angle: float,
    translate: tuple[int, int],
    scale: float,
    shear: tuple[float, float],
    mode: str,
    center: tuple[float, float] | None,
    fill: tuple[int, int, int],
) -> None:
    op = RandomAffine(0, interpolation=mode, center=center, fill=fill)
    expected = FUNCTIONAL.affine(
        Image.fromarray(image), angle, list(translate), scale, list(shear), V1.InterpolationMode(mode), fill, center
    )
    drawn = unchanged(
        angle=angle,
        translate_x=translate[0],
        translate_y=translate[1],
        scale=scale,
        shear_x=shear[0],
        shear_y=shear[1],
    )
    assert_both(op, image, expected, **drawn)


@settings(**SLOW)
@given(images(), modes, st.just(1.0) | st.floats(0.3, 3), st.floats(-99, 99), st.floats(-99, 99))
def test_moved_and_scaled_axes_equal_torchvision(image: Picture, mode: str, scale: float, x: float, y: float) -> None:
    # Pillow has an arithmetic of its own for axes that stay as they are.
    op = RandomAffine(0, interpolation=mode)
    expected = FUNCTIONAL.affine(Image.fromarray(image), 0, [x, y], scale, [0, 0], V1.InterpolationMode(mode), 0)
    assert_both(op, image, expected, **unchanged(translate_x=x, translate_y=y, scale=scale))


@settings(**SLOW)
@given(images(), st.floats(-80, 80), st.integers(-40, 40), centers, fills)
def test_rows_that_slide_equal_torchvision(
    image: Picture, shear: float, down: int, center: tuple[float, float] | None, fill: tuple[int, int, int]
) -> None:
    expected = FUNCTIONAL.affine(Image.fromarray(image), 0, [0, down], 1, [shear, 0], fill=fill, center=center)
    assert_both(
        RandomAffine(0, fill=fill, center=center), image, expected, **unchanged(translate_y=down, shear_x=shear)
    )


@settings(**SLOW)
@given(images(), st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)), min_size=4, max_size=4), modes, fills)
def test_perspective_equals_pillow_with_the_same_coefficients(
    image: Picture, shares: list[tuple[float, float]], mode: str, fill: tuple[int, int, int]
) -> None:
    height, width = image.shape[:2]
    moves = [(int(x * width), int(y * height)) for x, y in shares]
    (coefficients,) = perspective_coefficients(np.array([moves], np.float64), np.array([[height, width]]))
    expected = Image.fromarray(image).transform(
        (width, height), Image.Transform.PERSPECTIVE, tuple(coefficients), MODES[mode], fillcolor=fill
    )
    assert_both(RandomPerspective(interpolation=mode, fill=fill), image, expected, **drawn_corners(moves))


@pytest.mark.parametrize("mode", sorted(MODES))
def test_photographs_equal_torchvision_at_every_level(mode: str, simd_level: str) -> None:  # noqa: ARG001
    image, picture = PHOTOGRAPH, Image.fromarray(PHOTOGRAPH)
    theirs = V1.InterpolationMode(mode)
    height, width = image.shape[:2]
    rotated = FUNCTIONAL.rotate(picture, 33.3, theirs, False, None, (9, 200, 70))
    assert_both(RandomRotation(40, mode, fill=(9, 200, 70)), image, rotated, angle=33.3)
    moved = FUNCTIONAL.affine(picture, -12.5, [20, -7], 1.3, [11.0, -6.0], theirs, 77)
    drawn = unchanged(angle=-12.5, translate_x=20, translate_y=-7, scale=1.3, shear_x=11.0, shear_y=-6.0)
    assert_both(RandomAffine(20, interpolation=mode, fill=77), image, moved, **drawn)
    moves = [(31, 17), (40, 3), (11, 29), (5, 22)]
    starts = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
    ends = [[31, 17], [width - 41, 3], [width - 12, height - 30], [5, height - 23]]
    tilted = FUNCTIONAL.perspective(picture, starts, ends, theirs, 5)
    assert_both(RandomPerspective(interpolation=mode, fill=5), image, tilted, **drawn_corners(moves))


@settings(**SLOW)
@given(st.data(), st.integers(2, 500), st.integers(2, 500), st.floats(0, 0.95))
def test_perspective_coefficients_are_torchvisions(
    data: st.DataObject, height: int, width: int, distortion: float
) -> None:
    across, down = (int(distortion * (side // 2)) for side in (width, height))
    moves = data.draw(st.lists(st.tuples(st.integers(0, across), st.integers(0, down)), min_size=4, max_size=4))
    right, bottom = width - 1, height - 1
    starts = [[0, 0], [right, 0], [right, bottom], [0, bottom]]
    signs = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    ends = [[x + s * dx, y + t * dy] for (x, y), (s, t), (dx, dy) in zip(starts, signs, moves, strict=True)]
    expected = FUNCTIONAL._get_perspective_coeffs(starts, ends)
    (result,) = perspective_coefficients(np.array([moves], np.float64), np.array([[height, width]]))
    np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-9)


def test_nothing_moved_is_nothing_changed() -> None:
    expected = Image.fromarray(PHOTOGRAPH)
    for mode in MODES:
        assert_both(RandomPerspective(interpolation=mode), PHOTOGRAPH, expected, **drawn_corners([(0, 0)] * 4))
        assert_both(RandomAffine(0, interpolation=mode), PHOTOGRAPH, expected, **unchanged())


@pytest.mark.parametrize(
    ("shape", "moves"),
    [
        ((9, 1), [(0, 0), (0, 1), (0, 1), (0, 0)]),
        ((1, 1), [(0, 0)] * 4),
        ((9, 9), [(0, 0), (4, 4), (0, 0), (0, 0)]),  # three corners in a line
        ((9, 9), [(4, 4), (4, 4), (4, 4), (4, 4)]),
    ],
)
def test_where_no_perspective_exists_the_image_stays(shape: tuple[int, int], moves: list[tuple[int, int]]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert_both(RandomPerspective(), image, image, **drawn_corners(moves))


def test_what_is_not_applied_changes_nothing() -> None:
    assert_both(RandomPerspective(), PHOTOGRAPH, PHOTOGRAPH, **(drawn_corners([(9, 9)] * 4) | {"apply": 0.0}))


def test_aspect_stretches_the_width_and_keeps_the_area() -> None:
    (matrix,) = affine_coefficients(
        *(np.array([value]) for value in (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 4.0)), center=np.array([[0.0, 0.0]])
    )
    assert matrix.tolist() == [0.5, 0, 0, 0, 2, 0]
    image = np.zeros((40, 40, 3), np.uint8)
    image[18:22, 18:22] = 255
    result = run(NativeExecutor, RandomAffine(0), image, **unchanged(aspect=4.0))
    rows, columns = np.nonzero(result[..., 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (19, 20, 16, 23)
    np.testing.assert_array_equal(result, run(ReferenceExecutor, RandomAffine(0), image, **unchanged(aspect=4.0)))


def test_rotation_is_rounded_as_pillow_rounds_it() -> None:
    turns = np.linspace(-720, 720, 20_001)
    center = np.tile([[3.5, 8.25]], (len(turns), 1))
    table = rotation_coefficients(turns, center)
    assert (np.round(table[:, 0] * 1e15) / 1e15 == table[:, 0]).mean() > 0.9
    image = np.arange(17 * 9 * 3, dtype=np.uint8).reshape(17, 9, 3)
    for angle in turns[::101]:
        expected = Image.fromarray(image).rotate(angle, Image.Resampling.BICUBIC, center=(3.5, 8.25))
        op = RandomRotation(999, "bicubic", center=(3.5, 8.25))
        np.testing.assert_array_equal(run(NativeExecutor, op, image, angle=angle), np.asarray(expected))


@pytest.mark.parametrize("mode", sorted(MODES))
@pytest.mark.parametrize("scale", [1e-4, 1e-6, 1e4])
def test_places_far_away_equal_pillow(mode: str, scale: float) -> None:
    # Beyond 32768 Pillow gives up its fixed point.
    image, picture = PHOTOGRAPH[:40, :50], Image.fromarray(PHOTOGRAPH[:40, :50])
    op = RandomAffine(0, interpolation=mode, center=(25.0, 20.0))
    expected = FUNCTIONAL.affine(picture, 30, [0, 0], scale, [0, 0], V1.InterpolationMode(mode), 0, [25.0, 20.0])
    assert_both(op, image, expected, **unchanged(angle=30, scale=scale))


def test_wide_images_equal_pillow() -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 40_000, 3), np.uint8)
    expected = Image.fromarray(image).rotate(0.001)
    assert_both(RandomRotation(1), image, expected, angle=0.001)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(warps() | colours() | movements(), min_size=1, max_size=4),
    conversions(),
    images(),
    st.integers(0, 99),
    st.sampled_from(_core.simd_levels()),
)
def test_any_order_equals_the_reference(ops: list[Op], tail: list[Op], image: Picture, index: int, level: str) -> None:
    _core.set_simd_level(level)
    pipeline = Pipeline([*ops, *tail])
    table = pipeline.params([index], sizes=image.shape[:2])
    (result,) = NativeExecutor(pipeline).run([image], table)
    _core.set_simd_level(_core.simd_levels()[-1])
    (expected,) = ReferenceExecutor(pipeline).run([image], table)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


def test_moved_pixels_are_warped_where_they_are() -> None:
    ops: list[Op] = [RandomHorizontalFlip(1.0), RandomRotation((25, 25)), CenterCrop((64, 80)), RandomInvert(1.0)]
    image = Image.fromarray(PHOTOGRAPH).transpose(Image.Transpose.FLIP_LEFT_RIGHT).rotate(25)
    expected = 255 - np.asarray(image)[48:112, 70:150]
    result = Pipeline(ops).apply(PHOTOGRAPH)
    np.testing.assert_array_equal(result.transpose(1, 2, 0), expected)


def test_coefficients_come_by_column() -> None:
    sizes = np.random.default_rng(0).integers(2, 300, (30, 2))
    for op in (RandomRotation(90), RandomAffine(30, (0.1, 0.2), (0.5, 2), 20, aspect=(0.5, 2)), RandomPerspective()):
        table = Pipeline([op]).params(range(30), sizes=sizes)
        drawn = {name.partition(".")[2]: table[name] for name in table.columns}
        whole = warp_coefficients(op, drawn, sizes)
        assert whole.shape == (30, 8 if isinstance(op, RandomPerspective) else 6)
        for k in range(30):
            one = warp_coefficients(op, {name: column[[k]] for name, column in drawn.items()}, sizes[[k]])
            np.testing.assert_array_equal(one[0], whole[k])
    with pytest.raises(TypeError, match="RandomInvert is no warp"):
        warp_coefficients(RandomInvert(), {}, sizes)


def test_transformed_gives_new_memory() -> None:
    image = PHOTOGRAPH.copy()
    result = transformed(image, np.array([1.0, 0, 0, 0, 1, 0]), "nearest", 0)
    np.testing.assert_array_equal(result, image)
    assert not np.shares_memory(result, image)


@pytest.mark.parametrize("library", [V1, V2], ids=["v1", "v2"])
class TestTranslator:
    def test_arguments_arrive(self, library: Any) -> None:
        bicubic = V1.InterpolationMode.BICUBIC
        theirs = [
            library.RandomRotation(30),
            library.RandomRotation((10, 20), bicubic, center=(3, 4), fill=(1, 2, 3)),
            library.RandomAffine(5),
            library.RandomAffine((1, 2), (0.1, 0.2), (0.5, 2), (1, 2, 3, 4), bicubic, 7, (8, 9)),
            library.RandomPerspective(),
            library.RandomPerspective(0.3, 0.9, V1.InterpolationMode.NEAREST, 9),
            library.PILToTensor(),
        ]
        assert from_torchvision(library.Compose(theirs)) == Pipeline(
            [
                RandomRotation(30),
                RandomRotation((10, 20), "bicubic", center=(3, 4), fill=(1, 2, 3)),
                RandomAffine(5),
                RandomAffine((1, 2), (0.1, 0.2), (0.5, 2), (1, 2, 3, 4), "bicubic", 7, (8, 9)),
                RandomPerspective(),
                RandomPerspective(0.3, 0.9, "nearest", 9),
            ]
        )

    def test_results_that_grow_are_refused(self, library: Any) -> None:
        with pytest.raises(
            SpecError, match=r"\(RandomRotation\): expand must be False, got True; the size would depend"
        ):
            from_torchvision(library.Compose([library.RandomRotation(5, expand=True), library.PILToTensor()]))

    def test_tensors_are_refused(self, library: Any) -> None:
        with pytest.raises(
            SpecError, match=r"\(RandomAffine\) warps uint8 tensors there, to other pixels than PIL images"
        ):
            from_torchvision(library.Compose([library.PILToTensor(), library.RandomAffine(5)]))
