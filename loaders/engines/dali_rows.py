"""Records on their way to DALI: read, drawn for, and decoded as far as DALI does not do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ...augment import DaliExecutor, ParamTable
from ...formats.image import decode_rgb, raw_pixels
from ...formats.reading import flat_view, read_record
from ...record import Buffer, Codec, Records
from ..keys.keys import SampleKeys
from .stage_times import StageTimes

__all__ = ["PreparedRow", "prepare", "stacked"]


@dataclass(frozen=True, slots=True)
class PreparedRow:
    """One sample as DALI takes it.

    Attributes:
        image: a JPEG file, (bytes,) uint8, or pixels, (height, width, 3) uint8.
        size: (height, width) of the whole image.
        params: (columns,) what was drawn for it.
        cut: `image` is only the window of the image that the pipeline begins with.
    """

    image: NDArray[np.uint8]
    size: tuple[int, int]
    params: NDArray[np.float64]
    cut: bool = False

    def decoded(self) -> PreparedRow:
        """The same with pixels in place of a file. DecodeError, TruncatedError: it is damaged."""
        if self.image.ndim == 3:
            return self
        return PreparedRow(_core.decode_jpeg(self.image), self.size, self.params)


def prepare(executor: DaliExecutor, records: Records, row: int, keys: SampleKeys, times: StageTimes) -> PreparedRow:
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
            return _from_dct(executor, data, stored, keys, row)
        image = raw_pixels(data, *stored) if codec is Codec.RAW else _image(np.frombuffer(data, np.uint8))
        size = _core.probe_image(image)[:0:-1] if image.ndim == 1 else image.shape[:2]
        return PreparedRow(image, size, _drawn(executor, size, keys, row))


def stacked(executor: DaliExecutor, rows: Sequence[PreparedRow]) -> ParamTable:
    """What was drawn for several rows."""
    return ParamTable(executor.pipeline.program.columns, np.stack([row.params for row in rows]))


def _from_dct(executor: DaliExecutor, data: Buffer, size: tuple[int, int], keys: SampleKeys, row: int) -> PreparedRow:
    params = _drawn(executor, size, keys, row)
    windows = executor.windows(ParamTable(executor.pipeline.program.columns, params[None]), [size])
    if windows is None:
        return PreparedRow(_core.decode_dct(data), size, params)
    x, y, width, height = map(int, windows[0])
    return PreparedRow(_core.decode_dct(data, (x, y, width, height)), size, params, cut=True)


def _image(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A JPEG as it is, and the pixels of any other file."""
    return data if len(data) and _core.probe_image(data)[0] == "jpeg" else decode_rgb(data)


def _drawn(executor: DaliExecutor, size: tuple[int, int], keys: SampleKeys, row: int) -> NDArray[np.float64]:
    sizes = np.array([size], np.int32)
    indices, draws = keys.indices[row : row + 1], keys.draws[row : row + 1]
    drawn: NDArray[np.float64] = executor.pipeline.program.draw(keys.seed, keys.epoch, indices, draws, sizes)[0]
    return drawn
