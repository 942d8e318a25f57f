"""The streams of one device: who waits for whom, and which device is there."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from support.delivery import Engine

from penstock.loaders.devices.delivery import DeviceIterator
from penstock.loaders.devices.devices import AcceleratorStreams, PlainStreams, has_streams, streams_of, why_unavailable

CPU = torch.device("cpu")


class Module:
    """A device module (as torch.cuda) that notes what is asked of it; its device is the host."""

    def __init__(self, log: list[Any], available: bool = True, count: int = 2) -> None:
        self.log = log
        self.available = available
        self.count = count

    def is_available(self) -> bool:
        return self.available

    def device_count(self) -> int:
        return self.count

    def Stream(self, device: torch.device) -> FakeStream:  # noqa: N802  # torch's name
        return FakeStream(self.log, f"side of {device}")

    def current_stream(self, device: torch.device) -> FakeStream:
        return FakeStream(self.log, f"consumer of {device}")

    @contextlib.contextmanager
    def stream(self, stream: FakeStream) -> Iterator[None]:
        self.log.append(f"enter {stream.name}")
        yield
        self.log.append(f"leave {stream.name}")


class FakeStream:
    def __init__(self, log: list[Any], name: str) -> None:
        self.log = log
        self.name = name

    def record_event(self) -> Event:
        self.log.append(f"record in {self.name}")
        return Event()

    def wait_event(self, event: Event) -> None:
        self.log.append(f"{self.name} waits for {type(event).__name__}")


class Event:
    def query(self) -> bool:
        return False

    def synchronize(self) -> None:
        pass


class Logged(torch.Tensor):
    log: list[Any]

    def pin_memory(self, device: Any = None) -> torch.Tensor:  # noqa: ARG002
        self.log.append("pin")
        return self

    def to(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        self.log.append(f"copy to {args[0]}, {kwargs}")
        return self

    def record_stream(self, stream: FakeStream) -> None:
        self.log.append(f"record_stream {stream.name}")


def logged(log: list[Any]) -> torch.Tensor:
    tensor = torch.arange(4).as_subclass(Logged)
    tensor.log = log
    return tensor


def test_copies_go_through_the_side_stream_and_the_consumers_stream_waits() -> None:
    log: list[Any] = []
    streams = AcceleratorStreams(CPU, Module(log))
    iterator = DeviceIterator(Engine([[logged(log), "name"]], [False]), device=CPU, streams=lambda _: streams)
    iterator.take()
    assert log == [
        "pin",
        "enter side of cpu",
        "copy to cpu, {'non_blocking': True}",
        "leave side of cpu",
        "record in side of cpu",
        "consumer of cpu waits for Event",
        "record_stream consumer of cpu",
    ]


def test_the_consumers_stream_is_the_one_at_delivery() -> None:
    log: list[Any] = []
    module = Module(log)
    streams = AcceleratorStreams(CPU, module)
    iterator = DeviceIterator(Engine([[logged(log)]] * 2), device=CPU, ahead=1, streams=lambda _: streams)
    iterator.take()
    log.clear()
    module.current_stream = lambda device: FakeStream(log, f"another of {device}")  # type: ignore[method-assign]
    iterator.take()
    assert log == ["another of cpu waits for Event", "record_stream another of cpu"]


def test_what_is_on_another_device_is_not_recorded() -> None:
    log: list[Any] = []
    streams = AcceleratorStreams(torch.device("meta"), Module(log))
    streams.receive([logged(log)], Event())
    assert log == ["consumer of meta waits for Event"]


def test_devices_without_streams_copy_at_once() -> None:
    streams = streams_of(CPU)
    assert isinstance(streams, PlainStreams)
    assert not has_streams(CPU)
    tensor = torch.arange(3)
    with streams.copying():
        assert streams.send(streams.pin([tensor]))[0] is tensor
    assert streams.copied() is None
    assert streams_of(torch.device("meta")).send(tensor).device.type == "meta"


@pytest.mark.parametrize(
    ("name", "module", "message"),
    [
        ("cuda:1", Module([]), None),
        ("cuda", Module([]), None),
        ("cpu", None, None),
        ("meta", None, None),
        ("cuda:2", Module([]), r'torch .* sees 2 cuda device\(s\); name one of "cuda:0", "cuda:1"'),
        (
            "cuda:0",
            Module([], available=False),
            r"torch .* sees no cuda device; (install a build|check that nvidia-smi)",
        ),
        ("mps", Module([], available=False), r"torch \S+ sees no mps device; install a build of torch for mps"),
        *(
            (name, None, rf"torch \S+ can't make a tensor there; import the extension .* {name} devices, or take \S+$")
            for name in ("vulkan", "xla", "hpu")
        ),
    ],
)
def test_why_a_device_cannot_be_used(name: str, module: Any, message: str | None) -> None:
    reason = why_unavailable(torch.device(name), module)
    if message is None:
        assert reason is None
    else:
        assert re.match(message, str(reason))
