"""What is to be packed, decided from the source before anything is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._core import Permutation
from ...errors import DatasetError, OptionError
from ..base import Dataset
from ..survey import survey
from .layout import ALIGNMENT, MAX_RECORD_BYTES, MAX_SHARDS, TAIL_BYTES, VERSION, shard_name
from .prepare import Preparation, StoredCodec

__all__ = ["PackOptions", "Plan", "ShardJob", "difference", "make_plan"]


@dataclass(frozen=True, slots=True)
class PackOptions:
    """Everything but the source that decides the bytes of a pack.

    Attributes:
        codec, resize, quality: see `Preparation`.
        shard_size: bytes of source records that a shard holds at most (at least one record). What is stored may be
            larger: dct records about one and a half times, raw pixels ten times and more.
        shuffle: store the samples in a random order, that of `seed`.
        seed: of the order, 0 to 2^64 - 1.
        selection: how the source was chosen (split, columns ...), kept in pack.json; JSON values.
    """

    codec: StoredCodec = "dct"
    resize: int | None = None
    quality: int | None = None
    shard_size: int = 256_000_000
    shuffle: bool = False
    seed: int = 0
    selection: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _ = self.preparation  # which checks them
        if self.shard_size < 1:
            raise OptionError(f"shard_size must be at least 1 byte, got {self.shard_size}")
        if not 0 <= self.seed < 1 << 64:
            raise OptionError(f"seed must be from 0 to 2^64 - 1, got {self.seed}")

    @property
    def preparation(self) -> Preparation:
        return Preparation(self.codec, self.resize, self.quality)

    def to_dict(self) -> dict[str, Any]:
        """As pack.json and plan.json have it."""
        own = {name: getattr(self, name) for name in ("codec", "resize", "quality", "shard_size", "shuffle")}
        selection: dict[str, Any] = json.loads(json.dumps(dict(self.selection)))
        return own | {"seed": self.seed if self.shuffle else None} | selection


@dataclass(frozen=True, slots=True, eq=False)
class ShardJob:
    """One shard to write: the samples at `indices` of the source, in this order."""

    number: int
    indices: NDArray[np.int64]

    def __str__(self) -> str:
        return shard_name(self.number)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A pack before it is written.

    Attributes:
        options: as given.
        classes: of the source.
        order: (n,) int64, position in the pack -> index in the source.
        bounds: (shards + 1,) int64, first position of each shard, and n.
        sizes: (n,) int64, bytes of each sample of the source.
        content, times: fingerprints of the source (`survey`).
    """

    options: PackOptions
    classes: list[str]
    order: NDArray[np.int64]
    bounds: NDArray[np.int64]
    sizes: NDArray[np.int64]
    content: str
    times: str

    @property
    def samples(self) -> int:
        return len(self.order)

    @property
    def size(self) -> int:
        """Bytes of all samples of the source."""
        return int(self.sizes.sum())

    @property
    def jobs(self) -> list[ShardJob]:
        pairs = zip(self.bounds[:-1].tolist(), self.bounds[1:].tolist(), strict=True)
        return [ShardJob(number, self.order[start:stop]) for number, (start, stop) in enumerate(pairs)]

    @property
    def source(self) -> dict[str, Any]:
        """What pack.json says of the source."""
        return {"samples": self.samples, "bytes": self.size, "content": self.content}

    @property
    def record(self) -> dict[str, Any]:
        """What plan.json says: enough to know whether a second run would write the same pack."""
        source = self.source | {"times": self.times}
        return {"version": VERSION, "options": self.options.to_dict(), "classes": self.classes, "source": source}

    @property
    def pack_id(self) -> bytes:
        """SPEC.md, 4.2."""
        parts = [VERSION, self.options.to_dict(), self.classes, self.source]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()[:16]


def make_plan(source: Dataset, options: PackOptions) -> Plan:
    """Surveys the source and sets the shard boundaries. Writes nothing.

    Raises:
        DatasetError: the source has no samples, or more than a pack can hold.
    """
    count = len(source)
    if count == 0:
        raise DatasetError(f"expected samples to pack, but {source!r} has none")
    found = survey(source)
    order = Permutation(count, options.seed, 0).take(0, count) if options.shuffle else np.arange(count)
    bounds = _bounds(found.sizes[order], options.shard_size)
    if len(bounds) - 1 > MAX_SHARDS:
        raise DatasetError(
            f"{len(bounds) - 1} shards are more than the {MAX_SHARDS} of a pack; use a larger shard size"
        )
    return Plan(options, source.classes, order, bounds, found.sizes, found.content, found.times)


def difference(recorded: Mapping[str, Any], plan: Plan) -> str | None:
    """How what plan.json, or options, classes and source of pack.json, say differs from `plan`; None: not at all."""
    before, now = recorded.get("options", {}), plan.options.to_dict()
    for name in [*now, *sorted(before.keys() - now.keys())]:
        if before.get(name) != now.get(name):
            flag = "--" + name.replace("_", "-")
            return f"{flag} was {_shown(before.get(name))}, now it is {_shown(now.get(name))}"
    if recorded.get("classes") != plan.classes:
        return f"the classes were {_shown(recorded.get('classes'))}, now they are {_shown(plan.classes)}"
    source = plan.source | {"times": plan.times}
    for name, what in (("samples", "samples"), ("bytes", "bytes"), ("content", "other names, sizes or labels")):
        if recorded["source"].get(name) != source[name]:
            counts = f"{recorded['source'].get(name)} {what}, now {source[name]}" if name != "content" else what
            return f"the source has changed ({counts})"
    if recorded["source"].get("times", plan.times) != plan.times:
        return "the source has changed (files have been modified since)"
    return None


def _shown(value: object) -> str:
    text = "not given" if value is None else str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _bounds(sizes: NDArray[np.int64], shard_size: int) -> NDArray[np.int64]:
    """Greedy: as many records a shard as fit in `shard_size`, at least one."""
    padded = (np.clip(sizes, 0, MAX_RECORD_BYTES) + TAIL_BYTES + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
    ends = np.cumsum(padded)
    bounds, base = [0], 0
    while bounds[-1] < len(sizes):
        stop = int(np.searchsorted(ends, base + shard_size, side="right"))
        bounds.append(max(stop, bounds[-1] + 1))
        base = int(ends[bounds[-1] - 1])
    return np.array(bounds, np.int64)
