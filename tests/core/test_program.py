"""Program: what is drawn equals plain Python to the last bit, and is distributed as the ops' definitions say."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from support import drawing
from support.torchvision_shim import transforms_v1

from penstock._core import Program
from penstock.errors import DecodeError, OptionError, SpecError

SCALE, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)
CROP = ("random_resized_crop", (224.0, 224.0, *SCALE, *RATIO))
FLIP = ("random_horizontal_flip", (0.5,))
FLOAT = ("to_dtype", (1.0, 1.0))
NORMALIZE = ("normalize", (0.5, 0.5, 0.5, 0.2, 0.2, 0.2))
COUNT = 100_000
MAX_PIXELS = 178_956_970
"""Pillow's limit for decompression bombs; no op may make a larger image."""

seeds = st.integers(0, 2**64 - 1)
epochs = st.integers(0, 2**32 - 1)
counts = st.integers(0, 2**63 - 1)
sides = st.one_of(st.integers(1, 20), st.integers(1, 5000), st.sampled_from([1, 65535, 2**31 - 1]))


def draw(program: Program, sizes: Any, **key: Any) -> NDArray[np.float64]:
    sizes = np.asarray(sizes, np.int32).reshape(-1, 2)
    given_key = {"seed": 0, "epoch": 0, "indices": np.arange(len(sizes)), "draws": np.zeros(len(sizes), np.int64)}
    return program.draw(sizes=sizes, **(given_key | key))


@given(seed=seeds, epoch=epochs, index=counts, visit=counts, view=st.integers(0, 65535), height=sides, width=sides)
def test_table_equals_plain_python(
    seed: int, epoch: int, index: int, visit: int, view: int, height: int, width: int
) -> None:
    program = Program([CROP, FLIP, FLOAT, NORMALIZE])
    table = draw(
        program,
        [(height, width)],
        seed=seed,
        epoch=epoch,
        indices=np.array([index]),
        draws=np.array([visit]),
        view=view,
    )
    key = drawing.Key(seed, epoch, index, visit, view)
    crop = drawing.random_resized_crop(key, 0, (height, width), SCALE, RATIO)
    assert table.tolist() == [[*crop, drawing.flip(key, 1, 0.5)]]
    x, y, w, h = crop
    assert x >= 0
    assert y >= 0
    assert 1 <= w <= width - x
    assert 1 <= h <= height - y


@given(
    seed=seeds,
    size=st.tuples(st.integers(1, 600), st.integers(1, 600)),
    scale=st.tuples(st.floats(0, 2), st.floats(0.01, 2)).map(sorted),
    ratio=st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)).map(sorted),
)
def test_any_scale_and_ratio_equal_plain_python(
    seed: int, size: tuple[int, int], scale: tuple[float, float], ratio: tuple[float, float]
) -> None:
    table = draw(Program([("random_resized_crop", (8.0, 8.0, *scale, *ratio))]), [size], seed=seed)
    assert table.tolist() == [list(drawing.random_resized_crop(drawing.Key(seed, 0, 0, 0), 0, size, scale, ratio))]


@given(
    seed=seeds,
    size=st.tuples(sides, sides),
    crop=st.tuples(st.integers(1, 65535), st.integers(1, 65535)),
    margins=st.tuples(*[st.integers(0, 65535)] * 4),
)
def test_padded_crops_equal_plain_python(
    seed: int, size: tuple[int, int], crop: tuple[int, int], margins: tuple[int, int, int, int]
) -> None:
    program = Program([("random_crop", (*crop, *margins, 0, 0, 0, 0, 1)), ("random_vertical_flip", (0.5,))])
    left, top, right, bottom = margins
    down, across = (
        max(wanted - given - before - after, 0)
        for wanted, given, before, after in zip(crop, size, (top, left), (bottom, right), strict=True)
    )
    key = drawing.Key(seed, 0, 0, 0)
    padded = (left + across, top + down, right + across, bottom + down)
    expected = [*drawing.random_crop(key, 0, size, crop, padded), drawing.flip(key, 1, 0.5)]
    assert draw(program, [size], seed=seed).tolist() == [expected]


def test_places_of_crops_are_uniform() -> None:
    table = draw(Program([("random_crop", (8.0, 8.0, 2, 1, 0, 0, 0, 0, 0, 0, 0))]), np.full((40_000, 2), (10, 12)))
    for column, count, least in ((0, 7, -2), (1, 4, -1)):
        places, counts = np.unique(table[:, column], return_counts=True)
        assert places.tolist() == list(range(least, least + count))
        assert stats.chisquare(counts).pvalue > 1e-4
    assert abs(np.corrcoef(table.T)[0, 1]) < 0.03


@pytest.mark.parametrize(
    ("size", "crop"),
    [
        ((1000, 10), (0, 493, 10, 13)),
        ((10, 1000), (493, 0, 13, 10)),
        ((1, 1000), (499, 0, 1, 1)),
        ((1, 1), (0, 0, 1, 1)),
    ],
)
def test_central_crop_where_ten_tries_fail(size: tuple[int, int], crop: tuple[int, int, int, int]) -> None:
    program = Program([("random_resized_crop", (8.0, 8.0, 0.9, 1.0, *RATIO))])
    assert drawing.central_crop(size, RATIO) == crop
    assert draw(program, [size]).tolist() == [list(crop)]


def test_every_part_of_the_key_matters() -> None:
    program = Program([CROP, FLIP])
    keys: list[dict[str, Any]] = [
        {},
        {"seed": 1},
        {"seed": 2**32},
        {"epoch": 1},
        {"indices": np.array([1])},
        {"indices": np.array([2**32])},
        {"draws": np.array([1])},
        {"draws": np.array([2**32])},
        {"view": 1},
    ]
    assert len({tuple(draw(program, [(4000, 5000)], **key)[0]) for key in keys}) == len(keys)


def test_ops_of_one_kind_draw_apart() -> None:
    table = draw(Program([FLIP, FLIP, FLIP]), np.ones((64, 2)))
    assert len({tuple(column) for column in table.T}) == 3


def test_a_crop_after_a_resize_lies_in_the_resized_image() -> None:
    program = Program([("resize_short", (100.0, 0.0)), CROP])
    table = draw(program, np.full((50, 2), (300, 600)))
    expected = [
        drawing.random_resized_crop(drawing.Key(0, 0, row, 0), 1, (100, 200), SCALE, RATIO) for row in range(50)
    ]
    assert table.tolist() == [list(crop) for crop in expected]


def test_distribution_of_area_and_aspect_ratio() -> None:
    height, width, n = 4000, 4000, COUNT
    program = Program([("random_resized_crop", (224.0, 224.0, 0.1, 0.5, 0.5, 2.0))])  # always fits: no try fails
    x, y, w, h = draw(program, np.full((n, 2), (height, width)), seed=20).T
    assert stats.kstest(w * h / (height * width), stats.uniform(0.1, 0.4).cdf).pvalue > 1e-3
    assert stats.kstest(np.log(w / h), stats.uniform(math.log(0.5), math.log(4)).cdf).pvalue > 1e-3
    assert stats.kstest((x + 0.5) / (width - w + 1), "uniform").pvalue > 1e-3
    assert stats.kstest((y + 0.5) / (height - h + 1), "uniform").pvalue > 1e-3


def test_crops_are_distributed_as_torchvisions() -> None:
    """At a size where many of the ten tries fail, and the central crop is often taken."""
    height, width = 90, 400
    transforms = transforms_v1()
    image = torch.empty(3, height, width)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = [transforms.RandomResizedCrop.get_params(image, list(SCALE), list(RATIO)) for _ in range(10_000)]
    top, left, theirs_high, theirs_wide = np.array(drawn).T
    x, y, w, h = draw(Program([CROP]), np.full((COUNT, 2), (height, width)), seed=1).T
    for ours, theirs in ((x, left), (y, top), (w * h, theirs_wide * theirs_high), (w / h, theirs_wide / theirs_high)):
        assert stats.ks_2samp(ours, theirs).pvalue > 1e-4


def test_neighbours_epochs_and_seeds_of_crops_and_flips_are_uncorrelated() -> None:
    program = Program([CROP, FLIP])
    sizes = np.full((COUNT, 2), (4000, 4000))
    first, epoch, seed = (
        draw(program, sizes, **key).T
        for key in ({"epoch": 3, "seed": 7}, {"epoch": 4, "seed": 7}, {"epoch": 3, "seed": 8})
    )
    limit = 4.5 / np.sqrt(COUNT)
    for column, values in enumerate(first):
        assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < limit
        assert abs(np.corrcoef(values, epoch[column])[0, 1]) < limit
        assert abs(np.corrcoef(values, seed[column])[0, 1]) < limit


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_rate_of_flips(p: float) -> None:
    flips = draw(Program([("random_horizontal_flip", (p,))]), np.ones((COUNT, 2)), seed=5)
    assert set(np.unique(flips)) <= {0.0, 1.0}
    assert stats.binomtest(int(flips.sum()), COUNT, p).pvalue > 1e-3


def test_columns_dtype_and_output_size() -> None:
    program = Program([CROP, FLIP, FLOAT, NORMALIZE])
    assert program.columns == ["0.x", "0.y", "0.width", "0.height", "1.flip"]
    assert program.dtype == "float32"
    assert program.output_size == (224, 224)
    assert Program([("to_dtype", (2.0, 0.0))]).dtype == "float16"
    assert Program([]).dtype == "uint8"
    assert Program([]).columns == []
    assert draw(Program([]), np.ones((3, 2))).shape == (3, 0)


@pytest.mark.parametrize(
    ("ops", "size"),
    [
        ([], None),
        ([FLIP], None),
        ([("resize", (3.0, 5.0))], (3, 5)),
        ([("resize_short", (256.0, 0.0))], None),
        ([("resize_short", (256.0, 0.0)), ("center_crop", (224.0, 200.0))], (224, 200)),
        ([("resize", (30.0, 50.0)), ("resize_short", (60.0, 0.0))], (60, 100)),
        ([("resize", (30.0, 50.0)), ("resize_short", (60.0, 80.0))], (48, 80)),
    ],
)
def test_output_size(ops: list[tuple[str, tuple[float, ...]]], size: tuple[int, int] | None) -> None:
    assert Program(ops).output_size == size


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 600), st.integers(0, 900))
@example(height=1, width=498, short=600, max_size=0)
@settings(max_examples=50)
def test_resize_short_follows_torchvision(height: int, width: int, short: int, max_size: int) -> None:
    """`_compute_resized_output_size` of torchvision, seen through the size that reaches a later resize_short."""
    max_size = 0 if max_size < short else max_size
    side = min(height, width)
    new_short, new_long = short, int(short * max(height, width) / side)
    if max_size and new_long > max_size:
        new_short, new_long = max(1, int(max_size * new_short / new_long)), max_size
    ops = [("resize", (height, width)), ("resize_short", (short, max_size))]
    if new_short * new_long > MAX_PIXELS:
        with pytest.raises(DecodeError, match="resize_short would make"):
            Program(ops)
        return
    program = Program(ops)
    assert program.output_size == ((new_long, new_short) if width <= height else (new_short, new_long))


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        ([("blur", (1.0,))], 'expected an op of random_resized_crop, resize, .*, normalize, .*, got "blur"'),
        ([("pad", (-1, 0, 0, 0, 0, 0, 0, 0))], "pad: left: expected a whole number of pixels from 0 to 65535, got -1"),
        ([("pad", (0, 0, 0, 0, 4, 0, 0, 0))], "pad: mode: expected a whole number from 0 to 3, got 4"),
        ([("pad", (0, 0, 0, 0, 0, 0, 256, 0))], "pad: fill_1: expected a whole number from 0 to 255, got 256"),
        ([("random_crop", (0, 1, *[0] * 9))], "random_crop: height: expected .* got 0"),
        ([("random_crop", (1, 1, *[0] * 8, 2))], "random_crop: pad_if_needed: expected .* from 0 to 1, got 2"),
        ([("random_vertical_flip", (2,))], "random_vertical_flip: p: expected a probability from 0 to 1, got 2"),
        ([("resize", (1.0,))], "resize: expected 2 arguments, got 1"),
        ([("resize", (0.0, 5.0))], "resize: height: expected a whole number of pixels from 1 to 65535, got 0"),
        ([("center_crop", (5.0, 2.5))], "center_crop: width: expected a whole number .* got 2.5"),
        ([("resize", (math.nan, 2.0))], "resize: height: expected .* got nan"),
        ([("resize_short", (70000.0, 0.0))], "resize_short: short: expected .* got 70000"),
        ([("resize_short", (70.0, -1.0))], "resize_short: max_size: expected .* from 0 to 65535, got -1"),
        ([("resize_short", (70.0, 60.0))], "resize_short: max_size: expected 0 or at least `short`, got 60"),
        ([("random_resized_crop", (8, 8, 0.5, 0.1, 1, 1))], "scale_max: expected .* not below scale_min, got 0.1"),
        ([("random_resized_crop", (8, 8, -1, 1, 1, 1))], "scale_min: expected a finite number, 0 or more, got -1"),
        ([("random_resized_crop", (8, 8, 0, 1, 0, 1))], "ratio_min: expected a finite number above 0, got 0"),
        ([("random_resized_crop", (8, 8, 0, 1, 1, math.inf))], "ratio_max: expected a finite .* got inf"),
        ([("random_resized_crop", (8, 0, 0, 1, 1, 1))], "random_resized_crop: width: expected a whole number"),
        ([("random_horizontal_flip", (1.5,))], "random_horizontal_flip: p: expected a probability .* got 1.5"),
        ([("to_dtype", (3.0, 0.0))], "to_dtype: dtype: expected a whole number from 0 to 2, got 3"),
        ([("to_dtype", (1.0, 2.0))], "to_dtype: scale: expected a whole number from 0 to 1, got 2"),
        ([FLOAT, ("normalize", (0, 0, math.nan, 1, 1, 1))], "normalize: mean_2: expected a finite number, got nan"),
        ([FLOAT, ("normalize", (0, 0, 0, 1, 0, 1))], "normalize: std_1: expected a finite number above 0, got 0"),
        ([NORMALIZE], "normalize: expected floats, got uint8; put to_dtype"),
        ([("to_dtype", (0.0, 0.0)), NORMALIZE], "normalize: expected floats, got uint8"),
        ([FLOAT, FLIP], "random_horizontal_flip: expected before to_dtype"),
        ([FLOAT, FLOAT], "to_dtype: expected at most one"),
        ([FLOAT, NORMALIZE, NORMALIZE], "normalize: expected nothing after normalize"),
    ],
)
def test_refused_programs(ops: list[tuple[str, tuple[float, ...]]], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Program(ops)


def test_refused_draws() -> None:
    program = Program([CROP])
    with pytest.raises(
        OptionError, match=re.escape("draws: expected a numpy array, int64 of shape (2,), got int64 of")
    ):
        draw(program, [(5, 5)] * 2, draws=np.zeros(3, np.int64))
    with pytest.raises(
        OptionError, match=re.escape("indices: expected a numpy array, int64 of shape (2,), got float64")
    ):
        draw(program, [(5, 5)] * 2, indices=np.zeros(2))
    with pytest.raises(OptionError, match="indices: expected a one-dimensional numpy array, got list"):
        draw(program, [(5, 5)], indices=[0])
    with pytest.raises(OptionError, match=r"sizes: expected .*, int32 of shape \(1, 2\), got int64 of shape \(1, 2\)"):
        program.draw(0, 0, np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones((1, 2), np.int64))  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="view: expected an integer from 0 to 65535, got 65536"):
        draw(program, [(5, 5)], view=65536)
    with pytest.raises(DecodeError, match="expected an image of at least 1x1 px, got 0x5"):
        draw(program, [(5, 0)])


def test_an_image_that_would_become_enormous_is_refused() -> None:
    with pytest.raises(DecodeError, match="resize_short would make 25600000x256 px of an image of 100000x1 px"):
        draw(Program([("resize_short", (256.0, 0.0))]), [(1, 100_000)])


def test_strided_columns_are_read_right() -> None:
    program = Program([CROP])
    indices = np.arange(20)[::2]
    sizes = np.full((10, 4), 300, np.int32)[:, ::2]
    table = program.draw(0, 0, indices, np.zeros(10, np.int64), sizes)
    np.testing.assert_array_equal(table, draw(program, np.full((20, 2), 300))[::2])
