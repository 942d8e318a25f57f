"""`penstock view`: originals beside what an augmentation makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.images import image_folder

from penstock import DataLoader
from penstock.augment import (
    Augmentation,
    Choice,
    CutMix,
    FiveCrop,
    Lambda,
    MixUp,
    Normalize,
    Pipeline,
    RandomCrop,
    RandomHorizontalFlip,
    Resize,
    ToDtype,
    Views,
    contact_sheet,
)
from penstock.augment.contact_sheet import GAP_PX
from penstock.cli.mixed import share_text
from penstock.formats import Folder, Subset

Command = Callable[..., Any]
CELL_PX = 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return image_folder(tmp_path / "in", {"cat": 3, "dog": 2})


def tiles(picture: Path, columns: int, caption: str = "") -> NDArray[np.uint8]:
    """(rows, columns, CELL_PX, CELL_PX, 3): the tiles of a sheet; `caption` is one of the widest on it."""
    sheet = np.array(Image.open(picture))
    step_x = CELL_PX + GAP_PX
    step_y = contact_sheet(np.zeros((1, 3, 8, 8), np.uint8), [caption], cell_px=CELL_PX).height - GAP_PX
    rows = (sheet.shape[0] - GAP_PX) // step_y
    lefts, tops = GAP_PX + np.arange(columns) * step_x, GAP_PX + np.arange(rows) * step_y
    return np.array([[sheet[y : y + CELL_PX, x : x + CELL_PX] for x in lefts] for y in tops])


def test_originals_stand_beside_what_a_loader_would_give(look: Command, folder: Path, tmp_path: Path) -> None:
    pipeline = Pipeline([Resize((32, 32)), RandomHorizontalFlip(), RandomCrop(32, 8, fill=(255, 0, 0))])
    (tmp_path / "pipeline.json").write_text(pipeline.to_json(indent=1))
    output = tmp_path / "sheet.png"
    run = look(
        "view", folder, "--augment", tmp_path / "pipeline.json", "--images", 3, "--samples", 4, "--seed", 7,
        "--cell", CELL_PX, "--output", output,
    )  # fmt: skip
    assert (run.code, run.err) == (0, "")
    assert run.out == f"{output}: 3 of 5 images, 4 samples each, of {folder}\n"
    shown = tiles(output, 5)
    assert len(shown) == 3
    dataset = Folder(str(folder))
    for row, index in zip(shown, (0, 2, 4), strict=True):
        image, _ = dataset[index]
        assert (row[0][8:24, 6:26] == image).all(axis=2).all()
        for epoch in range(4):
            expected = pipeline.apply(image, index, epoch, seed=7)
            np.testing.assert_array_equal(row[1 + epoch], expected.transpose(1, 2, 0))


def test_several_crops_stand_side_by_side(look: Command, folder: Path, tmp_path: Path) -> None:
    pipeline = Pipeline([Resize((40, 40)), FiveCrop((32, 6))])
    (tmp_path / "crops.json").write_text(pipeline.to_json())
    output = tmp_path / "sheet.png"
    run = look(
        "view", folder, "--augment", tmp_path / "crops.json", "--images", 1, "--samples", 1, "--cell", CELL_PX,
        "--output", output,
    )  # fmt: skip
    assert (run.code, run.err) == (0, "")
    image, _ = Folder(str(folder))[0]
    shown = tiles(output, 6)
    assert len(shown) == 1
    for tile, crop in zip(shown[0, 1:], pipeline.apply(image), strict=True):
        np.testing.assert_array_equal(tile[:, 13:19], crop.transpose(1, 2, 0))


@pytest.mark.parametrize(
    ("augmentation", "columns", "sheet_rows"),
    [
        (Pipeline([Resize((8, 8)), RandomHorizontalFlip()]), 8, 2),
        (Pipeline([Resize((8, 8)), Lambda(np.ascontiguousarray)]), 8, 2),
        (Pipeline([Resize((8, 8))]), 2, 2),
        (Pipeline([Resize((8, 8)), RandomHorizontalFlip(), FiveCrop(8)]), 6, 2),
        (Views(3, Pipeline([Resize((8, 8)), RandomHorizontalFlip()])), 4, 2),
    ],
)
def test_as_many_samples_as_fill_a_screen(
    look: Command, folder: Path, tmp_path: Path, augmentation: Augmentation, columns: int, sheet_rows: int
) -> None:
    (tmp_path / "augment.json").write_text(augmentation.to_json())
    output = tmp_path / "sheet.png"
    run = look(
        "view", folder, "--augment", tmp_path / "augment.json", "--images", 2, "--cell", CELL_PX, "--output", output
    )
    assert (run.code, run.err) == (0, "")
    assert f"2 of 5 images, {'7 samples' if columns == 8 else '1 sample'} each" in run.out
    assert np.array(Image.open(output)).shape[1] == GAP_PX + columns * (CELL_PX + GAP_PX)
    assert len(tiles(output, columns)) == sheet_rows


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("normalized", [False, True])
def test_floats_are_shown_in_their_colours(
    look: Command, folder: Path, tmp_path: Path, scale: bool, normalized: bool
) -> None:
    unit = 1 if scale else 255
    tail = [Normalize([0.485 * unit] * 3, [0.229 * unit] * 3)] if normalized else []
    pipeline = Pipeline([Resize((32, 32)), ToDtype("float32", scale=scale), *tail])
    (tmp_path / "p.json").write_text(pipeline.to_json())
    run = look(
        "view", folder, "--augment", tmp_path / "p.json", "--samples", 1, "--cell", CELL_PX, "--output",
        tmp_path / "sheet.png",
    )  # fmt: skip
    assert run.code == 0
    shown = tiles(tmp_path / "sheet.png", 2)
    for row, (image, _) in zip(shown, Folder(str(folder)), strict=True):
        np.testing.assert_array_equal(row[1], Pipeline([Resize((32, 32))]).apply(image).transpose(1, 2, 0))


def test_training_part_of_a_pack_is_shown_with_a_preset(look: Command, pack: Command, folder: Path) -> None:
    assert pack(folder, folder.parent / "out", "--split", "0.8,0.2").code == 0
    sheets = []
    for name, samples in (("imagenet_train", "7 samples"), ("imagenet-eval", "1 sample")):
        output = folder.parent / f"{name}.png"
        run = look("view", folder.parent / "out", "--augment", name, "--cell", CELL_PX, "--output", output)
        assert run.code == 0, (run.err, name)
        assert run.out == f"{output}: 4 of 4 images, {samples} each, of {folder.parent / 'out' / 'train'}\n"
        sheets.append(tiles(output, 2))
    assert [len(sheet) for sheet in sheets] == [4, 4]
    np.testing.assert_array_equal(sheets[0][:, 0], sheets[1][:, 0])
    assert (sheets[0][:, 1:] != sheets[1][:, 1:]).any()


def test_views_of_a_sample_stand_side_by_side(look: Command, folder: Path, tmp_path: Path) -> None:
    first = Pipeline([Resize((32, 32)), RandomCrop(32, 8, fill=(255, 0, 0))])
    views = Views(2, first) + Views(1, Pipeline([Resize((32, 32))]))
    (tmp_path / "views.json").write_text(views.to_json())
    output = tmp_path / "sheet.png"
    run = look(
        "view", folder, "--augment", tmp_path / "views.json", "--images", 2, "--samples", 2, "--seed", 7, "--cell",
        CELL_PX, "--output", output,
    )  # fmt: skip
    assert (run.code, run.err) == (0, "")
    shown = tiles(output, 4, "epoch 0, view 0")
    assert len(shown) == 4
    image, _ = Folder(str(folder))[4]
    for epoch, row in enumerate(shown[2:]):
        assert (row[0][8:24, 6:26] == image).all(axis=2).all()
        for tile, expected in zip(row[1:], views.apply(image, 4, epoch, seed=7), strict=True):
            np.testing.assert_array_equal(tile, expected.transpose(1, 2, 0))


def labels_under(picture: Path, column: int, rows: int) -> list[bytes]:
    """The pixels under the tiles of a column."""
    sheet = Image.open(picture)
    step_x, step_y = CELL_PX + GAP_PX, (sheet.height - GAP_PX) // rows
    left = GAP_PX + column * step_x
    tops = [GAP_PX + row * step_y + CELL_PX for row in range(rows)]
    return [sheet.crop((left, top, left + CELL_PX, top + step_y - CELL_PX - GAP_PX)).tobytes() for top in tops]


@pytest.mark.parametrize("op", [MixUp(2, 8.0), CutMix(2)])
def test_batches_are_mixed_and_labels_say_how(look: Command, folder: Path, tmp_path: Path, op: MixUp | CutMix) -> None:
    pipeline = Pipeline([Resize((32, 32)), op])
    (tmp_path / "p.json").write_text(pipeline.to_json())
    output = tmp_path / "sheet.png"
    run = look(
        "view", folder, "--augment", tmp_path / "p.json", "--images", 3, "--samples", 2, "--seed", 7, "--cell",
        CELL_PX, "--output", output,
    )  # fmt: skip
    assert (run.code, run.err) == (0, "")
    # Both batches begin with sample 0, which they are keyed by.
    loader = DataLoader(Subset(Folder(str(folder)), [0, 2, 4]), 3, augment=pipeline, seed=7, shuffle=False)
    images, labels = next(iter(loader))
    np.testing.assert_array_equal(tiles(output, 3, "0.7 cat, 0.3 dog")[:, 1], images.numpy().transpose(0, 2, 3, 1))
    expected = [share_text(row.numpy(), ["cat", "dog"]) for row in labels]
    assert all("cat" in text and "dog" in text for text in (expected[0], expected[2]))
    drawn = contact_sheet(np.zeros((3, 3, 8, 8), np.uint8), expected, columns=1, cell_px=CELL_PX)
    drawn.save(tmp_path / "captions.png")
    assert labels_under(output, 1, 3) == labels_under(tmp_path / "captions.png", 0, 3)


def test_labels_that_are_mixed_are_named_by_their_shares() -> None:
    assert share_text(np.float32([0.25, 0.75, 0]), ["cat", "dog"]) == "0.75 dog, 0.25 cat"
    assert share_text(np.float32([0, 0, 1]), ["cat"]) == "1.00 2"


@pytest.mark.parametrize("preset", ["simclr", "dino"])
def test_presets_of_views_are_shown(look: Command, folder: Path, tmp_path: Path, preset: str) -> None:
    output = tmp_path / "sheet.png"
    run = look("view", folder, "--augment", preset, "--images", 1, "--samples", 1, "--output", output)
    assert (run.code, run.err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["--augment", "imagenet"],
            2,
            "Error: --augment imagenet is no file and no preset; give a file of Pipeline.to_json(), or of cifar_eval, "
            "cifar_train, dino, imagenet_eval, imagenet_train, mxnet_level1, mxnet_level2, mxnet_level3, simclr",
        ),
        (["--augment", "{folder}"], 2, "Error: --augment {folder} is no file and no preset; "),
        (["--augment", "{bad}"], 1, "Error: {bad}: a pipeline can't be read from JSON: Expecting"),
        (["--augment", "{bytes}"], 1, "Error: {bytes} is no text: 'utf-8' codec can't decode"),
        (["--augment", "{large}"], 1, "Error: RandomCrop: size must fit the image, which is (16, 20)"),
        (
            ["--augment", "{sizes}"],
            2,
            "Error: MixUp mixes images of one size, got (16, 20) and (20, 16) (height, width)",
        ),
        (
            ["--augment", "{raises}"],
            1,
            "Error: {folder}/cat/000.jpg: TypeError: the JSON object must be str, bytes or bytearray, not ndarray, in "
            "Lambda(function='json:loads') (sample 0)",
        ),
        (["--augment", "{classes}"], 2, "Error: CutMix: labels must be from 0 to 0, got 1 at row "),
        (["--output", "{folder}"], 2, "Error: --output {folder} can't be written: name a PNG file"),
    ],
)
def test_errors_are_one_line(
    look: Command, folder: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    files = {name: tmp_path / name for name in ("bad", "bytes", "large", "sizes", "classes", "raises")}
    files["bad"].write_text("{")
    files["bytes"].write_bytes(b"\xff\xfe")
    files["large"].write_text(Pipeline([RandomCrop(400)]).to_json())
    turned = Choice([RandomCrop((16, 20)), RandomCrop((20, 16), pad_if_needed=True)])
    files["sizes"].write_text(Pipeline([turned, MixUp(2)]).to_json())
    files["raises"].write_text(Pipeline([Lambda("json:loads")]).to_json())
    files["classes"].write_text(Pipeline([Resize((8, 8)), CutMix(1)]).to_json())
    places = {"folder": folder, **files}
    chosen = [each.format(**places) for each in arguments]
    run = look("view", folder, "--output", tmp_path / "sheet.png", *chosen)
    assert run.code == code
    assert run.err.count("\n") == 1
    assert not (tmp_path / "sheet.png").exists()
    if "large" in arguments[1]:
        # A record's error begins with its place.
        assert str(folder / "cat" / "000.jpg") in run.err
        message = message.removeprefix("Error: ")
    assert message.format(**places) in run.err
