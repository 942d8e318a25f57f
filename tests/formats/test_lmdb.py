"""LMDB: the documented layout, sharing and forking, and damage."""

from __future__ import annotations

import gc
import json
import os
import pickle
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.containers import encoded, pixels
from support.lmdbs import write

from penstock._core import crc32c
from penstock.errors import (
    ChecksumError,
    DatasetError,
    DatasetNotFoundError,
    DecodeError,
    RecordError,
    UnknownClassError,
)
from penstock.formats import LMDB, LMDBWriter
from penstock.formats.lmdb_layout import Entry, Header
from penstock.record import Codec

READING = {"subdir": False, "readonly": True, "lock": False}


def items(path: Path) -> dict[bytes, bytes]:
    with lmdb.open(str(path), **READING) as env, env.begin() as transaction:
        return dict(transaction.cursor())


def rewritten(path: Path, change: Callable[[dict[bytes, bytes]], object]) -> Path:
    """Another LMDB with the same items, changed."""
    changed = items(path)
    change(changed)
    target = path.with_name("changed.lmdb")
    with lmdb.open(str(target), subdir=False, lock=False, sync=False) as env, env.begin(write=True) as transaction:
        for key, value in changed.items():
            transaction.put(key, value)
    return target


def test_the_layout_is_that_of_lmdb_md(tmp_path: Path) -> None:
    data = encoded(pixels(0), "PNG")
    with LMDBWriter(tmp_path / "x", classes=["a", "ß"]) as writer:
        writer.add(data, 1, name="ü/0.png", width=32, height=24)
        writer.add(bytes(pixels(1, 2, 3)), 0, name="", codec=Codec.RAW, width=3, height=2)
        writer.commit()
    stored = items(tmp_path / "x")
    assert list(stored) == [bytes(8), bytes(7) + b"\1", b"penstock", b"penstock.labels"]
    name = "ü/0.png".encode()
    fields = struct.pack("<B3xIIII", 0, len(name), 32, 24, crc32c(data)) + name
    assert stored[bytes(8)] == struct.pack("<I", crc32c(fields)) + fields + data
    assert stored[bytes(7) + b"\1"][4:5] == b"\1"
    labels = struct.pack("<2q", 1, 0)
    assert stored[b"penstock.labels"] == labels
    header = stored[b"penstock"]
    assert struct.unpack("<I", header[:4])[0] == crc32c(header[4:])
    assert json.loads(header[4:]) == {
        "format": "penstock-lmdb",
        "version": 1,
        "count": 2,
        "classes": ["a", "ß"],
        "labels": {"dtype": "int64", "per_sample": None, "crc32c": crc32c(labels)},
    }
    np.testing.assert_array_equal(LMDB(tmp_path / "x")[1][0], pixels(1, 2, 3))


name_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300) | st.just("\udcff.png")


@given(
    name=name_texts,
    codec=st.sampled_from([Codec.ENCODED, Codec.RAW]),
    width=st.integers(0, 2**31 - 1),
    height=st.integers(0, 2**31 - 1),
    data=st.binary(max_size=50),
)
def test_an_entry_survives(name: str, codec: Codec, width: int, height: int, data: bytes) -> None:
    entry = Entry(name, int(codec), width, height, crc32c(data), data)
    assert Entry.decode(memoryview(entry.encode())) == entry
    assert Entry.decode(memoryview(entry.encode()), name_only=True).name == name


@given(value=st.binary(max_size=60))
def test_no_bytes_are_taken_for_an_entry_or_header(value: bytes) -> None:
    with pytest.raises(RecordError, match=r"expected at least 24 bytes|fields are damaged"):
        Entry.decode(memoryview(value))
    with pytest.raises(DatasetError, match="its header is damaged"):
        Header.decode(value)


def test_a_flipped_byte_in_an_entry_is_found(tmp_path: Path) -> None:
    source = write(tmp_path / "x")
    value = items(source)[bytes(8)]
    for place in range(0, len(value), 13):
        broken = bytearray(value)
        broken[place] ^= 0x10
        path = rewritten(source, lambda stored, broken=broken: stored.update({bytes(8): bytes(broken)}))
        dataset = LMDB(path)
        with pytest.raises(RecordError, match=r"changed\.lmdb, record 0.*(checksum mismatch).*\(sample 0\)") as caught:
            dataset[0]
        assert isinstance(caught.value, ChecksumError) == (place >= 24 + len("n0.png"))
        assert dataset[1][1] == 1
        del dataset
        path.unlink()


def header_with(**changes: Any) -> Callable[[dict[bytes, bytes]], None]:
    def change(stored: dict[bytes, bytes]) -> None:
        fields = json.loads(stored[b"penstock"][4:])
        fields["labels"].update(changes.pop("labels", {}))
        text = json.dumps({**fields, **changes}).encode()
        stored[b"penstock"] = struct.pack("<I", crc32c(text)) + text

    return change


def header_text(text: bytes) -> Callable[[dict[bytes, bytes]], None]:
    return lambda stored: stored.update({b"penstock": struct.pack("<I", crc32c(text)) + text})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda stored: stored.pop(b"penstock"),
            "an LMDB, but not one of Penstock's: it has no key 'penstock'; write it",
        ),
        (lambda stored: stored.update(penstock=b"xxxxx"), "no key"),
        (lambda stored: stored.update({b"penstock": b"{}"}), "its header is damaged (checksum mismatch)"),
        (header_text(b"not json"), "its header is not what LMDB.md says (JSONDecodeError"),
        (header_text(b"[" * 100_000), "its header is not what LMDB.md says (RecursionError"),
        (header_text(b"[1]"), "its header is not what LMDB.md says (TypeError"),
        (header_text(b"{}"), "its header is not what LMDB.md says (KeyError('format'))"),
        (header_text(b"\xff\xff"), "its header is not what LMDB.md says (UnicodeDecodeError"),
        (header_with(version=2), "expected penstock-lmdb version 1, got 'penstock-lmdb' version 2; read it with"),
        (header_with(count=-1), "its header has wrong values in count"),
        (header_with(count=True), "its header has wrong values in count"),
        (header_with(classes="ab"), "its header has wrong values in classes"),
        (header_with(classes=[1]), "its header has wrong values in classes"),
        (header_with(labels={"dtype": "object"}), "its header has wrong values in labels.dtype"),
        (header_with(labels={"per_sample": 1.5}), "its header has wrong values in labels.per_sample"),
        (header_with(labels={"crc32c": None}), "its header has wrong values in labels.crc32c"),
        (header_with(count=4), "expected 32 bytes of labels, got 24; write the file again"),
        (header_with(count=2**62), "bytes of labels, got 24"),
        (header_with(labels={"per_sample": 2**62}), "bytes of labels, got 24"),
        (lambda stored: stored.update({b"penstock.labels": bytes(24)}), "its labels are damaged (checksum mismatch)"),
        (lambda stored: stored.pop(b"penstock.labels"), "its labels are damaged (checksum mismatch)"),
        (header_with(classes=["a"]), "label 1 of sample 1 is no position in the 1 classes ('a')"),
    ],
)
def test_a_hostile_or_foreign_lmdb_is_refused(tmp_path: Path, change: Any, message: str) -> None:
    def checked(stored: dict[bytes, bytes]) -> None:
        change(stored)
        for key in [key for key in stored if isinstance(key, str)]:
            del stored[key], stored[b"penstock"]

    path = rewritten(write(tmp_path / "x"), checked)
    with pytest.raises(DatasetError) as caught:
        LMDB(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    dataset = LMDB(rewritten(write(tmp_path / "x"), lambda stored: stored.pop(bytes(7) + b"\1")))
    with pytest.raises(RecordError, match=r"changed\.lmdb, record 1: the record is not there; .* \(sample 1\)"):
        dataset[1]
    assert dataset.describe(1) == f"{tmp_path}/changed.lmdb, record 1"


def test_raw_pixels_of_the_wrong_size_are_refused(tmp_path: Path) -> None:
    entry = Entry("n", int(Codec.RAW), 4, 4, crc32c(b"x" * 9), b"x" * 9)
    dataset = LMDB(rewritten(write(tmp_path / "x"), lambda stored: stored.update({bytes(8): entry.encode()})))
    with pytest.raises(
        DecodeError, match=r"expected 4 x 4 x 3 bytes of raw pixels, got 9 bytes; the record is damaged"
    ):
        dataset[0]
    del dataset
    newer = Entry("n", 77, 4, 4, crc32c(b""), b"")
    dataset = LMDB(rewritten(write(tmp_path / "y"), lambda stored: stored.update({bytes(8): newer.encode()})))
    with pytest.raises(RecordError, match="unknown codec 77 or size 4 x 4; read it with a newer Penstock"):
        dataset[0]


def test_files_that_are_no_lmdb(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"expected an LMDB, but .*gone is not there; check the path"):
        LMDB(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"empty/data\.mdb can't be opened as an LMDB: No such file"):
        LMDB(tmp_path / "empty")
    for name, data in {
        "zero": b"",
        "text": b"hello" * 5000,
        "magic": bytes(16) + b"\xde\xc0\xef\xbe" + bytes(8192),
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DatasetError, match=f"{name} can't be opened as an LMDB: "):
            LMDB(tmp_path / name)


def test_a_file_cut_short_is_refused_before_and_after_opening(tmp_path: Path) -> None:
    path = write(tmp_path / "x")
    size = path.stat().st_size
    dataset = LMDB(path)
    os.truncate(path, size - 4096)
    with pytest.raises(
        DatasetError, match=rf"x is cut short: expected at least {size} bytes, got {size - 4096}; restore"
    ):
        dataset[0]
    with pytest.raises(DatasetError, match="is cut short"):
        LMDB(path)


def test_a_removed_or_replaced_file_can_still_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "x")
    dataset = LMDB(path)
    write(path, labels=(5,), classes=(), overwrite=True)
    np.testing.assert_array_equal(dataset[2][0], pixels(2))
    assert LMDB(path).labels.tolist() == [5]
    copy = pickle.loads(pickle.dumps(dataset))
    with pytest.raises(DatasetError, match="x has been replaced since the dataset was opened; open it again"):
        copy[0]
    path.unlink()
    np.testing.assert_array_equal(dataset[2][0], pixels(2))


def test_objects_on_one_file_share_its_environment(tmp_path: Path) -> None:
    path = write(tmp_path / "x")
    (tmp_path / "link").symlink_to(path)
    one, two, three = LMDB(path), LMDB(path), LMDB(tmp_path / "link")
    for dataset in (one, two, three):
        np.testing.assert_array_equal(dataset[1][0], pixels(1))
    del one, two, dataset
    gc.collect()
    assert three[0][1] == 0
    del three
    gc.collect()
    with lmdb.open(str(path), **READING), pytest.raises(DatasetError, match="is already open in this process"):
        LMDB(path)
    assert LMDB(path)[0][1] == 0


def test_a_directory_with_data_mdb_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    write(tmp_path / "set" / "data.mdb")
    dataset = LMDB(tmp_path / "set")
    assert dataset.name(1) == "n1.png"
    assert dataset.describe(1) == f"{tmp_path}/set, record 1 (n1.png)"


def test_forks_of_forks_and_threads_read_at_once(tmp_path: Path) -> None:
    dataset = LMDB(write(tmp_path / "x"))
    stop = threading.Event()

    def hammer() -> None:
        while not stop.is_set():
            dataset[0]

    threads = [threading.Thread(target=hammer) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                good = dataset[1][1] == 1
                grandchild = os.fork()
                good &= bool((dataset[2][0] == pixels(2)).all())
                if grandchild:
                    good &= os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]) == 0
                os._exit(0 if good else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_pickles_are_small(tmp_path: Path) -> None:
    assert len(pickle.dumps(LMDB(write(tmp_path / "x", labels=[0] * 100)))) < 100 * 8 + 1500


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [([[0, 1], [1, 1]], np.int64), ([[0.5, 1], [1, 0]], np.float32), ([[3], [4]], np.int64)],
)
def test_several_labels_per_sample(tmp_path: Path, labels: list[list[float]], dtype: Any) -> None:
    path = write(tmp_path / "x", labels=[np.array(label) for label in labels], classes=["s", "t"])
    dataset = LMDB(path, classes=["s", "t"])
    assert dataset.labels.dtype == dtype
    assert dataset.labels.tolist() == labels
    assert dataset[1][1].tolist() == labels[1]
    with pytest.raises(
        DatasetError, match=r"x has several labels per sample and the classes 's', 't'; it can't be read"
    ):
        LMDB(path, classes=["t", "s"])


def test_labels_are_translated_by_class_name(tmp_path: Path) -> None:
    path = write(tmp_path / "x")
    assert LMDB(path, classes=["b", "z", "a"]).labels.tolist() == [2, 0, -1]
    assert LMDB(write(tmp_path / "y", labels=[0, 0]), classes=["a"]).labels.tolist() == [0, 0]
    with pytest.raises(
        UnknownClassError, match=r"label 'b' \(.*x\) (is|are) not among the 2 classes asked for: 'a', 'z'; add"
    ):
        LMDB(path, classes=["a", "z"])


def test_pages_that_lmdb_finds_damaged_are_named(tmp_path: Path) -> None:
    page = 4096
    with LMDBWriter(tmp_path / "x", classes=["a"]) as writer:
        for k in range(9):
            writer.add(bytes(3 * 60 * 60), 0, name=f"sample {k}", codec=Codec.RAW, width=60, height=60)
        writer.commit()
    dataset = LMDB(tmp_path / "x")
    at = (tmp_path / "x").read_bytes().index(b"sample 4") // page * page
    with (tmp_path / "x").open("r+b") as stream:
        stream.seek(at)
        stream.write(b"\xa5" * 16)
    with pytest.raises(RecordError, match=r"x, record 4: it can't be read: .*; restore the file") as caught:
        dataset.records([3, 4, 5])
    assert caught.value.index == 4
    assert isinstance(caught.value.__cause__, lmdb.Error)
    assert dataset.describe(4) == f"{tmp_path}/x, record 4"
    assert dataset[3][0].shape == (60, 60, 3)


def test_a_damaged_page_under_the_header_is_an_error_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "x")
    content = bytearray(path.read_bytes())
    at = content.index(b"penstock") // 4096 * 4096
    content[at : at + 16] = b"\xa5" * 16
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"x: key 'penstock': it can't be read: .*; restore the file"):
        LMDB(path)
