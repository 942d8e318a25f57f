"""What ops that mix the samples of a batch make of the images of a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..augment import Pipeline
from ..augment.executors.batches import mixing_of
from ..augment.executors.mixing import mix_batch
from ..errors import OptionError

__all__ = ["mixed", "share_text"]


def mixed(
    mixing: Pipeline, images: Sequence[NDArray[Any]], labels: Sequence[Any], index: int, epoch: int, seed: int
) -> tuple[list[NDArray[Any]], NDArray[np.float32]]:
    """The images as one batch, mixed as a loader would, and (n, num_classes) labels.

    Args:
        mixing: the op, as the last part of its pipeline (`Pipeline.split_batches`).
        images: (3, height, width) results of the part before.
        labels: of them.
        index, epoch, seed: what the batch is keyed by: its first sample.

    Raises:
        OptionError: images of several sizes, or labels that are no classes.
    """
    sizes = sorted({image.shape[1:] for image in images})
    name = type(mixing[0]).__name__
    if len(sizes) > 1:
        raise OptionError(
            f"{name} mixes images of one size, got {sizes[0]} and {sizes[-1]} (height, width); put a crop or a Resize "
            "to (height, width) before it"
        )
    table = mixing.params([index], epoch, seed, sizes[0])
    op, drawn = mixing_of(mixing[0], table.drawn(0, 0))
    batch, targets = mix_batch(op, np.stack(images), np.asarray(labels), drawn)
    return list(batch), targets


def share_text(shares: NDArray[np.float32], classes: Sequence[str]) -> str:
    """The classes of a mixed label, the largest share first: "0.70 cat, 0.30 dog"."""
    named = sorted(((float(share), label) for label, share in enumerate(shares) if share), reverse=True)
    return ", ".join(f"{share:.2f} {classes[label] if label < len(classes) else label}" for share, label in named)
