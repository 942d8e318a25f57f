"""Ops that change colours: the oracle against Pillow and torchvision, the native kernels against the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from numpy.typing import NDArray
from PIL import Image
from support.parity import tolerance
from support.pipelines import images
from support.torchvision_shim import transforms_v1, transforms_v2

from penstock import _core
from penstock.augment import NativeExecutor, Op, Pipeline, RandomInvert, ReferenceExecutor, from_torchvision
from penstock.errors import SpecError

EVERY_VALUE = np.arange(256 * 3, dtype=np.uint8).reshape(16, 16, 3)


@pytest.fixture(params=_core.simd_levels())
def simd_level(request: pytest.FixtureRequest) -> Any:
    _core.set_simd_level(request.param)
    yield request.param
    _core.set_simd_level(_core.simd_levels()[-1])


def reference(op: Op, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(height, width, 3)."""
    pipeline = Pipeline([op])
    (result,) = ReferenceExecutor(pipeline).run([image], pipeline.params([0]))
    return result.transpose(1, 2, 0).astype(np.uint8)


def native(op: Op, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(height, width, 3)."""
    pipeline = Pipeline([op])
    (result,) = NativeExecutor(pipeline).run([image], pipeline.params([0]))
    return result.transpose(1, 2, 0).astype(np.uint8)


def assert_close(result: NDArray[np.uint8], expected: Any, limit: int) -> None:
    assert np.abs(result.astype(int) - np.asarray(expected)).max() <= limit


@settings(max_examples=30, deadline=None)
@given(images())
def test_invert_equals_torchvision(image: NDArray[np.uint8]) -> None:
    expected = transforms_v2().RandomInvert(1.0)(Image.fromarray(image))
    assert_close(reference(RandomInvert(1.0), image), expected, tolerance("RandomInvert", "reference"))


def test_invert_is_the_same_natively(simd_level: str) -> None:  # noqa: ARG001  (sets it)
    op = RandomInvert(1.0)
    assert_close(native(op, EVERY_VALUE), reference(op, EVERY_VALUE), tolerance("RandomInvert", "native"))


@pytest.mark.parametrize("library", [transforms_v1(), transforms_v2()], ids=["v1", "v2"])
class TestTranslator:
    def test_arguments_arrive(self, library: Any) -> None:
        transform = library.Compose([library.RandomInvert(0.25), library.PILToTensor()])
        assert from_torchvision(transform) == Pipeline([RandomInvert(0.25)])

    def test_floats_are_refused(self, library: Any) -> None:
        to_floats = [library.PILToTensor(), library.ConvertImageDtype(torch.float32)]
        with pytest.raises(
            SpecError, match=r"\(RandomInvert\) works on float32 tensors there, and Penstock's on uint8"
        ):
            from_torchvision(library.Compose([*to_floats, library.RandomInvert()]))
