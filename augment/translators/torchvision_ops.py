"""How each of torchvision's transforms is written with Penstock's ops, or what to use instead of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...errors import SpecError
from ..ops import (
    AutoAugment,
    CenterCrop,
    ColorJitter,
    CutMix,
    GaussianBlur,
    Grayscale,
    Lambda,
    MixUp,
    Normalize,
    Op,
    Pad,
    RandAugment,
    RandomAdjustSharpness,
    RandomAffine,
    RandomAutocontrast,
    RandomCrop,
    RandomEqualize,
    RandomErasing,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomInvert,
    RandomPerspective,
    RandomPosterize,
    RandomResizedCrop,
    RandomRotation,
    RandomSolarize,
    RandomVerticalFlip,
    Resize,
    ToDtype,
    TrivialAugmentWide,
)
from .exact import class_in

__all__ = ["INSTEAD", "MODULES", "TRANSLATORS", "OnPillow", "ToTensor"]

MODULES = ("torchvision.transforms", "torchvision.transforms.v2")


@dataclass(frozen=True, slots=True)
class ToTensor:
    """From a PIL image to a tensor of `dtype`; floats are from 0 to 1.

    Attributes:
        name: of torchvision's class.
        from_tensor: a tensor may come in too, and stays as it is.
    """

    name: str
    dtype: str
    from_tensor: bool = False


def _random_crop(op: Any) -> RandomCrop:
    padding, fill = op.padding, _fill(op)
    if class_in(MODULES[1], ["RandomCrop"], type(op)):
        if padding is not None:
            left, right, top, bottom = padding  # v2 keeps them in this order
            padding = [left, top, right, bottom]
    elif padding is not None and op.pad_if_needed and op.padding_mode in ("reflect", "symmetric"):
        raise SpecError(
            f"{op.padding_mode!r} of what is padded already, which no op of Penstock does; use v2.RandomCrop"
        )
    return RandomCrop(op.size, padding, op.pad_if_needed, fill, op.padding_mode)


def _auto_augment(op: Any) -> AutoAugment:
    name = next(name for name in ("policies", "_policies") if hasattr(op, name))
    if getattr(op, name) != getattr(type(op)(op.policy), name):
        raise SpecError(f"its {name} are not those of {op.policy}, which are all that Penstock has")
    return AutoAugment(op.policy, op.interpolation, op.fill)


@dataclass(frozen=True, slots=True)
class OnPillow:
    """A function of a PIL image, as one of an array."""

    function: Callable[[Image.Image], Any]

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[Any]:
        return np.asarray(self.function(Image.fromarray(image)))


def _lambda(op: Any) -> Lambda:
    types = getattr(op, "types", (object,))
    if not issubclass(Image.Image, types):
        raise SpecError(f"its types {types} leave PIL images out; leave the argument out")
    return Lambda(OnPillow(op.lambd))


def _classes(op: Any) -> int:
    getter = op._labels_getter
    if getattr(getter, "__name__", None) != "_find_labels_default_heuristic":
        raise SpecError(f"its labels_getter {getter!r} is its own, and Penstock's labels are the batch's second item")
    if op.num_classes is None:
        raise SpecError("its num_classes is None, and Penstock needs their number; give num_classes=")
    number: int = op.num_classes
    return number


def _fill(op: Any) -> Any:
    return 0 if op.fill is None else op.fill


TRANSLATORS: dict[str, Callable[[Any], Op | ToTensor | None]] = {
    # Pillow antialiases whatever `antialias` says.
    "CenterCrop": lambda op: CenterCrop(op.size),
    "Pad": lambda op: Pad(op.padding, _fill(op), op.padding_mode),
    "RandomCrop": _random_crop,
    "RandomHorizontalFlip": lambda op: RandomHorizontalFlip(op.p),
    "AutoAugment": _auto_augment,
    "RandAugment": lambda op: RandAugment(op.num_ops, op.magnitude, op.num_magnitude_bins, op.interpolation, op.fill),
    "TrivialAugmentWide": lambda op: TrivialAugmentWide(op.num_magnitude_bins, op.interpolation, op.fill),
    "ColorJitter": lambda op: ColorJitter(op.brightness, op.contrast, op.saturation, op.hue),
    "GaussianBlur": lambda op: GaussianBlur(op.kernel_size, op.sigma),
    "Grayscale": lambda op: Grayscale(op.num_output_channels),
    "RandomAdjustSharpness": lambda op: RandomAdjustSharpness(op.sharpness_factor, op.p),
    "RandomAffine": lambda op: RandomAffine(
        op.degrees, op.translate, op.scale, op.shear, op.interpolation, _fill(op), op.center
    ),
    "RandomAutocontrast": lambda op: RandomAutocontrast(op.p),
    "RandomEqualize": lambda op: RandomEqualize(op.p),
    "RandomErasing": lambda op: RandomErasing(op.p, op.scale, op.ratio, "random" if op.value is None else op.value),
    "RandomGrayscale": lambda op: RandomGrayscale(op.p),
    "RandomInvert": lambda op: RandomInvert(op.p),
    "RandomPerspective": lambda op: RandomPerspective(op.distortion_scale, op.p, op.interpolation, _fill(op)),
    "RandomPosterize": lambda op: RandomPosterize(op.bits, op.p),
    "RandomRotation": lambda op: RandomRotation(op.degrees, op.interpolation, op.expand, op.center, _fill(op)),
    "RandomSolarize": lambda op: RandomSolarize(op.threshold, op.p),
    "RandomVerticalFlip": lambda op: RandomVerticalFlip(op.p),
    "RandomResizedCrop": lambda op: RandomResizedCrop(op.size, op.scale, op.ratio, op.interpolation),
    "Resize": lambda op: Resize(op.size, op.interpolation, op.max_size),
    "ToTensor": lambda _: ToTensor("ToTensor", "float32"),
    "PILToTensor": lambda _: ToTensor("PILToTensor", "uint8"),
    "ToImage": lambda _: ToTensor("ToImage", "uint8", from_tensor=True),
    "ToPureTensor": lambda _: None,
    "ConvertImageDtype": lambda op: ToDtype(op.dtype, scale=True),
    "ToDtype": lambda op: ToDtype(op.dtype, scale=op.scale),
    "Normalize": lambda op: Normalize(op.mean, op.std),
    "Identity": lambda _: None,
    "RGB": lambda _: None,  # images are of mode RGB
    "Lambda": _lambda,
    "MixUp": lambda op: MixUp(_classes(op), op.alpha),
    "CutMix": lambda op: CutMix(_classes(op), op.alpha),
}
"""By torchvision's name of the class; None for what does nothing to an RGB image."""

_BOXES = "is for boxes and points, which Penstock's samples do not have; leave it out"
_SIZES = "gives results of drawn sizes, which make no batch; use RandomResizedCrop, or a Choice of Resize and a crop"
_SEVERAL = "gives a tuple of images, and Penstock's {0} one array of all; declare it: Pipeline([{0}(size), ...])"
_NO_OP = "has no op in Penstock; "

INSTEAD = {
    "AugMix": _NO_OP + "RandAugment, TrivialAugmentWide and AutoAugment are the policies that have",
    "ClampBoundingBoxes": _BOXES,
    "ClampKeyPoints": _BOXES,
    "ConvertBoundingBoxFormat": _BOXES,
    "ElasticTransform": _NO_OP + "use RandomAffine or RandomPerspective, or declare a Lambda that calls it",
    "FiveCrop": _SEVERAL.format("FiveCrop"),
    "GaussianNoise": _NO_OP + "add the noise to the batch, or declare a Lambda behind ToDtype that adds it",
    "JPEG": _NO_OP + "declare a Lambda that encodes and decodes, or use GaussianBlur",
    "LinearTransformation": _NO_OP + "multiply the batch in the model, or declare a Lambda that does",
    "RandomChannelPermutation": _NO_OP + "use RandomHSL or ColorJitter's hue, or declare a Lambda that permutes",
    "RandomIoUCrop": _BOXES,
    "RandomPhotometricDistort": _NO_OP + "use Apply([ColorJitter(...)], p)",
    "RandomResize": _SIZES,
    "RandomShortestSize": _SIZES,
    "RandomZoomOut": "gives results of drawn sizes, which make no batch; use RandomAffine(0, scale=(0.25, 1.0))",
    "SanitizeBoundingBoxes": _BOXES,
    "SanitizeKeyPoints": _BOXES,
    "ScaleJitter": _SIZES,
    "SetClampingMode": _BOXES,
    "TenCrop": _SEVERAL.format("TenCrop"),
    "ToPILImage": "is not needed, images come in decoded; leave it out",
    "Transform": "is what transforms derive from, and does nothing; leave it out",
    "UniformTemporalSubsample": "is for videos, and Penstock's samples are images; leave it out",
}
"""What messages say of the others, after the name."""
