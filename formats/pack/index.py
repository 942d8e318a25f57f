"""index.bin: one row per sample, as memory-mapped columns (SPEC.md, 4.1)."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..._core import crc32c
from ...errors import DatasetError, DatasetNotFoundError
from .layout import BLOCK_BYTES, INDEX_NAME, MANIFEST_NAME, IndexHeader, shard_name
from .manifest import MAX_MANIFEST_BYTES, Manifest
from .rows import Rows
from .storage import PLAN_NAME, new_file
from .table import SectionId, Table, write_table

__all__ = ["Index", "write_index"]


class Index:
    """An open index with its manifest. Opening costs the same for any number of samples.

    Attributes:
        header: the fixed part of index.bin.
        manifest: pack.json, whose checksum is in the header.
        table: the columns, views of the mapped file.
        shard_bytes, shard_rows: (shards,) int64, size of each shard file and records in it.

    Raises:
        DatasetNotFoundError: `directory` holds no pack. DatasetError: it is unfinished or damaged.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        path = directory / INDEX_NAME
        data = _mapped(path)
        self.header = IndexHeader.from_bytes(data[:BLOCK_BYTES].tobytes(), str(path))
        self.table = Table(data[BLOCK_BYTES:], str(path))
        self.manifest = _manifest(directory / MANIFEST_NAME, self.header)
        self.shard_bytes: NDArray[np.int64] = self.table.column(SectionId.SHARD_BYTES, self.header.shards)
        self.shard_rows: NDArray[np.int64] = self.table.column(SectionId.SHARD_ROWS, self.header.shards)
        self._check_counts(len(data), str(path))
        self._check_labels(str(path))

    @property
    def rows(self) -> Rows:
        """All columns, each checked against its checksum."""
        return Rows.from_table(self.table, str(self.directory / INDEX_NAME))

    def check_shards(self) -> None:
        """Raises DatasetError for the first shard that is missing or has not the size that the index promises."""
        for number, expected in enumerate(self.shard_bytes.tolist()):
            path = self.directory / shard_name(number)
            try:
                size = path.stat().st_size
            except OSError as error:
                raise DatasetError(
                    f"{path} can't be found or read ({error.strerror}): restore it, or pack the dataset again"
                ) from error
            if size != expected:
                raise DatasetError(
                    f"{path}: expected {expected} bytes, got {size}: the shard is truncated or has been changed; "
                    "restore it, or pack the dataset again (`penstock verify` names what is damaged)"
                )

    def _check_counts(self, size: int, place: str) -> None:
        header, manifest = self.header, self.manifest
        total = sum(self.shard_rows.tolist())
        agree = header.rows == self.table.rows == manifest.samples == total and header.shards == manifest.shards
        if not agree or min(self.shard_rows, default=0) < 0:
            raise DatasetError(
                f"{place}: header ({header.rows} rows), columns ({self.table.rows}), shards ({total}) and "
                f"{MANIFEST_NAME} ({manifest.samples}) disagree: restore the files, or pack the dataset again"
            )
        if size != BLOCK_BYTES + self.table.size or header.pack_id != manifest.pack_id:
            raise DatasetError(
                f"{place}: expected {BLOCK_BYTES + self.table.size} bytes of pack {manifest.pack_id.hex()}, "
                f"got {size} bytes of {header.pack_id.hex()}: restore the files, or pack the dataset again"
            )

    def _check_labels(self, place: str) -> None:
        stored = self.table.described(SectionId.LABEL)
        promised = [(f.get("type"), f.get("shape")) for f in self.manifest.fields if f.get("name") == "label"]
        if [stored] != promised:
            raise DatasetError(
                f"{place}: expected labels as {MANIFEST_NAME} describes them (type, shape: {promised}), got {stored}: "
                "restore the files, or pack the dataset again"
            )


def write_index(directory: Path, rows: Rows, shard_bytes: Sequence[int], manifest: bytes, pack_id: bytes) -> None:
    """Writes index.bin for shards of these sizes; `manifest` holds the bytes of pack.json."""
    counts = np.bincount(rows.shard, minlength=len(shard_bytes)).astype(np.int64)
    sections = rows.sections(with_shard=True)
    sections |= {SectionId.SHARD_BYTES: np.array(shard_bytes, np.int64), SectionId.SHARD_ROWS: counts}
    with new_file(directory / INDEX_NAME) as file:
        file.write(IndexHeader(len(shard_bytes), pack_id, len(rows), crc32c(manifest)).to_bytes())
        write_table(file, len(rows), sections)


def _mapped(path: Path) -> NDArray[np.uint8]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if (path.parent / PLAN_NAME).exists():
            raise DatasetError(
                f"{path.parent} is an unfinished pack: run the same pack-dataset command again to finish it"
            ) from error
        raise DatasetNotFoundError(f"{path.parent} is no pack: it has no readable {INDEX_NAME}") from error
    try:
        size = os.fstat(descriptor).st_size
        if size < BLOCK_BYTES:
            raise DatasetError(
                f"{path}: expected at least {BLOCK_BYTES} bytes, got {size}: restore it, or pack the dataset again"
            )
        return np.frombuffer(mmap.mmap(descriptor, size, prot=mmap.PROT_READ), np.uint8)
    finally:
        os.close(descriptor)


def _manifest(path: Path, header: IndexHeader) -> Manifest:
    try:
        size = path.stat().st_size
        if size > MAX_MANIFEST_BYTES:
            raise DatasetError(
                f"{path}: expected at most {MAX_MANIFEST_BYTES} bytes, got {size}: pack the dataset again"
            )
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} can't be read ({error.strerror}): restore it, or pack the dataset again") from error
    manifest = Manifest.from_bytes(data, str(path))
    if crc32c(data) != header.manifest_checksum:
        raise DatasetError(
            f"{path}: checksum mismatch, expected CRC-32C {header.manifest_checksum:08x}, got {crc32c(data):08x}: it "
            "was changed after packing; restore it, or pack the dataset again (to rename classes, pass classes=)"
        )
    return manifest
