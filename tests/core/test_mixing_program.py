"""What the ops that mix batches draw, against the oracle and torchvision's definitions, and what the core refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from support import drawing

from penstock import _core
from penstock.errors import SpecError

COUNT = 100_000
CHOICE = [("choice", (2,)), ("branch", (1, 1)), ("mix_up", (1, 1)), ("branch", (3, 1)), ("cut_mix", (1, 1))]


def draw(*ops: Any, size: tuple[int, int] = (32, 32), count: int = 1, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    program = _core.Program(ops)
    rows = np.arange(count)
    table = program.draw(seed, 0, rows, np.zeros_like(rows), np.full((count, 2), size, np.int32))
    return dict(zip(program.columns, table.T, strict=True))


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**64 - 1),
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    alpha=st.floats(0.05, 1) | st.floats(1, 1000),
    p=st.floats(0, 1),
)
def test_draws_are_the_oracle_s(seed: int, size: tuple[int, int], alpha: float, p: float) -> None:
    key = drawing.Key(seed, 0, 0, 0)
    mixed = draw(("mix_up", (alpha, p)), size=size, seed=seed)
    assert list(mixed) == ["0.apply", "0.lambda"]
    assert [values[0] for values in mixed.values()] == drawing.mix_up(key, 0, alpha, p)
    cut = draw(("cut_mix", (alpha, p)), size=size, seed=seed)
    assert list(cut) == [f"0.{field}" for field in ("apply", "lambda", "x", "y", "width", "height")]
    assert [values[0] for values in cut.values()] == drawing.cut_mix(key, 0, size, alpha, p)


@pytest.mark.parametrize("alpha", [0.2, 0.8, 1.0, 1.001, 2.0, 32.0, 5000.0])
def test_lambda_is_drawn_from_the_beta_distribution(alpha: float) -> None:
    drawn = draw(("mix_up", (alpha, 1)), count=COUNT)["0.lambda"]
    assert stats.kstest(drawn, stats.beta(alpha, alpha).cdf).pvalue > 1e-4


def test_a_small_alpha_is_exact_down_to_the_smallest_numbers() -> None:
    drawn = draw(("mix_up", (0.05, 1)), count=COUNT)["0.lambda"]
    lower = drawn[drawn < 0.5]  # close to 1 there are too few doubles
    assert stats.binomtest(len(lower), COUNT).pvalue > 1e-4
    assert stats.kstest(lower, lambda values: 2 * stats.beta(0.05, 0.05).cdf(values)).pvalue > 1e-4


def test_a_tiny_alpha_is_near_a_coin() -> None:
    drawn = draw(("mix_up", (1e-6, 1)), count=2000)["0.lambda"]
    assert ((drawn < 1e-12) | (drawn > 1 - 1e-12)).mean() > 0.99
    assert abs(drawn.mean() - 0.5) < 0.06


def test_a_cut_has_the_share_that_was_drawn_and_a_uniform_centre() -> None:
    size = (1000, 1000)
    drawn = draw(("cut_mix", (1, 1)), size=size, count=COUNT)
    area = drawn["0.width"] * drawn["0.height"] / 1e6
    np.testing.assert_allclose(drawn["0.lambda"], 1 - area, rtol=0, atol=1e-12)
    # Where nothing was cut off, the centre and the share can be told: the share is uniform, as Beta(1, 1) is.
    inside = (drawn["0.x"] > 0) & (drawn["0.y"] > 0)
    inside &= (drawn["0.x"] + drawn["0.width"] < 1000) & (drawn["0.y"] + drawn["0.height"] < 1000)
    sides = drawn["0.width"][inside]
    assert (sides == drawn["0.height"][inside]).all()
    free = 1000 - sides - 1
    assert stats.kstest((drawn["0.x"][inside] - 0.5) / free, stats.uniform.cdf).pvalue > 1e-4
    assert stats.kstest((drawn["0.y"][inside] - 0.5) / free, stats.uniform.cdf).pvalue > 1e-4


def test_they_are_applied_as_often_as_p_says() -> None:
    for name in ("mix_up", "cut_mix"):
        applied = int(draw((name, (1, 0.3)), count=COUNT)["0.apply"].sum())
        assert stats.binomtest(applied, COUNT, 0.3).pvalue > 1e-4


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        ([("mix_up", (0, 1))], "mix_up: alpha: expected a number above 0, up to 1e6, got 0"),
        ([("cut_mix", (float("nan"), 1))], "cut_mix: alpha: expected a number above 0, up to 1e6, got nan"),
        ([("mix_up", (1, 2))], "mix_up: p: expected a probability from 0 to 1, got 2"),
        ([("mix_up", (1,))], "mix_up: expected 2 arguments, got 1"),
        ([("mix_up", (1, 1)), ("cut_mix", (1, 1))], "cut_mix: expected nothing after mix_up"),
        ([*CHOICE, ("center_crop", (3, 3))], "center_crop: expected nothing after choice"),
        ([*CHOICE, ("mix_up", (1, 1))], "mix_up: expected nothing after choice"),
        ([("mix_up", (1, 1)), *CHOICE], "choice: expected nothing after mix_up"),
        ([("choice", (1,)), ("branch", (1, 2)), ("mix_up", (1, 1)), ("cut_mix", (1, 1))], "cut_mix: expected nothing"),
        ([("choice", (1,)), ("branch", (1, 0)), ("mix_up", (1, 1)), ("cut_mix", (1, 1))], "cut_mix: expected nothing"),
        ([("mix_up", (1, 1)), ("cutout", (1, 1, 0, 0, 0))], "cutout: expected nothing after mix_up"),
    ],
)
def test_bad_arguments_and_orders_are_refused(ops: list[Any], message: str) -> None:
    with pytest.raises(SpecError, match=f"^{message}"):
        _core.Program(ops)


def test_a_choice_of_them_draws_what_the_chosen_one_draws() -> None:
    drawn = draw(("to_dtype", (1, 1)), *CHOICE, count=1000)
    chosen = drawn["1.choice"] == 1
    assert stats.binomtest(int(chosen.sum()), 1000, 0.75).pvalue > 1e-4
    for index in range(1000):
        key = drawing.Key(0, 0, index, 0)
        cut = drawing.cut_mix(key, 5, (32, 32), 1, 1) if chosen[index] else [0] * 6
        mixed = [0, 0] if chosen[index] else drawing.mix_up(key, 3, 1, 1)
        assert [values[index] for values in drawn.values()] == [chosen[index], *mixed, *cut]


def test_single_images_are_left_as_they_are() -> None:
    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    made = _core.Program([("mix_up", (1, 1))]).apply(image, np.array([1, 0.5]))
    np.testing.assert_array_equal(made, image.transpose(2, 0, 1))
