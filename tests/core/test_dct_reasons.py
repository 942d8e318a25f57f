"""What doesn't become a dct record: JPEGs with a reason, and files that are refused as `check_jpeg` refuses them."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.idct_range import agreed
from support.jpeg_coefficients import read_coefficients
from support.jpeg_parts import END, in_single_scans, join, segment, split, with_quantizers
from support.jpegs import Kind, kinds, make_jpeg, patch_frame, pillow_rgb

from penstock import _core
from penstock.errors import DecodeError, OptionError, RecordError, TruncatedError

seeds = st.integers(0, 2**32 - 1)
PLAIN = make_jpeg(Kind("4:2:0"), 60, 50)
PROGRESSIVE = make_jpeg(Kind("4:2:0", progressive=True), 60, 50)
HEADER, SCANS = in_single_scans(60, 50, [(2, 2), (1, 1), (1, 1)])
ODD_HEADER, ODD_SCANS = in_single_scans(60, 50, [(3, 1), (1, 1), (1, 1)])
COMMENT = segment(0xFE, b"late")
ADOBE = segment(0xEE, b"Adobe\0\x64\0\0\0\0\7")
"""To stand for the JFIF segment, 18 bytes behind the first marker."""


def behind_first_scan(data: bytes, added: bytes) -> bytes:
    """A progressive file with something in front of the tables of its second scan."""
    segments, rest = split(data)
    at = rest.index(b"\xff\xc4")
    return join(segments, rest[:at] + added + rest[at:])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(PLAIN[:-2] + b"garbage" + END, "libjpeg warns of damage", id="garbage before the end"),
        pytest.param(PLAIN.replace(b"JFIF\0\1", b"JFIF\0\3"), "libjpeg warns of damage", id="JFIF of the future"),
        pytest.param(PLAIN[:2] + ADOBE + PLAIN[20:], "libjpeg warns of damage", id="unknown transform of Adobe's"),
        pytest.param(PLAIN[:-2] + b"\xff\xd0", "no end of image", id="no end"),
        pytest.param(b"".join([HEADER, *SCANS[:2], END]), "a component without a scan", id="two of three scans"),
        pytest.param(
            b"".join([ODD_HEADER, *ODD_SCANS, END]),
            "sampling factors 3x1,1x1,1x1",
            id="factors that are no powers of 2",
        ),
        pytest.param(with_quantizers(PLAIN, lambda k, v: 0 if k == 60 else v), "a quantiser of 0", id="quantiser of 0"),
        pytest.param(
            with_quantizers(PLAIN, lambda _, v: 9 * v), "coefficients out of range", id="samples far outside 0 to 255"
        ),
        pytest.param(PLAIN[:-2] + COMMENT + END, "metadata behind its first scan", id="comment at the end"),
        pytest.param(behind_first_scan(PROGRESSIVE, COMMENT), "metadata behind its first scan", id="between scans"),
    ],
)
def test_reasons(data: bytes, reason: str) -> None:
    pillow_rgb(data)  # does not raise
    assert _core.encode_dct(data) == (b"", reason)


def test_tables_between_scans_are_no_reason() -> None:
    quantizers = segment(0xDB, b"\0" + bytes(range(1, 65)))
    assert _core.encode_dct(behind_first_scan(PROGRESSIVE, quantizers)) == _core.encode_dct(PROGRESSIVE)


@settings(max_examples=200)
@given(seed=seeds, quality=st.sampled_from([60, 90, 100]), scale=st.floats(0.2, 12))
def test_range_is_that_on_which_implementations_agree(seed: int, quality: int, scale: float) -> None:
    plain = make_jpeg(Kind("grey", quality=quality), 8, 8, seed)
    data = with_quantizers(plain, lambda _, value: max(1, min(65535, round(value * scale))))
    (channel,) = read_coefficients(data)
    expected = "" if agreed(channel.coefficients[0, 0], channel.quantization) else "coefficients out of range"
    for level in _core.simd_levels():
        _core.set_simd_level(level)
        assert _core.encode_dct(data)[1] == expected


def test_a_block_in_the_middle_is_checked() -> None:
    image = np.full((40, 136), 128, np.uint8)
    image[16:24, 64:72] = np.random.default_rng(0).integers(0, 2, (8, 8)) * 255
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=90)
    assert _core.encode_dct(buffer.getvalue())[1] == ""
    wild = with_quantizers(buffer.getvalue(), lambda _, value: value * 5)
    assert _core.encode_dct(wild) == (b"", "coefficients out of range")


def verdict(data: bytes) -> type[Exception] | None:
    """What `check_jpeg` raises, and `encode_dct` with it; None where neither does."""
    try:
        _core.check_jpeg(data)
    except (RecordError, OptionError) as error:
        with pytest.raises(type(error)):
            _core.encode_dct(data)
        return type(error)
    record, reason = _core.encode_dct(data)
    assert bool(record) != bool(reason)
    if record:
        np.testing.assert_array_equal(pillow_rgb(_core.rebuild_jpeg(record)), pillow_rgb(data))
    return None


@settings(max_examples=150)
@given(kind=kinds, seed=seeds, generator=st.randoms(use_true_random=False))
def test_damaged_files_share_the_verdict(kind: Kind, seed: int, generator: random.Random) -> None:
    data = make_jpeg(kind, 60, 50, seed)
    for _ in range(6):
        damaged = bytearray(data)
        reach = generator.choice([len(data), len(data), min(len(data), 650)])
        for _ in range(generator.choice([1, 1, 3, 10])):
            damaged[generator.randrange(reach)] = generator.choice([generator.randrange(256), 0xFF, 0xD0, 0xD9, 0])
        verdict(bytes(damaged))


@pytest.mark.parametrize("kind", [Kind("4:2:0"), Kind("grey", quality=60), Kind("4:4:4", progressive=True)], ids=str)
def test_truncated_files_share_the_verdict(kind: Kind) -> None:
    data = make_jpeg(kind, 20, 17)
    verdicts = [verdict(data[:size]) for size in range(len(data) + 1)]
    assert verdicts[-1] is None
    assert verdicts.count(TruncatedError) > len(data) * 0.8


def test_damaged_photographs_share_the_verdict(photographs: list) -> None:
    generator = random.Random(0)
    for file in photographs[::12]:
        damaged = bytearray(file.read_bytes())
        for _ in range(3):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        verdict(bytes(damaged))


def test_truncated_file_names_the_byte() -> None:
    with pytest.raises(TruncatedError, match=f"ends before its last row, at byte {len(PLAIN) - 200}; fetch"):
        _core.encode_dct(PLAIN[:-200])


def test_refused_file_quotes_libjpeg() -> None:
    data = join(*split(PLAIN)).replace(b"\xff\xc4\x00\x1f\x00", b"\xff\xc4\x00\x1f\x44", 1)
    with pytest.raises(DecodeError, match='libjpeg says "Bogus DHT index 68" near byte'):
        _core.encode_dct(data)


def test_scans_without_end() -> None:
    segments, rest = split(make_jpeg(Kind("grey", progressive=True), 40, 40))
    last = rest[rest.rindex(b"\xff\xda") : -2]
    assert _core.encode_dct(join(segments, rest[:-2] + last * 300 + END)) == (b"", "libjpeg warns of damage")
    with pytest.raises(DecodeError, match="more than 500 scans"):
        _core.encode_dct(join(segments, rest[:-2] + last * 600 + END))


def test_decompression_bomb() -> None:
    with pytest.raises(DecodeError, match="at most 178956970 pixels"):
        _core.encode_dct(patch_frame(PLAIN, width=65500, height=65500))


@pytest.mark.parametrize("data", [b"", b"not an image", patch_frame(PLAIN, height=0)], ids=["empty", "text", "height"])
def test_other_files_are_left_to_pillow(data: bytes) -> None:
    with pytest.raises(OptionError, match=r"data: expected a JPEG of 8 bits.*goes to Pillow"):
        _core.encode_dct(data)


def test_cmyk_is_left_to_pillow() -> None:
    buffer = io.BytesIO()
    Image.new("CMYK", (9, 8)).save(buffer, "JPEG")
    with pytest.raises(OptionError, match=r"data: expected a JPEG of 8 bits.*goes to Pillow"):
        _core.encode_dct(buffer.getvalue())


def test_strided_buffer_is_refused() -> None:
    for call in (_core.encode_dct, _core.rebuild_jpeg):
        with pytest.raises(BufferError):
            call(memoryview(PLAIN)[::2])
