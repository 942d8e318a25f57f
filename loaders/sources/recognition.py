"""Datasets with transforms of torchvision's, run natively without a declared pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch.utils.data

from ...augment import Augmentation, Pipeline, Views
from ...augment.translators.torchvision import translate
from ...formats import Concat, Dataset, Subset
from ...record import RecordSource
from ..augmented import Augmented
from ..transform import Transform
from ..wrappers import levels, overrides
from .records import record_source
from .sample_files import file_source, knows_files

__all__ = ["Work", "recognise"]

_SAMPLING = ("__getitem__", "__getitems__", "_sample", "_transforms")


@dataclass(frozen=True, slots=True)
class Work:
    """What the native engine needs to know of a dataset.

    Attributes:
        source: its undecoded samples.
        pipeline: what their images go through.
        recognised: in words, in whose place the pipeline is; empty where it is declared.
    """

    source: RecordSource
    pipeline: Augmentation
    recognised: str = ""


def recognise(dataset: Any) -> Work | tuple[str, ...]:
    """Records and pipeline behind a dataset whose own transform is known, or the reasons in words why they aren't.

    Known are `Transform` and what `from_torchvision` takes, on torchvision's folders, on datasets that offer
    `FileSamples`, and on Penstock's own; `Subset` and `ConcatDataset` of torch's are seen through.
    """
    for place, level in levels(dataset):
        if isinstance(level, Augmented):
            return (
                f"the pipeline is inside, at {place}: wrap the outermost dataset instead, with Augmented or augment=",
            )
    pipelines: list[Augmentation] = []
    reasons: list[str] = []
    found = list(_owners(dataset, "dataset"))
    for place, owner in found:
        pipeline = _pipeline(place, owner)
        if isinstance(pipeline, Pipeline | Views):
            pipelines.append(pipeline)
        else:
            reasons += pipeline
    if len(set(pipelines)) > 1:
        reasons.append("the datasets inside have different transforms")
    source = "" if reasons else record_source(dataset)
    if isinstance(source, str):
        return tuple(reasons or [source])
    kinds = dict.fromkeys(type(part).__name__ for _, owner in found for part in (owner, owner.transform))
    written = " ".join(map(str.strip, repr(pipelines[0]).splitlines())).replace("([ ", "([").replace(", ])", "])")
    return Work(source, pipelines[0], f"{' and '.join(kinds)} run as {written}, with draws of Penstock's own")


def _owners(dataset: Any, place: str) -> Iterator[tuple[str, Any]]:
    """(place, dataset) of each dataset inside whose transform makes samples."""
    if type(dataset) is torch.utils.data.Subset:
        yield from _owners(dataset.dataset, f"{place}.dataset")
    elif type(dataset) is torch.utils.data.ConcatDataset:
        for number, part in enumerate(dataset.datasets):
            yield from _owners(part, f"{place}.datasets[{number}]")
    elif type(dataset) in (Subset, Concat) and dataset.transform is _inherited(dataset):
        for number, part in enumerate(dataset.parts):
            yield from _owners(part, f"{place}.parts[{number}]")
    else:
        yield place, dataset


def _inherited(view: Subset | Concat) -> Any:
    """The transform that the view shows unless it has its own."""
    transforms = (part.transform for part in view.parts)
    return next((transform for transform in transforms if transform is not None), None)


def _pipeline(place: str, dataset: Any) -> Augmentation | tuple[str, ...]:
    if isinstance(dataset, Dataset):
        if any(overrides(type(dataset), name, base="records") for name in _SAMPLING):
            return (f"{place} ({type(dataset).__name__}) overrides __getitem__, so its transform may not be all",)
    elif not knows_files(dataset):
        return (f"no augment= is declared, and {file_source(dataset, place)}",)
    if getattr(dataset, "transform", None) is None:
        return (f"no augment= is declared, and {place} ({type(dataset).__name__}) has no transform",)
    if type(dataset.transform) is Transform:
        return dataset.transform.pipeline
    made = translate(dataset.transform, f"{place}.transform")
    return _of_samples(made, f"{place}.transform") if isinstance(made, Pipeline) else made


def _of_samples(pipeline: Pipeline, place: str) -> Pipeline | tuple[str, ...]:
    """The pipeline, if it is native and of single images, as the transforms of a dataset are."""
    if pipeline.functions:
        return (f"{place} calls a function (Lambda), so it is Python",)
    if pipeline.mixes:
        return (f"{place} mixes batches ({type(pipeline[-1]).__name__}), and is called with single images",)
    return pipeline
