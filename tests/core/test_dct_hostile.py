"""Dct records that damage or an attacker has changed: an error or the right pixels, nothing else (SPEC.md, 8)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.dct_records import DctRecord, MalformedError, parse, signed
from support.jpegs import Kind, make_jpeg

from penstock import _core
from penstock.errors import ChecksumError, DecodeError, RecordError, TruncatedError

REMEDY = r"; (restore the file, or pack the dataset again|upgrade penstock)$"


@pytest.fixture(params=_core.simd_levels(), scope="module")
def simd_level(request: pytest.FixtureRequest) -> Iterator[None]:
    _core.set_simd_level(request.param)
    yield
    _core.set_simd_level(_core.simd_levels()[-1])


def record_of(sampling: str, width: int, height: int, quality: int = 90) -> bytes:
    record, reason = _core.encode_dct(make_jpeg(Kind(sampling, quality=quality), width, height))
    assert not reason
    return record


COLOUR = record_of("4:2:0", 37, 21)
GREY = record_of("grey", 70, 9, quality=60)
RECORDS = {"colour": COLOUR, "grey": GREY}


def changed(record: bytes, at: int, kind: str, value: int) -> bytes:
    """One number replaced, with checksums that hold."""
    data = bytearray(record)
    struct.pack_into(kind, data, at, value)
    return signed(bytes(data), parse(record).layout)


def fails(record: bytes, message: str, kind: type[RecordError] = DecodeError) -> None:
    """Every reader of whole records refuses it, in these words."""
    for call in (_core.decode_dct, _core.rebuild_jpeg):
        with pytest.raises(kind, match=re.escape(message)) as caught:
            call(record)
        assert re.search(REMEDY, str(caught.value)), caught.value


# --- damage, which checksums find


@pytest.mark.parametrize("name", RECORDS)
def test_every_flipped_bit_of_a_head(name: str) -> None:
    record = RECORDS[name]
    for bit in range(parse(record).layout.head_bytes * 8):
        damaged = bytearray(record)
        damaged[bit // 8] ^= 1 << bit % 8
        expected: type[RecordError] = ChecksumError
        if bit // 8 < 4 or 24 <= bit // 8 < 28:  # magic, and how much to read
            expected = RecordError
        for call in (_core.probe_dct, _core.decode_dct, _core.rebuild_jpeg):
            with pytest.raises(expected, match=r"restore the file, or pack the dataset again"):
                call(bytes(damaged))


@pytest.mark.parametrize("name", RECORDS)
def test_every_flipped_byte_of_the_rows_and_metadata(name: str) -> None:
    record, layout = RECORDS[name], parse(RECORDS[name]).layout
    whole = _core.decode_dct(record)
    for at in range(layout.head_bytes, len(record)):
        damaged = bytearray(record)
        damaged[at] ^= 1 << at % 8
        with pytest.raises(ChecksumError, match="of the dct record is damaged: its CRC-32C differs; restore the file"):
            _core.rebuild_jpeg(bytes(damaged))
        if at < layout.metadata[0]:
            row = next(k for k, (begin, end) in enumerate(layout.rows) if begin <= at < end)
            with pytest.raises(ChecksumError, match=f"^MCU row {row} of the dct record is damaged"):
                _core.decode_dct(bytes(damaged))
        else:
            np.testing.assert_array_equal(_core.decode_dct(bytes(damaged)), whole)


@pytest.mark.parametrize("name", RECORDS)
def test_every_length(name: str) -> None:
    record = RECORDS[name]
    for length in range(len(record)):
        for call in (_core.probe_dct, _core.decode_dct, _core.rebuild_jpeg):
            with pytest.raises(TruncatedError, match=rf"expected .*, got {length}; restore the file, or pack"):
                call(record[:length])
    fails(record + b"\0", f"bytes of the record: expected {len(record)}, got {len(record) + 1}")


# --- heads that an attacker has signed


@pytest.mark.parametrize(
    ("at", "kind", "value", "message"),
    [
        (0, "<B", ord("p"), "it does not begin with PDCT"),
        (4, "<B", 0, "version: expected 1 (a newer one needs a newer Penstock), got 0"),
        (4, "<B", 2, "version: expected 1 (a newer one needs a newer Penstock), got 2"),
        (5, "<B", 0, "components: expected 1 for grey, 3 for colour, got 3"),
        (5, "<B", 3, "colour: expected 0, 1 or 2, got 3"),
        *((6, "<B", value, "components: expected 1 for grey, 3 for colour") for value in (0, 1, 2, 4, 255)),
        *((7, "<B", value, "quantisation tables: expected 1 to 3") for value in (0, 4, 255)),
        (8, "<H", 0, "width or height is 0"),
        (10, "<H", 0, "width or height is 0"),
        *((12, "<B", value, "sampling factors: expected 1, 2 or 4") for value in (0x00, 0x10, 0x01, 0x33, 0x52, 0xFF)),
        *((13, "<B", value, "") for value in (0x21, 0x12, 0x22, 0x44, 0x41, 0x14)),
        *((15 + c, "<B", 2, "quantisation table of a component: expected less than their number") for c in range(3)),
        (17, "<B", 255, "quantisation table of a component: expected less than their number"),
        *((21, "<B", value, "bytes per quantiser: expected 1 or 2") for value in (0, 3, 255)),
        (22, "<B", 1, "bytes 22 to 23 are not zero"),
        (23, "<B", 128, "bytes 22 to 23 are not zero"),
        *((24, "<I", value, "bytes of the head: expected") for value in (0, 1, 63, 64, 65, 192, 200, 2**32 - 64)),
        (28, "<I", 0, "bytes of the record: expected"),
        (36, "<B", 1, "bytes 36 to 59 are not zero"),
        (59, "<B", 1, "bytes 36 to 59 are not zero"),
        *((64 + k, "<B", 0, "a quantiser is 0") for k in (0, 63, 64, 127)),
    ],
)
def test_fields_of_heads(at: int, kind: str, value: int, message: str) -> None:
    fails(changed(COLOUR, at, kind, value), f"damaged dct record: {message}")


@pytest.mark.parametrize(("at", "values"), [(8, (1, 8, 32, 41, 48, 49, 65535)), (10, (1, 8, 16, 25, 32, 33, 65535))])
def test_sizes_with_other_blocks(at: int, values: tuple[int, ...]) -> None:
    """37 x 21 pixels; sizes with the same numbers of blocks are told apart by the index."""
    for value in values:
        for call in (_core.decode_dct, _core.rebuild_jpeg):
            with pytest.raises(RecordError, match=REMEDY):
                call(changed(COLOUR, at, "<H", value))


def test_a_head_that_promises_more_than_there_is() -> None:
    head_bytes = parse(COLOUR).layout.head_bytes
    fails(changed(COLOUR, 24, "<I", 65536), f"expected a head of 65536 bytes, got {len(COLOUR)}", TruncatedError)
    fails(changed(COLOUR, 28, "<I", 2**32 - 1), f", got {len(COLOUR)}", TruncatedError)
    fails(changed(COLOUR, 24, "<I", head_bytes + 64), f"bytes of the head: expected {head_bytes}")


@pytest.mark.parametrize(("at", "value"), [(13, 0x11), (14, 1), (16, 1), (17, 1), (19, 7), (20, 7), (12, 0x12)])
def test_grey_heads_say_nothing_of_other_components(at: int, value: int) -> None:
    message = "sampling factors of one component" if at == 12 else "fields of absent components are not zero"
    fails(changed(GREY, at, "<B", value), message)


def test_the_table_of_rows() -> None:
    layout = parse(COLOUR).layout
    for row, (begin, end) in enumerate([*layout.rows, (layout.metadata[0], 0)]):
        at = layout.offsets_at + 4 * row
        for value in (0, 1, begin - 1, begin + 1, begin + 64, end, len(COLOUR), len(COLOUR) + 1, 2**31, 2**32 - 1):
            if value == begin:
                continue
            forged = changed(COLOUR, at, "<I", value)
            with pytest.raises((DecodeError, TruncatedError, ChecksumError), match=REMEDY):
                _core.decode_dct(forged)
    fails(changed(COLOUR, layout.offsets_at, "<I", 2**32 - 1), "offset of MCU row 0 does not follow what is before it")
    fails(changed(COLOUR, layout.offsets_at + 8, "<I", 64), "offset of MCU row 2 does not follow what is before it")
    fails(changed(COLOUR, layout.offsets_at + 4, "<I", layout.head_bytes), "MCU row 0 is too short for its blocks")


def test_padding_of_the_head() -> None:
    layout = parse(COLOUR).layout
    end = layout.checksums_at + 4 * len(layout.rows)
    assert end < layout.head_bytes
    for at in range(end, layout.head_bytes):
        fails(changed(COLOUR, at, "<B", 1), "bytes after the table of rows are not zero")


def test_an_image_of_nothing_takes_no_memory() -> None:
    """65,535 x 65,535 pixels promised by a head alone."""
    fields = struct.pack("<4sBBBBHHB", b"PDCT", 1, 0, 1, 1, 65535, 65535, 0x11)
    head = bytearray(fields.ljust(64, b"\0") + b"\1" * 64)
    rows = 8192
    head_bytes = -(-(len(head) + 4 * (2 * rows + 1)) // 64) * 64
    head[21] = 1
    struct.pack_into("<I", head, 24, head_bytes)
    head += struct.pack("<I", head_bytes) * (rows + 1)
    head = head.ljust(head_bytes, b"\0")
    struct.pack_into("<I", head, 60, _core.crc32c(bytes(head[64:]), _core.crc32c(bytes(head[:60]))))
    fails(bytes(head), "MCU row 0 is too short for its blocks")


# --- rows that an attacker has signed


class Segment:
    """Where a segment's parts lie in a record (SPEC.md, 9.2 and 9.3)."""

    def __init__(self, record: bytes, entry_at: int, at: int, blocks: int) -> None:
        (entry,) = struct.unpack_from("<H", record, entry_at)
        self.entry_at, self.at, self.blocks = entry_at, at, blocks
        self.length, self.wide_dc = entry & 0x7FFF, bool(entry >> 15)
        self.headers = struct.unpack_from(f"<{blocks}H", record, at)
        self.dc = at + 2 * blocks
        self.masks = self.dc + (2 * blocks if self.wide_dc else 2 + blocks)
        self.bytes = self.masks + sum(min(header & 15, 8) for header in self.headers)
        self.nibbles = self.bytes + sum((header >> 4 & 63) * (1 + (header & 15 == 9)) for header in self.headers)


def segments(record: bytes, told: DctRecord) -> list[Segment]:
    """Of all MCU rows, in order."""
    found = []
    for row, (begin, end) in enumerate(told.layout.rows):
        counts: list[int] = []
        for component in told.components:
            lines = component.coefficients[row * component.factors[1] : (row + 1) * component.factors[1]]
            counts += [min(8, len(line) - first) for line in lines for first in range(0, len(line), 8)]
        at = begin + 2 * len(counts)
        for index, count in enumerate(counts):
            found.append(Segment(record, begin + 2 * index, at, count))
            at += found[-1].length
        assert at == end
    return found


@pytest.mark.usefixtures("simd_level")
@pytest.mark.parametrize("name", RECORDS)
def test_every_entry_of_the_segment_tables(name: str) -> None:
    record, told = RECORDS[name], parse(RECORDS[name])
    for segment in segments(record, told):
        (entry,) = struct.unpack_from("<H", record, segment.entry_at)
        for value in (0, entry - 1, entry + 1, entry ^ 0x8000, entry | 0x7FFF, 0xFFFF, 0x8000):
            fails(changed(record, segment.entry_at, "<H", value), "damaged dct record: ")


@pytest.mark.usefixtures("simd_level")
@pytest.mark.parametrize("name", RECORDS)
def test_every_block_header(name: str) -> None:
    record, told = RECORDS[name], parse(RECORDS[name])
    for segment in segments(record, told):
        for block, header in enumerate(segment.headers):
            at, mask, low, high = segment.at + 2 * block, header & 15, header >> 4 & 63, header >> 10
            for wrong in (10, 15, mask + 1, (mask - 1) % 16):
                if {wrong, mask} != {8, 9} or low:
                    fails(changed(record, at, "<H", header & ~15 | wrong), "damaged dct record: ")
            for b, h in ((low + 1, high), (low, high + 1), (low + 1, high - 1), (low - 1, high + 1), (63, 63), (0, 0)):
                judge(changed(record, at, "<H", mask | (b & 63) << 4 | (h & 63) << 10))


@pytest.mark.usefixtures("simd_level")
@pytest.mark.parametrize("name", RECORDS)
def test_every_bit_of_the_masks(name: str) -> None:
    """A mask has as many bits as its header says, and bit 0 is clear."""
    record, told = RECORDS[name], parse(RECORDS[name])
    for segment in segments(record, told):
        at = segment.masks
        for header in segment.headers:
            size = min(header & 15, 8)
            for bit in range(8 * size):
                byte = at + bit // 8
                fails(changed(record, byte, "<B", record[byte] ^ 1 << bit % 8), "damaged dct record: ")
            mask = record[at : at + size]
            if size and mask[0] & 2:  # as many bits, but one of them is the DC coefficient's
                fails(changed(record, at, "<B", mask[0] ^ 3), "damaged dct record: ")
            at += size


@pytest.mark.usefixtures("simd_level")
def test_dc_values_beyond_16_bits() -> None:
    for segment in segments(COLOUR, parse(COLOUR)):
        if not segment.wide_dc:
            highest = max(COLOUR[segment.dc + 2 : segment.masks])
            fails(changed(COLOUR, segment.dc, "<h", 32767 - highest + 1), "damaged dct record: ")
            sound = changed(COLOUR, segment.dc, "<h", 32767 - highest)
            parse(sound)
            assert _core.decode_dct(sound).shape == (21, 37, 3)


@pytest.mark.usefixtures("simd_level")
def test_what_is_unused_changes_nothing() -> None:
    """Half a byte behind an odd number of nibbles: rebuilding refuses it, and no pixel depends on it."""
    whole, found = _core.decode_dct(COLOUR), 0
    for segment in segments(COLOUR, parse(COLOUR)):
        at = segment.nibbles
        for header in segment.headers:
            count = header >> 10
            at += (count + 1) // 2
            if count % 2 == 0:
                continue
            forged = changed(COLOUR, at - 1, "<B", COLOUR[at - 1] | 0x50)
            found += 1
            np.testing.assert_array_equal(_core.decode_dct(forged), whole)
            with pytest.raises(DecodeError, match="an unused half of a byte is not zero"):
                _core.rebuild_jpeg(forged)
    assert found


# --- anything at all

ONLY_FORM = ("a zero among the bytes", "an unused half byte", "quantisers")
"""Rules that say how a record is written, on which no pixel depends: a decoder need not mind."""


def judge(record: bytes) -> None:
    """A record whose checksums hold, and which breaks a rule, gives an error; one that breaks none gives its pixels."""
    try:
        told = parse(record)
    except MalformedError as broken:
        if str(broken) not in ONLY_FORM:
            with pytest.raises(RecordError, match=REMEDY):
                _core.decode_dct(record)
        return
    pixels = _core.decode_dct(record)
    assert pixels.shape == (told.height, told.width, 3)
    try:
        jpeg = _core.rebuild_jpeg(record)
    except DecodeError:
        return  # its metadata or identifiers, or coefficients that no JPEG may have
    if _core.encode_dct(jpeg)[0]:  # in the range where libjpeg's implementations agree
        np.testing.assert_array_equal(pixels, _core.decode_jpeg(jpeg))


@pytest.mark.usefixtures("simd_level")
@settings(max_examples=300)
@given(st.sampled_from(sorted(RECORDS)), st.data())
def test_any_bytes_changed_and_signed(name: str, data: st.DataObject) -> None:
    record, layout = bytearray(RECORDS[name]), parse(RECORDS[name]).layout
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, 63) | st.integers(0, len(record) - 1))
        record[at] = data.draw(st.integers(0, 255) | st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
    judge(signed(bytes(record), layout))


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_any_bytes_at_all(data: bytes) -> None:
    for start in (b"", COLOUR[:64], COLOUR[: parse(COLOUR).layout.head_bytes]):
        for call in (_core.decode_dct, _core.rebuild_jpeg, _core.probe_dct):
            with pytest.raises(RecordError, match=REMEDY):
                call(start + data)
