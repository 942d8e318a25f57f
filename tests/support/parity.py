"""How far each executor may be from what it is measured by: the numbers that tests use and that docs/parity.md shows.

`PYTHONPATH=src:tests python -m support.parity` writes the page.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parents[2] / "docs" / "parity.md"


class Row(NamedTuple):
    """One line of the table: `op` in `executor` differs from `oracle` by at most `tolerance` in any pixel."""

    op: str
    executor: str
    oracle: str
    tolerance: float
    note: str = ""


RESIZED = "1 before Pillow 13 and in pillow-simd"
BLURRED = "two passes of float32, where torchvision makes one"
EXP = "0 where the C library's `exp` is Python's"
GROUPED = "and what the ops inside it may differ by"
HSL = "its portable code; its vectorised code takes about 1 colour in 3,000 otherwise, by a step of hue or saturation"
CLOSE = (
    "bilinear: up to a shrink factor of 256 on each axis; about 1 pixel in 6 differs where all are random; "
    "0 with the other filters"
)
REPEATED = "of PIL images; where mirrored padding is larger than the image, numpy's own versions differ"
WARPED = "Pillow built for x86-64; other builds may fuse multiplications with sums"
SOLVED = "with the same coefficients; torchvision solves for them with errors of 1e-14, and may be off by a level"
POLICY = "its v1; v2 may solarise pixels otherwise that equal the threshold, which it rounds"
DIVIDED = "`ToTensor` of torchvision; its `v2.ToDtype` multiplies by 1/255 and differs in the last bit"
FOLLOWING = "for each op that resizes; what follows is exact on what it made"
FRAMED = "bilinear; about 1 pixel in 6 differs; DALI's CPU back-end"
OVERSHOOTING = "resizes, bicubic or lanczos"
TWICE = "about 1 pixel in 30 of noise differs, 1 in 200 of photographs; nearest, box and hamming are torch's"
MULTIPLIED = "float32; DALI multiplies by `1 / std`"
NOISE = '`value="random"`: noise of Penstock\'s own, equal in all its executors'
HOLES = "of even lengths"
MIXED = "float32; of uint8, which torchvision refuses, rounded to the nearest"
LABELS = "labels too"

TABLE = (
    Row("RandomResizedCrop", "reference", "Pillow, torchvision", 0, RESIZED),
    Row("Resize", "reference", "Pillow, torchvision", 0, RESIZED),
    Row("CenterCrop", "reference", "torchvision", 0),
    Row("FiveCrop", "reference", "torchvision", 0),
    Row("TenCrop", "reference", "torchvision", 0),
    Row("Pad", "reference", "torchvision", 0, REPEATED),
    Row("RandomCrop", "reference", "torchvision", 0, REPEATED),
    Row("RandomHorizontalFlip", "reference", "Pillow, torchvision", 0),
    Row("RandomInvert", "reference", "Pillow, torchvision", 0),
    Row("ColorJitter", "reference", "Pillow, torchvision", 0),
    Row("GaussianBlur", "reference", "torchvision", 1, BLURRED),
    Row("Grayscale", "reference", "Pillow, torchvision", 0),
    Row("RandomAdjustSharpness", "reference", "Pillow, torchvision", 0),
    Row("RandomAffine", "reference", "Pillow, torchvision", 0, WARPED),
    Row("RandomPerspective", "reference", "Pillow, torchvision", 0, SOLVED),
    Row("RandomRotation", "reference", "Pillow, torchvision", 0, WARPED),
    Row("RandomAutocontrast", "reference", "Pillow, torchvision", 0),
    Row("RandomEqualize", "reference", "Pillow, torchvision", 0),
    Row("RandomGrayscale", "reference", "Pillow, torchvision", 0),
    Row("RandomHSL", "reference", "OpenCV", 0, HSL),
    Row("PCALighting", "reference", "numpy", 0),
    Row("RandomPosterize", "reference", "Pillow, torchvision", 0),
    Row("RandomSolarize", "reference", "Pillow, torchvision", 0),
    Row("RandomVerticalFlip", "reference", "Pillow, torchvision", 0),
    Row("Apply", "reference", "torchvision", 0, GROUPED),
    Row("Choice", "reference", "torchvision", 0, GROUPED),
    Row("Lambda", "reference", "the function", 0),
    Row("AutoAugment", "reference", "torchvision", 0, POLICY),
    Row("RandAugment", "reference", "torchvision", 0, POLICY),
    Row("TrivialAugmentWide", "reference", "torchvision", 0, POLICY),
    Row("ToDtype", "reference", "torchvision", 0, DIVIDED),
    Row("Normalize", "reference", "torchvision", 0),
    Row("RandomErasing", "reference", "torchvision", 0, NOISE),
    Row("Cutout", "reference", "the authors' code", 0, HOLES),
    Row("MixUp", "reference", "torchvision", 0, MIXED),
    Row("CutMix", "reference", "torchvision", 0, LABELS),
    Row("RandomResizedCrop", "native", "reference", 1, CLOSE),
    Row("Resize", "native", "reference", 1, CLOSE),
    Row("CenterCrop", "native", "reference", 0),
    Row("FiveCrop", "native", "reference", 0),
    Row("TenCrop", "native", "reference", 0),
    Row("Pad", "native", "reference", 0),
    Row("RandomCrop", "native", "reference", 0),
    Row("RandomHorizontalFlip", "native", "reference", 0),
    Row("RandomInvert", "native", "reference", 0),
    Row("ColorJitter", "native", "reference", 0),
    Row("GaussianBlur", "native", "reference", 1, EXP),
    Row("Grayscale", "native", "reference", 0),
    Row("RandomAdjustSharpness", "native", "reference", 0),
    Row("RandomAffine", "native", "reference", 0),
    Row("RandomPerspective", "native", "reference", 0),
    Row("RandomRotation", "native", "reference", 0),
    Row("RandomAutocontrast", "native", "reference", 0),
    Row("RandomEqualize", "native", "reference", 0),
    Row("RandomGrayscale", "native", "reference", 0),
    Row("RandomHSL", "native", "reference", 0),
    Row("PCALighting", "native", "reference", 0),
    Row("RandomPosterize", "native", "reference", 0),
    Row("RandomSolarize", "native", "reference", 0),
    Row("RandomVerticalFlip", "native", "reference", 0),
    Row("Apply", "native", "reference", 0, GROUPED),
    Row("Choice", "native", "reference", 0, GROUPED),
    Row("Lambda", "native", "reference", 0),
    Row("AutoAugment", "native", "reference", 0),
    Row("RandAugment", "native", "reference", 0),
    Row("TrivialAugmentWide", "native", "reference", 0),
    Row("ToDtype", "native", "reference", 0),
    Row("Normalize", "native", "reference", 0),
    Row("RandomErasing", "native", "reference", 0),
    Row("Cutout", "native", "reference", 0),
    Row("any pipeline", "native", "reference", 1, FOLLOWING),
    Row("RandomResizedCrop", "torch", "reference", 0),
    Row("Resize", "torch", "reference", 0),
    Row("CenterCrop", "torch", "reference", 0),
    Row("Pad", "torch", "reference", 0),
    Row("RandomCrop", "torch", "reference", 0),
    Row("RandomHorizontalFlip", "torch", "reference", 0),
    Row("RandomInvert", "torch", "reference", 0),
    Row("ColorJitter", "torch", "reference", 0),
    Row("GaussianBlur", "torch", "reference", 0),
    Row("Grayscale", "torch", "reference", 0),
    Row("RandomAdjustSharpness", "torch", "reference", 0),
    Row("RandomAutocontrast", "torch", "reference", 0),
    Row("RandomEqualize", "torch", "reference", 0),
    Row("RandomGrayscale", "torch", "reference", 0),
    Row("RandomPosterize", "torch", "reference", 0),
    Row("RandomSolarize", "torch", "reference", 0),
    Row("RandomVerticalFlip", "torch", "reference", 0),
    Row("RandomRotation", "torch", "reference", 0),
    Row("RandomAffine", "torch", "reference", 0),
    Row("RandomPerspective", "torch", "reference", 0),
    Row("RandomHSL", "torch", "reference", 0),
    Row("PCALighting", "torch", "reference", 0),
    Row("RandomErasing", "torch", "reference", 0),
    Row("Cutout", "torch", "reference", 0),
    Row("AutoAugment", "torch", "reference", 0),
    Row("RandAugment", "torch", "reference", 0),
    Row("TrivialAugmentWide", "torch", "reference", 0),
    Row("FiveCrop", "torch", "reference", 0),
    Row("TenCrop", "torch", "reference", 0),
    Row("Apply", "torch", "reference", 0, GROUPED),
    Row("Choice", "torch", "reference", 0, GROUPED),
    Row("ToDtype", "torch", "reference", 0),
    Row("Normalize", "torch", "reference", 0),
    Row("MixUp", "torch", "reference", 0, LABELS),
    Row("CutMix", "torch", "reference", 0, LABELS),
    Row("any pipeline", "torch", "reference", 0),
    Row("RandomResizedCrop", "dali", "reference", 1, FRAMED),
    Row("Resize", "dali", "reference", 1, FRAMED),
    Row(OVERSHOOTING, "dali", "reference", 2, TWICE),
    Row("CenterCrop", "dali", "reference", 0),
    Row("Pad", "dali", "reference", 0, "of one colour"),
    Row("RandomCrop", "dali", "reference", 0, "padded with one colour"),
    Row("RandomHorizontalFlip", "dali", "reference", 0),
    Row("RandomVerticalFlip", "dali", "reference", 0),
    Row("RandomInvert", "dali", "reference", 0),
    Row("RandomPosterize", "dali", "reference", 0),
    Row("RandomSolarize", "dali", "reference", 0),
    Row("Grayscale", "dali", "reference", 0),
    Row("RandomGrayscale", "dali", "reference", 0),
    Row("ColorJitter", "dali", "reference", 0, "of one factor, and that not the hue"),
    Row("GaussianBlur", "dali", "reference", 1, "about 1 pixel in 5,000 differs"),
    Row("RandomErasing", "dali", "reference", 0, "not with noise"),
    Row("Cutout", "dali", "reference", 0),
    Row("ToDtype", "dali", "reference", 0.001, MULTIPLIED),
    Row("Normalize", "dali", "reference", 0.001, MULTIPLIED),
    Row(
        "JPEG files",
        "dali",
        "Pillow",
        0,
        "decoded by DALI's CPU back-end; on a GPU nvJPEG decodes, and that is not measured",
    ),
)

HEAD = """# Parity: how equal the executors are

A pipeline is declared once. Its random numbers are drawn once, by the core, and every executor takes the same table of
them. What an executor may then differ by, in any pixel of any image, is this table; the tests compare with exactly
these numbers, and one test compares this page with them.

Every executor is measured by the `reference` executor (`augment/executors/reference.py`), which spells each op out in
numpy. The reference is measured by the library whose result the op promises. Both on generated images of 1x1 to 90x70
pixels and on photographs. Tolerances are grey levels, before any conversion to floats; 0 means equal in every
bit, floats included.

| op | executor | measured by | largest difference | note |
|---|---|---|---|---|
"""

FOOT = """
What the words mean:

- *Resizing* is Pillow 13's antialiased filter (bilinear, if nothing is said) on the cropped image: fixed-point weights,
  uint8 between the two passes, and the pass down the columns first where the height loses over twice as many pixels as
  the width. Pillow before 13 always works along the rows first, and pillow-simd sums with less precision: both may
  differ by one level. The native kernels take the same bilinear filter, but 16-bit weights, more than 8 bits between
  the passes, and always the pass along the rows first: within one level of Pillow's result, provably
  ([design note](design/2026-11-21-resample.md)), and equal to each other in every bit on every machine. The other
  filters they compute as Pillow does, in every bit (hamming and lanczos where the C library's `sin` is Pillow's); the
  torch executor computes them all so.
- *Decoded pixels* are libjpeg-turbo's with its defaults; a crop equals the same region cut out of the whole image.
- *Floats* are computed in float32 with one rounding a step: `x / 255` where `scale=True`, then `(x - mean) / std`.
  float16 is that result, rounded once; torchvision computes it in float16 and rounds at every step.
- *Warps* (`RandomRotation`, `RandomAffine`, `RandomPerspective`) are `PIL.Image.Image.transform`, with all that it has:
  fixed point for affine warps without interpolation, doubles for the rest, fractions of grey levels cut off, and the
  fill wherever a pixel's centre comes from beyond the image ([design note](design/2026-11-21-warps.md)).
- *Colours* are changed by Pillow's arithmetic on uint8 (`ImageOps`, `ImageEnhance`, its "L" and "HSV"), as torchvision
  does with PIL images; for tensors torchvision computes otherwise, and differs. What differs by a level before such an
  op may differ by more behind it: a threshold or a steep table has no limit to that.
- *Batches* are mixed by the same code whoever made their images: the torch functions, on the device where a batch is.
- Where torchvision would make a side of 0 pixels (`Resize` with `max_size` on a very long image), Penstock makes 1.
"""


def tolerance(op: str, executor: str) -> float:
    """The largest difference that the table allows."""
    (row,) = [row for row in TABLE if (row.op, row.executor) == (op, executor)]
    return row.tolerance


def render() -> str:
    """The page."""
    lines = (f"| {row.op} | {row.executor} | {row.oracle} | {row.tolerance} | {row.note} |\n" for row in TABLE)
    return HEAD + "".join(lines) + FOOT


if __name__ == "__main__":
    PAGE.write_text(render())
