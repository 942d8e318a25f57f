"""Recycled batch buffers: used again when nobody holds them any more, in whatever form, and never before."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.loading import FLOAT_PIPELINE, arrays, native_threads, settles

from penstock._core import BufferPool
from penstock.augment import Pipeline, RandomResizedCrop
from penstock.errors import OptionError
from penstock.loaders import DataLoader

SHAPE = (4, 3, 2, 5)


def taken(pool: BufferPool, value: float = 1) -> torch.Tensor:
    tensor = torch.from_numpy(pool.take(SHAPE))
    tensor.fill_(value)
    return tensor


def is_free(pool: BufferPool, address: int) -> bool:
    """Whether the buffer at this address is what the pool, which has at most this one, gives out next."""
    return pool.take(SHAPE).ctypes.data == address


def test_memory_is_used_again_once_the_tensor_is_gone() -> None:
    pool = BufferPool(np.float32, kept=2)
    first, second = taken(pool), taken(pool)
    addresses = first.data_ptr(), second.data_ptr()
    assert not np.shares_memory(first.numpy(), second.numpy())
    del first
    assert is_free(pool, addresses[0])
    del second
    assert is_free(pool, addresses[1])


def graph_over(tensor: torch.Tensor) -> torch.Tensor:
    """A loss whose graph has saved the tensor for its backward pass."""
    return (tensor * torch.ones(SHAPE, requires_grad=True)).sum()


HOLDERS: dict[str, Callable[[torch.Tensor], Any]] = {
    "view": lambda tensor: tensor.view(-1),
    "slice": lambda tensor: tensor[1:2, :, :, 3],
    "element": lambda tensor: tensor[3, 2, 1, 4],
    "detached": lambda tensor: tensor.detach(),
    "data": lambda tensor: tensor.data,
    "reinterpreted": lambda tensor: tensor.view(torch.int32),
    "permuted": lambda tensor: tensor.permute(0, 2, 3, 1),
    "smaller": lambda tensor: tensor.resize_(1, 3, 2, 5),
    "parameter": torch.nn.Parameter,
    "chunks": lambda tensor: tensor.chunk(2),
    "list": list,
    "storage": lambda tensor: tensor.untyped_storage(),
    "numpy": lambda tensor: tensor.numpy(),
    "numpy slice": lambda tensor: tensor.numpy()[2:3],
    "numpy of a slice": lambda tensor: tensor[2].numpy(),
    "memoryview": lambda tensor: memoryview(tensor.numpy()),
    "DLPack": torch.from_dlpack,
    "DLPack of numpy": np.from_dlpack,
    "DLPack capsule": lambda tensor: tensor.__dlpack__(),
    "graph": graph_over,
    "shallow copy": copy.copy,
    "generator": lambda tensor: iter(tensor.numpy()),
    "closure": lambda tensor: lambda: tensor,
}


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_whatever_shares_the_memory_holds_it(hold: Callable[[torch.Tensor], Any]) -> None:
    pool = BufferPool(np.float32, kept=1)
    tensor = taken(pool)
    address = tensor.data_ptr()
    holder = hold(tensor)
    del tensor
    gc.collect()
    others = [taken(pool, 9) for _ in range(3)]
    assert all(other.data_ptr() != address for other in others)
    del others
    assert not is_free(pool, address)
    del holder
    gc.collect()
    assert is_free(pool, address)


def through_a_queue(tensor: torch.Tensor) -> torch.Tensor:
    queue = torch.multiprocessing.get_context("fork").SimpleQueue()
    queue.put(tensor)
    received: torch.Tensor = queue.get()
    return received


COPIES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "pickle": lambda tensor: pickle.loads(pickle.dumps(tensor)),
    "deep copy": copy.deepcopy,
    "clone": lambda tensor: tensor.clone(),
    "shared memory": lambda tensor: tensor.share_memory_(),
    "queue between processes": through_a_queue,
}


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
def test_copies_keep_their_values_and_hold_nothing(make: Callable[[torch.Tensor], torch.Tensor]) -> None:
    pool = BufferPool(np.float32, kept=1)
    tensor = taken(pool)
    address = tensor.data_ptr()
    result = make(tensor)
    del tensor
    again = taken(pool, 9)
    assert again.data_ptr() == address
    assert torch.equal(result, torch.ones(SHAPE))


def test_shapes_that_no_memory_can_hold() -> None:
    pool = BufferPool(np.float32, kept=1)
    with pytest.raises(OptionError, match=r"shape: expected sizes that memory can hold, got \(4, -1\)"):
        pool.take((4, -1))
    with pytest.raises(
        OptionError, match=r"shape: expected sizes that memory can hold, got \(4294967296, 4294967296\)"
    ):
        pool.take((2**32, 2**32))
    with pytest.raises(MemoryError):
        pool.take((2**58,))


def test_a_tensor_can_not_grow_beyond_its_buffer() -> None:
    pool = BufferPool(np.float32, kept=1)
    tensor = taken(pool)
    with pytest.raises(RuntimeError, match="not resizable"):
        tensor.resize_(5, 3, 2, 5)
    with pytest.raises(RuntimeError, match="not resizable"):
        tensor.untyped_storage().resize_(5000)
    assert tensor.untyped_storage().nbytes() == 4 * 4 * 3 * 2 * 5


def test_backward_sees_what_was_saved() -> None:
    pool = BufferPool(np.float32, kept=2)
    weight = torch.ones(SHAPE, requires_grad=True)
    loss = (taken(pool, 7) * weight).sum()
    later = [taken(pool, 9) for _ in range(3)]
    loss.backward()
    assert weight.grad is not None
    assert torch.equal(weight.grad, torch.full(SHAPE, 7.0))
    assert len(later) == 3


def test_buffers_are_aligned_and_of_the_size_asked_for() -> None:
    for dtype in (np.uint8, np.float16, np.float32):
        pool = BufferPool(dtype, kept=3)
        for shape in [(64, 3, 7, 5), (64, 3, 7, 5), (40, 3, 7, 5), (1, 3, 7, 5), (0, 3, 7, 5), (200, 3, 7, 5)]:
            array = pool.take(shape)
            assert (array.shape, array.dtype) == (shape, dtype)
            assert array.flags.c_contiguous
            assert array.flags.writeable
            assert array.ctypes.data % 4096 == 0
            assert torch.from_numpy(array).untyped_storage().nbytes() == array.nbytes


def test_no_more_free_buffers_are_kept_than_asked_for() -> None:
    pool = BufferPool(np.float32, kept=3)
    held = [taken(pool) for _ in range(10)]
    addresses = {tensor.data_ptr() for tensor in held}
    held.clear()
    again = [taken(pool) for _ in range(3)]
    assert len(addresses & {tensor.data_ptr() for tensor in again}) == 3
    assert pool.free == 0
    pool.close()
    del again
    assert pool.free == 0


@given(st.lists(st.tuples(st.sampled_from(["take", "drop", "slice"]), st.integers(0, 9)), max_size=60))
def test_held_batches_never_change(steps: list[tuple[str, int]]) -> None:
    pool = BufferPool(np.uint8, kept=2)
    held: list[tuple[NDArray[np.uint8], int]] = []
    for number, (step, choice) in enumerate(steps):
        if step == "take":
            array = pool.take((1 + choice, 8))
            array[:] = number
            held.append((array, number))
        elif held and step == "drop":
            held.pop(choice % len(held))
        elif held:
            array, value = held.pop(choice % len(held))
            held.append((array[:, 2:3], value))
        assert all((array == value).all() for array, value in held)


def test_threads_may_drop_tensors_while_others_take() -> None:
    pool = BufferPool(np.int64, kept=4)
    wrong: list[int] = []

    def churn(value: int) -> None:
        for number in range(300):
            tensors = [taken(pool, value + number) for _ in range(3)]
            wrong.extend(value for tensor in tensors if not (tensor == value + number).all())

    churners = [threading.Thread(target=churn, args=(10_000 * value,)) for value in range(4)]
    for churner in churners:
        churner.start()
    for churner in churners:
        churner.join()
    assert wrong == []


def loader_of(**arguments: Any) -> DataLoader[Any]:
    return DataLoader(arrays(40), **{"batch_size": 4, "augment": FLOAT_PIPELINE, "seed": 1, **arguments})


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_kept_for_an_epoch_stay_as_they_were(workers: int) -> None:
    loader = loader_of(num_workers=workers)
    kept = list(loader)
    loader.set_epoch(0)
    for (images, labels), (expected, expected_labels) in zip(loader, kept, strict=True):
        assert torch.equal(images, expected)
        assert torch.equal(labels, expected_labels)
    assert len({images.data_ptr() for images, _ in kept}) == len(kept)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_dropped_batches_share_a_few_buffers(workers: int) -> None:
    loader = loader_of(num_workers=workers, persistent_workers=workers > 0)
    addresses = {images.data_ptr() for _ in range(3 if workers else 1) for images, _ in loader}
    assert len(addresses) <= max(1, 2 * workers) + 2


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("leave", ["end", "break", "close"])
def test_the_pool_is_empty_when_the_pass_is_over(workers: int, leave: str) -> None:
    iterator: Any = iter(loader_of(num_workers=workers))
    pool = iterator._maker._outputs[0].pool
    held = next(iterator)[0]
    if leave == "end":
        list(iterator)
    if leave == "close":
        iterator.close()
    del iterator
    gc.collect()
    assert pool.free == 0
    expected = held.clone()
    taken(pool, 9)
    assert torch.equal(held, expected)
    del held
    assert pool.free == 0


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


linux_only = pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs Linux's /proc")


@linux_only
def test_a_small_batch_does_not_hold_a_large_buffer() -> None:
    pool = BufferPool(np.uint8, kept=1)
    before = resident_bytes()
    pool.take((64 << 20,)).fill(1)
    assert resident_bytes() - before > 60 << 20
    small = pool.take((10,))
    small.fill(1)
    assert resident_bytes() - before < 20 << 20


@linux_only
def test_fifty_early_breaks_leak_nothing() -> None:
    pipeline = Pipeline([RandomResizedCrop(224)])

    def leave_early(times: int) -> None:
        for number in range(times):
            loader = DataLoader(arrays(64), 16, num_workers=2, augment=pipeline, persistent_workers=number % 2 == 1)
            for images, _ in loader:
                assert images.shape == (16, 3, 224, 224)
                break

    leave_early(3)
    gc.collect()
    threads, descriptors = native_threads(), len(os.listdir("/proc/self/fd"))
    memory = resident_bytes()
    leave_early(50)
    gc.collect()
    assert settles(lambda: native_threads() <= threads)
    assert settles(lambda: len(os.listdir("/proc/self/fd")) <= descriptors)
    assert resident_bytes() - memory < 30 << 20  # a batch has 2.4 MB, and 50 passes began 250 of them
