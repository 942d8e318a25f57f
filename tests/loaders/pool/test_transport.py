"""What is sent is what arrives, bit for bit, and its memory comes back."""

from __future__ import annotations

import gc
import os
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.loaders.pool import arena as arenas
from penstock.loaders.pool.arena import DROPPED, HELD, RETURNED, Arena
from penstock.loaders.pool.mappings import Mappings
from penstock.loaders.pool.memory import Descriptor, map_whole
from penstock.loaders.pool.transport import Parcel, pack, unpack

DTYPES = [
    torch.uint8,
    torch.bool,
    torch.int16,
    torch.int64,
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
    torch.complex64,
    torch.complex128,
    torch.float8_e4m3fn,
]


class Ends:
    """A sender and a receiver in one process."""

    def __init__(self) -> None:
        self.flags = np.zeros(256, np.uint8)
        self.arena = Arena(self.flags)
        self.mappings = Mappings(self.flags)

    def send(self, make: Any) -> Parcel:
        """Sends what `make(arena)` returns."""
        self.arena.begin()
        packed = pack(make(self.arena), self.arena)
        message, descriptors = packed.seal()
        return unpack(message, [Descriptor(os.dup(d.number)) for d in descriptors], self.mappings)

    def trip(self, value: Any) -> Any:
        return self.send(lambda _: value).open()


def shapes(largest: int = 5) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, largest), max_size=4)


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    """Dense tensors of any layout: permuted, strided, offset, expanded, channels last, empty, without dimensions."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(shapes())
    count = int(np.prod([2 * n + 1 for n in shape]))
    raw = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 2, count * dtype.itemsize, np.uint8)
    tensor = torch.from_numpy(raw).view(dtype).reshape([2 * n + 1 for n in shape])
    for dim, size in enumerate(shape):
        step = draw(st.integers(1, 2))
        tensor = tensor.narrow(dim, draw(st.integers(0, 1)), size * step)[
            (slice(None),) * dim + (slice(None, None, step),)
        ]
    tensor = tensor.permute(draw(st.permutations(range(len(shape)))))
    if draw(st.booleans()):
        tensor = tensor.unsqueeze(0).expand(3, *tensor.shape)
    if tensor.dim() == 4 and draw(st.booleans()):
        tensor = tensor.contiguous(memory_format=torch.channels_last)
    if tensor.is_floating_point() and dtype.itemsize > 1 and draw(st.booleans()):
        tensor.requires_grad_()
    return tensor


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    dtype = np.dtype(draw(st.sampled_from(["u1", "?", "<i2", ">i4", "f2", "f8", "c16", "U3", "M8[s]", "O", "f4,i2"])))
    shape = draw(shapes())
    array = np.arange(int(np.prod(shape)), dtype=np.int64).astype(dtype if dtype.names is None else "i8")
    array = array.astype(dtype).reshape(shape)
    if draw(st.booleans()):
        array = array.T
    return array[tuple(slice(None, None, draw(st.sampled_from([1, 2, -1]))) for _ in array.shape)]


LEAVES = tensors() | arrays() | st.integers() | st.text(max_size=5) | st.none() | st.binary(max_size=5)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4) | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


def bits(tensor: torch.Tensor) -> list[int]:
    flat = torch.empty(tensor.numel(), dtype=tensor.dtype).copy_(tensor.detach().reshape(-1))
    bits: list[int] = flat.view(torch.uint8).tolist()
    return bits


def assert_same(sent: Any, got: Any) -> None:
    assert type(sent) is type(got)
    if isinstance(sent, torch.Tensor):
        assert (sent.dtype, sent.shape, sent.stride()) == (got.dtype, got.shape, got.stride())
        assert sent.requires_grad == got.requires_grad
        assert bits(sent) == bits(got)
    elif isinstance(sent, np.ndarray):
        assert (sent.dtype, sent.shape) == (got.dtype, got.shape)
        assert got.flags.writeable
        assert sent.tolist() == got.tolist()
        assert sent.dtype.hasobject or sent.tobytes() == got.tobytes()
    elif isinstance(sent, dict):
        assert list(sent) == list(got)
        for key, value in sent.items():
            assert_same(value, got[key])
    elif isinstance(sent, list | tuple):
        assert len(sent) == len(got)
        for one, other in zip(sent, got, strict=True):
            assert_same(one, other)
    else:
        assert sent == got


@settings(max_examples=150)
@given(VALUES, st.booleans())
def test_values_arrive_bit_for_bit(value: Any, large: bool) -> None:
    ends = Ends()
    padding = [np.zeros(50_000, np.uint8)] if large else []  # in a segment, or in the message
    assert_same([value, *padding], ends.trip([value, *padding]))
    assert_same([value, *padding], ends.trip([value, *padding]))


def test_views_stay_views_and_take_their_part_along() -> None:
    whole = torch.arange(1_000_000, dtype=torch.float32)
    one, two, other = Ends().trip((whole[1000:2000], whole[1500:2500].view(torch.int32), whole[5:9].clone()))
    two[0] = 0
    assert one[500] == 0, "still the same memory"
    assert other.tolist() == [5, 6, 7, 8]
    assert one.untyped_storage().nbytes() < 10_000, "not the million"


def test_unaligned_views_of_one_storage() -> None:
    raw = torch.arange(256, dtype=torch.uint8)
    odd, floats = Ends().trip((raw[129:150], raw[132:148].view(torch.float32)))
    assert odd.tolist() == list(range(129, 150))
    assert floats.view(torch.uint8).tolist() == list(range(132, 148))


Pair = namedtuple("Pair", "left right")


class Wrapped:
    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor


class Marked(torch.Tensor):
    mark = ""


def test_tensors_inside_other_things() -> None:
    marked = torch.arange(20_000.0).as_subclass(Marked)
    marked.mark = "kept"
    got = Ends().trip(Pair(Wrapped(torch.ones(20_000)), [marked, torch.nn.Parameter(torch.zeros(3))]))
    assert type(got) is Pair
    assert got.left.tensor.sum() == 20_000
    assert type(got.right[0]) is Marked
    assert got.right[0].mark == "kept"
    assert torch.equal(torch.Tensor(got.right[0]), torch.arange(20_000.0))
    assert type(got.right[1]) is torch.nn.Parameter


def test_storages_themselves() -> None:
    tensor = torch.arange(30_000)
    view, untyped = Ends().trip((tensor[7:9], tensor.untyped_storage()))
    assert untyped.nbytes() == 240_000
    assert view.untyped_storage().data_ptr() == untyped.data_ptr()
    assert view.tolist() == [7, 8]


@pytest.mark.parametrize("layout", ["coo", "csr", "csc", "bsr", "bsc", "quantized", "conj", "neg", "meta", "zero"])
@pytest.mark.filterwarnings("ignore:.*beta state:UserWarning", "ignore:.*deprecated:UserWarning")
def test_other_layouts(layout: str) -> None:
    dense = torch.eye(200) * torch.arange(200.0)
    block = {"blocksize": (2, 2)} if layout in ("bsr", "bsc") else {}
    makers = {
        "quantized": lambda: torch.quantize_per_tensor(dense, 0.5, 3, torch.qint8),
        "conj": lambda: torch.complex(dense, dense).conj(),
        "neg": lambda: torch.complex(dense, dense).conj().imag,
        "meta": lambda: torch.empty(3, 4, device="meta"),
        "zero": lambda: torch.zeros(0, 5),
        "coo": dense.to_sparse,
    }
    sent = makers[layout]() if layout in makers else getattr(dense, f"to_sparse_{layout}")(**block)
    ends = Ends()
    got = ends.trip(sent)
    assert (sent.layout, sent.dtype, sent.shape, sent.device) == (got.layout, got.dtype, got.shape, got.device)
    if layout != "meta":
        plain = (lambda t: t.dequantize()) if layout == "quantized" else (lambda t: t.to_dense())
        assert torch.equal(plain(sent), plain(got))
    del got
    assert HELD not in ends.flags[: len(ends.arena._segments)], "nothing keeps it"


def test_a_tensor_with_a_past_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"requires grad and is not a leaf.*detach\(\) it first"):
        Ends().trip(torch.ones(2, requires_grad=True) * 2)


def test_memory_comes_back_with_the_last_reference() -> None:
    ends = Ends()
    first, second = ends.trip((np.zeros(50_000), torch.zeros(50_000)))
    assert ends.flags[0] == HELD
    part = second[10:]
    del first, second
    assert ends.flags[0] == HELD
    del part
    assert ends.flags[0] == RETURNED
    for _ in range(20):
        ends.trip(torch.zeros(50_000))
    assert len(ends.arena._segments) == 1


def test_memory_comes_back_unopened() -> None:
    ends = Ends()
    parcel = ends.send(lambda _: np.zeros(50_000))
    assert ends.flags[0] == HELD
    del parcel
    assert ends.flags[0] == RETURNED


def test_what_is_held_is_not_written_again() -> None:
    ends = Ends()
    held = [ends.trip(torch.full((20_000,), float(n))) for n in range(12)]
    assert [tensor.unique().tolist() for tensor in held] == [[n] for n in range(12)]
    held.clear()
    assert set(ends.flags[:12]) == {RETURNED, DROPPED}, "a few are kept for later, and the others unmapped"
    assert len(ends.mappings._known) == 4


def test_more_results_than_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arenas, "_MAX_SLOTS", 3)
    ends = Ends()
    held = [ends.trip(torch.full((20_000,), float(n))) for n in range(9)]
    assert [tensor.unique().tolist() for tensor in held] == [[n] for n in range(9)]
    assert len(ends.arena._segments) == 3


def test_sizes_that_do_not_fit_are_replaced() -> None:
    ends = Ends()
    for power in range(8, 26):
        held = [ends.trip(torch.zeros(1 << power, dtype=torch.uint8)) for _ in range(3)]
        assert all(len(tensor) == 1 << power for tensor in held)
    assert len(ends.arena._segments) <= 10
    assert len(ends.mappings._known) <= 10


def mapped() -> int:
    with open("/proc/self/maps") as file:
        return sum("penstock-result" in line for line in file)


def test_everything_is_unmapped_in_the_end() -> None:
    gc.collect()  # what other tests left
    before, descriptors = mapped(), len(os.listdir("/proc/self/fd"))
    ends = Ends()
    last = [ends.trip(torch.ones(20_000)) for _ in range(5)][-1]
    assert mapped() >= before + 10, "by sender and receiver"
    del ends
    assert mapped() == before + 1
    assert last.sum() == 20_000
    del last
    assert (mapped(), len(os.listdir("/proc/self/fd"))) == (before, descriptors)


def batch_in(arena: Arena, fill: float) -> torch.Tensor:
    storage = arena.allocate(40_000)
    assert storage is not None
    return torch.empty(0).set_(storage, 0, (100, 100)).fill_(fill)


def test_what_is_made_in_a_segment_is_not_copied() -> None:
    ends = Ends()
    addresses = []

    def make(arena: Arena) -> Any:
        batch = batch_in(arena, 5.0)
        addresses.append(arena.find(batch.data_ptr(), 40_000))
        return {"images": batch, "array": batch[2].numpy(), "label": torch.ones(4)}

    got = ends.send(make).open()
    assert addresses[0] is not None
    assert (got["images"] == 5).all()
    assert (got["array"] == 5).all()
    assert ends.arena._segments[0].used == 40_000, "nothing beside it"
    del got
    assert ends.flags[0] == RETURNED


def test_small_tensors_and_idle_arenas_use_ordinary_memory() -> None:
    arena = Arena()
    assert arena.allocate(1 << 20) is None
    arena.begin()
    assert arena.allocate(100) is None
    assert arena.allocate(1 << 20) is not None


def test_what_the_sender_keeps_is_its_own() -> None:
    ends = Ends()
    kept = []

    def make(arena: Arena) -> Any:
        kept.append(batch_in(arena, 5.0))
        return kept[0]

    got = ends.send(make).open()
    got.fill_(6)
    assert (kept[0] == 5).all()
    later = [ends.trip(torch.full((10_000,), 7.0)) for _ in range(3)]
    assert (kept[0] == 5).all()
    got_again = ends.send(lambda _: kept[0]).open()
    got_again.fill_(8)
    assert (kept[0] == 5).all()
    assert (got == 6).all()
    assert all((tensor == 7).all() for tensor in later)


def test_an_abandoned_delivery_gives_its_memory_back() -> None:
    ends = Ends()
    for _ in range(5):
        ends.arena.begin()
        batch_in(ends.arena, 1.0)
        ends.arena.abandon()
    assert len(ends.arena._segments) == 1
    assert ends.trip(torch.ones(30_000)).sum() == 30_000


def test_want_of_memory_is_told() -> None:
    with pytest.raises(MemoryError, match=r"1,000 bytes of shared memory can't be mapped .*vm.max_map_count.*fewer"):
        map_whole(Descriptor(987654), 1000)


def test_a_fork_keeps_what_it_may_look_at() -> None:
    ends = Ends()
    held, idle = ends.trip(torch.ones(20_000)), ends.trip(torch.ones(20_000))
    del idle
    pid = os.fork()
    if pid == 0:
        del held  # its business alone
        os._exit(0)
    os.waitpid(pid, 0)
    assert ends.flags[:2].tolist() == [HELD, RETURNED]
    del held
    assert ends.flags[:2].tolist() == [DROPPED, RETURNED], "a child that forked then may look at it for ever"
