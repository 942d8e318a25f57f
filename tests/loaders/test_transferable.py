"""What of a batch is pinned, moved, and counted as holding memory of a device."""

from __future__ import annotations

import collections
import dataclasses
import types
from typing import Any, NamedTuple

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from penstock.loaders.devices.transferable import holders, move, pin
from penstock.loaders.devices.tree import rebuild_mapping, rebuild_sequence

META = torch.device("meta")


class Pinnable(torch.Tensor):
    """Notes what is asked of it; a test's machine has no pinned memory."""

    asked: list[Any]

    def pin_memory(self, device: Any = None) -> torch.Tensor:
        assert device is None
        self.asked.append(self.shape)
        return torch.Tensor.clone(self)


def pinnable(size: int, asked: list[Any]) -> torch.Tensor:
    tensor = torch.arange(size).as_subclass(Pinnable)
    tensor.asked = asked
    return tensor


@dataclasses.dataclass
class Batch:
    images: torch.Tensor
    extra: Any = None
    calls: list[Any] = dataclasses.field(default_factory=list)

    def to(self, device: torch.device, non_blocking: bool = False) -> Batch:
        self.calls.append((device, non_blocking))
        return Batch(self.images.to(device, non_blocking=non_blocking), self.extra)


class BlockingBatch:
    __slots__ = ("images",)

    def __init__(self, images: torch.Tensor) -> None:
        self.images = images

    def to(self, device: torch.device) -> None:
        self.images = self.images.to(device)


class Recording:
    """Its tensors are out of sight, but it records streams itself."""

    def to(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        return args, kwargs

    def record_stream(self, stream: Any) -> None: ...


class Quantity:
    """`to` is another thing here: it converts to a unit."""

    def to(self, unit: str) -> Quantity:
        raise ValueError(f"unknown unit {unit}")


class Odd(tuple):  # a tuple that can't be made from its values
    def __new__(cls, first: Any, second: Any) -> Odd:
        return super().__new__(cls, (first, second))


class Named(list[Any]):
    name = ""


class Point(NamedTuple):
    x: Any
    y: Any


def test_an_object_that_brings_to_is_moved_by_it() -> None:
    batch = Batch(torch.zeros(2))
    moved = move({"batch": [batch]}, META, non_blocking=True)["batch"][0]
    assert isinstance(moved, Batch)
    assert moved.images.device == META
    assert batch.calls == [(META, True)]
    assert batch.images.device.type == "cpu"
    move(batch, META, non_blocking=False)
    assert batch.calls[1:] == [(META, False)]


def test_an_object_may_move_in_place_and_block() -> None:
    batch = BlockingBatch(torch.zeros(2))
    assert move(batch, META, non_blocking=True) is batch
    assert batch.images.device == META


def test_an_object_with_any_keyword_arguments_is_moved_without_blocking() -> None:
    assert move(Recording(), META, non_blocking=True) == ((META,), {"non_blocking": True})


def test_packed_sequences_are_moved() -> None:
    packed = pack_sequence([torch.arange(3), torch.arange(2)])
    moved = move(packed, META, non_blocking=True)
    assert type(moved) is type(packed)
    assert moved.data.device == META
    assert [holder.shape for holder in holders(moved)] == [(5,), (3,)]


@pytest.mark.parametrize(
    "thing",
    [Quantity(), Batch, "text", b"bytes", 7, None, types.SimpleNamespace(x=torch.zeros(1))],
    ids=lambda thing: type(thing).__name__,
)
def test_other_things_stay(thing: Any) -> None:
    assert move(thing, META, non_blocking=True) is thing
    assert move([thing], META, non_blocking=True)[0] is thing


def test_all_that_holds_memory_is_found_once() -> None:
    first, second, third = torch.zeros(1), torch.zeros(2), torch.zeros(3)
    recording = Recording()
    batch = Batch(first, extra=[BlockingBatch(second), {"deep": (third, recording)}])
    batch.extra.append(batch)  # a batch that knows itself
    found = list(holders({"batch": batch, "other": 3}))
    assert [id(holder) for holder in found] == [id(first), id(second), id(third), id(recording)]
    assert list(holders(Quantity())) == []


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("convert", ["to_sparse", "to_sparse_csr", "to_sparse_csc"])
def test_sparse_tensors_hold_memory_in_their_parts(convert: str) -> None:
    tensor = getattr(torch.eye(3), convert)()
    values = tensor._values() if convert == "to_sparse" else tensor.values()
    found = list(holders([tensor]))
    assert all(holder.layout == torch.strided for holder in found)
    assert any(holder.data_ptr() == values.data_ptr() for holder in found)
    assert len(found) == (2 if convert == "to_sparse" else 3)


def test_pinning_asks_every_tensor_on_the_host_and_every_object_that_can() -> None:
    class Custom:
        def pin_memory(self) -> str:
            return "pinned"

    asked: list[Any] = []
    sparse, away = torch.eye(2).to_sparse(), torch.zeros(2, device=META)
    batch = {"a": pinnable(2, asked), "b": [Custom(), sparse, away, "text", 3], "c": Point(pinnable(3, asked), None)}
    pinned = pin(batch)
    assert asked == [(2,), (3,)]
    assert pinned["a"].tolist() == [0, 1]
    assert isinstance(pinned["c"], Point)
    assert pinned["b"][0] == "pinned"
    assert pinned["b"][1] is sparse
    assert pinned["b"][2] is away
    assert pinned["b"][3:] == ["text", 3]


def test_channels_last_stays_through_a_move() -> None:
    images = torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)
    assert move([images], META, non_blocking=True)[0].stride() == images.stride()


def test_sequences_are_rebuilt_as_they_were() -> None:
    named = Named([1, 2])
    named.name = "kept"
    rebuilt = rebuild_sequence(named, [3])
    assert (type(rebuilt), rebuilt, rebuilt.name, named) == (Named, [3], "kept", [1, 2])
    assert rebuild_sequence(Point(1, 2), [3, 4]) == Point(3, 4)
    assert rebuild_sequence(torch.Size([1]), [2, 3]) == torch.Size([2, 3])
    odd = rebuild_sequence(Odd(1, 2), [3, 4])
    assert (type(odd), odd) == (tuple, (3, 4))


def test_mappings_are_rebuilt_as_they_were() -> None:
    counted = rebuild_mapping(collections.defaultdict(list, a=1), {"a": 2})
    assert (type(counted), counted["a"], counted["new"]) == (collections.defaultdict, 2, [])
    fixed = rebuild_mapping(types.MappingProxyType({"a": 1}), {"a": 2})
    assert (type(fixed), fixed["a"]) == (types.MappingProxyType, 2)

    class Frozen(collections.abc.Mapping[str, int]):
        def __init__(self, a: int, b: int) -> None:
            self.items_ = {"a": a, "b": b}

        def __getitem__(self, key: str) -> int:
            return self.items_[key]

        def __iter__(self) -> Any:
            return iter(self.items_)

        def __len__(self) -> int:
            return 2

    assert rebuild_mapping(Frozen(1, 2), {"a": 3, "b": 4}) == {"a": 3, "b": 4}
