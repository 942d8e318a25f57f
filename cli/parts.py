"""A path as one dataset or several: a folder of nothing but train, val, test ... is its parts."""

from __future__ import annotations

import os

from ..formats.registry import find_splits

__all__ = ["parts_of"]

_ORDER = ("train", "training", "val", "valid", "validation", "dev", "test", "testing")


def parts_of(path: str) -> dict[str, str]:
    """Name -> path of the parts, training first; {"": path} where the path is one dataset itself."""
    names = find_splits(path) if os.path.isdir(path) else []
    names.sort(key=lambda name: _ORDER.index(name.lower()))
    return {name: os.path.join(path, name) for name in names} or {"": path}
