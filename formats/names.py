"""Many strings as one block of bytes, so that millions of names cost no Python objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["Names", "decode_name", "encode_name"]


def encode_name(name: str) -> bytes:
    """UTF-8, with the bytes of file names that are not UTF-8 kept (PEP 383)."""
    return name.encode("utf-8", "surrogateescape")


def decode_name(data: bytes) -> str:
    """The name that `encode_name` made these bytes of."""
    return data.decode("utf-8", "surrogateescape")


class Names:
    """Strings by index, immutable, kept as UTF-8 bytes and offsets.

    A forked process shares it without copies, because reading it touches no reference counts.
    """

    def __init__(self, names: Iterable[str]) -> None:
        encoded = [encode_name(name) for name in names]
        self._blob = b"".join(encoded)
        self._offsets: NDArray[np.int64] = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(name) for name in encoded], out=self._offsets[1:])

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self):
            raise IndexError(f"name {index} of {len(self)}")
        return decode_name(self._blob[self._offsets[index] : self._offsets[index + 1]])

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))
