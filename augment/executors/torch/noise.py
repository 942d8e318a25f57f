"""The noise of `augment.executors.noise` on batches: Philox4x32-10 in the 64 bits that tensors have."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ..noise import PLACES, cosine_table, radius_table
from .images import on_device, per_sample

__all__ = ["normal_noise"]

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = np.array([0x9E3779B9, 0xBB67AE85], np.uint64)
WORD = 0xFFFFFFFF


def normal_noise(keys: NDArray[np.uint64], numbers: torch.Tensor) -> torch.Tensor:
    """(n, 3, height, width) float32: red, green and blue of the noise's pixels.

    Args:
        keys: (n, 2) words, one key for each image.
        numbers: (n, 1, height, width) int64 numbers of the pixels in their image's noise, from 0.
    """
    words = _philox(keys, numbers >> 1)
    is_odd = (numbers & 1).to(torch.bool)
    first, second = (torch.where(is_odd, words[k + 2], words[k]) for k in (0, 1))
    radii, cosines = (on_device(table(), numbers.device) for table in (radius_table, cosine_table))
    angle = first // PLACES
    red, blue = (radii.take(word % PLACES) * cosines.take(word // PLACES) for word in (first, second))
    green = radii.take(first % PLACES) * cosines.take((angle - PLACES // 4) % PLACES)
    return torch.cat([red, green, blue], dim=1)


def _philox(keys: NDArray[np.uint64], blocks: torch.Tensor) -> list[torch.Tensor]:
    """The four words of blocks with the counters (block, 0, 0, 0); int64 tensors of numbers of 32 bits."""
    counter = [blocks, *(torch.zeros_like(blocks) for _ in range(3))]
    for number in range(ROUNDS):
        step = (keys + KEY_STEPS * np.uint64(number)) & np.uint64(WORD)
        left, right = (per_sample(word.astype(np.int64), blocks.device) for word in step.T)
        # A product of 64 bits may be negative here, and has the bits that it should have.
        products = [counter[0] * MULTIPLIERS[0], counter[2] * MULTIPLIERS[1]]
        low, high = ([product >> shift & WORD for product in products] for shift in (0, 32))
        counter = [high[1] ^ counter[1] ^ left, low[1], high[0] ^ counter[3] ^ right, low[0]]
    return counter
