"""Datasets made of others: some of the samples, or several datasets one after the other."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError, OptionError, RecordError
from ..record import Records
from .base import Dataset, Labels, Transform
from .classes import listed
from .gather import gather_records
from .indices import Indices, checked_indices
from .sound import renumbered

__all__ = ["Concat", "Subset", "View"]


class View(Dataset):
    """A dataset over others, whose transforms hold for their samples unless the view has its own."""

    @property
    @abstractmethod
    def parts(self) -> Sequence[Dataset]:
        """The datasets that the view looks at."""

    @property
    def transform(self) -> Transform | None:
        """The view's own, else the first that a part has; None only where no sample has one."""
        return _first(self._transform, *(part.transform for part in self.parts))

    @transform.setter
    def transform(self, transform: Transform | None) -> None:
        self._transform = transform

    @property
    def target_transform(self) -> Transform | None:
        """As `transform`."""
        return _first(self._target_transform, *(part.target_transform for part in self.parts))

    @target_transform.setter
    def target_transform(self, target_transform: Transform | None) -> None:
        self._target_transform = target_transform

    @property
    def classes(self) -> list[str]:
        return self.parts[0].classes

    def describe(self, index: int) -> str:
        part, inner = self._locate(index)
        return part.describe(inner)

    def name(self, index: int) -> str:
        part, inner = self._locate(index)
        return part.name(inner)

    @abstractmethod
    def _locate(self, index: int) -> tuple[Dataset, int]:
        """The part that sample `index` comes from, and its index there."""

    def _transforms(self, index: int) -> tuple[Transform | None, Transform | None]:
        part, inner = self._locate(index)
        transform, target_transform = part._transforms(inner)
        return _first(self._transform, transform), _first(self._target_transform, target_transform)


class Subset(View):
    """The samples of `dataset` at `indices`, in this order; repeats are allowed.

    A transform given here (or set later) takes the place of the one of `dataset`; without, that of `dataset` holds.

    Args:
        dataset: any Penstock dataset, also another view.
        indices: ints, negative from the end.

    Raises:
        IndexError, TypeError: an index is out of range, or none.
    """

    def __init__(
        self,
        dataset: Dataset,
        indices: Indices,
        *,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        _check_dataset(dataset, "Subset")
        super().__init__(transform=transform, target_transform=target_transform)
        self.dataset = dataset
        self.indices = checked_indices(indices, len(dataset))
        self.indices.setflags(write=False)

    @property
    def parts(self) -> Sequence[Dataset]:
        return [self.dataset]

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def labels(self) -> Labels:
        return self.dataset.labels[self.indices]

    def records(self, indices: Sequence[int] | NDArray[np.int64]) -> Records:
        chosen = np.asarray(indices, np.int64)
        inner = self.indices[chosen]
        try:
            return self.dataset.records(inner)
        except RecordError as error:
            raise renumbered(error, inner, chosen) from error.__cause__

    def _locate(self, index: int) -> tuple[Dataset, int]:
        return self.dataset, int(self.indices[index])

    def _origin(self) -> str:
        return f"{self.dataset!r}, "


class Concat(View):
    """Several datasets with the same classes, one after the other.

    Each sample keeps the transforms of the dataset that it comes from, unless a transform is given here (or set later)
    for all of them. `transform` and `target_transform` are None only where no sample has one.

    Args:
        datasets: Penstock datasets, also other views.

    Raises:
        DatasetError: the classes or the kinds of label differ.
    """

    def __init__(
        self,
        datasets: Sequence[Dataset],
        *,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise OptionError("Concat needs at least one dataset, got none")
        for dataset in self.datasets:
            _check_dataset(dataset, "Concat")
        super().__init__(transform=transform, target_transform=target_transform)
        for position, dataset in enumerate(self.datasets[1:], 1):
            _check_alike(self.datasets[0], dataset, position)
        self.cumulative_sizes: list[int] = np.cumsum([len(dataset) for dataset in self.datasets]).tolist()

    @property
    def parts(self) -> Sequence[Dataset]:
        return self.datasets

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    @property
    def labels(self) -> Labels:
        return np.concatenate([dataset.labels for dataset in self.datasets])

    def records(self, indices: Sequence[int] | NDArray[np.int64]) -> Records:
        chosen = np.asarray(indices, np.int64)
        part = np.searchsorted(self.cumulative_sizes, chosen, side="right")
        used = np.unique(part).tolist() or [0]
        rows = [np.flatnonzero(part == position) for position in used]
        pieces = [self._part_records(position, chosen[row]) for position, row in zip(used, rows, strict=True)]
        return pieces[0] if len(pieces) == 1 else gather_records(pieces, rows, lambda row: self._place(chosen, row))

    def _part_records(self, position: int, chosen: NDArray[np.int64]) -> Records:
        """The samples `chosen`, all of which lie in one dataset."""
        inner = chosen - (self.cumulative_sizes[position - 1] if position else 0)
        try:
            return self.datasets[position].records(inner)
        except RecordError as error:
            raise renumbered(error, inner, chosen) from error.__cause__

    def _locate(self, index: int) -> tuple[Dataset, int]:
        part = int(np.searchsorted(self.cumulative_sizes, index, side="right"))
        return self.datasets[part], index - (self.cumulative_sizes[part - 1] if part else 0)

    def _place(self, chosen: NDArray[np.int64], row: int) -> tuple[str, int]:
        index = int(chosen[row])
        return self.describe(index), index

    def _origin(self) -> str:
        return f"{self.datasets!r}, "


def _first(*transforms: Transform | None) -> Transform | None:
    return next((transform for transform in transforms if transform is not None), None)


def _check_dataset(dataset: object, view: str) -> None:
    if not isinstance(dataset, Dataset):
        raise OptionError(
            f"{view} is for Penstock datasets, got {type(dataset).__name__}; "
            f"for any other use torch.utils.data.{'Subset' if view == 'Subset' else 'ConcatDataset'}"
        )


def _check_alike(first: Dataset, other: Dataset, position: int) -> None:
    if first.classes != other.classes:
        raise DatasetError(
            f"Concat needs datasets with the same classes; dataset 0 has {listed(first.classes) or 'none'}, dataset "
            f"{position} has {listed(other.classes) or 'none'}; open them with the same classes= (a list, or dataset 0)"
        )
    kinds = [(labels.dtype, labels.shape[1:]) for labels in (first.labels, other.labels)]
    if kinds[0] != kinds[1]:
        shown = [f"{dtype} of shape (n{''.join(f', {k}' for k in shape)})" for dtype, shape in kinds]
        raise DatasetError(
            f"Concat needs datasets with the same kind of labels; those of dataset 0 are {shown[0]}, "
            f"those of dataset {position} are {shown[1]}"
        )
