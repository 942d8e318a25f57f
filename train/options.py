"""What a training run is told: one frozen object, checked once, kept in every checkpoint."""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from ..augment import Pipeline
from ..errors import OptionError
from .augmentation import DEFAULT, read_augment
from .resnet import ModelName

__all__ = ["Options", "Parallel"]

Parallel: TypeAlias = Literal["none", "scatter", "ddp"]

MAX_WORKERS = 1024
"""As many threads as the native engine starts at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The defaults are the usual ImageNet recipe: 90 epochs, learning rate 0.1 per 256 images, label smoothing 0.1.

    Attributes:
        train, val: datasets to train on and to validate on, anything that `open_dataset` reads.
        out: folder of the checkpoints `last.pt` and `best.pt`.
        model: "resnet18", "resnet34" or "resnet50".
        small_stem: the network begins at full resolution, for images of about 32 px.
        image_size: side in px of the squares that the network sees.
        val_resize: short side in px that validation images get before the central crop; default: image_size *
            256 / 224.
        augment: what training images go through: "imagenet_train", which `crop_scale`, `flip`, `mean` and `std` are
            of, another preset, a file of `Pipeline.to_json`, or a `Pipeline`; the latter is what all others become. It
            gives float32 images of `image_size`, and may mix batches. Validation images are cut as
            `imagenet_eval` does, then converted and normalised as training images are.
        crop_scale: least and greatest share of a training image's area that a crop takes.
        flip: mirror training images at random.
        mean, std: per channel, of images scaled to [0, 1].
        epochs: passes over the training set.
        batch_size: images per step, over all devices and processes together.
        lr: learning rate after the warm-up; default: 0.1 * batch_size / 256.
        momentum: of Nesterov's method.
        weight_decay: on convolutions and the last layer's weights; norms and biases get none.
        warmup_epochs: default: 5, or a fifth of the epochs where that is less.
        label_smoothing: share of the target that is spread over all classes (training loss only).
        workers: loading threads or processes per training process; default: the cores this process may use,
            shared between the training processes of this machine.
        seed: of the initial weights, the order and the augmentation.
        parallel: "none": one device; "scatter": one process and several devices; "ddp": one process per device,
            under torchrun.
        devices: such as ("cuda:0", "cuda:1"); default: what the machine has.
        amp: bfloat16 autocast; default: on CUDA devices.
        channels_last: memory layout of weights and images; default: on CUDA devices.
        resume: go on from this checkpoint (such as `last.pt` of an earlier run) instead of beginning anew.
        overwrite: let a new run replace the checkpoints that `out` holds.

    Raises:
        OptionError: a value is out of range, or two don't go together.
        SpecError: `augment` is a file that holds no pipeline, or has a function that can't be imported by its name.
    """

    train: str
    val: str
    out: str = "penstock-run"
    model: ModelName = "resnet50"
    small_stem: bool = False
    image_size: int = 224
    val_resize: int | None = None
    augment: Pipeline | str = DEFAULT
    crop_scale: tuple[float, float] = (0.08, 1.0)
    flip: bool = True
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    epochs: int = 90
    batch_size: int = 256
    lr: float | None = None
    momentum: float = 0.9
    weight_decay: float = 1e-4
    warmup_epochs: float | None = None
    label_smoothing: float = 0.1
    workers: int | None = None
    seed: int = 0
    parallel: Parallel = "none"
    devices: tuple[str, ...] = ()
    amp: bool | None = None
    channels_last: bool | None = None
    resume: str | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        self._check_choices()
        for name in ("image_size", "epochs", "batch_size"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        if self.val_resize is not None:
            _require(self.val_resize >= self.image_size, "val_resize", self.val_resize, "at least image_size")
        low, high = self.crop_scale
        _require(0 < low <= high <= 1, "crop_scale", self.crop_scale, "two numbers, 0 < least <= greatest <= 1")
        _require(self.lr is None or 0 < self.lr < math.inf, "lr", self.lr, "above 0")
        for name in ("momentum", "label_smoothing"):
            _require(0 <= getattr(self, name) < 1, name, getattr(self, name), "from 0 to below 1")
        _require(0 <= self.weight_decay < math.inf, "weight_decay", self.weight_decay, "0 or more")
        warmup = self.warmup_epochs
        _require(warmup is None or 0 <= warmup < math.inf, "warmup_epochs", warmup, "0 or more")
        _require(0 <= self.seed < 1 << 64, "seed", self.seed, "from 0 to below 2**64")
        _require(
            self.workers is None or 0 <= self.workers <= MAX_WORKERS, "workers", self.workers, f"0 to {MAX_WORKERS}"
        )
        self._read_augment()

    def _check_choices(self) -> None:
        for name, choices in (("model", get_args(ModelName)), ("parallel", get_args(Parallel))):
            _require(getattr(self, name) in choices, name, getattr(self, name), f"one of {', '.join(choices)}")
        if self.parallel == "scatter" and len(self.devices) == 1:
            raise OptionError(f"parallel 'scatter' needs two or more devices, got {self.devices[0]!r} alone")

    def _read_augment(self) -> None:
        augment = read_augment(self.augment, self.image_size)
        object.__setattr__(self, "augment", augment)
        for name in () if augment == DEFAULT else ("crop_scale", "flip", "mean", "std"):
            _require(
                getattr(self, name) == self.__dataclass_fields__[name].default,
                name,
                getattr(self, name),
                f"the default beside another augment than {DEFAULT}; write it into the pipeline",
            )

    @property
    def peak_lr(self) -> float:
        """Learning rate after the warm-up (linear scaling: Goyal et al., 2017)."""
        return 0.1 * self.batch_size / 256 if self.lr is None else self.lr

    @property
    def warmup(self) -> float:
        """Epochs of warm-up."""
        return min(5.0, self.epochs / 5) if self.warmup_epochs is None else self.warmup_epochs

    @property
    def val_short_side(self) -> int:
        """Short side in px of a validation image before its central crop."""
        return round(self.image_size * 256 / 224) if self.val_resize is None else self.val_resize

    def loading_workers(self, local_world_size: int) -> int:
        """Loading workers of each of the training processes on this machine."""
        if self.workers is not None:
            return self.workers
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, cores // local_world_size)

    @classmethod
    def from_folder(cls, folder: str | os.PathLike[str], **options: Any) -> Options:
        """Options for a folder that holds the datasets `train` and `val`.

        Raises:
            OptionError: one of them is missing.
        """
        root = Path(folder)
        if not root.exists():
            raise OptionError(f"no such file or folder: {root}")
        missing = [name for name in ("train", "val") if not (root / name).exists()]
        if missing:
            raise OptionError(
                f"{root} has no {' and no '.join(missing)} inside; "
                "give a folder with train and val in it, or --train PATH --val PATH"
            )
        return cls(train=str(root / "train"), val=str(root / "val"), **options)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as checkpoints keep them."""
        augment = self.augment if isinstance(self.augment, str) else self.augment.to_dict()
        return {**dataclasses.asdict(self), "augment": augment}


def _require(right: bool, name: str, value: object, expected: str) -> None:
    if not right:
        raise OptionError(f"{name} is {value!r}; expected {expected}")
