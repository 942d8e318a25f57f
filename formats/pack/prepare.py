"""Checking an image before it is stored, and putting it into the form in which it is stored."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from PIL import Image as PILImage

from ..._core import check_jpeg, encode_dct, probe_image, rebuild_jpeg
from ...errors import OptionError
from ...record import Buffer, Codec, Records
from ..dct import check_dct
from ..image import DecodedFile, decode_file, decode_pil, is_jpeg, raw_pixels
from ..reading import read_record
from .shard import Image

__all__ = ["DEFAULT_QUALITY", "Preparation", "StoredCodec", "check_image"]

DEFAULT_QUALITY = 90

StoredCodec: TypeAlias = Literal["dct", "encoded", "raw"]
"""How images are to be stored; see `Preparation.codec`."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """How images are stored, and how they are changed before that; as it stands, not at all.

    A shrunk image is resampled by Pillow with Lanczos, antialiased; none is enlarged. JPEG stays JPEG, without chroma
    subsampling (shrinking leaves full-resolution chroma worth keeping) and grey if it was; every other file becomes a
    lossless RGB PNG; raw pixels stay raw. Metadata is not kept, and an EXIF orientation is not applied, as in loading.

    Attributes:
        codec: "dct" stores the coefficients of JPEGs in a form that is fast to decode, and leaves as they are those
            that it can't represent, and other files, with the reason (`Image.fallback`). "encoded" stores image files
            as found; those of dct records are rebuilt, with the same coefficients. "raw" stores decoded RGB pixels.
        resize: length in pixels of the shorter side; longer ones are shrunk to it.
        quality: JPEG quality, 1 to 100. Given, every JPEG is encoded anew; else only shrunk ones, with 90.
    """

    codec: StoredCodec = "dct"
    resize: int | None = None
    quality: int | None = None

    def __post_init__(self) -> None:
        if self.codec not in get_args(StoredCodec):
            raise OptionError(f"codec must be one of {', '.join(get_args(StoredCodec))}, got {self.codec!r}")
        if self.resize is not None and not 1 <= self.resize <= 65_500:
            raise OptionError(f"resize must be a number of pixels from 1 to 65500, got {self.resize}")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise OptionError(f"quality must be from 1 to 100, got {self.quality}")
        if self.quality is not None and self.codec == "raw":
            raise OptionError("quality is that of JPEGs, and codec raw stores pixels: leave out one of them")

    @property
    def lossy(self) -> dict[str, int] | None:
        """What pack.json says of it: None where every image keeps its pixels."""
        if self.resize is None and self.quality is None:
            return None
        change = {} if self.codec == "raw" else {"quality": self.quality or DEFAULT_QUALITY}
        return change if self.resize is None else {"resize": self.resize, **change}

    def read(self, records: Records, row: int) -> Image:
        """Reads one record, and prepares it.

        Raises:
            RecordError: it can't be read or decoded; without a place.
        """
        size = int(records.width[row]), int(records.height[row])
        return self.apply(read_record(records, row), Codec(records.codec[row]), size)

    def apply(self, data: Buffer, codec: Codec, size: tuple[int, int]) -> Image:
        """Checks all of an image, and prepares it. `size` (width, height) matters only for raw pixels and dct records.

        Raises:
            RecordError: it can't be decoded; without a place.
        """
        if codec is Codec.RAW:
            pixels = PILImage.fromarray(raw_pixels(data, size[1], size[0]))
            return _raw(self._shrunk(pixels)) if self._shrinks(*size) else Image(data, codec, *size)
        if codec is Codec.DCT:
            if self.codec == "dct" and not self._changes(*size):
                check_dct(data, size[1], size[0])
                return Image(data, codec, *size)
            data = rebuild_jpeg(data)
        kind, width, height = probe_image(data) if len(data) else ("other", 0, 0)
        if kind == "jpeg" and self.codec != "raw" and not self._changes(width, height):
            return self._jpeg(data, width, height)
        return self._decoded(decode_file(data), data)

    def _jpeg(self, data: Buffer, width: int, height: int) -> Image:
        """A JPEG that is not changed. Either way of looking at it finds all that makes Pillow refuse a file."""
        if self.codec == "encoded":
            check_jpeg(data)
            return Image(data, Codec.ENCODED, width, height)
        record, reason = encode_dct(data)
        if reason:
            return Image(data, Codec.ENCODED, width, height, reason)
        return Image(record, Codec.DCT, width, height)

    def _decoded(self, found: DecodedFile, data: Buffer) -> Image:
        """An image file that has been decoded because it is changed, stored raw, or no JPEG of the usual kind."""
        image = self._shrunk(found.image)
        if self.codec == "raw":
            return _raw(image)
        if is_jpeg(data) and self._changes(*found.image.size):
            grey = image.convert("L") if found.mode == "L" else image
            file = _saved(grey, "JPEG", quality=self.quality or DEFAULT_QUALITY, subsampling=0)
            return self._jpeg(file, *image.size)
        fallback = _reason(found, data) if self.codec == "dct" else ""
        if image is not found.image:
            data = _saved(image, "PNG")
        return Image(data, Codec.ENCODED, *image.size, fallback)

    def _changes(self, width: int, height: int) -> bool:
        """Whether a JPEG of this size has to be encoded anew."""
        return self.quality is not None or self._shrinks(width, height)

    def _shrinks(self, width: int, height: int) -> bool:
        return self.resize is not None and min(width, height) > self.resize

    def _shrunk(self, image: PILImage.Image) -> PILImage.Image:
        if self.resize is None or not self._shrinks(*image.size):
            return image
        short = min(image.size)
        width, height = (max(round(side * self.resize / short), 1) for side in image.size)
        return image.resize((width, height), PILImage.Resampling.LANCZOS)


def check_image(data: Buffer, codec: Codec, size: tuple[int, int]) -> None:
    """Decodes all of an image and drops the pixels. `size` is as in `Preparation.apply`.

    Raises:
        RecordError: it can't be decoded; without a place.
    """
    if codec is Codec.RAW:
        raw_pixels(data, size[1], size[0])
    elif codec is Codec.DCT:
        check_dct(data, size[1], size[0])
    elif len(data) and probe_image(data)[0] == "jpeg":
        check_jpeg(data)
    else:
        decode_pil(data)


def _reason(found: DecodedFile, data: Buffer) -> str:
    """Why a file that the core leaves to Pillow can't be stored as dct."""
    if not is_jpeg(data):
        return f"{found.format} file"
    return "CMYK JPEG" if found.mode == "CMYK" else "JPEG with missing scans or an unusual header"


def _raw(image: PILImage.Image) -> Image:
    return Image(image.tobytes(), Codec.RAW, *image.size)


def _saved(image: PILImage.Image, format: str, **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()
