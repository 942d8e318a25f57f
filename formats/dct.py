"""Dct records as Python reads them (layout: SPEC.md, section 9; the core does the work)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._core import crc32c, decode_dct, probe_dct
from ..errors import ChecksumError, DecodeError
from .reading import flat_view

if TYPE_CHECKING:
    from ..record import Buffer

__all__ = ["check_dct", "dct_pixels"]

_METADATA = struct.Struct("<II")
_METADATA_OFFSET = 28
"""Where the head has the number of bytes of the metadata, and their CRC-32C."""


def dct_pixels(data: Buffer, height: int, width: int) -> NDArray[np.uint8]:
    """The image of a `Codec.DCT` record as a fresh (height, width, 3) uint8 array; all its rows are checked.

    Raises:
        DecodeError, TruncatedError, ChecksumError: the record is damaged, or not of this size; without a place.
    """
    found = probe_dct(data)[:2]
    if found != (width, height):
        raise DecodeError(
            f"expected {width} x {height} pixels, as the index has it, but the record has {found[0]} x {found[1]}: "
            "one of them is damaged; write the dataset again"
        )
    return decode_dct(data)


def check_dct(data: Buffer, height: int, width: int) -> None:
    """Checks all of a record: its head, rows and metadata. Errors as `dct_pixels`."""
    dct_pixels(data, height, width)
    record = flat_view(data)
    size, expected = _METADATA.unpack_from(record, _METADATA_OFFSET)
    actual = crc32c(record[len(record) - size :])
    if actual != expected:
        raise ChecksumError(
            f"the metadata at the record's end has changed: expected CRC-32C {expected:08x}, got {actual:08x}; "
            "restore the file, or write the dataset again"
        )
