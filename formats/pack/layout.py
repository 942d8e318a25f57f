"""Numbers and fixed-size parts of the pack format (SPEC.md, sections 1, 4 and 5)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ..._core import crc32c, read_index_header, read_shard_header, read_shard_trailer

__all__ = [
    "ALIGNMENT",
    "BLOCK_BYTES",
    "INDEX_NAME",
    "MANIFEST_NAME",
    "MAX_RECORD_BYTES",
    "MAX_SHARDS",
    "PARQUET_NAME",
    "TAIL_BYTES",
    "VERSION",
    "IndexHeader",
    "ShardHeader",
    "ShardTrailer",
    "aligned",
    "record_end",
    "shard_name",
]

VERSION = 1
ALIGNMENT = 64
TAIL_BYTES = 64
BLOCK_BYTES = 64
"""Bytes of each fixed-size part: shard header, shard trailer, index header."""
MAX_SHARDS = 1_000_000
MAX_RECORD_BYTES = (1 << 31) - 1

INDEX_NAME = "index.bin"
MANIFEST_NAME = "pack.json"
PARQUET_NAME = "index.parquet"


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"shard-{number:05d}.pack"


def aligned(size: int) -> int:
    """The next multiple of 64 that is not below `size`."""
    return (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def record_end(offset: int, length: int) -> int:
    """Where the part that follows a record starts: after its bytes, tail padding and alignment."""
    return aligned(offset + length + TAIL_BYTES)


@dataclass(frozen=True, slots=True)
class ShardHeader:
    """The first 64 bytes of a shard (SPEC.md, 1.1)."""

    number: int
    pack_id: bytes

    def to_bytes(self) -> bytes:
        return _sealed(struct.pack("<8sII16s28x", b"PSTKSHRD", VERSION, self.number, self.pack_id))

    @classmethod
    def from_bytes(cls, block: bytes, place: str) -> ShardHeader:
        """Raises DatasetError, which names `place`, unless the block is whole and of a known version."""
        return cls(*read_shard_header(block, f"{place}: header"))


@dataclass(frozen=True, slots=True)
class ShardTrailer:
    """The last 64 bytes of a shard (SPEC.md, 1.4)."""

    number: int
    footer_offset: int
    footer_bytes: int
    rows: int

    def to_bytes(self) -> bytes:
        place = (self.number, self.footer_offset, self.footer_bytes, self.rows)
        return _sealed(struct.pack("<8sIIQQQ20x", b"PSTKTAIL", VERSION, *place))

    @classmethod
    def from_bytes(cls, block: bytes, file_bytes: int, place: str) -> ShardTrailer:
        """Raises DatasetError, which names `place`, unless the block is whole and of a known version, and its footer
        ends where the trailer of a file of `file_bytes` begins."""
        return cls(*read_shard_trailer(block, file_bytes, f"{place}: trailer"))


@dataclass(frozen=True, slots=True)
class IndexHeader:
    """The first 64 bytes of index.bin (SPEC.md, 4.1)."""

    shards: int
    pack_id: bytes
    rows: int
    manifest_checksum: int

    def to_bytes(self) -> bytes:
        fields = (self.shards, self.pack_id, self.rows, self.manifest_checksum)
        return _sealed(struct.pack("<8sII16sQI16x", b"PSTKINDX", VERSION, *fields))

    @classmethod
    def from_bytes(cls, block: bytes, place: str) -> IndexHeader:
        """Raises DatasetError, which names `place`, unless the block is whole and of a known version."""
        return cls(*read_index_header(block, f"{place}: header"))


def _sealed(block: bytes) -> bytes:
    return block + struct.pack("<I", crc32c(block))
