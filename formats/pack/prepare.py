"""Checking an image before it is stored, and shrinking it where the user asks for that."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image as PILImage

from ..._core import check_jpeg, probe_image
from ...errors import DecodeError, OptionError
from ...record import Buffer, Codec, Records
from ..image import decode_pil
from ..reading import flat_view, read_record
from .shard import Image

__all__ = ["DEFAULT_QUALITY", "Preparation"]

DEFAULT_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Preparation:
    """How images are changed before they are stored; as it stands, not at all.

    A shrunk image is resampled by Pillow with Lanczos, antialiased; none is enlarged. JPEG stays JPEG, without chroma
    subsampling (shrinking leaves full-resolution chroma worth keeping) and grey if it was; every other file becomes a
    lossless RGB PNG; raw pixels stay raw. Metadata is not kept, and an EXIF orientation is not applied, as in loading.

    Attributes:
        resize: length in pixels of the shorter side; longer ones are shrunk to it.
        quality: JPEG quality, 1 to 100. Given, every JPEG is encoded anew; else only shrunk ones, with 90.
    """

    resize: int | None = None
    quality: int | None = None

    def __post_init__(self) -> None:
        if self.resize is not None and not 1 <= self.resize <= 65_500:
            raise OptionError(f"resize must be a number of pixels from 1 to 65500, got {self.resize}")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise OptionError(f"quality must be from 1 to 100, got {self.quality}")

    @property
    def lossy(self) -> dict[str, int] | None:
        """What pack.json says of it: None where every image is stored as found."""
        if self.resize is None and self.quality is None:
            return None
        change = {"quality": self.quality or DEFAULT_QUALITY}
        return change if self.resize is None else {"resize": self.resize, **change}

    def read(self, records: Records, row: int) -> Image:
        """Reads one record, and prepares it.

        Raises:
            RecordError: it can't be read or decoded; without a place.
        """
        size = int(records.width[row]), int(records.height[row])
        return self.apply(read_record(records, row), Codec(records.codec[row]), size)

    def apply(self, data: Buffer, codec: Codec, size: tuple[int, int]) -> Image:
        """Checks an image by decoding all of it, and prepares it. `size` (width, height) matters only for raw pixels.

        Raises:
            RecordError: it can't be decoded; without a place.
        """
        if codec is Codec.RAW:
            return self._raw(data, *size)
        kind = probe_image(data)[0] if len(data) else "other"
        if kind == "jpeg":
            width, height, sampling = check_jpeg(data)
            if self.quality is None and not self._shrinks(width, height):
                return Image(data, Codec.ENCODED, width, height)
            image = decode_pil(data)
            return self._jpeg(image.convert("L") if sampling == "grey" else image)
        image = decode_pil(data)
        if bytes(data[:3]) == b"\xff\xd8\xff" and (self.quality is not None or self._shrinks(*image.size)):
            return self._jpeg(image)
        if self._shrinks(*image.size):
            return _encoded(self._shrunk(image), "PNG")
        return Image(data, Codec.ENCODED, *image.size)

    def _raw(self, data: Buffer, width: int, height: int) -> Image:
        if width <= 0 or height <= 0 or len(flat_view(data)) != width * height * 3:
            raise DecodeError(
                f"expected {width} x {height} RGB pixels, got {len(flat_view(data))} bytes; make the image anew"
            )
        if not self._shrinks(width, height):
            return Image(data, Codec.RAW, width, height)
        pixels = np.frombuffer(data, np.uint8).reshape(height, width, 3)
        image = self._shrunk(PILImage.fromarray(pixels))
        return Image(image.tobytes(), Codec.RAW, *image.size)

    def _jpeg(self, image: PILImage.Image) -> Image:
        return _encoded(self._shrunk(image), "JPEG", quality=self.quality or DEFAULT_QUALITY, subsampling=0)

    def _shrinks(self, width: int, height: int) -> bool:
        return self.resize is not None and min(width, height) > self.resize

    def _shrunk(self, image: PILImage.Image) -> PILImage.Image:
        if self.resize is None or not self._shrinks(*image.size):
            return image
        short = min(image.size)
        width, height = (max(round(side * self.resize / short), 1) for side in image.size)
        return image.resize((width, height), PILImage.Resampling.LANCZOS)


def _encoded(image: PILImage.Image, format: str, **options: int) -> Image:
    file = io.BytesIO()
    image.save(file, format, **options)
    return Image(file.getvalue(), Codec.ENCODED, *image.size)
