"""What the warps draw, against the oracle and torchvision's definitions, and what the core refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from support.drawing import Key, affine, flip, perspective_corners, uniform

from penstock import _core
from penstock.errors import OptionError, SpecError

COUNT = 100_000
SIZE = (120, 300)
PLAIN = (0.0, 0.0, 0.0, 0.0)
MIDDLE = (0.0, 0.0, 0.0)
ROTATION = ("random_rotation", (-30.0, 45.0, *PLAIN, *MIDDLE))
AFFINE_BOUNDS = (-30.0, 45.0, 0.1, 0.3, 0.5, 1.5, -20.0, 10.0, 0.0, 5.0, 0.5, 2.0)
AFFINE = ("random_affine", (*AFFINE_BOUNDS, *PLAIN, *MIDDLE))
PERSPECTIVE = ("random_perspective", (0.4, 0.3, *PLAIN))


def draw(*ops: tuple[str, tuple[float, ...]], count: int = COUNT, **key: int) -> dict[str, NDArray[np.float64]]:
    program = _core.Program(ops)
    rows = np.arange(count)
    key = {"seed": 0, "epoch": 0} | key
    sizes = np.full((count, 2), SIZE, np.int32)
    table = program.draw(key["seed"], key["epoch"], rows, np.zeros_like(rows), sizes)
    return dict(zip(program.columns, table.T, strict=True))


def test_draws_are_the_oracles() -> None:
    drawn = draw(ROTATION, AFFINE, PERSPECTIVE, count=50, seed=9, epoch=3)
    for index in range(50):
        key = Key(9, 3, index, 0)
        rows = [[values[index] for name, values in drawn.items() if name.startswith(f"{op}.")] for op in range(3)]
        assert rows[0] == [uniform(key.doubles(0, 0)[0], -30.0, 45.0)]
        assert rows[1] == affine(key, 1, SIZE, AFFINE_BOUNDS)
        assert rows[2] == [flip(key, 2, 0.3), *perspective_corners(key, 2, SIZE, 0.4)]


def test_ranges_are_uniform_and_the_aspect_in_its_logarithm() -> None:
    drawn = draw(ROTATION, AFFINE)
    bounds = {
        "0.angle": (-30, 45),
        "1.angle": (-30, 45),
        "1.scale": (0.5, 1.5),
        "1.shear_x": (-20, 10),
        "1.shear_y": (0, 5),
    }
    for name, (low, high) in bounds.items():
        assert stats.kstest(drawn[name], stats.uniform(low, high - low).cdf).pvalue > 1e-4
    logarithm = np.log(drawn["1.aspect"])
    assert stats.kstest(logarithm, stats.uniform(np.log(0.5), np.log(4)).cdf).pvalue > 1e-4


def test_translations_are_rounded_uniform_numbers() -> None:
    drawn = draw(AFFINE)
    for name, most in (("0.translate_x", 30), ("0.translate_y", 36)):
        values, counts = np.unique(drawn[name], return_counts=True)
        assert values.tolist() == list(range(-most, most + 1))
        # Both ends have half of what the others have.
        shares = np.array([0.5, *[1.0] * (2 * most - 1), 0.5]) / (2 * most)
        assert stats.chisquare(counts, COUNT * shares).pvalue > 1e-4


def test_corners_move_as_far_inwards_as_torchvision_says() -> None:
    drawn = draw(PERSPECTIVE)
    assert stats.binomtest(int(drawn["0.apply"].sum()), COUNT, 0.3).pvalue > 1e-4
    for name, values in drawn.items():
        if name == "0.apply":
            continue
        places, counts = np.unique(values, return_counts=True)
        assert places.tolist() == list(range(61 if name.endswith("x") else 25))
        assert stats.chisquare(counts).pvalue > 1e-4


def test_neighbours_epochs_seeds_and_fields_are_uncorrelated() -> None:
    first = draw(ROTATION, AFFINE, PERSPECTIVE)
    limit = 4.8 / np.sqrt(COUNT)
    for other in (draw(ROTATION, AFFINE, PERSPECTIVE, epoch=1), draw(ROTATION, AFFINE, PERSPECTIVE, seed=1)):
        for name, values in first.items():
            assert abs(np.corrcoef(values, other[name])[0, 1]) < limit
    for values in first.values():
        assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < limit
    among = np.corrcoef(list(first.values())) - np.eye(len(first))
    assert np.abs(among).max() < limit


def changed(op: tuple[str, tuple[float, ...]], position: int, value: float) -> tuple[str, tuple[float, ...]]:
    name, arguments = op
    return name, (*arguments[:position], value, *arguments[position + 1 :])


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (
            changed(ROTATION, 0, float("nan")),
            r"random_rotation: angle_min: expected a finite number in its bounds, got",
        ),
        (changed(ROTATION, 1, -31), r"random_rotation: angle_max: expected a finite number, not below the lower, got"),
        (changed(ROTATION, 2, 1), r"interpolation: expected 0 \(nearest\), 2 \(bilinear\) or 3 \(bicubic\), got 1"),
        (changed(ROTATION, 4, 256), r"random_rotation: fill: expected 0 to 255, got 256"),
        (changed(ROTATION, 6, 2), r"random_rotation: has_center: expected 0 or 1, got 2"),
        (changed(ROTATION, 7, float("inf")), r"random_rotation: center: expected a finite number, got inf"),
        (changed(AFFINE, 3, 1.5), r"random_affine: translate: expected a share from 0 to 1, got 1\.5"),
        (changed(AFFINE, 4, 0), r"random_affine: scale_min: expected a finite number in its bounds, got 0"),
        (changed(AFFINE, 7, -30), r"random_affine: shear_x_max: expected a finite number, not below the lower, got"),
        (changed(AFFINE, 10, -1), r"random_affine: aspect_min: expected a finite number in its bounds, got -1"),
        (changed(PERSPECTIVE, 0, 2), r"random_perspective: distortion_scale: expected a share from 0 to 1, got 2"),
        (changed(PERSPECTIVE, 1, 2), r"random_perspective: p: expected a probability from 0 to 1, got 2"),
        (("random_perspective", (1.0,)), r"random_perspective: expected 6 arguments, got 1"),
    ],
)
def test_bad_arguments_are_refused(op: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        _core.Program([op])


@pytest.mark.parametrize(
    ("op", "row", "message"),
    [
        (ROTATION, [float("inf")], r"params: expected an angle, got inf; draw them with this program"),
        (AFFINE, [0, 0, float("nan"), 1, 0, 0, 1], r"params: expected a number, got -?nan; draw them"),
        (AFFINE, [0, 0, 0, 0, 0, 0, 1], r"params: expected a scale above 0, got 0\.0+; draw them"),
        (AFFINE, [0, 0, 0, 1, 0, 0, -1], r"params: expected an aspect above 0, got -1\.0+; draw them"),
        (PERSPECTIVE, [1, -1, 0, 0, 0, 0, 0, 0, 0], r"params: expected a corner in the image, got -1\.0+; draw them"),
        (PERSPECTIVE, [1, 0, 9, 0, 0, 0, 0, 0, 0], r"params: expected a corner in the image, got 9\.0+; draw them"),
    ],
)
def test_parameters_that_nobody_drew_are_refused(op: Any, row: list[float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        _core.Program([op]).apply(np.zeros((4, 4, 3), np.uint8), np.array(row, np.float64))
