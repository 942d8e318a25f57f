"""Decoding JPEGs: pixels, for every file and region, and the verdict on damaged files equal Pillow's."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.jpegs import (
    SAMPLINGS,
    Kind,
    find_segment,
    kinds,
    make_jpeg,
    noise,
    patch_frame,
    pillow_rgb,
    pillow_rgb_or_none,
    random_region,
)

from penstock import _core
from penstock.errors import DecodeError, OptionError, RecordError, TruncatedError

generators = st.randoms(use_true_random=False)
seeds = st.integers(0, 2**32 - 1)
sides = st.one_of(st.integers(1, 40), st.integers(1, 160))


def assert_region_equals_cut(data: bytes, whole: np.ndarray, region: tuple[int, int, int, int]) -> None:
    x, y, width, height = region
    np.testing.assert_array_equal(_core.decode_jpeg(data, region), whole[y : y + height, x : x + width], str(region))


def assert_same_verdict(data: bytes, generator: random.Random) -> str:
    """Pillow and the core agree on `data`, decoded whole or in part; the verdict, or "other"."""
    expected = pillow_rgb_or_none(data)
    try:
        kind, width, height = _core.probe_image(data)
    except RecordError:
        assert expected is None
        return "refused"
    if kind == "other":
        return "other"
    region = random_region(generator, width, height)
    if expected is None:
        for call in (_core.check_jpeg, _core.decode_jpeg, lambda d: _core.decode_jpeg(d, region)):
            with pytest.raises(RecordError):
                call(data)
        return "refused"
    assert _core.check_jpeg(data)[:2] == (width, height) == expected.shape[1::-1]
    np.testing.assert_array_equal(_core.decode_jpeg(data), expected)
    assert_region_equals_cut(data, expected, region)
    return "decoded"


# --- pixels ------------------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(
    kind=kinds, width=sides, height=sides, seed=st.integers(0, 2**32 - 1), generator=st.randoms(use_true_random=False)
)
def test_regions_equal_cutting_pillows_decode(
    kind: Kind, width: int, height: int, seed: int, generator: random.Random
) -> None:
    data = make_jpeg(kind, width, height, seed)
    assert _core.probe_image(data) == ("jpeg", width, height)
    assert _core.check_jpeg(data) == (width, height, kind.sampling.split()[0])
    whole = pillow_rgb(data)
    np.testing.assert_array_equal(_core.decode_jpeg(data), whole)
    for _ in range(6):
        assert_region_equals_cut(data, whole, random_region(generator, width, height))


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("progressive", [False, True])
def test_every_edge_of_a_region(sampling: str, progressive: bool) -> None:
    data = make_jpeg(Kind(sampling, progressive), 75, 70)
    whole = pillow_rgb(data)
    for first in range(40):
        assert_region_equals_cut(data, whole, (first, 3, 20, 20))
        assert_region_equals_cut(data, whole, (3, first, 20, 20))
        assert_region_equals_cut(data, whole, (30, 30, first + 1, 5))
        assert_region_equals_cut(data, whole, (30, 30, 5, first + 1))


def test_colour_spaces_equal_pillow() -> None:
    buffer = io.BytesIO()
    Image.fromarray(noise(40, 30)).save(buffer, "JPEG", keep_rgb=True, subsampling=0)
    stored_as_rgb = buffer.getvalue()
    np.testing.assert_array_equal(_core.decode_jpeg(stored_as_rgb), pillow_rgb(stored_as_rgb))


def test_photographs_equal_pillow(photographs: list[Path]) -> None:
    generator = random.Random(0)
    for file in photographs:
        data = file.read_bytes()
        whole = pillow_rgb(data)
        height, width = whole.shape[:2]
        assert _core.probe_image(data) == ("jpeg", width, height)
        np.testing.assert_array_equal(_core.decode_jpeg(data), whole, str(file))
        for _ in range(2):
            assert_region_equals_cut(data, whole, random_region(generator, width, height))


@pytest.fixture(params=_core.simd_levels())
def level(request: pytest.FixtureRequest) -> Iterator[None]:
    _core.set_simd_level(request.param)
    yield
    _core.set_simd_level(_core.simd_levels()[-1])


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("quality", [1, 30, 75, 95, 100])
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_every_level_equals_pillow(sampling: str, quality: int) -> None:
    generator = random.Random(quality)
    for size in range(1, 60, 7):
        width, height = size, generator.randint(1, 70)
        data = make_jpeg(Kind(sampling, quality=quality), width, height, size)
        whole = pillow_rgb(data)
        assert_region_equals_cut(data, whole, (0, 0, width, height))
        assert_region_equals_cut(data, whole, random_region(generator, width, height))


@pytest.mark.usefixtures("level")
def test_photographs_equal_pillow_at_every_level(photographs: list[Path]) -> None:
    generator = random.Random(1)
    for file in photographs[::10]:
        data = file.read_bytes()
        whole = pillow_rgb(data)
        assert_region_equals_cut(data, whole, random_region(generator, whole.shape[1], whole.shape[0]))


def test_threads_do_not_disturb_each_other() -> None:
    files = [make_jpeg(Kind(sampling, seed % 2 == 0), 150, 110, seed) for seed, sampling in enumerate(SAMPLINGS)] * 4
    with ThreadPoolExecutor(4) as pool:
        for data, image in zip(files, pool.map(_core.decode_jpeg, files), strict=True):
            np.testing.assert_array_equal(image, pillow_rgb(data))


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8)])
def test_any_contiguous_buffer(wrap: type) -> None:
    data = make_jpeg(Kind("4:2:0"), 30, 20)
    np.testing.assert_array_equal(_core.decode_jpeg(wrap(data)), pillow_rgb(data))


def test_strided_buffer_is_refused() -> None:
    with pytest.raises(BufferError):
        _core.decode_jpeg(memoryview(make_jpeg(Kind("4:2:0"), 30, 20))[::2])


@pytest.mark.parametrize(
    "region",
    [(-1, 0, 5, 5), (0, -1, 5, 5), (0, 0, 0, 5), (0, 0, 5, 0), (26, 0, 5, 5), (0, 16, 5, 5), (1, 1, 2**31 - 1, 1)],
)
def test_region_outside_the_image(region: tuple[int, int, int, int]) -> None:
    message = f"region: expected (x, y, width, height) inside 30x20 pixels, got {region}"
    with pytest.raises(OptionError, match=re.escape(message)):
        _core.decode_jpeg(make_jpeg(Kind("4:4:4"), 30, 20), region)


# --- what goes to Pillow -----------------------------------------------------------------------------------------


def saved(image: Image.Image, image_format: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format)
    return buffer.getvalue()


def with_frame(marker: int, precision: int = 8) -> bytes:
    """A JPEG with another kind of frame header, such as arithmetic coding's."""
    data = bytearray(make_jpeg(Kind("4:4:4"), 16, 16))
    frame = find_segment(bytes(data), 0xC0)
    data[frame + 1], data[frame + 4] = marker, precision
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xd8", id="two bytes"),
        pytest.param(b"not an image", id="text"),
        pytest.param(saved(Image.new("RGB", (9, 8)), "PNG"), id="PNG"),
        pytest.param(saved(Image.new("CMYK", (9, 8)), "JPEG"), id="CMYK"),
        pytest.param(with_frame(0xC0, precision=12), id="12 bits"),
        pytest.param(with_frame(0xC3), id="lossless"),
        pytest.param(with_frame(0xC9), id="arithmetic"),
        pytest.param(patch_frame(make_jpeg(Kind("4:4:4"), 16, 16), height=0), id="no height"),
        pytest.param(b"\xff\xd8\xff\xd9", id="no frame"),
    ],
)
def test_other_files_are_left_to_pillow(data: bytes) -> None:
    assert _core.probe_image(data) == ("other", 0, 0)
    for call in (_core.check_jpeg, _core.decode_jpeg):
        with pytest.raises(OptionError, match=r"data: expected a JPEG of 8 bits.*goes to Pillow"):
            call(data)


def progressive_scans(data: bytes) -> list[bytes]:
    """The pieces of a progressive file: everything before the first scan, then each scan with its tables."""
    starts = [m.start() for m in re.finditer(rb"\xff\xda", data)]
    return [data[: starts[0]], *(data[a:b] for a, b in zip(starts, [*starts[1:], len(data) - 2], strict=True))]


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_progressive_files_that_lack_scans_are_left_to_pillow(missing: int) -> None:
    pieces = progressive_scans(make_jpeg(Kind("4:4:4", progressive=True), 40, 40))
    assert _core.probe_image(b"".join(pieces[:-missing]) + b"\xff\xd9") == ("other", 0, 0)


# --- damaged files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind("4:2:0"), Kind("grey", quality=60), Kind("4:4:4", progressive=True)], ids=str)
def test_truncation_at_every_byte(kind: Kind) -> None:
    data = make_jpeg(kind, 20, 17)
    generator = random.Random(0)
    verdicts = [assert_same_verdict(data[:size], generator) for size in range(len(data) + 1)]
    assert verdicts[-1] == "decoded"
    assert verdicts.count("refused") > len(data) * 0.9


@settings(max_examples=60)
@given(kind=kinds, seed=seeds, generator=generators)
def test_truncation_of_every_kind(kind: Kind, seed: int, generator: random.Random) -> None:
    data = make_jpeg(kind, 60, 50, seed)
    for end in (b"", b"\xff\xd9", b"\xff\xd0", b"\xff\xda\x00"):
        for size in (generator.randrange(len(data)), len(data) - generator.randrange(6)):
            assert_same_verdict(data[:size] + end, generator)


@pytest.mark.parametrize("seed", range(12))
def test_truncation_by_a_few_bytes_beyond_one_block(seed: int) -> None:
    # How many of the last bytes libjpeg can do without depends on the blocks of 64 KiB in which Pillow reads.
    data = make_jpeg(Kind("4:4:4", quality=95), 300, 200 + 8 * seed, seed)
    assert len(data) > 65536
    generator = random.Random(seed)
    for missing in range(1, 6):
        assert_same_verdict(data[:-missing], generator)


@pytest.mark.parametrize("tail", [b"", b"garbage", b"\xff\xd9", b"\xff\xd8\xff\xe0", bytes(1000)])
@pytest.mark.parametrize("progressive", [False, True])
def test_what_follows_the_image_does_not_matter(tail: bytes, progressive: bool) -> None:
    data = make_jpeg(Kind("4:2:0", progressive), 60, 50) + tail
    assert assert_same_verdict(data, random.Random(0)) == "decoded"


@settings(max_examples=150)
@given(kind=kinds, seed=seeds, generator=generators)
def test_flipped_bytes(kind: Kind, seed: int, generator: random.Random) -> None:
    data = make_jpeg(kind, 60, 50, seed)
    for _ in range(6):
        damaged = bytearray(data)
        reach = generator.choice([len(data), len(data), min(len(data), 650)])
        for _ in range(generator.choice([1, 1, 3, 10])):
            damaged[generator.randrange(reach)] = generator.choice([generator.randrange(256), 0xFF, 0xD0, 0xD9, 0])
        if generator.random() < 0.1:
            gap = generator.randrange(len(data))
            del damaged[gap : gap + generator.randint(1, 40)]
        assert_same_verdict(bytes(damaged), generator)


def test_flipped_bytes_of_photographs(photographs: list[Path]) -> None:
    generator = random.Random(0)
    for file in photographs[::8]:
        damaged = bytearray(file.read_bytes())
        for _ in range(3):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        assert_same_verdict(bytes(damaged), generator)


def test_truncated_file_names_the_byte() -> None:
    data = make_jpeg(Kind("4:2:0"), 60, 50)
    message = f"the JPEG ends before its last row, at byte {len(data) - 200}; fetch the file again, or remove it"
    for call in (_core.check_jpeg, lambda d: _core.decode_jpeg(d, (0, 0, 5, 5))):
        with pytest.raises(TruncatedError, match=re.escape(message)):
            call(data[:-200])


def test_truncated_header_names_the_byte() -> None:
    with pytest.raises(TruncatedError, match="the JPEG ends inside a marker segment, at byte 100; fetch"):
        _core.probe_image(make_jpeg(Kind("4:2:0"), 60, 50)[:100])


def test_truncated_progressive_file_names_the_byte() -> None:
    data = make_jpeg(Kind("4:2:0", progressive=True), 60, 50)[:-20]
    with pytest.raises(TruncatedError, match=f"the progressive JPEG ends inside a scan, at byte {len(data)}; fetch"):
        _core.probe_image(data)


def test_refused_file_quotes_libjpeg() -> None:
    data = bytearray(make_jpeg(Kind("4:4:4"), 60, 50))
    table = find_segment(bytes(data), 0xC4)
    data[table + 4] = 0x44  # a Huffman table of an impossible number
    with pytest.raises(
        DecodeError, match=r'not a readable JPEG: libjpeg says "Bogus DHT index 68" near byte \d+; fetch'
    ):
        _core.probe_image(bytes(data))


def test_damage_below_the_region_is_found() -> None:
    data = make_jpeg(Kind("4:4:4"), 60, 200)
    scan = data[find_segment(data, 0xDA) :][:14]
    with pytest.raises(DecodeError, match="libjpeg says"):
        _core.decode_jpeg(data[:-2] + scan + data[-2:], (0, 0, 5, 5))


@pytest.mark.parametrize(("width", "height"), [(65500, 65500), (65535, 2731)])
def test_decompression_bomb(width: int, height: int) -> None:
    data = patch_frame(make_jpeg(Kind("4:4:4"), 16, 16), width=width, height=height)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data))
    with pytest.raises(DecodeError, match=f"at most 178956970 pixels.*the header says {width}x{height}"):
        _core.probe_image(data)


def test_scans_without_end() -> None:
    pieces = progressive_scans(make_jpeg(Kind("grey", progressive=True), 40, 40))
    assert _core.check_jpeg(b"".join(pieces + pieces[-1:] * 400) + b"\xff\xd9") == (40, 40, "grey")
    with pytest.raises(DecodeError, match="more than 500 scans"):
        _core.check_jpeg(b"".join(pieces + pieces[-1:] * 600) + b"\xff\xd9")


# --- instruction sets --------------------------------------------------------------------------------------------


def test_unknown_simd_level() -> None:
    with pytest.raises(OptionError, match=r'level: expected one that this machine runs \(portable.*\), got "sse9"'):
        _core.set_simd_level("sse9")
