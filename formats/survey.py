"""What a dataset weighs, and fingerprints of it, found without decoding an image."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..record import WHOLE_FILE, Records
from .base import Dataset
from .reading import flat_view
from .sound import name_of, sound_records

__all__ = ["Survey", "record_sizes", "survey"]

_CHUNK = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Sizes and fingerprints of a dataset.

    Attributes:
        sizes: (n,) int64, bytes of each undecoded sample; 0 where they can't be found (reading it says why).
        content: SHA-256, as hex, of classes and of each sample's name, size and label, in order.
        times: SHA-256, as hex, of the times at which the files were last changed.
    """

    sizes: NDArray[np.int64]
    content: str
    times: str


def survey(dataset: Dataset) -> Survey:
    """Looks at every sample of `dataset`: its files are stat-ed; samples that have no file of their own are read."""
    content, times = hashlib.sha256(), hashlib.sha256()
    sizes = np.zeros(len(dataset), np.int64)
    container_times: dict[str, int] = {}
    content.update("\0".join([str(len(dataset.classes)), *dataset.classes]).encode("utf-8", "surrogateescape"))
    labels = dataset.labels
    for start in range(0, len(dataset), _CHUNK):
        indices = np.arange(start, min(start + _CHUNK, len(dataset)))
        records, rows, _ = sound_records(dataset, indices)
        chunk, changed = np.zeros((2, len(indices)), np.int64)
        chunk[rows], changed[rows] = _sizes(records, container_times)
        sizes[indices] = chunk
        names = [name_of(dataset, index).encode("utf-8", "surrogateescape") for index in indices.tolist()]
        lengths = np.array([len(name) for name in names], np.int64)
        for part in (lengths, chunk, labels[indices]):
            content.update(part.tobytes())
        content.update(b"".join(names))
        times.update(changed.tobytes())
    return Survey(sizes, content.hexdigest(), times.hexdigest())


def record_sizes(records: Records) -> NDArray[np.int64]:
    """(n,) int64, bytes of each record; 0 where its file can't be found."""
    return _sizes(records, {})[0]


def _sizes(records: Records, container_times: dict[str, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bytes of each sample, and when its file was last changed (ns)."""
    sizes, times = records.length.astype(np.int64), np.zeros(len(records), np.int64)
    for row, file in enumerate(records.file.tolist()):
        if file < 0:
            payload = records.payloads[row] if records.payloads is not None else None
            sizes[row] = 0 if payload is None else len(flat_view(payload))
        elif sizes[row] == WHOLE_FILE:
            sizes[row], times[row] = _stat(records.paths[file])
        else:
            path = records.paths[file]
            if path not in container_times:
                container_times[path] = _stat(path)[1]
            times[row] = container_times[path]
    return sizes, times


def _stat(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
