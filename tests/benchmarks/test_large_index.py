"""A pack with a large index: few bytes per sample, whatever the number of threads. Nothing here measures time."""

from __future__ import annotations

import json
import mmap
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.environment import child_environment
from benchmarks.large_index import THREADS, enlarge, markdown, memory
from support.containers import write_folder

from penstock.formats import Folder, Pack
from penstock.formats.pack.writer import write_pack

pytestmark = pytest.mark.alone

SAMPLES = 300_000


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packs "small" (9 samples), "medium" (3,000) and "large" (SAMPLES)."""
    place = tmp_path_factory.mktemp("packs")
    write_folder(place / "images")
    write_pack(Folder(place / "images"), place / "small")
    enlarge(place / "small", place / "medium", 3_000, shards=7)
    enlarge(place / "small", place / "large", SAMPLES, shards=7)
    return place


def test_samples_are_those_of_the_source_over_and_over(packs: Path) -> None:
    small, large = Pack(packs / "small"), Pack(packs / "large")
    assert len(large) == SAMPLES
    indices = np.array([0, 8, 9, 150_000, SAMPLES - 1])
    found, expected = large.records(indices), small.records(indices % 9)
    for name in ("codec", "labels", "offset", "length", "width", "height", "checksum"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert found.file.tolist() == [0, 0, 0, 3, 6]
    np.testing.assert_array_equal(large[SAMPLES - 1][0], small[(SAMPLES - 1) % 9][0])
    assert large.describe(150_000).startswith(str(packs / "large" / "shard-00003.pack"))
    assert large.name(SAMPLES - 1) == small.name((SAMPLES - 1) % 9)


def measured(pack: Path, threads: int) -> dict[str, Any]:
    options = ["--measure", str(pack), "--threads", str(threads), "--side", "32"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.large_index", *options],
        capture_output=True,
        text=True,
        check=False,
        env=child_environment(),
    )
    assert done.stderr == ""
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux's /proc")
def test_memory_per_sample(packs: Path) -> None:
    few = measured(packs / "medium", threads=1)
    many = measured(packs / "large", threads=1)
    assert 0 < many["index_bytes"] < 64 * SAMPLES
    more_private = many["private_bytes"] - few["private_bytes"]
    assert more_private + many["index_bytes"] - few["index_bytes"] < 64 * (SAMPLES - 3_000)
    assert more_private < 10 * (SAMPLES - 3_000)  # no copy of a column
    assert measured(packs / "large", threads=3)["index_bytes"] == many["index_bytes"]


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux's /proc")
def test_memory_counts_the_mapped_file_apart(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(8 << 20))
    before = memory(tmp_path / "file")
    mapped = np.memmap(tmp_path / "file", np.uint8, "r")
    assert mapped.sum() == 0
    anonymous = mmap.mmap(-1, 16 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    anonymous.write(b"x" * len(anonymous))
    after = memory(tmp_path / "file")
    assert (before["index"], after["index"]) == (0, 8 << 20)
    assert after["private"] - before["private"] > 15 << 20
    anonymous.close()


def test_the_table_shows_medians() -> None:
    turns = [
        {
            "threads": threads,
            "opened_seconds": 0.01 * scale,
            "first_batch_seconds": 0.1 * scale,
            "private_bytes": 500,
            "index_bytes": 4200,
        }
        for threads in THREADS
        for scale in (1, 2, 9)
    ]
    assert (
        "|       2 |         20 |             200 |                42.0 |                   5.0 | 47.0 |"
        in markdown({"samples": 100, "turns": turns})
    )


def test_a_source_with_several_shards_is_refused(packs: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"medium must have one shard, and has 7; pack with a larger --shard-size"):
        enlarge(packs / "medium", tmp_path / "out")
