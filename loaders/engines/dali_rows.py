"""Records on their way to DALI: read, drawn for, and decoded as far as DALI does not do it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ...formats.image import decode_rgb, raw_pixels
from ...formats.reading import flat_view, read_record
from ...record import Buffer, Codec, Records
from ..keys.keys import SampleKeys
from .dali_making import DaliMaker, Rows
from .stage_times import StageTimes

__all__ = ["PreparedRow", "prepare"]


@dataclass(frozen=True, slots=True)
class PreparedRow:
    """One sample as DALI takes it.

    Attributes:
        image: a JPEG file, (bytes,) uint8, or pixels, (height, width, 3) uint8.
        size: (height, width) of the whole image.
        drawn: for it, in each view.
        cut: `image` is only the part of the image that the views need.
    """

    image: NDArray[np.uint8]
    size: tuple[int, int]
    drawn: Rows
    cut: bool = False

    def decoded(self) -> PreparedRow:
        """The same with pixels in place of a file. DecodeError, TruncatedError: it is damaged."""
        if self.image.ndim == 3:
            return self
        return PreparedRow(_core.decode_jpeg(self.image), self.size, self.drawn)


def prepare(maker: DaliMaker, records: Records, row: int, keys: SampleKeys, times: StageTimes) -> PreparedRow:
    """Reads one record and draws for it. Of `raw` and `dct` records, and of files that are no JPEG, it gives pixels.

    Raises:
        RecordError: it can't be read, decoded or drawn for; without a place.
    """
    index = int(keys.indices[row])
    with times.stage("read", index) as stage:
        data = read_record(records, row)
        stage.nbytes = flat_view(data).nbytes
    codec = Codec(records.codec[row])
    with times.stage("decode", index):
        stored = (int(records.height[row]), int(records.width[row]))
        if codec is Codec.DCT:
            return _from_dct(maker, data, stored, maker.draw(stored, keys, row))
        image = raw_pixels(data, *stored) if codec is Codec.RAW else _image(np.frombuffer(data, np.uint8))
        size = _core.probe_image(image)[:0:-1] if image.ndim == 1 else image.shape[:2]
        return PreparedRow(image, size, maker.draw(size, keys, row))


def _from_dct(maker: DaliMaker, data: Buffer, size: tuple[int, int], drawn: Rows) -> PreparedRow:
    window = maker.window(size, drawn)
    if window is None:
        return PreparedRow(_core.decode_dct(data), size, drawn)
    return PreparedRow(_core.decode_dct(data, window), size, drawn, cut=True)


def _image(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A JPEG as it is, and the pixels of any other file."""
    return data if len(data) and _core.probe_image(data)[0] == "jpeg" else decode_rgb(data)
