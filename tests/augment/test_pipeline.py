"""Pipelines: their order, what they are as objects, and how they travel."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from support.pipelines import pipelines

from penstock.augment import (
    Apply,
    CenterCrop,
    Choice,
    FiveCrop,
    Normalize,
    Pad,
    Pipeline,
    RandomCrop,
    RandomHorizontalFlip,
    RandomInvert,
    RandomResizedCrop,
    Resize,
    ToDtype,
)
from penstock.augment.ops import OPS, every_op
from penstock.augment.order import check_order
from penstock.errors import SpecError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FLOAT = ToDtype("float32", scale=True)
NORMALIZE = Normalize(MEAN, STD)
TRAIN = Pipeline([RandomResizedCrop(24), RandomHorizontalFlip(), FLOAT, NORMALIZE])

BAD_ORDER: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: [FLOAT, Resize(8)],
        "Pipeline: Resize at position 1 comes after ToDtype at position 0, but works on uint8 images; "
        "move Resize before ToDtype",
    ),
    (
        lambda: [Resize(8), FLOAT, NORMALIZE, RandomHorizontalFlip()],
        "Pipeline: RandomHorizontalFlip at position 3 comes after ToDtype at position 1, but works on uint8 images; "
        "move RandomHorizontalFlip before ToDtype",
    ),
    (
        lambda: [NORMALIZE],
        "Pipeline: Normalize at position 0 needs floats, and no ToDtype comes before it; "
        "put ToDtype('float32', scale=True) before it",
    ),
    (
        lambda: [CenterCrop(8), ToDtype("uint8"), NORMALIZE],
        "Pipeline: Normalize at position 2 needs floats, but ToDtype('uint8') at position 1 gives uint8; "
        "make it ToDtype('float32', scale=True)",
    ),
    (
        lambda: [FLOAT, ToDtype("float16")],
        "Pipeline: ToDtype is there twice, at positions 0 and 1; keep one of the two",
    ),
    (
        lambda: [FLOAT, NORMALIZE, NORMALIZE],
        "Pipeline: Normalize is there twice, at positions 1 and 2; keep one of the two",
    ),
    (
        lambda: [FLOAT, NORMALIZE, ToDtype("uint8")],
        "Pipeline: ToDtype is there twice, at positions 0 and 2; keep one of the two",
    ),
    (lambda: [Resize(8), CenterCrop], "Pipeline: position 1 holds the class CenterCrop; call it: CenterCrop(...)"),
    (
        lambda: [str.upper],
        f"Pipeline: position 0 must hold an op of penstock.augment ({', '.join(sorted(OPS))}), "
        "got <method 'upper' of 'str' objects>",
    ),
    (
        lambda: CenterCrop(8),
        "Pipeline: ops must be a list of ops, got CenterCrop(size=(8, 8)); "
        "for example Pipeline([RandomResizedCrop(224)])",
    ),
    (
        lambda: "RandomInvert",
        "Pipeline: ops must be a list of ops, got 'RandomInvert'; Pipeline.from_json reads what describes one",
    ),
    (
        lambda: {"ops": []},
        "Pipeline: ops must be a list of ops, got {'ops': []}; Pipeline.from_dict reads what describes one",
    ),
    (
        lambda: np.array(3),
        "Pipeline: ops must be a list of ops, got array(3); for example Pipeline([RandomResizedCrop(224)])",
    ),
    (
        lambda: [FLOAT, Pipeline([Resize(8)])],
        "Pipeline: position 1 must hold one op, got "
        f"{Pipeline([Resize(8)])!r}; write its ops one by one, Pipeline([*ops, ...])",
    ),
    (
        lambda: [CenterCrop(13_000), Pad(300)],
        "Pipeline: pad would make 13600x13600 px of an image of 13000x13000 px; leave the image out, or pad less",
    ),
    (lambda: 3, "Pipeline: ops must be a list of ops, got 3; for example Pipeline([RandomResizedCrop(224)])"),
]  # fmt: skip


@pytest.mark.parametrize(("declare", "message"), BAD_ORDER)
def test_bad_order_says_what_to_move_where(declare: Callable[[], Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Pipeline(declare())
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("ops", "padded", "size"),
    [
        ([Resize((8, 12)), RandomCrop((9, 5))], (8, 12), (9, 5)),
        ([CenterCrop(8), Pad((1, 2)), RandomCrop((12, 13), (1, 0, 0, 0))], (12, 11), (12, 13)),
        ([RandomCrop(7), RandomHorizontalFlip(), RandomCrop(8)], (7, 7), (8, 8)),
    ],
)
def test_crop_from_an_image_known_to_be_smaller_is_refused(ops: list[Any], padded: Any, size: Any) -> None:
    with pytest.raises(SpecError) as caught:
        Pipeline(ops)
    assert str(caught.value) == (
        f"RandomCrop: size must fit the image, which is {padded} (height, width) in pixels, padding included, "
        f"got {size}; give pad_if_needed=True or more padding, or put a Resize before it"
    )


@pytest.mark.parametrize(
    ("resize", "between", "crop"),
    [
        (Resize(8), [], RandomCrop(9)),
        (Resize(8), [RandomHorizontalFlip(), Apply([RandomInvert()])], FiveCrop((9, 10))),
        (Resize(8, max_size=12), [], RandomCrop((4, 13))),
        (Resize(8), [], Choice([RandomInvert(), RandomCrop((12, 12), padding=(1, 1, 2, 2))])),
    ],
)
def test_crop_that_no_image_fits_after_a_resize_of_its_shorter_side_is_refused(
    resize: Resize, between: list[Any], crop: Any
) -> None:
    (of,) = [op for op in every_op([crop]) if isinstance(op, RandomCrop | FiveCrop)]
    with pytest.raises(SpecError) as caught:
        Pipeline([resize, *between, crop])
    assert str(caught.value) == (
        f"{type(of).__name__}: size must fit the image, whose shorter side is 8 pixels after {resize!r}, got "
        f"{of.size}; give a smaller size, or a larger one to Resize"
    )


@pytest.mark.parametrize(
    "ops",
    [
        [Resize(8), RandomCrop((8, 9))],
        [Resize(8), RandomCrop((9, 8))],
        [Resize(8), RandomCrop(9, pad_if_needed=True)],
        [Resize(8), RandomCrop(10, padding=1)],
        [Resize(8), Pad(1), RandomCrop(9)],
        [Resize(8), Apply([Resize(9)]), RandomCrop(9)],
        [Resize(8, max_size=12), RandomCrop((8, 12))],
    ],
)
def test_crop_that_may_fit_after_a_resize_of_its_shorter_side_is_taken(ops: list[Any]) -> None:
    assert len(Pipeline(ops)) == len(ops)


def test_crop_that_fits_or_may_fit_is_taken() -> None:
    for ops in ([RandomCrop(99)], [Resize((8, 8)), RandomCrop(8)], [Resize((8, 8)), RandomCrop(9, pad_if_needed=True)]):
        assert len(Pipeline(ops)) == len(ops)


def test_normalize_before_to_dtype_names_the_missing_conversion() -> None:
    with pytest.raises(SpecError, match="Normalize at position 0 needs floats, and no ToDtype comes before it"):
        Pipeline([NORMALIZE, FLOAT])


@settings(max_examples=40)
@given(pipelines())
def test_pipeline_survives_every_journey(pipeline: Pipeline) -> None:
    _ = pipeline.program
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline
    assert Pipeline.from_dict(pipeline.to_dict()) == pipeline
    assert Pipeline.from_json(pipeline.to_json(indent=2)) == pipeline
    assert hash(Pipeline(list(pipeline))) == hash(pipeline)


def test_it_is_a_sequence_of_its_ops() -> None:
    assert len(TRAIN) == 4
    assert list(TRAIN) == [TRAIN[0], TRAIN[1], FLOAT, NORMALIZE] == list(TRAIN.ops)
    assert TRAIN[-1] == NORMALIZE
    assert TRAIN[:2] == Pipeline([RandomResizedCrop(24), RandomHorizontalFlip()])
    assert NORMALIZE in TRAIN
    with pytest.raises(SpecError, match="Normalize at position 0 needs floats"):
        _ = TRAIN[3:]


def test_it_is_unlike_other_pipelines_and_lists() -> None:
    assert TRAIN[:3] != TRAIN
    assert list(TRAIN) != TRAIN


def test_it_is_immutable() -> None:
    for name in ("ops", "program", "dtype", "anything"):
        with pytest.raises(AttributeError):
            setattr(TRAIN, name, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        TRAIN[0].size = 3  # type: ignore[attr-defined]


def test_repr_declares_it_again() -> None:
    assert repr(Pipeline()) == "Pipeline([])"
    assert repr(Pipeline([CenterCrop(8), ToDtype("uint8")])) == (
        "Pipeline([\n    CenterCrop(size=(8, 8)),\n    ToDtype(dtype='uint8', scale=False),\n])"
    )
    assert eval(repr(TRAIN), globals()) == TRAIN


def test_program_is_built_once_and_stays_at_home() -> None:
    pipeline = Pipeline([CenterCrop(8)])
    assert pipeline.program is pipeline.program
    assert b"Program" not in pickle.dumps(pipeline)


@pytest.mark.parametrize(
    ("ops", "size", "dtype"),
    [
        ([], None, "uint8"),
        ([RandomResizedCrop((3, 5))], (3, 5), "uint8"),
        ([Resize(8)], None, "uint8"),
        ([Resize(8), CenterCrop(6), ToDtype("float16")], (6, 6), "float16"),
        ([Resize((4, 8)), Resize(8), ToDtype("float32")], (8, 16), "float32"),
        ([Pad(3)], None, "uint8"),
        ([Resize((4, 8)), Pad((1, 2, 3, 4))], (10, 12), "uint8"),
        ([Pad(3), RandomCrop((6, 4))], (6, 4), "uint8"),
        ([CenterCrop((6, 4)), RandomHorizontalFlip(), ToDtype("uint8")], (6, 4), "uint8"),
    ],
)
def test_result_is_known_before_it_is_made(ops: list[Any], size: tuple[int, int] | None, dtype: str) -> None:
    pipeline = Pipeline(ops)
    assert pipeline.output_size == size
    assert pipeline.dtype == dtype


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "a pipeline must be a mapping with the keys 'version' and 'ops', got []"),
        ({"ops": []}, "a pipeline must have the keys 'version' and 'ops'; 'version' is missing in {'ops': []}"),
        ({"version": 1}, "a pipeline must have the keys 'version' and 'ops'; 'ops' is missing in {'version': 1}"),
        (
            {"version": 1, "ops": [], "opps": []},
            "a pipeline must have the keys 'version' and 'ops'; 'opps' is not known, leave it out",
        ),
        ({"version": 2, "ops": []}, "'version' of a pipeline must be 1, got 2"),
        ({"version": True, "ops": []}, "'version' of a pipeline must be 1, got True"),
        ({"version": "1", "ops": []}, "'version' of a pipeline must be 1, got '1'"),
        ({"version": 1, "ops": [], "position": -1}, "Pipeline: position must be an int from 0 to 65535, got -1"),
        ({"version": 1, "ops": {}}, "'ops' of a pipeline must be a list of ops, got {}"),
        ({"version": 1, "ops": [{"op": "CenterCrop", "size": 8, "fill": 0}]},
         "CenterCrop: unknown argument 'fill'; it takes size"),
    ],
)  # fmt: skip
def test_bad_dict_is_refused_by_name(data: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Pipeline.from_dict(data)
    assert str(caught.value) == message
    with pytest.raises(SpecError) as caught:
        Pipeline.from_json(json.dumps(data))
    assert str(caught.value) == message


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(
        SpecError, match=r"a pipeline can't be read from JSON: Expecting .*; write it with Pipeline.to_json\(\)"
    ):
        Pipeline.from_json("{")
    with pytest.raises(SpecError, match=r"a pipeline can't be read from JSON: maximum recursion depth exceeded"):
        Pipeline.from_json("[" * 100_000)


def test_more_ops_than_can_be_counted_are_refused_at_once() -> None:
    with pytest.raises(SpecError, match=r"Pipeline: expected at most 65,536 ops, got 65,537; leave some out"):
        Pipeline([RandomHorizontalFlip()] * 65_537)


@pytest.mark.parametrize("position", [-1, 5, 1.5, "1", None, True])
def test_it_is_split_at_a_position(position: Any) -> None:
    with pytest.raises(SpecError) as caught:
        TRAIN.split(position)
    assert str(caught.value) == (
        f"Pipeline: position must be an int from 0 to 4, the number of ops, got {position!r}; "
        "for example pipeline.split(len(pipeline) - 1)"
    )


@pytest.mark.parametrize("other", [TRAIN, [CenterCrop(8)], CenterCrop(8), 3])
def test_pipelines_are_not_added_up(other: Any) -> None:
    name = type(other).__name__
    for add, names in ((lambda: TRAIN + other, f"Pipeline + {name}"), (lambda: other + TRAIN, f"{name} + Pipeline")):
        if isinstance(other, list) and names.startswith("list"):
            continue  # lists say so themselves
        with pytest.raises(SpecError) as caught:
            add()
        assert str(caught.value) == (
            f"{names}: pipelines are not added up; write Pipeline([*first, *second]) for one after the other, or "
            "Views.of([first, second]) for both of each image"
        )


class Counted(RandomHorizontalFlip):
    """A flip that counts how often its place is looked at."""

    looks = 0

    @property
    def stage(self) -> Any:  # type: ignore[override]
        Counted.looks += 1
        return RandomHorizontalFlip.stage


def test_the_order_of_many_ops_is_checked_in_one_pass() -> None:
    looks = []
    for count in (100, 1000):
        Counted.looks = 0
        check_order([Counted()] * count)
        looks.append(Counted.looks)
    assert looks[1] == 10 * looks[0]


def test_crops_among_many_ops_are_checked_where_they_are() -> None:
    """The size that is known is that of the last op that changed it, whatever came before."""
    before = [Pad(1), Apply([CenterCrop(9)]), Resize(12), RandomHorizontalFlip()] * 50
    assert len(Pipeline([*before, CenterCrop(9), RandomCrop(9)])) == 202
    with pytest.raises(SpecError, match=r"which is \(9, 9\) .* got \(10, 10\)"):
        Pipeline([*before, CenterCrop(9), RandomHorizontalFlip(), RandomCrop(10)])
    with pytest.raises(SpecError, match=r"which is \(11, 11\) .* got \(12, 12\)"):
        Pipeline([*before, CenterCrop(9), Pad(1), Choice([RandomInvert(), RandomCrop(12)])])
    with pytest.raises(SpecError, match=r"whose shorter side is 12 pixels after Resize.* got \(13, 13\)"):
        Pipeline([*before, RandomCrop(13)])
