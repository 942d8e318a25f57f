"""Writing LMDBs: whole or not at all, whatever goes wrong."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest
from support.lmdbs import write

from penstock.errors import PackingError
from penstock.formats import LMDB, LMDBWriter, lmdb_writer
from penstock.record import Codec


def test_leaving_without_commit_leaves_nothing(tmp_path: Path) -> None:
    with LMDBWriter(tmp_path / "x", classes=[]) as writer:
        writer.add(b"data", 0, name="n")
        assert len(os.listdir(tmp_path)) == 1
    assert os.listdir(tmp_path) == []
    with pytest.raises(
        PackingError, match=r"the writer of .*x is closed \(committed, aborted or failed\); make a new one"
    ):
        writer.add(b"data", 0, name="n")
    with pytest.raises(KeyError), LMDBWriter(tmp_path / "x", classes=[]):
        raise KeyError
    assert os.listdir(tmp_path) == []


def test_only_the_file_is_left_after_commit(tmp_path: Path) -> None:
    path = write(tmp_path / "new" / "x")
    assert os.listdir(path.parent) == ["x"]
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_nothing_is_overwritten_unless_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "x")
    before = path.read_bytes()
    with pytest.raises(PackingError, match=r"x is there already; give another path, or replace it with --overwrite"):
        LMDBWriter(path, classes=[])
    with pytest.raises(PackingError, match="is a directory; remove it, or give the name of a file to write"):
        LMDBWriter(tmp_path, classes=[], overwrite=True)
    with LMDBWriter(path, classes=[], overwrite=True) as writer:
        writer.add(b"other", 0, name="n")
    assert path.read_bytes() == before
    with LMDBWriter(tmp_path / "late", classes=[]) as writer:
        writer.add(b"data", 0, name="n")
        (tmp_path / "late").touch()
        with pytest.raises(PackingError, match="late is there already"):
            writer.commit()
    assert sorted(os.listdir(tmp_path)) == ["late", "x"]
    assert (tmp_path / "late").read_bytes() == b""


def test_the_map_grows_as_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmdb_writer, "START_BYTES", 64 << 10)
    monkeypatch.setattr(lmdb_writer, "FLUSH_BYTES", 50_000)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (100, 90, 3), np.uint8) for _ in range(20)]
    with LMDBWriter(tmp_path / "x", classes=[]) as writer:
        for k, image in enumerate(images):
            writer.add(image.tobytes(), k, name=str(k), codec=Codec.RAW, width=90, height=100)
        assert len(writer) == 20
        writer.commit()
    dataset = LMDB(tmp_path / "x")
    np.testing.assert_array_equal(dataset[:][0], images)
    assert dataset.labels.tolist() == list(range(20))


class FullDisk(LMDBWriter):
    """A writer whose disk is full after some bytes."""

    class Environment:
        def __init__(self, env: lmdb.Environment) -> None:
            self._env = env

        def begin(self, **options: Any) -> Any:
            del options
            raise lmdb.DiskError("mdb_txn_commit: No space left on device")

        def __getattr__(self, name: str) -> Any:
            return getattr(self._env, name)

    def _environment(self) -> Any:
        return self.Environment(super()._environment())


def test_a_full_disk_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    with FullDisk(tmp_path / "x", classes=[]) as writer:
        writer.add(b"data", 0, name="n")
        with pytest.raises(
            PackingError, match=r"x can't be written: .*No space left on device; what was written is removed"
        ):
            writer.commit()
    assert os.listdir(tmp_path) == []


def fill(path: Path) -> str:
    """Writes until it fails; the message."""
    with LMDBWriter(path, classes=[]) as writer:
        for k in range(1000):
            try:
                writer.add(os.urandom(1 << 20), 0, name=str(k))
            except PackingError as error:
                return str(error)
    return "it never failed"


def test_a_write_that_the_system_refuses_leaves_nothing(tmp_path: Path) -> None:
    reader, answer = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5 << 20, 5 << 20))
        os.write(answer, fill(tmp_path / "x").encode())
        os._exit(0)
    os.waitpid(child, 0)
    message = os.read(reader, 1000).decode()
    os.close(reader)
    os.close(answer)
    assert message.startswith(f"{tmp_path}/x can't be written: mdb_txn_commit: ")
    assert message.endswith("; what was written is removed, run it again")
    assert os.listdir(tmp_path) == []


def test_a_small_disk() -> None:
    disk = os.environ.get("PENSTOCK_TEST_SMALL_DISK")
    if not disk:
        pytest.skip("PENSTOCK_TEST_SMALL_DISK names no small file system of its own")
    assert f"{disk}/x can't be written: no space left on its disk (mdb_txn_commit" in fill(Path(disk) / "x")
    assert os.listdir(disk) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": 0.5}, "label of sample 1: expected an int, or a (k,) array as in the samples before, got 0.5"),
        ({"label": np.array([1])}, "label of sample 1: expected an int"),
        ({"label": "cat"}, "label of sample 1: expected an int"),
        ({"label": 2}, "label 2 of sample 1 is no position in the 2 classes"),
        ({"label": -2}, "label -2 of sample 1 is no position in the 2 classes"),
        ({"label": 0, "codec": Codec.RAW, "width": 2, "height": 1}, "raw pixels of sample 1: expected 6 bytes, got 4"),
        ({"label": 0, "codec": Codec.DCT}, "sample 1 is a dct record, which only packs hold; give a JPEG"),
        ({"label": 0, "codec": Codec.RAW}, "raw pixels of sample 1: expected 0 bytes, got 4"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with LMDBWriter(tmp_path / "x", classes=["a", "b"]) as writer:
        writer.add(b"data", 0, name="n")

        def finish() -> None:
            writer.add(b"data", name="n", **arguments)
            writer.commit()

        with pytest.raises(PackingError) as caught:
            finish()
    assert message in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_nothing_added_is_an_error(tmp_path: Path) -> None:
    with LMDBWriter(tmp_path / "x", classes=[]) as writer, pytest.raises(PackingError, match="no samples were added"):
        writer.commit()
    assert os.listdir(tmp_path) == []


def test_a_destination_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PackingError, match=r"file/x can't be written: .*(Not a directory|File exists)"):
        LMDBWriter(tmp_path / "file" / "x", classes=[])
