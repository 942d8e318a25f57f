"""The one door to NVIDIA DALI, which is optional and imported on first use."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeAlias

from ....errors import OptionError

__all__ = ["Dali", "Node", "load_dali"]

MODULES = ("", ".fn", ".math", ".types")

Node: TypeAlias = Any
"""A `DataNode` of a DALI graph, which stands for a batch of arrays."""


@dataclass(frozen=True, slots=True)
class Dali:
    """The parts of DALI's Python package that graphs are made of."""

    fn: ModuleType
    math: ModuleType
    types: ModuleType
    pipeline: Any
    """The class `nvidia.dali.Pipeline`."""


def load_dali() -> Dali:
    """DALI's modules.

    Raises:
        OptionError: DALI is not installed, or does not load here; the message says what to install.
    """
    try:
        package, fn, math, types = map(importlib.import_module, (f"nvidia.dali{part}" for part in MODULES))
    except ImportError as error:
        raise OptionError(
            f"executor 'dali' needs NVIDIA DALI, which can't be imported: {error}; pip install 'penstock[dali]' (for "
            "CUDA 12: 'penstock[dali-cuda120]'), or use executor='torch' or 'native'"
        ) from error
    return Dali(fn, math, types, package.Pipeline)
