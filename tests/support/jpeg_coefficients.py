"""Quantised coefficients of sequential Huffman-coded JPEGs, in plain Python after ITU T.81: slow and obvious."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from support.dct_records import ZIGZAG


@dataclass
class Channel:
    """`factors` are (horizontal, vertical); `coefficients` (block rows, block columns, 8, 8), padding cut off."""

    identifier: int
    factors: tuple[int, int]
    quantization: NDArray[np.int64]
    coefficients: NDArray[np.int64]
    predicted: int = 0


@dataclass
class Tables:
    """Quantisation tables (8, 8) by number; Huffman codes as {(length, code): symbol} by (class, number)."""

    quantization: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    huffman: dict[tuple[int, int], dict[tuple[int, int], int]] = field(default_factory=dict)
    restart_interval: int = 0


class Bits:
    """The entropy-coded segments of a scan, bit by bit, without stuffed bytes; `restart` goes to the next segment."""

    def __init__(self, data: bytes, at: int) -> None:
        self.segments = [""]
        while True:
            byte, following = data[at], data[at + 1]
            if byte == 0xFF and 0xD0 <= following <= 0xD7:
                self.segments.append("")
                at += 2
            elif byte == 0xFF and following != 0:
                break
            else:
                self.segments[-1] += f"{byte:08b}"
                at += 2 if byte == 0xFF else 1
        self.end = at
        self.bits = self.segments.pop(0)
        self.at = 0

    def restart(self) -> None:
        self.bits, self.at = self.segments.pop(0), 0

    def read(self, count: int) -> int:
        self.at += count
        return int(self.bits[self.at - count : self.at] or "0", 2)

    def symbol(self, codes: dict[tuple[int, int], int]) -> int:
        code = 0
        for length in range(1, 17):
            code = code << 1 | self.read(1)
            if (length, code) in codes:
                return codes[length, code]
        raise ValueError("no such Huffman code")

    def value(self, size: int) -> int:
        bits = self.read(size)
        return bits if size == 0 or bits >> (size - 1) else bits - (1 << size) + 1


def read_coefficients(data: bytes) -> list[Channel]:
    """The channels of a baseline or extended sequential JPEG."""
    tables, channels, at = Tables(), list[Channel](), 2
    while data[at + 1] != 0xD9:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        payload = data[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == 0xDB:
            read_quantization(payload, tables)
        elif marker == 0xC4:
            read_huffman(payload, tables)
        elif marker == 0xDD:
            tables.restart_interval = int.from_bytes(payload, "big")
        elif marker in (0xC0, 0xC1):
            channels = read_frame(payload, tables)
        elif marker == 0xDA:
            at = read_scan(data, at, payload, channels, tables)
    return channels


def read_quantization(payload: bytes, tables: Tables) -> None:
    while payload:
        size = 2 if payload[0] >> 4 else 1
        table = np.zeros(64, np.int64)
        for k in range(64):
            table[ZIGZAG[k]] = int.from_bytes(payload[1 + k * size : 1 + (k + 1) * size], "big")
        tables.quantization[payload[0] & 15] = table.reshape(8, 8)
        payload = payload[1 + 64 * size :]


def read_huffman(payload: bytes, tables: Tables) -> None:
    while payload:
        counts, codes = payload[1:17], {}
        symbols, code = iter(payload[17 : 17 + sum(counts)]), 0
        for length, count in enumerate(counts, 1):
            for _ in range(count):
                codes[length, code] = next(symbols)
                code += 1
            code <<= 1
        tables.huffman[payload[0] >> 4, payload[0] & 15] = codes
        payload = payload[17 + sum(counts) :]


def read_frame(payload: bytes, tables: Tables) -> list[Channel]:
    height, width, count = int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[3:5], "big"), payload[5]
    entries = [payload[6 + 3 * c : 9 + 3 * c] for c in range(count)]
    h_max, v_max = max(e[1] >> 4 for e in entries), max(e[1] & 15 for e in entries)
    channels = []
    for identifier, factors, table in entries:
        h, v = factors >> 4, factors & 15
        rows, columns = -(-height * v // v_max), -(-width * h // h_max)
        coefficients = np.zeros((-(-rows // 8), -(-columns // 8), 8, 8), np.int64)
        channels.append(Channel(identifier, (h, v), tables.quantization[table], coefficients))
    return channels


def read_scan(data: bytes, at: int, payload: bytes, channels: list[Channel], tables: Tables) -> int:
    """Decodes one scan and returns where the next marker is."""
    bits = Bits(data, at)
    by_identifier = {c.identifier: c for c in channels}
    members = []
    for i in range(payload[0]):
        numbers = payload[2 + 2 * i]
        codes = tables.huffman[0, numbers >> 4], tables.huffman[1, numbers & 15]
        members.append((by_identifier[payload[1 + 2 * i]], codes))
    for number, places in enumerate(mcus([channel for channel, _ in members])):
        if number % (tables.restart_interval or number + 1) == 0:
            if number > 0:
                bits.restart()
            for channel, _ in members:
                channel.predicted = 0
        for (channel, codes), blocks in zip(members, places, strict=True):
            for row, column in blocks:
                block = read_block(bits, channel, codes)
                if row < channel.coefficients.shape[0] and column < channel.coefficients.shape[1]:
                    channel.coefficients[row, column] = block
    return bits.end


def mcus(channels: list[Channel]) -> list[list[list[tuple[int, int]]]]:
    """For each MCU and each of its channels: the (row, column) of its blocks, padding included."""
    if len(channels) == 1:
        rows, columns = channels[0].coefficients.shape[:2]
        return [[[(row, column)]] for row in range(rows) for column in range(columns)]
    down = max(-(-c.coefficients.shape[0] // c.factors[1]) for c in channels)
    across = max(-(-c.coefficients.shape[1] // c.factors[0]) for c in channels)
    return [
        [
            [(y * c.factors[1] + j, x * c.factors[0] + i) for j in range(c.factors[1]) for i in range(c.factors[0])]
            for c in channels
        ]
        for y in range(down)
        for x in range(across)
    ]


def read_block(
    bits: Bits, channel: Channel, codes: tuple[dict[tuple[int, int], int], dict[tuple[int, int], int]]
) -> NDArray[np.int64]:
    block = np.zeros(64, np.int64)
    channel.predicted += bits.value(bits.symbol(codes[0]))
    block[0] = channel.predicted
    k = 1
    while k < 64:
        symbol = bits.symbol(codes[1])
        run, size = symbol >> 4, symbol & 15
        if size == 0 and run < 15:
            break
        k += run
        block[ZIGZAG[k]] = bits.value(size)
        k += 1
    return block.reshape(8, 8)
