"""Every op on photographs of your own (PENSTOCK_TEST_IMAGES): who computes it, against the reference, and that against
torchvision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support import parity
from support.pillow import RESIZE_TOLERANCE
from support.torchvision_shim import transforms_v2

from penstock.augment import (
    AutoAugment,
    CenterCrop,
    ColorJitter,
    Cutout,
    DaliExecutor,
    FiveCrop,
    GaussianBlur,
    Grayscale,
    NativeExecutor,
    Op,
    Pad,
    PCALighting,
    Pipeline,
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
    ReferenceExecutor,
    Resize,
    TenCrop,
    TorchExecutor,
    TrivialAugmentWide,
)
from penstock.augment.executors.dali import dali_obstacle
from penstock.augment.ops import OPS
from penstock.augment.ops.base import Stage

Picture = NDArray[np.uint8]

MOVING: list[Op] = [
    RandomResizedCrop(64),
    Resize(48),
    CenterCrop(70),
    FiveCrop(40),
    TenCrop(40),
    Pad((3, 50, 8, 0), (1, 20, 255)),
    RandomCrop(90, 20, True, (9, 8, 7)),
    RandomHorizontalFlip(),
    RandomVerticalFlip(),
    RandomRotation(30, "bilinear"),
    RandomAffine(20, (0.1, 0.1), (0.7, 1.3), 10, "bicubic"),
    RandomPerspective(p=1.0),
]
COLOURING: list[Op] = [
    ColorJitter(0.4, 0.4, 0.4, 0.1),
    ColorJitter(contrast=0.8),
    RandomHSL(36, 50, 50),
    Grayscale(),
    RandomGrayscale(0.5),
    GaussianBlur(9, (0.1, 2.0)),
    RandomSolarize(100, 1.0),
    RandomPosterize(3, 1.0),
    RandomEqualize(1.0),
    RandomAutocontrast(1.0),
    RandomAdjustSharpness(1.7, 1.0),
    RandomInvert(1.0),
    PCALighting(),
]
OTHERS: list[Op] = [RandAugment(), TrivialAugmentWide(), AutoAugment(), RandomErasing(1.0, value=7), Cutout(30, 2)]
CASES = [*MOVING, *COLOURING, *OTHERS]
EXECUTORS = {"native": NativeExecutor, "torch": TorchExecutor, "dali": DaliExecutor}

TORCHVISIONS: list[tuple[Op, Callable[[Any, Image.Image], Any]]] = [
    (Resize(48), lambda f, image: f.resize(image, 48)),
    (Resize((60, 90), "bicubic"), lambda f, image: f.resize(image, [60, 90], f.InterpolationMode.BICUBIC)),
    (CenterCrop(70), lambda f, image: f.center_crop(image, 70)),
    (Pad(5, 9), lambda f, image: f.pad(image, 5, 9)),
    (RandomHorizontalFlip(1.0), lambda f, image: f.hflip(image)),
    (RandomRotation((25, 25), "bilinear"), lambda f, image: f.rotate(image, 25, f.InterpolationMode.BILINEAR)),
    (ColorJitter(brightness=(1.3, 1.3)), lambda f, image: f.adjust_brightness(image, 1.3)),
    (ColorJitter(contrast=(0.6, 0.6)), lambda f, image: f.adjust_contrast(image, 0.6)),
    (ColorJitter(saturation=(1.7, 1.7)), lambda f, image: f.adjust_saturation(image, 1.7)),
    (ColorJitter(hue=(0.07, 0.07)), lambda f, image: f.adjust_hue(image, 0.07)),
    (Grayscale(), lambda f, image: f.rgb_to_grayscale(image, 3)),
    (GaussianBlur(9, 1.5), lambda f, image: f.gaussian_blur(image, [9, 9], [1.5, 1.5])),
    (RandomSolarize(100, 1.0), lambda f, image: f.solarize(image, 100)),
    (RandomPosterize(3, 1.0), lambda f, image: f.posterize(image, 3)),
    (RandomEqualize(1.0), lambda f, image: f.equalize(image)),
    (RandomAutocontrast(1.0), lambda f, image: f.autocontrast(image)),
    (RandomAdjustSharpness(1.7, 1.0), lambda f, image: f.adjust_sharpness(image, 1.7)),
    (RandomInvert(1.0), lambda f, image: f.invert(image)),
]


@pytest.fixture(scope="module")
def pictures(photographs: list[Path]) -> list[Picture]:
    """Parts of six photographs from all over the folder: the reference is slow."""
    chosen = photographs[:: max(len(photographs) // 6, 1)][:6]
    return [np.array(Image.open(path).convert("RGB"))[-180:, -240:] for path in chosen]


def test_every_op_on_pixels_is_here() -> None:
    done_to_pixels = {op for op, kind in OPS.items() if kind.stage in (Stage.GEOMETRY, Stage.COLOUR, Stage.CROPS)}
    erasing = {op for op, kind in OPS.items() if kind.stage is Stage.ERASE}
    assert {type(op).__name__ for op in CASES} == (done_to_pixels | erasing) - {"Apply", "Choice"}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_executors_are_as_near_to_the_reference_as_the_table_says(executor: str, pictures: list[Picture]) -> None:
    if executor == "dali":
        pytest.importorskip("nvidia.dali", reason="NVIDIA DALI is not installed")
    for op in CASES:
        if executor == "dali" and dali_obstacle(op):
            continue
        results, expected = (made(kind, op, pictures) for kind in (EXECUTORS[executor], ReferenceExecutor))
        apart = [np.abs(one - other) for one, other in zip(results, expected, strict=True)]
        assert max(levels.max() for levels in apart) <= parity.tolerance(type(op).__name__, executor), op
        assert np.mean([levels.mean() for levels in apart]) < 0.5, op


def test_the_reference_is_as_near_to_torchvision_as_the_table_says(pictures: list[Picture]) -> None:
    functional = transforms_v2().functional
    for op, theirs in TORCHVISIONS:
        allowed = parity.tolerance(type(op).__name__, "reference")
        if isinstance(op, Resize):
            allowed = max(allowed, RESIZE_TOLERANCE)
        for result, picture in zip(made(ReferenceExecutor, op, pictures), pictures, strict=True):
            expected = np.asarray(theirs(functional, Image.fromarray(picture)))
            assert np.abs(result.transpose(1, 2, 0) - expected).max() <= allowed, op


def made(executor: Any, op: Op, pictures: list[Picture]) -> list[NDArray[np.int_]]:
    """What an executor makes of the pictures by one op."""
    pipeline = Pipeline([op])
    params = pipeline.params(range(len(pictures)), sizes=[picture.shape[:2] for picture in pictures])
    return [result.astype(int) for result in executor(pipeline).run(pictures, params)]
