"""Loss, top-1 and top-5 over an epoch, summed where the logits are and counted exactly over all processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Meter", "Scores"]


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over `count` images: `loss` in nats, `top1` and `top5` as shares from 0 to 1."""

    loss: float
    top1: float
    top5: float
    count: int


class Meter:
    """Sums on the logits' device, so that no step waits for a device to finish.

    With fewer than five classes top-5 counts every image as right.
    """

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(4, dtype=torch.float64, device=device)

    @torch.no_grad()
    def add(self, loss_sum: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Adds a batch: the scalar sum of its losses, logits (n, classes), labels (n,) int64.

        Of mixed images, whose labels are shares (n, classes), the class with the largest share is the right one.
        """
        if labels.ndim == 2:
            labels = labels.argmax(dim=1)
        best = logits.topk(min(5, logits.shape[1]), dim=1).indices
        right = best == labels[:, None]
        counts = torch.stack([right[:, 0].sum(), right.sum(), right.new_tensor(len(labels), dtype=torch.int64)])
        self._sums += torch.cat([loss_sum.detach().double()[None], counts.double()])

    def loss(self) -> float:
        """Mean loss so far, in this process; waits for the device."""
        return float(self._sums[0] / self._sums[3].clamp(min=1))

    def scores(self, reduce: Callable[[Tensor], Tensor]) -> Scores:
        """Means over all processes; `reduce` adds a tensor up over them."""
        loss, top1, top5, count = reduce(self._sums).tolist()
        total = max(count, 1)
        return Scores(loss / total, top1 / total, top5 / total, int(count))
