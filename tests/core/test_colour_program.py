"""What the colour ops draw, against the oracle and torchvision's definitions, and what the core refuses."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from support.drawing import Key, color_jitter, flip, gaussian_sigma, hsl, lighting

from penstock import _core
from penstock.errors import OptionError, SpecError

COUNT = 100_000
JITTER = ("color_jitter", (0.6, 1.4, 0.2, 1.9, 0.0, 2.5, -0.1, 0.3))
BLUR = ("gaussian_blur", (3.0, 5.0, 0.1, 2.0))
WITH_P: list[tuple[str, tuple[float, ...]]] = [
    ("random_invert", (0.3,)),
    ("random_solarize", (128.0, 0.3)),
    ("random_posterize", (4.0, 0.3)),
    ("random_autocontrast", (0.3,)),
    ("random_equalize", (0.3,)),
    ("random_grayscale", (0.3,)),
    ("random_adjust_sharpness", (2.0, 0.3)),
]


HSL = ("random_hsl", (36.0, 50.0, 3.0))
LIGHT = ("pca_lighting", (0.1, 55.46, 4.794, 1.148, *np.eye(3).ravel().tolist()))


def draw(*ops: tuple[str, tuple[float, ...]], count: int = COUNT, **key: int) -> dict[str, NDArray[np.float64]]:
    program = _core.Program(ops)
    rows = np.arange(count)
    key = {"seed": 0, "epoch": 0} | key
    table = program.draw(key["seed"], key["epoch"], rows, np.zeros_like(rows), np.ones((count, 2), np.int32))
    return dict(zip(program.columns, table.T, strict=True))


def test_draws_are_the_oracles() -> None:
    drawn = draw(*WITH_P, JITTER, BLUR, HSL, LIGHT, count=50, seed=9, epoch=3)
    for index in range(50):
        key = Key(9, 3, index, 0)
        for op in range(len(WITH_P)):
            assert drawn[f"{op}.apply"][index] == flip(key, op, 0.3)
        fields = [values[index] for name, values in drawn.items() if name.startswith("7.")]
        assert fields == color_jitter(key, 7, JITTER[1])
        assert drawn["8.sigma"][index] == gaussian_sigma(key, 8, (0.1, 2.0))
        assert [drawn[f"9.{part}"][index] for part in "hsl"] == hsl(key, 9, (36, 50, 3))
        assert [drawn[f"10.alpha_{k}"][index] for k in range(3)] == pytest.approx(lighting(key, 10, 0.1), rel=1e-14)


def test_every_op_is_applied_as_often_as_p_says() -> None:
    drawn = draw(*WITH_P)
    for values in drawn.values():
        assert stats.binomtest(int(values.sum()), COUNT, 0.3).pvalue > 1e-4


def test_factors_are_uniform() -> None:
    drawn = draw(JITTER, BLUR)
    bounds = {"brightness": (0.6, 1.4), "contrast": (0.2, 1.9), "saturation": (0.0, 2.5), "hue": (-0.1, 0.3)}
    for name, (low, high) in bounds.items():
        assert stats.kstest(drawn[f"0.{name}"], stats.uniform(low, high - low).cdf).pvalue > 1e-4
    assert stats.kstest(drawn["1.sigma"], stats.uniform(0.1, 1.9).cdf).pvalue > 1e-4


def test_hsl_is_cut_towards_zero() -> None:
    """0 comes from both sides; the largest is never reached. (u + 4 v) / 5 has a trapezoid for its density."""
    drawn = draw(HSL)
    for part, most in (("h", 36), ("s", 50), ("l", 3)):
        values, counts = np.unique(drawn[f"0.{part}"], return_counts=True)
        assert values.tolist() == list(range(1 - most, most))
        lowest = np.where(values > 0, values, values - 1)
        highest = np.where(values < 0, values, values + 1)
        below = stats.trapezoid(0.2, 0.8, loc=-most, scale=2 * most).cdf
        assert stats.chisquare(counts, (below(highest) - below(lowest)) * COUNT).pvalue > 1e-4
    assert not np.signbit(drawn["0.l"][drawn["0.l"] == 0]).any()


def test_light_is_normal() -> None:
    drawn = draw(LIGHT)
    factors = [drawn[f"0.alpha_{k}"] for k in range(3)]
    for values in factors:
        assert stats.kstest(values, stats.norm(0, 0.1).cdf).pvalue > 1e-4
    assert np.abs(np.corrcoef(factors) - np.eye(3)).max() < 4.5 / np.sqrt(COUNT)


def test_every_order_is_as_likely() -> None:
    drawn = draw(JITTER)
    orders = np.stack([drawn[f"0.order_{place}"] for place in range(4)], axis=1).astype(int)
    counts = Counter(map(tuple, orders.tolist()))
    assert len(counts) == 24
    assert all(sorted(order) == [0, 1, 2, 3] for order in counts)
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_neighbours_epochs_seeds_and_fields_are_uncorrelated() -> None:
    first = draw(JITTER, BLUR)
    names = ["0.brightness", "0.contrast", "0.saturation", "0.hue", "0.order_0", "1.sigma"]
    limit = 4.5 / np.sqrt(COUNT)
    for other in (draw(JITTER, BLUR, epoch=1), draw(JITTER, BLUR, seed=1)):
        for name in names:
            assert abs(np.corrcoef(first[name], other[name])[0, 1]) < limit
    for name in names:
        assert abs(np.corrcoef(first[name][1:], first[name][:-1])[0, 1]) < limit
    among = np.corrcoef([first[name] for name in names]) - np.eye(len(names))
    assert np.abs(among).max() < limit


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (("random_invert", (1.5,)), r"random_invert: p: expected a probability from 0 to 1, got 1\.5"),
        (("random_solarize", (float("nan"), 0.5)), r"random_solarize: threshold: expected a finite number, got nan"),
        (("random_posterize", (2.5, 0.5)), r"random_posterize: bits: expected 0 to 8, got 2\.5"),
        (("random_adjust_sharpness", (-1.0, 0.5)), r"random_adjust_sharpness: sharpness_factor: expected 0 or more"),
        (("color_jitter", (1, 1, 1, 1, 1, 1, -0.6, 0)), r"color_jitter: expected a lower end in its bounds, got -0\.6"),
        (("color_jitter", (1, 0.5, 1, 1, 1, 1, 0, 0)), r"color_jitter: expected an upper end in its bounds, not below"),
        (("gaussian_blur", (4, 3, 1, 1)), r"gaussian_blur: kernel_size: expected an odd number, got 4"),
        (("gaussian_blur", (3, 3, 0, 1)), r"gaussian_blur: sigma_min: expected a number above 0, got 0"),
        (("gaussian_blur", (3, 3, 2, 1)), r"gaussian_blur: sigma_max: expected at least sigma_min, got 1"),
        (("random_hsl", (181, 0, 0)), r"random_hsl: expected a whole number in its range, got 181"),
        (("random_hsl", (0, 0, 0.5)), r"random_hsl: expected a whole number in its range, got 0\.5"),
        (("pca_lighting", (-1, *[0] * 12)), r"pca_lighting: alpha_std: expected 0 or more, got -1"),
        (("pca_lighting", (0, *[0] * 11, float("nan"))), r"pca_lighting: eigval, eigvec: expected finite numbers, got"),
        (("grayscale", (3,)), r"grayscale: expected 0 arguments, got 1"),
    ],
)
def test_bad_arguments_are_refused(op: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        _core.Program([op])


@pytest.mark.parametrize(
    ("op", "row", "message"),
    [
        (JITTER, [0, 1, 2, 4, 1, 1, 1, 0], r"params: expected an order of 0, 1, 2 and 3, got 4"),
        (JITTER, [0, 1, 2, 3, -1, 1, 1, 0], r"params: expected a factor of 0 or more \(hue: -0.5 to 0.5\), got -1"),
        (JITTER, [0, 1, 2, 3, 1, 1, 1, 0.7], r"params: expected a factor of 0 or more \(hue: -0.5 to 0.5\), got 0\.7"),
        (JITTER, [0, 1, 2, 3, 1, float("nan"), 1, 0], r"params: expected a factor of 0 or more .* got -?nan"),
        (HSL, [0, 256, 0], r"params: expected a whole number from -255 to 255, got 256"),
        (HSL, [0.5, 0, 0], r"params: expected a whole number from -255 to 255, got 0\.5"),
        (LIGHT, [0, 0, float("nan")], r"params: expected a finite number, got -?nan"),
        (BLUR, [0], r"params: expected a sigma above 0, got 0\.0+; draw them with this program"),
    ],
)
def test_parameters_that_nobody_drew_are_refused(op: Any, row: list[float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        _core.Program([op]).apply(np.zeros((4, 4, 3), np.uint8), np.array(row, np.float64))
