"""CRC-32C: published vectors, and a bit-by-bit oracle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from penstock._core import crc32c, set_simd_level, simd_levels

# RFC 3720, appendix B.4, and the check value of the Castagnoli entry in the catalogue of CRC algorithms.
VECTORS = [
    (b"", 0x00000000),
    (b"123456789", 0xE3069283),
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C),
]


NOISE = np.random.default_rng(0).integers(0, 256, 13_000, np.uint8)


@pytest.fixture(params=simd_levels(), autouse=True, scope="module")
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    set_simd_level(request.param)
    yield request.param
    set_simd_level(simd_levels()[-1])


def portably(data: NDArray[np.uint8], value: int, level: str) -> int:
    """The checksum of the portable twin; `level` is the one to go back to."""
    set_simd_level("portable")
    try:
        return crc32c(data, value)
    finally:
        set_simd_level(level)


def crc32c_bit_by_bit(data: bytes) -> int:
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@pytest.mark.parametrize(("data", "checksum"), VECTORS)
def test_published_vectors(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum


@given(st.binary(max_size=200), st.integers(0, 200))
def test_equals_the_definition_and_goes_on_from_a_value(data: bytes, cut: int) -> None:
    assert crc32c(data) == crc32c_bit_by_bit(data)
    assert crc32c(data[cut:], crc32c(data[:cut])) == crc32c(data)


@pytest.mark.parametrize("start", range(64))
def test_every_length_at_every_alignment(level: str, start: int) -> None:
    # Tails of bytes and words, stretches of two sizes, steps of 64 and 256 bytes.
    for length in range(start % 8, 1300, 8):
        data = NOISE[start : start + length]
        assert crc32c(data, start) == portably(data, start, level)


@given(st.integers(0, 63), st.integers(0, len(NOISE)), st.integers(0, 2**32 - 1), st.integers(0, len(NOISE)))
def test_long_buffers_equal_the_portable_twin(level: str, start: int, length: int, value: int, cut: int) -> None:
    data = NOISE[start : start + length]
    assert crc32c(data, value) == portably(data, value, level)
    assert crc32c(data[cut:], crc32c(data[:cut], value)) == portably(data, value, level)


def test_reads_any_contiguous_buffer() -> None:
    data = bytes(range(256)) * 5
    expected = crc32c(data)
    assert crc32c(bytearray(data)) == expected
    assert crc32c(memoryview(data)) == expected
    assert crc32c(np.frombuffer(data, np.uint8).reshape(5, 256)) == expected
    assert crc32c(memoryview(b"x" + data)[1:]) == expected  # unaligned


def test_refuses_what_is_no_contiguous_buffer() -> None:
    with pytest.raises(TypeError, match="bytes-like object is required"):
        crc32c("text")  # type: ignore[arg-type]
    with pytest.raises(BufferError, match="contiguous"):
        crc32c(memoryview(b"abcdef")[::2])
