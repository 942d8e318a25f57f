"""gather_rows is numpy's fancy indexing, for several columns at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import gather_rows
from penstock.errors import OptionError

DTYPES = [np.uint8, np.int32, np.uint32, np.int64, np.float32, np.float64, "S3"]


@given(
    size=st.integers(1, 40),
    shape=st.sampled_from([(), (1,), (3,), (2, 5), (0,)]),
    dtype=st.sampled_from(DTYPES),
    data=st.data(),
)
def test_equals_fancy_indexing(size: int, shape: tuple[int, ...], dtype: str, data: st.DataObject) -> None:
    noise = np.random.default_rng(size).integers(
        0, 256, size * int(np.prod(shape)) * np.dtype(dtype).itemsize, np.uint8
    )
    column = noise.view(dtype).reshape(size, *shape) if noise.size else np.zeros((size, *shape), dtype)
    column.setflags(write=False)
    indices = np.array(data.draw(st.lists(st.integers(0, size - 1), max_size=20)), np.int64)
    first, second = gather_rows([column, np.arange(size)], indices)
    assert first.dtype == column.dtype
    assert first.shape == column[indices].shape
    assert first.tobytes() == column[indices].tobytes()
    assert first.flags.owndata
    assert first.flags.writeable
    np.testing.assert_array_equal(second, indices)


@pytest.mark.parametrize("index", [-1, 5, 2**62])
def test_refuses_rows_that_are_not_there(index: int) -> None:
    with pytest.raises(IndexError, match=f"index {index} is out of range: the dataset has 5 samples"):
        gather_rows([np.zeros(5)], np.array([0, index]))


def test_no_rows_of_nothing() -> None:
    assert gather_rows([np.zeros(0)], np.zeros(0, np.int64))[0].shape == (0,)
    assert gather_rows([], np.zeros(3, np.int64)) == []


def test_refuses_other_columns() -> None:
    with pytest.raises(
        OptionError, match=r"columns: expected C-contiguous arrays of rows, got float64 of shape \(3,\)"
    ):
        gather_rows([np.zeros(6)[::2]], np.zeros(1, np.int64))
    with pytest.raises(OptionError, match=r"columns: expected C-contiguous arrays of rows, got float64 of shape \(\)"):
        gather_rows([np.array(1.0)], np.zeros(1, np.int64))
    with pytest.raises(OptionError, match="indices: expected a numpy array, int64"):
        gather_rows([np.zeros(3)], np.zeros(1, np.int32))  # type: ignore[arg-type]
