"""The images of the benchmark suites, and the baseline that they are compared with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.images import MADE_COUNT, image_files, make_photographs, repeated
from examples.pillow_dataset import PillowImages, draw_crop
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_baseline_crops_inside_the_image(width: int, height: int) -> None:
    left, top, right, bottom = draw_crop(width, height, (0.08, 1.0))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


@pytest.mark.parametrize(
    ("size", "box"), [((1000, 10), (493, 0, 506, 10)), ((10, 1000), (0, 493, 10, 506)), ((30, 30), (0, 0, 30, 30))]
)
def test_baseline_crops_the_centre_where_nothing_else_fits(
    size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    assert draw_crop(*size, scale=(30.0, 30.0)) == box


def test_baseline_gives_what_torchs_users_get(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((40, 60, 3), 77, np.uint8)).save(tmp_path / name / "0.jpg")
    dataset = PillowImages(tmp_path, 24)
    assert len(dataset) == 2
    assert [dataset[k][1] for k in range(2)] == [0, 1]
    image, _ = dataset[0]
    assert image.shape == (3, 24, 24)
    assert image.dtype == torch.uint8
    assert image.is_contiguous()
    assert (image == 77).all()


def test_made_photographs_are_like_imagenets(tmp_path: Path) -> None:
    files = sorted(make_photographs(tmp_path).rglob("*.jpg"))
    assert len(files) == MADE_COUNT
    for path in files[:8]:
        with Image.open(path) as photograph:
            assert photograph.size == (500, 375)
    assert 80_000 < np.mean([path.stat().st_size for path in files]) < 130_000


def test_repeated_folder_links_each_jpeg_often_enough(tmp_path: Path) -> None:
    for name in ("b/1.jpg", "a/1.JPEG", "a/2.jpg"):
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "source" / "a" / "notes.txt").write_text("no image")
    assert repeated(tmp_path / "source", tmp_path / "many", enough=7) == 3
    links = image_files(tmp_path / "many")
    assert len(links) == 9
    assert sorted({path.read_bytes() for path in links}) == [b"a/1.JPEG", b"a/2.jpg", b"b/1.jpg"]
    assert {path.parent.name for path in links} == {"a", "b"}


def test_repeated_folder_needs_images(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no JPEG files in class folders"):
        repeated(tmp_path, tmp_path / "many")
