"""Shared memory that is too small is told about before torch's workers die of it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, default_collate, default_convert

import penstock
from penstock.errors import PenstockError
from penstock.loaders.engines.shared_memory import CheckedCollate, Room, check_room, shm_room, tensor_bytes


@dataclass(frozen=True)
class Volume:
    """A `statvfs` of a file system with that much room."""

    size: int
    free: int

    def __call__(self, path: str) -> Volume:
        del path
        return self

    f_frsize = 1

    @property
    def f_blocks(self) -> int:
        return self.size

    @property
    def f_bavail(self) -> int:
        return self.free


def missing(path: str) -> Volume:
    raise FileNotFoundError(path)


class Ones(Dataset[Any]):
    """Samples of 4,000 bytes and a label."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.full((1000,), float(index)), index


def loaded(collate: CheckedCollate, workers: int = 2) -> list[Any]:
    return list(DataLoader(Ones(), 4, collate_fn=collate, num_workers=workers))


def listed(samples: list[Any]) -> list[Any]:
    """A batch that default_collate did not put into shared memory."""
    return [image.clone() for image, _ in samples]


def doubled(samples: list[Any]) -> Any:
    return torch.cat([image for image, _ in samples] * 2).clone()


def test_room_of_this_machine_is_that_of_statvfs() -> None:
    room = shm_room()
    if room is None:
        assert not Path("/dev/shm").exists()
        return
    found = os.statvfs("/dev/shm")
    assert room.size == found.f_frsize * found.f_blocks
    assert 0 <= room.free <= room.size


def test_no_such_place_is_no_limit() -> None:
    assert shm_room("/dev/shm", missing) is None
    assert shm_room("/no/such/place") is None
    check_room(1 << 60, statvfs=missing)


def test_room_counts_blocks() -> None:
    class Blocks(NamedTuple):
        f_frsize: int = 4096
        f_blocks: int = 10
        f_bavail: int = 3

    assert shm_room("anywhere", lambda _: Blocks()) == Room(40960, 12288)


def test_what_fits_exactly_is_let_through() -> None:
    check_room(1000, statvfs=Volume(64_000_000, 1000))


def test_the_message_says_what_is_needed_free_and_to_be_done() -> None:
    with pytest.raises(PenstockError) as caught:
        check_room(154_140_672, "a batch of 256 samples", path="/dev/shm", statvfs=Volume(67_108_864, 60_000_000))
    text = str(caught.value)
    assert text.startswith(
        "a batch of 256 samples needs 154.1 MB of shared memory, but /dev/shm has 60.0 MB of 67.1 MB"
    )
    for remedy in ("--shm-size=8g", "num_workers", 'on_worker_death="restart"', 'workers="threads"'):
        assert remedy in text


class Point(NamedTuple):
    x: torch.Tensor
    name: str


@dataclass
class Boxed:
    pixels: np.ndarray
    number: int


def test_bytes_are_summed_over_whatever_nests_them() -> None:
    four = torch.zeros(4)
    value = [
        (four, 3),
        {"a": np.zeros(5), "b": [four, "text"]},
        Point(four, "p"),
        Boxed(np.zeros(7, np.uint8), 2),
        None,
    ]
    assert tensor_bytes(value) == 16 + 40 + 16 + 16 + 7


def test_unshared_bytes_are_of_storages_and_counted_once() -> None:
    whole = torch.zeros(100)
    shared = torch.zeros(50).share_memory_()
    sparse = torch.eye(3).to_sparse()
    assert tensor_bytes([whole, whole[:10], shared, np.zeros(9), sparse], unshared=True) == 400


def test_outside_of_workers_nothing_is_looked_at() -> None:
    batch = CheckedCollate(default_collate, statvfs=Volume(0, 0))([(torch.ones(3), 1), (torch.zeros(3), 0)])
    assert batch[0].tolist() == [[1, 1, 1], [0, 0, 0]]


@pytest.mark.parametrize(("free", "collate"), [(1 << 30, default_collate), (17_000, default_collate), (17_000, listed)])
def test_batches_that_have_room_are_as_without(free: int, collate: Any) -> None:
    batches = loaded(CheckedCollate(collate, statvfs=Volume(1 << 30, free)))
    assert len(batches) == 3
    for number, batch in enumerate(batches):
        images = batch[0] if collate is default_collate else torch.stack(batch)
        assert images[:, 0].tolist() == [4 * number, 4 * number + 1, 4 * number + 2, 4 * number + 3]


@pytest.mark.parametrize("statvfs", [missing, Volume(0, 1 << 40)])
def test_where_there_is_no_limit_or_no_lock_workers_work(statvfs: Any) -> None:
    assert len(loaded(CheckedCollate(default_collate, path="/no/such/place", statvfs=statvfs))) == 3


def test_a_folder_that_cannot_be_locked_is_gone_without() -> None:
    assert len(loaded(CheckedCollate(default_collate, path="/no/such/place", statvfs=Volume(1 << 20, 17_000)))) == 3


def test_samples_without_room_are_one_clear_error() -> None:
    with pytest.raises(PenstockError, match=r"a batch of 4 samples needs 0\.0 MB of shared memory") as caught:
        loaded(CheckedCollate(default_collate, statvfs=Volume(64_000_000, 15_000)))
    assert "Caught PenstockError in DataLoader worker process 0" in str(caught.value)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_batch_larger_than_its_samples_is_found_too(workers: int) -> None:
    with pytest.raises(PenstockError, match="shared memory"):
        loaded(CheckedCollate(doubled, statvfs=Volume(64_000_000, 20_000)), workers)


@pytest.mark.parametrize("free", [1 << 30, 5_000])
def test_samples_that_come_one_by_one_are_as_without(free: int) -> None:
    collate = CheckedCollate(default_convert, single=True, statvfs=Volume(1 << 30, free))
    samples = list(DataLoader(Ones(), None, collate_fn=collate, num_workers=2))
    assert [(image.tolist(), label) for image, label in samples] == [([i] * 1000, i) for i in range(12)]


def test_a_sample_without_room_is_one_clear_error() -> None:
    collate = CheckedCollate(default_convert, single=True, statvfs=Volume(64_000_000, 3_999))
    with pytest.raises(PenstockError, match=r"a sample needs 0\.0 MB of shared memory, but /dev/shm has"):
        list(DataLoader(Ones(), None, collate_fn=collate, num_workers=2))


def test_it_pickles() -> None:
    copy = pickle.loads(pickle.dumps(CheckedCollate(default_collate)))
    assert copy.collate_fn is default_collate
    assert repr(copy).startswith("CheckedCollate(<function default_collate")


# A real, tiny file system at /dev/shm: in namespaces of our own we may mount one.

ALONE = ("unshare", "--user", "--map-root-user", "--mount")
MOUNT = 'mount -t tmpfs -o size="$1" tmpfs /dev/shm && shift && exec "$@"'

SCRIPT = """
import sys, torch
from torch.utils.data import DataLoader, Dataset, default_collate
from penstock.loaders.engines.shared_memory import CheckedCollate, shm_room

class Images(Dataset):
    def __len__(self): return 64
    def __getitem__(self, index): return torch.full((3, 128, 128), float(index)), index

if __name__ == "__main__":
    collate = CheckedCollate(default_collate) if sys.argv[1] == "checked" else default_collate
    if sys.argv[1] == "single":
        from penstock.loaders import DataLoader
        list(DataLoader(Images(), None, num_workers=int(sys.argv[2])))
    seen = 0
    for images, labels in DataLoader(Images(), 8, num_workers=int(sys.argv[2]), collate_fn=collate):
        assert torch.equal(images[:, 2, 127, 127], labels.float())
        seen += len(labels)
    print(seen, shm_room().size)
"""
BATCH_BYTES = 8 * 3 * 128 * 128 * 4


def in_tiny_room(size: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """SCRIPT, on a machine whose /dev/shm has that many bytes."""
    command = [*ALONE, "sh", "-c", MOUNT, "sh", str(size), sys.executable, "-c", textwrap.dedent(SCRIPT)]
    environment = os.environ | {"PYTHONPATH": str(Path(penstock.__file__).parent.parent)}
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, env=environment, check=False, timeout=100
    )


def can_mount() -> bool:
    try:
        done = subprocess.run([*ALONE, "sh", "-c", MOUNT, "sh", "4096", "true"], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


real = pytest.mark.skipif(not can_mount(), reason="user namespaces with mounts are not allowed here")


@real
def test_without_the_check_torch_fails_without_advice() -> None:
    """What this module is for; else the next test could not fail."""
    done = in_tiny_room(BATCH_BYTES // 2, "plain", 1)
    assert done.returncode != 0
    assert "Bus error" in done.stderr or "No space left on device" in done.stderr
    assert "--shm-size" not in done.stderr


@real
@pytest.mark.parametrize("workers", [1, 4])
def test_a_real_lack_of_room_is_explained(workers: int) -> None:
    done = in_tiny_room(BATCH_BYTES * workers // 2, "checked", workers)
    assert done.returncode == 1
    assert "a batch of 8 samples needs 1.6 MB of shared memory, but /dev/shm has" in done.stderr
    assert "Bus error" not in done.stderr


@real
def test_a_real_lack_of_room_for_one_sample_is_explained() -> None:
    done = in_tiny_room(BATCH_BYTES // 16, "single", 2)
    assert done.returncode == 1
    assert "a sample needs 0.2 MB of shared memory, but /dev/shm has" in done.stderr
    assert "Bus error" not in done.stderr


@real
def test_a_real_room_that_just_does_is_used() -> None:
    done = in_tiny_room(BATCH_BYTES * 6, "checked", 1)
    assert (done.returncode, done.stdout.split()[0]) == (0, "64"), done.stderr
