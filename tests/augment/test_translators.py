"""Pipelines from torchvision's transforms: what is taken does the same, the rest is refused with a reason."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps
from sklearn.datasets import load_sample_images
from support.pipelines import images, sides
from support.torchvision_shim import torchvision_module, transforms_v1, transforms_v2

from penstock.augment import (
    Apply,
    CenterCrop,
    Choice,
    CutMix,
    Lambda,
    MixUp,
    Normalize,
    Pad,
    Pipeline,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
    Resize,
    ToDtype,
    from_torchvision,
)
from penstock.augment.translators.torchvision_ops import OnPillow
from penstock.errors import SpecError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
GREY_LEVELS = {"v1": 1, "v2": 1, "tensor": 3}
"""How far a resize may be away; torchvision's own results for uint8 tensors are up to two away from Pillow's."""

T = transforms_v1()
V2 = transforms_v2()
PRESETS = torchvision_module("transforms._presets")
PHOTOGRAPHS: list[NDArray[np.uint8]] = load_sample_images().images


def test_the_recipes_of_torchvision_are_taken() -> None:
    expected = Pipeline(
        [RandomResizedCrop(224), RandomHorizontalFlip(), ToDtype("float32", scale=True), Normalize(MEAN, STD)]
    )
    v1 = T.Compose([T.RandomResizedCrop(224), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize(MEAN, STD)])
    to_float = [V2.ToDtype(torch.float32, scale=True), V2.Normalize(MEAN, STD)]
    v2 = V2.Compose([V2.ToImage(), V2.RandomResizedCrop(224), V2.RandomHorizontalFlip(), *to_float])
    pil = V2.Compose([V2.RandomResizedCrop(224, antialias=False), V2.RandomHorizontalFlip(), V2.ToImage(), *to_float])
    script = torch.nn.Sequential(T.RandomResizedCrop(224), T.RandomHorizontalFlip(), V2.ToImage(), *to_float)
    nested = T.Compose(
        [T.Compose([T.RandomResizedCrop((224, 224))]), T.RandomHorizontalFlip(), T.Compose(v1.transforms[2:])]
    )
    pure = V2.Compose([*v2.transforms, V2.ToPureTensor()])
    for transform in (v1, v2, pil, script, nested, pure):
        assert from_torchvision(transform) == expected


def test_arguments_arrive() -> None:
    resize = T.Resize([20], interpolation=Image.Resampling.BILINEAR, max_size=40, antialias=None)
    crop = V2.RandomResizedCrop((7, 9), scale=(0.3, 0.9), ratio=(0.5, 2.0), interpolation=2)
    tail = [T.CenterCrop([11]), V2.RandomHorizontalFlip(0.25), T.PILToTensor(), T.ConvertImageDtype(torch.float16)]
    assert from_torchvision(T.Compose([resize, crop, *tail])) == Pipeline(
        [
            Resize(20, max_size=40),
            RandomResizedCrop((7, 9), (0.3, 0.9), (0.5, 2.0)),
            CenterCrop(11),
            RandomHorizontalFlip(0.25),
            ToDtype("float16", scale=True),
        ]
    )


@pytest.mark.parametrize("module", [T, V2], ids=["v1", "v2"])
def test_arguments_of_padding_arrive(module: Any) -> None:
    crops = [
        module.RandomCrop(32, padding=4),
        module.RandomCrop([3, 5], (1, 2), True, 7, "edge"),
        module.RandomCrop((3,), [1, 2, 3, 4], fill=(5, 6, 7)),
        module.RandomCrop(8, pad_if_needed=True, padding_mode="reflect"),
    ]
    pads = [module.Pad(3), module.Pad([1, 2], 9, "symmetric"), module.Pad((1, 2, 3, 4), (5, 6, 7)), module.Pad([4])]
    flips = [module.RandomVerticalFlip(0.25)]
    tail = module.PILToTensor() if module is T else module.ToImage()
    assert list(from_torchvision(module.Compose([*crops, *pads, *flips, tail]))) == [
        RandomCrop(32, 4),
        RandomCrop((3, 5), (1, 2, 1, 2), True, 7, "edge"),
        RandomCrop(3, (1, 2, 3, 4), fill=(5, 6, 7)),
        RandomCrop(8, pad_if_needed=True, padding_mode="reflect"),
        Pad(3),
        Pad((1, 2, 1, 2), 9, "symmetric"),
        Pad((1, 2, 3, 4), (5, 6, 7)),
        Pad(4),
        RandomVerticalFlip(0.25),
    ]


@pytest.mark.parametrize("module", [T, V2], ids=["v1", "v2"])
def test_groups_are_taken(module: Any) -> None:
    """v2 keeps the weights of a choice as shares of 1."""
    mirror, turn = module.RandomHorizontalFlip(), module.RandomVerticalFlip()
    both = module.Compose([mirror, module.Compose([turn])])
    transform = module.Compose(
        [
            module.RandomApply([mirror, module.Resize(8)], p=0.25),
            module.RandomApply(torch.nn.ModuleList([torch.nn.Sequential(mirror, turn)])),
            module.RandomChoice([mirror, both, module.RandomApply([turn])]),
            module.RandomChoice([mirror, turn], p=[0.25, 0.75]),
            T.PILToTensor(),
        ]
    )
    ours = [RandomHorizontalFlip(), RandomVerticalFlip()]
    assert list(from_torchvision(transform)) == [
        Apply([ours[0], Resize(8)], 0.25),
        Apply(ours),
        Choice([ours[0], ours, Apply([ours[1]])]),
        Choice(ours, [0.25, 0.75]),
    ]


@pytest.mark.parametrize("module", [T, V2], ids=["v1", "v2"])
def test_erasing_is_taken_where_it_comes_last(module: Any) -> None:
    erasing = [
        module.RandomErasing(0.25, scale=(0.1, 0.2), ratio=(0.5, 2), value=0.5, inplace=True),
        module.RandomErasing(value=(1, 2, 3)),
        module.RandomErasing(value="random"),
    ]
    assert list(from_torchvision(module.Compose([*TO_TENSOR, module.Normalize(MEAN, STD), *erasing])))[2:] == [
        RandomErasing(0.25, (0.1, 0.2), (0.5, 2), 0.5),
        RandomErasing(value=(1, 2, 3)),
        RandomErasing(value="random"),
    ]
    assert list(from_torchvision(T.Compose([T.PILToTensor(), erasing[1]]))) == [RandomErasing(value=(1, 2, 3))]


@pytest.mark.parametrize("module", [T, V2], ids=["v1", "v2"])
@pytest.mark.parametrize("mode", ["NEAREST", "BICUBIC", "BOX", "HAMMING", "LANCZOS"])
def test_interpolations_are_taken(module: Any, mode: str) -> None:
    given = T.InterpolationMode[mode]
    transform = module.Compose([module.Resize((9, 31), given), module.RandomResizedCrop(8, interpolation=given)])
    pipeline = from_torchvision(module.Compose([transform, T.PILToTensor()]))
    assert list(pipeline) == [Resize((9, 31), mode.lower()), RandomResizedCrop(8, interpolation=mode.lower())]
    for photograph in PHOTOGRAPHS:
        expected = module.Resize((9, 31), given)(Image.fromarray(photograph))
        np.testing.assert_array_equal(pipeline[:1].apply(photograph).transpose(1, 2, 0), np.asarray(expected))


def test_padding_on_tensors_is_taken_where_it_means_the_same() -> None:
    for late in (V2.Pad(2, padding_mode="edge"), V2.RandomCrop(4), V2.RandomCrop(4, 2, padding_mode="reflect")):
        assert len(from_torchvision(V2.Compose([*TO_TENSOR, V2.Normalize(MEAN, STD), late]))) == 3
    assert len(from_torchvision(V2.Compose([*TO_TENSOR, V2.Pad(3)]))) == 2
    assert len(from_torchvision(V2.Compose([V2.ToImage(), V2.Pad(3, fill=9)]))) == 1


def test_one_transform_alone_is_taken() -> None:
    assert from_torchvision(T.ToTensor()) == Pipeline([ToDtype("float32", scale=True)])
    assert from_torchvision(V2.ToImage()) == Pipeline([])


CONVERSIONS: dict[str, tuple[list[Any], str]] = {
    "v1 ToTensor": ([T.ToTensor()], "float32"),
    "v1 PILToTensor": ([T.PILToTensor()], "uint8"),
    "v2 ToImage": ([V2.ToImage()], "uint8"),
    "v2 PILToTensor, ToImage": ([V2.PILToTensor(), V2.ToImage(), V2.ToPureTensor()], "uint8"),
    "v1 ConvertImageDtype": ([T.PILToTensor(), T.ConvertImageDtype(torch.float32)], "float32"),
    "v2 ConvertImageDtype": ([V2.ToImage(), V2.ConvertImageDtype(torch.float32)], "float32"),
    "unscaled": ([V2.ToImage(), V2.ToDtype(torch.float32)], "float32"),
    "scaled": ([V2.ToImage(), V2.ToDtype(torch.float32, scale=True)], "float32"),
    "nothing to convert": (
        [V2.ToImage(), V2.ToDtype(torch.uint8, scale=True), T.ConvertImageDtype(torch.uint8)],
        "uint8",
    ),
    "float to float": ([T.ToTensor(), V2.ToDtype(torch.float32, scale=True)], "float32"),
    "float16": ([T.PILToTensor(), T.ConvertImageDtype(torch.float16)], "float16"),
    "float16 by float32": ([T.ToTensor(), T.ConvertImageDtype(torch.float16)], "float16"),
    "unscaled float16 by float32": (
        [V2.ToImage(), V2.ToDtype(torch.float32), V2.ToDtype(torch.float16, True)],
        "float16",
    ),
    "normalised": ([T.ToTensor(), T.Normalize(MEAN, STD)], "float32"),
    "normalised alike": ([T.ToTensor(), T.Normalize([0.5], torch.tensor([0.25]))], "float32"),
    "normalised in place": (
        [T.PILToTensor(), V2.ToDtype(torch.float32), T.Normalize(MEAN, STD, inplace=True)],
        "float32",
    ),
    "normalised, then float16": ([T.ToTensor(), T.Normalize(MEAN, STD), T.ConvertImageDtype(torch.float16)], "float16"),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_conversions_give_torchvision_s_numbers(name: str) -> None:
    transforms, dtype = CONVERSIONS[name]
    image = np.random.default_rng(3).integers(0, 256, (17, 15, 3), np.uint8)
    expected = T.Compose(transforms)(Image.fromarray(image)).numpy()
    result = from_torchvision(T.Compose(transforms)).apply(image)
    assert result.dtype == expected.dtype == dtype
    # The v2 ops multiply by 1/255, where v1 divides: the last bit.
    np.testing.assert_allclose(
        result, expected, rtol=0 if name.startswith("v1") else 2e-7 if dtype != "float16" else 1e-3
    )


@st.composite
def compositions(draw: st.DrawFn) -> tuple[str, Any, int]:
    """(kind, a random Compose of deterministic ops with at least one conversion, how many of them resize)."""
    kind = draw(st.sampled_from(sorted(GREY_LEVELS)))
    module = T if kind == "v1" else V2
    geometry: list[Any] = []
    for name in draw(
        st.lists(
            st.sampled_from(("resize", "short", "crop", "flip", "upside down", "pad", "mirror", "still")), max_size=3
        )
    ):
        size = (draw(sides), draw(sides))
        make: dict[str, Callable[[], Any]] = {
            "resize": lambda size=size: module.Resize(size),
            "short": lambda size=size: module.Resize(min(size) + 1),
            "crop": lambda size=size: module.CenterCrop(size),
            "flip": lambda: module.RandomHorizontalFlip(1.0),
            "upside down": lambda: module.RandomVerticalFlip(1.0),
            "pad": lambda size=size: module.Pad(size, fill=size[0]),
            "mirror": lambda: module.Pad(1, padding_mode="symmetric"),
            "still": lambda: module.RandomHorizontalFlip(0.0),
        }
        geometry.append(make[name]())
    to_tensor = module.PILToTensor() if kind == "v1" else module.ToImage()
    parts = [to_tensor, *geometry] if kind == "tensor" else [*geometry, to_tensor]
    late = draw(st.sampled_from(([], [module.RandomHorizontalFlip(1.0)], [module.CenterCrop(9)])))
    nested = draw(st.booleans())
    parts = [module.Compose(parts), *late] if nested else [*parts, *late]
    return kind, module.Compose(parts), sum(isinstance(op, module.Resize) for op in geometry)


@settings(deadline=None, max_examples=80)
@given(images(), compositions())
def test_random_compositions_do_what_torchvision_does(
    image: NDArray[np.uint8], composition: tuple[str, Any, int]
) -> None:
    kind, transform, resizes = composition
    try:
        expected = transform(Image.fromarray(image)).numpy().astype(np.int64)
    except (RuntimeError, ValueError):
        return  # torch refuses some resizes of images that are a pixel wide
    result = from_torchvision(transform).apply(image)
    assert result.dtype == np.uint8
    assert result.shape == expected.shape
    if kind != "tensor" or min(image.shape[:2]) > 1:  # torch's result for tensors a pixel wide is no bilinear one
        assert np.abs(result - expected).max() <= GREY_LEVELS[kind] * resizes


@pytest.mark.parametrize("module", [T, V2], ids=["v1", "v2"])
@pytest.mark.parametrize("photograph", [0, 1])
def test_the_validation_recipe_on_photographs(module: Any, photograph: int) -> None:
    head = [module.Resize(256), module.CenterCrop(224)]
    to_float = [T.ToTensor()] if module is T else [V2.ToImage(), V2.ToDtype(torch.float32, scale=True)]
    transform = module.Compose([*head, *to_float, module.Normalize(MEAN, STD)])
    image = PHOTOGRAPHS[photograph]
    expected = transform(Image.fromarray(image)).numpy()
    levels = (from_torchvision(transform).apply(image) - expected) * np.reshape(STD, (3, 1, 1)) * 255
    assert np.abs(levels).max() < 1.001
    assert np.abs(levels).mean() < 0.25


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_the_transform_of_a_model_s_weights_is_taken(interpolation: str) -> None:
    mode = T.InterpolationMode(interpolation)
    transform = PRESETS.ImageClassification(crop_size=224, resize_size=232, interpolation=mode)
    pipeline = from_torchvision(transform)
    to_floats = [ToDtype("float32", scale=True), Normalize(MEAN, STD)]
    assert pipeline == Pipeline([Resize(232, interpolation), CenterCrop(224), *to_floats])
    expected = transform(Image.fromarray(PHOTOGRAPHS[0])).numpy()
    levels = (pipeline.apply(PHOTOGRAPHS[0]) - expected) * np.reshape(STD, (3, 1, 1)) * 255
    assert np.abs(levels).max() < 1.001
    assert np.abs(levels).mean() < 0.25


def test_the_transform_of_a_model_s_weights_is_taken_inside_others_only_where_it_fits() -> None:
    transform = PRESETS.ImageClassification(crop_size=8)
    assert from_torchvision(T.Compose([T.RandomHorizontalFlip(), transform]))[0] == RandomHorizontalFlip()
    with pytest.raises(SpecError, match=r"transform\[1\]\[0\] \(Resize\) works on float32 tensors there"):
        from_torchvision(T.Compose([T.ToTensor(), transform]))
    transform.register_forward_hook(lambda *_: None)
    with pytest.raises(
        SpecError, match=r"\(ImageClassification\) is not as torchvision made it: it has a forward hook"
    ):
        from_torchvision(transform)
    own = type("Own", (PRESETS.ImageClassification,), {})(crop_size=8)
    with pytest.raises(SpecError, match=r"\(Own\) is a class of its own, derived from ImageClassification"):
        from_torchvision(own)


def test_random_crops_are_drawn_from_torchvision_s_distribution() -> None:
    transform = T.Compose([T.RandomResizedCrop(8, scale=(0.2, 0.8), ratio=(0.5, 1.5)), T.ToTensor()])
    table = from_torchvision(transform).params(np.arange(4000), sizes=(60, 90))
    torch.manual_seed(0)
    crop = transform.transforms[0]
    image = torch.zeros(3, 60, 90)
    drawn = np.array([crop.get_params(image, crop.scale, crop.ratio) for _ in range(4000)], np.float64)
    for column, name in enumerate(("0.y", "0.x", "0.height", "0.width")):
        ours = np.quantile(table[name], np.linspace(0.05, 0.95, 10))
        assert np.abs(ours - np.quantile(drawn[:, column], np.linspace(0.05, 0.95, 10))).max() <= 3


@pytest.mark.parametrize("module", [T, V2], ids=["v1", "v2"])
def test_padded_crops_are_drawn_from_torchvision_s_distribution(module: Any) -> None:
    ramp = np.stack([*np.mgrid[:12, :9], np.zeros((12, 9))], axis=2).astype(np.uint8)
    transform = module.Compose([module.RandomCrop((8, 16), (2, 3), True, 255), T.PILToTensor()])
    pipeline = from_torchvision(transform)
    torch.manual_seed(0)
    theirs = np.stack([transform(Image.fromarray(ramp)).numpy() for _ in range(3000)])
    ours = np.stack([pipeline.apply(ramp, index) for index in range(3000)])
    assert theirs.shape == ours.shape
    # Every place is drawn about as often: the mean over all samples is the same picture.
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=15)


def test_flips_have_their_probability() -> None:
    pipeline = from_torchvision(V2.Compose([V2.RandomHorizontalFlip(0.3), V2.ToImage()]))
    assert abs(pipeline.params(np.arange(4000), sizes=(9, 9))["0.flip"].mean() - 0.3) < 0.03


class OwnResize(T.Resize):  # type: ignore[misc]  # torchvision is not typed here
    """Could do anything."""


class OwnCompose(T.Compose):  # type: ignore[misc]
    """Could do anything."""


def with_own(transform: Any, name: str) -> Any:
    setattr(transform, name, lambda image: image)
    return transform


def hooked(transform: Any) -> Any:
    transform.register_forward_hook(lambda *_: None)
    return transform


TO_TENSOR = [T.ToTensor()]
REFUSED: list[tuple[str, Any, str]] = [
    ("subclass", [OwnResize(8)], r"transform\[0\] \(OwnResize\) is a class of its own, derived from Resize"),
    ("subclass of Compose", OwnCompose([T.ToTensor()]), r"transform \(OwnCompose\) is a class of its own"),
    ("own forward", [with_own(T.Resize(8), "forward")], r"\[0\] \(Resize\) is not .* its own forward"),
    ("own transform", [with_own(V2.Resize(8), "transform")], r"\(Resize\) is not .* its own transform"),
    ("own draws", [with_own(T.RandomResizedCrop(8), "get_params")], "its own get_params"),
    ("own table", [with_own(V2.RandAugment(), "_AUGMENTATION_SPACE")], "its own _AUGMENTATION_SPACE"),
    ("hook", [hooked(T.Resize(8))], r"\[0\] \(Resize\) is not .*: it has a forward hook"),
    ("hook on Compose", hooked(V2.Compose([V2.ToImage()])), r"transform \(Compose\) .* forward hook"),
    ("function", [lambda image: image], r"transform\[0\] \(function\) is not among the transforms that are known"),
    ("another op", [T.ElasticTransform()], r"transform\[0\] \(ElasticTransform\) has no op in Penstock; use RandomAff"),
    (
        "nested",
        [T.Compose([T.CenterCrop(3), T.ElasticTransform()])],
        r"transform\[0\]\[1\] \(ElasticTransform\) has no op in Penstock",
    ),
    (
        "nearest of tensors",
        [V2.ToImage(), V2.Resize(8, V2.InterpolationMode.NEAREST_EXACT)],
        r"\[1\] \(Resize\) picks other nearest pixels of tensors than of PIL images",
    ),
    ("scale", [T.RandomResizedCrop(8, scale=(0.5, 1.5))], r"scale must be .*got \(0.5, 1.5\)"),
    ("no size", [V2.Resize(None, max_size=9)], r"\(Resize\): size must be .*got None"),
    ("std", [*TO_TENSOR, T.Normalize((0.5,) * 3, (0.0, 1.0, 1.0))], r"\[1\] \(Normalize\): std must be .*0.0"),
    ("four channels", [*TO_TENSOR, T.Normalize((0.5,) * 4, (0.5,) * 4)], r"mean must be 3 finite numbers"),
    ("dtype", [V2.ToImage(), V2.ToDtype(torch.float64, scale=True)], r"dtype must be .*got torch.float64"),
    ("dtypes by kind", [V2.ToImage(), V2.ToDtype({torch.Tensor: torch.float32, "others": None})], "dtype must be"),
    ("no tensor", [T.Resize(8)], "transform gives PIL images, which don't make a batch; end it with ToTensor"),
    ("conversion of PIL", [V2.ToDtype(torch.float32)], r"\[0\] \(ToDtype\) takes tensors, and a PIL image comes in"),
    ("two tensors", [T.ToTensor(), T.ToTensor()], r"\[1\] \(ToTensor\) takes PIL images, and a tensor comes in"),
    ("back to uint8", [T.ToTensor(), T.ConvertImageDtype(torch.uint8)], r"\[1\] .* converts float32 to uint8"),
    (
        "float32 from float16",
        [T.PILToTensor(), T.ConvertImageDtype(torch.float16), T.ConvertImageDtype(torch.float32)],
        r"\[2\] .* converts float16 to float32",
    ),
    ("normalised PIL", [T.Normalize(MEAN, STD), T.ToTensor()], r"\[0\] \(Normalize\) .* and a PIL image comes in"),
    ("normalised uint8", [T.PILToTensor(), T.Normalize(MEAN, STD)], r"\[1\] \(Normalize\) .* and uint8 comes in"),
    (
        "normalised float16",
        [V2.ToImage(), V2.ToDtype(torch.float16, scale=True), V2.Normalize(MEAN, STD)],
        r"\[2\] \(Normalize\) .* and float16 comes in",
    ),
    (
        "normalised twice",
        [T.ToTensor(), T.Normalize(MEAN, STD), T.Normalize(MEAN, STD)],
        r"\[2\] \(Normalize\) is the second Normalize",
    ),
    (
        "in a group",
        [T.RandomApply([T.CenterCrop(3), T.Compose([T.ElasticTransform()])])],
        r"transform\[0\].transforms\[1\]\[0\] \(ElasticTransform\) has no op in Penstock",
    ),
    (
        "converted in a group",
        [V2.RandomChoice([V2.ToImage(), V2.CenterCrop(3)])],
        r"transform\[0\].transforms\[0\] \(ToImage\) does not leave the image uint8, .*; move it behind the group",
    ),
    (
        "group of floats",
        [*TO_TENSOR, T.RandomApply([T.RandomHorizontalFlip()])],
        r"\[1\] \(RandomApply\) works on float32 tensors there",
    ),
    (
        "not antialiased in a group",
        [V2.ToImage(), V2.RandomApply([V2.Resize(8, antialias=False)])],
        r"\[1\] \(RandomApply\) has antialias off for tensors",
    ),
    ("hook in a group", [T.RandomApply([hooked(T.Resize(8))])], r"transforms\[0\] \(Resize\) .* forward hook"),
    ("empty group", [T.RandomApply([])], r"\[0\] \(RandomApply\): Apply: ops must be a list of at least one op"),
    (
        "erased PIL",
        [T.RandomErasing(), *TO_TENSOR],
        r"\[0\] \(RandomErasing\) erases tensors, and a PIL image comes in",
    ),
    (
        "erased first",
        [*TO_TENSOR, V2.RandomErasing(), T.Normalize(MEAN, STD)],
        r"\[2\] \(Normalize\) comes after RandomErasing, which comes last",
    ),
    (
        "noise on uint8",
        [V2.ToImage(), V2.RandomErasing(value="random")],
        "has value='random', normal noise, which needs",
    ),
    (
        "several crops",
        [T.TenCrop(8), *TO_TENSOR],
        r"\[0\] \(TenCrop\) gives a tuple of images, and Penstock's TenCrop one array of all; declare it: Pipeline\(\[",
    ),
    ("to PIL", [T.ToPILImage(), *TO_TENSOR], r"\[0\] \(ToPILImage\) is not needed, images come in decoded; leave it"),
    ("classes", [*TO_TENSOR, V2.MixUp()], r"\[1\] \(MixUp\): its num_classes is None, and Penstock needs their number"),
    (
        "own labels",
        [*TO_TENSOR, V2.CutMix(num_classes=3, labels_getter=len)],
        r"\[1\] \(CutMix\): its labels_getter <built-in function len> is its own, and Penstock's labels are the",
    ),
    ("no classes", [*TO_TENSOR, V2.MixUp(num_classes=0)], r"\[1\] \(MixUp\): num_classes must be an int from 1"),
    ("mixed PIL", [V2.MixUp(num_classes=3)], r"\[0\] \(MixUp\) mixes batches of tensors, and PIL images come in; put"),
    (
        "mixed early",
        [*TO_TENSOR, V2.MixUp(num_classes=3), T.Normalize(MEAN, STD)],
        r"\[2\] \(Normalize\) comes after MixUp, which comes last in Penstock; move it before",
    ),
    (
        "mixed twice",
        [*TO_TENSOR, V2.MixUp(num_classes=3), V2.CutMix(num_classes=3)],
        r"\[2\] \(CutMix\) comes after MixUp, which comes last",
    ),
    (
        "mixed at times",
        [*TO_TENSOR, V2.RandomApply([V2.MixUp(num_classes=3)])],
        r"\[1\] \(RandomApply\): Apply: ops must be ops on uint8 images, got MixUp",
    ),
    (
        "function of tensors",
        [*TO_TENSOR, T.Lambda(len)],
        r"\[1\] \(Lambda\) calls a function of float32 tensors, and Penstock's Lambda one of arrays; declare a Pipe",
    ),
    (
        "function of others",
        [V2.Lambda(len, int)],
        r"\[0\] \(Lambda\): its types .* leave PIL images out; leave the arg",
    ),
    (
        "function in a group",
        [T.RandomApply([T.Lambda(len)])],
        r"\[0\] \(RandomApply\): Apply: ops must be ops on uint8 images, got Lambda\(.* put Lambda behind the Apply",
    ),
    (
        "many orders",
        [T.RandomOrder([T.RandomInvert()] * 5), *TO_TENSOR],
        r"\[0\] \(RandomOrder\) has 5 transforms, and up to 4 make a Choice of orders; leave some out",
    ),
    ("fill by type", [V2.Pad(2, fill={Image.Image: 3})], r"\[0\] \(Pad\): fill must be .*got \{<class 'PIL"),
    ("resized floats", [T.ToTensor(), T.Resize(8)], r"\[1\] \(Resize\) works on float32 tensors there"),
    (
        "not antialiased",
        [V2.ToImage(), V2.RandomResizedCrop(8, antialias=False)],
        r"\[1\] \(RandomResizedCrop\) has antialias off for tensors",
    ),
    (
        "padded after Normalize",
        [T.ToTensor(), T.Normalize(MEAN, STD), T.CenterCrop(8)],
        r"\[2\] \(CenterCrop\) pads small images with zeros after Normalize",
    ),
]


@pytest.mark.parametrize(("transform", "reason"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_no_op_of_penstock_is_is_refused(transform: Any, reason: str) -> None:
    transform = T.Compose(transform) if isinstance(transform, list) else transform
    with pytest.raises(SpecError, match=f"^the transform can't be translated: .*{reason}"):
        from_torchvision(transform)


def inverted(image: Image.Image) -> Image.Image:
    return ImageOps.invert(image)


@pytest.mark.parametrize("module", [T, V2], ids=["v1", "v2"])
def test_functions_of_pil_images_are_taken(module: Any) -> None:
    transform = module.Compose([module.CenterCrop(9), module.Lambda(inverted), module.CenterCrop(5), T.PILToTensor()])
    pipeline = from_torchvision(transform)
    assert list(pipeline) == [CenterCrop(9), Lambda(OnPillow(inverted)), CenterCrop(5)]
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline
    for photograph in PHOTOGRAPHS:
        np.testing.assert_array_equal(pipeline.apply(photograph), transform(Image.fromarray(photograph)).numpy())


@pytest.mark.parametrize("tail", [[], [T.Normalize(MEAN, STD), T.RandomErasing()]])
def test_mixing_of_the_batch_is_taken_where_it_comes_last(tail: list[Any]) -> None:
    mixers = [V2.MixUp(num_classes=10, alpha=0.2), V2.CutMix(num_classes=10)]
    cases = [*zip(mixers, MIXERS, strict=True), (V2.RandomChoice(mixers, p=[1, 3]), Choice(MIXERS, [0.25, 0.75]))]
    for theirs, ours in cases:
        pipeline = from_torchvision(V2.Compose([*TO_TENSOR, *tail, theirs]))
        assert pipeline[-1] == ours
        assert len(pipeline) == 2 + len(tail)


MIXERS = [MixUp(10, 0.2), CutMix(10)]


@pytest.mark.parametrize("module", [T, V2], ids=["v1", "v2"])
def test_a_random_order_is_a_choice_of_all_orders(module: Any) -> None:
    parts = [module.RandomSolarize(128, 1.0), module.RandomInvert(1.0), module.RandomPosterize(4, 1.0)]
    transform = module.Compose([module.RandomOrder(parts), T.PILToTensor()])
    pipeline = from_torchvision(transform)
    torch.manual_seed(0)
    random.seed(0)
    image = np.arange(3 * 256, dtype=np.uint8).reshape(16, 16, 3)
    theirs = Counter(transform(Image.fromarray(image)).numpy().tobytes() for _ in range(600))
    ours = Counter(pipeline.apply(image, index).tobytes() for index in range(600))
    assert set(theirs) == set(ours)
    assert all(abs(theirs[result] - ours[result]) < 100 for result in theirs)


def test_what_does_nothing_to_an_rgb_image_is_left_out() -> None:
    assert from_torchvision(V2.Compose([V2.Identity(), V2.RGB(), V2.ToImage(), V2.Identity()])) == Pipeline()


def test_every_reason_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        from_torchvision(T.Compose([T.CenterCrop(0), T.ElasticTransform(), len, T.ToTensor()]))
    assert [f"transform[{k}]" in str(caught.value) for k in range(4)] == [True, True, True, False]


def test_a_method_replaced_on_the_class_is_noticed() -> None:
    original = T.CenterCrop.forward
    transform = T.Compose([T.CenterCrop(4), T.ToTensor()])
    assert len(from_torchvision(transform)) == 2
    T.CenterCrop.forward = lambda self, image: image  # noqa: ARG005
    try:
        with pytest.raises(SpecError, match=r"transform\[0\] \(CenterCrop\) is not as torchvision made it"):
            from_torchvision(transform)
    finally:
        T.CenterCrop.forward = original


def test_without_torchvision_nothing_is_known_and_nothing_is_imported() -> None:
    script = (
        "import sys\nfrom penstock.augment import from_torchvision\n"
        "try:\n    from_torchvision(len)\nexcept ValueError as error:\n    print(error)\n"
        "print([m for m in ('torch', 'torchvision') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=_environment()
    )
    message, imported = done.stdout.splitlines()
    assert message.startswith("the transform can't be translated: transform (builtin_function_or_method) is not among")
    assert imported == "[]"


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
