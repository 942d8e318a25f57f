"""JPEGs to dct records: what they hold equals what plain Python reads, from the JPEG and from the record."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from support import dct_records, jpeg_coefficients
from support.jpeg_parts import END, in_single_scans, metadata_of, segment, with_metadata, with_quantizers
from support.jpegs import SAMPLINGS, Kind, kinds, make_jpeg, noise, pillow_rgb

from penstock import _core

seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 36)
factor = st.sampled_from([1, 2, 4])


def encode_or_refuse(data: bytes) -> tuple[bytes, str]:
    """The record or the reason against it, which are the same at every level of instructions."""
    results = []
    for level in _core.simd_levels():
        _core.set_simd_level(level)
        results.append(_core.encode_dct(data))
    assert all(result == results[0] for result in results)
    return results[0]


def encode(data: bytes) -> bytes:
    """The record of a JPEG that has to have one."""
    record, reason = encode_or_refuse(data)
    assert reason == ""
    return record


def encode_noise(data: bytes) -> bytes:
    """As `encode`; noise can be too much for the range of coefficients, which is no example then."""
    record, reason = encode_or_refuse(data)
    assume(reason != "coefficients out of range")
    assert reason == ""
    return record


def assert_holds(record: bytes, data: bytes, colour: int) -> dct_records.DctRecord:
    """`record` is what `data`, a sequential JPEG, should become."""
    parsed = dct_records.parse(record)
    channels = jpeg_coefficients.read_coefficients(data)
    size = Image.open(io.BytesIO(data)).size
    assert ((parsed.width, parsed.height), parsed.colour) == (size, colour)
    assert parsed.metadata == metadata_of(data)
    for component, channel in zip(parsed.components, channels, strict=True):
        assert component.identifier == channel.identifier
        assert component.factors == (channel.factors if len(channels) > 1 else (1, 1))
        np.testing.assert_array_equal(component.quantization, channel.quantization)
        np.testing.assert_array_equal(component.coefficients, channel.coefficients)
    return parsed


@settings(max_examples=80)
@given(
    sampling=st.sampled_from(SAMPLINGS),
    quality=st.integers(1, 100),
    restart=st.sampled_from([0, 0, 1, 3]),
    width=sides,
    height=sides,
    seed=seeds,
)
def test_coefficients_are_those_of_the_jpeg(
    sampling: str, quality: int, restart: int, width: int, height: int, seed: int
) -> None:
    data = make_jpeg(Kind(sampling, quality=quality, restart_blocks=restart), width, height, seed)
    assert_holds(encode_noise(data), data, colour=0 if sampling.startswith("grey") else 1)


@settings(max_examples=60)
@given(factors=st.lists(st.tuples(factor, factor), min_size=3, max_size=3), width=sides, height=sides, seed=seeds)
def test_any_factors_in_single_scans(factors: list[tuple[int, int]], width: int, height: int, seed: int) -> None:
    header, scans = in_single_scans(width, height, factors, seed)
    data = header + b"".join(scans) + END
    assert_holds(encode_noise(data), data, colour=1)


@settings(max_examples=60)
@given(
    sampling=st.sampled_from(["4:4:4", "4:2:2", "4:2:0", "grey"]),
    quality=st.integers(1, 100),
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    seed=seeds,
)
def test_progressive_files_become_the_same_record(
    sampling: str, quality: int, width: int, height: int, seed: int
) -> None:
    sequential, progressive = (make_jpeg(Kind(sampling, p, quality), width, height, seed) for p in (False, True))
    assert encode_noise(progressive) == encode_noise(sequential)


@settings(max_examples=40)
@given(kind=kinds, width=st.integers(1, 70), height=st.integers(1, 70), seed=seeds)
def test_records_obey_the_specification(kind: Kind, width: int, height: int, seed: int) -> None:
    record, reason = encode_or_refuse(make_jpeg(kind, width, height, seed))
    assume(not reason)  # regrouped progressive scans may not fit the size
    parsed = dct_records.parse(record)
    assert (parsed.width, parsed.height) == (width, height)


def headers_of(record: bytes) -> tuple[set[int], set[int]]:
    """The kinds of masks (low bits of headers) and of DC (high bit of table entries) of a record of one block row."""
    begin, _ = dct_records.parse(record).layout.rows[0]
    blocks = -(-dct_records.number(record, 8, 2) // 8)
    segments = -(-blocks // 8)
    entries = [dct_records.number(record, begin + 2 * i, 2) for i in range(segments)]
    starts = np.cumsum([begin + 2 * segments] + [entry & 0x7FFF for entry in entries])
    masks = {
        dct_records.number(record, int(start) + 2 * b, 2) & 15
        for i, start in enumerate(starts[:-1])
        for b in range(min(8, blocks - 8 * i))
    }
    return masks, {entry >> 15 for entry in entries}


def test_every_width_of_values_occurs() -> None:
    row = np.zeros((8, 800), np.uint8)
    row[:, 100:400] = 40 + noise(300, 8)[..., 0] // 128 * 160
    row[:, 400:600] = noise(200, 8)[..., 1] // 4
    row[:, 600:] = np.arange(200, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(row).save(buffer, "JPEG", quality=100)
    record = encode(buffer.getvalue())
    assert_holds(record, buffer.getvalue(), colour=0)
    masks, dc = headers_of(record)
    assert {0, 8, 9} < masks
    assert dc == {0, 1}


@settings(max_examples=40)
@given(kind=st.sampled_from([Kind("grey", quality=95), Kind("4:2:0", quality=95)]), seed=seeds)
def test_quantizers_of_16_bits(kind: Kind, seed: int) -> None:
    data = with_quantizers(make_jpeg(kind, 30, 20, seed), lambda k, value: 300 if k == 63 else value)
    record = encode_noise(data)
    assert record[21] == 2
    assert_holds(record, data, colour=0 if kind.sampling == "grey" else 1)


def saved(image: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def test_colour_by_adobes_segment() -> None:
    plain = saved(noise(40, 30), subsampling=0)
    for transform, colour in ((0, 2), (1, 1)):
        adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))
        data = with_metadata(plain, adobe)
        assert_holds(encode(data), data, colour)
    data = with_metadata(plain, segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), segment(0xEE, b"Adobe\0\x64\0\0\0\0\0"))
    assert_holds(encode(data), data, colour=1)


def test_colour_by_identifiers() -> None:
    data = saved(noise(40, 30), keep_rgb=True, subsampling=0)
    parsed = assert_holds(encode(data), data, colour=2)
    assert [component.identifier for component in parsed.components] == list(b"RGB")


def test_metadata_are_kept_in_order() -> None:
    exif, profile = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0", b"ICC_PROFILE\0\1\1" + bytes(range(256)) * 3
    added = (
        segment(0xFE, b"first"),
        segment(0xE1, exif),
        segment(0xE2, profile),
        segment(0xFE, b""),
        segment(0xE5, b"x"),
    )
    data = with_metadata(make_jpeg(Kind("4:2:0"), 20, 10), *added)
    assert dct_records.parse(encode(data)).metadata == b"".join(added)


def test_fill_bytes_before_markers_are_dropped() -> None:
    data = make_jpeg(Kind("4:2:0"), 20, 10)
    filled = data[:2] + b"\xff\xff" + data[2:]
    assert encode(filled) == encode(data)


def test_equal_tables_are_stored_once() -> None:
    table = list(range(1, 65))
    assert encode(saved(noise(20, 20), qtables=[table, table]))[7] == 1
    assert encode(saved(noise(20, 20), qtables=[table, table[::-1]]))[7] == 2


def test_what_follows_the_image_is_dropped() -> None:
    data = make_jpeg(Kind("4:2:0"), 60, 50)
    assert encode(data + b"garbage") == encode(data)


def test_photographs_become_records(photographs: list[Path]) -> None:
    jpeg_bytes = record_bytes = 0
    for file in photographs[::40]:
        data = file.read_bytes()
        record = encode(data)
        parsed = dct_records.parse(record)
        assert parsed.metadata == metadata_of(data)
        jpeg_bytes, record_bytes = jpeg_bytes + len(data), record_bytes + len(record)
    assert record_bytes < 1.6 * jpeg_bytes


def test_threads_do_not_disturb_each_other() -> None:
    files = [make_jpeg(Kind(sampling, seed % 2 == 0), 150, 110, seed) for seed, sampling in enumerate(SAMPLINGS)] * 4
    alone = [_core.encode_dct(data) for data in files]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(_core.encode_dct, files)) == alone


@pytest.mark.parametrize("wrap", [bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8)])
def test_any_contiguous_buffer(wrap: type) -> None:
    data = make_jpeg(Kind("4:2:0"), 30, 20)
    record, _ = _core.encode_dct(wrap(data))
    assert record == encode(data)
    np.testing.assert_array_equal(pillow_rgb(_core.rebuild_jpeg(wrap(record))), pillow_rgb(data))


def test_rows_follow_each_other() -> None:
    layout = dct_records.parse(encode(make_jpeg(Kind("4:2:0"), 60, 50))).layout
    assert len(layout.rows) == 4
    assert all(a[1] == b[0] for a, b in pairwise(layout.rows))
