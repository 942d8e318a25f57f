"""MixUp and CutMix: the oracle against torchvision, tensors against the oracle, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.parity import tolerance
from support.torchvision_shim import transforms_v2

from penstock.augment import (
    CenterCrop,
    Choice,
    CutMix,
    MixUp,
    NativeExecutor,
    Normalize,
    Pipeline,
    RandomInvert,
    RandomResizedCrop,
    ReferenceExecutor,
    ToDtype,
)
from penstock.augment.executors.batches import batch_mixer, mixing_of
from penstock.augment.executors.mixing import mix_batch
from penstock.augment.executors.torch.mixing import TorchMixer
from penstock.errors import OptionError, SpecError

CLASSES = 5
SIZE = (6, 9)
OPS = [MixUp(CLASSES, 0.4), CutMix(CLASSES), MixUp(CLASSES, p=0.5), CutMix(CLASSES, p=0.5)]
DTYPES = ["uint8", "float16", "float32"]


def batch(count: int, dtype: str = "float32", seed: int = 0) -> tuple[NDArray[Any], NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, 3, *SIZE)).astype(np.uint8)
    floats = ((images / np.float32(255) - 0.5) / 0.25).astype(dtype)
    return images if dtype == "uint8" else floats, generator.integers(0, CLASSES, count)


def drawn(op: MixUp | CutMix, index: int = 0) -> dict[str, float]:
    return dict(Pipeline([op]).params([index], sizes=SIZE).drawn(0, 0))


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("kind", [MixUp, CutMix])
def test_batches_are_mixed_as_torchvision_does(kind: Any, one_hot: bool) -> None:
    assert tolerance("MixUp", "reference") == tolerance("CutMix", "reference") == 0
    theirs = getattr(transforms_v2(), kind.__name__)(num_classes=CLASSES)
    for index in range(10):
        op = kind(CLASSES)
        images, labels = batch(4, seed=index)
        given = np.eye(CLASSES, dtype=np.float32)[labels] if one_hot else labels
        numbers = drawn(op, index)
        tensors = torch.from_numpy(images), torch.from_numpy(given)
        x, y, w, h = (int(numbers.get(field, 0)) for field in ("x", "y", "width", "height"))
        params: dict[str, Any] = {"labels": tensors[1], "batch_size": 4, "lam": numbers["lambda"]}
        params |= {"lam_adjusted": numbers["lambda"], "box": (x, y, x + w, y + h)}
        expected = [theirs.transform(tensor, params).numpy() for tensor in tensors]
        for result, oracle in zip(mix_batch(op, images, given, numbers), expected, strict=True):
            assert result.dtype == oracle.dtype == np.float32
            assert np.array_equal(result, oracle)


@pytest.mark.parametrize("kind", [MixUp, CutMix])
def test_labels_sum_up_to_one_and_say_what_is_in_the_image(kind: Any) -> None:
    images = np.zeros((2, 3, *SIZE), np.float32)
    images[1] = 1
    for index in range(20):
        op = kind(2)
        mixed, labels = mix_batch(op, images, np.array([0, 1]), drawn(op, index))
        np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(mixed.mean(axis=(1, 2, 3)), labels[:, 1], atol=1e-6)


def test_a_batch_of_one_is_mixed_with_itself() -> None:
    for op in (MixUp(CLASSES), CutMix(CLASSES)):
        images, labels = batch(1)
        mixed, targets = mix_batch(op, images, labels, drawn(op))
        np.testing.assert_allclose(mixed, images, atol=1e-6)
        np.testing.assert_allclose(targets, np.eye(CLASSES)[labels], atol=1e-6)


def test_uint8_is_rounded_to_the_nearest() -> None:
    images = np.array([0, 3], np.uint8).reshape(2, 1, 1, 1).repeat(3, 1)
    mixed, _ = mix_batch(MixUp(2), images, np.array([0, 1]), {"apply": 1, "lambda": 0.5})
    assert mixed[:, 0, 0, 0].tolist() == [2, 2]
    mixed, _ = mix_batch(MixUp(2), images, np.array([0, 1]), {"apply": 1, "lambda": 0.9})
    assert mixed[:, 0, 0, 0].tolist() == [0, 3]


@settings(max_examples=80)
@given(
    st.sampled_from(OPS),
    st.sampled_from(DTYPES),
    st.integers(1, 5),
    st.integers(0, 2**32),
    st.booleans(),
    st.booleans(),
)
def test_tensors_equal_the_reference(
    op: MixUp | CutMix, dtype: str, count: int, index: int, channels_last: bool, one_hot: bool
) -> None:
    assert tolerance("MixUp", "torch") == tolerance("CutMix", "torch") == 0
    images, labels = batch(count, dtype, index)
    given: NDArray[Any] = np.eye(CLASSES)[labels] if one_hot else labels
    numbers = drawn(op, index)
    expected = mix_batch(op, images, given, numbers)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    tensors = torch.from_numpy(images).to(memory_format=memory_format), torch.from_numpy(given)
    before = [tensor.clone() for tensor in tensors]
    mixer = TorchMixer(op)
    mixer.check(*tensors, range(count))
    made = mixer.mix(*tensors, numbers)
    assert made[0].is_contiguous(memory_format=memory_format)
    for result, oracle in zip(made, expected, strict=True):
        assert result.numpy().dtype == oracle.dtype
        assert np.array_equal(result.numpy(), oracle)
    assert all(torch.equal(*pair) for pair in zip(tensors, before, strict=True))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "b"], "CutMix needs labels: a tensor of (2,) ints or (2, 5) numbers, one-hot or mixed, got list; give"),
        (torch.zeros(2), "got torch.float32 of shape (2,); give each sample one class number"),
        (torch.zeros(3, dtype=torch.int64), "got torch.int64 of shape (3,); give each sample one class number"),
        (torch.zeros(2, 4), "got torch.float32 of shape (2, 4); give each sample one class number"),
        (torch.tensor([4, 5]), "CutMix: labels must be from 0 to 4, got 5 of sample 71; give num_classes= as many as"),
        (
            torch.tensor([-1, 5]),
            "CutMix: labels must be from 0 to 4, got -1 of sample 70; give num_classes= as many as",
        ),
        (torch.tensor([True, False]), "got torch.bool of shape (2,); give each sample one class number"),
        (torch.zeros(2, 5, dtype=torch.complex64), "got torch.complex64 of shape (2, 5); give each sample one class"),
        (
            torch.tensor([[0.0] * 5, [0, 0, 1, float("nan"), 0]]),
            "CutMix: labels must be finite numbers, got nan of class 3 of sample 71; leave such samples out, or",
        ),
        (
            torch.tensor([[-float("inf"), 0, 0, 0, 0], [0.0] * 5]),
            "CutMix: labels must be finite numbers, got -inf of class 0 of sample 70; leave such samples out, or",
        ),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels: Any, message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)):
        batch_mixer(CutMix(CLASSES)).check(torch.zeros(2, 3, 4, 4), labels, [70, 71])


@pytest.mark.parametrize(
    ("images", "came"),
    [
        (torch.zeros(2, 3, 4), "torch.float32 of shape (2, 3, 4)"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.float64), "torch.float64 of shape (2, 3, 4, 4)"),
    ],
)
def test_images_of_another_kind_are_refused(images: torch.Tensor, came: str) -> None:
    message = f"MixUp needs images (batch, 3, height, width) of uint8, float16 or float32, got {came}"
    with pytest.raises(OptionError, match=re.escape(message)):
        batch_mixer(MixUp(CLASSES)).check(images, torch.zeros(2, dtype=torch.int64), [0, 1])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(2), "MixUp: labels must be (2,) ints or (2, 5) numbers, got float64 of shape (2,)"),
        (np.array([True, False]), "MixUp: labels must be (2,) ints or (2, 5) numbers, got bool of shape (2,)"),
        (np.array([["a"] * 5] * 2), "MixUp: labels must be (2,) ints or (2, 5) numbers, got <U1 of shape (2, 5)"),
        (
            np.array([[0.0] * 5, [0, np.nan, 0, 0, 0]]),
            "MixUp: labels must be finite numbers, got nan of class 1 at row 1 of the batch; leave such samples out",
        ),
        (np.array([0, 7]), "MixUp: labels must be from 0 to 4, got 7 at row 1 of the batch; give num_classes= as many"),
    ],
)
def test_the_reference_refuses_them_too(labels: Any, message: str) -> None:
    with pytest.raises(OptionError, match=f"^{re.escape(message)}"):
        mix_batch(MixUp(CLASSES), batch(2)[0], labels, {"apply": 1, "lambda": 0.5})


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        (
            [MixUp(3), CutMix(3)],
            "Pipeline: CutMix at position 1 is the second op that mixes batches, after MixUp at position 0; keep one "
            "of the two",
        ),
        ([MixUp(3), MixUp(3)], "Pipeline: MixUp is there twice, at positions 0 and 1; keep one of the two"),
        (
            [CutMix(3), CenterCrop(3)],
            "Pipeline: CenterCrop at position 1 comes after CutMix at position 0, which works on finished batches; "
            "move CenterCrop before CutMix",
        ),
    ],
)
def test_bad_orders_say_what_to_do(ops: list[Any], message: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$"):
        Pipeline(ops)


def test_a_choice_of_them_mixes_as_the_chosen_one() -> None:
    choice = Choice([MixUp(CLASSES), Choice([CutMix(CLASSES), MixUp(CLASSES, 8)])], [1, 2])
    pipeline = Pipeline([RandomResizedCrop(SIZE), choice])
    assert pipeline.mixes
    images, labels = batch(4)
    tensors = torch.from_numpy(images), torch.from_numpy(labels)
    table = pipeline.params(range(300), sizes=SIZE)
    kinds = []
    for row in range(300):
        op, numbers = mixing_of(choice, table.drawn(row, 1))
        kinds.append(op)
        expected = mix_batch(op, images, labels, numbers)
        made = batch_mixer(choice).mix(*tensors, table.drawn(row, 1))
        assert all(np.array_equal(*pair) for pair in zip(made, expected, strict=True))
    assert [abs(kinds.count(op) - 100) < 40 for op in set(kinds)] == [True] * 3
    assert Pipeline.from_json(pipeline.to_json()) == pipeline


def test_choices_that_mix_are_all_alike() -> None:
    with pytest.raises(SpecError, match=r"^Choice: choices must have the same num_classes, got \[3, 4\]; labels of"):
        Choice([MixUp(3), CutMix(4)])
    with pytest.raises(
        SpecError,
        match=r"^Choice: choices must be ops on uint8 images, got MixUp\(.*put MixUp behind the Choice, or make each",
    ):
        Choice([RandomInvert(), MixUp(3)])
    with pytest.raises(SpecError, match=r"^Choice: choices must be ops on uint8 images, got MixUp\("):
        Choice([MixUp(3), [CutMix(3), CutMix(3)]])
    with pytest.raises(
        SpecError, match=r"^Pipeline: Choice at position 1 is the second op that mixes batches, after MixUp"
    ):
        Pipeline([MixUp(3), Choice([MixUp(3), CutMix(3)])])
    with pytest.raises(SpecError, match=r"^Pipeline: CenterCrop at position 1 comes after Choice at position 0, which"):
        Pipeline([Choice([MixUp(3), CutMix(3)]), CenterCrop(3)])


def test_executors_of_single_images_leave_it_to_the_batch() -> None:
    tail = [ToDtype("float32"), Normalize((0, 0, 0), (1, 1, 1))]
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    for kind in (NativeExecutor, ReferenceExecutor):
        results = []
        for pipeline in (Pipeline([*tail, MixUp(3)]), Pipeline(tail)):
            results.append(kind(pipeline).run([image], pipeline.params([0], sizes=SIZE))[0])
        assert np.array_equal(*results)
    assert np.array_equal(Pipeline([*tail, MixUp(3)]).apply(image), results[0])
