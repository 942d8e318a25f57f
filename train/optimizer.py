"""Stochastic gradient descent with Nesterov's momentum."""

from __future__ import annotations

import torch
from torch import nn

from .options import Options

__all__ = ["build_optimizer"]


def build_optimizer(model: nn.Module, options: Options) -> torch.optim.SGD:
    """Weight decay goes to convolutions and linear weights only.

    Norms and biases (all that has one dimension) get none, as in He et al., "Bag of tricks for image classification"
    (CVPR 2019). The learning rate is set before each step, by `train_epoch`.
    """
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": options.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=options.peak_lr, momentum=options.momentum, nesterov=options.momentum > 0)
