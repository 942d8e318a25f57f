"""The contact sheet shows every image where it should be, in its own colours, with its label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from penstock.augment import contact_sheet
from penstock.augment.contact_sheet import BACKGROUND, GAP_PX
from penstock.errors import OptionError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
COLOURS = np.random.default_rng(0).integers(0, 256, (11, 3), np.uint8)
BATCH = np.broadcast_to(COLOURS[:, :, None, None], (11, 3, 20, 20)).copy()


def tile_colours(sheet: Image.Image, count: int, columns: int, cell_px: int, caption_px: int = 0) -> list[Any]:
    """The colour in the middle of each tile."""
    step_x, step_y = cell_px + GAP_PX, cell_px + caption_px + GAP_PX
    middles = [(GAP_PX + k % columns * step_x, GAP_PX + k // columns * step_y) for k in range(count)]
    return [list(sheet.getpixel((x + cell_px // 2, y + cell_px // 2))) for x, y in middles]


def test_tiles_lie_in_rows_in_order() -> None:
    sheet = contact_sheet(BATCH, columns=4, cell_px=40)
    assert sheet.mode == "RGB"
    assert sheet.size == (4 * (40 + GAP_PX) + GAP_PX, 3 * (40 + GAP_PX) + GAP_PX)
    assert tile_colours(sheet, 11, 4, 40) == COLOURS.tolist()
    assert sheet.getpixel((sheet.width - 20, sheet.height - 20)) == BACKGROUND


def test_fewer_images_than_columns_make_a_narrow_sheet() -> None:
    assert contact_sheet(BATCH[:2], columns=8, cell_px=40).width == 2 * (40 + GAP_PX) + GAP_PX


def test_empty_batch_makes_an_empty_sheet() -> None:
    sheet = contact_sheet(np.zeros((0, 3, 8, 8), np.uint8))
    assert set(sheet.get_flattened_data() if hasattr(sheet, "get_flattened_data") else sheet.getdata()) == {BACKGROUND}


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64"])
@pytest.mark.parametrize("normalized", [False, True])
def test_floats_come_back_as_the_colours_they_were(dtype: str, normalized: bool) -> None:
    floats = BATCH / 255
    undo: dict[str, Any] = {}
    if normalized:
        mean, std = (np.array(values)[:, None, None] for values in (MEAN, STD))
        floats, undo = (floats - mean) / std, {"mean": MEAN, "std": STD}
    sheet = contact_sheet(floats.astype(dtype), columns=4, cell_px=40, **undo)
    shown = np.array(tile_colours(sheet, 11, 4, 40))
    assert np.abs(shown - COLOURS).max() <= (1 if dtype == "float16" else 0)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16])
def test_tensors_are_taken(dtype: torch.dtype) -> None:
    batch = torch.from_numpy(BATCH)
    batch = batch if dtype == torch.uint8 else (batch / 255).to(dtype).requires_grad_()
    shown = np.array(tile_colours(contact_sheet(batch, columns=4, cell_px=40), 11, 4, 40))
    assert np.abs(shown - COLOURS).max() <= (2 if dtype == torch.bfloat16 else 0)


def test_floats_out_of_range_are_clipped() -> None:
    batch = np.full((3, 3, 8, 8), -5, np.float32)
    batch[1:] = [[[[7]]], [[[np.nan]]]]
    assert tile_colours(contact_sheet(batch, cell_px=16), 3, 8, 16) == [[0, 0, 0], [255, 255, 255], [0, 0, 0]]


def test_images_of_any_shape_fit_their_cells() -> None:
    shapes = [(400, 20), (9, 90), (1, 1), (40, 40)]
    sheet = contact_sheet([np.full((3, *shape), 200, np.uint8) for shape in shapes], cell_px=40)
    assert tile_colours(sheet, 4, 8, 40) == [[200, 200, 200]] * 4
    white = np.array(sheet)[GAP_PX : GAP_PX + 40, GAP_PX : GAP_PX + 40, 0] == 200
    assert white.any(axis=1).all()
    assert white.any(axis=0).sum() == 2


def test_small_images_grow_by_whole_pixels() -> None:
    checker = (np.indices((4, 4)).sum(axis=0) % 2 * 255).astype(np.uint8)
    sheet = contact_sheet(checker[None, None].repeat(3, 1), cell_px=41)
    tile = np.array(sheet)[GAP_PX : GAP_PX + 40, GAP_PX : GAP_PX + 40, 0]
    np.testing.assert_array_equal(tile, checker.repeat(10, 0).repeat(10, 1))


def caption(sheet: Image.Image, cell_px: int) -> bytes:
    return sheet.crop((0, GAP_PX + cell_px, *sheet.size)).tobytes()


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([3], None),
        (torch.tensor([3]), ["a", "b", "c", "d"]),
        (np.array([[0.0, 1.0]], np.float32), None),
        (["a name"], None),
        ([3], ["läbel", "b", "c", "d" * 99]),
        ([0], ["two\nlines"]),
    ],
)
def test_labels_are_written_under_their_tiles(labels: Any, classes: list[str] | None) -> None:
    blank = contact_sheet(BATCH[:1], [""], cell_px=64)
    sheet = contact_sheet(BATCH[:1], labels, classes, cell_px=64)
    assert sheet.size == blank.size
    assert caption(sheet, 64) != caption(blank, 64)
    assert tile_colours(sheet, 1, 1, 64, sheet.height - 64 - 2 * GAP_PX) == [COLOURS[0].tolist()]


def test_class_names_take_the_place_of_numbers() -> None:
    named = contact_sheet(BATCH[:2], [0, 1], ["cat", "dog"])
    assert named.tobytes() == contact_sheet(BATCH[:2], ["cat", "dog"]).tobytes()
    assert named.tobytes() != contact_sheet(BATCH[:2], [1, 0], ["cat", "dog"]).tobytes()
    assert contact_sheet(BATCH[:1], [-1], ["cat"]).tobytes() == contact_sheet(BATCH[:1], ["-1"]).tobytes()


def test_labels_that_are_too_wide_go_on_behind_a_comma() -> None:
    plain = contact_sheet(BATCH[:2], ["", ""], cell_px=64)
    sheet = contact_sheet(BATCH[:2], ["0.71 tench, 0.29 hen", ""], cell_px=64)
    line_px = sheet.height - plain.height
    assert line_px > 0, "one more line for all"
    written = np.asarray(sheet)[-line_px - GAP_PX :]
    assert (written[:, : GAP_PX + 64] != BACKGROUND).any(), "the second class can be read"
    assert (written[:, GAP_PX + 64 :] == BACKGROUND).all(), "and only under its own tile"
    assert contact_sheet(BATCH[:2], ["a, b", ""], cell_px=64).height == plain.height, "what fits stays on one line"


def test_long_names_are_cut_to_their_tile() -> None:
    sheet = contact_sheet(BATCH[:2], ["w" * 500, ""], cell_px=64)
    right = np.array(sheet)[GAP_PX + 64 :, GAP_PX + 64 + GAP_PX :]
    assert (right == BACKGROUND).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": BATCH[0]}, r"images must be \(n, 3, height, width\) of uint8 or floats, got \(20, 20\) uint8"),
        ({"images": BATCH[:, :1]}, r"images must be .* of uint8 or floats, got \(1, 20, 20\) uint8"),
        ({"images": BATCH.astype(int)}, r"images must be .* of uint8 or floats, got \(3, 20, 20\) int64"),
        ({"labels": [1, 2]}, r"labels must be one for each of the 11 images, got 2"),
        ({"mean": MEAN}, r"mean and std go together and with floats, got mean=\(0.485, .*, std=None and uint8 images"),
        ({"mean": MEAN, "std": STD}, r"mean and std go together and with floats, .* and uint8 images"),
        ({"columns": 0}, r"columns must be at least 1, an int, got 0"),
        ({"columns": 1.5}, r"columns must be at least 1, an int, got 1.5"),
        ({"cell_px": None}, r"cell_px must be at least 16, an int, got None"),
        ({"images": 3}, r"images must be \(n, 3, height, width\), or a list of them, got 3"),
        ({"images": BATCH[:, :, :0]}, r"images must be .* got \(3, 0, 20\) uint8"),
        ({"labels": 5}, r"labels must be one for each of the 11 images, got 5"),
        ({"mean": (1, 2), "std": STD}, r"mean must be 3 numbers, as Normalize was given them, got \(1, 2\)"),
        ({"mean": MEAN, "std": "abc"}, r"std must be 3 numbers, as Normalize was given them, got 'abc'"),
        ({"cell_px": 3}, r"cell_px must be at least 16, an int, got 3"),
    ],
)
def test_bad_argument_is_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        contact_sheet(**({"images": BATCH} | arguments))
