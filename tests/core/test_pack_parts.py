"""Headers, table directories and rows of packs: every field at its edges, with right checksums (SPEC.md, 1 to 4)."""

from __future__ import annotations

import io
import re
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock._core import (
    crc32c,
    find_bad_row,
    names_in_order,
    read_index_header,
    read_shard_header,
    read_shard_trailer,
    read_table,
)
from penstock.errors import DatasetError, OptionError
from penstock.formats.pack.layout import IndexHeader, ShardHeader, ShardTrailer
from penstock.formats.pack.table import SectionId, write_table
from penstock.record import Records

PACK_ID = bytes(range(16))
FILE_BYTES = 4096
HEADERS = {
    "index": IndexHeader(3, PACK_ID, 7, 9).to_bytes(),
    "shard": ShardHeader(5, PACK_ID).to_bytes(),
    "trailer": ShardTrailer(5, 1024, FILE_BYTES - 64 - 1024, 7).to_bytes(),
}


def read(name: str, block: bytes, file_bytes: int = FILE_BYTES) -> tuple[object, ...]:
    if name == "index":
        return read_index_header(block, "here")
    return read_shard_header(block, "here") if name == "shard" else read_shard_trailer(block, file_bytes, "here")


def sealed(block: bytes) -> bytes:
    return block[:60] + struct.pack("<I", crc32c(block[:60]))


def with_number(data: bytes, at: int, kind: str, value: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(kind, changed, at, value)
    return bytes(changed)


def test_headers_are_read_back() -> None:
    assert read("index", HEADERS["index"]) == (3, PACK_ID, 7, 9)
    assert read("shard", HEADERS["shard"]) == (5, PACK_ID)
    assert read("trailer", HEADERS["trailer"]) == (5, 1024, FILE_BYTES - 64 - 1024, 7)


@pytest.mark.parametrize("name", HEADERS)
def test_every_flipped_bit_of_a_header_is_an_error(name: str) -> None:
    for bit in range(64 * 8):
        block = bytearray(HEADERS[name])
        block[bit // 8] ^= 1 << bit % 8
        message = "expected 64 bytes that begin with" if bit < 64 else "checksum mismatch, expected CRC-32C"
        with pytest.raises(DatasetError, match=f"^here: {message}"):
            read(name, bytes(block))


@pytest.mark.parametrize("name", HEADERS)
def test_headers_have_64_bytes(name: str) -> None:
    for size in (0, 1, 8, 63, 65):
        block = (HEADERS[name] + b"\0")[:size]
        with pytest.raises(DatasetError, match=rf"^here: expected 64 bytes that begin with 'PSTK.*got {size} that"):
            read(name, block)


@pytest.mark.parametrize(
    ("name", "at", "kind", "value", "message"),
    [
        ("index", 8, "<I", 0, "version 0 is unknown"),
        ("index", 8, "<I", 2, "version 2 is unknown, this Penstock reads version 1: upgrade"),
        ("index", 12, "<I", 1_000_001, "7 rows in 1000001 shards, more than the format allows"),
        ("index", 32, "<Q", 2**40 + 1, "more than the format allows"),
        ("index", 44, "<B", 1, "bytes 44 to 59 are not zero"),
        ("index", 59, "<B", 128, "bytes 44 to 59 are not zero"),
        ("shard", 8, "<I", 2**32 - 1, "version 4294967295 is unknown"),
        ("shard", 32, "<B", 1, "bytes 32 to 59 are not zero"),
        ("trailer", 8, "<I", 2, "version 2 is unknown"),
        ("trailer", 40, "<B", 1, "bytes 40 to 59 are not zero"),
        *(
            ("trailer", 16, "<Q", value, "which does not end 64 bytes before the file's end at 4096")
            for value in (0, 1, 63, 960, 1023, 1088, FILE_BYTES - 64, FILE_BYTES, 2**63, 2**64 - 64)
        ),
        *(
            ("trailer", 24, "<Q", value, "which does not end 64 bytes before the file's end at 4096")
            for value in (0, FILE_BYTES - 64 - 1024 - 1, FILE_BYTES, 2**64 - 1, 2**64 - 1024)
        ),
        ("trailer", 32, "<Q", 2**40 + 1, "promises a footer of 1099511627777 rows"),
    ],
)
def test_fields_of_headers(name: str, at: int, kind: str, value: int, message: str) -> None:
    with pytest.raises(DatasetError, match=f"^here: .*{re.escape(message)}"):
        read(name, sealed(with_number(HEADERS[name], at, kind, value)))


@pytest.mark.parametrize("file_bytes", [0, 1, 64, 127, 128, 1024, FILE_BYTES - 1, FILE_BYTES + 1, 2**64 - 1])
def test_a_trailer_fits_no_other_file(file_bytes: int) -> None:
    with pytest.raises(DatasetError, match=f"the file's end at {file_bytes}"):
        read("trailer", HEADERS["trailer"], file_bytes)


# --- directories

COLUMNS: dict[SectionId, Any] = {
    SectionId.OFFSET: np.arange(5, dtype=np.int64),
    SectionId.CODEC: np.zeros(5, np.uint8),
    SectionId.LABEL: np.ones((5, 3), np.float32),
    SectionId.NAMES: np.frombuffer(b"cat dog", np.uint8),
}


def table() -> bytes:
    file = io.BytesIO()
    write_table(file, 5, COLUMNS)
    return file.getvalue()


def signed(data: bytes) -> bytes:
    """With the right checksum over its directory, as far as there is one."""
    (count,) = struct.unpack_from("<I", data)
    directory = data[:4] + data[8 : 32 + 32 * min(count, 64)]
    return data[:4] + struct.pack("<I", crc32c(directory)) + data[8:]


def entry(k: int) -> int:
    return 32 + 32 * k


def test_a_table_is_read_back() -> None:
    data = table()
    rows, size, sections = read_table(data, "here")
    assert (rows, size) == (5, len(data))
    assert [section[:4] for section in sections] == [
        (2, "<i8", 5, 0),
        (4, "|u1", 5, 0),
        (9, "<f4", 5, 3),
        (11, "|u1", 7, 0),
    ]
    for (_, _, _, _, checksum, offset, bytes_), column in zip(sections, COLUMNS.values(), strict=True):
        assert data[offset : offset + bytes_] == column.tobytes()
        assert checksum == crc32c(column.tobytes())


def test_every_flipped_bit_of_a_directory_is_an_error() -> None:
    data = table()
    for bit in range((32 + 32 * len(COLUMNS)) * 8):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DatasetError, match=r"^here: expected .*; restore it, or pack the dataset again$"):
            read_table(bytes(damaged), "here")


def test_a_truncated_table_is_an_error() -> None:
    data = table()
    for size in range(len(data)):
        with pytest.raises(DatasetError, match=r"^here: expected .*restore it, or pack the dataset again"):
            read_table(data[:size], "here")


@pytest.mark.parametrize(
    ("at", "kind", "value", "message"),
    [
        (0, "<I", 65, "expected at most 64 sections in 448 bytes, got 65"),
        (0, "<I", 2**32 - 1, "expected at most 64 sections"),
        (0, "<I", 64, "expected at most 64 sections in 448 bytes, got 64"),
        (0, "<I", 3, "expected section 2 at 128, within 448 bytes, got 192"),
        (8, "<Q", 2**40 + 1, "expected at most 1099511627776 rows"),
        (16, "<Q", 449, "rows in 448 bytes, got 5 rows in 449 bytes"),
        (16, "<Q", 447, "expected sections that end at 447, got 448"),
        (16, "<Q", 0, "expected section 2 at 192, within 0 bytes"),
        (24, "<B", 1, "expected zeros at the end of the table's head"),
        (31, "<B", 1, "expected zeros at the end of the table's head"),
        (160, "<B", 1, "expected zeros after the directory"),
        (entry(0), "<I", 4, "expected section codec of |u1, got <i8 x 0"),
        (entry(0), "<I", 1000, "expected section fallbacks of |u1, got <i8 x 0"),
        (entry(0), "<I", 12, "section 12 is unknown to this Penstock, and may not be ignored: upgrade"),
        (entry(0), "<I", 999, "section 999 is unknown"),
        (entry(1), "<I", 11, "expected section 11 once, got two"),
        (entry(0) + 4, "<I", 0, "expected a known type in section 2, got bytes 00000000"),
        (entry(0) + 7, "<B", 1, "expected a known type in section 2"),
        (entry(0) + 16, "<I", 1, "expected section offset of <i8, got <i8 x 1"),
        (entry(0) + 16, "<I", 2**20 + 1, "expected at most 1048576 items per row in section 2, got 1048577"),
        (entry(2) + 16, "<I", 0, "expected section"),
        *((entry(k) + 8, "<Q", 2**64 - 1, "within 448 bytes") for k in range(4)),
        *((entry(0) + 8, "<Q", value, "within 448 bytes") for value in (33, 2**61, 2**61 + 5, 2**63)),
        (entry(0) + 8, "<Q", 9, "expected section 4 at 320, within 448 bytes, got 256"),
        *((entry(0) + 24, "<Q", value, "expected section 2 at 192") for value in (0, 128, 191, 256, 2**64 - 64)),
    ],
)
def test_fields_of_directories(at: int, kind: str, value: int, message: str) -> None:
    with pytest.raises(DatasetError, match=f"^here: .*{re.escape(message)}"):
        read_table(signed(with_number(table(), at, kind, value)), "here")


def test_one_float_label_is_refused() -> None:
    file = io.BytesIO()
    write_table(file, 5, {SectionId.LABEL: np.zeros(5, np.float32)})
    with pytest.raises(DatasetError, match="expected section label of <i8 or <f4 x k, got <f4 x 0"):
        read_table(file.getvalue(), "here")


def test_optional_sections_are_left_out_but_still_have_their_place() -> None:
    data = signed(with_number(table(), entry(1), "<I", 1001))
    assert [section[0] for section in read_table(data, "here")[2]] == [2, 9, 11]


@settings(max_examples=300)
@given(st.data())
def test_a_forged_directory_never_leads_outside(data: st.DataObject) -> None:
    """Several numbers changed at once, with a right checksum: an error, or sections that lie where they may."""
    forged = bytearray(table())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, 32 + 32 * 4 - 8))
        forged[at : at + 8] = data.draw(st.integers(0, 2**64 - 1) | st.integers(0, 1024)).to_bytes(8, "little")
    try:
        _, size, sections = read_table(signed(bytes(forged)), "here")
    except DatasetError:
        return
    assert size <= len(forged)
    ends = [section[5] + section[6] for section in sections]
    assert all(end <= size for end in ends)
    assert all(section[5] >= end for section, end in zip(sections[1:], ends, strict=False))


# --- rows

SHARD_BYTES = np.array([4096, 640], np.int64)


def bad_row(codecs: int = 3, shard_bytes: Any = SHARD_BYTES, **changed: Any) -> tuple[int, str] | None:
    """Three rows, the last with `changed` numbers."""
    columns: dict[str, Any] = {
        "file": np.array([0, 0, 1], np.int32),
        "offset": np.array([64, 1024, 128], np.int64),
        "length": np.array([100, 3 * 4 * 5, 384], np.int64),
        "codec": np.array([0, 1, 2], np.uint8),
        "width": np.array([0, 4, 65535], np.int32),
        "height": np.array([0, 5, 1], np.int32),
    }
    flags = np.zeros(3, np.uint8)
    for name, value in changed.items():
        (flags if name == "flags" else columns[name])[2] = value
    records = Records(labels=np.zeros(3, np.int64), paths=["a", "b"], **columns)
    return find_bad_row(records, flags, shard_bytes, codecs)


def test_sound_rows_pass() -> None:
    assert bad_row() is None
    assert bad_row(codec=1, width=128, height=1) is None
    assert bad_row(codec=1, width=0, height=7, length=0) is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        *(({"file": value}, "outside its shard") for value in (2, -1, 2**31 - 1, -(2**31))),
        *(({"offset": value}, "outside its shard") for value in (0, -64, 63, 65, 192, 576, 640, 2**62, -(2**63))),
        *(({"length": value}, "outside its shard") for value in (-1, 385, 2**31 - 1, 2**31, 2**63 - 1, -(2**63))),
        *(({"codec": value}, "codec or flags are unknown") for value in (3, 255)),
        *(({"flags": value}, "codec or flags are unknown") for value in (1, 128)),
        *(({"width": value}, "size in pixels is impossible") for value in (0, -1, 65536, -(2**31), 2**31 - 1)),
        *(({"height": value}, "size in pixels is impossible") for value in (0, -1, 65536, -(2**31), 2**31 - 1)),
        *(({"codec": 1, "width": value}, "size in pixels is impossible") for value in (0, 127, 129, 2**31 - 1)),
        ({"codec": 1, "height": 0}, "size in pixels is impossible"),
        ({"codec": 0, "width": -1}, "size in pixels is impossible"),
    ],
)
def test_fields_of_rows(changed: dict[str, int], message: str) -> None:
    row, reason = bad_row(**changed) or (None, "")
    assert row == 2
    assert message in reason
    assert "upgrade penstock" in reason or "pack the dataset again" in reason


@pytest.mark.parametrize("size", [0, 64, 127, -(2**63), 2**63 - 1])
def test_shards_of_any_size(size: int) -> None:
    found = bad_row(shard_bytes=np.array([4096, size], np.int64))
    assert (found is None) == (size > 640)


def test_known_codecs_are_the_callers() -> None:
    found = bad_row(codecs=2)
    assert found is not None
    assert found[0] == 2


def test_columns_of_other_types_are_refused() -> None:
    with pytest.raises(OptionError, match=r"shard_bytes: expected a numpy array, int64 of shape \(2,\), got int32"):
        bad_row(shard_bytes=SHARD_BYTES.astype(np.int32))


@pytest.mark.parametrize(
    ("offsets", "size", "expected"),
    [
        ([0], 0, True),
        ([0, 0, 3, 3], 3, True),
        ([], 0, False),
        ([1, 2], 2, False),
        ([0, 2], 3, False),
        ([0, 3, 2, 4], 4, False),
        ([0, -1, 4], 4, False),
        ([0, 2**63 - 1, 4], 4, False),
    ],
)
def test_names_in_order(offsets: list[int], size: int, expected: bool) -> None:
    assert names_in_order(np.array(offsets, np.int64), size) is expected
