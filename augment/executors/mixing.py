"""What ops that mix batches do, in plain numpy: the oracle for `torch.mixing`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import OptionError
from ..ops import CutMix, MixUp

__all__ = ["mix_batch"]


def mix_batch(
    op: MixUp | CutMix, images: NDArray[Any], labels: NDArray[Any], drawn: Mapping[str, float]
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """A batch whose samples are mixed with each other; new arrays.

    Args:
        op: what is done.
        images: (batch, 3, height, width) of uint8, float16 or float32.
        labels: (batch,) ints from 0 to num_classes - 1, or (batch, num_classes) numbers.
        drawn: what the op drew for the first sample of the batch.

    Returns:
        The images, of their dtype, and (batch, num_classes) labels.

    Raises:
        OptionError: labels of another kind or outside the classes, or another number of them than of images.
    """
    targets = _targets(op, labels, len(images))
    if not drawn["apply"]:
        return images.copy(), targets
    share = drawn["lambda"]
    mixed = _cut_mix(images, drawn) if isinstance(op, CutMix) else _blend(images, share)
    return mixed, _blend(targets, share)


def _blend(values: NDArray[Any], share: float) -> NDArray[Any]:
    """share * values + (1 - share) * partners."""
    partners = np.roll(values, 1, axis=0).astype(np.float32) * np.float32(1.0 - share)
    mixed = partners + values.astype(np.float32) * np.float32(share)
    return (np.rint(mixed) if values.dtype == np.uint8 else mixed).astype(values.dtype)


def _cut_mix(images: NDArray[Any], drawn: Mapping[str, float]) -> NDArray[Any]:
    x, y, width, height = (int(drawn[field]) for field in ("x", "y", "width", "height"))
    mixed = images.copy()
    part = np.s_[:, :, y : y + height, x : x + width]
    mixed[part] = np.roll(images, 1, axis=0)[part]
    return mixed


def _check_finite(name: str, labels: NDArray[Any]) -> None:
    bad = np.argwhere(~np.isfinite(labels))
    if len(bad):
        row, column = bad[0]
        raise OptionError(
            f"{name}: labels must be finite numbers, got {labels[row, column]} of class {column} at row {row} of the "
            "batch; leave such samples out, or give them a class"
        )


def _targets(op: MixUp | CutMix, labels: NDArray[Any], count: int) -> NDArray[np.float32]:
    """(batch, num_classes)."""
    name = type(op).__name__
    if labels.shape == (count, op.num_classes) and labels.dtype.kind in "biuf":
        _check_finite(name, labels)
        return labels.astype(np.float32)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise OptionError(
            f"{name}: labels must be ({count},) ints or ({count}, {op.num_classes}) numbers, got {labels.dtype} of "
            f"shape {labels.shape}"
        )
    outside = np.flatnonzero((labels < 0) | (labels >= op.num_classes))
    if len(outside):
        raise OptionError(
            f"{name}: labels must be from 0 to {op.num_classes - 1}, got {labels[outside[0]]} at row {outside[0]} of "
            f"the batch; give num_classes= as many as there are classes"
        )
    targets = np.zeros((count, op.num_classes), np.float32)
    targets[np.arange(count), labels] = 1
    return targets
