"""The table of drawn numbers: its shape, its names, and what a row depends on."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pipelines import pipelines

from penstock.augment import (
    Pad,
    ParamTable,
    Pipeline,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Resize,
    ToDtype,
)
from penstock.errors import DecodeError, OptionError

CROPS = Pipeline(
    [Resize(64), RandomResizedCrop(24), RandomHorizontalFlip(), RandomResizedCrop((8, 9)), ToDtype("float32")]
)
COLUMNS = ("1.x", "1.y", "1.width", "1.height", "2.flip", "3.x", "3.y", "3.width", "3.height")
SIZES = np.random.default_rng(0).integers(1, 600, (500, 2))


def test_columns_are_named_by_position_and_field() -> None:
    table = CROPS.params(range(500), sizes=SIZES)
    assert table.columns == COLUMNS
    assert len(table) == 500
    assert table.values.shape == (500, 9)
    assert all(table[name].shape == (500,) for name in COLUMNS)
    np.testing.assert_array_equal(table["2.flip"], table.values[:, 4])
    np.testing.assert_array_equal(table.row(7), table.values[7])
    assert table.drawn(7, 3) == {field: table[f"3.{field}"][7] for field in ("x", "y", "width", "height")}
    assert table.drawn(7, 0) == {}


def test_position_ten_is_not_position_one() -> None:
    table = Pipeline([RandomHorizontalFlip(1.0)] * 10 + [RandomHorizontalFlip(0.0)]).params([0])
    assert table.drawn(0, 1) == {"flip": 1}
    assert table.drawn(0, 10) == {"flip": 0}


def test_unknown_column_names_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"no column '0.x'; the table has 1.x, 1.y, 1.width, 1.height, 2.flip"):
        _ = CROPS.params([0], sizes=(8, 8))["0.x"]


def test_crops_lie_in_the_image_that_reaches_the_op() -> None:
    table = CROPS.params(range(500), sizes=SIZES)
    short, long = SIZES.min(axis=1), SIZES.max(axis=1)
    longer = 64 * long // short
    width = np.where(SIZES[:, 1] <= SIZES[:, 0], 64, longer)
    assert (table["1.x"] + table["1.width"] <= width).all()
    assert (table["3.x"] + table["3.width"] <= 24).all()
    assert (table.values[:, [2, 3, 7, 8]] >= 1).all()


def test_image_smaller_than_a_crop_is_an_error_of_its_own() -> None:
    pipeline = Pipeline([RandomCrop((32, 40), padding=(1, 2))])
    assert len(pipeline.params([0, 1], sizes=[(28, 38), (500, 500)])) == 2
    expected = (
        r"^RandomCrop: size must fit the image, which is \(32, 39\) \(height, width\) in pixels, padding included, "
        r"got \(32, 40\); give pad_if_needed=True or more padding, or put a Resize before it$"
    )
    with pytest.raises(DecodeError, match=expected):
        pipeline.params([0, 1], sizes=[(28, 38), (28, 37)])


def test_image_that_padding_makes_too_large_is_an_error_of_its_own() -> None:
    expected = "^pad would make 60100x50100 px of an image of 60000x50000 px; leave the image out, or pad less$"
    with pytest.raises(DecodeError, match=expected):
        Pipeline([Pad(50), RandomCrop(8)]).params([0], sizes=(50_000, 60_000))


@settings(max_examples=30)
@given(pipelines(), st.permutations(range(20)), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
def test_a_row_depends_on_its_own_sample_alone(pipeline: Pipeline, order: list[int], seed: int, epoch: int) -> None:
    sizes, draws = SIZES[:20], np.arange(20) // 3
    whole = pipeline.params(range(20), epoch, seed, sizes, draws)
    shuffled = pipeline.params(order, epoch, seed, sizes[order], draws[order])
    np.testing.assert_array_equal(shuffled.values, whole.values[order])
    alone = [pipeline.params(k, epoch, seed, sizes[k], draws[[k]]).row(0) for k in range(20)]
    np.testing.assert_array_equal(alone, whole.values)


def test_seed_epoch_index_and_draw_all_count() -> None:
    def rows(**key: Any) -> Any:
        arguments = {"indices": range(50), "epoch": 0, "seed": 0, "sizes": (500, 375), "draws": [0] * 50} | key
        return CROPS.params(**arguments).values

    base = rows()
    np.testing.assert_array_equal(rows(), base)
    others: list[dict[str, Any]] = [{"seed": 1}, {"epoch": 1}, {"indices": range(50, 100)}, {"draws": [1] * 50}]
    for other in others:
        assert (rows(**other)[:, 0] != base[:, 0]).mean() > 0.9, other


def test_the_table_is_immutable() -> None:
    table = CROPS.params([0], sizes=(8, 8))
    for view in (table.values, table["1.x"], table.row(0)):
        with pytest.raises(ValueError, match="read-only"):
            view[...] = 0
    with pytest.raises(AttributeError):
        table.extra = 1  # type: ignore[attr-defined]


def test_the_table_copies_what_it_is_given() -> None:
    values = np.zeros((1, 1))
    table = ParamTable(["0.flip"], values)
    values[:] = 1
    assert table["0.flip"] == 0


def test_tables_are_equal_by_value_and_travel() -> None:
    table = CROPS.params(range(5), sizes=(40, 50))
    assert table == CROPS.params(range(5), sizes=(40, 50)) == pickle.loads(pickle.dumps(table)) == copy.copy(table)
    assert table != CROPS.params(range(5), seed=1, sizes=(40, 50))
    assert table != ParamTable(list("abcdefghi"), table.values)
    assert table != 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(table)


def test_repr_says_what_is_drawn() -> None:
    assert repr(Pipeline([RandomHorizontalFlip()]).params([1, 2])) == "ParamTable(2 samples: 0.flip)"
    assert repr(Pipeline().params([1])) == "ParamTable(1 samples: nothing drawn)"


def test_values_of_another_shape_are_refused() -> None:
    with pytest.raises(OptionError, match=r"values must be \(n, 2\) for columns \['a', 'b'\], got \(3, 1\)"):
        ParamTable(["a", "b"], np.zeros((3, 1)))


def test_no_samples_give_an_empty_table() -> None:
    assert CROPS.params([], sizes=np.zeros((0, 2), int)).values.shape == (0, 9)


INTS = r"must be \(n,\) ints from 0, below 2\*\*63"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"indices": [2**63]}, rf"indices {INTS}, got uint64 of shape \(1,\): \[9223"),
        ({"indices": [0, -1]}, rf"indices {INTS}, got int64 of shape \(2,\): \[0, -1\]"),
        ({"indices": [0.5]}, rf"indices {INTS}, got float64 of shape \(1,\): \[0.5\]"),
        ({"indices": [[0]]}, rf"indices {INTS}, got int64 of shape \(1, 1\): \[\[0\]\]"),
        ({"draws": [0, 1]}, r"draws must have one entry for each of the 1 indices, got 2"),
        ({"draws": [-1]}, rf"draws {INTS}, got int64"),
        ({"sizes": None}, r"sizes must be given for what RandomResizedCrop draws: \(n, 2\) heights and widths of"),
        ({"sizes": (0, 8)}, r"sizes must be \(height, width\) or \(1, 2\) positive ints, got int64 of shape \(2,\)"),
        ({"sizes": (8.0, 8.0)}, r"sizes must be \(height, width\) or \(1, 2\) positive ints, got float64 of"),
        (
            {"sizes": [(8, 8)] * 2},
            r"sizes must be \(height, width\) or \(1, 2\) positive ints, got int64 of shape \(2, 2\)",
        ),
        ({"seed": -1}, r"seed must be an int from 0 to 18446744073709551615, got -1; for example seed=0"),
        ({"seed": 2**64}, r"seed must be an int from 0 to 18446744073709551615, got 18446744073709551616"),
        ({"epoch": 2**32}, r"epoch must be an int from 0 to 4294967295, got 4294967296"),
        ({"seed": 1.5}, r"seed must be an int from 0 to 18446744073709551615, got 1.5; for example seed=0"),
        ({"seed": None}, r"seed must be an int from 0 to 18446744073709551615, got None"),
        ({"seed": True}, r"seed must be an int from 0 to 18446744073709551615, got True"),
        ({"epoch": "3"}, r"epoch must be an int from 0 to 4294967295, got '3'; for example epoch=0"),
        ({"view": 65_536}, r"view must be an int from 0 to 65535, got 65536; for example view=0"),
        ({"view": [0]}, r"view must be an int from 0 to 65535, got \[0\]"),
        ({"indices": [2**200]}, r"indices must be .* got object of shape \(1,\): \[1606938"),
        ({"indices": [[0], [1, 2]]}, r"indices must be an array of ints, got \[\[0\], \[1, 2\]\]: "),
        ({"indices": None}, r"indices must be .* got object of shape \(1,\): None"),
        ({"indices": [True]}, r"indices must be .* got bool of shape \(1,\): \[True\]"),
        ({"draws": [0.5]}, r"draws must be \(n,\) ints from 0, below 2\*\*63, got float64"),
        ({"sizes": [(8, 8), (8,)]}, r"sizes must be an array of ints, got \[\(8, 8\), \(8,\)\]: "),
        ({"sizes": 8}, r"sizes must be \(height, width\) or \(1, 2\) positive ints, got int64 of shape \(\): 8"),
        ({"sizes": (8, 2**31)}, r"sizes must be .* got int64 of shape \(2,\): \(8, 2147483648\)"),
        ({"sizes": "88"}, r"sizes must be .* got <U2 of shape \(\): '88'"),
    ],
)
def test_bad_argument_is_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        CROPS.params(**({"indices": [0], "sizes": (8, 8)} | arguments))


def test_sizes_are_optional_where_no_crop_is_drawn() -> None:
    pipeline = Pipeline([Resize(8), RandomHorizontalFlip()])
    assert pipeline.params(range(9)) == pipeline.params(range(9), sizes=(30, 40))


@pytest.mark.parametrize(
    ("columns", "values", "message"),
    [
        ("ab", [[1, 2]], "columns must be a list of names, each of its own, got 'ab'"),
        (3, [[1]], "columns must be a list of names, each of its own, got 3"),
        (["a", "a"], [[1, 2]], r"columns must be a list of names, each of its own, got \['a', 'a'\]"),
        ([1, 2], [[1, 2]], r"columns must be a list of names, each of its own, got \[1, 2\]"),
        (["a"], [["x"]], r"values must be an array of numbers, got \[\['x'\]\]: could not convert"),
        (["a"], [1, 2], r"values must be \(n, 1\) for columns \['a'\], got \(2,\)"),
    ],
)
def test_a_table_is_of_named_columns_of_numbers(columns: Any, values: Any, message: str) -> None:
    with pytest.raises(OptionError, match=f"^{message}"):
        ParamTable(columns, values)
