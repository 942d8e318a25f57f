"""The keys and values of a Penstock LMDB, as bytes. LMDB.md is their specification."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._core import crc32c
from ..errors import DatasetError, RecordError
from ..record import Codec
from .base import Labels
from .names import decode_name, encode_name

__all__ = ["CODECS", "HEADER_KEY", "LABELS_KEY", "Entry", "Header", "decode_labels", "encode_labels", "sample_key"]

HEADER_KEY = b"penstock"
LABELS_KEY = b"penstock.labels"
FORMAT, VERSION = "penstock-lmdb", 1

CRC = struct.Struct("<I")
CODECS = frozenset([Codec.ENCODED, Codec.RAW])
"""Dct records are read in part, which LMDB's values can't be."""
ENTRY = struct.Struct("<B3xIIII")
"""Codec, bytes of the name, width, height, CRC-32C of the data; the CRC-32C of these bytes and the name comes first."""


def sample_key(index: int) -> bytes:
    """The key of a sample: big-endian, so that LMDB's order of keys is that of the samples."""
    return index.to_bytes(8, "big")


@dataclass(frozen=True, slots=True)
class Header:
    """What is said once about all samples.

    Attributes:
        count: number of samples.
        classes: names of the labels.
        dtype: of the labels, "int64" or "float32".
        labels_per_sample: k for labels of shape (n, k), None for (n,).
        labels_checksum: CRC-32C of the value under `LABELS_KEY`.
    """

    count: int
    classes: list[str]
    dtype: str
    labels_per_sample: int | None
    labels_checksum: int

    def encode(self) -> bytes:
        """The value under `HEADER_KEY`."""
        fields = {
            "format": FORMAT,
            "version": VERSION,
            "count": self.count,
            "classes": self.classes,
            "labels": {"dtype": self.dtype, "per_sample": self.labels_per_sample, "crc32c": self.labels_checksum},
        }
        text = json.dumps(fields).encode()
        return CRC.pack(crc32c(text)) + text

    @classmethod
    def decode(cls, value: bytes) -> Header:
        """Raises DatasetError, without a place, for bytes that are no header of this version."""
        if len(value) < CRC.size or CRC.unpack_from(value)[0] != crc32c(value[CRC.size :]):
            raise DatasetError("its header is damaged (checksum mismatch); restore the file, or write it again")
        try:
            fields = json.loads(value[CRC.size :])
            if (fields["format"], fields["version"]) != (FORMAT, VERSION):
                raise DatasetError(
                    f"expected {FORMAT} version {VERSION}, got {fields['format']!r} version {fields['version']!r}; "
                    "read it with the release of Penstock that wrote it"
                )
            labels = fields["labels"]
            header = cls(fields["count"], fields["classes"], labels["dtype"], labels["per_sample"], labels["crc32c"])
        except (KeyError, TypeError, RecursionError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise DatasetError(f"its header is not what LMDB.md says ({error!r}); write the file again") from error
        header.check()
        return header

    def check(self) -> None:
        """Raises DatasetError, without a place, where a field is not of its kind."""
        expected = {
            "count": _is_size(self.count),
            "classes": isinstance(self.classes, list) and all(isinstance(name, str) for name in self.classes),
            "labels.dtype": self.dtype == "int64" or (self.dtype == "float32" and self.labels_per_sample is not None),
            "labels.per_sample": self.labels_per_sample is None or _is_size(self.labels_per_sample),
            "labels.crc32c": _is_size(self.labels_checksum),
        }
        wrong = [field for field, right in expected.items() if not right]
        if wrong:
            raise DatasetError(f"its header has wrong values in {', '.join(wrong)}; write the file again")


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def encode_labels(labels: Labels) -> bytes:
    """The value under `LABELS_KEY`: little-endian, C order."""
    return labels.astype(labels.dtype.newbyteorder("<")).tobytes()


def decode_labels(value: bytes, header: Header) -> Labels:
    """The (n,) or (n, k) labels. Raises DatasetError, without a place, where they are not what the header promises."""
    if crc32c(value) != header.labels_checksum:
        raise DatasetError("its labels are damaged (checksum mismatch); restore the file, or write it again")
    dtype = np.dtype(header.dtype)
    expected = header.count * (1 if header.labels_per_sample is None else header.labels_per_sample) * dtype.itemsize
    if len(value) != expected:
        raise DatasetError(f"expected {expected} bytes of labels, got {len(value)}; write the file again")
    shape = (header.count,) if header.labels_per_sample is None else (header.count, header.labels_per_sample)
    labels: Labels = np.frombuffer(value, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    return labels


@dataclass(frozen=True, slots=True)
class Entry:
    """One sample as it is stored.

    Attributes:
        data: its bytes, as `codec` says.
        checksum: CRC-32C of `data`.
        width, height: in pixels; 0 where not known.
    """

    name: str
    codec: int
    width: int
    height: int
    checksum: int
    data: bytes

    def encode(self) -> bytes:
        """The value under `sample_key(index)`."""
        name = encode_name(self.name)
        fields = ENTRY.pack(self.codec, len(name), self.width, self.height, self.checksum) + name
        return CRC.pack(crc32c(fields)) + fields + self.data

    @classmethod
    def decode(cls, value: memoryview, *, name_only: bool = False) -> Entry:
        """A copy of what is stored; without the data where only the name is asked for.

        Raises:
            RecordError: fields or name are damaged; without a place. The data are not checked here.
        """
        if len(value) < CRC.size + ENTRY.size:
            raise RecordError(
                f"expected at least {CRC.size + ENTRY.size} bytes, got {len(value)}; write the file again"
            )
        codec, name_bytes, width, height, checksum = ENTRY.unpack_from(value, CRC.size)
        start = CRC.size + ENTRY.size + name_bytes
        fields = bytes(value[CRC.size : start])
        if CRC.unpack_from(value)[0] != crc32c(fields) or start > len(value):
            raise RecordError(
                "the record's fields are damaged (checksum mismatch); restore the file, or write it again"
            )
        if codec not in CODECS or max(width, height) >= 2**31:
            raise RecordError(f"unknown codec {codec} or size {width} x {height}; read it with a newer Penstock")
        data = b"" if name_only else bytes(value[start:])
        return cls(decode_name(fields[ENTRY.size :]), codec, width, height, checksum, data)
