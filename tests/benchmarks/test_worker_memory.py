"""Private memory of worker processes over an epoch of a pack stays what it was. Nothing here measures time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.worker_memory import CASES, ListOfPaths, markdown, measured_apart, write_packs

pytestmark = pytest.mark.alone

SAMPLES = 20_000
WORKERS = 2


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("memory")
    write_packs(place, SAMPLES)
    return place


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize(("name", "engine"), [("pool", "processes of Penstock's own"), ("workers", "torch's workers")])
def test_workers_gather_no_memory_from_a_pack(place: Path, name: str, engine: str) -> None:
    turn = measured_apart(name, place, WORKERS)
    assert engine in turn["engine"]
    assert turn["batches"] == -(-SAMPLES // 256)
    assert len(turn["first_bytes"]) == len(turn["last_bytes"]) == WORKERS
    assert all(0 < last < first + 2e6 for first, last in zip(turn["first_bytes"], turn["last_bytes"], strict=True))


def test_paths_are_all_different_and_samples_have_their_labels() -> None:
    dataset = ListOfPaths(3000)
    assert len({path for path, _ in dataset.samples}) == 3000
    image, label = dataset[2001]
    assert (image.shape, label) == ((16, 16, 3), 1)
    assert dataset.samples[2001] == ("/data/train/n00000001/n00000001_2001.JPEG", 1)


def test_the_table_has_means_over_workers_and_the_largest_growth() -> None:
    turns = [{"case": name, "batches": 3, "first_bytes": [10e6, 12e6], "last_bytes": [11e6, 15e6]} for name in CASES]
    lines = markdown({"turns": turns}).splitlines()
    assert len(lines) == 2 + len(CASES)
    assert [cell.strip() for cell in lines[2].split("|")[2:-1]] == ["2", "11.0", "13.0", "2.0", "3.0"]
