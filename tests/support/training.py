"""Tiny datasets and runs for the trainer's tests; also a script that torchrun starts.

`torchrun ... tests/support/training.py DATA OUT` writes OUT/result.pt (`two_epochs`) and then runs the command into
OUT/run, both in one process group.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from penstock.train.data import open_data
from penstock.train.loop import Progress, train_epoch, validate
from penstock.train.main import main
from penstock.train.optimizer import build_optimizer
from penstock.train.options import Options
from penstock.train.parallel import place_model
from penstock.train.schedule import Schedule
from penstock.train.world import join_world

COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 70), "red": (210, 50, 40)}


def write_colours(root: Path, *, train: int, val: int) -> Path:
    """train/ and val/ with noisy pictures of three colours in class folders, `train` and `val` of each colour."""
    random = np.random.default_rng(0)
    for part, count in (("train", train), ("val", val)):
        for name, colour in COLOURS.items():
            folder = root / part / name
            folder.mkdir(parents=True)
            for k in range(count):
                pixels = np.array(colour) + random.normal(0, 30, (20, 24, 3))
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{k}.jpg", quality=90)
    return root


def colour_options(root: Path, **changes: Any) -> Options:
    """A run of a second or two on `write_colours`' folder."""
    options: dict[str, Any] = {
        "out": str(root / "run"),
        "model": "resnet18",
        "image_size": 16,
        "epochs": 4,
        "batch_size": 12,
        "lr": 0.003,
        "workers": 1,
        "devices": ("cpu",),
    }
    return Options.from_folder(root, **{**options, **changes})


def plain_network(num_classes: int) -> nn.Module:
    """Without statistics over the batch, so that spreading the batch over devices changes nothing but rounding."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.GroupNorm(2, 8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, num_classes),
    )


def two_epochs(options: Options) -> dict[str, Any] | None:
    """Trains `plain_network` for two epochs: its state and all scores; None in processes other than the first."""
    with join_world(options) as world, torch.random.fork_rng():
        torch.manual_seed(0)
        data = open_data(options)
        train_loader, val_loader = data.loaders(options, world)
        replicas = place_model(plain_network(data.num_classes), options, world)
        optimizer = build_optimizer(replicas.model, options)
        steps, progress = len(train_loader), Progress(options.batch_size, shown=False)
        schedule = Schedule(options.peak_lr, 1, 2 * steps)
        scores = []
        for epoch in range(2):
            train_loader.set_epoch(epoch)
            batches = progress.over(train_loader, "train")
            scores.append(
                train_epoch(replicas, optimizer, schedule, batches, first_step=epoch * steps, label_smoothing=0.1)
            )
            scores.append(validate(replicas, progress.over(val_loader, "val")))
        replicas.close()
        state = {name: value.clone() for name, value in replicas.model.state_dict().items()}
        return {"model": state, "scores": [asdict(s) for s in scores]} if world.is_main else None


if __name__ == "__main__":
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    torch.distributed.init_process_group("gloo")
    result = two_epochs(colour_options(data, parallel="ddp"))
    if result is not None:
        torch.save(result, out / "result.pt")
    small = "--model resnet18 --image-size 16 --epochs 1 --batch-size 12 --workers 1 --devices cpu --parallel ddp"
    status = main([str(data), "--out", str(out / "run"), *small.split()])
    torch.distributed.destroy_process_group()
    sys.exit(status)
