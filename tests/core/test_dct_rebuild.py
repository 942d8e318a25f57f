"""Dct records to JPEGs: nothing is lost on the way and back; damaged records are refused, whatever is damaged."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import dct_records
from support.dct_records import HEAD_FIELDS, Layout, MalformedError
from support.jpeg_coefficients import read_coefficients
from support.jpeg_parts import END, in_single_scans, metadata_of, segment, split, with_metadata, with_quantizers
from support.jpegs import Kind, kinds, make_jpeg, pillow_rgb

from penstock import _core
from penstock.errors import ChecksumError, DecodeError, RecordError, TruncatedError

seeds = st.integers(0, 2**32 - 1)
factor = st.sampled_from([1, 2, 4])


def record_of(data: bytes) -> bytes:
    record, reason = _core.encode_dct(data)
    assert reason == ""
    return record


SMALL = record_of(with_metadata(make_jpeg(Kind("4:2:0"), 40, 30), segment(0xFE, b"words")))
LAYOUT = dct_records.parse(SMALL).layout


def assert_comes_back(data: bytes) -> bytes:
    """The JPEG rebuilt from `data`'s record, which has its pixels, coefficients, tables and metadata."""
    record = record_of(data)
    rebuilt = _core.rebuild_jpeg(record)
    assert _core.encode_dct(rebuilt) == (record, "")
    assert metadata_of(rebuilt) == metadata_of(data)
    np.testing.assert_array_equal(pillow_rgb(rebuilt), pillow_rgb(data))
    return rebuilt


def frame_marker(data: bytes) -> int:
    return next(marker for marker, _ in split(data)[0] if marker in (0xC0, 0xC1, 0xC2))


@settings(max_examples=100)
@given(kind=kinds, quality=st.integers(1, 100), width=st.integers(1, 70), height=st.integers(1, 70), seed=seeds)
def test_jpegs_come_back(kind: Kind, quality: int, width: int, height: int, seed: int) -> None:
    data = make_jpeg(Kind(kind.sampling, kind.progressive, quality, kind.restart_blocks), width, height, seed)
    assume(not _core.encode_dct(data)[1])
    rebuilt = assert_comes_back(data)
    assert frame_marker(rebuilt) == 0xC0


@settings(max_examples=60)
@given(
    factors=st.lists(st.tuples(factor, factor), min_size=3, max_size=3),
    width=st.integers(1, 50),
    height=st.integers(1, 50),
    seed=seeds,
)
def test_any_factors_come_back(factors: list[tuple[int, int]], width: int, height: int, seed: int) -> None:
    header, scans = in_single_scans(width, height, factors, seed)
    assert_comes_back(b"".join([header, *scans, END]))


def test_plain_python_reads_a_rebuilt_jpeg() -> None:
    for component, channel in zip(
        dct_records.parse(SMALL).components, read_coefficients(_core.rebuild_jpeg(SMALL)), strict=True
    ):
        assert (component.identifier, component.factors) == (channel.identifier, channel.factors)
        np.testing.assert_array_equal(component.quantization, channel.quantization)
        np.testing.assert_array_equal(component.coefficients, channel.coefficients)


def test_quantizers_of_16_bits_are_extended_sequential() -> None:
    data = with_quantizers(make_jpeg(Kind("grey", quality=95), 30, 20), lambda k, value: 300 if k == 63 else value)
    assert frame_marker(assert_comes_back(data)) == 0xC1


@pytest.mark.parametrize("transform", [0, 1])
def test_adobes_segment_decides_about_colour(transform: int) -> None:
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))
    assert_comes_back(with_metadata(make_jpeg(Kind("4:4:4"), 40, 30), adobe, segment(0xFE, b"words")))


def test_segments_of_any_length_come_back() -> None:
    added = [segment(0xE1 + i, bytes([i]) * length) for i, length in enumerate((0, 1, 65533, 65533))]
    assert_comes_back(with_metadata(make_jpeg(Kind("4:4:4"), 10, 10), *added))


def test_photographs_come_back(photographs: list[Path]) -> None:
    for file in photographs[::8]:
        data = file.read_bytes()
        if not _core.encode_dct(data)[1]:
            assert_comes_back(data)


# --- damaged records -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 63, 64, 100, len(SMALL) // 2, len(SMALL) - 1])
def test_truncated_records(size: int) -> None:
    with pytest.raises(TruncatedError, match="restore the file, or pack the dataset again"):
        _core.rebuild_jpeg(SMALL[:size])


def test_every_byte_is_under_a_checksum() -> None:
    for at in range(len(SMALL)):
        damaged = bytearray(SMALL)
        damaged[at] ^= 1 << at % 8
        with pytest.raises(RecordError):
            _core.rebuild_jpeg(bytes(damaged))


@pytest.mark.parametrize(
    ("at", "message"),
    [
        (70, "the head of the dct record is damaged: its CRC-32C differs"),
        (LAYOUT.rows[1][0], "MCU row 1 of the dct record is damaged: its CRC-32C differs"),
        (LAYOUT.metadata[0], "the metadata of the dct record is damaged: its CRC-32C differs"),
    ],
    ids=["head", "row", "metadata"],
)
def test_damaged_parts_are_named(at: int, message: str) -> None:
    damaged = bytearray(SMALL)
    damaged[at] ^= 1
    with pytest.raises(ChecksumError, match=re.escape(message) + ".*restore the file, or pack the dataset again"):
        _core.rebuild_jpeg(bytes(damaged))


def changed(at: int, new: bytes) -> bytes:
    """SMALL with other bytes at `at`, and checksums that hold."""
    return dct_records.signed(SMALL[:at] + new + SMALL[at + len(new) :], LAYOUT)


@pytest.mark.parametrize("field", [name for name in HEAD_FIELDS if name not in ("identifiers", "table choices")])
@pytest.mark.parametrize("value", [0, 1, 3, 5, 0x7F, 0xFF])
def test_fields_of_the_head_are_checked(field: str, value: int) -> None:
    at, size = HEAD_FIELDS[field]
    if field.startswith("crc"):
        damaged = SMALL[:at] + bytes([value]) * size + SMALL[at + size :]
    else:
        damaged = changed(at, bytes([value]) * size)
    if damaged == SMALL:
        pytest.skip("this is the value that it has")
    with pytest.raises(RecordError, match="restore the file, or pack the dataset again"):
        _core.rebuild_jpeg(damaged)


def segment_at(row: int, index: int) -> int:
    """Where a segment of SMALL begins: 2 + 2 + 1 + 1 segments of 5 and 3 blocks in a row of 40 px."""
    begin, _ = LAYOUT.rows[row]
    entries = [dct_records.number(SMALL, begin + 2 * i, 2) & 0x7FFF for i in range(index)]
    return begin + 2 * 4 + sum(entries)


FIRST = segment_at(0, 0)
BLOCKS = 5
MASKS = FIRST + 2 * BLOCKS + 2 + BLOCKS  # DC of 8 bits


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        (changed(LAYOUT.rows[0][0], b"\xff\x7f"), "a segment reaches beyond its MCU row"),
        (changed(LAYOUT.rows[0][0], b"\x10\x00"), "a segment's headers and DC values don't agree with its length"),
        (changed(FIRST, b"\x0a\x00"), "a segment's headers and DC values don't agree with its length"),
        (changed(FIRST + 2 * BLOCKS, b"\xff\x7f\xff"), "a segment's headers and DC values don't agree with its length"),
        (changed(MASKS, bytes([SMALL[MASKS] | 1])), "a mask names the DC coefficient"),
        (changed(MASKS, bytes([SMALL[MASKS] ^ 2])), "a mask doesn't agree with its block's header"),
        (changed(LAYOUT.metadata[0], b"\xff\xda"), "its metadata are not a row of APPn and COM segments"),
        (changed(LAYOUT.metadata[0] + 2, b"\0\1"), "its metadata are not a row of APPn and COM segments"),
        (changed(LAYOUT.metadata[0] + 2, b"\x70"), "its metadata are not a row of APPn and COM segments"),
        (changed(5, b"\2"), "its colour is not what its metadata and identifiers mean"),
    ],
)
def test_promises_are_checked(damaged: bytes, message: str) -> None:
    expected = "damaged dct record: " + message + "; restore the file, or pack the dataset again"
    with pytest.raises(DecodeError, match=re.escape(expected)):
        _core.rebuild_jpeg(damaged)


def test_rows_too_short_for_their_size() -> None:
    with pytest.raises(DecodeError, match="MCU row 0 is too short for its blocks"):
        _core.rebuild_jpeg(changed(HEAD_FIELDS["width"][0], b"\xff\xff"))


def test_coefficients_that_no_jpeg_holds() -> None:
    wide = changed(FIRST + 2 * BLOCKS, b"\xff\x70")
    with pytest.raises(DecodeError, match='libjpeg can\'t write it as a JPEG: "DCT coefficient out of range"; restore'):
        _core.rebuild_jpeg(wide)


def outcome(record: bytes) -> list[np.ndarray] | None:
    """The coefficients that the specification reads from a record; None if it is malformed."""
    try:
        return [component.coefficients for component in dct_records.parse(record).components]
    except MalformedError:
        return None


def corrupted(layout: Layout, record: bytes, generator: random.Random) -> bytes:
    """The record with a few bytes of its rows changed, and checksums that hold."""
    damaged = bytearray(record)
    for _ in range(generator.choice([1, 1, 1, 2, 4])):
        begin, end = generator.choice(layout.rows)
        at = generator.randrange(begin, generator.choice([end, begin + 40 if begin + 40 < end else end]))
        damaged[at] = generator.choice([damaged[at] ^ 1 << generator.randrange(8), generator.randrange(256)])
    return dct_records.signed(bytes(damaged), layout)


@settings(max_examples=120)
@given(kind=kinds, generator=st.randoms(use_true_random=False))
def test_damaged_rows_are_refused_or_read_as_specified(kind: Kind, generator: random.Random) -> None:
    data = make_jpeg(kind, generator.randint(1, 60), generator.randint(1, 40), generator.randrange(1000))
    record, reason = _core.encode_dct(data)
    assume(not reason)
    layout = dct_records.parse(record).layout
    for _ in range(8):
        damaged = corrupted(layout, record, generator)
        expected = outcome(damaged)
        if expected is None:
            with pytest.raises(DecodeError):
                _core.rebuild_jpeg(damaged)
        elif all(np.abs(coefficients).max() < 1024 for coefficients in expected):
            for coefficients, channel in zip(expected, read_coefficients(_core.rebuild_jpeg(damaged)), strict=True):
                np.testing.assert_array_equal(coefficients, channel.coefficients)
