"""Images in memory: from the bytes of a file to RGB pixels, by Pillow."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import DecodeError, TruncatedError

if TYPE_CHECKING:
    from ..record import Buffer

__all__ = ["decode_pil", "decode_rgb"]


def decode_pil(data: Buffer) -> Image.Image:
    """The image file in `data` as a loaded PIL image of mode RGB (Pillow's `convert("RGB")` of anything else).

    Raises:
        DecodeError: the bytes are no image that Pillow reads; TruncatedError where the file ends too early.
    """
    if len(data) == 0:
        raise TruncatedError("expected an image, but the file has no bytes; replace or remove it")
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.convert("RGB")
    except Image.UnidentifiedImageError:
        raise DecodeError("expected an image that Pillow reads, but the bytes are of no known image format") from None
    except OSError as error:
        kind = TruncatedError if "truncated" in str(error) else DecodeError
        raise kind(f"Pillow can't decode the image: {error}") from error
    except (ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise DecodeError(f"Pillow can't decode the image: {error}") from error


def decode_rgb(data: Buffer) -> NDArray[np.uint8]:
    """The image file in `data` as a fresh, writable (height, width, 3) uint8 array. Errors as `decode_pil`."""
    return np.array(decode_pil(data))
