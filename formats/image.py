"""Images in memory: from the bytes of a record to RGB pixels, by Pillow."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..errors import DecodeError, TruncatedError

if TYPE_CHECKING:
    from ..record import Buffer

__all__ = ["DecodedFile", "decode_file", "decode_pil", "decode_rgb", "is_jpeg", "raw_pixels"]

# What Pillow's readers let out, besides OSError, when a file's bytes are damaged or made to harm.
DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    Image.DecompressionBombError,
    LookupError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


class DecodedFile(NamedTuple):
    """What an image file holds.

    Attributes:
        image: loaded, of mode RGB.
        format, mode: of the file, as Pillow names them: "JPEG", "PNG" ...; "RGB", "L", "CMYK" ...
    """

    image: Image.Image
    format: str
    mode: str


def decode_pil(data: Buffer) -> Image.Image:
    """The image file in `data` as a loaded PIL image of mode RGB. Errors as `decode_file`."""
    return decode_file(data).image


def decode_file(data: Buffer) -> DecodedFile:
    """The image file in `data`: Pillow's `convert("RGB")` of it, and what it was.

    Raises:
        DecodeError: the bytes are no image that Pillow reads.
        TruncatedError: the file ends too early.
    """
    if len(data) == 0:
        raise TruncatedError("expected an image, but the file has no bytes; replace or remove it")
    try:
        with Image.open(io.BytesIO(bytes(data))) as image:
            image.load()
            # RGB has no transparency to keep; without the entry Pillow doesn't warn that it drops it.
            image.info.pop("transparency", None)
            return DecodedFile(image.convert("RGB"), image.format or "", image.mode)
    except UnidentifiedImageError:
        raise DecodeError(
            "expected an image that Pillow reads, but the bytes are of no known image format; replace or remove it"
        ) from None
    except OSError as error:
        kind = TruncatedError if "truncated" in str(error).lower() else DecodeError
        raise kind(f"Pillow can't decode the image: {error}; replace or remove it") from error
    except DAMAGE as error:
        raise DecodeError(
            f"Pillow can't decode the image: {error or type(error).__name__}; replace or remove it"
        ) from error


def decode_rgb(data: Buffer) -> NDArray[np.uint8]:
    """The image file in `data` as a fresh, writable (height, width, 3) uint8 array. Errors as `decode_pil`."""
    return np.array(decode_pil(data))


def is_jpeg(data: Buffer) -> bool:
    """Whether these are the bytes of a JPEG file, of whatever kind."""
    return bytes(data[:3]) == b"\xff\xd8\xff"


def raw_pixels(data: Buffer, height: int, width: int) -> NDArray[np.uint8]:
    """The bytes of a `Codec.RAW` record as a (height, width, 3) uint8 view.

    Raises:
        DecodeError: the bytes are not as many as an image of this size has, or the size is none.
    """
    flat = np.frombuffer(data, np.uint8)
    if height < 1 or width < 1 or flat.size != height * width * 3:
        raise DecodeError(
            f"expected {height} x {width} x 3 bytes of raw pixels, got {flat.size} bytes; "
            "the record is damaged: write the dataset again"
        )
    return flat.reshape(height, width, 3)
