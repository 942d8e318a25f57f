"""The class of every sample, for datasets that know it without making the samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch.utils.data
from numpy.typing import NDArray

from ...errors import OptionError
from ..augmented import Augmented

__all__ = ["class_labels"]

_ADVICE = "give weights= as one number per sample instead"


def class_labels(dataset: Any) -> NDArray[np.int64]:
    """(n,) classes, one for each sample, read off the dataset: no image is read, no `target_transform` is applied.

    A dataset says them as `labels` (Penstock's containers, torchvision's SVHN ...) or `targets` (ImageFolder, CIFAR10
    ...): n ints, as an array, a tensor or a list. torch's `Subset` and `ConcatDataset` are seen through.

    Raises:
        OptionError: it does not say them, there are several for each sample, some samples have none (-1), or they are
            no ints or not as many as the samples.
    """
    labels = _labels(dataset, "dataset")
    unknown = int((labels < 0).sum())
    if unknown:
        raise OptionError(f"'balanced' needs a class for every sample, and {unknown} of {len(labels)} have none (-1)")
    return labels


def _labels(dataset: Any, place: str) -> NDArray[np.int64]:
    if isinstance(dataset, Augmented):
        return _labels(dataset.dataset, f"{place}.dataset")
    if type(dataset) is torch.utils.data.Subset:
        return _labels(dataset.dataset, f"{place}.dataset")[np.asarray(dataset.indices, np.int64)]
    if type(dataset) is torch.utils.data.ConcatDataset:
        parts = [_labels(part, f"{place}.datasets[{number}]") for number, part in enumerate(dataset.datasets)]
        return np.concatenate(parts)
    for name in ("labels", "targets"):
        found = getattr(dataset, name, None)
        if found is not None and not callable(found):
            return _checked(np.asarray(found), len(dataset), f"{place}.{name}")
    raise OptionError(
        f"'balanced' needs to know the class of every sample, and {place} ({type(dataset).__name__}) has neither "
        f"`labels` nor `targets`; give it one of the two, or {_ADVICE}"
    )


def _checked(labels: NDArray[Any], size: int, place: str) -> NDArray[np.int64]:
    if labels.ndim == 2:
        raise OptionError(
            f"'balanced' is for one class per sample, and {place} has {labels.shape[1]} labels per sample; {_ADVICE}"
        )
    if labels.shape != (size,) or (size and labels.dtype.kind not in "iu"):
        raise OptionError(
            f"'balanced' needs {place} to be {size} ints, a class for each sample, got {labels.dtype} of shape "
            f"{labels.shape}; {_ADVICE}"
        )
    return labels.astype(np.int64, copy=False)
