"""Datasets at rest: containers with `len`, `getitem` and undecoded records.

A container's module, and with it pandas, pyarrow or lmdb, is loaded when its name is first used.
"""

if __name__ != "penstock.formats":
    raise ImportError(f"import this package as penstock.formats, not as {__name__!r}")

import importlib
from typing import TYPE_CHECKING, Any

from .base import Batch, Dataset, Labels, Sample
from .registry import open_dataset

if TYPE_CHECKING:
    from .arrays import Arrays
    from .csv import CSV
    from .folder import Folder
    from .lmdb import LMDB
    from .lmdb_writer import LMDBWriter
    from .pack import Pack
    from .splitting import split
    from .views import Concat, Subset

__all__ = [
    "CSV",
    "LMDB",
    "Arrays",
    "Batch",
    "Concat",
    "Dataset",
    "Folder",
    "LMDBWriter",
    "Labels",
    "Pack",
    "Sample",
    "Subset",
    "open_dataset",
    "split",
]

_MODULES = {
    "Arrays": "arrays",
    "CSV": "csv",
    "Concat": "views",
    "Folder": "folder",
    "LMDB": "lmdb",
    "LMDBWriter": "lmdb_writer",
    "Pack": "pack",
    "Subset": "views",
    "split": "splitting",
}
"""Name -> the module that it is loaded from."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
