"""Cutting a batch for several devices, and joining what they give back."""

from __future__ import annotations

import collections
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import OptionError
from penstock.loaders import gather, scatter


class Pair(NamedTuple):
    images: torch.Tensor
    labels: torch.Tensor


def batch_of(size: int) -> dict[str, Any]:
    return {
        "pair": Pair(torch.rand(size, 3, 2, 2), torch.arange(size)),
        "nested": [torch.arange(size) * 2, (torch.arange(size) * 3, {"deep": torch.arange(size) * 4})],
        "names": [f"sample {k}" for k in range(size)],
        "array": np.arange(size),
        "weight": torch.tensor(0.5),
        "step": 7,
        "note": "same for all",
        "nothing": None,
    }


@given(st.integers(1, 40), st.integers(1, 6))
def test_the_cut_is_that_of_torch_chunk(size: int, count: int) -> None:
    tensor = torch.arange(size * 2).reshape(size, 2)
    slices = scatter(tensor, ["cpu"] * count)
    expected = tensor.chunk(count)
    assert len(slices) == len(expected)
    assert all(torch.equal(got, want) for got, want in zip(slices, expected, strict=True))


@pytest.mark.parametrize(("size", "sizes"), [(8, [4, 4]), (5, [3, 2]), (1, [1])])
def test_every_part_of_a_nested_batch_is_cut_alike(size: int, sizes: list[int]) -> None:
    batch = batch_of(size)
    slices = scatter(batch, ["cpu", "cpu"])
    assert [len(part["pair"].images) for part in slices] == sizes
    start = 0
    for part, rows in zip(slices, sizes, strict=True):
        stop = start + rows
        assert isinstance(part["pair"], Pair)
        assert torch.equal(part["pair"].images, batch["pair"].images[start:stop])
        assert torch.equal(part["nested"][1][1]["deep"], torch.arange(start, stop) * 4)
        assert isinstance(part["nested"][1], tuple)
        assert part["names"] == batch["names"][start:stop]
        assert part["array"].tolist() == list(range(start, stop))
        assert (part["weight"], part["step"], part["note"], part["nothing"]) == (0.5, 7, "same for all", None)
        start = stop


def test_an_empty_batch_goes_to_the_first_device() -> None:
    slices = scatter([torch.empty(0, 3), torch.empty(0)], ["cpu", "cpu"])
    assert [[tuple(tensor.shape) for tensor in part] for part in slices] == [[(0, 3), (0,)]]


def test_mappings_keep_their_kind() -> None:
    batch = collections.defaultdict(list, images=torch.arange(4))
    parts = scatter(batch, ["cpu", "cpu"])
    assert all(type(part) is collections.defaultdict and part["new"] == [] for part in parts)
    ordered = scatter(collections.OrderedDict(b=torch.arange(2), a=torch.arange(2)), ["cpu", "cpu"])
    assert [list(part) for part in ordered] == [["b", "a"], ["b", "a"]]
    assert torch.equal(batch["images"], torch.arange(4))


def test_slices_go_straight_to_their_device() -> None:
    parts = scatter([torch.arange(4), torch.tensor(1)], ["cpu", torch.device("meta")])
    assert [[tensor.device.type for tensor in part] for part in parts] == [["cpu", "cpu"], ["meta", "meta"]]


def test_a_slice_that_stays_is_not_copied() -> None:
    tensor = torch.arange(6)
    assert scatter(tensor, ["cpu", "cpu"])[1].data_ptr() == tensor[3:].data_ptr()


@pytest.mark.parametrize("size", [4, 5, 1])
def test_gather_undoes_scatter(size: int) -> None:
    batch = batch_of(size)
    del batch["names"], batch["array"], batch["weight"]
    joined = gather(scatter(batch, ["cpu", "cpu", "cpu"]), "cpu")
    assert torch.equal(joined["pair"].images, batch["pair"].images)
    assert torch.equal(joined["nested"][1][1]["deep"], batch["nested"][1][1]["deep"])
    assert isinstance(joined["pair"], Pair)
    assert (joined["step"], joined["note"], joined["nothing"]) == (7, "same for all", None)


def test_gather_makes_a_vector_of_scalars() -> None:
    assert gather([torch.tensor(1.0), torch.tensor(2.0)], "cpu").tolist() == [1.0, 2.0]


@pytest.mark.parametrize("size", [4, 5])
def test_gradients_flow_through_both(size: int) -> None:
    images = torch.rand(size, 3, requires_grad=True)
    weights = torch.arange(1.0, size + 1)
    parts = scatter({"images": images}, ["cpu", "cpu"])
    outputs = [{"square": part["images"].pow(2).sum(1)} for part in parts]
    (gather(outputs, "cpu")["square"] * weights).sum().backward()
    assert images.grad is not None
    assert torch.allclose(images.grad, 2 * images.detach() * weights[:, None])


@pytest.mark.parametrize(
    ("batch", "devices", "message"),
    [
        (torch.zeros(2), [], "at least one device"),
        ({"a": 1, "b": "text"}, ["cpu"], "no tensor with a first dimension"),
        (torch.tensor(1.0), ["cpu"], "no tensor with a first dimension"),
        ([torch.zeros(3), {"k": torch.zeros(4)}], ["cpu"], r"batch\[0\] has 3 rows, but batch\[1\]\['k'\] has 4"),
    ],
)
def test_a_batch_that_cannot_be_cut_is_refused(batch: Any, devices: list[str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        scatter(batch, devices)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ([], "at least one device"),
        ([torch.zeros(1), [torch.zeros(1)]], "outputs is of types Tensor, list"),
        ([{"a": torch.zeros(1)}, {"b": torch.zeros(1)}], r"outputs has the keys \['a'\]; \['b'\]"),
        ([(torch.zeros(1),), (torch.zeros(1), 1)], "outputs has the lengths 1, 2"),
        ([{"a": [1]}, {"a": [2]}], r"outputs\['a'\]\[0\] is no tensor and differs between devices \(1, 2\)"),
        ([torch.zeros(1, 2), torch.zeros(1, 3)], r"outputs has the shapes \(1, 2\), \(1, 3\)"),
        ([torch.zeros(()), torch.zeros(1)], r"the shapes \(\), \(1,\)"),
    ],
)
def test_outputs_that_do_not_fit_together_are_refused(outputs: list[Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        gather(outputs, "cpu")
