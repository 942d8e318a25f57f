"""Declared ops: what they take, what they store, and what they say about bad arguments."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.torchvision_shim import transforms_v2

from penstock.augment import (
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
from penstock.augment.ops import OPS, Op, op_from_dict
from penstock.augment.ops.arguments import INTERPOLATIONS
from penstock.errors import SpecError

SIZE = "a positive int or (height, width), each from 1 to 65535 pixels"
SIZE_FIX = "for example size=224 or size=(224, 320)"
SCALE = "(low, high) with 0 <= low <= high, high above 0 and at most 1"
RATIO = "(low, high) with 0 < low <= high"
PAIR_FIX = "give two numbers in rising order"
MARGINS = "an int, (left and right, top and bottom) or (left, top, right, bottom), each from 0 to 65535 pixels"
MARGINS_FIX = "for example padding=4; to cut pixels off, use CenterCrop"
COLOUR = "an int or (R, G, B), each from 0 to 255"
COLOUR_FIX = "for example fill=0 or fill=(124, 116, 104)"
MODE = "'constant', 'edge', 'reflect' or 'symmetric'"
FILTERS = "'bilinear', 'nearest', 'bicubic', 'box', 'hamming' or 'lanczos'"
CHANNELS = "3 finite numbers, one for each of R, G, B"
PROBABILITY = "a probability from 0 to 1"
FACTOR = "a number of at least 0, in the range of float32"
STRENGTH = "a number of at least 0, or (low, high) with 0 <= low <= high"
STRENGTH_FIX = "for example contrast=0.4 or contrast=(0.6, 1.4)"
HUE = "a number from 0 to 0.5, or (low, high) with -0.5 <= low <= high <= 0.5"
HUE_FIX = "for example hue=0.1 or hue=(-0.1, 0.1)"
KERNEL = "an odd int or (width, height), both odd, each from 1 to 65535 pixels"
KERNEL_FIX = "for example kernel_size=23 or kernel_size=(5, 9)"
ANGLES = "a number of at least 0, or (low, high) with low <= high, in degrees"
ANGLES_FIX = "for example degrees=15 or degrees=(-15, 30)"
POINT = "(x, y) in pixels from the top left corner, or None"
POINT_FIX = "leave center out for the middle of the image"
SIGMA = "a number above 0, or (low, high) with 0 < low <= high"
SIGMA_FIX = "for example sigma=1.5 or sigma=(0.1, 2.0)"
DTYPE = "'float32', 'float16' or 'uint8', or numpy's or torch's object for one of them"
DTYPE_FIX = "for example ToDtype('float32', scale=True)"

VALUES_FIX = "for example value=(0.5, 0.5, 0.5)"

BAD: list[tuple[Callable[[], Op], str]] = [
    (lambda: RandomResizedCrop(0), f"RandomResizedCrop: size must be {SIZE}, got 0; {SIZE_FIX}"),
    (lambda: RandomResizedCrop((224, 0)), f"RandomResizedCrop: size must be {SIZE}, got (224, 0); {SIZE_FIX}"),
    (lambda: RandomResizedCrop(224.0), f"RandomResizedCrop: size must be {SIZE}, got 224.0; {SIZE_FIX}"),
    (lambda: RandomResizedCrop("224"), f"RandomResizedCrop: size must be {SIZE}, got '224'; {SIZE_FIX}"),
    (lambda: RandomResizedCrop(True), f"RandomResizedCrop: size must be {SIZE}, got True; {SIZE_FIX}"),
    (
        lambda: RandomResizedCrop(8, scale=(1, 0.5)),
        f"RandomResizedCrop: scale must be {SCALE}, got (1, 0.5); {PAIR_FIX}",
    ),
    (lambda: RandomResizedCrop(8, scale=(0, 0)), f"RandomResizedCrop: scale must be {SCALE}, got (0, 0); {PAIR_FIX}"),
    (
        lambda: RandomResizedCrop(8, scale=(-0.1, 1)),
        f"RandomResizedCrop: scale must be {SCALE}, got (-0.1, 1); {PAIR_FIX}",
    ),
    (
        lambda: RandomResizedCrop(8, scale=(0.5, 2)),
        f"RandomResizedCrop: scale must be {SCALE}, got (0.5, 2); {PAIR_FIX}",
    ),
    (lambda: RandomResizedCrop(8, scale=0.5), f"RandomResizedCrop: scale must be {SCALE}, got 0.5; {PAIR_FIX}"),
    (lambda: RandomResizedCrop(8, scale=(1,)), f"RandomResizedCrop: scale must be {SCALE}, got (1,); {PAIR_FIX}"),
    (lambda: RandomResizedCrop(8, ratio=(0, 1)), f"RandomResizedCrop: ratio must be {RATIO}, got (0, 1); {PAIR_FIX}"),
    (lambda: RandomResizedCrop(8, ratio=(2, 1)), f"RandomResizedCrop: ratio must be {RATIO}, got (2, 1); {PAIR_FIX}"),
    (
        lambda: RandomResizedCrop(8, ratio=(1, float("inf"))),
        f"RandomResizedCrop: ratio must be {RATIO}, got (1, inf); {PAIR_FIX}",
    ),
    (
        lambda: RandomResizedCrop(8, interpolation=np.array([2, 3])),
        f"RandomResizedCrop: interpolation must be {FILTERS}, got array([2, 3]); for example interpolation='bilinear'",
    ),
    (
        lambda: RandomResizedCrop(8, interpolation="sharp"),
        f"RandomResizedCrop: interpolation must be {FILTERS}, got 'sharp'; for example interpolation='bilinear'",
    ),
    (
        lambda: RandomResizedCrop(8, antialias=False),
        "RandomResizedCrop: antialias must be True, got False; "
        "leave the argument out, results are those of Pillow, which does so",
    ),
    (lambda: Resize(-3), f"Resize: size must be {SIZE}, got -3; {SIZE_FIX}"),
    (lambda: Resize((1, 2, 3)), f"Resize: size must be {SIZE}, got (1, 2, 3); {SIZE_FIX}"),
    (lambda: Resize(70_000), f"Resize: size must be {SIZE}, got 70000; {SIZE_FIX}"),
    (
        lambda: Resize((60_000, 60_000)),
        "Resize: size must be at most 178,956,970 pixels in all, got (60000, 60000); these are 3,600,000,000, "
        "10.8 GB as uint8: give a smaller size, for example size=224",
    ),
    (
        lambda: CenterCrop(13_378),
        "CenterCrop: size must be at most 178,956,970 pixels in all, got 13378; these are 178,970,884, "
        "0.5 GB as uint8: give a smaller size, for example size=224",
    ),
    (lambda: Resize(None), f"Resize: size must be {SIZE}, got None; {SIZE_FIX}"),
    (
        lambda: Resize(8, 6),
        f"Resize: interpolation must be {FILTERS}, got 6; for example interpolation='bilinear'",
    ),
    (
        lambda: Resize(8, max_size=8),
        "Resize: max_size must be greater than size, 8, got 8; give max_size=9 or more",
    ),
    (
        lambda: Resize(8, max_size=0),
        "Resize: max_size must be an int from 1 to 65535 (pixels), got 0; for example max_size=224",
    ),
    (
        lambda: Resize((8, 9), max_size=10),
        "Resize: max_size must be None where size is (height, width), got 10; "
        "leave max_size out, or give size as an int",
    ),
    (
        lambda: Resize(8, antialias=None),
        "Resize: antialias must be True, got None; leave the argument out, results are those of Pillow, which does so",
    ),
    (lambda: CenterCrop([]), f"CenterCrop: size must be {SIZE}, got []; {SIZE_FIX}"),
    (lambda: FiveCrop(0.5), f"FiveCrop: size must be {SIZE}, got 0.5; {SIZE_FIX}"),
    (lambda: TenCrop([]), f"TenCrop: size must be {SIZE}, got []; {SIZE_FIX}"),
    (
        lambda: RandomHorizontalFlip(1.5),
        "RandomHorizontalFlip: p must be a probability from 0 to 1, got 1.5; for example p=0.5",
    ),
    (
        lambda: RandomHorizontalFlip(float("nan")),
        "RandomHorizontalFlip: p must be a probability from 0 to 1, got nan; for example p=0.5",
    ),
    (
        lambda: RandomInvert("half"),
        "RandomInvert: p must be a probability from 0 to 1, got 'half'; for example p=0.5",
    ),
    (
        lambda: RandomVerticalFlip(-0.1),
        "RandomVerticalFlip: p must be a probability from 0 to 1, got -0.1; for example p=0.5",
    ),
    (lambda: Pad(-1), f"Pad: padding must be {MARGINS}, got -1; {MARGINS_FIX}"),
    (lambda: Pad((1, 2, 3)), f"Pad: padding must be {MARGINS}, got (1, 2, 3); {MARGINS_FIX}"),
    (lambda: Pad(0.5), f"Pad: padding must be {MARGINS}, got 0.5; {MARGINS_FIX}"),
    (lambda: Pad(None), f"Pad: padding must be {MARGINS}, got None; {MARGINS_FIX}"),
    (lambda: Pad(1, fill=256), f"Pad: fill must be {COLOUR}, got 256; {COLOUR_FIX}"),
    (lambda: Pad(1, fill=0.5), f"Pad: fill must be {COLOUR}, got 0.5; {COLOUR_FIX}"),
    (lambda: Pad(1, fill=float("nan")), f"Pad: fill must be {COLOUR}, got nan; {COLOUR_FIX}"),
    (lambda: Pad(1, fill=(1, 2)), f"Pad: fill must be {COLOUR}, got (1, 2); {COLOUR_FIX}"),
    (lambda: Pad(1, fill="red"), f"Pad: fill must be {COLOUR}, got 'red'; {COLOUR_FIX}"),
    (
        lambda: Pad(1, padding_mode="wrap"),
        f"Pad: padding_mode must be {MODE}, got 'wrap'; for example padding_mode='constant'",
    ),
    (lambda: RandomCrop(0), f"RandomCrop: size must be {SIZE}, got 0; {SIZE_FIX}"),
    (lambda: RandomCrop(8, padding=[-1, 2]), f"RandomCrop: padding must be {MARGINS}, got [-1, 2]; {MARGINS_FIX}"),
    (
        lambda: RandomCrop(8, pad_if_needed=1),
        "RandomCrop: pad_if_needed must be True or False, got 1; write pad_if_needed=True or pad_if_needed=False",
    ),
    (lambda: RandomCrop(8, fill=-1), f"RandomCrop: fill must be {COLOUR}, got -1; {COLOUR_FIX}"),
    (
        lambda: RandomCrop(8, padding_mode=None),
        f"RandomCrop: padding_mode must be {MODE}, got None; for example padding_mode='constant'",
    ),
    (
        lambda: RandomSolarize("128"),
        "RandomSolarize: threshold must be a finite number, got '128'; for example threshold=128",
    ),
    (
        lambda: RandomSolarize(float("inf")),
        "RandomSolarize: threshold must be a finite number, got inf; for example threshold=128",
    ),
    (lambda: RandomSolarize(128, 2), f"RandomSolarize: p must be {PROBABILITY}, got 2; for example p=0.5"),
    (lambda: RandomPosterize(0), "RandomPosterize: bits must be an int from 1 to 8, got 0; for example bits=4"),
    (lambda: RandomPosterize(4.0), "RandomPosterize: bits must be an int from 1 to 8, got 4.0; for example bits=4"),
    (lambda: RandomAutocontrast(-1), f"RandomAutocontrast: p must be {PROBABILITY}, got -1; for example p=0.5"),
    (lambda: RandomEqualize(None), f"RandomEqualize: p must be {PROBABILITY}, got None; for example p=0.5"),
    (lambda: RandomGrayscale(True), f"RandomGrayscale: p must be {PROBABILITY}, got True; for example p=0.5"),
    (
        lambda: Grayscale(1),
        "Grayscale: num_output_channels must be 3, got 1; results always have three channels, which are then equal",
    ),
    (
        lambda: RandomAdjustSharpness(-0.5),
        f"RandomAdjustSharpness: sharpness_factor must be {FACTOR}, got -0.5; "
        "for example sharpness_factor=1.5; 1 changes nothing",
    ),
    (lambda: ColorJitter(contrast=-0.5), f"ColorJitter: contrast must be {STRENGTH}, got -0.5; {STRENGTH_FIX}"),
    (lambda: ColorJitter(contrast=(2, 1)), f"ColorJitter: contrast must be {STRENGTH}, got (2, 1); {STRENGTH_FIX}"),
    (lambda: ColorJitter(contrast="1"), f"ColorJitter: contrast must be {STRENGTH}, got '1'; {STRENGTH_FIX}"),
    (lambda: ColorJitter(contrast=True), f"ColorJitter: contrast must be {STRENGTH}, got True; {STRENGTH_FIX}"),
    (lambda: ColorJitter(hue=0.6), f"ColorJitter: hue must be {HUE}, got 0.6; {HUE_FIX}"),
    (lambda: ColorJitter(hue=(-0.6, 0)), f"ColorJitter: hue must be {HUE}, got (-0.6, 0); {HUE_FIX}"),
    (lambda: GaussianBlur(4), f"GaussianBlur: kernel_size must be {KERNEL}, got 4; {KERNEL_FIX}"),
    (lambda: GaussianBlur((3, 5, 7)), f"GaussianBlur: kernel_size must be {KERNEL}, got (3, 5, 7); {KERNEL_FIX}"),
    (lambda: GaussianBlur(3, 0), f"GaussianBlur: sigma must be {SIGMA}, got 0; {SIGMA_FIX}"),
    (lambda: GaussianBlur(3, (2, 1)), f"GaussianBlur: sigma must be {SIGMA}, got (2, 1); {SIGMA_FIX}"),
    (lambda: RandomRotation(-1), f"RandomRotation: degrees must be {ANGLES}, got -1; {ANGLES_FIX}"),
    (lambda: RandomRotation((5, 1)), f"RandomRotation: degrees must be {ANGLES}, got (5, 1); {ANGLES_FIX}"),
    (lambda: RandomRotation((0, 1, 2)), f"RandomRotation: degrees must be {ANGLES}, got (0, 1, 2); {ANGLES_FIX}"),
    (lambda: RandomRotation(float("nan")), f"RandomRotation: degrees must be {ANGLES}, got nan; {ANGLES_FIX}"),
    (
        lambda: RandomRotation(5, np.array([2, 3])),
        "RandomRotation: interpolation must be 'nearest', 'bilinear' or 'bicubic', got array([2, 3]); "
        "for example interpolation='bilinear'; Pillow warps with no other filter",
    ),
    (
        lambda: RandomRotation(5, "lanczos"),
        "RandomRotation: interpolation must be 'nearest', 'bilinear' or 'bicubic', got 'lanczos'; "
        "for example interpolation='bilinear'; Pillow warps with no other filter",
    ),
    (
        lambda: RandomRotation(5, expand=True),
        "RandomRotation: expand must be False, got True; "
        "the size would depend on the angle; put a Pad before it to keep the corners, and leave it out",
    ),
    (lambda: RandomRotation(5, center=3), f"RandomRotation: center must be {POINT}, got 3; {POINT_FIX}"),
    (lambda: RandomRotation(5, fill=256), f"RandomRotation: fill must be {COLOUR}, got 256; {COLOUR_FIX}"),
    (
        lambda: RandomAffine(5, (0.1, 2)),
        "RandomAffine: translate must be (a, b), each from 0 to 1: shares of the width and the height, got (0.1, 2); "
        "for example translate=(0.1, 0.1)",
    ),
    (lambda: RandomAffine(5, scale=(0, 1)), f"RandomAffine: scale must be {RATIO}, got (0, 1); {PAIR_FIX}"),
    (
        lambda: RandomAffine(5, shear=(1, 2, 3)),
        "RandomAffine: shear must be a number of at least 0, (low, high) or (low, high, low, high), rising, in "
        "degrees, got (1, 2, 3); for example shear=10 or shear=(-10, 10, 0, 5)",
    ),
    (lambda: RandomAffine(5, center=(1, "2")), f"RandomAffine: center must be {POINT}, got (1, '2'); {POINT_FIX}"),
    (lambda: RandomAffine(5, aspect=(2, 1)), f"RandomAffine: aspect must be {RATIO}, got (2, 1); {PAIR_FIX}"),
    (
        lambda: RandomPerspective(1.5),
        "RandomPerspective: distortion_scale must be a number from 0 to 1, got 1.5; for example distortion_scale=0.5",
    ),
    (lambda: RandomPerspective(p=2), f"RandomPerspective: p must be {PROBABILITY}, got 2; for example p=0.5"),
    (lambda: RandomErasing(2), f"RandomErasing: p must be {PROBABILITY}, got 2; for example p=0.5"),
    (lambda: RandomErasing(scale=(0.5, 2)), f"RandomErasing: scale must be {SCALE}, got (0.5, 2); {PAIR_FIX}"),
    (lambda: RandomErasing(ratio=(0, 1)), f"RandomErasing: ratio must be {RATIO}, got (0, 1); {PAIR_FIX}"),
    (
        lambda: RandomErasing(value="noise"),
        "RandomErasing: value must be a number, 3 numbers or 'random', got 'noise'; for example value=0",
    ),
    (lambda: RandomErasing(value=(1, 2)), f"RandomErasing: value must be {CHANNELS}, got (1, 2); {VALUES_FIX}"),
    (
        lambda: Cutout(0),
        "Cutout: length must be an int from 1 to 65535 (pixels), got 0; for example length=224",
    ),
    (lambda: Cutout(8, 65), "Cutout: n_holes must be an int from 1 to 64, got 65; for example n_holes=10"),
    (lambda: Cutout(8, value="random"), f"Cutout: value must be {CHANNELS}, got 'random'; {VALUES_FIX}"),
    (
        lambda: MixUp(0),
        "MixUp: num_classes must be an int from 1 to 2147483647, got 0; for example num_classes=10",
    ),
    (lambda: MixUp(9, -1), "MixUp: alpha must be a number above 0, up to 1e+06, got -1; for example alpha=1.0"),
    (lambda: CutMix(9, p=3), f"CutMix: p must be {PROBABILITY}, got 3; for example p=0.5"),
    (
        lambda: RandAugment(-1),
        "RandAugment: num_ops must be an int from 0 to 64, got -1; for example num_ops=2",
    ),
    (
        lambda: RandAugment(magnitude=31),
        "RandAugment: magnitude must be an int from 0 to 30, got 31; for example magnitude=2",
    ),
    (
        lambda: RandAugment(num_magnitude_bins=2),
        "RandAugment: num_magnitude_bins must be more than magnitude, which is 9 if left out, got 2; give magnitude "
        "too, from 0 to 1",
    ),
    (
        lambda: RandAugment(magnitude=2, num_magnitude_bins=2),
        "RandAugment: magnitude must be an int from 0 to 1, got 2; for example magnitude=1",
    ),
    (
        lambda: RandAugment(num_magnitude_bins=1),
        "RandAugment: num_magnitude_bins must be an int from 2 to 65536, got 1; for example num_magnitude_bins=2",
    ),
    (lambda: RandAugment(fill=300), f"RandAugment: fill must be {COLOUR}, got 300; {COLOUR_FIX}"),
    (
        lambda: TrivialAugmentWide(31.0),
        "TrivialAugmentWide: num_magnitude_bins must be an int from 2 to 65536, got 31.0; "
        "for example num_magnitude_bins=2",
    ),
    (
        lambda: TrivialAugmentWide(interpolation="lanczos"),
        "TrivialAugmentWide: interpolation must be 'nearest', 'bilinear' or 'bicubic', got 'lanczos'; "
        "for example interpolation='bilinear'; Pillow warps with no other filter",
    ),
    (
        lambda: AutoAugment("cifar100"),
        "AutoAugment: policy must be 'imagenet', 'cifar10' or 'svhn', got 'cifar100'; for example policy='imagenet'",
    ),
    (lambda: ToDtype("int8"), f"ToDtype: dtype must be {DTYPE}, got 'int8'; {DTYPE_FIX}"),
    (lambda: ToDtype(torch.bfloat16), f"ToDtype: dtype must be {DTYPE}, got torch.bfloat16; {DTYPE_FIX}"),
    (lambda: ToDtype(float), f"ToDtype: dtype must be {DTYPE}, got <class 'float'>; {DTYPE_FIX}"),
    (lambda: ToDtype({}), f"ToDtype: dtype must be {DTYPE}, got {{}}; {DTYPE_FIX}"),
    (
        lambda: ToDtype("float32", scale=1),
        "ToDtype: scale must be True or False, got 1; write scale=True or scale=False",
    ),
    (
        lambda: Normalize((0.5, 0.5), (1, 1, 1)),
        f"Normalize: mean must be {CHANNELS}, got (0.5, 0.5); for example mean=(0.5, 0.5, 0.5)",
    ),
    (lambda: Normalize(0.5, 1), f"Normalize: mean must be {CHANNELS}, got 0.5; for example mean=(0.5, 0.5, 0.5)"),
    (
        lambda: Normalize((0, 0, 0), (1, 1, float("nan"))),
        f"Normalize: std must be {CHANNELS}, got (1, 1, nan); for example std=(0.5, 0.5, 0.5)",
    ),
    (
        lambda: Normalize((1e39, 0, 0), (1, 1, 1)),
        "Normalize: mean must be 3 numbers in the range of float32, got (1e+39, 0, 0); give smaller numbers",
    ),
    (
        lambda: Normalize((0, 0, 0), (1, 0, 1)),
        "Normalize: std must be 3 numbers greater than 0, got (1.0, 0.0, 1.0); "
        "give the standard deviation of each channel, or 1 to leave it as it is",
    ),
    (
        lambda: Normalize((0, 0, 0), (1, 1e-60, 1)),
        "Normalize: std must be 3 numbers greater than 0, got (1.0, 1e-60, 1.0); "
        "give the standard deviation of each channel, or 1 to leave it as it is",
    ),
]

OPS_FIX = "for example [ColorJitter(0.4), RandomGrayscale(0.2)]"
CHOICES = "a list of at least one choice, each an op or a list of ops"
INVERT, FLIP = RandomInvert(), RandomHorizontalFlip()

LIGHT_FIX = "leave the argument out for those of ImageNet"

BAD += [
    (lambda: RandomHSL(181), "RandomHSL: random_h must be an int from 0 to 180, got 181; for example random_h=36"),
    (lambda: RandomHSL(0, -1), "RandomHSL: random_s must be an int from 0 to 255, got -1; for example random_s=51"),
    (
        lambda: RandomHSL(0, 0, 0.5),
        "RandomHSL: random_l must be an int from 0 to 255, got 0.5; for example random_l=51",
    ),
    (
        lambda: PCALighting(-0.1),
        "PCALighting: alpha_std must be a number of at least 0, in the range of float32, got -0.1; "
        "for example alpha_std=0.1",
    ),
    (lambda: PCALighting(0.1, (1, 2)), f"PCALighting: eigval must be 3 finite numbers, got (1, 2); {LIGHT_FIX}"),
    (
        lambda: PCALighting(0.1, (1, 2, float("inf"))),
        f"PCALighting: eigval must be 3 finite numbers, got (1, 2, inf); {LIGHT_FIX}",
    ),
    (lambda: PCALighting(eigvec="a"), f"PCALighting: eigvec must be 3 x 3 finite numbers, got 'a'; {LIGHT_FIX}"),
    (
        lambda: PCALighting(eigvec=[[1, 2], [3]]),
        f"PCALighting: eigvec must be 3 x 3 finite numbers, got [[1, 2], [3]]; {LIGHT_FIX}",
    ),
    (lambda: Apply([INVERT], 2), f"Apply: p must be {PROBABILITY}, got 2; for example p=0.5"),
    (lambda: Apply(INVERT), f"Apply: ops must be a list of ops, got RandomInvert(p=0.5); {OPS_FIX}"),
    (lambda: Apply([]), f"Apply: ops must be a list of at least one op, got (); {OPS_FIX}"),
    (lambda: Apply([INVERT, 3]), f"Apply: ops must be ops of penstock.augment, got 3; {OPS_FIX}"),
    (lambda: Apply([RandomInvert]), "Apply: ops holds the class RandomInvert; call it: RandomInvert(...)"),
    (
        lambda: Apply([INVERT, ToDtype("float32")]),
        "Apply: ops must be ops on uint8 images, got ToDtype(dtype='float32', scale=False); "
        "put ToDtype behind the Apply",
    ),
    (lambda: Choice(INVERT), f"Choice: choices must be {CHOICES}, got RandomInvert(p=0.5); {OPS_FIX}"),
    (lambda: Choice([]), f"Choice: choices must be {CHOICES}, got []; {OPS_FIX}"),
    (lambda: Choice([INVERT, None]), f"Choice: choices must be ops of penstock.augment, got None; {OPS_FIX}"),
    (
        lambda: Choice([INVERT, [Normalize((0, 0, 0), (1, 1, 1))]]),
        "Choice: choices must be ops on uint8 images, got Normalize(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)); "
        "put Normalize behind the Choice",
    ),
    *(
        (
            lambda p=p: Choice([INVERT, FLIP], p),
            f"Choice: p must be None, or 2 numbers of at least 0, not all 0, got {p!r}; "
            "give one weight for each choice",
        )
        for p in (0.5, [1], [1, -1], [0, 0], [1, float("nan")], [1e308, 1e308], ["a", 1])
    ),
]

HUGE = 10**400
DIGITS = str(HUGE)[:400]
WARPED: list[tuple[Callable[[], Op], str]] = [
    (
        lambda: RandomRotation(1e300),
        "RandomRotation: degrees must be from -1e+06 to 1e+06 degrees, got 1e+300; "
        "leave whole turns out, for example degrees=180 for any direction",
    ),
    (
        lambda: RandomAffine((0, 2e6)),
        "RandomAffine: degrees must be from -1e+06 to 1e+06 degrees, got (0, 2000000.0); "
        "leave whole turns out, for example degrees=180 for any direction",
    ),
    (
        lambda: RandomAffine(5, shear=(0, 1, -1e7, 0)),
        "RandomAffine: shear must be from -1e+06 to 1e+06 degrees, got (0, 1, -10000000.0, 0); "
        "leave whole turns out, for example shear=180 for any direction",
    ),
    (
        lambda: RandomAffine(5, scale=(1e-300, 1)),
        "RandomAffine: scale must be two numbers from 1e-09 to 1e+09, got (1e-300, 1); "
        "for example (0.5, 2.0); 1 changes nothing",
    ),
    (
        lambda: RandomAffine(5, aspect=(1, 1e300)),
        "RandomAffine: aspect must be two numbers from 1e-09 to 1e+09, got (1, 1e+300); "
        "for example (0.5, 2.0); 1 changes nothing",
    ),
    (
        lambda: RandomRotation(5, center=(0, 1e300)),
        f"RandomRotation: center must be at most 1e+09 pixels away, got (0, 1e+300); {POINT_FIX}",
    ),
]
NUMBERS: list[tuple[Callable[[], Op], str]] = [
    (lambda: Resize(HUGE), f"Resize: size must be {SIZE}, got {DIGITS}...; {SIZE_FIX}"),
    (lambda: Resize(10**5000), f"Resize: size must be {SIZE}, got <int that is too long to be written>; {SIZE_FIX}"),
    (lambda: Resize(np.array(3)), f"Resize: size must be {SIZE}, got array(3); {SIZE_FIX}"),
    (lambda: Resize((True, 3)), f"Resize: size must be {SIZE}, got (True, 3); {SIZE_FIX}"),
    (lambda: RandomRotation(HUGE), f"RandomRotation: degrees must be {ANGLES}, got {DIGITS}...; {ANGLES_FIX}"),
    (
        lambda: RandomSolarize(HUGE),
        f"RandomSolarize: threshold must be a finite number, got {DIGITS}...; for example threshold=128",
    ),
    (
        lambda: RandomSolarize(1e300),
        "RandomSolarize: threshold must be a number in the range of float32, got 1e+300; for example threshold=128",
    ),
    (lambda: ColorJitter(contrast=HUGE), f"ColorJitter: contrast must be {STRENGTH}, got {DIGITS}...; {STRENGTH_FIX}"),
    (lambda: GaussianBlur(3, HUGE), f"GaussianBlur: sigma must be {SIGMA}, got {DIGITS}...; {SIGMA_FIX}"),
    (lambda: GaussianBlur(3, 1e-300), f"GaussianBlur: sigma must be at least 1e-09, got 1e-300; {SIGMA_FIX}"),
    (
        lambda: RandomInvert(np.complex64(0.5)),
        f"RandomInvert: p must be {PROBABILITY}, got {np.complex64(0.5)!r}; for example p=0.5",
    ),
    (
        lambda: Grayscale(np.array([3, 3])),
        "Grayscale: num_output_channels must be 3, got array([3, 3]); "
        "results always have three channels, which are then equal",
    ),
    (
        lambda: PCALighting(eigval=("1", "2", "3")),
        f"PCALighting: eigval must be 3 finite numbers, got ('1', '2', '3'); {LIGHT_FIX}",
    ),
    (
        lambda: PCALighting(eigval=(True, 1, 1)),
        f"PCALighting: eigval must be 3 finite numbers, got (True, 1, 1); {LIGHT_FIX}",
    ),
    (
        lambda: RandomErasing(value=1e300),
        "RandomErasing: value must be 3 numbers in the range of float32, got 1e+300; give smaller numbers",
    ),
    (lambda: Apply(np.array(3)), f"Apply: ops must be a list of ops, got array(3); {OPS_FIX}"),
    (lambda: Apply("ab"), f"Apply: ops must be a list of ops, got 'ab'; {OPS_FIX}"),
    (lambda: Choice(np.array(3)), f"Choice: choices must be {CHOICES}, got array(3); {OPS_FIX}"),
    (lambda: Choice({"a": 1}), f"Choice: choices must be {CHOICES}, got {{'a': 1}}; {OPS_FIX}"),
    *(
        (
            lambda address=address: Lambda(address),
            f"Lambda: function {address!r} can't be imported (a module and a name in it are needed); "
            "write it as 'module:name'",
        )
        for address in ("numpy", "..:name", ":name", "numpy:", "")
    ),
]
BAD += WARPED + NUMBERS

FUNCTION = 'a function of an image, or where to import it from, as "module:name"'
FUNCTION_FIX = "for example Lambda(np.ascontiguousarray)"
BAD += [
    (lambda: Lambda(3), f"Lambda: function must be {FUNCTION}, got 3; {FUNCTION_FIX}"),
    (lambda: Lambda(dict), f"Lambda: function must be {FUNCTION}, got <class 'dict'>; {FUNCTION_FIX}"),
]

GOOD: list[Op] = [
    Lambda(np.ascontiguousarray),
    Lambda("numpy:ascontiguousarray"),
    RandomHSL(36, 50, 50),
    PCALighting(),
    PCALighting(0.2, (1, 2, 3), ((1, 2, 3), (4, 5, 6), (7, 8, 9))),
    Apply([INVERT, FLIP], 0.25),
    Choice([INVERT, [FLIP, RandomGrayscale()], []]),
    Choice([Apply([Choice([INVERT])]), FLIP], (0.25, 3)),
    RandomResizedCrop(224),
    RandomResizedCrop((3, 5), (0, 0.5), (1, 1)),
    Resize(256),
    Resize((7, 9)),
    Resize(7, max_size=12),
    CenterCrop(224),
    FiveCrop((224, 192)),
    TenCrop(7, vertical_flip=True),
    Pad(3),
    Pad((1, 2, 3, 4), (5, 6, 7), "symmetric"),
    RandomCrop((32, 48)),
    RandomCrop(32, 4, True, 128, "reflect"),
    RandomHorizontalFlip(),
    RandomInvert(),
    RandomSolarize(128.5),
    RandomPosterize(4, 0.25),
    RandomAutocontrast(),
    RandomEqualize(),
    Grayscale(),
    RandomGrayscale(),
    RandomAdjustSharpness(2),
    ColorJitter(0.4, (0.5, 1.5), None, 0.1),
    GaussianBlur((3, 5)),
    RandomRotation(15, "bilinear", center=(3, 4)),
    RandomAffine(0),
    RandomAffine((1, 2), (0.1, 0), (1, 2), 3, "bicubic", 4, (5, 6), (0.5, 2)),
    RandomPerspective(0.25, fill=(1, 2, 3)),
    RandomVerticalFlip(),
    RandomErasing(),
    RandomErasing(0.25, (0.1, 0.2), (0.5, 2), "random"),
    Cutout(16, 3, (1, 2, 3)),
    MixUp(1000, 0.2),
    CutMix(10, p=0.5),
    RandAugment(),
    RandAugment(3, 5, 11, "bicubic", (1, 2, 3)),
    TrivialAugmentWide(),
    AutoAugment("svhn", fill=7),
    ToDtype("float16"),
    ToDtype("float32", scale=True),
    Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
]


@pytest.mark.parametrize(("declare", "message"), BAD)
def test_bad_argument_is_refused_by_name_value_and_fix(declare: Callable[[], Op], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        declare()
    assert str(caught.value) == message


def test_every_op_has_a_good_and_a_bad_example() -> None:
    assert {type(op).__name__ for op in GOOD} == set(OPS)
    assert {message.split(":")[0] for _, message in BAD} == set(OPS)


@pytest.mark.parametrize("op", GOOD, ids=repr)
class TestEveryOp:
    def test_survives_dict_and_json(self, op: Op) -> None:
        assert op_from_dict(op.to_dict()) == op
        assert op_from_dict(json.loads(json.dumps(op.to_dict()))) == op

    def test_repr_declares_it_again(self, op: Op) -> None:
        assert eval(repr(op), dict(OPS)) == op

    def test_pickles_and_copies(self, op: Op) -> None:
        assert pickle.loads(pickle.dumps(op)) == op == copy.deepcopy(op)
        assert hash(pickle.loads(pickle.dumps(op))) == hash(op)

    def test_is_frozen_and_slotted(self, op: Op) -> None:
        field = dataclasses.fields(op)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(op, field, 1)
        assert not hasattr(op, "__dict__")

    def test_lowers_to_floats(self, op: Op) -> None:
        name, arguments = op.lower()
        assert name == name.lower()
        assert all(type(value) is float for value in arguments)


@pytest.mark.parametrize(
    ("op", "lowered"),
    [
        (RandomResizedCrop((3, 5), (0.1, 0.5), (1, 2)), ("random_resized_crop", (3, 5, 0.1, 0.5, 1, 2, 0))),
        (RandomResizedCrop(3, interpolation="box"), ("random_resized_crop", (3, 3, 0.08, 1, 3 / 4, 4 / 3, 3))),
        (Resize((3, 5)), ("resize", (3, 5, 0))),
        (Resize((3, 5), "nearest"), ("resize", (3, 5, 1))),
        (Resize(7), ("resize_short", (7, 0, 0))),
        (Resize(7, "bicubic", max_size=12), ("resize_short", (7, 12, 2))),
        (CenterCrop((3, 5)), ("center_crop", (3, 5))),
        (FiveCrop((3, 5)), ("five_crop", (3, 5, 0))),
        (TenCrop((3, 5), vertical_flip=True), ("ten_crop", (3, 5, 1))),
        (RandomSolarize(128, 0.25), ("random_solarize", (128, 0.25))),
        (RandomPosterize(4, 0.25), ("random_posterize", (4, 0.25))),
        (RandomAutocontrast(0.25), ("random_autocontrast", (0.25,))),
        (RandomEqualize(0.25), ("random_equalize", (0.25,))),
        (RandomGrayscale(0.25), ("random_grayscale", (0.25,))),
        (Grayscale(), ("grayscale", ())),
        (RandomAdjustSharpness(2, 0.25), ("random_adjust_sharpness", (2, 0.25))),
        (ColorJitter(0.25, (0.5, 3), None, 0.125), ("color_jitter", (0.75, 1.25, 0.5, 3, 1, 1, -0.125, 0.125))),
        (GaussianBlur((3, 5), 2), ("gaussian_blur", (3, 5, 2, 2))),
        (RandomInvert(0.25), ("random_invert", (0.25,))),
        (
            RandomRotation((5, 6), "bilinear", center=(7, 8), fill=(1, 2, 3)),
            ("random_rotation", (5, 6, 2, 1, 2, 3, 1, 7, 8)),
        ),
        (
            RandomAffine(5, (0.25, 0.5), (1, 2), (3, 4), "bicubic", 9, None, (0.5, 3)),
            ("random_affine", (-5, 5, 0.25, 0.5, 1, 2, 3, 4, 0, 0, 0.5, 3, 3, 9, 9, 9, 0, 0, 0)),
        ),
        (RandomAffine(0), ("random_affine", (0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0))),
        (RandomPerspective(0.25, 0.75, "nearest", 9), ("random_perspective", (0.25, 0.75, 0, 9, 9, 9))),
        (RandomHSL(3, 4, 5), ("random_hsl", (3, 4, 5))),
        (
            PCALighting(0.5, (1, 2, 3), ((4, 5, 6), (7, 8, 9), (10, 11, 12))),
            ("pca_lighting", (0.5, *range(1, 13))),
        ),
        (Apply([INVERT, Apply([FLIP])], 0.25), ("apply", (0.25, 3))),
        (Choice([INVERT, [FLIP, FLIP]]), ("choice", (2,))),
        (RandomHorizontalFlip(0.25), ("random_horizontal_flip", (0.25,))),
        (RandomVerticalFlip(0.25), ("random_vertical_flip", (0.25,))),
        (Pad((1, 2, 3, 4), (5, 6, 7), "edge"), ("pad", (1, 2, 3, 4, 1, 5, 6, 7))),
        (RandomCrop((3, 5)), ("random_crop", (3, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0))),
        (
            RandomCrop((3, 5), (1, 2), True, 9, "symmetric"),
            ("random_crop", (3, 5, 1, 2, 1, 2, 3, 9, 9, 9, 1)),
        ),
        (
            RandomErasing(0.5, (0.25, 0.5), (0.5, 2), (1, 2, 3)),
            ("random_erasing", (0.5, 0.25, 0.5, 0.5, 2, 0, 1, 2, 3)),
        ),
        (
            RandomErasing(1, (0.25, 0.5), (0.5, 2), "random"),
            ("random_erasing", (1, 0.25, 0.5, 0.5, 2, 1, 0, 0, 0)),
        ),
        (Cutout(16, 3, 7), ("cutout", (16, 3, 7, 7, 7))),
        (MixUp(10, 0.5, 0.25), ("mix_up", (0.5, 0.25))),
        (CutMix(10, 0.5, 0.25), ("cut_mix", (0.5, 0.25))),
        (RandAugment(3, 5, 11, "bicubic", (1, 2, 3)), ("rand_augment", (3, 5, 11, 3, 1, 2, 3))),
        (TrivialAugmentWide(9, "bilinear"), ("trivial_augment_wide", (9, 2, 0, 0, 0))),
        (AutoAugment("cifar10", fill=7), ("auto_augment", (1, 0, 7, 7, 7))),
        (ToDtype("uint8"), ("to_dtype", (0, 0))),
        (ToDtype("float32", scale=True), ("to_dtype", (1, 1))),
        (ToDtype("float16"), ("to_dtype", (2, 0))),
        (Normalize((1, 2, 3), (4, 5, 6)), ("normalize", (1, 2, 3, 4, 5, 6))),
    ],
    ids=repr,
)
def test_core_gets_name_and_arguments_in_its_order(op: Op, lowered: tuple[str, tuple[float, ...]]) -> None:
    assert op.lower() == lowered


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (RandomResizedCrop(224), RandomResizedCrop([224, 224], [0.08, 1])),
        (RandomResizedCrop(np.int64(8)), RandomResizedCrop((8,))),
        (RandomResizedCrop(8, interpolation=Image.Resampling.BILINEAR), RandomResizedCrop(8)),
        (Resize([256]), Resize(256)),
        (Resize(np.array([3, 5])), Resize((3, 5))),
        (Normalize(np.float32([0.5]), [1]), Normalize((0.5, 0.5, 0.5), (1, 1, 1))),
        (Normalize(torch.tensor([0.5, 0.25, 0]), (1, 1, 1)), Normalize((0.5, 0.25, 0), (1, 1, 1))),
        (RandomHorizontalFlip(1), RandomHorizontalFlip(1.0)),
        (ColorJitter(0.25, 3, 0, 0.1), ColorJitter((0.75, 1.25), [0, 4], None, np.array([-0.1, 0.1]))),
        (GaussianBlur(3, 2), GaussianBlur([3, 3], (2.0, 2.0))),
        (Pad(3), Pad([3])),
        (Pad((3, 4)), Pad([3, 4, 3, 4], 0.0)),
        (Pad(3, 7), Pad(3, np.uint8([7, 7, 7]))),
        (RandomCrop(8, 0), RandomCrop((8, 8), None)),
        (RandomRotation(30), RandomRotation([-30, 30.0], Image.Resampling.NEAREST, center=None, fill=(0, 0, 0))),
        (
            RandomAffine(0, shear=10, interpolation=transforms_v2().InterpolationMode.BICUBIC),
            RandomAffine((0, 0), None, None, np.array([-10, 10, 0, 0]), "bicubic"),
        ),
        (RandomHSL(np.int64(3)), RandomHSL(3)),
        (PCALighting(1, np.arange(3), torch.eye(3)), PCALighting(1.0, [0.0, 1, 2], [[1, 0, 0], [0, 1, 0], [0, 0, 1]])),
        (RandAugment(), RandAugment(np.int64(2), fill=(0, 0, 0))),
        (TrivialAugmentWide(interpolation=Image.Resampling.BICUBIC), TrivialAugmentWide(interpolation="bicubic")),
        (AutoAugment(transforms_v2().AutoAugmentPolicy.SVHN), AutoAugment("svhn", fill=[0])),
        (Apply([INVERT]), Apply(op for op in (INVERT,))),
        (Choice([INVERT, FLIP], np.array([1, 2])), Choice(([INVERT], (FLIP,)), (1.0, 2.0))),
        (RandomErasing(1, value=3), RandomErasing(1.0, [0.02, 0.33], value=np.float32([3, 3, 3]))),
        (Cutout(np.int64(8), value=0), Cutout(8, 1, [0.0])),
        (MixUp(10, 1), MixUp(np.int32(10))),
        (Resize(8, np.str_("bicubic")), Resize(8, "bicubic")),
        (RandomCrop(8, 1, padding_mode=np.str_("edge")), RandomCrop(8, 1, padding_mode="edge")),
        (AutoAugment(np.str_("svhn"), np.str_("bilinear")), AutoAugment("svhn", "bilinear")),
        (ToDtype(np.str_("float32")), ToDtype("float32")),
        (RandomErasing(value=np.str_("random")), RandomErasing(value="random")),
    ],
    ids=repr,
)
def test_ways_to_write_the_same_op_are_equal(one: Op, other: Op) -> None:
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == repr(other)


def test_resize_of_an_int_is_not_that_of_a_square() -> None:
    assert Resize(8) != Resize((8, 8))


@pytest.mark.parametrize("name", ["uint8", "float32", "float16"])
def test_dtype_is_known_as_string_numpy_and_torch_object(name: str) -> None:
    given: list[Any] = [name, np.dtype(name), np.dtype(name).type, getattr(torch, name)]
    assert {ToDtype(dtype).dtype for dtype in given} == {name}


def test_torch_half_is_float16() -> None:
    assert ToDtype(torch.half) == ToDtype("float16")


def test_torchvisions_interpolation_mode_is_known() -> None:
    modes = transforms_v2().InterpolationMode
    for mode in modes:
        name = "nearest" if mode == modes.NEAREST_EXACT else mode.value
        assert Resize(8, interpolation=mode).interpolation == name
    for number in (Image.Resampling[name.upper()] for name in INTERPOLATIONS):
        names = {Resize(8, interpolation=given).interpolation for given in (number, int(number), number.name.lower())}
        assert names == {number.name.lower()}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"op": "Rotate"}, f"unknown op 'Rotate'; known ops are {', '.join(sorted(OPS))}"),
        ({"op": ["Resize"]}, f"unknown op ['Resize']; known ops are {', '.join(sorted(OPS))}"),
        ({"size": 3}, "an op must be a mapping with a key 'op', got {'size': 3}; write it as Op.to_dict() does"),
        ("Resize", "an op must be a mapping with a key 'op', got 'Resize'; write it as Op.to_dict() does"),
        ({"op": "CenterCrop", "sise": 3}, "CenterCrop: unknown argument 'sise'; it takes size"),
        ({"op": "Normalize", "mean": [0, 0, 0]}, "Normalize: argument 'std' is missing; it takes mean, std"),
        (
            {"op": "PCALighting", "eigvec": [[[0]]]},
            "PCALighting: eigvec holds lists more than 2 deep, as no op has them; write it as to_dict() does",
        ),
        ({"op": "CenterCrop", "size": 0}, f"CenterCrop: size must be {SIZE}, got 0; {SIZE_FIX}"),
    ],
)  # fmt: skip
def test_bad_dict_is_refused_by_name(data: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        op_from_dict(data)
    assert str(caught.value) == message


def test_dict_may_leave_defaults_out() -> None:
    assert op_from_dict({"op": "RandomResizedCrop", "size": 8}) == RandomResizedCrop(8)
