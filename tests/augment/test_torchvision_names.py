"""Every class and every argument of torchvision's transforms, v1 and v2: taken, or named with what to use instead."""

from __future__ import annotations

import enum
import inspect
import itertools
from typing import Any

import pytest
import torch
from PIL import Image
from support.torchvision_shim import transforms_v1, transforms_v2

from penstock.augment import from_torchvision
from penstock.augment.ops import OPS
from penstock.augment.translators.torchvision_ops import INSTEAD, TRANSLATORS
from penstock.errors import SpecError

T, V2 = transforms_v1(), transforms_v2()
MODES = T.InterpolationMode
COMPOSITIONS = {"Compose", "RandomApply", "RandomChoice", "RandomOrder"}

OWN_ARGUMENTS = {
    "AutoAugment": {},
    "CutMix": {"p": "how probable it is that a batch is mixed"},
    "MixUp": {"p": "how probable it is that a batch is mixed"},
    "RandomAffine": {"aspect": "MXNet's level 3 stretches the image"},
}
"""Arguments that torchvision's have not, with what they are for; they come last."""

LEFT_OUT = {
    ("CutMix", "labels_getter"): "labels are the second item of the batch",
    ("MixUp", "labels_getter"): "labels are the second item of the batch",
    ("Lambda", "types"): "functions are given images, and nothing else",
    ("Normalize", "inplace"): "a specification has no memory to reuse",
    ("RandomErasing", "inplace"): "a specification has no memory to reuse",
}
"""Arguments of torchvision's that ours have not, with the reason."""

DEFAULTS = {
    ("CutMix", "num_classes"): "batches need to know how long labels are",
    ("MixUp", "num_classes"): "batches need to know how long labels are",
    ("Grayscale", "num_output_channels"): "results have three channels",
}
"""Defaults that are other than torchvision's, with the reason."""

RENAMED = {"Lambda": {"lambd": "function"}}
"""Arguments that are called otherwise than in torchvision, since they may be written by name in JSON."""

ORDERED = {"CutMix": ["num_classes", "alpha"], "MixUp": ["num_classes", "alpha"]}
"""The order of arguments that torchvision takes by keyword only."""


def classes_of(module: Any) -> list[str]:
    found = {name: each for name, each in vars(module).items() if inspect.isclass(each)}
    return sorted(name for name, each in found.items() if not issubclass(each, enum.Enum))


@pytest.mark.parametrize("module", [T, V2], ids=["v1", "v2"])
def test_every_class_is_taken_or_named_with_what_to_use_instead(module: Any) -> None:
    known = set(TRANSLATORS) | set(INSTEAD) | COMPOSITIONS
    assert [name for name in classes_of(module) if name not in known] == []
    assert not set(TRANSLATORS) & set(INSTEAD)


def test_no_other_class_is_known() -> None:
    assert set(TRANSLATORS) | set(INSTEAD) | COMPOSITIONS == set(classes_of(T)) | set(classes_of(V2))


REFUSED: dict[str, tuple[Any, ...]] = {
    "ConvertBoundingBoxFormat": ("XYXY",),
    "FiveCrop": (8,),
    "JPEG": (50,),
    "LinearTransformation": (torch.eye(3), torch.zeros(3)),
    "RandomResize": (8, 9),
    "RandomShortestSize": (8,),
    "ScaleJitter": ((8, 9),),
    "SetClampingMode": ("soft",),
    "TenCrop": (8,),
    "UniformTemporalSubsample": (3,),
}
"""Arguments of those that need some."""


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module in (T, V2) for name in sorted(INSTEAD) if hasattr(module, name)]
)
def test_what_is_not_taken_says_what_to_use(module: Any, name: str) -> None:
    transform = getattr(module, name)(*REFUSED.get(name, ()))
    with pytest.raises(SpecError) as caught:
        from_torchvision(transform)
    message = str(caught.value)
    assert message == f"the transform can't be translated: transform ({name}) {INSTEAD[name]}"
    assert any(fix in message for fix in ("; use ", "; declare ", ", or ", "; leave it out", "policies that have"))


@pytest.mark.parametrize("name", sorted(set(OPS) & (set(classes_of(T)) | set(classes_of(V2)))))
def test_names_order_and_defaults_are_torchvision_s(name: str) -> None:
    for module in (T, V2):
        if hasattr(module, name):
            _compare(name, inspect.signature(getattr(module, name)), inspect.signature(OPS[name]))


def _compare(name: str, theirs: inspect.Signature, ours: inspect.Signature) -> None:
    renamed = RENAMED.get(name, {})
    expected = [renamed.get(p, p) for p in theirs.parameters if (name, p) not in LEFT_OUT]
    expected = ORDERED.get(name, expected)
    assert list(ours.parameters) == [*expected, *OWN_ARGUMENTS.get(name, {})]
    for argument, parameter in theirs.parameters.items():
        if (name, argument) not in LEFT_OUT:
            default = ours.parameters[renamed.get(argument, argument)].default
            assert _same_default(name, parameter.default, default) == ((name, argument) not in DEFAULTS), argument


def _same_default(name: str, theirs: Any, ours: Any) -> bool:
    if theirs is inspect.Parameter.empty or ours is inspect.Parameter.empty:
        return theirs is ours
    if name == "ColorJitter":
        return not theirs and not ours  # v1 has 0, v2 None: nothing is jittered
    return bool(getattr(theirs, "value", theirs) == ours)


INTERPOLATED = {"interpolation": MODES.BICUBIC, "fill": 7}
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "AutoAugment": ({}, {"policy": T.AutoAugmentPolicy.SVHN, **INTERPOLATED}),
    "CenterCrop": ({"size": 8}, {"size": 9}),
    "ColorJitter": ({}, {"brightness": 0.1, "contrast": 0.2, "saturation": (0.5, 3.0), "hue": 0.25}),
    "ConvertImageDtype": ({"dtype": torch.float32}, {"dtype": torch.float16}),
    "CutMix": ({"num_classes": 3}, {"num_classes": 4, "alpha": 0.5, "labels_getter": len}),
    "GaussianBlur": ({"kernel_size": 3}, {"kernel_size": (5, 7), "sigma": (0.5, 1.5)}),
    "Grayscale": ({"num_output_channels": 3}, {"num_output_channels": 1}),
    "Lambda": ({"lambd": len}, {"lambd": max}),
    "MixUp": ({"num_classes": 3}, {"num_classes": 4, "alpha": 0.5, "labels_getter": len}),
    "Normalize": ({"mean": [0.5] * 3, "std": [1.0] * 3}, {"mean": [0.25] * 3, "std": [2.0] * 3, "inplace": True}),
    "Pad": ({"padding": 2}, {"padding": (1, 2), "fill": 7, "padding_mode": "edge"}),
    "RandAugment": ({}, {"num_ops": 3, "magnitude": 5, "num_magnitude_bins": 21, **INTERPOLATED}),
    "RandomAdjustSharpness": ({"sharpness_factor": 2}, {"sharpness_factor": 3, "p": 0.25}),
    "RandomAffine": (
        {"degrees": 5},
        {
            "degrees": (1, 2), "translate": (0.1, 0.2), "scale": (0.5, 0.75), "shear": (1, 2, 3, 4),
            "center": (3, 4), **INTERPOLATED,
        },
    ),
    "RandomCrop": (
        {"size": 8}, {"size": (8, 9), "padding": (1, 2), "pad_if_needed": True, "fill": 7, "padding_mode": "edge"},
    ),
    "RandomErasing": (
        {}, {"p": 0.25, "scale": (0.1, 0.2), "ratio": (0.5, 0.75), "value": 3, "inplace": True},
    ),
    "RandomPerspective": ({}, {"distortion_scale": 0.25, "p": 0.25, "interpolation": MODES.NEAREST, "fill": 7}),
    "RandomPosterize": ({"bits": 3}, {"bits": 4, "p": 0.25}),
    "RandomResizedCrop": (
        {"size": 8},
        {"size": (8, 9), "scale": (0.1, 0.2), "ratio": (0.5, 2.0), "interpolation": MODES.BOX, "antialias": False},
    ),
    "RandomRotation": ({"degrees": 5}, {"degrees": (1, 2), "expand": True, "center": (3, 4), **INTERPOLATED}),
    "RandomSolarize": ({"threshold": 128}, {"threshold": 64, "p": 0.25}),
    "Resize": ({"size": 8}, {"size": 9, "interpolation": MODES.BOX, "max_size": 12, "antialias": False}),
    "ToDtype": ({"dtype": torch.float32}, {"dtype": torch.float16, "scale": True}),
    "TrivialAugmentWide": ({}, {"num_magnitude_bins": 21, **INTERPOLATED}),
}  # fmt: skip
"""Arguments of each class, and others that each may have instead."""
for flip in ("HorizontalFlip", "VerticalFlip", "Invert", "Autocontrast", "Equalize", "Grayscale"):
    CHANGES[f"Random{flip}"] = ({}, {"p": 0.25})

WITHOUT_EFFECT = {
    ("Normalize", "inplace"): "results are the same",
    ("RandomErasing", "inplace"): "results are the same",
    ("Resize", "antialias"): "Pillow antialiases PIL images whatever it says; refused on tensors",
    ("RandomResizedCrop", "antialias"): "as of Resize",
}
ON_TENSORS = {"ConvertImageDtype", "CutMix", "MixUp", "Normalize", "RandomErasing", "ToDtype"}


def _translated(module: Any, name: str, arguments: dict[str, Any]) -> Any:
    transform = getattr(module, name)(**arguments)
    if name in ("ConvertImageDtype", "ToDtype"):
        return from_torchvision(T.Compose([T.PILToTensor(), transform]))
    parts = [T.ToTensor(), transform] if name in ON_TENSORS else [transform, T.ToTensor()]
    return from_torchvision(T.Compose(parts))


def _translated_or_refused(module: Any, name: str, arguments: dict[str, Any]) -> Any:
    try:
        return _translated(module, name, arguments)
    except SpecError as error:
        return str(error)


def test_every_class_that_takes_arguments_is_tried_with_others() -> None:
    taking = {
        name
        for module, name in itertools.product((T, V2), TRANSLATORS)
        if hasattr(module, name) and inspect.signature(getattr(module, name)).parameters
    }
    assert taking == set(CHANGES)


@pytest.mark.parametrize(
    ("module", "name", "argument"),
    [
        (module, name, argument)
        for module in (T, V2)
        for name, (_, others) in sorted(CHANGES.items())
        if hasattr(module, name)
        for argument in others
    ],
)
def test_every_argument_arrives_or_is_refused_by_name(module: Any, name: str, argument: str) -> None:
    base, others = CHANGES[name]
    assert set(base) | set(others) | {"types"} >= set(inspect.signature(getattr(module, name)).parameters)
    plain = _translated(module, name, base)
    changed = _translated_or_refused(module, name, {**base, argument: others[argument]})
    if isinstance(changed, str):
        assert argument in changed
    else:
        assert (changed == plain) == ((name, argument) in WITHOUT_EFFECT)


@pytest.mark.parametrize("name", ["Resize", "RandomResizedCrop"])
def test_antialias_is_refused_where_it_changes_pixels(name: str) -> None:
    with pytest.raises(SpecError, match="has antialias off for tensors, and Penstock antialiases as Pillow does"):
        from_torchvision(V2.Compose([V2.ToImage(), getattr(V2, name)(8, antialias=False)]))


@pytest.mark.parametrize("name", ["Pad", "RandomAffine", "RandomCrop", "RandomPerspective", "RandomRotation"])
def test_fill_by_type_is_refused_by_name(name: str) -> None:
    base, _ = CHANGES[name]
    with pytest.raises(SpecError, match=rf"\({name}\): fill must be .*got \{{<class 'PIL"):
        _translated(V2, name, {**base, "fill": {Image.Image: 3}})
