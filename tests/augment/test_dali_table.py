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
from penstock.augment.executors.dali.edges import inner_weight, reach_px
from penstock.augment.executors.resampling import PRECISION_BITS, fixed_point_weights
from penstock.errors import SpecError


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (RandomEqualize(), "no operator of DALI gives its pixels"),
        (RandomAutocontrast(), "no operator of DALI gives its pixels"),
        (ColorJitter(0.4, 0.4), "the order of brightness, contrast is drawn for each sample"),
        (ColorJitter(hue=0.1), "DALI turns hues in another colour space than Pillow"),
        (Resize(9, "bicubic"), "only the bilinear one has Pillow's pixels, not bicubic"),
        (RandomResizedCrop(9, interpolation="nearest"), "only the bilinear one has Pillow's pixels, not nearest"),
        (Pad(3, padding_mode="reflect"), "DALI pads with one colour, and not in mode 'reflect'"),
        (RandomCrop(3, 1, padding_mode="edge"), "DALI pads with one colour, and not in mode 'edge'"),
    ],
    ids=repr,
)
def test_what_dali_can_not_run_is_refused_by_name(op: Op, reason: str) -> None:
    assert reason in dali_obstacle(op)
    pipeline = Pipeline([RandomHorizontalFlip(), op])
    assert dali_prefix(pipeline) == 1
    message = f"DaliExecutor: {type(op).__name__} at position 1 can't run in DALI: .*split\\(1\\)"
    with pytest.raises(SpecError, match=message):
        DaliExecutor(pipeline)


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


@given(st.integers(1, 300), st.integers(1, 300))
@settings(max_examples=60)
def test_inner_weight_is_what_pillow_leaves_of_the_filter(length: int, size: int) -> None:
    """A row of ones, black outside, resampled by Pillow's weights for the wider row: that much is inside."""
    margin = int(reach_px(np.array([length]), np.array([size]))[0])
    scale = length / size
    support = max(scale, 1.0)
    taps = np.arange(-margin, length + margin) + 0.5
    centers = (np.arange(size) + 0.5) * scale
    triangles = np.maximum(1 - np.abs(taps - centers[:, None]) / support, 0)
    inside = triangles[:, margin : margin + length].sum(axis=1) / triangles.sum(axis=1)
    np.testing.assert_allclose(inner_weight(length, size), inside, rtol=1e-5)
    assert not triangles[:, [0, -1]].any()  # the margin is wide enough
    kept = triangles[:, margin : margin + length] / triangles[:, margin : margin + length].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(kept, fixed_point_weights(length, size) / (1 << PRECISION_BITS), atol=2e-6)


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
