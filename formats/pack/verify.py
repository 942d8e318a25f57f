"""Reading all of a dataset to see that nothing in it has changed."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..._core import crc32c
from ...errors import ChecksumError, DatasetError, RecordError, TruncatedError
from ...record import Codec
from ..base import Dataset
from ..reading import flat_view, read_record
from ..sound import sound_records
from .index import Index
from .layout import BLOCK_BYTES, INDEX_NAME, MAX_RECORD_BYTES, record_end, shard_name
from .parquet import differing_columns
from .prepare import check_image
from .rows import Rows
from .shard import Footer, read_footer
from .workers import Report

__all__ = ["Verification", "verify_dataset", "verify_pack"]

_CHUNK = 256


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found.

    Attributes:
        records: read.
        size: bytes read.
        problems: a message for everything that is wrong, in order of place; empty: nothing is.
        decoded: records of which the image was decoded, or found bad.
    """

    records: int
    size: int
    problems: tuple[str, ...]
    decoded: int = 0

    @classmethod
    def of(cls, parts: Iterable[Verification]) -> Verification:
        """All parts together."""
        every = list(parts)
        problems = tuple(problem for part in every for problem in part.problems)
        return cls(
            sum(part.records for part in every),
            sum(part.size for part in every),
            problems,
            sum(part.decoded for part in every),
        )


def verify_pack(directory: Path, report: Report, *, decode: bool = False) -> Verification:
    """Compares every byte of a pack with its checksums, and index, shards and index.parquet with each other.

    Dct records are also decoded, which is cheap, since their own checksums and structure are what loaders rely on.

    Args:
        report: called with (records, bytes) from several threads.
        decode: decode every image.
    """
    try:
        index = Index(directory)
        damaged = index.table.damaged()
        if damaged:
            return Verification(0, 0, tuple(damaged))
        rows = index.rows
    except DatasetError as error:
        return Verification(0, 0, (str(error),))
    check = functools.partial(_verify_shard, index, rows, decode=decode, report=report)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        shards = list(threads.map(check, range(index.header.shards)))
    differing = _wrong_rows(index, rows)
    try:
        differing += differing_columns(directory, rows, index.manifest.classes)
    except DatasetError as error:
        differing.append(str(error))
    return Verification.of([*shards, Verification(0, 0, tuple(differing))])


def verify_dataset(dataset: Dataset, report: Report, *, decode: bool = False) -> Verification:
    """Reads every record of any dataset and compares its checksum; decodes it where it has none.

    Args:
        report: called with (records, bytes).
        decode: also decode the images of records that have a checksum.
    """
    chunks = [range(start, min(start + _CHUNK, len(dataset))) for start in range(0, len(dataset), _CHUNK)]
    check = functools.partial(_verify_samples, dataset, decode=decode, report=report)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return Verification.of(threads.map(check, chunks))


def _verify_samples(dataset: Dataset, indices: range, *, decode: bool, report: Report) -> Verification:
    records, rows, bad = sound_records(dataset, indices)
    size, problems = 0, {indices[row]: str(error) for row, error in bad}
    # Without a checksum, nothing but decoding tells a damaged file from a whole one.
    decoded = (records.codec == Codec.DCT) | (decode or records.checksum is None)
    for row, index in enumerate((rows + indices.start).tolist()):
        try:
            data = read_record(records, row)
            size += len(flat_view(data))
            if decoded[row]:
                check_image(data, Codec(records.codec[row]), (int(records.width[row]), int(records.height[row])))
        except RecordError as error:
            problems[index] = str(error.at(dataset.describe(index), index))
    report(len(indices), size)
    return Verification(len(indices), size, tuple(problems[k] for k in sorted(problems)), int(decoded.sum()))


def _verify_shard(index: Index, rows: Rows, number: int, *, decode: bool, report: Report) -> Verification:
    stop = int(index.shard_rows[: number + 1].sum())
    start = stop - int(index.shard_rows[number])
    path = index.directory / shard_name(number)
    try:
        footer = read_footer(index.directory, number)
        problems = _footer_differences(path, footer, index, rows, range(start, stop))
    except DatasetError as error:
        problems = [str(error)]
    try:
        with open(path, "rb") as file:
            problems += _record_problems(file, rows, range(start, stop), decode, report)
    except FileNotFoundError:
        pass  # the footer's problem says so
    except (OSError, DatasetError) as error:
        problems.append(f"{path}: {error}")
    decoded = stop - start if decode else int(np.count_nonzero(rows.codec[start:stop] == Codec.DCT))
    return Verification(stop - start, int(rows.length[start:stop].sum()), tuple(problems), decoded)


def _footer_differences(path: Path, footer: Footer, index: Index, rows: Rows, place: range) -> list[str]:
    """What differs between the index and a shard's own copy of its rows."""
    if footer.header.pack_id != index.header.pack_id:
        return [
            f"{path} belongs to another pack ({footer.header.pack_id.hex()}): restore it, or pack the dataset again"
        ]
    stored, ours = footer.rows.sections(with_shard=False), rows.part(place).sections(with_shard=False)
    differing = [
        section.name.lower()
        for section, column in stored.items()
        if column.dtype != ours[section].dtype or column.tobytes() != ours[section].tobytes()
    ]
    if differing:
        return [f"{path}: its footer and {INDEX_NAME} differ in {', '.join(differing)}: pack the dataset again"]
    ends = [BLOCK_BYTES, *map(record_end, footer.rows.offset.tolist(), footer.rows.length.tolist())]
    if ends != [*footer.rows.offset.tolist(), footer.end]:
        return [f"{path}: its records are not one after another, up to its footer: pack the dataset again"]
    return []


def _record_problems(file: BinaryIO, rows: Rows, place: range, decode: bool, report: Report) -> list[str]:
    problems = []
    for start in range(place.start, place.stop, _CHUNK):
        chunk = range(start, min(start + _CHUNK, place.stop))
        for row in chunk:
            try:
                _verify_record(file, rows, row, decode)
            except RecordError as error:
                name = rows.names[row]
                source = f"{file.name}, record {row - place.start}{f' ({name})' if name else ''}"
                problems.append(str(error.at(source, row)))
        report(len(chunk), int(rows.length[chunk.start : chunk.stop].sum()))
    return problems


def _verify_record(file: BinaryIO, rows: Rows, row: int, decode: bool) -> None:
    offset, length, expected = int(rows.offset[row]), int(rows.length[row]), int(rows.checksum[row])
    if offset < BLOCK_BYTES or not 0 <= length <= MAX_RECORD_BYTES:
        raise RecordError(f"the index has {length} bytes at offset {offset}, which can't be: pack the dataset again")
    file.seek(offset)
    stored = file.read(record_end(offset, length) - offset)
    data = stored[:length]
    if len(data) != length:
        raise TruncatedError(
            f"expected {length} bytes at offset {offset}, got {len(data)}: the shard is shorter than its index says; "
            "restore it, or pack the dataset again"
        )
    if crc32c(data) != expected:
        raise ChecksumError(
            f"checksum mismatch at offset {offset}, expected CRC-32C {expected:08x}, got {crc32c(data):08x}: the bytes "
            "have changed; restore the shard, or pack the dataset again"
        )
    if any(stored[length:]):
        raise ChecksumError(
            f"the padding at offset {offset + length} is not zero: the bytes have changed; restore the shard, or pack "
            "the dataset again"
        )
    codec = int(rows.codec[row])
    if codec not in list(Codec):
        raise RecordError(f"codec {codec} is unknown to this Penstock: upgrade penstock")
    if decode or codec == Codec.DCT:
        check_image(data, Codec(codec), (int(rows.width[row]), int(rows.height[row])))


def _wrong_rows(index: Index, rows: Rows) -> list[str]:
    """Rows whose numbers contradict the rest of the pack, though every checksum is right."""
    place = str(index.directory / INDEX_NAME)
    problems = []
    counts = np.repeat(np.arange(index.header.shards, dtype=np.uint32), index.shard_rows)
    if not np.array_equal(counts, rows.shard):
        problems.append(f"{place}: rows are not in the order of their shards: pack the dataset again")
    classes = len(index.manifest.classes)
    if classes and rows.label.ndim == 1:
        wrong = np.flatnonzero((rows.label < -1) | (rows.label >= classes))
        problems += [
            f"{place}: label {rows.label[row]} of sample {row} is none of the {classes} classes"
            for row in wrong.tolist()
        ]
    return problems
