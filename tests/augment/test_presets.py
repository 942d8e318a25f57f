"""Presets are the pipelines that their sources describe."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from support.torchvision_shim import transforms_v1

from penstock import augment
from penstock.augment import (
    CenterCrop,
    Normalize,
    Pipeline,
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
    RandomHSL,
    RandomResizedCrop,
    Resize,
    ToDtype,
    Views,
    cifar_eval,
    cifar_train,
    dino,
    from_torchvision,
    imagenet_eval,
    imagenet_train,
    mxnet_level1,
    mxnet_level2,
    mxnet_level3,
    simclr,
)
from penstock.augment.presets import CIFAR10_MEAN, CIFAR10_STD, IMAGENET_MEAN, IMAGENET_STD, PRESETS
from penstock.errors import SpecError

T = transforms_v1()
IMAGENET = T.Normalize(IMAGENET_MEAN, IMAGENET_STD)
CIFAR = T.Normalize(CIFAR10_MEAN, CIFAR10_STD)
BICUBIC = T.InterpolationMode.BICUBIC
SCALED = ToDtype("float32", scale=True)


@pytest.mark.parametrize(
    ("preset", "theirs"),
    [
        (imagenet_train(), [T.RandomResizedCrop(224), T.RandomHorizontalFlip(), T.ToTensor(), IMAGENET]),
        (imagenet_eval(), [T.Resize(256), T.CenterCrop(224), T.ToTensor(), IMAGENET]),
        (imagenet_eval(288, 320), [T.Resize(320), T.CenterCrop(288), T.ToTensor(), IMAGENET]),
        (cifar_train(), [T.RandomCrop(32, padding=4), T.RandomHorizontalFlip(), T.ToTensor(), CIFAR]),
        (cifar_eval(), [T.CenterCrop(32), T.ToTensor(), CIFAR]),
    ],
)
def test_presets_are_the_recipes_as_torchvision_writes_them(preset: Pipeline, theirs: list[Any]) -> None:
    assert preset == from_torchvision(T.Compose(theirs))
    assert preset.dtype == "float32"


@pytest.mark.parametrize(("size", "shorter"), [(224, 256), (32, 37), (299, 342), (384, 439), ((192, 224), 256)])
def test_evaluation_cuts_off_the_same_share_at_every_size(size: Any, shorter: int) -> None:
    assert imagenet_eval(size) == imagenet_eval(size, shorter)
    assert not (imagenet_eval(size).apply(np.full((40, 50, 3), 255, np.uint8))[0] < 0).any()  # nothing black


def test_arguments_arrive() -> None:
    given = {"mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)}
    tail = [SCALED, Normalize(**given)]
    flip = RandomHorizontalFlip(0.25)
    assert imagenet_train((8, 9), scale=(0.5, 1), flip=0.25, **given) == Pipeline(
        [RandomResizedCrop((8, 9), (0.5, 1)), flip, *tail]
    )
    assert imagenet_train(8, flip=0, **given) == Pipeline([RandomResizedCrop(8), *tail])
    assert imagenet_eval(8, 9, **given) == Pipeline([Resize(9), CenterCrop(8), *tail])
    assert cifar_train(8, 2, **given) == Pipeline([RandomCrop(8, 2), RandomHorizontalFlip(), *tail])
    assert cifar_eval(8, **given) == Pipeline([CenterCrop(8), *tail])


def theirs(*transforms: Any, jitter: float = 1.0) -> Pipeline:
    """What many recipes of contrastive learning have in the middle, and after it."""
    first, *last = transforms
    colours = T.ColorJitter(0.8 * jitter, 0.8 * jitter, 0.8 * jitter, 0.2 * jitter)
    middle = [T.RandomHorizontalFlip(), T.RandomApply([colours], 0.8), T.RandomGrayscale(0.2)]
    return from_torchvision(T.Compose([first, *middle, *last]))


def test_simclr_is_its_recipe_twice() -> None:
    blur, small_blur = T.GaussianBlur(23, (0.1, 2.0)), T.GaussianBlur(9, (0.1, 2.0))
    crop = T.RandomResizedCrop(224)
    assert simclr() == Views(2, theirs(crop, T.RandomApply([blur], 0.5), T.ToTensor()))
    small = theirs(T.RandomResizedCrop((96, 80)), T.RandomApply([small_blur], 0.5), T.ToTensor(), IMAGENET, jitter=0.5)
    assert simclr((96, 80), 0.5, mean=IMAGENET_MEAN, std=IMAGENET_STD) == Views(2, small)


def test_dino_has_two_large_views_and_several_small_ones() -> None:
    jitter, blur = T.RandomApply([T.ColorJitter(0.4, 0.4, 0.2, 0.1)], 0.8), T.GaussianBlur(13, (0.1, 2.0))
    middle, tail = [T.RandomHorizontalFlip(), jitter, T.RandomGrayscale(0.2)], [T.ToTensor(), IMAGENET]

    def recipe(crop: Any, *last: Any) -> Pipeline:
        return from_torchvision(T.Compose([crop, *middle, *last, *tail]))

    large = T.RandomResizedCrop(224, (0.4, 1.0), interpolation=BICUBIC)
    small = T.RandomResizedCrop(96, (0.05, 0.4), interpolation=BICUBIC)
    second = recipe(large, T.RandomApply([blur], 0.1), T.RandomSolarize(128, 0.2))
    local = recipe(small, T.RandomApply([blur], 0.5))
    assert dino() == Views.of([recipe(large, blur), second]) + Views(8, local)
    assert dino(local_crops=0) == dino()[:2]
    sizes = [pipeline.output_size for pipeline in dino((64, 60), 32, 3)]
    assert sizes == [(64, 60)] * 2 + [(32, 32)] * 3
    plain = dino(64, 32, 1, global_scale=(0.5, 1), local_scale=(0.1, 0.5), mean=None, std=None)
    assert [pipeline[-1] for pipeline in plain] == [SCALED] * 3
    assert dino(interpolation="bilinear")[0][0].interpolation == "bilinear"  # type: ignore[attr-defined]
    scales = [pipeline[0].scale for pipeline in plain]  # type: ignore[attr-defined]
    assert scales == [(0.5, 1.0), (0.5, 1.0), (0.1, 0.5)]


def test_levels_of_mxnet_add_to_each_other() -> None:
    ends = [RandomHorizontalFlip(), SCALED, Normalize(np.array([123.68, 116.779, 103.939]) / 255, [1 / 255])]
    start, hsl = [Resize(256), RandomCrop(224)], RandomHSL(36, 50, 50)
    assert mxnet_level1() == Pipeline([*start, *ends])
    assert mxnet_level2() == Pipeline([*start, hsl, *ends])
    level3 = mxnet_level3()
    warp = level3[1]
    assert level3 == Pipeline([start[0], warp, start[1], hsl, *ends])
    assert isinstance(warp, RandomAffine)
    assert (warp.degrees, warp.aspect, warp.translate, warp.scale) == ((-10, 10), (0.75, 1.25), None, None)
    np.testing.assert_allclose(np.tan(np.radians(warp.shear)), [-0.1, 0.1, 0, 0])
    assert (warp.interpolation, warp.fill) == ("bilinear", (127, 127, 127))


def test_levels_of_mxnet_subtract_the_mean_from_0_to_255() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    pipeline = mxnet_level1((40, 50), None)
    row = pipeline.params([0], sizes=(40, 50)).row(0)
    seen = image[:, ::-1] if row[-1] else image
    expected = (seen - np.array([123.68, 116.779, 103.939])).transpose(2, 0, 1)
    np.testing.assert_allclose(pipeline.apply(image), expected, atol=1e-4)
    for level in (mxnet_level2, mxnet_level3):
        assert level((24, 20), 32).apply(image).shape == (3, 24, 20)
        assert level(32, None, std=(1, 1, 1))[-1].std == (1, 1, 1)  # type: ignore[attr-defined]


def test_evaluation_gives_torchvision_s_numbers() -> None:
    image = load_sample_images().images[0]
    transform = T.Compose([T.Resize(256), T.CenterCrop(224), T.ToTensor(), IMAGENET])
    expected = transform(Image.fromarray(image)).numpy()
    levels = (imagenet_eval().apply(image) - expected) * np.reshape(IMAGENET_STD, (3, 1, 1)) * 255
    assert np.abs(levels).max() < 1.001


def test_cifar_crops_are_shifts_of_the_image() -> None:
    image = np.random.default_rng(0).integers(1, 256, (32, 32, 3), np.uint8)
    plain = cifar_eval().apply(image)
    assert torch.from_numpy(plain).std().item() > 0
    batch = np.stack([cifar_train().apply(image, index) for index in range(40)])
    shifts = {tuple(row) for row in cifar_train().params(range(40), sizes=(32, 32)).values[:, :2].astype(int)}
    assert len(shifts) > 20
    assert {abs(value) for shift in shifts for value in shift} <= set(range(5))
    assert batch.shape == (40, 3, 32, 32)


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: imagenet_train(0), "RandomResizedCrop: size must be"),
        (lambda: imagenet_train(8, flip=2), "RandomHorizontalFlip: p must be a probability"),
        (lambda: imagenet_train(8, std=(1, 1, 0)), "Normalize: std must be"),
        (lambda: imagenet_eval(8, 0), "Resize: size must be"),
        (lambda: cifar_train(8, -1), "RandomCrop: padding must be"),
        (lambda: cifar_eval(0), "CenterCrop: size must be"),
        (lambda: mxnet_level1(0), "RandomCrop: size must be"),
        (lambda: mxnet_level2(resize=0), "Resize: size must be"),
        (lambda: mxnet_level3(std=(0, 1, 1)), "Normalize: std must be"),
        (lambda: simclr(0), "RandomResizedCrop: size must be"),
        (lambda: simclr(strength=-1), "simclr: strength must be a number from 0 to 2.5, got -1; theirs is 1.0 or 0.5"),
        (lambda: simclr(strength="a"), "simclr: strength must be a number from 0 to 2.5, got .a.;"),
        (lambda: simclr(strength=2.6), "simclr: strength must be a number from 0 to 2.5, got 2.6;"),
        (lambda: simclr(mean=IMAGENET_MEAN), "simclr: mean and std go together, got .*; give both, or None for both"),
        (lambda: dino(local_size=-4), "RandomResizedCrop: size must be"),
        (lambda: dino(local_crops=-1), "dino: local_crops must be an int from 0 to 65534, got -1; theirs is 8"),
        (lambda: dino(local_crops=True), "dino: local_crops must be an int from 0 to 65534, got True"),
        (lambda: dino(std=None), "dino: mean and std go together"),
        (lambda: dino(interpolation="sharp"), "RandomResizedCrop: interpolation must be"),
    ],
)
def test_bad_argument_is_refused_by_the_op_it_goes_to(declare: Any, message: str) -> None:
    with pytest.raises(SpecError, match=f"^{message}"):
        declare()


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_is_public_and_needs_no_argument(name: str) -> None:
    preset = getattr(augment, name)
    assert PRESETS[name] is preset
    assert name in augment.__all__
    assert isinstance(preset(), Pipeline | Views)
    assert "Raises:" in inspect.getdoc(preset)
