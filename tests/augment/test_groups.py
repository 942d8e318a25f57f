"""Ops that hold ops: which of them run, what they draw, and what they make."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy import stats
from support import drawing
from support.parity import tolerance
from support.pipelines import colours, groups, images
from support.torchvision_shim import transforms_v1

from penstock._core import Program
from penstock.augment import (
    Apply,
    CenterCrop,
    Choice,
    ColorJitter,
    GaussianBlur,
    NativeExecutor,
    Op,
    Pad,
    Pipeline,
    RandomCrop,
    RandomHorizontalFlip,
    RandomInvert,
    RandomResizedCrop,
    RandomSolarize,
    RandomVerticalFlip,
    ReferenceExecutor,
    Resize,
)
from penstock.augment.ops import op_from_dict
from penstock.augment.ops.groups import MAX_DEPTH
from penstock.errors import DecodeError, OptionError, SpecError

MIRROR, TURN, INVERT = RandomHorizontalFlip(1.0), RandomVerticalFlip(1.0), RandomInvert(1.0)
NESTED = Pipeline(
    [
        Resize((40, 50)),
        Apply([ColorJitter(0.4), RandomCrop(30), Choice([INVERT, [MIRROR, RandomVerticalFlip()], []], (1, 2, 1))], 0.6),
        RandomResizedCrop(16),
    ]
)


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_columns_name_the_way_to_the_op() -> None:
    jitter = [f"1.0.{field}" for field in (*(f"order_{k}" for k in range(4)), "brightness", "contrast", "saturation")]
    assert NESTED.columns == (
        *("1.apply", *jitter, "1.0.hue", "1.1.x", "1.1.y"),
        *("1.2.choice", "1.2.0.apply", "1.2.1.0.flip", "1.2.1.1.flip"),
        *(f"2.{field}" for field in ("x", "y", "width", "height")),
    )
    table = NESTED.params([0], sizes=(60, 70))
    assert table.columns == NESTED.columns
    assert set(table.drawn(0, 1)) == {name.removeprefix("1.") for name in NESTED.columns if name.startswith("1.")}


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**40), st.lists(st.floats(0.125, 9), min_size=2, max_size=2))
@settings(max_examples=100)
def test_what_is_drawn_equals_plain_python(seed: int, index: int, weights: list[float]) -> None:
    """Each op at its place in the flat order: a group, then its members; a branch has a place of its own."""
    inner = Choice([RandomInvert(), [RandomHorizontalFlip(), RandomVerticalFlip()]], weights)
    pipeline = Pipeline([RandomHorizontalFlip(), Apply([RandomInvert(), inner]), RandomVerticalFlip()])
    table = pipeline.params([index], seed=seed)
    drawn = {name: table[name][0] for name in table.columns}
    key = drawing.Key(seed, 0, index, 0)
    applied = drawing.flip(key, 1, 0.5)
    chosen = drawing.choice(key, 3, tuple(weights)) if applied else 0
    assert drawn == {
        "0.flip": drawing.flip(key, 0, 0.5),
        "1.apply": applied,
        "1.0.apply": applied and drawing.flip(key, 2, 0.5),
        "1.1.choice": chosen,
        "1.1.0.apply": applied and chosen == 0 and drawing.flip(key, 5, 0.5),
        "1.1.1.0.flip": applied and chosen == 1 and drawing.flip(key, 7, 0.5),
        "1.1.1.1.flip": applied and chosen == 1 and drawing.flip(key, 8, 0.5),
        "2.flip": drawing.flip(key, 9, 0.5),
    }


def test_groups_run_as_often_as_they_say() -> None:
    count = 100_000
    weights = (1, 0, 2.5, 0.5)
    pipeline = Pipeline(
        [Apply([RandomInvert(0.3)], 0.8), Choice([MIRROR, TURN, [], INVERT], weights), Choice([[], []])]
    )
    table = pipeline.params(np.arange(count))
    assert stats.binomtest(int(table["0.apply"].sum()), count, 0.8).pvalue > 1e-4
    ran = table["0.apply"] == 1
    assert stats.binomtest(int(table["0.0.apply"].sum()), int(ran.sum()), 0.3).pvalue > 1e-4
    assert not table["0.0.apply"][~ran].any()
    counts = np.bincount(table["1.choice"].astype(int), minlength=4)
    assert counts[1] == 0
    expected = np.array([1, 2.5, 0.5]) / 4 * count
    assert stats.chisquare(counts[[0, 2, 3]], expected).pvalue > 1e-4
    assert stats.binomtest(int(table["2.choice"].sum()), count, 0.5).pvalue > 1e-4
    assert (table["1.0.flip"] == (table["1.choice"] == 0)).all()
    pairs = np.histogram2d(table["0.apply"], table["2.choice"], bins=2)[0]
    assert stats.chi2_contingency(pairs).pvalue > 1e-4


def test_a_member_left_out_needs_no_room() -> None:
    pipeline = Pipeline([Apply([RandomCrop(99)], 0.5), CenterCrop(8)])
    left_out = next(k for k in range(99) if not pipeline.params([k], sizes=(100, 100))["0.apply"][0])
    applied = next(k for k in range(99) if pipeline.params([k], sizes=(100, 100))["0.apply"][0])
    assert pipeline.params([left_out], sizes=(9, 9)).drawn(0, 0) == {"apply": 0, "0.x": 0, "0.y": 0}
    with pytest.raises(DecodeError, match=r"size must fit the image, which is \(9, 9\)"):
        pipeline.params([applied], sizes=(9, 9))


def test_crops_follow_the_size_that_was_drawn() -> None:
    ops = [Choice([Resize((8, 8)), Resize((64, 64)), []]), RandomResizedCrop(4, scale=(1, 1), ratio=(1, 1))]
    table = Pipeline(ops).params(range(300), sizes=(16, 16))
    sides = np.array([8, 64, 16])[table["0.choice"].astype(int)]
    assert len(np.unique(sides)) == 3
    np.testing.assert_array_equal(table["1.width"], sides)


@pytest.mark.parametrize(
    ("ops", "size"),
    [
        ([Resize((8, 9)), Apply([MIRROR, INVERT])], (8, 9)),
        ([Resize((8, 9)), Apply([Resize((4, 4)), Resize((8, 9))])], (8, 9)),
        ([Resize((8, 9)), Apply([CenterCrop(4)], 1.0)], None),
        ([Apply([CenterCrop(4)])], None),
        ([Apply([MIRROR])], None),
        ([Apply([Pad(1)]), CenterCrop(4)], (4, 4)),
        ([Choice([CenterCrop((4, 5)), [MIRROR, RandomResizedCrop((4, 5))]])], (4, 5)),
        ([Choice([CenterCrop((4, 5)), Resize((5, 4))])], None),
        ([Choice([CenterCrop((4, 5)), []])], None),
        ([Resize((4, 5)), Choice([CenterCrop((4, 5)), Apply([Choice([[], INVERT])])])], (4, 5)),
        ([Resize((4, 5)), Choice([Resize(8), Pad(1)])], None),
    ],
)
def test_the_size_is_known_where_all_ways_give_the_same(ops: list[Op], size: tuple[int, int] | None) -> None:
    assert Pipeline(ops).output_size == size


def test_a_crop_in_a_group_from_an_image_known_to_be_smaller_is_refused() -> None:
    fits = Pipeline([Resize((8, 8)), Choice([[Pad(1), RandomCrop(10)], [], RandomCrop(8)])])
    assert len(fits) == 2
    for group in (Apply([Pad(1), RandomCrop(11)]), Choice([[Pad(1), RandomCrop(11)], []])):
        with pytest.raises(SpecError, match=r"RandomCrop: size must fit the image, which is \(10, 10\)"):
            Pipeline([Resize((8, 8)), group])


def test_sizes_are_needed_for_crops_in_groups() -> None:
    with pytest.raises(OptionError, match="sizes must be given for what RandomCrop draws"):
        Pipeline([Choice([[], Apply([RandomCrop(8)])])]).params([0])


@settings(max_examples=60)
@given(st.lists(groups(colours() | st.sampled_from([MIRROR, TURN])), min_size=1, max_size=3), images(), st.integers(0))
def test_native_equals_the_reference(ops: list[Op], image: NDArray[np.uint8], seed: int) -> None:
    pipeline = Pipeline([op for op in ops if not any(isinstance(each, GaussianBlur) for each in _every(op))])
    table = pipeline.params(range(4), seed=seed % 2**64, sizes=image.shape[:2])
    native, expected = (kind(pipeline).run([image] * 4, table) for kind in (NativeExecutor, ReferenceExecutor))
    limit = tolerance("Apply", "native") + tolerance("Choice", "native")
    for result, reference in zip(native, expected, strict=True):
        assert np.abs(result.astype(int) - reference).max() <= limit


def _every(op: Op) -> list[Op]:
    return [op, *(inner for branch in op.branches for member in branch for inner in _every(member))]


@pytest.mark.parametrize("kind", [NativeExecutor, ReferenceExecutor])
def test_it_does_what_torchvision_does(kind: Any) -> None:
    library = transforms_v1()
    members = [library.RandomHorizontalFlip(1.0), library.RandomSolarize(100, 1.0)]
    ours: list[Op] = [MIRROR, RandomSolarize(100, 1.0)]
    image = noise(20, 30)
    cases: list[tuple[Op, Callable[[int], Any], str]] = [
        (Apply(ours), lambda drawn: library.RandomApply(members, p=drawn), "apply"),
        (Choice(ours), lambda drawn: library.RandomChoice([members[drawn]]), "choice"),
    ]
    for op, theirs, field in cases:
        pipeline = Pipeline([op])
        table = pipeline.params(range(40))
        results = kind(pipeline).run([image] * 40, table)
        assert {0, 1} == set(table[f"0.{field}"])
        for result, drawn in zip(results, table[f"0.{field}"], strict=True):
            random.seed(0)
            expected = np.asarray(theirs(int(drawn))(Image.fromarray(image)))
            np.testing.assert_array_equal(result.transpose(1, 2, 0), expected)


def test_a_group_that_changes_sizes_is_applied_alone() -> None:
    pipeline = Pipeline([Apply([CenterCrop(4)])])
    shapes = {pipeline.apply(noise(9, 7), index).shape for index in range(20)}
    assert shapes == {(3, 9, 7), (3, 4, 4)}


def test_a_part_after_a_group_draws_what_the_whole_does() -> None:
    first, rest = NESTED.split(2)
    whole = NESTED.params(range(40), sizes=(60, 70))
    sizes = np.where(whole["1.apply"][:, None] == 1, (30, 30), (40, 50))
    parts = [first.params(range(40), sizes=(60, 70)), rest.params(range(40), sizes=sizes)]
    np.testing.assert_array_equal(np.hstack([part.values for part in parts]), whole.values)


def _deep(depth: int) -> Op:
    op: Op = INVERT
    for _ in range(depth):
        op = Apply([op])
    return op


def test_groups_may_be_as_deep_as_said() -> None:
    deepest = _deep(MAX_DEPTH)
    assert op_from_dict(json.loads(json.dumps(deepest.to_dict()))) == deepest
    assert Pipeline([deepest]).columns[-1] == "0." * (MAX_DEPTH + 1) + "apply"
    for holds in (lambda: Apply([deepest]), lambda: Choice([MIRROR, [deepest]])):
        with pytest.raises(SpecError, match=r"(ops|choices) holds groups more than 16 deep; nest them less"):
            holds()
    described = {"op": "RandomInvert"}
    for _ in range(2000):
        described = {"op": "Apply", "ops": [described]}  # type: ignore[dict-item]
    with pytest.raises(SpecError, match="an op must be at most 16 deep in others, got more; nest them less"):
        op_from_dict(described)


FLIP = ("random_horizontal_flip", (0.5,))


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        ([("apply", (0.5, 2)), FLIP], "expected as many members as follow, got 2"),
        ([("apply", (0.5, 0.5)), FLIP], "expected as many members as follow, got 0.5"),
        ([("apply", (1.5, 1)), FLIP], "expected p from 0, up to 1"),
        ([("apply", (0.5, 1)), ("to_dtype", (1, 0))], "to_dtype, normalize: expected outside groups"),
        ([("branch", (1, 1)), FLIP], "branch: expected in a choice"),
        ([("choice", (0,))], "choice: expected at least one branch"),
        ([("choice", (2,)), ("branch", (1, 0))], "choice: expected as many branches as it says"),
        ([("choice", (1,)), FLIP], "choice: expected as many branches as it says"),
        ([("choice", (1,)), ("branch", (0, 0))], "choice: expected weights with a sum above 0"),
        ([("apply", (1, 1)), ("choice", (1,)), ("branch", (1, 0))], "choice: expected as many branches as it says"),
        ([*[("apply", (1, 70 - k)) for k in range(70)], FLIP], "expected groups at most 64 deep"),
    ],
)  # fmt: skip
def test_the_core_refuses_groups_without_a_meaning(ops: Any, message: str) -> None:
    with pytest.raises(SpecError, match=re.escape(message)):
        Program(ops)


@pytest.mark.parametrize("chosen", [-1, 2, 0.5, float("nan")])
def test_a_choice_of_nothing_is_refused(chosen: float) -> None:
    program = Pipeline([Choice([MIRROR, INVERT])]).program
    with pytest.raises(OptionError, match=r"params: expected a choice from 0 to 1.*draw them with this program"):
        program.apply(noise(4, 4), np.array([chosen, 1.0, 1.0]))
