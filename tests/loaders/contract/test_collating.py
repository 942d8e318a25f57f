"""What batches are made of: default collating and converting, in both processes, of every structure."""

from __future__ import annotations

import collections
import collections.abc
from typing import Any

import numpy as np
import pytest
import torch
from support.contract import agree, agreed, refused
from support.contract_data import DemandingError, Pair, Pinnable, Squares, collate_badly, collate_into_a_ring
from torch.utils.data import default_collate, default_convert


class Marked(torch.Tensor):
    """A subclass of tensors."""


NESTED = [Pair((number, [np.ones(1)]), {"x": Pair(number, "t")}) for number in range(3)]

STRUCTURES: dict[str, list[Any]] = {
    "ints": [1, 2, 3],
    "floats": [1.5, 2.0, float("inf")],
    "bools": [True, False, True],
    "texts": ["a", "bc", ""],
    "bytes": [b"a", b"bc", b""],
    "tensors": [torch.ones(2, 3) * number for number in range(3)],
    "half": [torch.ones(2, dtype=torch.float16)] * 3,
    "complex": [torch.ones(2, dtype=torch.complex64)] * 3,
    "subclass": [torch.ones(2).as_subclass(Marked)] * 3,
    "views": [torch.arange(12).reshape(3, 4).t()[number] for number in range(3)],
    "strange strides": [torch.arange(24).reshape(2, 3, 4).permute(2, 0, 1)] * 3,
    "arrays": [np.arange(4, dtype=np.int16) + number for number in range(3)],
    "numpy scalars": [np.float32(number) for number in range(3)],
    "numpy bools": [np.bool_(True), np.bool_(False), np.bool_(True)],
    "numpy texts": [np.str_("a"), np.str_("b"), np.str_("c")],
    "no dimensions": [np.array(number) for number in range(3)],
    "tuples": [(number, str(number)) for number in range(3)],
    "lists": [[number, [number]] for number in range(3)],
    "dicts": [{"a": number, "b": {"c": np.ones(2)}} for number in range(3)],
    "ordered dicts": [collections.OrderedDict(z=number, a=number) for number in range(3)],
    "default dicts": [collections.defaultdict(int, a=number) for number in range(3)],
    "named tuples": [Pair(number, str(number)) for number in range(3)],
    "nested": NESTED,
    "ranges": [range(2)] * 3,
    "empty tuples": [()] * 3,
    "empty tensors": [torch.empty(0)] * 3,
    "of length none": [torch.empty(0, 3)] * 3,
    "mixed numbers": [1, 2.5, True],
    "big ints": [2**62, 1, -(2**62)],
    "needs a gradient": [torch.ones(2, requires_grad=True)] * 3,
    "other sizes": [torch.ones(number) for number in range(3)],
    "other lengths": [[0] * number for number in range(3)],
    "other types": [1, "a", None],
    "other keys": [{"a": 1}, {"b": 1}, {"a": 1}],
    "nothing": [None, None, None],
    "objects": [object()] * 3,
    "classes": [int] * 3,
    "sets": [{1}] * 3,
    "arrays of objects": [np.array([None])] * 3,
    "arrays of texts": [np.array(["a"])] * 3,
    "too big": [2**70] * 3,
}


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("name", STRUCTURES)
def test_default_collating(name: str, workers: int) -> None:
    agree(lambda cls: list(cls(STRUCTURES[name], 2, num_workers=workers)))


@pytest.mark.parametrize("name", STRUCTURES)
def test_default_converting(name: str) -> None:
    agree(lambda cls: list(cls(STRUCTURES[name], batch_size=None)))


@pytest.mark.parametrize("name", [name for name in STRUCTURES if name != "objects"])
def test_default_converting_in_workers(name: str) -> None:
    agree(lambda cls: list(cls(STRUCTURES[name], batch_size=None, num_workers=1)))


@pytest.mark.parametrize("workers", [0, 1])
def test_the_kinds_of_containers_stay(workers: int) -> None:
    def kinds(cls: Any) -> Any:
        batch = next(iter(cls(NESTED, 3, num_workers=workers)))
        return type(batch), type(batch.number[1]), type(batch.text), type(batch.text["x"]), type(batch.text["x"].text)

    assert agreed(kinds) == (Pair, list, dict, Pair, tuple)


def test_the_default_functions_are_torchs() -> None:
    assert agreed(lambda cls: cls(Squares()).collate_fn is default_collate)
    assert agreed(lambda cls: cls(Squares(), batch_size=None).collate_fn is default_convert)
    assert agreed(lambda cls: cls(Squares(), batch_sampler=[[0]]).collate_fn is default_collate)
    assert agreed(lambda cls: cls(Squares(), collate_fn=len).collate_fn is len)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_collate_fn_that_fails(workers: int) -> None:
    refused(lambda cls: list(cls(range(4), 2, collate_fn=collate_badly, num_workers=workers)), ValueError, "collate 2")
    refused(lambda cls: list(cls(range(4), 2, collate_fn=3, num_workers=workers)), TypeError, "not callable")


def test_an_exception_that_wants_more_than_a_message() -> None:
    def fail(samples: list[Any]) -> Any:
        raise DemandingError(len(samples), "more")

    refused(lambda cls: list(cls(range(4), 2, collate_fn=fail)), DemandingError, "2 and more")
    refused(lambda cls: list(cls(range(4), 2, collate_fn=fail, num_workers=1)), RuntimeError, "2 and more")


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_of_a_kind_of_ones_own(workers: int) -> None:
    def pinnable(cls: Any) -> Any:
        loader = cls(range(4), 2, collate_fn=Pinnable, num_workers=workers, pin_memory=True)
        return [(batch.samples, batch.pinned) for batch in loader]

    seen = agree(pinnable)
    assert seen.error is None
    if not torch.accelerator.is_available():
        assert seen.value == [([0, 1], False), ([2, 3], False)]
        assert "no accelerator is found" in seen.warned[0][1]


def test_pin_memory_device_is_warned_of() -> None:
    agree(lambda cls: list(cls(Squares(), 3, pin_memory=True, pin_memory_device="cuda")))
    agreed(lambda cls: list(cls(Squares(), 3, pin_memory_device="cuda")))


def test_sparse_tensors() -> None:
    sparse = [torch.eye(2).to_sparse()] * 3
    agree(lambda cls: [batch.to_dense() for batch in cls(sparse, 2)])


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors() -> None:
    nested = [torch.nested.nested_tensor([torch.ones(2)]) for _ in range(2)]
    agree(lambda cls: list(cls(nested, 2)))
    agree(lambda cls: [batch[0].to_padded_tensor(0) for batch in cls(nested, 2, collate_fn=list, num_workers=1)])


def test_tensors_from_workers_are_shared_and_writable() -> None:
    def written(cls: Any) -> Any:
        batch = next(iter(cls(range(4), 4, num_workers=1)))
        batch += 1
        return batch, batch.is_shared()

    assert agreed(written)[1]


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_that_hold_themselves(workers: int) -> None:
    def length(cls: Any) -> Any:
        (batch,) = cls(range(3), 3, collate_fn=collate_into_a_ring, num_workers=workers)
        return len(batch), batch[-1] is batch

    assert agreed(length) == (4, True)


def test_batches_that_compute_their_values_are_left_to() -> None:
    class Lazy(collections.abc.Mapping[str, Any]):
        def __getitem__(self, key: str) -> Any:
            raise RuntimeError(f"{key} is not wanted yet")

        def __iter__(self) -> Any:
            return iter(["a"])

        def __len__(self) -> int:
            return 1

    assert len(agreed(lambda cls: [list(batch) for batch in cls(range(4), 2, collate_fn=lambda _: Lazy())])) == 2
