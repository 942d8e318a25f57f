"""The benchmark suites: their data, their baseline and their reports. Nothing here measures speed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks import report
from benchmarks.environment import describe
from benchmarks.images import MADE_COUNT, make_photographs
from benchmarks.loader import RESULTS, result_path
from examples.pillow_dataset import PillowImages, draw_crop
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

README = RESULTS.parent / "README.md"
RESULT: dict[str, Any] = {
    "workers": 1,
    "date": "2026-01-02T03:04:05+00:00",
    "images": 10,
    "images_per_second": {"torch": [100.0, 90.0, 120.0], "ours": [250.0, 240.0, 270.0]},
    "environment": {"processor": "Some(R) CPU @ 2 GHz"},
}


def test_table_shows_median_spread_and_ratio_to_the_first() -> None:
    assert report.table(RESULT).splitlines() == [
        "| images/s, 1 core(s) | median | lowest | highest | ratio |",
        "|---------------------|-------:|-------:|--------:|------:|",
        "| torch               |    100 |     90 |     120 |  1.00 |",
        "| ours                |    250 |    240 |     270 |  2.50 |",
    ]


def test_plot_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    report.plot(RESULT, tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.width == 1200


def test_result_is_named_after_day_processor_and_cores() -> None:
    assert result_path(RESULT) == RESULTS / "loader-2026-01-02-some-r-cpu-2-ghz-1-core.json"


def test_environment_can_be_written_down() -> None:
    block = describe()
    assert json.loads(json.dumps(block)) == block
    assert {"processor", "cores", "instruction_sets", "libraries", "commit"} <= set(block)
    assert {"torch", "numpy", "libjpeg-turbo (penstock)"} <= set(block["libraries"])


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


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.name)
def test_readme_shows_each_committed_result(path: Path) -> None:
    result = json.loads(path.read_text())
    assert not result["environment"]["debug_build"]
    text = README.read_text()
    assert path.name in text
    assert report.table(result) in text, f"put this into {README.name}:\n{report.table(result)}"
