"""Undecoded records of whatever dataset a loader is given, seen through torch's wrappers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch.utils.data
from numpy.typing import NDArray

from ...errors import RecordError
from ...formats.gather import gather_records
from ...formats.sound import renumbered
from ...record import Records, RecordSource
from ..wrappers import levels, overrides, own_callable
from .remembered import Remembered
from .sample_files import file_source

__all__ = ["record_source"]

_INDICES: Remembered[NDArray[np.int64]] = Remembered()
"""Those of torch's subsets."""


def record_source(dataset: Any) -> RecordSource | str:
    """The dataset's records, in its own numbering; or, where there are none, the reason in words.

    Records are those that the dataset offers, or the files behind its samples, where those are known. torch's `Subset`
    (so also what `random_split` gives) and `ConcatDataset` are seen through; a subclass of theirs, and
    a class that overrides `__getitem__` of a class that offers records, is not, since its samples may be others.
    """
    for place, level in levels(dataset):
        if own_callable(level, "target_transform") is not None:
            return f"{place} ({type(level).__name__}) has a target_transform, which is Python"
    return _source(dataset, "dataset")


def _source(dataset: Any, place: str) -> RecordSource | str:
    if type(dataset) is torch.utils.data.Subset:
        inner = _source(dataset.dataset, f"{place}.dataset")
        return inner if isinstance(inner, str) else _SubsetSource(inner, _indices(dataset))
    if type(dataset) is torch.utils.data.ConcatDataset:
        sources = []
        for number, part in enumerate(dataset.datasets):
            inner = _source(part, f"{place}.datasets[{number}]")
            if isinstance(inner, str):
                return inner
            sources.append(inner)
        kinds = {(labels.dtype, labels.shape[1:]) for labels in (source.records([0]).labels for source in sources)}
        if len(kinds) > 1:
            return f"the datasets of {place} have labels of different kinds"
        return _ConcatSource(sources)
    if not isinstance(dataset, RecordSource):
        return file_source(dataset, place)
    if any(overrides(type(dataset), name, base="records") for name in ("__getitem__", "__getitems__")):
        return f"{place} ({type(dataset).__name__}) overrides __getitem__, so its records may be other samples"
    return dataset


def _indices(subset: torch.utils.data.Subset[Any]) -> NDArray[np.int64]:
    """The subset's indices as they are now: an array of their own, which nobody writes to."""
    given = subset.indices
    if type(given) is not list:
        return np.array(given, np.int64)
    known = _INDICES.find(subset, given)
    if known is not None:
        return known
    made = np.array(given, np.int64)
    return _INDICES.keep(subset, given.copy(), made) if all(type(index) is int for index in given) else made


class _SubsetSource:
    """Records of a `torch.utils.data.Subset`."""

    def __init__(self, source: RecordSource, indices: NDArray[np.int64]) -> None:
        self._source = source
        self._indices = indices
        if indices.size and indices.min() < 0:
            self._indices = np.where(indices < 0, indices + len(source), indices)

    def __len__(self) -> int:
        return len(self._indices)

    def records(self, indices: Sequence[int] | NDArray[np.int64]) -> Records:
        chosen = np.asarray(indices, np.int64)
        return _part_records(self._source, self._indices[chosen], chosen)

    def describe(self, index: int) -> str:
        return self._source.describe(int(self._indices[index]))


class _ConcatSource:
    """Records of a `torch.utils.data.ConcatDataset`."""

    def __init__(self, sources: Sequence[RecordSource]) -> None:
        self._sources = sources
        self._stops = np.cumsum([len(source) for source in sources])

    def __len__(self) -> int:
        return int(self._stops[-1])

    def records(self, indices: Sequence[int] | NDArray[np.int64]) -> Records:
        chosen = np.asarray(indices, np.int64)
        part = np.searchsorted(self._stops, chosen, side="right")
        used = np.unique(part).tolist()
        rows = [np.flatnonzero(part == number) for number in used]
        pieces = [
            _part_records(self._sources[number], chosen[row] - self._start(number), chosen[row])
            for number, row in zip(used, rows, strict=True)
        ]
        return gather_records(pieces, rows, lambda row: (self.describe(int(chosen[row])), int(chosen[row])))

    def describe(self, index: int) -> str:
        number = int(np.searchsorted(self._stops, index, side="right"))
        return self._sources[number].describe(index - self._start(number))

    def _start(self, number: int) -> int:
        return int(self._stops[number - 1]) if number else 0


def _part_records(source: RecordSource, inner: NDArray[np.int64], outer: NDArray[np.int64]) -> Records:
    """Records at `inner` of a source, with errors that call them `outer`."""
    try:
        return source.records(inner)
    except RecordError as error:
        raise renumbered(error, inner, outer) from error.__cause__
