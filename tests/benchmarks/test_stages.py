"""What follows from measured stages, and how they are shown. Nothing here measures speed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks import results, stages, stages_report
from benchmarks.environment import ROOT
from benchmarks.stages_report import crossover_bytes_per_second
from hypothesis import given
from hypothesis import strategies as st

NAMES = ("read", "head", "checksum", "expand", "inverse DCT", "upsample, colour", "draw, resize, write uint8")


def dct(level: str, us: float) -> dict[str, Any]:
    """A line for 10 images, each stage `us` microseconds an image and all fused 5 of them."""
    line = {"codec": "dct", "level": level, "images": 10, "bytes": 900_000, "blocks": 15_000}
    line["stages"] = dict.fromkeys(NAMES, us * 10 / 1e6)
    return line | {"uint8": 5 * us * 10 / 1e6, "float32": 6 * us * 10 / 1e6}


def encoded(us: float) -> dict[str, Any]:
    """A line for 10 image files."""
    parts = {"read": 0.0, "decode, draw, resize, write uint8": us * 10 / 1e6}
    line = {"codec": "encoded", "level": "avx512", "images": 10, "bytes": 1_000_000, "stages": parts}
    return line | {"uint8": us * 10 / 1e6}


def result() -> dict[str, Any]:
    crop = [dct("avx512", us) for us in (50, 40, 90)] + [dct("portable", 100), encoded(1000)]
    return {
        "levels": ["avx512", "portable"],
        "record_bytes": {"dct": 150_000.0, "encoded": 100_000.0},
        "crop": [*crop, {"codec": "none", "copied_bytes_per_second": 8e9}],
        "whole": [dct("avx512", 80) | {"bytes": 1_500_000}, encoded(1200)],
        "cold": {
            "dct": [{"images": 10, "seconds": 0.005, "disk_bytes": 1_200_000}],
            "encoded": [{"images": 10, "seconds": 0.01, "disk_bytes": 1_000_000}],
        },
    }


def test_stages_are_medians_in_microseconds_by_level() -> None:
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in stages_report.stages_table(result()).split("\n")
    ]
    assert lines[0] == ["stage", "avx512", "portable"]
    assert lines[2] == ["read", "50.0", "100.0"]
    assert lines[-4:] == [
        ["all, fused, to uint8", "250.0", "500.0"],
        ["all, fused, to float32", "300.0", "600.0"],
        ["images/s of that, uint8", "4,000", "2,000"],
        ["checksums' share", "20.0%", "20.0%"],
    ]


def test_bytes_are_set_against_memory_and_blocks() -> None:
    text = stages_report.bytes_text(result())
    assert "A record has 150.0 kB, 1.50 times the file's 100.0 kB. A crop reads 90.0 kB of it" in text
    assert "one thread at avx512 takes in 360 MB/s; it copies 8,000 MB/s" in text
    assert "1,500 blocks: 167 ns for each" in text


def test_cold_table_says_what_came_from_storage() -> None:
    assert stages_report.cold_table(result()["cold"]).splitlines()[2:] == [
        "| dct     |    2,000 |                 120.0 |               240 |",
        "| encoded |    1,000 |                 100.0 |               100 |",
    ]


def test_crossover_for_crops_and_whole_images_is_said() -> None:
    text = stages_report.crossover_text(result())
    assert "- random crops: **120 MB/s** (dct 120 kB and 250 us an image, encoded 100 kB and 1,000 us)" in text
    assert "- whole images: **125 MB/s** (dct 150 kB and 400 us an image, encoded 100 kB and 1,200 us)" in text


def test_no_crossover_is_made_up_where_nothing_came_from_storage() -> None:
    found = result()
    found["cold"]["dct"][0]["disk_bytes"] = 0
    text = stages_report.crossover_text(found)
    assert "- random crops: not known, because nothing came from storage: is `TMPDIR` in memory?" in text
    assert "- whole images: **125 MB/s**" in text


sizes = st.floats(1e3, 1e6)
times = st.floats(1e-5, 1e-2)


@given(sizes, times, sizes, times, st.floats(1e3, 1e12))
def test_encoded_is_faster_exactly_below_the_crossover(
    dct_bytes: float, dct_seconds: float, encoded_bytes: float, encoded_seconds: float, bandwidth: float
) -> None:
    limit = crossover_bytes_per_second(dct_bytes, dct_seconds, encoded_bytes, encoded_seconds)
    dct_rate = min(bandwidth / dct_bytes, 1 / dct_seconds)
    encoded_rate = min(bandwidth / encoded_bytes, 1 / encoded_seconds)
    if bandwidth < limit * 0.999:
        assert encoded_rate > dct_rate or dct_bytes == pytest.approx(encoded_bytes)
    elif bandwidth > limit * 1.001 and dct_seconds <= encoded_seconds:
        assert dct_rate >= encoded_rate * 0.999


def test_options_are_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["stages", "--data", str(tmp_path / "none")])
    with pytest.raises(SystemExit, match="--data must be an image folder"):
        stages.main()


@pytest.mark.parametrize("path", sorted(results.RESULTS.glob("stages-*.json")), ids=lambda path: path.name)
def test_readme_shows_each_committed_result(path: Path) -> None:
    assert stages_report.markdown(json.loads(path.read_text())) in results.README.read_text()


def test_program_still_fits_the_engine() -> None:
    compiler = os.environ.get("CXX", "c++").split()
    sources = sorted(map(str, (ROOT / "core" / "benchmarks").glob("*.cpp")))
    command = [*compiler, "-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'core'}", *sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
