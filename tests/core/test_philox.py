"""Philox4x32-10: the known answers published with Random123, and the oracle that other tests rely on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import drawing

from penstock._core import philox

# philox4x32 with 10 rounds in tests/kat_vectors of Random123.
KNOWN_ANSWERS = [
    ((0, 0), (0, 0, 0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 4, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0xA4093822, 0x299F31D0),
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]

words = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(("key", "counter", "expected"), KNOWN_ANSWERS)
def test_known_answers(key: tuple[int, int], counter: drawing.Block, expected: drawing.Block) -> None:
    assert philox(key, counter) == expected
    assert drawing.philox(key, counter) == expected


@given(st.tuples(words, words), st.tuples(words, words, words, words))
def test_equals_plain_python(key: tuple[int, int], counter: drawing.Block) -> None:
    assert philox(key, counter) == drawing.philox(key, counter)


def test_words_have_32_bits() -> None:
    with pytest.raises(TypeError):
        philox((2**32, 0), (0, 0, 0, 0))
