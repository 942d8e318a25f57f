"""Prepared samples into another container: the same checks and shrinking as for a pack, but one writer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ...errors import OptionError, PackingError
from ...record import Codec
from ..base import Dataset
from .job import OnError, Prepared, SamplePreparer, stretches
from .plan import PackOptions, make_plan
from .shard import Skipped
from .workers import run_jobs
from .writer import NoProgress, PackResult, Progress

__all__ = ["Sink", "transfer"]


class Sink(Protocol):
    """Where samples go, one after another, such as `LMDBWriter`."""

    def add(
        self, data: bytes, label: Any, *, name: str, codec: Codec = ..., width: int = ..., height: int = ...
    ) -> None: ...


def transfer(
    source: Dataset,
    sink: Sink,
    options: PackOptions,
    *,
    workers: int = 0,
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> PackResult:
    """Adds every sample of `source` to `sink`, in the order that a pack with these options would have.

    Args and errors are those of `write_pack`; the caller opens and commits the sink. The codec must be "encoded" or
    "raw": dct records are read in part, from the shards of a pack.
    """
    if options.codec == "dct":
        raise OptionError("codec dct is that of packs: choose encoded or raw for other containers")
    plan = make_plan(source, options)
    shown = progress if progress is not None else NoProgress()
    shown.start(plan.samples, 0)
    preparer = SamplePreparer(source, options.preparation, on_error)
    moved = _Moved()
    for prepared in run_jobs(preparer, stretches(plan.order), workers=workers, report=shown.advance, ordered=True):
        for sample in prepared:
            moved.add(sample, sink)
    if len(moved.skipped) == plan.samples:
        raise PackingError(f"none of the {plan.samples} samples could be read; the first: {moved.skipped[0].reason}")
    return PackResult(
        samples=plan.samples - len(moved.skipped),
        shards=0,
        reused_shards=0,
        size=moved.size,
        source_size=plan.size,
        codecs=dict(moved.codecs),
        fallbacks={},
        skipped=tuple(moved.skipped),
        was_complete=False,
    )


@dataclass(slots=True)
class _Moved:
    """What has gone to a sink so far, and what was left out."""

    size: int = 0
    codecs: Counter[str] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)

    def add(self, sample: Prepared, sink: Sink) -> None:
        if isinstance(sample, Skipped):
            self.skipped.append(sample)
            return
        image, label, name = sample
        value = int(label) if np.ndim(label) == 0 else label
        sink.add(image.to_bytes(), value, name=name, codec=image.codec, width=image.width, height=image.height)
        self.size += image.size
        self.codecs[image.codec.name.lower()] += 1
