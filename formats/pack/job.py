"""What a worker does: one shard, or one stretch of samples for another container."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...errors import RecordError
from ..base import Dataset, Labels
from ..sound import name_of, sound_records
from .layout import shard_name
from .plan import ShardJob
from .prepare import Preparation
from .shard import Image, ShardWriter, Skipped
from .storage import new_file
from .workers import Report

__all__ = ["OnError", "Prepared", "SamplePreparer", "ShardPacker", "Stretch", "stretches", "write_shard"]

OnError: TypeAlias = Literal["raise", "skip"]

Prepared: TypeAlias = tuple[Image, Any, str] | Skipped
"""(image, label, name) of a sample, or what was left out."""

_CHUNK = 64
_ADVICE = re.compile(r"; [^;]*(remove it|leave it out)$")
"""What a message tells somebody to do who has not left the sample out yet."""


@dataclass(frozen=True, slots=True, eq=False)
class _Reader:
    """Reads and prepares samples of `source`.

    Attributes:
        source: any dataset; it travels to the workers by pickle.
        preparation: what is done to each image.
        on_error: what to do about a sample that can't be read or decoded.
    """

    source: Dataset
    preparation: Preparation
    on_error: OnError

    def samples(self, indices: NDArray[np.int64], report: Report) -> Iterator[Prepared]:
        for start in range(0, len(indices), _CHUNK):
            chunk = indices[start : start + _CHUNK]
            records, rows, bad = sound_records(self.source, chunk)
            for row, error in bad:
                yield self._bad(error, int(chunk[row]))
            size = 0
            for row, index in enumerate(chunk[rows].tolist()):
                try:
                    image = self.preparation.read(records, row)
                except RecordError as error:
                    yield self._bad(error, index)
                    continue
                size += image.size
                yield image, records.labels[row], self.source.name(index)
            report(len(chunk), size)

    def _bad(self, error: RecordError, index: int) -> Skipped:
        if self.on_error == "skip":
            return Skipped(name_of(self.source, index) or self.source.describe(index), _ADVICE.sub("", error.reason))
        raise error.at(self.source.describe(index), index) from error


@dataclass(frozen=True, slots=True, eq=False)
class ShardPacker(_Reader):
    """Writes shards of the pack `pack_id` into `directory`; gives the number of each one finished."""

    directory: Path
    pack_id: bytes

    def __call__(self, job: ShardJob, report: Report) -> int:
        write_shard(self.directory, job.number, self.pack_id, self.source.labels, self.samples(job.indices, report))
        return job.number


def write_shard(directory: Path, number: int, pack_id: bytes, labels: Labels, samples: Iterable[Prepared]) -> None:
    """Writes one shard of these samples. Of `labels`, the source's, only type and width are used."""
    skipped: list[Skipped] = []
    with new_file(directory / shard_name(number)) as file:
        writer = ShardWriter(file, number, pack_id)
        for sample in samples:
            if isinstance(sample, Skipped):
                skipped.append(sample)
            else:
                writer.append(*sample)
        writer.finish(labels, skipped)


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Samples at `indices` of the source, prepared together."""

    indices: NDArray[np.int64]

    def __str__(self) -> str:
        return f"samples {self.indices[0]} to {self.indices[-1]}"


def stretches(indices: NDArray[np.int64]) -> list[Stretch]:
    """`indices` cut into stretches that are worth a message between processes."""
    return [Stretch(indices[start : start + _CHUNK]) for start in range(0, len(indices), _CHUNK)]


@dataclass(frozen=True, slots=True, eq=False)
class SamplePreparer(_Reader):
    """Gives the prepared samples of a stretch, with their data as bytes."""

    def __call__(self, job: Stretch, report: Report) -> list[Prepared]:
        return [_as_bytes(sample) for sample in self.samples(job.indices, report)]


def _as_bytes(sample: Prepared) -> Prepared:
    if isinstance(sample, Skipped):
        return sample
    image, label, name = sample
    return replace(image, data=image.to_bytes()), label, name
