"""JPEGs taken apart and put together, for files that Pillow doesn't write."""

from __future__ import annotations

from collections.abc import Callable

from support.jpegs import Kind, make_jpeg

END = b"\xff\xd9"
APPLICATION = range(0xE0, 0xF0)
COMMENT = 0xFE
TABLES, FRAME, SCAN = 0xDB, 0xC0, 0xDA


def segment(marker: int, payload: bytes) -> bytes:
    """A marker segment."""
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def split(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """(marker, payload) of the segments up to the first scan's header, and everything that follows it."""
    segments, at = list[tuple[int, bytes]](), 2
    while not segments or segments[-1][0] != SCAN:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        segments.append((data[at + 1], data[at + 4 : at + 2 + length]))
        at += 2 + length
    return segments, data[at:]


def join(segments: list[tuple[int, bytes]], rest: bytes) -> bytes:
    """What `split` took apart."""
    return b"\xff\xd8" + b"".join(segment(*parts) for parts in segments) + rest


def metadata_of(data: bytes) -> bytes:
    """The APPn and COM segments in front of the first scan."""
    return b"".join(segment(m, payload) for m, payload in split(data)[0] if m in APPLICATION or m == COMMENT)


def with_metadata(data: bytes, *added: bytes) -> bytes:
    """The file with these segments instead of its APPn and COM segments."""
    segments, rest = split(data)
    kept = [parts for parts in segments if parts[0] not in APPLICATION and parts[0] != COMMENT]
    return join([(s[1], s[4:]) for s in added] + kept, rest)


def with_quantizers(data: bytes, change: Callable[[int, int], int]) -> bytes:
    """The file with `change(k, value)` as its quantisers, k in zigzag order, all of 16 bits."""
    segments, rest = split(data)
    changed = []
    for marker, payload in segments:
        tables = b""
        for at in range(0, len(payload) if marker == TABLES else 0, 65):
            values = [change(k, value).to_bytes(2, "big") for k, value in enumerate(payload[at + 1 : at + 65])]
            tables += bytes([0x10 | payload[at]]) + b"".join(values)
        changed.append((marker, tables or payload))
    return join(changed, rest)


def in_single_scans(
    width: int, height: int, factors: list[tuple[int, int]], seed: int = 0
) -> tuple[bytes, list[bytes]]:
    """A YCbCr JPEG of noise with any (horizontal, vertical) factors, one scan for each component.

    Returned as what comes before the scans, and the scans, so that some can be left out; END is missing.
    """
    h_max, v_max = max(h for h, _ in factors), max(v for _, v in factors)
    scans = []
    for number, (h, v) in enumerate(factors, 1):
        plane = make_jpeg(Kind("grey", quality=80), -(-width * h // h_max), -(-height * v // v_max), seed + number)
        segments, rest = split(plane)
        scans.append(segment(SCAN, bytes([1, number, 0x00, 0, 63, 0])) + rest.removesuffix(END))
    components = b"".join(bytes([number, h << 4 | v, 0]) for number, (h, v) in enumerate(factors, 1))
    frame = bytes([8]) + height.to_bytes(2, "big") + width.to_bytes(2, "big") + bytes([len(factors)]) + components
    header = [(marker, frame if marker == FRAME else payload) for marker, payload in segments if marker != SCAN]
    return join(header, b""), scans
