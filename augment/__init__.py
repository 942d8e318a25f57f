"""Augmentations, declared once: ops, pipelines of them, and the executors that apply them."""

if __name__ != "penstock.augment":
    raise ImportError(f"import this package as penstock.augment, not as {__name__!r}")

import importlib
from typing import TYPE_CHECKING, Any

from .contact_sheet import contact_sheet
from .executors import Executor, NativeExecutor, ReferenceExecutor
from .ops import (
    Apply,
    AutoAugment,
    CenterCrop,
    Choice,
    ColorJitter,
    CutMix,
    Cutout,
    FiveCrop,
    GaussianBlur,
    Grayscale,
    Lambda,
    MixUp,
    Normalize,
    Op,
    Pad,
    PCALighting,
    RandAugment,
    RandomAdjustSharpness,
    RandomAffine,
    RandomAutocontrast,
    RandomCrop,
    RandomEqualize,
    RandomErasing,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomHSL,
    RandomInvert,
    RandomPerspective,
    RandomPosterize,
    RandomResizedCrop,
    RandomRotation,
    RandomSolarize,
    RandomVerticalFlip,
    Resize,
    TenCrop,
    ToDtype,
    TrivialAugmentWide,
)
from .params import ParamTable
from .pipeline import Pipeline
from .presets import (
    cifar_eval,
    cifar_train,
    dino,
    imagenet_eval,
    imagenet_train,
    mxnet_level1,
    mxnet_level2,
    mxnet_level3,
    simclr,
)
from .translators.torchvision import from_torchvision
from .views import Augmentation, Views

if TYPE_CHECKING:
    from .executors.dali import DaliExecutor
    from .executors.torch import TorchExecutor

__all__ = [
    "Apply",
    "Augmentation",
    "AutoAugment",
    "CenterCrop",
    "Choice",
    "ColorJitter",
    "CutMix",
    "Cutout",
    "DaliExecutor",
    "Executor",
    "FiveCrop",
    "GaussianBlur",
    "Grayscale",
    "Lambda",
    "MixUp",
    "NativeExecutor",
    "Normalize",
    "Op",
    "PCALighting",
    "Pad",
    "ParamTable",
    "Pipeline",
    "RandAugment",
    "RandomAdjustSharpness",
    "RandomAffine",
    "RandomAutocontrast",
    "RandomCrop",
    "RandomEqualize",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHSL",
    "RandomHorizontalFlip",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterize",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomSolarize",
    "RandomVerticalFlip",
    "ReferenceExecutor",
    "Resize",
    "TenCrop",
    "ToDtype",
    "TorchExecutor",
    "TrivialAugmentWide",
    "Views",
    "cifar_eval",
    "cifar_train",
    "contact_sheet",
    "dino",
    "from_torchvision",
    "imagenet_eval",
    "imagenet_train",
    "mxnet_level1",
    "mxnet_level2",
    "mxnet_level3",
    "simclr",
]

LAZY = {"DaliExecutor": ".executors.dali", "TorchExecutor": ".executors.torch"}
"""Names that are loaded when they are first used, since their modules import torch or more."""


def __getattr__(name: str) -> Any:
    if name not in LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(LAZY[name], __name__), name)
