"""What the erasing ops draw, against the oracle and torchvision's definitions, and what the core refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from support import drawing

from penstock import _core
from penstock.errors import OptionError, SpecError

COUNT = 100_000
SCALE, RATIO = (0.02, 0.33), (0.3, 3.3)
FLOAT = ("to_dtype", (1.0, 1.0))
NOISE = ("random_erasing", (0.7, *SCALE, *RATIO, 1.0, 0.0, 0.0, 0.0))

sides = st.integers(1, 9) | st.integers(1, 600)


def erasing(p: float = 1.0, scale: Any = SCALE, ratio: Any = RATIO, value: Any = (0, 0, 0)) -> Any:
    return "random_erasing", (p, *scale, *ratio, 0.0, *value)


def draw(*ops: Any, size: tuple[int, int], count: int = 1, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    program = _core.Program(ops)
    rows = np.arange(count)
    sizes = np.full((count, 2), size, np.int32)
    table = program.draw(seed, 0, rows, np.zeros_like(rows), sizes)
    return dict(zip(program.columns, table.T, strict=True))


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**64 - 1),
    size=st.tuples(sides, sides),
    p=st.floats(0, 1),
    scale=st.tuples(st.floats(0, 1), st.floats(0.01, 1)).map(sorted),
    ratio=st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)).map(sorted),
    length=st.integers(1, 700),
    holes=st.integers(1, 4),
)
def test_draws_are_the_oracle_s(
    seed: int, size: tuple[int, int], p: float, scale: Any, ratio: Any, length: int, holes: int
) -> None:
    cutout = ("cutout", (length, holes, 0, 0, 0))
    drawn = draw(erasing(p, scale, ratio), cutout, size=size, seed=seed)
    key = drawing.Key(seed, 0, 0, 0)
    expected = drawing.random_erasing(key, 0, size, p, scale, ratio) + drawing.cutout(key, 1, size, length, holes)
    assert [values[0] for values in drawn.values()] == expected
    for x, y, width, height in np.reshape(expected[1:], (-1, 4)):
        assert 0 <= x <= x + width <= size[1]
        assert 0 <= y <= y + height <= size[0]


def test_columns_are_named() -> None:
    program = _core.Program([FLOAT, NOISE, ("cutout", (8, 2, 0, 0, 0))])
    fields = ["apply", "x", "y", "width", "height", "noise_0", "noise_1"]
    holes = [f"{field}_{hole}" for hole in range(2) for field in ("x", "y", "width", "height")]
    assert program.columns == [*(f"1.{field}" for field in fields), *(f"2.{field}" for field in holes)]


def test_noise_has_a_key_of_its_own_for_each_sample() -> None:
    drawn = draw(FLOAT, NOISE, size=(30, 40), count=200, seed=5)
    for index in range(200):
        key = drawing.Key(5, 0, index, 0)
        assert [drawn["1.noise_0"][index], drawn["1.noise_1"][index]] == drawing.noise_key(key, 1)
    assert len(set(drawn["1.noise_0"])) == 200


def test_areas_and_ratios_are_torchvision_s() -> None:
    drawn = draw(erasing(), size=(5000, 5000), count=COUNT)
    assert drawn["0.apply"].all()
    area = drawn["0.width"] * drawn["0.height"] / 5000**2
    ratio = np.log(drawn["0.height"] / drawn["0.width"])
    # Sides are whole pixels, which moves areas by up to 1 in 1,000: far less than 100,000 draws can tell.
    assert stats.kstest(area, stats.uniform(SCALE[0], SCALE[1] - SCALE[0]).cdf).pvalue > 1e-4
    low, high = map(math.log, RATIO)
    # A rectangle that does not fit is drawn again, so the whole range comes only where the area is small.
    small = area < 0.25
    assert stats.kstest(ratio[small], stats.uniform(low, high - low).cdf).pvalue > 1e-4
    free = 5000 - drawn["0.width"] + 1
    assert stats.kstest((drawn["0.x"] + 0.5) / free, stats.uniform.cdf).pvalue > 1e-4
    free = 5000 - drawn["0.height"] + 1
    assert stats.kstest((drawn["0.y"] + 0.5) / free, stats.uniform.cdf).pvalue > 1e-4


def test_it_is_applied_as_often_as_p_says() -> None:
    applied = int(draw(erasing(0.3), size=(100, 100), count=COUNT)["0.apply"].sum())
    assert stats.binomtest(applied, COUNT, 0.3).pvalue > 1e-4


def test_nothing_is_erased_where_nothing_fits() -> None:
    for drawn in (draw(erasing(1.0, (1, 1)), size=(8, 9)), draw(erasing(1.0, (0.5, 0.5), (1, 1)), size=(1, 90))):
        assert not any(values[0] for values in drawn.values())


def test_centres_of_squares_are_uniform() -> None:
    drawn = draw(("cutout", (1, 1, 0, 0, 0)), size=(7, 5), count=COUNT)
    assert (drawn["0.width_0"] == 1).all()
    places = drawn["0.y_0"] * 5 + drawn["0.x_0"]
    assert stats.chisquare(np.bincount(places.astype(int), minlength=35)).pvalue > 1e-4


BAD: list[tuple[list[Any], str]] = [
    ([erasing(1.5)], "random_erasing: p: expected a probability from 0 to 1, got 1.5"),
    ([erasing(scale=(-1, 0.5))], "random_erasing: scale_min: expected 0 to 1, got -1"),
    ([erasing(scale=(0.5, 0.25))], "random_erasing: scale_max: expected scale_min to 1, got 0.25"),
    ([erasing(ratio=(0, 1))], "random_erasing: ratio_min: expected a finite number above 0, got 0"),
    ([erasing(ratio=(2, 1))], "random_erasing: ratio_max: expected at least ratio_min, got 1"),
    ([erasing(value=(0, 256, 0))], "random_erasing: value: expected a whole number from 0 to 255 for uint8, got 256"),
    ([FLOAT, erasing(value=(0, 1e39, 0))], "random_erasing: value: expected a number in the range of float32"),
    ([NOISE], "random_erasing: noise: expected 0 for uint8, got 1"),
    ([FLOAT, ("random_erasing", (1, *SCALE, *RATIO, 2, 0, 0, 0))], "random_erasing: noise: expected 0 or 1, got 2"),
    ([("cutout", (0, 1, 0, 0, 0))], "cutout: length: expected 1 to 65535, got 0"),
    ([("cutout", (8, 65, 0, 0, 0))], "cutout: n_holes: expected 1 to 64, got 65"),
    ([("cutout", (8, 1, 0.5, 0, 0))], "cutout: value: expected a whole number from 0 to 255 for uint8, got 0.5"),
    ([("cutout", (8, 1))], "cutout: expected 5 arguments, got 2"),
    ([erasing(), FLOAT], "to_dtype: expected before random_erasing; move it there"),
    ([("cutout", (8, 1, 0, 0, 0)), ("center_crop", (3, 3))], "center_crop: expected before cutout; move it there"),
]


@pytest.mark.parametrize(("ops", "message"), BAD)
def test_bad_arguments_and_orders_are_refused(ops: list[Any], message: str) -> None:
    with pytest.raises(SpecError, match=f"^{message}"):
        _core.Program(ops)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            [1, 3, 0, 3, 2, 0, 0],
            "params: expected a rectangle of whole pixels inside the result of 5x4 to erase, got x=3",
        ),
        ([1, -1, 0, 3, 2, 0, 0], "params: expected a rectangle of whole pixels inside the result of 5x4"),
        ([1, 0.5, 0, 3, 2, 0, 0], "params: expected a rectangle of whole pixels inside the result of 5x4"),
        ([1, 0, 0, 3, float("nan"), 0, 0], "params: expected a rectangle of whole pixels inside the result of 5x4"),
        ([1, 0, 0, 3, 2, 0.5, 0], "params: expected a word of 32 bits as the key of noise, got 0.5"),
        ([1, 0, 0, 3, 2, 0, 2**32], "params: expected a word of 32 bits as the key of noise, got 4294967296"),
    ],
)
def test_parameters_that_were_not_drawn_for_the_image_are_refused(row: list[float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        _core.Program([FLOAT, NOISE]).apply(np.zeros((4, 5, 3), np.uint8), np.array(row, np.float64))
