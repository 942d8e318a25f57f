"""Decoding dct records: any region of any image equals libjpeg-turbo's whole decode, at every instruction-set level."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from support.jpegs import SAMPLINGS, Kind, kinds, make_jpeg, noise, pillow_rgb, random_region

from penstock import _core
from penstock.errors import ChecksumError, OptionError, RecordError


@pytest.fixture(params=_core.simd_levels(), scope="module", autouse=True)
def simd_level(request: pytest.FixtureRequest) -> Iterator[None]:
    _core.set_simd_level(request.param)
    yield
    _core.set_simd_level(_core.simd_levels()[-1])


def record_of(data: bytes) -> bytes:
    record, reason = _core.encode_dct(data)
    assert not reason
    return record


def assert_regions_equal(record: bytes, whole: np.ndarray, generator: random.Random, regions: int = 6) -> None:
    np.testing.assert_array_equal(_core.decode_dct(record), whole)
    height, width = whole.shape[:2]
    for _ in range(regions):
        x, y, w, h = region = random_region(generator, width, height)
        np.testing.assert_array_equal(_core.decode_dct(record, region), whole[y : y + h, x : x + w], str(region))


@settings(max_examples=150)
@given(
    kind=kinds,
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    quality=st.integers(1, 100),
    seed=st.integers(0, 2**32 - 1),
    generator=st.randoms(use_true_random=False),
)
def test_regions_equal_cutting_pillows_decode(
    kind: Kind, width: int, height: int, quality: int, seed: int, generator: random.Random
) -> None:
    data = make_jpeg(Kind(kind.sampling, kind.progressive, quality, kind.restart_blocks), width, height, seed)
    record, reason = _core.encode_dct(data)
    assume(not reason)
    assert _core.probe_dct(record) == (width, height, kind.sampling.split()[0])
    assert_regions_equal(record, pillow_rgb(data), generator)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_every_edge_of_a_region(sampling: str) -> None:
    data = make_jpeg(Kind(sampling), 150, 70)
    record, whole = record_of(data), pillow_rgb(data)
    for first in range(70):
        for x, y, width, height in ((first, 3, 75, 20), (3, min(first, 49), 20, 20), (60, 30, first + 1, 5)):
            pixels = _core.decode_dct(record, (x, y, width, height))
            np.testing.assert_array_equal(pixels, whole[y : y + height, x : x + width], str((x, y, width, height)))


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_every_small_size(sampling: str) -> None:
    generator = random.Random(1)
    for width in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33):
        for height in (1, 2, 3, 8, 9, 16, 17, 33):
            data = make_jpeg(Kind(sampling), width, height, seed=width * height)
            assert_regions_equal(record_of(data), pillow_rgb(data), generator, regions=2)


def test_wide_coefficients() -> None:
    """Quantisers of 1 leave coefficients of more than 8 bits, and DC values further apart than 255."""
    pixels = (np.random.default_rng(0).integers(0, 2, (64, 64, 3)) * 255).astype(np.uint8)
    pixels = pixels.repeat(3, axis=0).repeat(3, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=100, subsampling=0)
    assert_regions_equal(record_of(buffer.getvalue()), pillow_rgb(buffer.getvalue()), random.Random(0))


def test_jpegs_stored_as_rgb() -> None:
    buffer = io.BytesIO()
    Image.fromarray(noise(40, 30)).save(buffer, "JPEG", keep_rgb=True, subsampling=0)
    record = record_of(buffer.getvalue())
    assert_regions_equal(record, pillow_rgb(buffer.getvalue()), random.Random(0))


def test_photographs_equal_pillow(photographs: list[Path]) -> None:
    generator = random.Random(0)
    for file in photographs:
        data = file.read_bytes()
        assert_regions_equal(record_of(data), pillow_rgb(data), generator, regions=2)


@pytest.mark.parametrize("region", [(-1, 0, 5, 5), (0, 0, 0, 5), (26, 0, 5, 5), (0, 16, 5, 5), (1, 1, 2**31 - 1, 1)])
def test_region_outside_the_image(region: tuple[int, int, int, int]) -> None:
    message = f"region: expected (x, y, width, height) inside 30x20 pixels, got {region}"
    with pytest.raises(OptionError, match=re.escape(message)):
        _core.decode_dct(record_of(make_jpeg(Kind("4:4:4"), 30, 20)), region)


def test_only_what_a_region_needs_is_checked() -> None:
    data = make_jpeg(Kind("4:4:4"), 64, 64)
    record, whole = bytearray(record_of(data)), pillow_rgb(data)
    first_row = int.from_bytes(record[24:28], "little")
    record[first_row + 60] ^= 1
    np.testing.assert_array_equal(_core.decode_dct(record, (0, 8, 64, 56)), whole[8:])
    with pytest.raises(ChecksumError, match="MCU row 0 of the dct record is damaged: its CRC-32C differs; restore"):
        _core.decode_dct(record)


def test_unchecked_rows() -> None:
    data = make_jpeg(Kind("4:4:4"), 8, 8)
    record = bytearray(record_of(data))
    first_row = int.from_bytes(record[24:28], "little")
    record[first_row + 6 + 2] += 40  # the first segment's base of DC values
    brighter = _core.decode_dct(record, check=False)
    assert brighter.astype(int).mean() > pillow_rgb(data).astype(int).mean()


@pytest.mark.parametrize("length", [0, 63, 64, 100, -1])
def test_truncated_record(length: int) -> None:
    record = record_of(make_jpeg(Kind("4:2:0"), 40, 40))
    for call in (_core.decode_dct, _core.probe_dct):
        with pytest.raises(RecordError, match=r"expected .*, got \d+; restore the file, or pack"):
            call(record[:length])
