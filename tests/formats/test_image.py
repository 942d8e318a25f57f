"""Decoding by Pillow: every mode equals `convert("RGB")`, and damage of any kind is one of our errors."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features
from support.containers import encoded, pixels
from support.pillow import MAJOR

from penstock.errors import DecodeError, RecordError, TruncatedError
from penstock.formats import Folder
from penstock.formats.image import decode_pil, decode_rgb, raw_pixels

RGB = Image.fromarray(pixels(3))
GRADIENT = Image.fromarray(np.arange(24 * 32, dtype=np.uint16).reshape(24, 32) * 85)
ALPHA = Image.fromarray(np.dstack([pixels(4), pixels(5)[..., :1]]))


def palette() -> Image.Image:
    image = RGB.quantize(16)
    image.info["transparency"] = bytes(range(0, 256, 16))
    return image


IMAGES: dict[str, tuple[Image.Image, str]] = {
    "jpeg": (RGB, "JPEG"),
    "grey jpeg": (RGB.convert("L"), "JPEG"),
    "cmyk jpeg": (RGB.convert("CMYK"), "JPEG"),
    "png": (RGB, "PNG"),
    "grey png": (RGB.convert("L"), "PNG"),
    "1-bit png": (RGB.convert("1"), "PNG"),
    "16-bit png": (GRADIENT, "PNG"),
    "16-bit tiff": (GRADIENT, "TIFF"),
    "rgba png": (ALPHA, "PNG"),
    "la png": (ALPHA.convert("LA"), "PNG"),
    "palette png": (RGB.quantize(16), "PNG"),
    "palette png with alpha": (palette(), "PNG"),
    "gif": (RGB.quantize(16), "GIF"),
    "bmp": (RGB, "BMP"),
    "ppm": (RGB, "PPM"),
}
if MAJOR >= 13:
    IMAGES["ycbcr tiff"] = (RGB.convert("YCbCr"), "TIFF")  # earlier releases can't read what they write here
if features.check("webp"):
    IMAGES.update({"webp": (RGB, "WEBP"), "rgba webp": (ALPHA, "WEBP")})


def saved(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8)])
def test_pixels_are_those_of_convert(name: str, form: Callable[[bytes], bytes]) -> None:
    data = saved(*IMAGES[name])
    with warnings.catch_warnings(), Image.open(io.BytesIO(data)) as image:
        warnings.simplefilter("ignore")
        expected = np.asarray(image.convert("RGB"))
    got = decode_rgb(form(data))
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == np.uint8
    assert got.flags.writeable
    assert decode_pil(form(data)).mode == "RGB"


@pytest.mark.parametrize("name", IMAGES)
def test_a_folder_gives_the_same_pixels(tmp_path: Path, name: str) -> None:
    data = saved(*IMAGES[name])
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").write_bytes(data)
    np.testing.assert_array_equal(Folder(tmp_path)[0][0], decode_rgb(data))


def test_empty_bytes_and_text() -> None:
    with pytest.raises(TruncatedError, match="expected an image, but the file has no bytes; replace or remove it"):
        decode_pil(b"")
    with pytest.raises(DecodeError, match="the bytes are of no known image format; replace or remove it"):
        decode_pil(b"no image at all")


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_a_damaged_avif_is_our_error_too() -> None:
    data = saved(RGB, "AVIF")
    with pytest.raises(RecordError, match=r"Pillow can't decode the image: .*; replace or remove it"):
        decode_rgb(data[:-100])


def test_a_bomb_is_refused() -> None:
    header = b"P6 60000 60000 255\n"
    with pytest.raises(DecodeError, match=r"Pillow can't decode the image: Image size .* exceeds limit of"):
        decode_pil(header + bytes(100))


@settings(max_examples=150)
@given(name=st.sampled_from(sorted(IMAGES)), data=st.data())
def test_damage_gives_pixels_or_our_error(name: str, data: st.DataObject) -> None:
    good = bytearray(saved(*IMAGES[name]))
    for _ in range(data.draw(st.integers(0, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            shape = decode_rgb(bytes(good[:cut])).shape
        except RecordError:
            shape = (0, 0, 3)
    assert shape[2:] == (3,)


@given(length=st.integers(0, 30), height=st.integers(-2, 4), width=st.integers(-2, 4))
def test_raw_pixels_have_the_promised_size(length: int, height: int, width: int) -> None:
    data = bytes(range(length))
    if height > 0 and width > 0 and length == height * width * 3:
        assert raw_pixels(data, height, width).tobytes() == data
    else:
        with pytest.raises(
            DecodeError, match=rf"expected {height} x {width} x 3 bytes of raw pixels, got {length} bytes"
        ):
            raw_pixels(data, height, width)


def test_a_truncated_png_and_jpeg() -> None:
    for kind in ("JPEG", "PNG"):
        whole = encoded(pixels(0, 200, 300), kind)
        with pytest.raises(RecordError, match=r"Pillow can't decode the image: .*; replace or remove it"):
            decode_rgb(whole[: len(whole) // 2])
