"""What runs on a GPU, checked without one: nothing there waits for the host, and nothing mixes devices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from support.elsewhere import DEVICE, elsewhere

from penstock.augment import (
    MixUp,
    Pipeline,
    TorchExecutor,
    Views,
    cifar_train,
    dino,
    imagenet_eval,
    imagenet_train,
    mxnet_level1,
    mxnet_level2,
    mxnet_level3,
    simclr,
)
from penstock.augment.executors.torch.images import on_device
from penstock.augment.executors.torch.mixing import TorchMixer

FAULTS: dict[str, Callable[[torch.Tensor, torch.Tensor], object]] = {
    "item": lambda there, _: there.sum().item(),
    "bool": lambda there, _: bool((there > 0).all()),
    "int": lambda there, _: int(there.max()),
    "tolist": lambda there, _: there.tolist(),
    "numpy": lambda there, _: there.numpy(),
    "cpu": lambda there, _: there.cpu(),
    "nonzero": lambda there, _: there.nonzero(),
    "mask": lambda there, _: there[there > 0],
    "unique": lambda there, _: there.unique(),
    "sum of both": lambda there, here: there + here,
    "index of the host": lambda there, here: there[here.to(torch.int64)],
    "copy into": lambda there, here: there.copy_(here),
    "copy back": lambda there, here: here.copy_(there),
    "put into": lambda there, here: there.__setitem__(slice(2), here[:2]),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found(fault: Callable[[torch.Tensor, torch.Tensor], object]) -> None:
    with elsewhere(), pytest.raises((AssertionError, RuntimeError)):
        fault(torch.ones(4, device=DEVICE), torch.from_numpy(np.ones(4, np.float32)))


def test_numbers_that_are_sent_are_counted() -> None:
    with elsewhere() as traffic:
        sent = on_device(np.arange(3), DEVICE)
        assert (sent + 1).device == DEVICE
    assert (traffic.uploads, traffic.kernels) == (1, 1)


PRESETS: dict[str, Pipeline | Views] = {
    preset.__name__: preset()
    for preset in (
        imagenet_train,
        imagenet_eval,
        cifar_train,
        simclr,
        dino,
        mxnet_level1,
        mxnet_level2,
        mxnet_level3,
    )
}


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_presets_run_there(preset: Pipeline | Views) -> None:
    for pipeline in [preset] if isinstance(preset, Pipeline) else list(preset)[:3]:
        params = pipeline.params(range(128), sizes=(256, 256))
        with elsewhere() as traffic:
            batch = torch.empty((128, 3, 256, 256), dtype=torch.uint8, device=DEVICE)
            result = TorchExecutor(pipeline).run_batch(batch, params)
        assert result.device == DEVICE
        assert traffic.uploads <= 50


def test_batches_are_mixed_there() -> None:
    mixer = TorchMixer(MixUp(10))
    drawn = Pipeline([MixUp(10)]).params([0], sizes=(8, 8)).drawn(0, 0)
    with elsewhere() as traffic:
        images, labels = torch.empty((4, 3, 8, 8), device=DEVICE), torch.empty(4, dtype=torch.int64, device=DEVICE)
        mixed, targets = mixer.mix(images, labels, drawn)
    assert (mixed.device, targets.shape, traffic.uploads) == (DEVICE, (4, 10), 0)
