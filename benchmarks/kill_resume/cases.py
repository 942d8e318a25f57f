"""What is loaded, and by whom it may be: each case in several variants of size, batch size and seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from penstock.augment import Normalize, Pipeline, RandomHorizontalFlip, RandomResizedCrop, ToDtype
from penstock.formats import Pack

from .datasets import Counting, Drawing, Failing, Plain, Replayed, arrays, write_pack_of_jpegs

__all__ = ["CASES", "ENGINES", "EPOCHS", "VARIANTS", "Case", "Variant", "prepare"]

EPOCHS = 2
_CROPS = Pipeline([RandomResizedCrop(7), RandomHorizontalFlip()])
_NORMALIZED = Pipeline([RandomResizedCrop((6, 9)), ToDtype("float32", scale=True), Normalize((0.5,) * 3, (0.25,) * 3)])

ENGINES: dict[str, dict[str, Any]] = {
    "native": {"engine": "native"},
    "inline": {"engine": "python"},
    "pool": {"engine": "python", "on_worker_death": "restart"},
    "pool threads": {"engine": "python", "workers": "threads"},
    "torch": {"engine": "python"},
}
"""By name: the arguments that make a loader use it. "inline" is any of them without workers."""


@dataclass(frozen=True, slots=True)
class Variant:
    """The numbers of a case.

    Attributes:
        size: of the dataset.
        batch_size: of the loader.
        drop_last: of the loader.
        seed: of the loader or of torch, as the case has it.
    """

    size: int
    batch_size: int
    drop_last: bool
    seed: int


VARIANTS = (Variant(13, 3, False, 5), Variant(17, 4, True, 2**63 + 11), Variant(24, 4, False, 0))


@dataclass(frozen=True, slots=True)
class Case:
    """A dataset in a loader.

    Attributes:
        arguments: of the loader, with its dataset.
        engines: who may run it, one life this one, the next life another.
        once: an epoch has each sample once.
        workers: the number of workers, where the state is only good for the same; None: any.
        persistent: workers may outlive an epoch with no effect on the order. torch draws less then.
    """

    arguments: Callable[[Path, Variant], dict[str, Any]]
    engines: tuple[str, ...]
    once: bool = True
    workers: int | None = None
    persistent: bool = True


def prepare(folder: Path) -> None:
    """Writes what the cases read."""
    for variant in VARIANTS:
        write_pack_of_jpegs(_pack(folder, variant), variant.size)


def _pack(folder: Path, variant: Variant) -> Path:
    return folder / f"pack-{variant.size}"


def _images(pipeline: Pipeline, **more: Any) -> Callable[[Path, Variant], dict[str, Any]]:
    return lambda _, variant: {
        "dataset": arrays(variant.size), "augment": pipeline, "shuffle": True, "seed": variant.seed, **more
    }  # fmt: skip


def _records(folder: Path, variant: Variant) -> dict[str, Any]:
    return {
        "dataset": Pack(_pack(folder, variant)), "augment": _CROPS, "shuffle": True, "seed": variant.seed
    }  # fmt: skip


def _balanced(_: Path, variant: Variant) -> dict[str, Any]:
    labels = (np.arange(variant.size) ** 2 // variant.size).astype(np.int64)
    return {
        "dataset": arrays(variant.size, labels), "augment": _CROPS, "weights": "balanced", "seed": variant.seed,
        "num_samples": variant.size + 3,
    }  # fmt: skip


def _python(make: Callable[[int], Any], **more: Any) -> Callable[[Path, Variant], dict[str, Any]]:
    return lambda _, variant: {"dataset": make(variant.size), "shuffle": True, "seed": variant.seed, **more}


def _generator(_: Path, variant: Variant) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(variant.seed)
    return {"dataset": Plain(variant.size), "shuffle": True, "generator": generator}


def _sampler(_: Path, variant: Variant) -> dict[str, Any]:
    weights = torch.arange(1.0, variant.size + 1)
    sampler = torch.utils.data.WeightedRandomSampler(weights, variant.size)
    return {"dataset": Plain(variant.size), "sampler": sampler}


_ANY_PYTHON = ("inline", "pool", "pool threads")
_NOT_THREADS = ("inline", "pool")

CASES: dict[str, Case] = {
    "images, augmented": Case(_images(_CROPS), ("native", "native", *_ANY_PYTHON)),
    "images, normalized": Case(_images(_NORMALIZED), ("native",)),
    "images in order": Case(_images(_CROPS, shuffle=False), ("native", "native", *_ANY_PYTHON)),
    "dct pack": Case(_records, ("native", "native", "inline", "pool")),
    "balanced weights": Case(_balanced, ("native", *_ANY_PYTHON), once=False),
    "Python, draws": Case(_python(lambda size: Drawing(size, shared=True)), _NOT_THREADS),
    "Python, draws by penstock.rng": Case(_python(lambda size: Drawing(size, shared=False)), _ANY_PYTHON),
    "Python, substituted": Case(
        _python(lambda size: Failing(size, shared=True), on_error="substitute"), _NOT_THREADS, once=False
    ),
    "Python, skipped": Case(
        _python(lambda size: Failing(size, shared=True), on_error="skip"), _NOT_THREADS, once=False
    ),
    "torch's shuffle": Case(
        lambda _, variant: {"dataset": Plain(variant.size), "shuffle": True}, (*_ANY_PYTHON, "torch"), persistent=False
    ),
    "torch's shuffle, generator": Case(_generator, (*_ANY_PYTHON, "torch"), persistent=False),
    "torch's weighted sampler": Case(_sampler, (*_ANY_PYTHON, "torch"), once=False, persistent=False),
    "torch's shuffle, augmented": Case(
        lambda _, variant: {"dataset": arrays(variant.size), "augment": _CROPS, "shuffle": True},
        ("native", *_ANY_PYTHON, "torch"),
        persistent=False,
    ),
    "iterable": Case(lambda _, variant: {"dataset": Counting(variant.size)}, ("inline",), workers=0),
    "iterable, 2 workers": Case(lambda _, variant: {"dataset": Counting(variant.size)}, ("pool",), workers=2),
    "iterable without a state": Case(lambda _, variant: {"dataset": Replayed(variant.size)}, ("torch",), workers=2),
}
"""By name; engines that are there twice are drawn twice as often."""
