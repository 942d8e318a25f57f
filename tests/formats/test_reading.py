"""Reading records: locations and payloads, and everything that can be wrong with them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import crc32c
from penstock.errors import ChecksumError, MissingFileError, RecordError, TruncatedError
from penstock.formats.names import Names
from penstock.formats.reading import read_record
from penstock.record import WHOLE_FILE, Codec, Records


def record(path: str | None = None, offset: int = 0, length: int = WHOLE_FILE, **columns: Any) -> Records:
    """One record, at a location or, without a path, a payload."""
    return Records(
        codec=np.array([Codec.ENCODED], np.uint8),
        labels=np.zeros(1, np.int64),
        paths=[] if path is None else [path],
        file=np.array([-1 if path is None else 0], np.int32),
        offset=np.array([offset], np.int64),
        length=np.array([length], np.int64),
        width=np.zeros(1, np.int32),
        height=np.zeros(1, np.int32),
        **columns,
    )


@given(data=st.binary(max_size=100), offset=st.integers(0, 120), length=st.integers(0, 120))
def test_a_location_gives_its_bytes_or_is_truncated(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, offset: int, length: int
) -> None:
    path = tmp_path_factory.mktemp("reading") / "file"
    path.write_bytes(data)
    assert read_record(record(str(path)), 0) == data
    located = record(str(path), offset, length)
    if len(data[offset : offset + length]) == length:
        assert read_record(located, 0) == data[offset : offset + length]
    else:
        got = len(data[offset:])
        with pytest.raises(
            TruncatedError, match=f"^expected {length} bytes at offset {offset}, got {got}: the file is sh"
        ):
            read_record(located, 0)


def test_checksums_are_compared_for_locations_and_payloads(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"some data")
    right, wrong = (np.array([crc32c(data)], np.uint32) for data in (b"some data", b"some date"))
    payload: Any = {"payloads": [b"some data"]}
    assert read_record(record(str(tmp_path / "file"), checksum=right), 0) == b"some data"
    assert read_record(record(checksum=right, **payload), 0) == b"some data"
    message = (
        f"checksum mismatch: expected CRC-32C {wrong[0]:08x}, got {right[0]:08x}: the stored bytes have changed; res"
    )
    for damaged in (record(str(tmp_path / "file"), checksum=wrong), record(checksum=wrong, **payload)):
        with pytest.raises(ChecksumError, match=message):
            read_record(damaged, 0)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"^the file is not there; restore it, or leave it out of the dataset$"):
        read_record(record(str(tmp_path / "gone")), 0)
    with pytest.raises(RecordError, match=r"^the file can't be read: Is a directory$"):
        read_record(record(str(tmp_path)), 0)
    with pytest.raises(RecordError, match=r"^the file can't be opened: File name too long$"):
        read_record(record(str(tmp_path / ("x" * 300))), 0)
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(1 << 43)  # takes no room
    with pytest.raises(
        RecordError, match=r"^there is not enough memory to read its 8796093022208 bytes; leave it out$"
    ):
        read_record(record(str(tmp_path / "huge")), 0)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RecordError, match=r"^the file can't be read: it is a named pipe, socket or device; leave it"):
        read_record(record(str(tmp_path / "pipe"), 0, 10), 0)


file_names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.binary().map(os.fsdecode)


@given(names=st.lists(file_names, max_size=20))
def test_names_survive(names: list[str]) -> None:
    kept = Names(names)
    assert len(kept) == len(names)
    assert list(kept) == names
    assert [kept[k] for k in range(len(names))] == names
    for outside in (-1, len(names)):
        with pytest.raises(IndexError):
            kept[outside]
