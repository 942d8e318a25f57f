"""Colour ops that make a table of 256 levels from the histogram of each channel, as `PIL.ImageOps` does."""

from __future__ import annotations

import torch

from .images import Images

__all__ = ["autocontrast", "equalize"]


def autocontrast(images: Images) -> torch.Tensor:
    """`PIL.ImageOps.autocontrast`; (n, 3, height, width) uint8."""
    present = histograms(images) > 0
    levels = torch.arange(256, device=images.device)
    lowest = torch.where(present, levels, 255).amin(dim=2, keepdim=True).to(torch.float64)
    highest = torch.where(present, levels, 0).amax(dim=2, keepdim=True).to(torch.float64)
    # Both operands are tensors: 255.0 / x would be a product with a reciprocal, which rounds otherwise.
    scale = torch.full_like(lowest, 255.0) / (highest - lowest).clamp(min=1)
    table = (levels * scale + -lowest * scale).trunc().clamp(0, 255).to(torch.uint8)
    return looked_up(images, torch.where(lowest == highest, levels.to(torch.uint8), table))


def equalize(images: Images) -> torch.Tensor:
    """`PIL.ImageOps.equalize`; (n, 3, height, width) uint8."""
    counts = histograms(images)
    levels = torch.arange(256, device=images.device)
    highest = torch.where(counts > 0, levels, 0).amax(dim=2, keepdim=True)
    total = counts.sum(dim=2, keepdim=True)
    step = (total - counts.gather(2, highest)).div(255, rounding_mode="floor")
    below = counts.cumsum(2) - counts
    table = (step.div(2, rounding_mode="floor") + below).div(step.clamp(min=1), rounding_mode="floor").clamp(0, 255)
    return looked_up(images, torch.where(step == 0, levels, table).to(torch.uint8))


def histograms(images: Images) -> torch.Tensor:
    """(n, 3, 256) int64: how many pixels of each channel have each level."""
    counts = torch.zeros((len(images), 3, 256), dtype=torch.int64, device=images.device)
    inside = counts.new_ones(()) if images.is_even else images.inside().to(torch.int64)
    ones = inside.expand(images.pixels.shape).flatten(2)
    return counts.scatter_add_(2, images.pixels.flatten(2).to(torch.int64), ones)


def looked_up(images: Images, tables: torch.Tensor) -> torch.Tensor:
    """The pixels with each level replaced by that of the channel's table; tables are (n, 3, 256) uint8."""
    levels = images.pixels.flatten(2).to(torch.int64)
    return tables.gather(2, levels).view(images.pixels.shape)
