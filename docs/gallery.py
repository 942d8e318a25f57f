"""Draws `docs/gallery.md`, what every op makes of one photograph: `python docs/gallery.py`.

The photographs are scikit-learn's "china.jpg" and, where two are mixed, "flower.jpg" (by danielbuechele and vultilion,
CC BY 2.0). Each strip shows the original, then what
the op makes of it in one epoch after the other, by the native kernels.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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
    Resize,
    TenCrop,
    ToDtype,
    TrivialAugmentWide,
    contact_sheet,
)
from penstock.augment.executors.mixing import mix_batch

__all__ = ["SECTIONS", "main", "page", "save", "shown", "strip"]

PAGE = Path(__file__).with_name("gallery.md")
PICTURES = Path(__file__).with_name("figures") / "gallery"
SIDE_PX, DRAWS = 192, 6

HALF = (0.5, 0.5, 0.5)
SECTIONS: dict[str, list[list[Op]]] = {
    "Where pixels are": [
        [Resize((128, 192))],
        [CenterCrop(128)],
        [RandomCrop(160, padding=16, padding_mode="reflect")],
        [RandomResizedCrop(192)],
        [Pad((32, 16), fill=(90, 60, 160))],
        [RandomHorizontalFlip()],
        [RandomVerticalFlip()],
        [RandomRotation(30, interpolation="bilinear")],
        [RandomAffine(15, translate=(0.1, 0.1), scale=(0.8, 1.2), shear=10, interpolation="bilinear")],
        [RandomPerspective(0.5, p=1.0)],
        [FiveCrop(96)],
        [TenCrop(96)],
    ],
    "Colours": [
        [ColorJitter(0.4, 0.4, 0.4, 0.1)],
        [RandomHSL(36, 50, 50)],
        [PCALighting(1.0)],
        [Grayscale()],
        [RandomGrayscale(0.5)],
        [GaussianBlur(11, (0.1, 4.0))],
        [RandomAdjustSharpness(4.0)],
        [RandomAutocontrast()],
        [RandomEqualize()],
        [RandomInvert()],
        [RandomPosterize(2)],
        [RandomSolarize(128)],
    ],
    "Policies": [
        [RandAugment()],
        [TrivialAugmentWide()],
        [AutoAugment()],
    ],
    "Ops that hold ops": [
        [Apply([ColorJitter(0.6, 0.6, 0.6, 0.2), RandomHorizontalFlip(1.0)])],
        [Choice([RandomInvert(1.0), [Grayscale(), RandomVerticalFlip(1.0)], GaussianBlur(11, 3.0)])],
        [Lambda(np.flipud)],
    ],
    "Numbers": [
        [ToDtype("float32", scale=True)],
        [ToDtype("float32", scale=True), Normalize(HALF, HALF)],
    ],
    "On finished images": [
        [RandomErasing(p=1.0, value=(200, 60, 60))],
        [Cutout(64, n_holes=2, value=0)],
    ],
    "On finished batches": [
        [MixUp(num_classes=2)],
        [CutMix(num_classes=2)],
    ],
}
"""What is shown, by the page's headings: the last op of each list is the one that its strip is about."""


def photograph(name: str = "china.jpg", part: tuple[int, int, int, int] = (20, 60, 380, 420)) -> NDArray[np.uint8]:
    """(SIDE_PX, SIDE_PX, 3): part of one of scikit-learn's photographs, if not said otherwise a temple's roof."""
    from sklearn.datasets import load_sample_image

    whole = Image.fromarray(load_sample_image(name)).crop(part)
    return np.asarray(whole.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS))


def strip(ops: list[Op], image: NDArray[np.uint8]) -> Image.Image:
    """The original and what the ops make of it in DRAWS epochs."""
    pipeline = Pipeline(ops)
    made: list[NDArray[Any]] = []
    for epoch in range(DRAWS):
        result = pipeline.apply(image, epoch=epoch)
        if isinstance(ops[-1], MixUp | CutMix):
            result = mixed(pipeline, result, epoch)
        made.append(result if result.ndim == 4 else shown(result, ops[-1]))
    several = made[0] if made[0].ndim == 4 else made
    return contact_sheet([image.transpose(2, 0, 1), *several], columns=1 + DRAWS, cell_px=SIDE_PX // 2)


def mixed(pipeline: Pipeline, result: NDArray[Any], epoch: int) -> NDArray[Any]:
    """What becomes of the result in a batch in which another photograph comes before it."""
    other = photograph("flower.jpg", (120, 20, 520, 420)).transpose(2, 0, 1)
    drawn = pipeline.params([0], epoch, sizes=(SIDE_PX, SIDE_PX)).drawn(0, len(pipeline) - 1)
    images, _ = mix_batch(pipeline[-1], np.stack([result, other]), np.array([0, 1]), drawn)
    first: NDArray[Any] = images[0]
    return first


def shown(result: NDArray[Any], op: Op) -> NDArray[Any]:
    """A result as one can look at it: what was normalised goes back to 0 to 1."""
    if not isinstance(op, Normalize):
        return result
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (op.mean, op.std))
    return result * std + mean


def page() -> str:
    """The text of the gallery."""
    lines = [
        "# Gallery: every op on one photograph",
        "",
        "Left the original, then six epochs of one sample (or its crops). Written by [`docs/gallery.py`](gallery.py),",
        "with the native kernels; the photographs are scikit-learn's china.jpg and, where two are mixed, flower.jpg",
        "(by danielbuechele and vultilion, [CC BY 2.0](https://creativecommons.org/licenses/by/2.0/)).",
    ]
    for title, strips in SECTIONS.items():
        lines += ["", f"## {title}"]
        for ops in strips:
            name = type(ops[-1]).__name__
            lines += ["", f"### {name}", "", f"`{', '.join(map(repr, ops))}`", "", f"![{name}]({picture(ops)})"]
    return "\n".join(lines) + "\n"


def picture(ops: list[Op]) -> str:
    """Where a strip lies, as seen from the page."""
    return f"{PICTURES.relative_to(PAGE.parent).as_posix()}/{type(ops[-1]).__name__}.jpg"


def save(drawn: Image.Image, file: Path | BinaryIO) -> None:
    """Writes a strip."""
    drawn.save(file, "JPEG", quality=85)


def main() -> int:
    """Writes the page and its pictures."""
    image = photograph()
    PICTURES.mkdir(parents=True, exist_ok=True)
    for ops in (ops for strips in SECTIONS.values() for ops in strips):
        save(strip(ops, image), PAGE.parent / picture(ops))
    PAGE.write_text(page())
    print(f"written: {PAGE}, {len(list(PICTURES.glob('*.jpg')))} pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
