"""Augmentations, declared once: ops, pipelines of them, and the executors that apply them."""

if __name__ != "penstock.augment":
    raise ImportError(f"import this package as penstock.augment, not as {__name__!r}")

from .contact_sheet import contact_sheet
from .executors import Executor, NativeExecutor, ReferenceExecutor
from .ops import (
    Apply,
    CenterCrop,
    Choice,
    ColorJitter,
    GaussianBlur,
    Grayscale,
    Normalize,
    Op,
    Pad,
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomCrop,
    RandomEqualize,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomInvert,
    RandomPosterize,
    RandomResizedCrop,
    RandomSolarize,
    RandomVerticalFlip,
    Resize,
    ToDtype,
)
from .params import ParamTable
from .pipeline import Pipeline
from .presets import cifar_eval, cifar_train, imagenet_eval, imagenet_train
from .translators.torchvision import from_torchvision

__all__ = [
    "Apply",
    "CenterCrop",
    "Choice",
    "ColorJitter",
    "Executor",
    "GaussianBlur",
    "Grayscale",
    "NativeExecutor",
    "Normalize",
    "Op",
    "Pad",
    "ParamTable",
    "Pipeline",
    "RandomAdjustSharpness",
    "RandomAutocontrast",
    "RandomCrop",
    "RandomEqualize",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomInvert",
    "RandomPosterize",
    "RandomResizedCrop",
    "RandomSolarize",
    "RandomVerticalFlip",
    "ReferenceExecutor",
    "Resize",
    "ToDtype",
    "cifar_eval",
    "cifar_train",
    "contact_sheet",
    "from_torchvision",
    "imagenet_eval",
    "imagenet_train",
]
