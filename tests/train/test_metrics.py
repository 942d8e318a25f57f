"""Scores against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from penstock.train.metrics import Meter, Scores


@settings(max_examples=50)
@given(batches=st.lists(st.integers(1, 9), min_size=1, max_size=4), classes=st.integers(1, 12), seed=st.integers(0, 99))
def test_scores_are_those_counted_by_hand(batches: list[int], classes: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    meter, losses, ranks = Meter(torch.device("cpu")), [], []
    for size in batches:
        logits = torch.randn(size, classes, generator=random)
        labels = torch.randint(classes, (size,), generator=random)
        meter.add(cross_entropy(logits, labels, reduction="sum"), logits, labels)
        for row, label in zip(logits.double().numpy(), labels.tolist(), strict=True):
            losses.append(np.log(np.exp(row).sum()) - row[label])
            ranks.append(int((row > row[label]).sum()))
    scores = meter.scores(lambda sums: sums)
    assert scores.count == sum(batches)
    assert scores.loss == pytest.approx(np.mean(losses), rel=1e-5, abs=1e-6)
    assert scores.top1 == pytest.approx(np.mean([rank < 1 for rank in ranks]))
    assert scores.top5 == pytest.approx(np.mean([rank < 5 for rank in ranks]))


def test_scores_are_reduced_before_they_are_divided() -> None:
    meter = Meter(torch.device("cpu"))
    meter.add(torch.tensor(2.0), torch.eye(6)[:2], torch.tensor([0, 0]))
    other = torch.tensor([4.0, 2.0, 2.0, 2.0], dtype=torch.float64)
    assert meter.scores(lambda sums: sums + other) == Scores(loss=1.5, top1=0.75, top5=1.0, count=4)


def test_of_mixed_labels_the_class_with_the_largest_share_is_right() -> None:
    logits = torch.tensor([[3.0, 2, 1, 0, -1, -2], [3.0, 2, 1, 0, -1, -2], [0.0, 0, 0, 0, 0, 9]])
    shares = torch.tensor([[0.6, 0, 0, 0, 0, 0.4], [0.4, 0.6, 0, 0, 0, 0], [0.1, 0.9, 0, 0, 0, 0]])
    meter, counted = Meter(torch.device("cpu")), Meter(torch.device("cpu"))
    meter.add(torch.tensor(1.0), logits, shares)
    counted.add(torch.tensor(1.0), logits, torch.tensor([0, 1, 1]))
    assert meter.scores(lambda sums: sums) == counted.scores(lambda sums: sums)
    assert meter.scores(lambda sums: sums).top1 == pytest.approx(1 / 3)
