"""What `to_dict` and `to_json` write: all of it comes back, and anything else is refused by name."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pipelines import colours, conversions, geometry, groups, policies

import penstock.augment
from penstock.augment import Normalize, Pipeline, ToDtype, Views
from penstock.augment.ops import OPS, op_from_dict
from penstock.augment.presets import PRESETS
from penstock.errors import SpecError

NAMES = ["version", "ops", "views", "count", "pipeline", "position", "op", "size", "p", "choices", "ops", *sorted(OPS)]
numbers = st.integers() | st.sampled_from([2**63, 10**400, -1, 0]) | st.floats()
plain = st.none() | st.booleans() | numbers | st.sampled_from(NAMES) | st.text(max_size=4)
garbage = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner),
    max_leaves=12,
)


@st.composite
def described(draw: st.DrawFn) -> Any:
    """What a valid pipeline, or views of one, are written as."""
    ops = draw(st.lists(geometry() | colours() | policies() | groups(geometry() | colours()), min_size=1, max_size=3))
    data = Pipeline([*ops, *draw(conversions())]).to_dict()
    return {"version": 1, "views": [{"count": 2, "pipeline": data}]} if draw(st.booleans()) else data


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in it."""
    for key in range(len(data)) if isinstance(data, list) else list(data):
        yield data, key
        if isinstance(data[key], list | dict):
            yield from places(data[key])


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A description with up to three things in it replaced, left out or added."""
    data = copy.deepcopy(draw(described()))
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(data))
        if not found:
            break
        container, key = draw(st.sampled_from(found))
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "replace":
            container[key] = draw(garbage)
        elif change == "remove":
            del container[key]
        elif isinstance(container, list):
            container.insert(key, draw(garbage))
        else:
            container[draw(st.sampled_from(NAMES) | st.text(max_size=3))] = draw(garbage)
    return data


def kind_of(data: Any) -> type[Pipeline] | type[Views]:
    return Views if isinstance(data, dict) and "views" in data else Pipeline


def read_or_refused(data: Any, kind: Any = None) -> Pipeline | Views | str:
    """What is written in it, or the message of the SpecError."""
    kind = kind or kind_of(data)
    try:
        read: Pipeline | Views = kind.from_dict(data)
    except SpecError as error:
        return str(error)
    return read


@settings(max_examples=100, deadline=None)
@given(damaged() | garbage)
def test_whatever_is_no_description_is_refused_and_nothing_else_happens(data: Any) -> None:
    read = read_or_refused(data)
    if isinstance(read, str):
        assert read
        assert len(read) < 5000
    else:
        assert type(read).from_dict(read.to_dict()) == read
    try:
        again = kind_of(data).from_json(json.dumps(data))
    except SpecError:
        assert isinstance(read, str)
    else:
        assert again == read


@settings(max_examples=25, deadline=None)
@given(described(), st.data())
def test_a_key_that_is_missing_or_unknown_is_named(data: Any, choose: st.DataObject) -> None:
    kind = kind_of(data)
    mappings = {id(container): container for container, _ in places(data) if isinstance(container, dict)}
    mapping = choose.draw(st.sampled_from(list(mappings.values())))
    mapping["sise"] = 8
    assert "'sise'" in str(read_or_refused(data, kind))
    del mapping["sise"]
    for key in sorted({"op", "version", "ops", "views", "count", "pipeline"} & set(mapping)):
        kept = mapping.pop(key)
        assert f"'{key}'" in str(read_or_refused(data, kind))
        mapping[key] = kept
    assert not isinstance(read_or_refused(data, kind), str)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(set(OPS) - {"Lambda"})), st.data())
def test_an_argument_of_garbage_is_taken_or_named(name: str, choose: st.DataObject) -> None:
    fields = list(OPS[name].__dataclass_fields__)
    argument = choose.draw(st.sampled_from(fields))
    needed = {"size": 8, "threshold": 8, "bits": 4, "kernel_size": 3, "padding": 2, "degrees": 5, "length": 4}
    needed |= {"sharpness_factor": 2, "num_classes": 3, "dtype": "float32", "mean": [0] * 3, "std": [1] * 3}
    needed |= {"ops": [{"op": "RandomInvert"}], "choices": [{"op": "RandomInvert"}]}
    data = {"op": name, **{field: needed[field] for field in fields if field in needed}, argument: choose.draw(garbage)}
    try:
        op = op_from_dict(data)
    except SpecError as error:
        message = str(error)
    else:
        assert op_from_dict(op.to_dict()) == op
        return
    inside = ("an op must be", "unknown op", "holds groups", ": unknown argument", "is missing")
    named = (f"{name}: {argument} ", "RandAugment: magnitude ")  # which are as many as num_magnitude_bins says
    assert message.startswith(named) or any(text in message for text in inside)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"version": 1, "ops": [], "ops": []}', "the key 'ops' is there twice; keep one of the two"),
        (
            '{"version": 1, "ops": [{"op": "Resize", "size": 8, "size": 9}]}',
            "the key 'size' is there twice; keep one of the two",
        ),
        (b"\xff", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte; write it with {writer}()"),
        ('{"version": ' + "9" * 5000 + "}", "Exceeds the limit (4300 digits) for integer string conversion"),
        ("[" * 100_000, "maximum recursion depth exceeded"),
        ("", "Expecting value: line 1 column 1 (char 0); write it with {writer}()"),
    ],
)
def test_text_that_is_no_description_is_refused(text: Any, message: str) -> None:
    for kind, what, writer in ((Pipeline, "a pipeline", "Pipeline.to_json"), (Views, "views", "Views.to_json")):
        with pytest.raises(SpecError) as caught:
            kind.from_json(text)
        assert str(caught.value).startswith(f"{what} can't be read from JSON: {message.format(writer=writer)}")


@pytest.mark.parametrize("text", [None, 3, {"version": 1, "ops": []}])
def test_what_is_no_text_is_refused(text: Any) -> None:
    with pytest.raises(SpecError) as caught:
        Pipeline.from_json(text)
    assert str(caught.value) == (
        f"a pipeline can't be read from {text!r}, which is no text; write it with Pipeline.to_json()"
    )


@pytest.mark.parametrize("depth", [3, 100, 900])
@pytest.mark.parametrize("argument", ["eigvec", "eigval", "alpha_std"])
def test_lists_in_lists_in_lists_are_refused_by_name(depth: int, argument: str) -> None:
    nested: Any = 1.0
    for _ in range(depth):
        nested = [nested]
    with pytest.raises(SpecError, match=rf"^PCALighting: {argument} holds lists more than 2 deep"):
        op_from_dict({"op": "PCALighting", argument: nested})


def test_long_values_are_cut_in_messages() -> None:
    nested: Any = {"op": "RandomInvert"}
    for _ in range(100_000):
        nested = {"version": nested}
    for data in (
        nested,
        {"version": nested, "ops": []},
        {"version": 1, "ops": [nested]},
        {"version": 1, "ops": nested},
    ):
        message = read_or_refused(data)
        assert isinstance(message, str)
        assert len(message) < 1000
        assert "too long to be written" in message


@pytest.mark.parametrize("name", sorted(PRESETS))
class TestEveryPreset:
    def test_travels(self, name: str) -> None:
        preset = PRESETS[name]()
        kind = type(preset)
        for again in (
            kind.from_dict(preset.to_dict()),
            kind.from_json(preset.to_json(indent=1)),
            pickle.loads(pickle.dumps(preset)),
            copy.copy(preset),
            copy.deepcopy(preset),
        ):
            assert again == preset
            assert hash(again) == hash(preset)
        assert PRESETS[name]() == preset

    def test_repr_declares_it_again(self, name: str) -> None:
        preset = PRESETS[name]()
        assert eval(repr(preset), vars(penstock.augment)) == preset


def test_a_part_of_a_pipeline_travels_with_its_position() -> None:
    _, rest = PRESETS["imagenet_train"]().split(2)  # type: ignore[union-attr]
    assert list(rest) == [ToDtype("float32", scale=True), Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    for again in (Pipeline.from_json(rest.to_json()), copy.deepcopy(rest), eval(repr(rest), vars(penstock.augment))):
        assert again == rest
        assert again.position == 2
        assert hash(again) == hash(rest)
