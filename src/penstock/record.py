"""The columns in which undecoded samples travel from datasets (`penstock.formats`) to executors and engines."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["WHOLE_FILE", "Buffer", "Codec", "FileSamples", "RecordSource", "Records"]

Buffer: TypeAlias = bytes | bytearray | memoryview | NDArray[np.uint8]
"""Bytes of one sample: C-contiguous, read-only by convention."""

WHOLE_FILE = -1
"""In `Records.length`: the sample is the whole file."""


class Codec(enum.IntEnum):
    """How the bytes of a sample are stored. The numbers are part of the pack format.

    Give numpy `int(Codec.RAW)`: for a member it runs Python code of enum's, and swallows a Ctrl-C there.
    """

    ENCODED = 0
    """An image file as found (JPEG, PNG, WebP ...)."""
    RAW = 1
    """Pixels: (height, width, 3) uint8, C order."""
    DCT = 2
    """The quantised DCT coefficients of a JPEG (layout: formats/SPEC.md, section 9)."""


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """n undecoded samples, as columns. Row k is a location or a payload.

    A location is `paths[file[k]]`, `offset[k]`, `length[k]` (`WHOLE_FILE`: the whole file); the reader opens
    the file itself. A payload is `payloads[k]`; `file[k]` is -1 then.

    Attributes:
        codec: (n,) uint8, values of `Codec`.
        labels: (n,) int64, or (n, k) int64 or float32 for several labels per sample.
        paths: the distinct files that rows refer to.
        file: (n,) int32, position in `paths`, -1 for a payload.
        offset: (n,) int64, first byte in the file.
        length: (n,) int64, bytes, or `WHOLE_FILE`.
        width, height: (n,) int32 in pixels; 0 where not known (always known for `Codec.RAW` and `Codec.DCT`).
        checksum: (n,) uint32, CRC-32C (Castagnoli) of all the bytes, or None where there is none to check. Who reads
            only some rows of a `Codec.DCT` record compares the checksums inside it instead.
        payloads: n buffers (None in rows with a location), or None when every row has a location.
    """

    codec: NDArray[np.uint8]
    labels: NDArray[np.int64] | NDArray[np.float32]
    paths: Sequence[str]
    file: NDArray[np.int32]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    width: NDArray[np.int32]
    height: NDArray[np.int32]
    checksum: NDArray[np.uint32] | None = None
    payloads: Sequence[Buffer | None] | None = None

    def __len__(self) -> int:
        return len(self.codec)


@runtime_checkable
class RecordSource(Protocol):
    """What a dataset offers so that its samples can be read and decoded without Python."""

    def __len__(self) -> int: ...

    def records(self, indices: Sequence[int] | NDArray[np.int64]) -> Records:
        """Columns for the samples at these indices (0 <= i < len), in this order.

        Raises RecordError, with `.index` in this source's numbering, where the record of a sample is bad; the others
        can then be had without it.
        """
        ...

    def describe(self, index: int) -> str:
        """Where sample `index` comes from, for messages: file, or shard and record and name."""
        ...


@runtime_checkable
class FileSamples(Protocol):
    """What a dataset of your own offers so that `DataLoader` can read, decode and transform its samples natively.

    Its `__getitem__` stays as it is and must give for sample k what these say: `(transform(image), int(labels[k]))`,
    where `image` is `PIL.Image.open(files[k]).convert("RGB")`. A class that derives from it and has its own
    `__getitem__` is not taken, nor is a dataset with a `target_transform`.

    Attributes:
        transform: called with the PIL image; a torchvision transform is what can run natively. None with `augment=`.
    """

    transform: Callable[[Any], Any] | None

    def __len__(self) -> int: ...

    def sample_files(self) -> tuple[Sequence[str | os.PathLike[str]], ArrayLike]:
        """(n paths, n ints): the file and the label of each sample. Asked at each `iter(loader)`, so keep them."""
        ...
