"""JPEG files of every kind that the core decodes, and Pillow's word on any file."""

from __future__ import annotations

import io
import random
import warnings
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

SAMPLINGS = ("4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1", "1x4,1x1,1x1", "grey", "grey 2x2")
"""As `check_jpeg` names them; "grey 2x2" is grey with sampling factors that mean nothing, as some cameras write."""

PILLOW_SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}

REGROUPED = {"4:4:0": ("4:2:2", 1, 2), "4:1:1": ("4:2:0", 4, 1), "1x4,1x1,1x1": ("4:2:0", 1, 4)}
"""What Pillow can't write: the sampling to write instead, with as many blocks per MCU, and luma's true factors."""


@dataclass(frozen=True)
class Kind:
    sampling: str
    progressive: bool = False
    quality: int = 90
    restart_blocks: int = 0


kinds = st.builds(
    Kind,
    sampling=st.sampled_from(SAMPLINGS),
    progressive=st.booleans(),
    quality=st.sampled_from([5, 60, 90, 100]),
    restart_blocks=st.sampled_from([0, 0, 1, 3]),
)


def make_jpeg(kind: Kind, width: int, height: int, seed: int = 0) -> bytes:
    """A JPEG of coarse noise. Regrouped samplings scramble the picture, which is noise all the same."""
    if kind.sampling in REGROUPED:
        written, h, v = REGROUPED[kind.sampling]
        columns, rows = -(-width // (8 * h)), -(-height // (8 * v))
        mcu = (16, 8) if written == "4:2:2" else (16, 16)
        data = _encode(kind, columns * mcu[0], rows * mcu[1], seed, subsampling=PILLOW_SUBSAMPLING[written])
        return patch_frame(data, width=width, height=height, factors=h << 4 | v)
    if kind.sampling.startswith("grey"):
        data = _encode(kind, width, height, seed, mode="L")
        return patch_frame(data, factors=0x22) if kind.sampling == "grey 2x2" else data
    return _encode(kind, width, height, seed, subsampling=PILLOW_SUBSAMPLING[kind.sampling])


def noise(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    """(height, width, 3): blobs of 4 px with grain, so that every frequency occurs."""
    generator = np.random.default_rng(seed)
    blobs = generator.integers(0, 256, (-(-height // 4), -(-width // 4), 3))
    grain = generator.integers(-20, 21, (height, width, 3))
    return (blobs.repeat(4, axis=0).repeat(4, axis=1)[:height, :width] + grain).clip(0, 255).astype(np.uint8)


def _encode(kind: Kind, width: int, height: int, seed: int, mode: str = "RGB", subsampling: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(noise(width, height, seed)).convert(mode).save(
        buffer,
        "JPEG",
        quality=kind.quality,
        progressive=kind.progressive,
        subsampling=subsampling,
        restart_marker_blocks=kind.restart_blocks,
    )
    return buffer.getvalue()


def find_segment(data: bytes, *markers: int) -> int:
    """Position of the first segment with one of the markers (second bytes), from its 0xFF on."""
    at = 2
    while data[at + 1] not in markers:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at


def patch_frame(
    data: bytes, *, width: int | None = None, height: int | None = None, factors: int | None = None
) -> bytes:
    """The same file with another size or other sampling factors of its first component in the frame header."""
    frame = find_segment(data, 0xC0, 0xC1, 0xC2)
    patched = bytearray(data)
    if height is not None:
        patched[frame + 5 : frame + 7] = height.to_bytes(2, "big")
    if width is not None:
        patched[frame + 7 : frame + 9] = width.to_bytes(2, "big")
    if factors is not None:
        patched[frame + 11] = factors
    return bytes(patched)


def pillow_rgb(data: bytes) -> NDArray[np.uint8]:
    """(height, width, 3): the file as Pillow reads it. Raises what Pillow raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def pillow_rgb_or_none(data: bytes) -> NDArray[np.uint8] | None:
    """As `pillow_rgb`; None where Pillow raises."""
    try:
        return pillow_rgb(data)
    except (OSError, SyntaxError, ValueError, ArithmeticError, LookupError, Image.DecompressionBombError):
        return None


def random_region(generator: random.Random, width: int, height: int) -> tuple[int, int, int, int]:
    """(x, y, width, height) of a rectangle inside an image."""
    x, y = generator.randrange(width), generator.randrange(height)
    return x, y, generator.randint(1, width - x), generator.randint(1, height - y)
