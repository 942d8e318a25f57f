"""Batches on their way to one device, or in slices to several, while the consumer still works on earlier ones."""

from __future__ import annotations

import operator
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeAlias

import torch

from ...errors import EngineClosedError, OptionError
from ..engines.base import EngineIterator
from ..keys.keys import SampleKeys
from ..pool.interrupts import as_finalizer
from ..state.passes import Cursor
from .devices import Copied, Streams, streams_of, why_unavailable
from .finishing import Finishing
from .scatter import cut
from .transferable import holders
from .tree import map_tensors, tensor_bytes, tensors_in

__all__ = ["DeviceIterator", "check_devices"]

Device: TypeAlias = torch.device | str | int


_START = Cursor(0)


@dataclass(slots=True)
class _Part:
    """What one device gets of a batch.

    Attributes:
        streams: of the device.
        sent: what it gets.
        held: memory of the device in it.
        copied: when all is done.
        nbytes: that were sent.
        finishing_seconds: that it took to start finishing them (on a CPU: to finish them).
    """

    streams: Streams
    sent: Any
    held: list[Any]
    copied: Copied | None
    nbytes: int
    finishing_seconds: float


@dataclass(slots=True)
class _Step:
    """One step of the consumer: a batch that waits for its transfer, one that is sent, or the error to raise."""

    batch: Any = None
    cursor: Cursor = _START
    parts: list[_Part] = field(default_factory=list)
    failure: Exception | None = None


class DeviceIterator(EngineIterator):
    """The batches of an engine's iterator, in order, on a device (or in slices on several).

    Up to `ahead` batches beyond the one that the consumer asks for are sent beforehand, as far as the engine has them
    ready: transfers run in a side stream while the consumer's stream computes. There is no thread; transfers are
    started when the consumer takes a batch. A batch is given out at once, also while its copies are under way: the
    stream that is the consumer's current one at that time waits for them, and the consumer may use the batch in this
    stream as any other tensor. (For use in yet another stream PyTorch's rules hold: wait, and `record_stream`.)

    An error, that of a transfer too, is raised at the step of its batch, and the next step goes on with the next batch.

    Args:
        inner: gives the batches, and has the pass that they belong to. If they are in pinned memory, nothing is copied
            on the host.
        device: where whole batches go. Tensors, and objects with a method `to(device)` whose tensors are in their
            attributes, are moved; lists, tuples and mappings keep their structure; other things stay as they are.
        devices: where slices go: a batch is the list that `scatter(batch, devices)` gives.
        ahead: how many batches are sent beforehand, at least 1. Each takes memory on the device.
        finishings: for each device, what is done there to what was sent, in the same stream as the copies; none: it
            stays as it is.
        streams: makes the streams of a device; another one than the default is for tests.

    Raises:
        OptionError: (while iterating) a batch has no tensor to cut for `devices`, or tensors of different lengths.
        EngineClosedError: (while iterating) it was closed.
    """

    def __init__(
        self,
        inner: EngineIterator,
        *,
        device: Device | None = None,
        devices: Sequence[Device] | None = None,
        ahead: int = 2,
        finishings: Sequence[Finishing] = (),
        streams: Callable[[torch.device], Streams] = streams_of,
    ) -> None:
        target, targets = check_devices(device, devices, ahead)
        if target is None and targets is None:
            raise OptionError("delivery needs device= or devices=, got neither")
        self._inner = inner
        self._sliced = targets is not None
        self._streams = [streams(device) for device in (targets or (target,)) if device is not None]
        self._ahead = ahead
        self._finishings = finishings
        self._steps: deque[_Step] = deque()
        # A copy that is under way reads host memory, which must live as long, whatever allocator it is from.
        self._sources: deque[tuple[Copied, list[Any]]] = deque()
        self._stepping = threading.RLock()  # several threads may share out one pass's batches
        self._closing = weakref.finalize(self, _wait_for_copies, self._sources)

    def take(self) -> tuple[Any, Cursor]:
        """The next batch on its device, and the cursor that `inner` gave with it.

        Blocks only while `inner` has no batch ready.
        """
        with self._stepping:
            if not self._closing.alive:
                raise EngineClosedError("this iterator was closed; call iter(loader) for another pass")
            self._release_sources()
            if not self._steps:
                self._steps.append(_Step(*self._inner.take()))
            self._send(self._steps[0])
            self._send_ahead()
            # It leaves the queue only here, so that Ctrl-C before loses nothing.
            step = self._steps[0]
            batch = self._receive(step) if step.failure is None else None
            self._steps.popleft()
        if step.failure is not None:
            raise step.failure
        return batch, step.cursor

    def ready(self) -> bool:
        """Whether `take` would return at once."""
        return bool(self._steps) or self._inner.ready()

    def close(self) -> None:
        """Drops what was sent ahead and closes the engine's iterator; to call it again does nothing."""
        with self._stepping:
            self._steps.clear()
            self._closing()
            close = getattr(self._inner, "close", None)
            if callable(close):
                close()

    def __len__(self) -> int:
        return len(self._inner)  # type: ignore[arg-type]  # torch's iterators have it

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # before __init__: in copying, say
            raise AttributeError(name)
        return getattr(self._inner, name)

    def _reset(self, loader: Any, first_iter: bool = False) -> None:
        # Called by torch's loader for each further pass with persistent workers.
        with self._stepping:
            self._steps.clear()
            self._inner._reset(loader, first_iter)  # type: ignore[attr-defined]  # torch's iterators have it

    def _send_ahead(self) -> None:
        # Not beyond an error: most consumers stop there.
        while len(self._steps) <= self._ahead and self._steps[-1].failure is None and self._inner.ready():
            try:
                step = _Step(*self._inner.take())
            except Exception as error:  # StopIteration too: each is raised when it is its turn
                step = _Step(failure=error)
            self._steps.append(step)
            self._send(step)

    def _send(self, step: _Step) -> None:
        if step.parts or step.failure is not None:
            return
        began = perf_counter()
        try:
            parts = self._cut(step.batch) if self._sliced else [step.batch]
            keys = self._keys(step.cursor.keys, len(parts))
            finishings: Sequence[Finishing | None] = self._finishings or [None] * len(self._streams)
            places = zip(parts, keys, self._streams, finishings, strict=False)
            step.parts = [self._send_part(*each) for each in places]
        except Exception as error:  # out of device memory, a batch that can't be cut ...: belongs to this step
            step.failure = error
        step.batch = None
        self._measure(step, perf_counter() - began)

    def _measure(self, step: _Step, seconds: float) -> None:
        meter, samples = self._pass.meter, step.cursor.samples
        finishing_seconds = sum(part.finishing_seconds for part in step.parts)
        if self._finishings:
            meter.spent("finish", finishing_seconds, samples, sum(tensor_bytes(part.sent) for part in step.parts))
        meter.spent("transfer", seconds - finishing_seconds, samples, sum(part.nbytes for part in step.parts))

    def _cut(self, batch: Any) -> list[Any]:
        try:
            return cut(batch, len(self._streams))
        except OptionError as error:
            raise OptionError(
                f"devices= can't share out this batch: {error} (with device= instead of devices=)"
            ) from error

    def _keys(self, keys: SampleKeys | None, parts: int) -> Sequence[SampleKeys | None]:
        """Those of each part of a batch."""
        if keys is None or not self._sliced:
            return [keys] * parts
        length = max(1, -(-len(keys) // len(self._streams)))  # as `cut`
        return [keys.take(slice(part * length, (part + 1) * length)) for part in range(parts)]

    def _send_part(self, part: Any, keys: SampleKeys | None, streams: Streams, finishing: Finishing | None) -> _Part:
        if finishing is not None:
            finishing.check(part, keys)
        part = self._apply(streams.pin, part)
        sources = self._holders(part)
        with streams.copying():
            sent = self._apply(streams.send, part)
            nbytes = sum(getattr(holder, "nbytes", 0) for holder in self._holders(sent))
            began = perf_counter()
            if finishing is not None:
                sent = finishing(sent, keys)
            seconds = perf_counter() - began
        copied = streams.copied()
        if copied is not None:
            self._sources.append((copied, sources))
        return _Part(streams, sent, self._holders(sent), copied, nbytes, seconds)

    def _receive(self, step: _Step) -> Any:
        for part in step.parts:
            if part.copied is not None:
                part.streams.receive(part.held, part.copied)
        batches = [part.sent for part in step.parts]
        return batches if self._sliced else batches[0]

    def _apply(self, function: Callable[[Any], Any], part: Any) -> Any:
        # Of slices only tensors are moved, as by scatter.
        return map_tensors(function, part) if self._sliced else function(part)

    def _holders(self, part: Any) -> list[Any]:
        if self._sliced:
            return [holder for _, tensor in tensors_in(part) for holder in holders(tensor)]
        return list(holders(part))

    def _release_sources(self) -> None:
        while self._sources and self._sources[0][0].query():
            self._sources.popleft()


def check_devices(
    device: Device | None, devices: Sequence[Device] | None, prefetch_to_device: int
) -> tuple[torch.device | None, tuple[torch.device, ...] | None]:
    """`device` and `devices` as torch's objects, if a loader with these arguments can deliver.

    Raises:
        OptionError: both are given, one is unknown to torch or not there, or an argument is out of its range.
    """
    _check_ahead(prefetch_to_device)
    if device is not None and devices is not None:
        raise OptionError(
            f"device={device!r} sends whole batches to one device and devices={devices!r} a slice to each, and both "
            "were given; leave out one"
        )
    if device is not None:
        return _checked_device("device", device), None
    if devices is None:
        return None, None
    if isinstance(devices, str | torch.device | int):
        raise OptionError(
            f"devices must be a list of devices, got {devices!r}; write devices=[{devices!r}], or device="
        )
    if len(devices) == 0:
        raise OptionError('devices needs at least one device, got an empty list; name them, as in ["cuda:0", "cuda:1"]')
    return None, tuple(_checked_device(f"devices[{place}]", device) for place, device in enumerate(devices))


def _check_ahead(ahead: Any) -> None:
    try:
        valid = not isinstance(ahead, bool) and operator.index(ahead) >= 1
    except TypeError:
        valid = False
    if not valid:
        raise OptionError(
            f"prefetch_to_device must be an int of at least 1, got {ahead!r}; it is how many batches are sent ahead of "
            "the consumer (1 takes the least memory on the device)"
        )


def _checked_device(name: str, device: Device) -> torch.device:
    about = f"{name}={device!r}"
    known = 'write a name such as "cuda:0", "xpu:0", "mps" or "cpu"'
    if isinstance(device, bool) or not isinstance(device, torch.device | str | int):
        raise OptionError(f"{about} is no device; {known}")
    try:
        checked = torch.device(device)
    except (RuntimeError, ValueError) as error:
        raise OptionError(f"{about} is no device that torch knows ({str(error).splitlines()[0]}); {known}") from error
    reason = why_unavailable(checked)
    if reason is not None:
        raise OptionError(f"{about} can't be used: {reason}")
    return checked


@as_finalizer
def _wait_for_copies(sources: deque[tuple[Copied, list[Any]]]) -> None:
    while sources:
        copied, _ = sources[0]
        copied.synchronize()
        sources.popleft()
