"""Dct records taken apart in plain Python, after formats/SPEC.md, section 9: slow, strict and obvious."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from penstock._core import crc32c

ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, i // 8 if (i // 8 + i % 8) % 2 else i % 8))
"""Position in the block, row by row, of each coefficient in zigzag order (ITU T.81, figure 5)."""

HEAD_FIELDS = {
    "magic": (0, 4),
    "version": (4, 1),
    "colour": (5, 1),
    "components": (6, 1),
    "tables": (7, 1),
    "width": (8, 2),
    "height": (10, 2),
    "factors": (12, 3),
    "table choices": (15, 3),
    "identifiers": (18, 3),
    "bytes per quantiser": (21, 1),
    "zeros at 22": (22, 2),
    "bytes of the head": (24, 4),
    "bytes of the metadata": (28, 4),
    "crc of the metadata": (32, 4),
    "zeros at 36": (36, 24),
    "crc of the head": (60, 4),
}
"""(offset, bytes) of everything in a head that every record has."""


class MalformedError(ValueError):
    """The bytes are no dct record."""


@dataclass(frozen=True)
class Component:
    """`factors` are (horizontal, vertical), `quantization` (8, 8), `coefficients` (block rows, block columns, 8, 8)."""

    identifier: int
    factors: tuple[int, int]
    quantization: NDArray[np.int64]
    coefficients: NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """Where a sound record's parts lie: (begin, end) of each MCU row and of the metadata; tables of the head."""

    head_bytes: int
    quantizers_at: int
    offsets_at: int
    checksums_at: int
    rows: list[tuple[int, int]]
    metadata: tuple[int, int]


@dataclass(frozen=True)
class DctRecord:
    """`colour` is 0 grey, 1 YCbCr or 2 RGB."""

    width: int
    height: int
    colour: int
    components: list[Component]
    metadata: bytes
    layout: Layout


def number(data: bytes, at: int, size: int, signed: bool = False) -> int:
    """The little-endian integer of `size` bytes at `at`."""
    require(at + size <= len(data), "the data end early")
    return int.from_bytes(data[at : at + size], "little", signed=signed)


def require(condition: bool, message: str) -> None:
    """Raises MalformedError unless `condition`."""
    if not condition:
        raise MalformedError(message)


def parse(data: bytes) -> DctRecord:
    """Everything that a record says. Raises MalformedError for one that breaks any rule of the specification."""
    require(data[:4] == b"PDCT" and data[4] == 1, "magic or version")
    colour, count = data[5], data[6]
    require((colour, count) in ((0, 1), (1, 3), (2, 3)), "colour or components")
    factors = [(data[12 + c] & 15, data[12 + c] >> 4) for c in range(count)]
    require(all(f in (1, 2, 4) for pair in factors for f in pair), "factors")
    require(count == 3 or factors == [(1, 1)], "factors of one component")
    unused = [data[at + c] for at in (12, 15, 18) for c in range(count, 3)]
    require(not any(unused) and not any(data[22:24]) and not any(data[36:60]), "zeros")
    width, height = number(data, 8, 2), number(data, 10, 2)
    require(width > 0 and height > 0, "size")
    layout = read_layout(data, -(-height // (8 * max(v for _, v in factors))))
    check_sums(data, layout)
    tables = read_tables(data)
    require(all(data[15 + c] < len(tables) for c in range(count)), "table choices")
    grids = [block_grid(width, height, c, factors) for c in range(count)]
    coefficients = read_rows(data, layout, factors, grids)
    components = [Component(data[18 + c], factors[c], tables[data[15 + c]], coefficients[c]) for c in range(count)]
    return DctRecord(width, height, colour, components, data[slice(*layout.metadata)], layout)


def block_grid(width: int, height: int, component: int, factors: list[tuple[int, int]]) -> tuple[int, int]:
    """(rows, columns) of a component's blocks."""
    h, v = factors[component]
    columns = -(-width * h // max(pair[0] for pair in factors))
    rows = -(-height * v // max(pair[1] for pair in factors))
    return -(-rows // 8), -(-columns // 8)


def read_layout(data: bytes, mcu_rows: int) -> Layout:
    """The places of a record's parts, all of which have to be inside it."""
    head_bytes, metadata_bytes = number(data, 24, 4), number(data, 28, 4)
    offsets_at = 64 + data[7] * 64 * data[21]
    checksums_at = offsets_at + 4 * (mcu_rows + 1)
    end = checksums_at + 4 * mcu_rows
    require(head_bytes == -(-end // 64) * 64 and not any(data[end:head_bytes]), "head's length or padding")
    offsets = [number(data, offsets_at + 4 * row, 4) for row in range(mcu_rows + 1)]
    require(offsets[0] == head_bytes and offsets == sorted(offsets), "offsets")
    require(offsets[-1] + metadata_bytes == len(data), "the record's length")
    return Layout(head_bytes, 64, offsets_at, checksums_at, list(pairwise(offsets)), (offsets[-1], len(data)))


def check_sums(data: bytes, layout: Layout) -> None:
    """All checksums, over all bytes."""
    require(number(data, 60, 4) == crc32c(data[64 : layout.head_bytes], crc32c(data[:60])), "the head's CRC")
    for row, (begin, end) in enumerate(layout.rows):
        require(number(data, layout.checksums_at + 4 * row, 4) == crc32c(data[begin:end]), f"the CRC of row {row}")
    require(number(data, 32, 4) == crc32c(data[slice(*layout.metadata)]), "the metadata's CRC")


def read_tables(data: bytes) -> list[NDArray[np.int64]]:
    """The quantisation tables, (8, 8)."""
    count, size = data[7], data[21]
    require(1 <= count <= 3 and size in (1, 2), "quantisation tables")
    tables = np.zeros((count, 64), np.int64)
    for table in range(count):
        for k in range(64):
            tables[table, ZIGZAG[k]] = number(data, 64 + (table * 64 + k) * size, size)
    require(bool(tables.all()) and (size == 1 or tables.max() > 255), "quantisers")
    return list(tables.reshape(count, 8, 8))


def read_rows(
    data: bytes, layout: Layout, factors: list[tuple[int, int]], grids: list[tuple[int, int]]
) -> list[NDArray[np.int64]]:
    """The coefficients of each component."""
    coefficients = [np.zeros((*grid, 64), np.int64) for grid in grids]
    for row, (begin, end) in enumerate(layout.rows):
        # Each segment as its blocks: a view of 1 to 8 rows of 64 coefficients.
        targets = []
        for plane, (_, v) in zip(coefficients, factors, strict=True):
            for line in plane[row * v : (row + 1) * v]:
                targets += [line[first : first + 8] for first in range(0, len(line), 8)]
        at = begin + 2 * len(targets)
        for index, target in enumerate(targets):
            entry = number(data, begin + 2 * index, 2)
            length = entry & 0x7FFF
            require(at + length <= end, "a segment's length")
            read_segment(data[at : at + length], bool(entry >> 15), target)
            at += length
        require(at == end, "the lengths of segments")
    return [plane.reshape(*grid, 8, 8) for plane, grid in zip(coefficients, grids, strict=True)]


def read_segment(data: bytes, wide_dc: bool, blocks: NDArray[np.int64]) -> None:
    """Fills in the coefficients of a segment's blocks, (n, 64)."""
    n = len(blocks)
    headers = [number(data, 2 * b, 2) for b in range(n)]
    at = 2 * n
    if wide_dc:
        blocks[:, 0] = [number(data, at + 2 * b, 2, signed=True) for b in range(n)]
        at += 2 * n
    else:
        base = number(data, at, 2, signed=True)
        blocks[:, 0] = [base + number(data, at + 2 + b, 1) for b in range(n)]
        at += 2 + n
    require(bool((blocks[:, 0] <= 32767).all()), "a DC coefficient")
    places = []
    for header in headers:
        require(header & 15 <= 9, "bytes of a mask")
        size = min(header & 15, 8)
        mask = number(data, at, size)
        at += size
        places.append([ZIGZAG[k] for k in range(64) if mask >> k & 1])
        require(not mask & 1 and len(places[-1]) == (header >> 4 & 63) + (header >> 10), "a mask")
    for block, header, place in zip(blocks, headers, places, strict=True):
        count, wide = header >> 4 & 63, header & 15 == 9
        require(at + count * (1 + wide) <= len(data), "bytes")
        for i in range(count):
            low, high = data[at + i], data[at + count + i] if wide else 0
            value = int.from_bytes([low, high] if wide else [low], "little", signed=True)
            require(value != 0, "a zero among the bytes")
            block[place[i]] = value
        at += count * (1 + wide)
    for block, header, place in zip(blocks, headers, places, strict=True):
        count = header >> 10
        codes = [number(data, at + i // 2, 1) >> 4 * (i % 2) & 15 for i in range(count + count % 2)]
        require(count % 2 == 0 or codes[-1] == 0, "an unused half byte")
        for position, code in zip(place[len(place) - count :], codes, strict=False):
            block[position] = code + 1 if code < 8 else code - 16
        at += (count + 1) // 2
    require(at == len(data), "a segment's length")


def signed(data: bytes, layout: Layout) -> bytes:
    """`data`, a record edited without moving its parts, with checksums that hold again."""
    record = bytearray(data)

    def put(at: int, value: int) -> None:
        record[at : at + 4] = value.to_bytes(4, "little")

    for row, (begin, end) in enumerate(layout.rows):
        put(layout.checksums_at + 4 * row, crc32c(bytes(record[begin:end])))
    put(32, crc32c(bytes(record[slice(*layout.metadata)])))
    head_bytes = max(64, min(int.from_bytes(record[24:28], "little"), len(record)))
    put(60, crc32c(bytes(record[64:head_bytes]), crc32c(bytes(record[:60]))))
    return bytes(record)
