"""Which parameters decay, and that a step is Nesterov's."""

from __future__ import annotations

import pytest
import torch

from penstock.train.optimizer import build_optimizer
from penstock.train.options import Options
from penstock.train.resnet import build_model


def test_only_convolution_and_linear_weights_decay() -> None:
    model = build_model("resnet18", 5)
    optimizer = build_optimizer(model, Options(train="a", val="b", weight_decay=0.25))
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert len(decay) == len(list(model.parameters()))
    for name, module in model.named_modules():
        for parameter_name, parameter in module.named_parameters(recurse=False):
            is_weight = isinstance(module, torch.nn.Conv2d | torch.nn.Linear) and parameter_name == "weight"
            assert decay[id(parameter)] == (0.25 if is_weight else 0.0), f"{name}.{parameter_name}"


def test_second_step_looks_ahead_as_nesterov_does() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(model.weight, 1.0)
    optimizer = build_optimizer(model, Options(train="a", val="b", lr=0.1, momentum=0.5, weight_decay=0.0))
    for gradient in (1.0, 2.0):
        model.weight.grad = torch.tensor([[gradient]])
        optimizer.step()
    # velocities 1, then 0.5 * 1 + 2 = 2.5; steps gradient + 0.5 * velocity = 1.5, then 3.25
    assert model.weight.item() == pytest.approx(1 - 0.1 * 1.5 - 0.1 * 3.25)
