"""What was made of datasets, kept for the next time."""

from __future__ import annotations

import contextlib
import weakref
from typing import Any, Generic, TypeVar

__all__ = ["Remembered"]

Made = TypeVar("Made")


class Remembered(Generic[Made]):
    """What was made of each dataset, for as long as the dataset lives and what it was made of stays equal.

    Lists of the same objects are compared in milliseconds, a million of them. They are kept as copies, so their items
    must be immutable: a dataset whose lists change meanwhile is noticed.
    """

    def __init__(self) -> None:
        self._known: weakref.WeakKeyDictionary[Any, tuple[object, Made]] = weakref.WeakKeyDictionary()

    def find(self, dataset: Any, parts: object) -> Made | None:
        """What was made of the dataset when it had equal parts; None if it had others."""
        try:
            known = self._known.get(dataset)
        except TypeError:  # it has no hash, or there are no weak references to it
            return None
        return known[1] if known is not None and known[0] == parts else None

    def keep(self, dataset: Any, parts: object, made: Made) -> Made:
        """Remembers what was made, where the dataset lets itself be remembered, and gives it back."""
        with contextlib.suppress(TypeError):
            self._known[dataset] = parts, made
        return made
