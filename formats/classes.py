"""Class names and labels: finding them, and fitting a dataset's labels to the classes that a user asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError, OptionError, UnknownClassError
from .base import Dataset, Labels

__all__ = ["ClassesOption", "class_list", "fit_labels", "label_names", "listed"]

ClassesOption: TypeAlias = Sequence[str] | Dataset | None
"""`classes=` of every container: class names, or a dataset whose classes to use; None: those of the data."""

Place: TypeAlias = Callable[[int], str]
"""Sample -> where its label stands, for messages."""


def class_list(classes: ClassesOption) -> list[str] | None:
    """The names that `classes=` asks for; None where it asks for none.

    Raises:
        OptionError: not a sequence of distinct strings, or a dataset without class names.
    """
    if classes is None:
        return None
    if isinstance(classes, Dataset):
        if not classes.classes:
            raise OptionError(f"classes={classes!r} has no class names to use; give a list of names")
        return classes.classes
    if (
        isinstance(classes, str)
        or not isinstance(classes, Iterable)
        or not all(isinstance(name, str) for name in classes)
    ):
        raise OptionError(f"classes must be a list of names or a dataset, got {classes!r}")
    names = [str(name) for name in classes]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice or not names:
        raise OptionError(f"classes must be distinct names, got {listed(twice)} twice" if twice else "classes is empty")
    return names


def label_names(values: Sequence[str], wanted: list[str] | None, place: Place) -> tuple[NDArray[np.int64], list[str]]:
    """Labels for the class name of each sample, and the classes: `wanted`, or else the names found, sorted.

    Raises:
        UnknownClassError: a name is not among `wanted`; `place(k)` says where value k stands.
    """
    classes = wanted if wanted is not None else sorted(set(values))
    positions = {name: position for position, name in enumerate(classes)}
    labels = np.fromiter((positions.get(value, -1) for value in values), np.int64, len(values))
    unknown = np.flatnonzero(labels < 0)
    if len(unknown):
        raise _unknown({values[k]: place(int(k)) for k in reversed(unknown.tolist())}, classes)
    return labels, classes


def fit_labels(labels: Labels, found: list[str], wanted: list[str] | None, where: str) -> tuple[Labels, list[str]]:
    """Labels that are positions in `found`, as positions in `wanted`; and the classes that they mean then.

    -1 (no label) stays. Where `found` is empty the labels are taken as positions in `wanted` already.

    Raises:
        UnknownClassError: a label in use means a class that is not among `wanted`.
        DatasetError: a label is no position in the classes; or several labels per sample and other classes.
    """
    if len(labels.shape) > 1:
        if wanted is not None and found and wanted != found:
            raise DatasetError(
                f"{where} has several labels per sample and the classes {listed(found)}; it can't be read with other "
                f"classes ({listed(wanted)}): leave out classes="
            )
        return labels, found or wanted or []
    if not found:
        _check_range(labels, wanted or [], where, UnknownClassError)
        return labels, wanted or []
    _check_range(labels, found, where, DatasetError)
    if wanted is None or wanted == found:
        return labels, found
    used = np.unique(labels[labels >= 0])
    positions = {name: position for position, name in enumerate(wanted)}
    unknown = [found[k] for k in used.tolist() if found[k] not in positions]
    if unknown:
        raise _unknown(dict.fromkeys(unknown, where), wanted)
    lookup = np.array([positions.get(name, -1) for name in found] + [-1], np.int64)
    return lookup[labels], wanted


def listed(names: Iterable[str], limit: int = 10) -> str:
    """The names, quoted, for a message; only the first `limit` where they are many."""
    every = list(names)
    more = f" ... ({len(every)} in all)" if len(every) > limit else ""
    return ", ".join(repr(name) for name in every[:limit]) + more


def _check_range(labels: Labels, classes: list[str], where: str, kind: type[DatasetError]) -> None:
    outside = np.flatnonzero((labels < -1) | (labels >= len(classes)))
    if classes and len(outside):
        raise kind(
            f"{where}: label {labels[outside[0]]} of sample {outside[0]} is no position in the {len(classes)} classes "
            f"({listed(classes)}); {len(outside)} labels are out of range"
        )


def _unknown(places: dict[str, str], classes: list[str]) -> UnknownClassError:
    names = sorted(places)
    one = len(names) == 1
    return UnknownClassError(
        f"{'label' if one else 'labels'} {listed(names)} ({places[names[0]]}) {'is' if one else 'are'} not among the "
        f"{len(classes)} classes asked for: {listed(classes)}; add it to classes=, or leave those samples out"
    )
