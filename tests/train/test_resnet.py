"""The networks are torchvision's: names, shapes, initial values, outputs."""

from __future__ import annotations

import pytest
import torch
from support import torchvision_shim

from penstock.errors import OptionError
from penstock.train.resnet import build_model

NAMES = ["resnet18", "resnet34", "resnet50"]


def torchvision_model(name: str, num_classes: int) -> torch.nn.Module:
    return getattr(torchvision_shim.models(), name)(weights=None, num_classes=num_classes)


@pytest.mark.parametrize("name", NAMES)
def test_initial_state_is_torchvisions_bit_for_bit(name: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        theirs = torchvision_model(name, 10).state_dict()
        torch.manual_seed(3)
        ours = build_model(name, 10).state_dict()
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        assert torch.equal(ours[key], value), key


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("training", [False, True])
def test_outputs_equal_torchvisions_after_loading_its_state(name: str, training: bool) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        theirs = torchvision_model(name, 7).train(training)
        for value in theirs.state_dict().values():  # norms and running averages start as constants
            if value.is_floating_point() and value.ndim == 1:
                value.add_(torch.rand_like(value) * 0.1)
        ours = build_model(name, 7).train(training)
        ours.load_state_dict(theirs.state_dict())
        images = torch.randn(2, 3, 40, 64)
    with torch.no_grad():
        logits = ours(images)
        assert torch.equal(logits, theirs(images))
    assert logits.isfinite().all()
    for key, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value), key


def test_small_stem_keeps_names_and_resolution() -> None:
    plain, small = build_model("resnet18", 10), build_model("resnet18", 10, small_stem=True)
    shapes = {key: value.shape for key, value in plain.state_dict().items()}
    small_shapes = {key: value.shape for key, value in small.state_dict().items()}
    assert small_shapes == {**shapes, "conv1.weight": (64, 3, 3, 3)}
    features = small.maxpool(small.relu(small.bn1(small.conv1(torch.zeros(1, 3, 8, 8)))))
    assert features.shape == (1, 64, 8, 8)
    assert small(torch.zeros(2, 3, 8, 8)).shape == (2, 10)


def test_unknown_model_is_named_with_the_choices() -> None:
    with pytest.raises(OptionError, match="model is 'resnet19'; choose one of resnet18, resnet34, resnet50"):
        build_model("resnet19")  # type: ignore[arg-type]
