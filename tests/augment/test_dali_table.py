"""What is known about DALI without it: which ops it can run, and where its filter hangs over the edges."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.augment import (
    CenterCrop,
    ColorJitter,
    DaliExecutor,
    Lambda,
    Op,
    Pad,
    Pipeline,
    RandomAutocontrast,
    RandomCrop,
    RandomEqualize,
    RandomErasing,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Resize,
    ToDtype,
    imagenet_train,
)
from penstock.augment.executors.dali import dali_obstacle, dali_prefix
from penstock.augment.executors.dali.edges import FILTERS, inner_weight, reach_px
from penstock.augment.executors.resampling import FILTERS as PILLOWS
from penstock.augment.executors.resampling import PRECISION_BITS, fixed_point_weights
from penstock.errors import SpecError

LACKING = ("nearest", "box", "hamming")
"""Filters of Pillow that DALI has not, or not with the same pixels."""


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (RandomEqualize(), "no operator of DALI gives its pixels"),
        (RandomAutocontrast(), "no operator of DALI gives its pixels"),
        (ColorJitter(0.4, 0.4), "the order of brightness, contrast is drawn for each sample"),
        (ColorJitter(hue=0.1), "DALI turns hues in another colour space than Pillow"),
        *((Resize(9, name), f"none of its resizes has the pixels of Pillow's '{name}'") for name in LACKING),
        (RandomResizedCrop(9, interpolation="nearest"), "none of its resizes has the pixels of Pillow's 'nearest'"),
        (Pad(3, padding_mode="reflect"), "DALI pads with one colour, and not in mode 'reflect'"),
        (RandomCrop(3, 1, padding_mode="edge"), "DALI pads with one colour, and not in mode 'edge'"),
    ],
    ids=repr,
)
def test_what_dali_can_not_run_is_refused_by_name(op: Op, reason: str) -> None:
    assert reason in dali_obstacle(op)
    pipeline = Pipeline([RandomHorizontalFlip(), op])
    assert dali_prefix(pipeline) == 1
    message = f"DaliExecutor: {type(op).__name__} at position 1 can't run in DALI: .*; use TorchExecutor, or DataLoader"
    with pytest.raises(SpecError, match=message):
        DaliExecutor(pipeline)


def test_python_is_refused_with_a_fix_that_helps() -> None:
    message = "Lambda at position 0 can't run in DALI: it calls Python on single images; use NativeExecutor, or leave"
    with pytest.raises(SpecError, match=message):
        DaliExecutor(Pipeline([Lambda(np.ascontiguousarray)]))


def test_noise_is_not_dalis() -> None:
    pipeline = Pipeline([RandomHorizontalFlip(), ToDtype("float32"), RandomErasing(value="random")])
    assert dali_obstacle(pipeline[2]) == "DALI has no noise by drawn keys"
    assert dali_prefix(pipeline) == 2


def test_the_whole_of_a_preset_runs_in_dali() -> None:
    pipeline = imagenet_train()
    assert dali_prefix(pipeline) == len(pipeline)
    assert dali_prefix(Pipeline()) == 0
    before = Pipeline([RandomResizedCrop(8), CenterCrop(4), RandomEqualize(), ToDtype("float32")])
    assert dali_prefix(before) == 2


@pytest.mark.parametrize("name", FILTERS)
@given(st.integers(1, 300), st.integers(1, 300))
@settings(max_examples=25)
def test_inner_weight_is_what_pillow_leaves_of_the_filter(name: str, length: int, size: int) -> None:
    """A row of ones, black outside, resampled by Pillow's weights for the wider row: that much is inside."""
    kernel = PILLOWS[name]
    margin = int(reach_px(np.array([length]), np.array([size]), kernel.support)[0])
    scale = length / size
    widening = max(scale, 1.0)
    taps = np.arange(-margin, length + margin) + 0.5
    centers = (np.arange(size) + 0.5) * scale
    heights = np.vectorize(kernel.height, otypes=[float])((taps - centers[:, None]) / widening)
    inside = heights[:, margin : margin + length].sum(axis=1) / heights.sum(axis=1)
    np.testing.assert_allclose(inner_weight(length, size, name), inside, rtol=1e-5)
    np.testing.assert_allclose(heights[:, [0, -1]], 0, atol=1e-12)  # the margin is wide enough
    kept = heights[:, margin : margin + length] / heights[:, margin : margin + length].sum(axis=1, keepdims=True)
    expected = fixed_point_weights(length, size, kernel) / (1 << PRECISION_BITS)
    np.testing.assert_allclose(kept, expected, atol=2e-6)


def test_without_dali_the_message_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['nvidia.dali'] = None\n"
        "from penstock.augment import DaliExecutor, Pipeline\n"
        "from penstock.errors import OptionError\n"
        "try:\n    DaliExecutor(Pipeline())\nexcept OptionError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "executor 'dali' needs NVIDIA DALI, which can't be imported" in done.stdout
    assert "pip install 'penstock[dali]'" in done.stdout
