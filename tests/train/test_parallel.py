"""Several devices in one process do what one device does."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from penstock.train.parallel import OneDevice, SeveralDevices
from penstock.train.resnet import build_model

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def network() -> nn.Module:
    """Convolutions, a norm that looks at one sample alone, and a linear layer: no statistics over the batch."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5)
    )


def batch(size: int) -> list[Tensor]:
    return [torch.randn(size, 3, 10, 8), torch.randint(5, (size,))]


def gradients(replicas: OneDevice, data: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    replicas.model.zero_grad()
    logits, labels = replicas.forward(data)
    assert torch.equal(labels, data[1])
    cross_entropy(logits, labels, label_smoothing=0.1).backward()
    return logits.detach(), {name: p.grad for name, p in replicas.model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("devices", [2, 3])
@pytest.mark.parametrize("size", [1, 2, 7, 12])
def test_logits_and_gradients_equal_one_devices(devices: int, size: int) -> None:
    model, data = network(), batch(size)
    one = OneDevice(copy.deepcopy(model), CPU)
    several = SeveralDevices(copy.deepcopy(model), [CPU] * devices)
    logits, expected = gradients(one, data)
    got_logits, got = gradients(several, data)
    several.close()
    torch.testing.assert_close(got_logits, logits)
    assert got.keys() == expected.keys() == dict(model.named_parameters()).keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(got[name], gradient, msg=name)


def test_steps_equal_one_devices_with_resnet_and_fixed_norm_statistics() -> None:
    model, data = build_model("resnet18", 5), batch(6)
    trained = []
    for replicas in (OneDevice(copy.deepcopy(model), CPU), SeveralDevices(copy.deepcopy(model), [CPU, CPU])):
        replicas.model.eval()  # running averages instead of the batch's own: no difference in principle is left
        optimizer = torch.optim.SGD(replicas.model.parameters(), lr=0.05, momentum=0.9)
        for _ in range(3):
            gradients(replicas, data)
            optimizer.step()
        replicas.close()
        trained.append(replicas.model.state_dict())
    for name, value in trained[0].items():
        torch.testing.assert_close(trained[1][name], value, rtol=1e-4, atol=1e-5, msg=name)


def test_running_averages_are_those_of_the_first_replica() -> None:
    model, data = build_model("resnet18", 5), batch(6)
    first, several = OneDevice(copy.deepcopy(model), CPU), SeveralDevices(copy.deepcopy(model), [CPU, CPU])
    first.forward([part[:3] for part in data])
    several.forward(data)
    several.close()
    for name, buffer in first.model.named_buffers():
        torch.testing.assert_close(dict(several.model.named_buffers())[name], buffer, msg=name)
    assert int(several.model.bn1.num_batches_tracked) == 1


def test_training_mode_and_gradient_mode_reach_every_replica() -> None:
    several = SeveralDevices(build_model("resnet18", 5), [CPU, CPU])
    data = batch(4)
    several.model.eval()
    with torch.no_grad():
        logits, _ = several.forward(data)
        torch.testing.assert_close(logits, several.model(data[0]))
    assert not logits.requires_grad
    several.model.train()
    logits, _ = several.forward(data)
    assert logits.requires_grad
    assert not torch.allclose(logits[2:], several.model(data[0])[2:]), "the second replica ran in evaluation mode"
    several.close()


def test_the_second_replica_sees_the_masters_newest_parameters() -> None:
    several = SeveralDevices(network(), [CPU, CPU])
    data = batch(4)
    several.forward(data)
    with torch.no_grad():
        for parameter in several.model.parameters():
            parameter.add_(0.1)
    logits, _ = several.forward(data)
    torch.testing.assert_close(logits, several.model(data[0]))
    several.close()


def test_error_in_a_replica_reaches_the_caller() -> None:
    several = SeveralDevices(network(), [CPU, CPU])
    with pytest.raises(RuntimeError, match="expected input"):
        several.forward([torch.zeros(4, 2, 10, 8), torch.zeros(4, dtype=torch.int64)])
    several.close()


@pytest.mark.parametrize("devices", [1, 2])
def test_bfloat16_and_channels_last_give_float32_logits_close_to_plain_ones(devices: int) -> None:
    model, data = network(), batch(4)
    plain = OneDevice(copy.deepcopy(model), CPU)
    kinds = {"amp": True, "channels_last": True}
    fast = OneDevice(model, CPU, **kinds) if devices == 1 else SeveralDevices(model, [CPU] * devices, **kinds)
    assert fast.model[0].weight.is_contiguous(memory_format=torch.channels_last)
    logits, _ = fast.forward(data)
    fast.close()
    expected, _ = plain.forward(data)
    assert logits.dtype == torch.float32
    assert not torch.equal(logits, expected), "nothing ran in bfloat16"
    torch.testing.assert_close(logits, expected, rtol=0.05, atol=0.05)
