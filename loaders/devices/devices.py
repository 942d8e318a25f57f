"""One device that batches are sent to: its streams, pinned memory for its copies, and whether it is there at all.

The rules that `AcceleratorStreams` keeps are those of PyTorch's notes "CUDA semantics" (CUDA streams; Use pinned memory
buffers) and of the documentation of `torch.Tensor.record_stream`.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch

from .transferable import move, pin

__all__ = [
    "AcceleratorStreams",
    "Copied",
    "InPlace",
    "PlainStreams",
    "Streams",
    "has_streams",
    "streams_of",
    "why_unavailable",
]

# torch.cpu imitates an accelerator's module, streams and all.
_ON_THE_HOST = ("cpu", "meta")


class Copied(Protocol):
    """An event: done once the copies are that were started before it was recorded."""

    def query(self) -> bool:
        """Whether they are done."""

    def synchronize(self) -> None:
        """Waits until they are."""


class Streams(Protocol):
    """What a delivery needs of one device: a side stream for its copies, and care for the consumer's stream."""

    def pin(self, part: Any) -> Any:
        """`part` in pinned memory, where this makes copies asynchronous; what is pinned already is not copied."""

    def copying(self) -> AbstractContextManager[Any]:
        """Work that is started inside goes to the side stream."""

    def send(self, part: Any) -> Any:
        """`part` on the device, in the same structure; the copies may be still under way."""

    def copied(self) -> Copied | None:
        """The event of all that went to the side stream so far; None where it is done already."""

    def receive(self, held: Iterable[Any], copied: Copied) -> None:
        """Gives what was sent, and holds memory of the device (`holders`), to this thread's current stream."""


class PlainStreams:
    """A device whose copies are done when they return: cpu, mps, and whatever has no streams.

    Args:
        device: where parts are sent.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def pin(self, part: Any) -> Any:
        return part

    def copying(self) -> AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def send(self, part: Any) -> Any:
        return move(part, self._device, non_blocking=False)

    def copied(self) -> Copied | None:
        return None

    def receive(self, held: Iterable[Any], copied: Copied) -> None:
        pass


class InPlace(PlainStreams):
    """No device: batches stay where they are."""

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"))

    def send(self, part: Any) -> Any:
        return part


class AcceleratorStreams:
    """A device with streams: copies run beside the consumer's work, in a stream of their own.

    Args:
        device: with its index.
        module: torch's module of its type (`torch.cuda`, `torch.xpu`).
    """

    def __init__(self, device: torch.device, module: Any) -> None:
        self._device = device
        self._module = module
        self._side = module.Stream(device=device)

    def pin(self, part: Any) -> Any:
        return pin(part)

    def copying(self) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = self._module.stream(self._side)
        return context

    def send(self, part: Any) -> Any:
        return move(part, self._device, non_blocking=True)

    def copied(self) -> Copied:
        event: Copied = self._side.record_event()
        return event

    def receive(self, held: Iterable[Any], copied: Copied) -> None:
        consumer = self._module.current_stream(self._device)
        # The consumer's kernels start after the copies; only its stream waits, not this thread.
        consumer.wait_event(copied)
        # The memory was allocated in the side stream. Once the consumer drops a tensor, the allocator would give its
        # memory to the next copy at once, while kernels that read it may still be queued in the consumer's stream.
        for holder in held:
            if not isinstance(holder, torch.Tensor) or holder.device == self._device:
                holder.record_stream(consumer)


def streams_of(device: torch.device) -> Streams:
    """The streams of a device; without an index, of the current device of that type."""
    if not has_streams(device):
        return PlainStreams(device)
    module = _module(device)
    return _accelerator_streams(device.type, module.current_device() if device.index is None else device.index)


# One side stream for a device in the whole process: the caching allocator keeps freed memory for the stream that it was
# allocated in, so that a stream for each pass would make each pass reserve memory of its own.
@functools.cache
def _accelerator_streams(kind: str, index: int) -> Streams:
    device = torch.device(kind, index)
    return AcceleratorStreams(device, _module(device))


def has_streams(device: torch.device) -> bool:
    """Whether copies to a device can run beside its work, which needs batches in pinned memory."""
    names = ("Stream", "stream", "current_stream", "current_device")
    return device.type not in _ON_THE_HOST and all(hasattr(_module(device), name) for name in names)


def why_unavailable(device: torch.device, module: Any = None) -> str | None:
    """Why this torch can't use a device, in words for the end of a message; None where it can.

    Args:
        device: with or without an index.
        module: torch's module of its type; None: look it up.
    """
    if device.type in _ON_THE_HOST:
        return None
    module = module or _module(device)
    if module is None or not hasattr(module, "is_available"):
        return _why_unusable(device)
    if not module.is_available():
        return f"{_build(device.type)} sees no {device.type} device; {_advice(device.type)}"
    count = module.device_count()
    if device.index is not None and device.index >= count:
        names = ", ".join(f'"{device.type}:{index}"' for index in range(count))
        return f"{_build(device.type)} sees {count} {device.type} device(s); name one of {names}"
    return None


def _module(device: torch.device) -> Any:
    try:
        return torch.get_device_module(device)
    except RuntimeError:  # torch has no module for this type
        return None


def _why_unusable(device: torch.device) -> str | None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, ValueError, AssertionError, ImportError):
        # What torch says is about its dispatcher, at length.
        return (
            f"torch {torch.__version__} can't make a tensor there; import the extension of torch that brings "
            f'{device.type} devices, or take device="cpu"'
        )
    return None


def _build(kind: str) -> str:
    built = {"cuda": torch.version.cuda or torch.version.hip, "xpu": getattr(torch.version, "xpu", None)}
    if kind not in built:
        return f"torch {torch.__version__}"
    return f"torch {torch.__version__}, built {f'for {kind} {built[kind]}' if built[kind] else f'without {kind}'},"


def _advice(kind: str) -> str:
    if kind == "cuda" and (torch.version.cuda or torch.version.hip):
        return "check that nvidia-smi (or rocm-smi) lists a GPU and that CUDA_VISIBLE_DEVICES does not hide it"
    return f'install a build of torch for {kind} (https://pytorch.org/get-started/locally), or take device="cpu"'
