"""MixUp and CutMix on a batch of tensors, images and labels, on any device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from ....errors import OptionError
from ...ops import CutMix, Op
from ...ops.groups import mixing_ops
from ..batches import mixing_of

__all__ = ["TorchMixer"]


class TorchMixer:
    """`BatchMixer` on torch tensors. Thread-safe.

    Args:
        op: what is done: `MixUp`, `CutMix`, or a `Choice` of them.
    """

    def __init__(self, op: Op) -> None:
        self._op = op
        self._name = type(op).__name__
        self._classes = mixing_ops([op])[0].num_classes

    def check(self, images: torch.Tensor, labels: object, samples: Sequence[int]) -> None:
        self._check_images(images)
        name, classes, count = self._name, self._classes, len(images)
        expected = f"{name} needs labels: a tensor of ({count},) ints or ({count}, {classes}) numbers, one-hot or mixed"
        if not isinstance(labels, torch.Tensor):
            raise OptionError(f"{expected}, got {type(labels).__name__}; give samples (image, label)")
        if tuple(labels.shape) == (count, classes) and not labels.is_complex():
            self._check_finite(labels, samples)
            return
        if tuple(labels.shape) != (count,) or not _holds_ints(labels):
            raise OptionError(
                f"{expected}, got {labels.dtype} of shape {tuple(labels.shape)}; give each sample one class number"
            )
        if count and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
            row = int(((labels < 0) | (labels >= classes)).nonzero()[0])
            raise OptionError(
                f"{name}: labels must be from 0 to {classes - 1}, got {int(labels[row])} of sample {samples[row]}; "
                f"give num_classes= as many as there are classes"
            )

    def _check_finite(self, labels: torch.Tensor, samples: Sequence[int]) -> None:
        finite = labels.isfinite()
        if bool(finite.all()):
            return
        row, column = (int(place) for place in (~finite).nonzero()[0])
        raise OptionError(
            f"{self._name}: labels must be finite numbers, got {float(labels[row, column])} of class {column} of "
            f"sample {samples[row]}; leave such samples out, or give them a class"
        )

    def mix(
        self, images: torch.Tensor, labels: torch.Tensor, drawn: Mapping[str, float]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        op, numbers = mixing_of(self._op, drawn)
        targets = self._targets(labels)
        if not numbers["apply"]:
            return images, targets
        share = numbers["lambda"]
        mixed = _with_cut(images, numbers) if isinstance(op, CutMix) else _blended(images, share)
        return mixed, _blended(targets, share)

    def _check_images(self, images: torch.Tensor) -> None:
        if images.ndim != 4 or images.dtype not in (torch.uint8, torch.float16, torch.float32):
            raise OptionError(
                f"{self._name} needs images (batch, 3, height, width) of uint8, float16 or float32, got "
                f"{images.dtype} of shape {tuple(images.shape)}"
            )

    def _targets(self, labels: torch.Tensor) -> torch.Tensor:
        """(batch, num_classes) float32."""
        if labels.ndim == 2:
            return labels.to(torch.float32)
        targets = torch.zeros((len(labels), self._classes), dtype=torch.float32, device=labels.device)
        return targets.scatter_(1, labels.to(torch.int64)[:, None], 1.0)


def _holds_ints(labels: torch.Tensor) -> bool:
    return labels.dtype != torch.bool and not labels.is_floating_point() and not labels.is_complex()


def _blended(values: torch.Tensor, share: float) -> torch.Tensor:
    """share * values + (1 - share) * partners, in memory of its own and the memory format of `values`.

    In two products and a sum, each rounded: a fused multiplication would differ in the last bit.
    """
    floats = values.to(torch.float32)
    mixed = (floats * share).add_(floats.roll(1, 0).mul_(1.0 - share))
    return (mixed.round_() if values.dtype == torch.uint8 else mixed).to(values.dtype)


def _with_cut(images: torch.Tensor, drawn: Mapping[str, float]) -> torch.Tensor:
    x, y, width, height = (int(drawn[field]) for field in ("x", "y", "width", "height"))
    part = (..., slice(y, y + height), slice(x, x + width))
    mixed = images.clone()
    mixed[part] = images[part].roll(1, 0)
    return mixed
