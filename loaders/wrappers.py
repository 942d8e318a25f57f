"""Looking through datasets that wrap others, as torch's and Penstock's `Subset` and concatenations do."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from ..errors import OptionError

__all__ = ["levels", "overrides", "own_callable", "refuse_transform"]


def levels(dataset: Any, place: str = "dataset") -> Iterator[tuple[str, Any]]:
    """Every dataset in `dataset`, itself first, with how it is reached: wrappers have `.dataset` or `.datasets`."""
    seen: set[int] = set()
    pending = [(place, dataset)]
    while pending:
        place, level = pending.pop(0)
        if id(level) in seen:
            continue
        seen.add(id(level))
        yield place, level
        inner = vars(level) if hasattr(level, "__dict__") else {}
        if inner.get("dataset") is not None:
            pending.append((f"{place}.dataset", inner["dataset"]))
        several = inner.get("datasets")
        if isinstance(several, list | tuple):
            pending.extend((f"{place}.datasets[{k}]", part) for k, part in enumerate(several))


def own_callable(level: Any, name: str) -> Any:
    """The callable that this dataset was given under `name`, or None; a method of its class is none."""
    found = getattr(level, name, None)
    return None if inspect.ismethod(found) and found.__self__ is level else found


def overrides(kind: type, name: str, base: str) -> bool:
    """Whether a class further down than the one that has method `base` has its own method `name`."""
    order = [vars(member) for member in kind.__mro__]
    level = next((level for level, names in enumerate(order) if base in names), 0)
    return any(name in names for names in order[:level])


def refuse_transform(dataset: Any) -> None:
    """Raises OptionError if any level has a transform for images, which would run before the declared pipeline."""
    for place, level in levels(dataset):
        found = own_callable(level, "transform")
        if found is None and own_callable(level, "target_transform") is None:
            found = own_callable(level, "transforms")  # torchvision's joint transform of image and target
        if found is not None:
            raise OptionError(
                f"augment and a transform exclude each other: {place} ({type(level).__name__}) has "
                f"transform={found!r}; declare it as ops of the pipeline, or leave out augment="
            )
