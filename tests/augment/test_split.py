"""A pipeline in two parts draws, and makes, what it does as a whole."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pipelines import colours, conversions, geometry, images

from penstock.augment import (
    CenterCrop,
    ColorJitter,
    Normalize,
    Pipeline,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Resize,
    ToDtype,
)
from penstock.errors import SpecError

KEYS: dict[str, Any] = {"indices": [5, 70_000], "epoch": 3, "seed": 2**40 + 1, "draws": [0, 9]}


@st.composite
def splits(draw: st.DrawFn) -> tuple[Pipeline, int]:
    """A pipeline, and where to split it."""
    fixed = st.just([Resize((draw(st.integers(1, 60)), 40))])
    pixels = draw(fixed) + draw(st.lists(geometry() | colours(), max_size=4))
    return Pipeline([*pixels, *draw(conversions())]), draw(st.integers(1, len(pixels)))


@given(splits(), images())
@settings(max_examples=100)
def test_the_parts_draw_and_make_what_the_whole_does(case: tuple[Pipeline, int], image: np.ndarray) -> None:
    whole, position = case
    first, rest = whole.split(position)
    sizes = [image.shape[:2]] * 2
    expected = whole.params(sizes=sizes, **KEYS)
    between = [_size_after(first, row, image) for row in range(2)]
    parts = [first.params(sizes=sizes, **KEYS), rest.params(sizes=between, **KEYS)]
    assert np.array_equal(np.hstack([part.values for part in parts]), expected.values)
    middle = first.program.apply(image, parts[0].row(1)).transpose(1, 2, 0)
    made = rest.program.apply(np.ascontiguousarray(middle), parts[1].row(1))
    assert np.array_equal(made, whole.program.apply(image, expected.row(1)))


def _size_after(first: Pipeline, row: int, image: np.ndarray) -> tuple[int, int]:
    keys = {name: value[row] if isinstance(value, list) else value for name, value in KEYS.items()}
    made = first.apply(image, keys["indices"], keys["epoch"], keys["seed"], keys["draws"])
    return made.shape[1], made.shape[2]


def test_a_part_of_a_part() -> None:
    whole = Pipeline([Resize((8, 8)), RandomHorizontalFlip(), RandomResizedCrop(4), ColorJitter(0.5)])
    _, rest = whole.split(1)
    first, last = rest.split(2)
    assert (rest.position, first.position, last.position) == (1, 1, 3)
    sizes = (8, 8)
    columns = [first.params(sizes=sizes, **KEYS), last.params(sizes=(4, 4), **KEYS)]
    assert np.array_equal(np.hstack([part.values for part in columns]), whole.params(sizes=sizes, **KEYS).values)
    assert last.params(sizes=(4, 4), **KEYS) != Pipeline(last.ops).params(sizes=(4, 4), **KEYS)


def test_the_position_is_a_part_of_the_value() -> None:
    _, rest = Pipeline([CenterCrop(4), ColorJitter(0.5)]).split(1)
    assert rest != Pipeline(rest.ops)
    assert hash(rest) != hash(Pipeline(rest.ops))
    for copy in (pickle.loads(pickle.dumps(rest)), Pipeline.from_json(rest.to_json())):
        assert copy == rest
        assert copy.params([1]) == rest.params([1])
    assert repr(rest).endswith(", position=1)")
    assert rest.program.position == 1


def test_splits_that_can_not_be() -> None:
    pipeline = Pipeline([CenterCrop(4), ToDtype("float32"), Normalize((0, 0, 0), (1, 1, 1))])
    with pytest.raises(SpecError, match="position must be an int from 0 to 3, the number of ops, got 4"):
        pipeline.split(4)
    with pytest.raises(SpecError, match="Normalize at position 0 needs floats"):
        pipeline.split(2)
    with pytest.raises(SpecError, match="position must be an int from 0 to 65535, got 65536"):
        Pipeline([], position=65536)
    with pytest.raises(SpecError, match="position must be an int from 0 to 65535, got '1'"):
        Pipeline.from_dict({"version": 1, "ops": [], "position": "1"})
    with pytest.raises(SpecError, match="at most 65536 ops, got 2 from position 65535 on"):
        _ = Pipeline([ColorJitter(0.5)] * 2, position=65535).program
