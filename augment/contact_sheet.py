"""One picture of a whole batch, to look at what a pipeline does."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ..errors import OptionError
from .ops.values import is_int, is_number, items

__all__ = ["contact_sheet"]

GAP_PX = 6
BACKGROUND = (24, 24, 27)
TEXT = (228, 228, 231)
FONT_PX = 14


def contact_sheet(
    images: Any,
    labels: Any = None,
    classes: Sequence[str] | None = None,
    *,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    columns: int = 8,
    cell_px: int = 144,
) -> Image.Image:
    """Draws a batch as a grid of tiles, each with its label centred underneath, on two lines where it needs them.

    Args:
        images: (n, 3, height, width), or a list of (3, height, width) of any sizes: uint8, or floats from 0 to 1 once
            they are denormalised (others are clipped). Arrays or torch tensors on any device.
        labels: n labels to write: ints (class numbers), or a row each for several labels.
        classes: names for labels that are ints.
        mean, std: what `Normalize` was given, to undo it; floats only, both or neither.
        columns: tiles in a row.
        cell_px: side of the square that a tile is scaled to fit; its shape is kept.

    Returns:
        An RGB image.

    Raises:
        OptionError: images of another shape or dtype, not as many labels as images, or another bad argument.
    """
    _check_at_least("columns", columns, 1)
    _check_at_least("cell_px", cell_px, 16)
    _check_channels("mean", mean)
    _check_channels("std", std)
    if not isinstance(images, Iterable):
        raise OptionError(f"images must be (n, 3, height, width), or a list of them, got {images!r}")
    pixels = [_to_pixels(_to_array(image), mean, std) for image in images]
    texts = _label_texts(labels, classes, len(pixels))
    font = _font()
    captions = [_lines(text, font, cell_px) for text in texts]
    line_px = _line_height(font)
    caption_px = 0 if labels is None else max(map(len, captions), default=1) * line_px + GAP_PX
    across, down = min(columns, max(len(pixels), 1)), math.ceil(len(pixels) / columns)
    step_x, step_y = cell_px + GAP_PX, cell_px + caption_px + GAP_PX
    sheet = Image.new("RGB", (across * step_x + GAP_PX, max(down, 1) * step_y + GAP_PX), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for k, (tile, lines) in enumerate(zip(pixels, captions, strict=True)):
        left, top = GAP_PX + k % columns * step_x, GAP_PX + k // columns * step_y
        picture = _fit(Image.fromarray(tile), cell_px)
        sheet.paste(picture, (left + (cell_px - picture.width) // 2, top + (cell_px - picture.height) // 2))
        for number, line in enumerate(lines):
            indent = (cell_px - int(font.getbbox(line)[2])) // 2
            draw.text((left + indent, top + cell_px + GAP_PX // 2 + number * line_px), line, fill=TEXT, font=font)
    return sheet


def _check_at_least(name: str, value: int, least: int) -> None:
    if not is_int(value) or value < least:
        raise OptionError(f"{name} must be at least {least}, an int, got {value!r}")


def _check_channels(name: str, value: object) -> None:
    numbers = value if value is None else items(value)
    if value is not None and (numbers is None or len(numbers) != 3 or not all(map(is_number, numbers))):
        raise OptionError(f"{name} must be 3 numbers, as Normalize was given them, got {value!r}")


def _to_array(value: Any) -> NDArray[Any]:
    """A numpy array from an array or, without importing torch, from a tensor on any device."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        value = value.numpy()
    return np.asarray(value)


def _to_pixels(image_chw: NDArray[Any], mean: Sequence[float] | None, std: Sequence[float] | None) -> NDArray[np.uint8]:
    """(height, width, 3) uint8 for display."""
    floats_or_bytes = image_chw.dtype == np.uint8 or image_chw.dtype.kind == "f"
    if image_chw.ndim != 3 or image_chw.shape[0] != 3 or not image_chw.size or not floats_or_bytes:
        raise OptionError(
            f"images must be (n, 3, height, width) of uint8 or floats, got {image_chw.shape} {image_chw.dtype}"
        )
    image = image_chw.transpose(1, 2, 0)
    if (mean is None) != (std is None) or (mean is not None and image.dtype == np.uint8):
        raise OptionError(f"mean and std go together and with floats, got {mean=}, {std=} and {image.dtype} images")
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    floats = image.astype(np.float64)
    if mean is not None and std is not None:
        floats = floats * np.asarray(std, np.float64) + np.asarray(mean, np.float64)
    return np.clip(np.rint(np.nan_to_num(floats) * 255), 0, 255).astype(np.uint8)


def _label_texts(labels: Any, classes: Sequence[str] | None, count: int) -> list[str]:
    if labels is None:
        return [""] * count
    array = _to_array(labels)
    if array.ndim == 0 or len(array) != count:
        raise OptionError(
            f"labels must be one for each of the {count} images, got {array.shape[0] if array.ndim else labels!r}"
        )
    rows = list(array)
    return [_label_text(row, classes) for row in rows]


def _label_text(label: Any, classes: Sequence[str] | None) -> str:
    if np.ndim(label):
        return " ".join(f"{value:g}" for value in label)
    if classes and np.issubdtype(np.asarray(label).dtype, np.integer) and 0 <= label < len(classes):
        return str(classes[int(label)])
    return str(label)


def _fit(picture: Image.Image, cell_px: int) -> Image.Image:
    """Scaled to fit a square: smoothly when shrinking, by whole pixels when growing, so that small ones stay crisp."""
    factor = cell_px / max(picture.size)
    if factor >= 1:
        size = tuple(side * int(factor) for side in picture.size)
        return picture.resize((size[0], size[1]), Image.Resampling.NEAREST)
    size = tuple(max(round(side * factor), 1) for side in picture.size)
    return picture.resize((size[0], size[1]), Image.Resampling.BILINEAR)


def _font() -> Any:
    """Pillow's built-in font; its size can be chosen from Pillow 10.1 on, where FreeType is there."""
    try:
        return ImageFont.load_default(FONT_PX)
    except (TypeError, ImportError):
        return ImageFont.load_default()


def _line_height(font: Any) -> int:
    bottom: float = font.getbbox("Ág")[3]
    return math.ceil(bottom)


def _lines(text: str, font: Any, width_px: int) -> list[str]:
    """The text on one line, or on two where it is wider than its tile and has a comma."""
    text = " ".join(text.split())
    if not isinstance(font, ImageFont.FreeTypeFont):  # Pillow's bitmap font has Latin-1 only
        text = text.encode("latin-1", "replace").decode("latin-1")
    first, comma, second = text.partition(", ")
    if comma and font.getbbox(text)[2] > width_px:
        return [_shorten(f"{first},", font, width_px), _shorten(second, font, width_px)]
    return [_shorten(text, font, width_px)]


def _shorten(text: str, font: Any, width_px: int) -> str:
    """The text, cut with an ellipsis where it is wider than its tile."""
    if font.getbbox(text)[2] <= width_px:
        return text
    while text and font.getbbox(text + "...")[2] > width_px:
        text = text[:-1]
    return text + "..."
