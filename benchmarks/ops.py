"""What an op costs on one core: a 224x224 uint8 image through Penstock's kernels, and through torchvision.

`make bench SUITE=ops`, or `python -m benchmarks.ops --rounds 50 --output result.json`. Contestants take turns, a few
calls each, so that what else the machine does meets all of them; what is compared is processor time of the thread, by
its lower quartile over the rounds. Each turn begins with a call that is not timed: it would pay for what the contestant
before it left out of the caches. Penstock's time includes taking the pixels apart into planes and making the result's
memory; the others' is the op alone, from a PIL image to a PIL image. Policies are drawn and applied by both.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from penstock.augment import (
    AutoAugment,
    ColorJitter,
    GaussianBlur,
    Grayscale,
    Op,
    PCALighting,
    Pipeline,
    RandAugment,
    RandomAdjustSharpness,
    RandomAffine,
    RandomAutocontrast,
    RandomEqualize,
    RandomErasing,
    RandomHorizontalFlip,
    RandomHSL,
    RandomInvert,
    RandomPerspective,
    RandomPosterize,
    RandomRotation,
    RandomSolarize,
    RandomVerticalFlip,
    Resize,
    TrivialAugmentWide,
)
from penstock.augment.ops.arguments import INTERPOLATIONS

from .peers.torchvision import declare_ops
from .results import stamped, write

__all__ = ["main"]

SIDE_PX = 224
CALLS = 3
"""Of one contestant, before it is the next one's turn."""

DRAWS = 100
"""Images in one call of a policy, which does something else with each."""

Call = Callable[[], Any]


class Contestant(NamedTuple):
    """A call, and how many images it makes."""

    call: Call
    images: int = 1


def photograph() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(224, 224, 3): smooth shapes with noise on them, as a photograph has."""
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX] / SIDE_PX
    shapes = np.stack([np.sin(9 * x + 4 * y), np.cos(7 * y - 3 * x), np.sin(5 * x * y)], axis=2)
    noise = np.random.default_rng(0).normal(0, 12, shapes.shape)
    return (120 + 90 * shapes + noise).clip(0, 255).astype(np.uint8)


def contests(functions: Any) -> dict[str, tuple[Op, Callable[[Image.Image], Any]]]:
    """By name: Penstock's op, and what torchvision does to a PIL image (mostly by Pillow).

    It has no HSL and no PCA lighting; what stands there is the nearest it has, by the work that it takes.
    """
    return {
        "horizontal flip": (RandomHorizontalFlip(1.0), functions.hflip),
        "vertical flip": (RandomVerticalFlip(1.0), functions.vflip),
        "invert": (RandomInvert(1.0), functions.invert),
        "solarize": (RandomSolarize(128, 1.0), lambda image: functions.solarize(image, 128)),
        "posterize": (RandomPosterize(4, 1.0), lambda image: functions.posterize(image, 4)),
        "autocontrast": (RandomAutocontrast(1.0), functions.autocontrast),
        "equalize": (RandomEqualize(1.0), functions.equalize),
        "grayscale": (Grayscale(), lambda image: functions.rgb_to_grayscale(image, 3)),
        "brightness": (ColorJitter(brightness=(1.3, 1.3)), lambda image: functions.adjust_brightness(image, 1.3)),
        "contrast": (ColorJitter(contrast=(1.3, 1.3)), lambda image: functions.adjust_contrast(image, 1.3)),
        "saturation": (ColorJitter(saturation=(1.3, 1.3)), lambda image: functions.adjust_saturation(image, 1.3)),
        "hue": (ColorJitter(hue=(0.07, 0.07)), lambda image: functions.adjust_hue(image, 0.07)),
        "HSL": (RandomHSL(36, 50, 50), lambda image: functions.adjust_hue(image, 0.07)),
        "PCA lighting": (PCALighting(), lambda image: functions.adjust_brightness(image, 1.3)),
        "erasing": (
            RandomErasing(1.0, (0.15, 0.15), (1.0, 1.0)),
            lambda image: functions.erase(image, 40, 60, 87, 87, torch.zeros(3, 1, 1)),
        ),
        "sharpness": (RandomAdjustSharpness(1.7, 1.0), lambda image: functions.adjust_sharpness(image, 1.7)),
        "gaussian blur 5x5": (GaussianBlur(5, 1.0), lambda image: functions.gaussian_blur(image, [5, 5], [1.0, 1.0])),
        "gaussian blur 23x23": (
            GaussianBlur(23, 1.5),
            lambda image: functions.gaussian_blur(image, [23, 23], [1.5, 1.5]),
        ),
        **warps(functions),
        **resizes(functions),
    }


def resizes(functions: Any) -> dict[str, tuple[Op, Callable[[Image.Image], Any]]]:
    """As `contests`: each filter, from 224x224 to 160x128."""
    sides = [160, 128]

    def theirs(filter_name: str) -> Callable[[Image.Image], Any]:
        mode = functions.InterpolationMode[filter_name.upper()]
        return lambda image: functions.resize(image, sides, mode)

    return {f"resize, {name}": (Resize(sides, name), theirs(name)) for name in INTERPOLATIONS}


def warps(functions: Any) -> dict[str, tuple[Op, Callable[[Image.Image], Any]]]:
    """Every warp with every interpolation, as `contests`."""
    right = SIDE_PX - 1
    starts = [[0, 0], [right, 0], [right, right], [0, right]]
    ends = [[20, 30], [right - 24, 10], [right - 14, right - 34], [5, right - 24]]
    contested: dict[str, tuple[Op, Callable[[Image.Image], Any]]] = {}
    for mode in map(functions.InterpolationMode, ("nearest", "bilinear", "bicubic")):
        contested[f"rotation, {mode.value}"] = (
            RandomRotation((25, 25), mode),
            lambda image, mode=mode: functions.rotate(image, 25, mode),
        )
        contested[f"affine, {mode.value}"] = (
            RandomAffine((10, 10), None, (1.1, 1.1), (5, 5), mode),
            lambda image, mode=mode: functions.affine(image, 10, [0, 0], 1.1, [5.0, 0.0], mode),
        )
        contested[f"perspective, {mode.value}"] = (
            RandomPerspective(0.3, 1.0, mode),
            lambda image, mode=mode: functions.perspective(image, starts, ends, mode),
        )
    return contested


def policies(transforms: Any) -> dict[str, tuple[Op, Callable[[Image.Image], Any]]]:
    """By name: Penstock's policy and torchvision's."""
    mode = transforms.InterpolationMode.BILINEAR
    learned = transforms.AutoAugmentPolicy
    return {
        "RandAugment, nearest": (RandAugment(), transforms.RandAugment()),
        "RandAugment, bilinear": (RandAugment(interpolation=mode), transforms.RandAugment(interpolation=mode)),
        "TrivialAugmentWide, nearest": (TrivialAugmentWide(), transforms.TrivialAugmentWide()),
        "AutoAugment, ImageNet, nearest": (AutoAugment(learned.IMAGENET), transforms.AutoAugment(learned.IMAGENET)),
        "AutoAugment, CIFAR-10, nearest": (AutoAugment(learned.CIFAR10), transforms.AutoAugment(learned.CIFAR10)),
        "AutoAugment, SVHN, nearest": (AutoAugment(learned.SVHN), transforms.AutoAugment(learned.SVHN)),
    }


def policy_of(op: Op, image: np.ndarray[Any, np.dtype[np.uint8]]) -> Contestant:
    """Draws for DRAWS images, and Penstock's kernels on each."""
    pipeline = Pipeline([op])

    def call() -> None:
        table = pipeline.params(range(DRAWS), sizes=image.shape[:2])
        for sample in range(DRAWS):
            pipeline.program.apply(image, table.row(sample))

    return Contestant(call, DRAWS)


def calls_of(op: Op | None, image: np.ndarray[Any, np.dtype[np.uint8]]) -> Call:
    """Penstock's kernels on the image, with the parameters already drawn."""
    pipeline = Pipeline([] if op is None else [op])
    program, row = pipeline.program, pipeline.params([0], sizes=image.shape[:2]).row(0)
    return lambda: program.apply(image, row)


def seconds(contestant: Contestant) -> float:
    """Processor time of one image, over a few calls after one that finds the caches cold."""
    contestant.call()
    begin = time.thread_time_ns()
    for _ in range(CALLS):
        contestant.call()
    return (time.thread_time_ns() - begin) / CALLS / contestant.images / 1e9


def repeated(call: Callable[[Image.Image], Any], picture: Image.Image) -> Call:
    """One call for DRAWS images."""

    def run() -> None:
        for _ in range(DRAWS):
            call(picture)

    return run


def contestants() -> dict[str, dict[str, Contestant]]:
    """By op and name; "no op" is Penstock's alone."""
    image = photograph()
    picture = Image.fromarray(image)
    from torchvision import transforms
    from torchvision.transforms.v2 import functional

    entered = {"no op": {"penstock": Contestant(calls_of(None, image))}}
    for name, (op, theirs) in contests(functional).items():
        peer = Contestant(lambda theirs=theirs: theirs(picture))
        entered[name] = {"penstock": Contestant(calls_of(op, image)), "torchvision": peer}
    for name, (op, theirs) in policies(transforms).items():
        entered[name] = {"penstock": policy_of(op, image), "torchvision": Contestant(repeated(theirs, picture), DRAWS)}
    return entered


def measure(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds of every round, by op and contestant."""
    library = declare_ops()  # must outlive the import
    entered = contestants()
    times: dict[str, dict[str, list[float]]] = {name: {kind: [] for kind in kinds} for name, kinds in entered.items()}
    for _ in range(rounds):
        for name, kinds in entered.items():
            for kind, contestant in kinds.items():
                times[name][kind].append(seconds(contestant))
    del library
    return times


def render(times: dict[str, dict[str, list[float]]]) -> str:
    """A Markdown table of lower quartiles."""
    lines = ["| op | Penstock, us | torchvision on PIL, us | times as fast |", "|---|---|---|---|"]
    for name, kinds in times.items():
        ours, theirs = (
            statistics.quantiles(kinds[k], n=4)[0] * 1e6 if k in kinds else None for k in ("penstock", "torchvision")
        )
        compared = "| |" if theirs is None else f"{theirs:,.0f} | {theirs / ours:.1f} |"
        lines.append(f"| {name} | {ours:,.0f} | {compared}")
    return "\n".join(lines)


def main() -> None:
    """Measures, prints a table and writes the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ops", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60, help="turns of every contestant")
    parser.add_argument("--output", type=Path, help="JSON file; the Markdown goes beside it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    times = measure(arguments.rounds)
    text = render(times)
    print(text)
    print(write(stamped("ops", 1, {"side_px": SIDE_PX, "seconds": times}), text, arguments.output))


if __name__ == "__main__":
    main()
