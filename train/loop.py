"""One pass over a loader: to learn, or to measure."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from ..loaders import DataLoader
from .metrics import Meter, Scores
from .parallel import OneDevice
from .schedule import Schedule

__all__ = ["Progress", "train_epoch", "validate"]

STEPS_BETWEEN_LOSSES = 20
"""The bar shows a new loss this often: reading it waits for the device."""


class Progress:
    """Makes the bar of each pass: images and images/s over all processes, on standard error, on a terminal only."""

    def __init__(self, global_batch_size: int, *, shown: bool) -> None:
        self._batch_size = global_batch_size
        self._disable = None if shown else True  # None: unless it is a terminal

    def over(self, loader: DataLoader[list[Tensor]], title: str) -> tqdm[list[Tensor]]:
        """The loader's batches, counted while they pass."""
        return tqdm(loader, desc=title, unit=" images", unit_scale=self._batch_size, leave=False, disable=self._disable)


def train_epoch(
    replicas: OneDevice,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule,
    batches: tqdm[list[Tensor]],
    *,
    first_step: int,
    label_smoothing: float,
) -> Scores:
    """One step per batch; the scores are those of the network as it was at each step.

    Labels are classes, or shares of classes where images are mixed: the loss is then the cross entropy with those.
    """
    replicas.model.train()
    meter = Meter(replicas.device)
    with batches:  # an interrupted bar is cleared before anything else is said
        for step, batch in enumerate(batches, first_step):
            for group in optimizer.param_groups:
                group["lr"] = schedule.at(step)
            logits, labels = replicas.forward(batch)
            loss = cross_entropy(logits, labels, label_smoothing=label_smoothing)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
            meter.add(loss * len(labels), logits, labels)
            if not batches.disable and (step - first_step) % STEPS_BETWEEN_LOSSES == 0:
                batches.set_postfix_str(f"loss {meter.loss():.3f}", refresh=False)
    return meter.scores(replicas.sum_over_processes)


@torch.no_grad()
def validate(replicas: OneDevice, batches: tqdm[list[Tensor]]) -> Scores:
    """Every image once, without label smoothing; all processes measure the same network."""
    replicas.align_buffers()
    replicas.model.eval()
    meter = Meter(replicas.device)
    with batches:
        for batch in batches:
            logits, labels = replicas.forward(batch)
            meter.add(cross_entropy(logits, labels, reduction="sum"), logits, labels)
    return meter.scores(replicas.sum_over_processes)
