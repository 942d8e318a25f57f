"""What training images go through instead of the usual recipe: `Options.augment`, read and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from ..augment import Augmentation, CutMix, MixUp, Pipeline, Views
from ..augment.named import named_augmentation
from ..augment.ops import every_op
from ..errors import OptionError

__all__ = ["DEFAULT", "Augment", "check_classes", "describe_change", "read_augment"]

Augment: TypeAlias = Pipeline | str | Mapping[str, Any]
"""A pipeline; a preset's or a file's name; or what `Pipeline.to_dict` gave."""

DEFAULT = "imagenet_train"
"""The preset whose arguments are options: `image_size`, `crop_scale`, `flip`, `mean` and `std`."""


def read_augment(given: Augment, image_size: int) -> Pipeline | str:
    """The pipeline, or `DEFAULT`, whose pipeline depends on other options.

    Raises:
        OptionError: there is no such preset or file, or it gives what this trainer can't learn from.
        SpecError: a file or mapping that holds no pipeline, or a function in one that can't be imported by its name.
    """
    if isinstance(given, str) and given.replace("-", "_") == DEFAULT:
        return DEFAULT
    name = f"augment {given!r}" if isinstance(given, str) else "augment"
    augmentation = _read(given)
    if isinstance(augmentation, Views):
        raise OptionError(
            f"{name} gives {len(augmentation)} views of each image, and this trainer learns the classes of single "
            "ones; give the pipeline of one view"
        )
    problem = _problem(augmentation, image_size)
    if problem is not None:
        raise OptionError(f"{name} gives {problem}")
    augmentation.to_dict()  # refuses functions that checkpoints can't keep
    return augmentation


def check_classes(pipeline: Pipeline, num_classes: int, dataset: str) -> None:
    """Refuses labels that are mixed as those of another number of classes than the network learns.

    Raises:
        OptionError: names the op and both numbers.
    """
    for op in every_op(pipeline):
        if isinstance(op, MixUp | CutMix) and op.num_classes != num_classes:
            raise OptionError(
                f"augment has {op!r}, but {dataset} has {num_classes} classes; write num_classes={num_classes}"
            )


def describe_change(before: object, now: object) -> str:
    """ "before -> now", of what `Options.to_dict` says about `augment`: the ops, or the first one that differs."""
    if _listed(before) != _listed(now):
        return f"{_listed(before)} -> {_listed(now)}"
    pairs = zip(_ops(before), _ops(now), strict=True)
    first, second = next(((a, b) for a, b in pairs if a != b), (before, now))
    return f"{json.dumps(first)} -> {json.dumps(second)}"


def _read(given: object) -> Augmentation:
    if isinstance(given, str):
        return named_augmentation(given)
    if isinstance(given, Mapping):
        return Pipeline.from_dict(given)
    if isinstance(given, Pipeline | Views):
        return given
    raise OptionError(
        f"augment is {given!r}; expected a Pipeline, the name of a preset, or a file of Pipeline.to_json()"
    )


def _problem(pipeline: Pipeline, image_size: int) -> str | None:
    """What it gives that is no batch for the network, and what to do."""
    if pipeline.crops > 1:
        return f"{pipeline.crops} crops of each image, and this trainer learns from one; write CenterCrop instead"
    if pipeline.dtype != "float32":
        return (
            f"{pipeline.dtype} images, and the network takes float32; write ToDtype('float32', scale=True) and "
            "Normalize(mean, std) behind what moves pixels and changes colours"
        )
    size = pipeline.output_size
    if size is None:
        return f"images of several sizes, and a batch has one; end its crops with RandomResizedCrop({image_size})"
    if size != (image_size, image_size):
        fix = f"give --image-size {size[0]}, or" if size[0] == size[1] else "give"
        return (
            f"images of {size[0]} x {size[1]} px, and image_size, which validation has too, is {image_size}; {fix} "
            "a pipeline of that size"
        )
    return None


def _ops(value: object) -> list[dict[str, Any]]:
    return list(value["ops"]) if isinstance(value, Mapping) else []


def _listed(value: object) -> str:
    return f"[{', '.join(op['op'] for op in _ops(value))}]" if isinstance(value, Mapping) else str(value)
