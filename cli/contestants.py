"""What `penstock bench` measures, one class for each kind of work; all take turns of some seconds."""

from __future__ import annotations

import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from .._machine import PROC
from ..augment import Normalize, Pipeline, RandomHorizontalFlip, RandomResizedCrop, ToDtype
from ..formats import Subset
from ..loaders import DataLoader
from ..loaders.torch_baseline import PillowTransform, torch_loader, torchvision_transform
from ..record import WHOLE_FILE
from .selection import Selection, StoredImage, read_stored

__all__ = ["Cold", "Contestant", "Decoding", "Loading", "Output", "Reading", "Settings", "Turn", "contestants_for"]

Output = Literal["uint8", "float32"]
OUTPUTS: tuple[Output, ...] = ("uint8", "float32")

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
EPOCH_IMAGES = 1 << 20
"""An epoch names each image many times, so that where one ends and the next begins is seldom met."""
WARM_UP_SECONDS = 0.2
READ_AT_ONCE = 16
COLD_SHARE = 0.9
"""A read was cold if so much of it came from storage."""

_interrupts: list[KeyboardInterrupt] = []
"""Their tracebacks hold the loader's iterator until the process ends.

Freed earlier, torch's iterator waits until each worker is through with its batch. To terminate the workers first is
worse: one that ends while it asks whether it should keeps a lock, which the iterator then waits for without end. At the
end of the process the iterator does nothing, and `multiprocessing` terminates the workers.
"""


class Turn(NamedTuple):
    """What was done in a turn."""

    images: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Settings:
    """What loaders are asked for: `size` in px, `workers` beside one."""

    size: int
    batch_size: int
    workers: int

    @property
    def threads(self) -> list[int]:
        """The numbers of threads that are measured."""
        return sorted({1, self.workers})


class Contestant(ABC):
    """One thing that is measured.

    Attributes:
        name: of the work, the same for any number of threads.
        output: item type of a loader's batches; empty for work that is not a loader's.
        threads: threads, or worker processes.
    """

    name: str
    output: Output | Literal[""] = ""
    threads: int

    @abstractmethod
    def turn(self, seconds: float) -> Turn | None:
        """Works for at least so long, after a start that is not counted; None where it can't be measured here."""


class Reading(Contestant):
    """Reads stored bytes that are in the system's file cache."""

    name = "read, in memory"

    def __init__(self, selection: Selection, threads: int) -> None:
        self.threads = threads
        self._selection = selection

    def turn(self, seconds: float) -> Turn | None:
        list(_read(self._selection, self._selection.indices))  # now it is in memory, if it was not
        shares = [np.roll(self._selection.indices, -number * READ_AT_ONCE) for number in range(self.threads)]
        return in_threads([_endless(self._selection, share) for share in shares], seconds)


class Cold(Contestant):
    """Reads stored bytes from storage: the system is asked to forget them first, and whether it did is looked at."""

    name = "read, from storage"

    def __init__(self, selection: Selection, threads: int, proc: Path = PROC) -> None:
        self.threads = threads
        self._selection = selection
        self._io = proc / "self" / "io"

    def turn(self, seconds: float) -> Turn | None:
        if not hasattr(os, "posix_fadvise") or not self._forget():
            return None
        before = self._from_storage()
        shares = [self._selection.indices[number :: self.threads] for number in range(self.threads)]
        read = [0] * self.threads
        work = [_counted(_read(self._selection, share), read, number) for number, share in enumerate(shares)]
        done = in_threads(work, seconds)
        after = self._from_storage()
        if before is None or after is None or after - before < COLD_SHARE * sum(read):
            return None
        return done

    def _forget(self) -> bool:
        """Has the files of the selection leave the cache; False where they are not read as files (LMDB)."""
        records = self._selection.dataset.records(self._selection.indices)
        if records.payloads is not None:
            return False
        for row in range(len(records)):
            length = int(records.length[row])
            descriptor = os.open(records.paths[int(records.file[row])], os.O_RDONLY)
            try:
                offset, count = (0, 0) if length == WHOLE_FILE else (int(records.offset[row]), length)
                os.posix_fadvise(descriptor, offset, count, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
        return True

    def _from_storage(self) -> int | None:
        """Bytes that this process has had fetched from storage so far; None where the system doesn't say."""
        try:
            lines = self._io.read_text().splitlines()
        except OSError:
            return None
        return next((int(line.split(":")[1]) for line in lines if line.startswith("read_bytes:")), None)


class Decoding(Contestant):
    """Decodes whole images, which are in memory, to uint8 by Penstock's own kernels."""

    name = "decode, whole images"

    def __init__(self, selection: Selection, threads: int) -> None:
        self.threads = threads
        self._images = selection.images

    def turn(self, seconds: float) -> Turn | None:
        starts = [number * len(self._images) // self.threads for number in range(self.threads)]
        return in_threads([self._decode(start) for start in starts], seconds)

    def _decode(self, start: int) -> Iterator[int]:
        while True:
            for image in (*self._images[start:], *self._images[:start]):
                image.decode()
                yield 1


class Loading(Contestant):
    """A loader: takes batches of random resized crops. Each turn has workers of its own, which end with it."""

    def __init__(self, name: str, output: Output, threads: int, start: Callable[[], Any]) -> None:
        self.name = name
        self.output = output
        self.threads = threads
        self._start = start

    def turn(self, seconds: float) -> Turn | None:
        try:
            return self._turn(seconds)
        except KeyboardInterrupt as interrupt:
            _interrupts.append(interrupt)
            raise

    def _turn(self, seconds: float) -> Turn:
        batches = _batches(self._start())
        # Workers begin together and so end their first batches together: whole rounds of them are counted.
        began = time.perf_counter()
        taken = 0
        while taken < self.threads or time.perf_counter() - began < WARM_UP_SECONDS:
            next(batches)
            taken += 1
        images, began = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - began) < seconds:
            images += sum(next(batches) for _ in range(self.threads))
        return Turn(images, elapsed)


def contestants_for(selection: Selection, settings: Settings) -> list[Contestant]:
    """All that is measured, in the order in which it takes turns."""
    found: list[Contestant] = []
    for threads in settings.threads:
        found += [Cold(selection, threads), Reading(selection, threads), Decoding(selection, threads)]
        for output in OUTPUTS:
            found.append(_penstock(selection, settings, output, threads))
            found.append(_torch(selection, settings, output, threads))
    return found


def in_threads(work: Sequence[Iterator[int]], seconds: float) -> Turn:
    """Draws from each iterator in a thread of its own, until it ends or time is up; what they give are images."""
    stop = threading.Event()
    counts, errors = [0] * len(work), []

    def draw(number: int, items: Iterator[int]) -> None:
        try:
            for images in items:
                counts[number] += images
                if stop.is_set():
                    return
        except Exception as error:  # raised again in the caller's thread
            errors.append(error)

    threads = [threading.Thread(target=draw, args=each, daemon=True) for each in enumerate(work)]
    began = time.perf_counter()
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, began + seconds - time.perf_counter()))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    elapsed = time.perf_counter() - began
    if errors:
        raise errors[0]
    return Turn(sum(counts), elapsed)


def _penstock(selection: Selection, settings: Settings, output: Output, threads: int) -> Contestant:
    ops: list[Any] = [RandomResizedCrop(settings.size), RandomHorizontalFlip()]
    if output == "float32":
        ops += [ToDtype("float32", scale=True), Normalize(MEAN, STD)]
    pipeline = Pipeline(ops)
    many = Subset(selection.dataset, np.resize(selection.indices, EPOCH_IMAGES))

    def start() -> Any:
        options: dict[str, Any] = {"shuffle": True, "drop_last": True, "augment": pipeline, "seed": 0}
        return DataLoader(many, settings.batch_size, num_workers=threads, **options)

    return Loading("Penstock", output, threads, start)


def _torch(selection: Selection, settings: Settings, output: Output, threads: int) -> Contestant:
    normalization = (MEAN, STD) if output == "float32" else None
    transform = torchvision_transform(settings.size, normalization)
    name = "torch + Pillow" if transform is None else "torch + torchvision"
    chosen = PillowTransform(settings.size, normalization) if transform is None else transform

    def start() -> Any:
        return torch_loader(
            selection.dataset,
            selection.indices,
            chosen,
            batch_size=settings.batch_size,
            num_workers=threads,
            num_samples=EPOCH_IMAGES,
        )

    return Loading(name, output, threads, start)


def _batches(loader: Any) -> Iterator[int]:
    """The number of images of each batch, epoch after epoch."""
    while True:
        for batch in loader:
            yield len(batch[1])


def _read(selection: Selection, indices: Any) -> Iterator[StoredImage]:
    for start in range(0, len(indices), READ_AT_ONCE):
        records = selection.dataset.records(indices[start : start + READ_AT_ONCE])
        for row in range(len(records)):
            yield read_stored(records, row)


def _endless(selection: Selection, indices: Any) -> Iterator[int]:
    while True:
        for _ in _read(selection, indices):
            yield 1


def _counted(images: Iterator[StoredImage], sizes: list[int], number: int) -> Iterator[int]:
    for image in images:
        sizes[number] += len(image.data)
        yield 1
