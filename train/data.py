"""The two datasets of a run, their pipelines and loaders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..augment import CenterCrop, Pipeline, Resize, imagenet_eval, imagenet_train
from ..augment.ops.base import Stage
from ..errors import DatasetError, OptionError, UnknownClassError
from ..formats import Dataset, open_dataset
from ..loaders import DataLoader
from .augmentation import check_classes
from .options import Options
from .world import World

__all__ = ["Data", "Loader", "open_data", "training_pipeline", "validation_pipeline"]

Loader: TypeAlias = "DataLoader[list[Tensor]]"
"""Gives batches [images (n, 3, h, w) float32, labels (n,) int64], or float32 labels (n, classes) of mixed images."""


MAX_CLASSES = 1_000_000
"""Without class names the greatest label counts the classes; one beyond this is no position but some other number."""


@dataclass(frozen=True, slots=True)
class Data:
    """Training and validation set with the same classes.

    Attributes:
        classes: class names, empty where labels have no names.
        num_classes: width that the network's last layer needs.
    """

    train: Dataset
    val: Dataset
    classes: list[str]
    num_classes: int

    def loaders(self, options: Options, world: World) -> tuple[Loader, Loader]:
        """The loaders of this process: whole global batches for training, every sample once for validation.

        Raises:
            OptionError: the batch size does not go with the number of processes or of images.
        """
        if options.batch_size % world.size:
            raise OptionError(f"batch_size is {options.batch_size}; expected a multiple of the {world.size} processes")
        if options.batch_size > len(self.train):
            raise OptionError(
                f"batch_size is {options.batch_size}, but {options.train} has {len(self.train)} images; "
                "lower --batch-size"
            )
        check_smallest_slice(options, world)
        train: Loader = DataLoader(
            self.train,
            batch_size=options.batch_size // world.size,
            num_workers=options.loading_workers(world.local_size),
            pin_memory=world.devices[0].type == "cuda",
            augment=training_pipeline(options),
            seed=options.seed,
            shuffle=True,
            drop_last=True,
        )
        val: Loader = DataLoader(
            self.val,
            batch_size=options.batch_size // world.size,
            num_workers=options.loading_workers(world.local_size),
            pin_memory=world.devices[0].type == "cuda",
            augment=validation_pipeline(options),
            seed=options.seed,
            padding="none",
        )
        return train, val


def check_smallest_slice(options: Options, world: World) -> None:
    """Refuses what batch normalisation can't learn from: one image on a device, shrunk to one value per channel."""
    share, devices = options.batch_size // world.size, len(world.devices)
    step = -(-share // devices)  # as `scatter` cuts
    if (share - 1) % step == 0 and options.image_size <= (8 if options.small_stem else 32):
        raise OptionError(
            f"batch_size is {options.batch_size}, which leaves one image of {options.image_size} px to a device, too "
            "little for batch normalisation; raise --batch-size or --image-size"
        )


def open_data(options: Options) -> Data:
    """Opens both datasets; the validation set's labels are those of the training set's classes.

    Raises:
        DatasetError: one can't be opened, has no or several labels per image, or the validation set has classes that
            the training set has not.
        OptionError: the pipeline mixes labels of another number of classes.
    """
    train = open_dataset(options.train)
    labels = single_labels(train, options.train)
    num_classes = len(train.classes) or int(labels.max()) + 1
    if num_classes > MAX_CLASSES:
        raise DatasetError(
            f"{options.train} has label {labels.max()} ({train.describe(int(labels.argmax()))}); expected labels "
            f"from 0 to the number of classes - 1, below {MAX_CLASSES:,}: number the classes from 0 on, or name them"
        )
    check_classes(training_pipeline(options), num_classes, options.train)
    try:
        val = open_dataset(options.val, classes=train if train.classes else None)
    except UnknownClassError as error:
        raise DatasetError(f"{options.val} has classes that {options.train} has not: {error}") from error
    highest = int(single_labels(val, options.val).max())
    if highest >= num_classes:
        raise DatasetError(
            f"{options.val} has label {highest}, but {options.train} has labels 0 to {num_classes - 1} only; "
            "both need the same classes"
        )
    return Data(train, val, list(train.classes), num_classes)


def single_labels(dataset: Dataset, path: str) -> NDArray[np.int64]:
    """The labels, (n,) int64, checked to be one class per image.

    Raises:
        DatasetError: they are not.
    """
    labels = np.asarray(dataset.labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DatasetError(f"{path} has several labels per image; this trainer learns one class per image")
    if len(labels) == 0:
        raise DatasetError(f"{path} has no images")
    if labels.min() < 0:
        sample = int(labels.argmin())
        raise DatasetError(
            f"{path} has images without a label, first {dataset.describe(sample)}; put them into class folders"
        )
    return labels.astype(np.int64, copy=False)


def training_pipeline(options: Options) -> Pipeline:
    """What `augment` says, float32 (3, image_size, image_size); a random part, mirrored at random, by default."""
    if isinstance(options.augment, Pipeline):
        return options.augment
    flip = 0.5 if options.flip else 0.0
    return imagenet_train(options.image_size, scale=options.crop_scale, flip=flip, mean=options.mean, std=options.std)


def validation_pipeline(options: Options) -> Pipeline:
    """The image's centre, converted and normalised as training images: float32 (3, image_size, image_size)."""
    if not isinstance(options.augment, Pipeline):
        return imagenet_eval(options.image_size, options.val_short_side, mean=options.mean, std=options.std)
    floats = [op for op in options.augment if op.stage in (Stage.DTYPE, Stage.NORMALIZE)]
    return Pipeline([Resize(options.val_short_side), CenterCrop(options.image_size), *floats])
