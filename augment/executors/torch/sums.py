"""Weighted sums of lines of pixels with whole-number weights: exact, whatever the order in which a device adds.

Weights of `PRECISION_BITS` binary places and levels of 8 bits make sums of 30 bits, more than a float32 holds. So each
weight is cut into a high and a low part, whose sums float32 does hold, and which one addition puts together: it adds
so much that the last bit of the result counts 1, and `DOWNWARDS`, which makes the rounding to that a cut. The sums are
`embedding_bag`'s, which reads each line once, and which neither autocast nor TF32 changes, as they would a product of
matrices.
"""

from __future__ import annotations

import torch
from torch.nn.functional import embedding_bag, pad

from ..resampling import PRECISION_BITS

__all__ = ["split", "summed_lines", "with_ones"]

LOW_BITS = 9
"""Of a weight, in its low part."""

LEVEL_BITS = PRECISION_BITS - LOW_BITS
"""Binary places that the sums of high parts have."""

MOST_TAPS = 128
"""As many low parts, of 2**(LOW_BITS - 1) at most, times 255 fit the 24 bits of a float32, with a bit for halves."""

BLACK = float((1 << 23) + (256 << LEVEL_BITS))
"""Level 0 of results. From 2**23 to 2**24 the last bit of a float32 counts 1; 256 levels more leave room for sums below
0, and don't show in the last 8 bits of a level."""

HALF = float(1 << (LEVEL_BITS - 1))
"""Half a level, so that what is cut is rounded."""

DOWNWARDS = -0.5 + 2.0 ** -(LOW_BITS + 1)
"""What makes the nearest whole number the next below, for numbers of `LOW_BITS` binary places."""


def split(weights: torch.Tensor) -> torch.Tensor:
    """Weights as `summed_lines` takes them: of a line of ones first, and then those given.

    Args:
        weights: (..., taps) float64 whole numbers, scaled by 2**PRECISION_BITS; their sum is about that.

    Returns:
        (..., 2, 1 + taps) float32 high and low parts, or (..., 1, 1 + taps) float64 of filters too long for that.
    """
    if weights.shape[-1] > MOST_TAPS:
        return pad(weights, (1, 0), value=float(1 << (PRECISION_BITS - 1))).unsqueeze(-2)
    *shape, taps = weights.shape
    parts = torch.empty((*shape, 2, 1 + taps), dtype=torch.float32, device=weights.device)
    parts[..., 0, 0] = BLACK + HALF
    parts[..., 1, 0] = DOWNWARDS
    scaled = weights * 2.0**-LOW_BITS
    high = scaled.round()
    parts[..., 0, 1:] = high
    parts[..., 1, 1:] = scaled.sub_(high)
    return parts


def with_ones(lines: torch.Tensor, dimensions: int = 2) -> torch.Tensor:
    """(1 + count, width) float32: a line of ones, and those given.

    Args:
        lines: of any shape.
        dimensions: how many of the first number the lines; the others are those of a line.
    """
    count, width = lines.shape[:dimensions].numel(), lines.shape[dimensions:].numel()
    result = torch.empty((1 + count, width), dtype=torch.float32, device=lines.device)
    result[0] = 1
    result[1:].view(lines.shape).copy_(lines)
    return result


def summed_lines(lines: torch.Tensor, places: torch.Tensor, weights: torch.Tensor, *, clip: bool) -> torch.Tensor:
    """(sums, width) uint8: sums of lines, rounded to the nearest level, halves up.

    Args:
        lines: as `with_ones` gives them, of levels.
        places: (sums, 1 or 2, 1 + taps) int32 or int64 lines that count in each sum; 0, the line of ones, first.
        weights: of the same shape, by `split`.
        clip: sums may be below 0 or above 255.
    """
    parts = weights.shape[1]
    weights, places = weights.flatten(0, 1), places.flatten(0, 1)
    sums = embedding_bag(places, lines.to(weights.dtype), per_sample_weights=weights, mode="sum")
    if parts == 1:
        return sums.mul_(2.0**-PRECISION_BITS).floor_().clamp_(0, 255).to(torch.uint8)
    high, low = sums.view(-1, 2, lines.shape[1]).unbind(1)
    level = high.add_(low)
    if clip:
        level.clamp_(BLACK, BLACK + (256 << LEVEL_BITS) - 1)
    # What becomes of an int in fewer bits is its last bits.
    return level.view(torch.int32).bitwise_right_shift_(LEVEL_BITS).to(torch.uint8)
