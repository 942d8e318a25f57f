"""Where a sample of any dataset comes from, in words."""

from __future__ import annotations

import operator
from bisect import bisect_right
from typing import Any

import torch.utils.data

from ..._notes import add_note
from ..keys.keys import KeyedIndex

__all__ = ["describe_sample", "name_sample"]


def describe_sample(dataset: Any, index: Any) -> str:
    """File, or shard and record, or else class and index; for messages about errors, so it never raises itself.

    Sees through torch's `Subset` and `ConcatDataset`, and knows the `samples` of torchvision's folders.
    """
    try:
        return _described(dataset, operator.index(index))
    except Exception:  # whatever a dataset does here must not hide the error that the message is about
        return f"{type(dataset).__name__}[{index!r}]"


def name_sample(error: Exception, dataset: Any, index: Any) -> None:
    """Says in the error, by a note, which sample it is about."""
    shown = int(index) if isinstance(index, KeyedIndex) else index
    add_note(error, f"while making sample {shown!r} ({describe_sample(dataset, shown)})")


def _described(dataset: Any, index: int) -> str:
    if isinstance(dataset, torch.utils.data.Subset):
        return _described(dataset.dataset, operator.index(dataset.indices[index]))
    if isinstance(dataset, torch.utils.data.ConcatDataset):
        index += len(dataset) if index < 0 else 0
        part = bisect_right(dataset.cumulative_sizes, index)
        return _described(dataset.datasets[part], index - (dataset.cumulative_sizes[part - 1] if part else 0))
    if callable(getattr(dataset, "describe", None)):
        return str(dataset.describe(index))
    samples = getattr(dataset, "samples", None)
    if isinstance(samples, list) and isinstance(samples[index], tuple) and isinstance(samples[index][0], str):
        return str(samples[index][0])
    return f"{type(dataset).__name__}[{index}]"
