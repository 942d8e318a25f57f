"""Where the class of every sample is read from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, Subset, random_split

from penstock.augment import Pipeline, RandomResizedCrop
from penstock.errors import OptionError
from penstock.formats import Arrays, Concat
from penstock.formats import Subset as PenstockSubset
from penstock.loaders import Augmented
from penstock.loaders.ordering.labels import class_labels


def arrays(labels: Any) -> Arrays:
    labels = np.array(labels)
    return Arrays(np.zeros((len(labels), 4, 4, 3), np.uint8), labels)


class Says:
    """A dataset of three samples that says its classes under a name."""

    def __init__(self, **said: Any) -> None:
        vars(self).update(said)

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("no sample needs to be made for its label")


@pytest.mark.parametrize("name", ["labels", "targets"])
@pytest.mark.parametrize("labels", [[2, 0, 2], (2, 0, 2), np.array([2, 0, 2], np.uint8), torch.tensor([2, 0, 2])])
def test_a_dataset_says_its_classes_as_labels_or_targets(name: str, labels: Any) -> None:
    found = class_labels(Says(**{name: labels}))
    assert found.dtype == np.int64
    assert found.tolist() == [2, 0, 2]


def test_containers_and_their_views_say_theirs() -> None:
    dataset = arrays([3, 1, 2, 1])
    assert class_labels(dataset).tolist() == [3, 1, 2, 1]
    assert class_labels(PenstockSubset(dataset, [2, -1])).tolist() == [2, 1]
    assert class_labels(Concat([dataset, dataset])).tolist() == [3, 1, 2, 1] * 2


def test_wrappers_are_seen_through() -> None:
    dataset = arrays([3, 1, 2, 1])
    targets = Says(targets=[7, 8, 9])
    wrapped = Subset(ConcatDataset([Subset(dataset, [0, 2]), targets]), [4, 0, 0, -1])
    assert class_labels(wrapped).tolist() == [9, 3, 3, 9]
    assert class_labels(Augmented(wrapped, Pipeline([RandomResizedCrop(2)]))).tolist() == [9, 3, 3, 9]
    assert class_labels(Subset(dataset, torch.tensor([1, 3]))).tolist() == [1, 1]
    parts = random_split(dataset, [1, 3], generator=torch.Generator().manual_seed(0))
    assert sorted(label for part in parts for label in class_labels(part).tolist()) == [1, 1, 2, 3]


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Says(), r"dataset \(Says\) has neither `labels` nor `targets`; give it one of the two, or give weights= as"),
        (Subset(ConcatDataset([Says()]), [0]), r"dataset\.dataset\.datasets\[0\] \(Says\) has neither"),
        (Says(labels=lambda: None), "has neither `labels` nor `targets`"),
        (Says(labels=[[1, 0], [0, 1], [1, 1]]), "one class per sample, and dataset.labels has 2 labels per sample"),
        (arrays([[1.0, 0.0]]), "one class per sample, and dataset.labels has 2 labels per sample; give weights= as"),
        (Says(targets=[1, 2]), r"dataset.targets to be 3 ints, a class for each sample, got int64 of shape \(2,\)"),
        (Says(targets=[0.5, 1, 2]), "to be 3 ints, a class for each sample, got float64"),
        (Says(labels=["a", "b", "c"]), "to be 3 ints, a class for each sample, got <U1"),
        (Says(labels=[1, -1, -1]), r"a class for every sample, and 2 of 3 have none \(-1\)"),
    ],
)
def test_classes_that_are_not_known_are_refused_with_the_reason(dataset: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        class_labels(dataset)
