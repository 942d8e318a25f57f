"""Penstock feeds image datasets to PyTorch as fast as the hardware allows.

The public names live in `penstock.formats` (datasets), `penstock.record` (what a sample is), `penstock.augment`
(pipelines), `penstock.loaders` (the DataLoader) and `penstock.errors`; all of them can also be imported from here.
`penstock.rng` (random numbers by key) and `penstock.train` (the trainer) have theirs to themselves. Importing
`penstock` loads none of them, neither torch: each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

from ._public import MODULES, NAMES

__all__ = [*MODULES, *NAMES, "__version__"]  # noqa: PLE0604  (both are lists of str)


def __getattr__(name: str) -> Any:
    if name in NAMES:
        value = getattr(importlib.import_module(f"{__name__}.{NAMES[name]}"), name)
    elif name in MODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    elif name == "__version__":
        value = importlib.import_module(f"{__name__}._core").__version__
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
