"""Delivery to a CUDA device: what only a real stream and a real allocator can show. Skipped without one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from support.delivery import Engine

from penstock.loaders import scatter
from penstock.loaders.devices.delivery import DeviceIterator, check_devices
from penstock.loaders.devices.devices import AcceleratorStreams, streams_of

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

DEVICE = "cuda:0"
SLEEP_CYCLES = 100_000_000  # tens of milliseconds: far longer than Python takes for a step
SHAPE = (16, 3, 64, 64)


class SlowStreams(AcceleratorStreams):
    """Copies that start late."""

    cycles = 0

    @contextlib.contextmanager
    def copying(self) -> Iterator[None]:
        with super().copying():
            torch.cuda._sleep(self.cycles)
            yield


@pytest.fixture
def slow() -> SlowStreams:
    streams = SlowStreams(torch.device(DEVICE), torch.cuda)
    # The allocator gets its memory now: to ask the driver for some can wait for the device, and hide a missing wait.
    _ = list(DeviceIterator(Engine(batches(4)), device=DEVICE, ahead=3, streams=lambda _: streams))
    torch.cuda.synchronize()
    streams.cycles = SLEEP_CYCLES
    return streams


def batches(count: int) -> list[torch.Tensor]:
    return [torch.full(SHAPE, float(k + 1)).pin_memory() for k in range(count)]


def test_the_consumers_stream_waits_for_the_copies(slow: SlowStreams) -> None:
    iterator = DeviceIterator(Engine(batches(3)), device=DEVICE, streams=lambda _: slow)
    sums = [part.sum() for part in iterator]
    numbers = torch.Size(SHAPE).numel()
    assert [value.item() for value in sums] == [numbers, 2 * numbers, 3 * numbers]


def test_taking_does_not_wait_for_the_copies(slow: SlowStreams) -> None:
    part = next(DeviceIterator(Engine(batches(1)), device=DEVICE, streams=lambda _: slow))
    arrived = torch.cuda.current_stream().record_event()
    assert not arrived.query()
    assert part.sum().item() == part.numel()


def test_a_stream_of_the_consumers_own_waits(slow: SlowStreams) -> None:
    mine = torch.cuda.Stream()
    iterator = DeviceIterator(Engine(batches(3)), device=DEVICE, streams=lambda _: slow)
    with torch.cuda.stream(mine):
        sums = [part.sum() for part in iterator]
        assert [value.item() for value in sums] == [k * torch.Size(SHAPE).numel() for k in (1, 2, 3)]


def test_memory_that_is_dropped_is_not_overwritten_while_the_consumer_still_reads_it() -> None:
    iterator = DeviceIterator(Engine(batches(12)), device=DEVICE, ahead=1)
    copies = []
    for _ in range(12):
        part = next(iterator)
        torch.cuda._sleep(SLEEP_CYCLES)  # the read below is queued behind this
        copies.append(part.clone())
        del part
    assert [copy.unique().tolist() for copy in copies] == [[float(k + 1)] for k in range(12)]


def test_batches_that_are_not_pinned_arrive_too() -> None:
    plain: list[Any] = [{"images": torch.full(SHAPE, float(k)), "names": ["a"]} for k in range(3)]
    for k, part in enumerate(DeviceIterator(Engine(plain), device=DEVICE)):
        assert part["images"].device == torch.device(DEVICE)
        assert part["images"].unique().tolist() == [float(k)]
        assert part["names"] == ["a"]


def test_channels_last_stays_through_pinning_and_copying() -> None:
    images = torch.rand(SHAPE).to(memory_format=torch.channels_last)
    part = next(DeviceIterator(Engine([images]), device=DEVICE))
    assert part.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(part.cpu(), images)


def test_slices_are_those_of_scatter() -> None:
    devices = [f"cuda:{k % torch.cuda.device_count()}" for k in range(2)]
    original = [torch.rand(5, 3), torch.arange(5), torch.tensor(2.0)]
    got = next(DeviceIterator(Engine([original]), devices=devices))
    for part, wanted in zip(got, scatter(original, devices), strict=True):
        assert [tensor.device for tensor in part] == [tensor.device for tensor in wanted]
        assert all(torch.equal(*pair) for pair in zip(part, wanted, strict=True))


def test_all_passes_share_one_side_stream() -> None:
    assert streams_of(torch.device("cuda")) is streams_of(torch.device("cuda", torch.cuda.current_device()))


def test_a_device_beyond_the_last_is_refused() -> None:
    count = torch.cuda.device_count()
    with pytest.raises(ValueError, match=rf"sees {count} cuda device\(s\); name one of"):
        check_devices(f"cuda:{count}", None, 2)
