"""Counter-based random numbers: what a sample is and what is done to it are functions of keys, and of no running state.

All numbers come from Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
2011). A sample is keyed by (seed, epoch, index, draw), the order of an epoch by (seed, epoch); how keys become counters
is written down in docs/design/2026-11-21-interfaces.md. `penstock.augment` draws by it; here are the parts below:

- `philox(key, counter)`: one block of four 32-bit words, from two and four.
- `philox_blocks(key, start, stop, tail)`: many blocks at once, of counters that count up.
- `Permutation(size, seed, epoch)`: the shuffled order of an epoch. `take(start, stop)` gives the indices at these
  positions, (stop - start,) int64, in constant memory from 65,536 samples up. Raises OptionError for positions outside.
- `uniforms(seed, epoch, purpose, start, stop)`: float64 numbers in [0, 1), one for each position.
- `words(seed, epoch, index, draw, purpose)`: four 32-bit words for one sample.
- `current()`: the random generator of the sample that this thread is making, for transforms in Python.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ._core import Permutation, philox

__all__ = ["Permutation", "current", "philox", "philox_blocks", "sample_generator", "uniforms", "words"]

_WORD = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_MULTIPLIERS = np.array([[0xCD9E8D57], [0xD2511F53]], np.uint64)
_KEY_STEPS = np.arange(10, dtype=np.uint64)[:, None] * np.array([0x9E3779B9, 0xBB67AE85], np.uint64)


def uniforms(seed: int, epoch: int, purpose: int, start: int, stop: int) -> NDArray[np.float64]:
    """(stop - start,) numbers in [0, 1) with 53 random bits, those at positions start <= p < stop of an endless row.

    Position p has number p & 1 of block p >> 1. All blocks go through the rounds of Philox together, so a batch costs
    little more than one number.

    Args:
        seed: 0 <= seed < 2**64.
        epoch: 0 <= epoch < 2**32.
        purpose: what the numbers are for, one of those in the table of docs/design/2026-11-21-interfaces.md.
        start, stop: 0 <= start <= stop < 2**63.
    """
    derived = philox((seed & 0xFFFFFFFF, seed >> 32), (0, 0, epoch, purpose))
    words = philox_blocks((derived[0], derived[1]), start >> 1, (stop + 1) >> 1, (derived[2], derived[3]))
    halves = (words[::2] | words[1::2] << _SHIFT) >> np.uint64(11)
    numbers: NDArray[np.float64] = (halves.astype(np.float64) * 2.0**-53).T.ravel()
    return numbers[start & 1 :][: stop - start]


def philox_blocks(key: tuple[int, int], start: int, stop: int, tail: tuple[int, int] = (0, 0)) -> NDArray[np.uint64]:
    """(4, stop - start): the words of the blocks with counters (low word, high word of a number, *tail).

    Args:
        key, tail: words of 32 bits.
        start, stop: the numbers, start <= n < stop < 2**63.
    """
    keys = np.array(key, np.uint64) + _KEY_STEPS & _WORD
    numbers = np.arange(start, stop, dtype=np.uint64)
    # Of each block's words c0 c1 c2 c3, rows c2 and c0 (which get multiplied), and rows c1 and c3 (which get xored).
    factors = np.stack([np.full_like(numbers, tail[0]), numbers & _WORD])
    others = np.stack([numbers >> _SHIFT, np.full_like(numbers, tail[1])])
    for step in keys:
        products = factors * _MULTIPLIERS
        factors = ((products >> _SHIFT) ^ others ^ step[:, None])[::-1]
        others = products & _WORD
    return np.stack([factors[1], others[0], factors[0], others[1]])


def words(seed: int, epoch: int, index: int, draw: int, purpose: int) -> tuple[int, int, int, int]:
    """128 random bits as four words, for one sample and one purpose.

    Args:
        seed, index, draw: as 64-bit numbers; epoch, purpose: below 2**32.
    """
    mask = 0xFFFFFFFF
    first = philox((seed & mask, seed >> 32), (index & mask, index >> 32 & mask, epoch, purpose))
    return philox((first[0], first[1]), (draw & mask, draw >> 32 & mask, first[2], first[3]))


class _Sample(threading.local):
    key: int | None = None
    generator: np.random.Generator | None = None


_sample = _Sample()


def current() -> np.random.Generator:
    """The random generator of the sample that this thread is making.

    In a `penstock.loaders.DataLoader(seed=...)`, whoever runs it, what is drawn depends on (seed, epoch, index, draw)
    alone. Elsewhere, and without a seed, it is a generator of this thread that the operating system seeded. Transforms
    that run with `workers="threads"` have to draw from it to be exact: Python's, numpy's and torch's own generators are
    shared by all threads.
    """
    if _sample.generator is None:
        bits = np.random.PCG64() if _sample.key is None else np.random.Philox(key=_sample.key)
        _sample.generator = np.random.Generator(bits)
    return _sample.generator


@contextlib.contextmanager
def sample_generator(key: int | None) -> Iterator[None]:
    """Makes `current()` a fresh Philox generator of a key below 2**128 in this thread; None changes nothing."""
    if key is None:
        yield
        return
    before = _sample.key, _sample.generator
    _sample.key, _sample.generator = key, None
    try:
        yield
    finally:
        _sample.key, _sample.generator = before
