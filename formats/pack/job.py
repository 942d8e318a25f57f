"""What a worker does: one shard, or one stretch of samples for another container."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...errors import RecordError
from ..base import Dataset
from .layout import shard_name
from .plan import ShardJob
from .prepare import Preparation
from .shard import Image, ShardWriter, Skipped
from .storage import new_file
from .workers import Report

__all__ = ["OnError", "SamplePreparer", "ShardPacker", "Stretch"]

OnError: TypeAlias = Literal["raise", "skip"]

_CHUNK = 64


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

    def samples(self, indices: NDArray[np.int64], report: Report) -> Iterator[tuple[Image, Any, str] | Skipped]:
        for start in range(0, len(indices), _CHUNK):
            chunk = indices[start : start + _CHUNK]
            records, size = self.source.records(chunk), 0
            for row, index in enumerate(chunk.tolist()):
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
            return Skipped(self.source.name(index) or self.source.describe(index), error.reason)
        raise error.at(self.source.describe(index), index) from error


@dataclass(frozen=True, slots=True, eq=False)
class ShardPacker(_Reader):
    """Writes shards of the pack `pack_id` into `directory`; gives the number of each one finished."""

    directory: Path
    pack_id: bytes

    def __call__(self, job: ShardJob, report: Report) -> int:
        skipped: list[Skipped] = []
        with new_file(self.directory / shard_name(job.number)) as file:
            writer = ShardWriter(file, job.number, self.pack_id)
            for sample in self.samples(job.indices, report):
                if isinstance(sample, Skipped):
                    skipped.append(sample)
                else:
                    writer.append(*sample)
            writer.finish(self.source.labels, skipped)
        return job.number


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Samples at `indices` of the source, prepared together."""

    indices: NDArray[np.int64]

    def __str__(self) -> str:
        return f"samples {self.indices[0]} to {self.indices[-1]}"


@dataclass(frozen=True, slots=True, eq=False)
class SamplePreparer(_Reader):
    """Gives the prepared samples of a stretch: (image, label, name), or what was skipped."""

    def __call__(self, job: Stretch, report: Report) -> list[tuple[Image, Any, str] | Skipped]:
        return list(self.samples(job.indices, report))
