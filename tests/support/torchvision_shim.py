"""torchvision for comparisons, where it is installed; also beside a torch that its C++ ops were not built for."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import warnings
from types import ModuleType

import pytest
import torch

OPS = ("nms(Tensor dets, Tensor scores, float iou_threshold)", "qnms(Tensor dets, Tensor scores, float iou_threshold)")


def transforms_v1() -> ModuleType:
    """`torchvision.transforms`; skips the calling test where torchvision is missing."""
    transforms_v2()
    return importlib.import_module("torchvision.transforms")


def transforms_v2() -> ModuleType:
    """`torchvision.transforms.v2`; skips the calling test where torchvision is missing."""
    return torchvision_module("transforms.v2")


def models() -> ModuleType:
    """`torchvision.models`; skips the calling test where torchvision is missing."""
    return torchvision_module("models")


def torchvision_module(name: str) -> ModuleType:
    """The module of this name inside torchvision."""
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its image reader may be missing, and is not needed
        try:
            return importlib.import_module(f"torchvision.{name}")
        except RuntimeError:
            declare_ops()
            return importlib.import_module(f"torchvision.{name}")


@functools.cache
def declare_ops() -> torch.library.Library:
    """Declares the two C++ ops that torchvision looks up when it is imported.

    One that was built for CUDA can't load its C++ ops beside a CPU build of torch; its transforms are Python and work.
    """
    library = torch.library.Library("torchvision", "DEF")
    for op in OPS:
        library.define(f"{op} -> Tensor")
    return library
