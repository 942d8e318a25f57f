"""Packing runs that are cut short, go on, share a directory, or run out of room."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.images import encoded, image_folder
from support.packs import Samples, files_of

from penstock.errors import DatasetError, DecodeError, OptionError, PackingError, RecordError
from penstock.formats import Dataset, Folder, Pack
from penstock.formats.pack.plan import PackOptions, make_plan
from penstock.formats.pack.prepare import Preparation
from penstock.formats.pack.shard import Image
from penstock.formats.pack.storage import exclusive, new_file
from penstock.formats.pack.verify import verify_pack
from penstock.formats.pack.writer import write_pack
from penstock.record import Codec, Records

SMALL = PackOptions(shard_size=2500)


class Breaking(Dataset):
    """A dataset that fails, as broken code would, at the samples from `limit` on."""

    def __init__(self, dataset: Dataset, limit: int) -> None:
        super().__init__()
        self.dataset, self.limit = dataset, limit
        self.reading = False

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def classes(self) -> list[str]:
        return self.dataset.classes

    @property
    def labels(self) -> np.ndarray:
        return self.dataset.labels

    def name(self, index: int) -> str:
        return self.dataset.name(index)

    def describe(self, index: int) -> str:
        return self.dataset.describe(index)

    def records(self, indices: Sequence[int] | np.ndarray) -> Records:
        if len(indices) < len(self) and max(indices) >= self.limit:
            raise RuntimeError("the source broke")
        return self.dataset.records(indices)


class Counting:
    """Progress that adds up."""

    def __init__(self) -> None:
        self.total = self.before = self.samples = self.size = 0

    def start(self, samples: int, done: int) -> None:
        self.total, self.before = samples, done

    def advance(self, samples: int, size: int) -> None:
        self.samples += samples
        self.size += size


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(image_folder(tmp_path / "in", {"cat": 10, "dog": 10}))


@pytest.fixture
def whole(folder: Folder, tmp_path: Path) -> dict[str, bytes]:
    write_pack(folder, tmp_path / "whole", SMALL)
    return files_of(tmp_path / "whole")


@pytest.mark.parametrize("options", [SMALL, PackOptions(resize=8, shuffle=True, seed=3)])
def test_the_bytes_do_not_depend_on_the_workers(folder: Folder, tmp_path: Path, options: PackOptions) -> None:
    for workers in (0, 1, 3):
        write_pack(folder, tmp_path / f"{workers}", options, workers=workers)
    made = [files_of(tmp_path / f"{workers}") for workers in (0, 1, 3)]
    assert made[0] == made[1] == made[2]
    assert set(made[0]) >= {"index.bin", "pack.json", "index.parquet", "shard-00000.pack"}
    assert ("shard-00001.pack" in made[0]) == (options is SMALL)  # both ways of sharing the work
    assert not {"plan.json", "pack.lock"} & set(made[0])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_second_run_redoes_nothing_that_is_finished(
    folder: Folder, whole: dict[str, bytes], tmp_path: Path, workers: int
) -> None:
    with pytest.raises(RuntimeError, match="the source broke"):
        write_pack(Breaking(folder, 14), tmp_path / "out", SMALL, workers=workers)
    left = {path.name: path.stat().st_ino for path in (tmp_path / "out").iterdir()}
    shards = {name: inode for name, inode in left.items() if name.startswith("shard-")}
    assert 0 < len(shards) < 7
    assert set(left) - set(shards) == {"plan.json"}
    with pytest.raises(DatasetError, match="is an unfinished pack: run the same pack-dataset command again"):
        Pack(tmp_path / "out")
    progress = Counting()
    result = write_pack(folder, tmp_path / "out", SMALL, workers=workers, progress=progress)
    assert result.reused_shards == len(shards)
    assert {name: (tmp_path / "out" / name).stat().st_ino for name in shards} == shards
    assert files_of(tmp_path / "out") == whole
    assert progress.total == 20
    assert 0 < progress.before == 20 - progress.samples
    records = Pack(tmp_path / "out").records(range(20))
    anew = [f"shard-{number:05d}.pack" not in shards for number in records.file.tolist()]
    assert progress.size == records.length[anew].sum()


def test_a_damaged_finished_shard_is_packed_again(folder: Folder, whole: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        write_pack(Breaking(folder, 14), tmp_path / "out", SMALL)
    os.truncate(tmp_path / "out" / "shard-00001.pack", 500)
    (tmp_path / "out" / ".shard-00002.pack.1-abcd.tmp").write_bytes(b"left by a killed run")
    assert write_pack(folder, tmp_path / "out", SMALL).reused_shards == 3
    assert files_of(tmp_path / "out") == whole


def test_other_options_or_source_are_refused_by_name(folder: Folder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(RuntimeError):
        write_pack(Breaking(folder, 14), out, SMALL)
    before = files_of(out)
    root = Path(folder.root)
    for options, message in [
        (PackOptions(shard_size=2600), "--shard-size was 2500, now it is 2600"),
        (PackOptions(shard_size=2500, quality=80), "--quality was not given, now it is 80"),
        (PackOptions(shard_size=2500, shuffle=True), "--shuffle was False, now it is True"),
        (PackOptions(shard_size=2500, selection={"part": "val"}), "--part was not given, now it is val"),
    ]:
        with pytest.raises(PackingError, match=message) as caught:
            write_pack(folder, out, options)
        assert "Use --overwrite" in str(caught.value)
    with pytest.raises(PackingError, match=r"the classes were \['cat', 'dog'\], now they are \['dog', 'cat'\]"):
        write_pack(Folder(root, classes=["dog", "cat"]), out, SMALL)
    os.utime(root / "cat" / "000.jpg", ns=(1, 1))
    with pytest.raises(PackingError, match=r"the source has changed \(files have been modified since\)"):
        write_pack(folder, out, SMALL)
    (root / "dog" / "extra.jpg").write_bytes(encoded(99))
    with pytest.raises(PackingError, match=r"the source has changed \(20 samples, now 21\)"):
        write_pack(Folder(root), out, SMALL)
    assert files_of(out) == before
    assert write_pack(Folder(root), out, SMALL, overwrite=True).reused_shards == 0
    assert len(Pack(out)) == 21


def test_a_finished_pack_forgives_new_times_but_not_new_names(folder: Folder, tmp_path: Path) -> None:
    write_pack(folder, tmp_path / "out", SMALL)
    root = Path(folder.root)
    os.utime(root / "cat" / "000.jpg", ns=(1, 1))
    assert write_pack(folder, tmp_path / "out", SMALL).was_complete
    (root / "cat" / "000.jpg").rename(root / "cat" / "00a.jpg")
    with pytest.raises(PackingError, match="other names, sizes or labels"):
        write_pack(Folder(root), tmp_path / "out", SMALL)


def test_skipping_after_stopping_keeps_the_finished_shards(folder: Folder, tmp_path: Path) -> None:
    bad = Path(folder.root) / "dog" / "003.jpg"
    bad.write_bytes(bad.read_bytes()[:-300])
    out = tmp_path / "out"
    with pytest.raises(RecordError, match=r"003\.jpg"):
        write_pack(folder, out, SMALL)
    finished = len(list(out.glob("shard-*")))
    assert finished > 2
    result = write_pack(folder, out, SMALL, on_error="skip")
    assert (result.samples, result.reused_shards) == (19, finished)
    assert [each.source for each in result.skipped] == ["dog/003.jpg"]
    assert [entry["source"] for entry in Pack(out).manifest.skipped] == ["dog/003.jpg"]
    assert "dog/003.jpg" not in list(Pack(out).names)
    again = write_pack(folder, out, SMALL, on_error="skip")
    assert again.was_complete
    assert again.skipped == result.skipped


def test_stopping_after_skipping_is_refused(folder: Folder, tmp_path: Path) -> None:
    bad = Path(folder.root) / "cat" / "001.jpg"
    bad.write_bytes(b"")
    with pytest.raises(RuntimeError):
        write_pack(Breaking(folder, 14), tmp_path / "out", SMALL, on_error="skip")
    with pytest.raises(PackingError, match=r"--on-error was skip, now it is raise, and cat/001\.jpg has been skipped"):
        write_pack(folder, tmp_path / "out", SMALL)
    assert write_pack(folder, tmp_path / "out", SMALL, on_error="skip").samples == 19


def test_nothing_but_bad_images_makes_no_pack(tmp_path: Path) -> None:
    source = Samples([b"no image"] * 3, np.zeros(3, np.int64), ["a", "b", "c"])
    with pytest.raises(PackingError, match="none of the 3 samples could be packed; the first: expected an image"):
        write_pack(source, tmp_path / "out", on_error="skip")
    assert not (tmp_path / "out" / "index.bin").exists()


def test_killed_between_the_last_files(folder: Folder, whole: dict[str, bytes], tmp_path: Path) -> None:
    plan = json.dumps(make_plan(folder, SMALL).record)
    for kept in ({"pack.json", "index.parquet"}, {"pack.json"}, set()):
        out = tmp_path / f"out-{len(kept)}"
        out.mkdir()
        for name, data in whole.items():
            if name in kept or name.startswith("shard-"):
                (out / name).write_bytes(data)
        (out / "plan.json").write_text(plan)
        result = write_pack(folder, out, SMALL)
        assert (result.reused_shards, result.was_complete) == (result.shards, False)
        assert files_of(out) == whole
    (out / "plan.json").write_text(plan)
    assert write_pack(folder, out, SMALL).was_complete
    assert files_of(out) == whole


def test_names_that_are_not_utf_8_are_escaped(tmp_path: Path) -> None:
    image_folder(tmp_path / "in", {"a": 1})
    try:
        os.rename(tmp_path / "in" / "a" / "000.jpg", os.fsencode(tmp_path / "in" / "a") + b"/\xff.jpg")
        os.rename(tmp_path / "in" / "a", os.fsencode(tmp_path / "in") + b"/\xfe")
    except OSError:
        pytest.skip("this file system takes no such names")
    write_pack(Folder(tmp_path / "in"), tmp_path / "out")
    assert list(Pack(tmp_path / "out").names) == [r"\xfe/\xff.jpg"]
    assert pq.read_table(tmp_path / "out" / "index.parquet")["class"].to_pylist() == [r"\xfe"]
    assert verify_pack(tmp_path / "out", lambda *_: None).problems == ()


def test_a_dataset_that_can_not_travel_to_workers(folder: Folder, tmp_path: Path) -> None:
    folder.transform = lambda image: image
    with pytest.raises(OptionError, match=r"can't be sent to worker processes .*: use workers=0"):
        write_pack(folder, tmp_path / "out", workers=2)
    assert not (tmp_path / "out").exists()


def test_an_empty_source_makes_no_pack(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected samples to pack"):
        write_pack(Samples([], np.zeros(0, np.int64), []), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_writer_at_a_time(folder: Folder, tmp_path: Path) -> None:
    with exclusive(tmp_path / "out"), pytest.raises(PackingError, match="another process is writing a pack here"):
        write_pack(folder, tmp_path / "out")
    assert write_pack(folder, tmp_path / "out").samples == 20
    assert not (tmp_path / "out" / "pack.lock").exists()


@pytest.mark.parametrize(
    "found", [{"plan.json": b"{"}, {"plan.json": b"[]"}, {"shard-00000.pack": b"?"}, {"index.bin": b"?"}]
)
def test_a_strange_destination_is_left_alone(folder: Folder, tmp_path: Path, found: dict[str, bytes]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name, data in found.items():
        (out / name).write_bytes(data)
    with pytest.raises(PackingError, match="is left as it is, because") as caught:
        write_pack(folder, out)
    assert "--overwrite" in str(caught.value)
    assert files_of(out) == found
    assert write_pack(folder, out, overwrite=True).samples == 20


def test_new_files_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_file(tmp_path / "file") as file:
        file.write(bytes(1 // (file.write(b"half") - 4)))
    assert files_of(tmp_path) == {}
    file = new_file(tmp_path / "missing" / "file")
    with pytest.raises(PackingError, match="can't be written: No such file or directory"), file:
        pytest.fail("there is no file to write")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    try:
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting a tmpfs is not allowed here")
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_full_disk(tmp_path: Path, small_disk: Path, workers: int) -> None:
    source = Folder(image_folder(tmp_path / "in", {"a": 40}, width=64, height=48))
    before = {path: path.read_bytes() for path in Path(source.root).rglob("*.jpg")}
    options = PackOptions(shard_size=20_000)
    with pytest.raises(PackingError, match=r"shard-0000\d\.pack can't be written: No space left on device") as caught:
        write_pack(source, small_disk / "out", options, workers=workers)
    assert "free some room, then run the same command again" in str(caught.value)
    left = sorted(path.name for path in (small_disk / "out").iterdir())
    assert left[0] == "plan.json"
    assert all(name.endswith(".pack") for name in left[1:])
    assert {path: path.read_bytes() for path in Path(source.root).rglob("*.jpg")} == before
    assert not (small_disk / "out" / "index.bin").exists()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    result = write_pack(source, small_disk / "out", options, workers=workers)
    assert result.samples == 40
    assert result.reused_shards == len(left) - 1


def test_records_have_a_largest_size() -> None:
    with pytest.raises(RecordError, match="expected at most 2147483647 bytes, got 2147483648; shrink the image"):
        Image(memoryview(np.zeros(2**31, np.uint8)), Codec.ENCODED, 1, 1)


def test_raw_pixels_of_another_size_are_refused() -> None:
    with pytest.raises(DecodeError, match="expected 2 x 3 x 3 bytes of raw pixels, got 17 bytes"):
        Preparation().apply(bytes(17), Codec.RAW, (3, 2))
    shrunk = Preparation(resize=1).apply(bytes(18), Codec.RAW, (3, 2))
    assert (shrunk.width, shrunk.height, len(shrunk.data)) == (2, 1, 6)


def test_workers_are_a_count(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="workers must be 0 or more, got -1"):
        write_pack(folder, tmp_path / "out", workers=-1)


def test_shards_are_planned_from_the_source(folder: Folder) -> None:
    plan = make_plan(folder, SMALL)
    assert plan.bounds[0] == 0
    assert plan.bounds[-1] == 20
    padded = (plan.sizes + 127) // 64 * 64
    for job in plan.jobs:
        assert padded[job.indices].sum() <= 2500
        assert len(job.indices) > 0
    one_each = make_plan(folder, PackOptions(shard_size=1))
    assert [len(job.indices) for job in one_each.jobs] == [1] * 20
