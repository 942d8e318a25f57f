"""`Views`: what it holds, draws, gives, writes down and refuses."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pipelines import images, pipelines

from penstock.augment import (
    ColorJitter,
    MixUp,
    NativeExecutor,
    Pipeline,
    RandomHorizontalFlip,
    RandomResizedCrop,
    ReferenceExecutor,
    ToDtype,
    Views,
)
from penstock.errors import SpecError

GLOBAL = Pipeline([RandomResizedCrop(24, (0.4, 1.0)), RandomHorizontalFlip()])
LOCAL = Pipeline([RandomResizedCrop(10, (0.05, 0.4)), ColorJitter(0.4)])
CROPS = Views(2, GLOBAL) + Views(3, LOCAL)


def test_views_are_a_sequence_of_their_pipelines() -> None:
    assert list(CROPS) == [GLOBAL, GLOBAL, LOCAL, LOCAL, LOCAL]
    assert len(CROPS) == 5
    assert CROPS[0] == GLOBAL
    assert CROPS[-1] == LOCAL
    assert CROPS[1:3] == Views.of([GLOBAL, LOCAL])


def test_views_that_were_added_up_are_equal_however_they_were_written() -> None:
    again = Views(1, GLOBAL) + Views.of(iter([GLOBAL, LOCAL])) + Views(np.int64(2), LOCAL)  # type: ignore[arg-type]
    assert again == CROPS
    assert hash(again) == hash(CROPS)
    assert Views(3, LOCAL) + Views(2, GLOBAL) != CROPS
    assert CROPS != GLOBAL
    assert Views(1, GLOBAL) != GLOBAL


def test_views_can_be_printed_pickled_and_written_as_json() -> None:
    assert repr(CROPS) == f"Views(2, {GLOBAL!r}) + Views(3, {LOCAL!r})"
    assert pickle.loads(pickle.dumps(CROPS)) == CROPS
    data = CROPS.to_dict()
    assert [group["count"] for group in data["views"]] == [2, 3]
    assert Views.from_dict(json.loads(json.dumps(data))) == CROPS
    assert Views.from_json(CROPS.to_json(indent=2)) == CROPS


def test_view_zero_is_the_pipeline_alone_and_the_others_draw_anew() -> None:
    sizes = np.array([[40, 50], [33, 21]])
    tables = Views(3, GLOBAL).params([4, 9], epoch=2, seed=7, sizes=sizes, draws=[0, 1])
    assert tables[0] == GLOBAL.params([4, 9], epoch=2, seed=7, sizes=sizes, draws=[0, 1])
    assert [GLOBAL.params([4, 9], 2, 7, sizes, [0, 1], view) for view in range(3)] == tables
    assert tables[0] != tables[1]
    assert tables[1] != tables[2]


def test_views_are_uncorrelated() -> None:
    tables = Views(2, Pipeline([RandomResizedCrop(8)])).params(np.arange(4000), sizes=(500, 500))
    areas = [table["0.width"] * table["0.height"] for table in tables]
    assert abs(np.corrcoef(areas[0], areas[1])[0, 1]) < 0.05


@given(image=images(), parts=st.lists(pipelines(), min_size=1, max_size=3), seed=st.integers(0, 2**64 - 1))
@settings(max_examples=25)
def test_each_view_is_what_its_executors_make_of_its_parameters(image: Any, parts: list[Pipeline], seed: int) -> None:
    views = Views.of(parts)
    results = views.apply(image, index=5, epoch=1, seed=seed, draw=3)
    tables = views.params([5], epoch=1, seed=seed, sizes=image.shape[:2], draws=[3])
    for pipeline, result, table in zip(views, results, tables, strict=True):
        assert np.array_equal(result, NativeExecutor(pipeline).run([image], table)[0], equal_nan=True)
        reference = ReferenceExecutor(pipeline).run([image], table)[0]
        assert reference.shape == result.shape
        assert reference.dtype == result.dtype


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Views(0, GLOBAL), "count must be an int from 1 to 65536, got 0; for example Views"),
        (lambda: Views(True, GLOBAL), "count must be an int from 1 to 65536, got True"),
        (lambda: Views(2.0, GLOBAL), "count must be an int from 1 to 65536, got 2.0"),  # type: ignore[arg-type]
        (
            lambda: Views(65_536, GLOBAL) + Views(1, LOCAL),
            "expected 1 to 65536 pipelines, one for each view, got 65537",
        ),
        (lambda: Views.of([]), r"expected 1 to 65536 pipelines, one for each view, got \[\]"),
        (lambda: CROPS[5:], "expected 1 to 65536 pipelines"),
        (lambda: Views.of(5), "expected 1 to 65536 pipelines, one for each view, got 5"),  # type: ignore[arg-type]
        (
            lambda: Views(2, RandomHorizontalFlip()),  # type: ignore[arg-type]
            r"pipeline must be a Pipeline, got RandomHorizontalFlip\(p=0.5\); for example Views\(2, Pipeline\(\[",
        ),
        (
            lambda: Views(2, Pipeline([ToDtype("float32"), MixUp(num_classes=3)])),
            "MixUp mixes the samples of a batch with their labels, and views share theirs; leave it out",
        ),
        (lambda: Views.from_dict([]), "views must be a mapping with the keys 'version' and 'views'"),  # type: ignore[arg-type]
        (lambda: Views.from_dict({"version": 2, "views": []}), "'version' of views must be 1, got 2"),
        (lambda: Views.from_dict({"version": 1, "views": []}), "a list of at least one group of views, got"),
        (
            lambda: Views.from_dict({"version": 1, "views": [3]}),
            "a group of views must be a mapping with the keys 'count' and 'pipeline', got 3",
        ),
        (
            lambda: Views.from_dict({"version": 1, "views": [{"count": -1, "pipeline": GLOBAL.to_dict()}]}),
            "count must be an int from 1 to 65536, got -1",
        ),
        (lambda: Views.from_dict({"version": 1, "views": [{"count": 1, "pipeline": 4}]}), "a pipeline must be a map"),
        (lambda: Views.from_json("{"), r"views can't be read from JSON: .*; write it with Views.to_json\(\)"),
    ],
)
def test_what_is_no_declaration_of_views_is_refused(make: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make()


def test_views_and_something_else_do_not_add_up() -> None:
    for add, names in ((lambda: CROPS + GLOBAL, "Views + Pipeline"), (lambda: 3 + CROPS, "int + Views")):  # type: ignore[operator]
        with pytest.raises(SpecError) as caught:
            add()
        assert str(caught.value) == (
            f"{names}: only views are added up; write Views(1, pipeline) for one more view of each image"
        )
    with pytest.raises(SpecError, match=r"^Pipeline \+ Views: pipelines are not added up"):
        _ = GLOBAL + CROPS
