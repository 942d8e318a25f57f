"""The torch executor against the oracle: equal in every bit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from support.closeness import assert_close, conversion, moves
from support.elsewhere import DEVICE, elsewhere
from support.parity import tolerance
from support.pipelines import colours, images, pipelines
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from penstock.augment import (
    Apply,
    AutoAugment,
    CenterCrop,
    Choice,
    ColorJitter,
    CutMix,
    Cutout,
    Executor,
    FiveCrop,
    GaussianBlur,
    Grayscale,
    MixUp,
    NativeExecutor,
    Normalize,
    Op,
    Pad,
    ParamTable,
    PCALighting,
    Pipeline,
    RandAugment,
    RandomAdjustSharpness,
    RandomAffine,
    RandomAutocontrast,
    RandomCrop,
    RandomEqualize,
    RandomErasing,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomHSL,
    RandomInvert,
    RandomPerspective,
    RandomPosterize,
    RandomResizedCrop,
    RandomRotation,
    RandomSolarize,
    RandomVerticalFlip,
    ReferenceExecutor,
    Resize,
    TenCrop,
    ToDtype,
    TorchExecutor,
    TrivialAugmentWide,
    imagenet_train,
)
from penstock.augment.ops import OPS as EVERY
from penstock.augment.ops.arguments import INTERPOLATIONS
from penstock.augment.ops.base import Lowered, Stage, every_op
from penstock.augment.ops.policy import PolicyOp
from penstock.errors import OptionError, SpecError

Picture = NDArray[np.uint8]
PHOTOGRAPHS: list[Picture] = load_sample_images().images
PICTURES = [
    PHOTOGRAPHS[0][100:190, 200:320],
    PHOTOGRAPHS[1][:57, :101],
    np.repeat(PHOTOGRAPHS[0][50:81, 300:317, 1:2], 3, axis=2),
    np.full((2, 11, 3), 77, np.uint8),
    np.full((1, 1, 3), 255, np.uint8),
]
"""Of several sizes: photographs, one of them grey, and images of one colour."""

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")),
]

OPS: list[Op] = [
    *(GaussianBlur(kernel, (0.1, 4.0)) for kernel in (1, 3, (23, 5))),
    *(RandomResizedCrop(size) for size in (1, (33, 60), (200, 90))),
    *(Resize(size) for size in (1, 50, 200, (33, 60), (200, 90), (300, 7))),
    Resize(60, max_size=61),
    *(Resize((70, 50), filter) for filter in INTERPOLATIONS),
    *(RandomResizedCrop((30, 90), interpolation=filter) for filter in INTERPOLATIONS),
    CenterCrop((60, 170)),
    Pad((3, 50, 8, 0), (1, 20, 255), "constant"),
    *(Pad((3, 50, 8, 0), padding_mode=mode) for mode in ("edge", "reflect", "symmetric")),
    RandomCrop((40, 70), 3, True, (9, 8, 7)),
    *(RandomCrop((40, 70), (1, 50, 0, 3), True, padding_mode=mode) for mode in ("edge", "reflect", "symmetric")),
    RandomHorizontalFlip(),
    RandomVerticalFlip(),
    Grayscale(),
    RandomGrayscale(0.6),
    RandomInvert(),
    *(RandomSolarize(threshold, 0.7) for threshold in (-3, 0, 99.5, 128, 254.999, 255, 256, 1e9)),
    *(RandomPosterize(bits, 0.7) for bits in range(1, 9)),
    RandomAutocontrast(0.7),
    RandomEqualize(0.7),
    *(RandomAdjustSharpness(factor, 0.7) for factor in (0, 0.3, 1, 6.5)),
    ColorJitter(brightness=(0, 3)),
    ColorJitter(contrast=(0, 3)),
    ColorJitter(saturation=(0, 3)),
    ColorJitter(hue=0.5),
    ColorJitter(0.4, 0.4, 0.4, 0.2),
    RandomHSL(30, 40, 50),
    PCALighting(0.7),
    *(RandomRotation(170, mode, fill=(1, 2, 3)) for mode in ("nearest", "bilinear", "bicubic")),
    *(
        RandomAffine(90, (0.3, 0.2), (0.3, 3), (-40, 40, -30, 30), mode, (7, 8, 9), aspect=(0.5, 2))
        for mode in ("nearest", "bilinear", "bicubic")
    ),
    RandomAffine(0, (0.3, 0.2), (0.3, 3)),
    RandomAffine(20, scale=(1e-4, 1e-4)),
    RandomAffine(20, scale=(1e-8, 1e-3), interpolation="bilinear"),
    *(RandomPerspective(0.8, 0.7, mode, (7, 8, 9)) for mode in ("nearest", "bilinear", "bicubic")),
    Apply([RandomInvert(), ColorJitter(0.4), RandomCrop(9, 3, True)], 0.6),
    *(RandAugment(3, interpolation=mode, fill=(4, 5, 6)) for mode in ("nearest", "bilinear", "bicubic")),
    TrivialAugmentWide(),
    *(AutoAugment(policy) for policy in ("imagenet", "cifar10", "svhn")),
    RandomErasing(0.7, value=(0, 100, 255)),
    Cutout(20, 3, (255, 0, 7)),
    MixUp(10),
    CutMix(10),
    Choice([Grayscale(), [], [RandomHorizontalFlip(), ColorJitter(hue=0.3)], RandomInvert(1)]),
    Choice([Resize((10, 60)), [Choice([RandomResizedCrop(20), RandomSolarize(99)])], CenterCrop((70, 5))]),
]
"""One op at a time, to be equal in every bit."""


def drawn(pipeline: Pipeline, pictures: list[Picture], seed: int = 0) -> ParamTable:
    return pipeline.params(range(len(pictures)), seed=seed, sizes=[picture.shape[:2] for picture in pictures])


def assert_parity(pipeline: Pipeline, pictures: list[Picture], limit: int, seed: int = 0, device: str = "cpu") -> None:
    """`limit`: grey levels. Converting, after the ops on levels, is exact."""
    moving = moves(pipeline)
    results = TorchExecutor(pipeline, device).run(pictures, drawn(pipeline, pictures, seed))
    pixels = TorchExecutor(moving, device).run(pictures, drawn(moving, pictures, seed))
    expected = ReferenceExecutor(moving).run(pictures, drawn(moving, pictures, seed))
    for result, moved, reference in zip(results, pixels, expected, strict=True):
        assert result.dtype == pipeline.dtype
        assert_close(result, moved, conversion(pipeline), 0)
        assert_close(moved, reference, [], limit)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("op", OPS, ids=repr)
def test_op_equals_the_reference_in_every_bit(op: Op, device: str) -> None:
    assert tolerance(type(op).__name__, "torch") == 0
    for seed in range(2):
        assert_parity(Pipeline([op]), PICTURES, 0, seed, device)


@settings(max_examples=100)
@given(pipelines(), st.lists(images(), min_size=1, max_size=4), st.integers(0, 2**32))
def test_any_pipeline_equals_the_reference(pipeline: Pipeline, pictures: list[Picture], seed: int) -> None:
    assert_parity(pipeline, pictures, tolerance("any pipeline", "torch"), seed)


@settings(max_examples=60)
@given(st.lists(colours(), min_size=1, max_size=3), st.lists(images(), min_size=1, max_size=4), st.integers(0, 2**32))
def test_any_colours_equal_the_reference(ops: list[Op], pictures: list[Picture], seed: int) -> None:
    assert_parity(Pipeline(ops), pictures, tolerance("any pipeline", "torch"), seed)


@pytest.mark.parametrize("device", DEVICES)
def test_photographs_equal_the_reference(device: str) -> None:
    assert_parity(imagenet_train(), PHOTOGRAPHS * 12, tolerance("any pipeline", "torch"), 5, device)


@pytest.mark.parametrize("device", DEVICES)
def test_own_photographs_equal_the_reference(photographs: list[Path], device: str) -> None:
    chosen = [np.array(Image.open(path).convert("RGB")) for path in photographs[:: max(len(photographs) // 24, 1)]]
    for head in ([RandomResizedCrop(224), RandomHorizontalFlip()], [Resize(256), CenterCrop(224)]):
        assert_parity(Pipeline(head), chosen, tolerance("any pipeline", "torch"), device=device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("normalized", [False, True])
def test_every_level_converts_as_in_the_reference(dtype: str, scale: bool, normalized: bool, device: str) -> None:
    every_level = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 256, 3)
    tail = [Normalize((0.123, 117, -3.5), (0.0625, 58.1, 3e5))] if normalized and dtype != "uint8" else []
    pipeline = Pipeline([ToDtype(dtype, scale=scale), *tail])
    table = pipeline.params([0])
    (result,), (expected,) = (
        kind.run([every_level], table) for kind in (TorchExecutor(pipeline, device), ReferenceExecutor(pipeline))
    )
    np.testing.assert_array_equal(result, expected, strict=True)


def fixed(op: Op) -> list[Op]:
    """The op, and where its results differ in size, one that makes them equal."""
    return [op, CenterCrop(30)] if op.branches else [op]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("value", ["random", (0.1, -3.7, 1e-3)])
def test_floats_are_erased_as_in_the_reference(dtype: str, value: Any, device: str) -> None:
    pipeline = Pipeline([ToDtype(dtype, scale=True), RandomErasing(0.8, value=value), Cutout(9, 2, -0.3)])
    table = drawn(pipeline, PICTURES * 2, 7)
    for result, expected in zip(
        TorchExecutor(pipeline, device).run(PICTURES * 2, table),
        ReferenceExecutor(pipeline).run(PICTURES * 2, table),
        strict=True,
    ):
        np.testing.assert_array_equal(result, expected, strict=True)


@pytest.mark.parametrize("device", DEVICES)
def test_every_change_of_policies_equals_the_reference(device: str) -> None:
    pipeline, pictures = Pipeline([TrivialAugmentWide(interpolation="bilinear", fill=9)]), [PICTURES[1]] * 120
    table = drawn(pipeline, pictures, 3)
    assert set(table["0.op_0"]) == set(PolicyOp) - {PolicyOp.INVERT}
    for result, expected in zip(
        TorchExecutor(pipeline, device).run(pictures, table),
        ReferenceExecutor(pipeline).run(pictures, table),
        strict=True,
    ):
        np.testing.assert_array_equal(result, expected)


CROPS = [
    [FiveCrop((20, 31)), RandomHorizontalFlip(), ColorJitter(0.4, hue=0.2)],
    [RandomVerticalFlip(), TenCrop(19), ToDtype("float16", scale=True), RandomErasing(0.6, value="random")],
    [TenCrop((19, 20), vertical_flip=True), Resize(10), RandomResizedCrop((7, 9))],
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("ops", CROPS, ids=["five", "ten", "ten, top to bottom"])
def test_several_crops_equal_the_reference(ops: list[Op], device: str) -> None:
    pipeline = Pipeline(ops)
    pictures = [picture for picture in PICTURES if min(picture.shape[:2]) > 30]
    pictures += [picture[1:, 2:] for picture in pictures]
    table = drawn(pipeline, pictures, 7)
    executor = TorchExecutor(pipeline, device)
    expected = ReferenceExecutor(pipeline).run(pictures, table)
    for result, reference in zip(executor.run(pictures, table), expected, strict=True):
        np.testing.assert_array_equal(result, reference, strict=True)
    batch = batch_of(4).to(device)
    single = list(batch.permute(0, 2, 3, 1).cpu().numpy())
    table = drawn(pipeline, single, 5)
    together = executor.run_batch(batch, table)
    np.testing.assert_array_equal(together.cpu(), np.stack(ReferenceExecutor(pipeline).run(single, table)), strict=True)


def batch_of(count: int, height: int = 40, width: int = 50) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("ops", [fixed(op) for op in OPS] + [list(imagenet_train(32)), []], ids=repr)
def test_a_batch_on_the_device_gives_what_single_images_give(ops: list[Op], device: str) -> None:
    pipeline = Pipeline(ops)
    pictures = list(batch_of(6).permute(0, 2, 3, 1).numpy())
    table = drawn(pipeline, pictures, seed=4)
    executor = TorchExecutor(pipeline, device)
    expected = torch.from_numpy(np.stack(executor.run(pictures, table)))
    for memory_format in (torch.contiguous_format, torch.channels_last):
        batch = batch_of(6).to(device).contiguous(memory_format=memory_format)
        result = executor.run_batch(batch, table)
        assert result.device == batch.device
        assert result.dtype == expected.dtype
        assert result.is_contiguous(memory_format=memory_format)
        assert result.untyped_storage().data_ptr() != batch.untyped_storage().data_ptr()
        assert torch.equal(result.cpu(), expected)
        assert torch.equal(batch.cpu(), batch_of(6))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_crop_that_lies_together_in_memory_is_copied_too(memory_format: torch.memory_format) -> None:
    pipeline, batch = Pipeline([CenterCrop((20, 50))]), batch_of(1).contiguous(memory_format=memory_format)
    result = TorchExecutor(pipeline).run_batch(batch, pipeline.params([0], sizes=(40, 50)))
    assert result.untyped_storage().data_ptr() != batch.untyped_storage().data_ptr()


@pytest.mark.parametrize("op", [*OPS, imagenet_train(8), Pipeline([TenCrop(8)])], ids=repr)
def test_it_asks_the_device_for_nothing(op: Op | Pipeline) -> None:
    pipeline = Pipeline(fixed(op) if isinstance(op, Op) else op)
    table = pipeline.params(range(6), sizes=(40, 50))
    with elsewhere():
        result = TorchExecutor(pipeline).run_batch(torch.empty((6, 3, 40, 50), dtype=torch.uint8, device=DEVICE), table)
    expected = TorchExecutor(pipeline).run_batch(batch_of(6), table)
    assert (result.device, result.dtype, result.shape) == (DEVICE, expected.dtype, expected.shape)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("op", [*OPS, imagenet_train(8), Pipeline([TenCrop(8)])], ids=repr)
def test_it_does_not_wait_for_a_gpu(op: Op | Pipeline) -> None:
    pipeline = Pipeline(fixed(op) if isinstance(op, Op) else op)
    table = pipeline.params(range(6), sizes=(40, 50))
    batch = batch_of(6).cuda()
    executor = TorchExecutor(pipeline, "cuda")
    executor.run_batch(batch, table)
    torch.cuda.set_sync_debug_mode("error")
    try:
        executor.run_batch(batch, table)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("device", DEVICES)
def test_autocast_and_default_dtypes_change_nothing(device: str) -> None:
    pipeline = Pipeline(
        [RandomResizedCrop(32), ColorJitter(0.4, 0.4, 0.4, 0.1), GaussianBlur(5), *imagenet_train()[2:]]
    )
    table = pipeline.params(range(6), sizes=(40, 50))
    executor = TorchExecutor(pipeline, device)
    batch = batch_of(6).to(device)
    plain = executor.run_batch(batch, table)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.autocast(device, torch.bfloat16):
            assert torch.equal(executor.run_batch(batch, table), plain)
    finally:
        torch.set_default_dtype(torch.float32)


def test_it_is_an_executor() -> None:
    pipeline = Pipeline([CenterCrop(8)])
    executor = TorchExecutor(pipeline)
    assert isinstance(executor, Executor)
    assert executor.pipeline is pipeline
    assert executor.device == torch.device("cpu")
    assert executor.run([], pipeline.params([])) == []


def test_results_own_their_memory() -> None:
    picture = PHOTOGRAPHS[0].copy()
    first, second = TorchExecutor(Pipeline()).run([picture, picture], Pipeline().params([0, 1]))
    first[:] = 0
    np.testing.assert_array_equal(second, PHOTOGRAPHS[0].transpose(2, 0, 1))
    np.testing.assert_array_equal(picture, PHOTOGRAPHS[0])


def test_images_of_very_different_sizes_are_packed_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.augment.executors.torch.executor.PACKED_PIXELS", 3000)
    pictures = [*PICTURES, *(picture[::2] for picture in PICTURES)]
    assert_parity(Pipeline([RandomHorizontalFlip(), CenterCrop(20)]), pictures, 0)


@dataclass(frozen=True, slots=True)
class Sepia(Op):
    """An op that nobody has written for tensors."""

    stage = Stage.COLOUR

    def lower(self) -> Lowered:
        return "grayscale", ()


def test_every_op_but_python_code_is_tried_here() -> None:
    tried = {type(op) for op in every_op([*OPS, *imagenet_train(), *(op for ops in CROPS for op in ops)])}
    assert set(EVERY) - {kind.__name__ for kind in tried} == {"Lambda"}


def test_an_op_that_it_cannot_run_is_refused_by_name() -> None:
    message = "TorchExecutor can't run Sepia, which has no kernel for tensors; leave Sepia out, or take the native exec"
    with pytest.raises(SpecError, match=message):
        TorchExecutor(Pipeline([CenterCrop(8), Apply([Choice([Sepia()])])]))


@pytest.mark.parametrize(
    ("batch", "told"),
    [
        (batch_of(2).float(), r"\(2, 3, 40, 50\) torch.float32"),
        (batch_of(2)[0], r"\(3, 40, 50\) torch.uint8"),
        (batch_of(2).permute(0, 2, 3, 1), r"\(2, 40, 50, 3\) torch.uint8"),
        (batch_of(0), r"\(0, 3, 40, 50\) torch.uint8"),
        (batch_of(2).numpy(), r"ndarray; decoded images of several sizes go to run\(\)"),
    ],
)
def test_what_is_no_batch_is_refused(batch: Any, told: str) -> None:
    pipeline = Pipeline([Grayscale()])
    with pytest.raises(OptionError, match=rf"batch must be a \(B, 3, H, W\) uint8 tensor .*, got {told}"):
        TorchExecutor(pipeline).run_batch(batch, pipeline.params([0, 1]))


def test_params_of_another_pipeline_or_number_are_refused() -> None:
    executor = TorchExecutor(Pipeline([RandomInvert()]))
    with pytest.raises(OptionError, match=r"params must have the columns \('0.apply',\), got \(\)"):
        executor.run_batch(batch_of(2), Pipeline().params([0, 1]))
    with pytest.raises(OptionError, match="params must have one row for each of the 2 images, got 3"):
        executor.run_batch(batch_of(2), executor.pipeline.params([0, 1, 2]))


def test_what_is_no_pipeline_device_or_table_is_refused() -> None:
    pipeline: Any = [Grayscale()]
    with pytest.raises(OptionError, match=r"needs a penstock\.augment\.Pipeline, got list; wrap ops in Pipeline"):
        TorchExecutor(pipeline)
    with pytest.raises(OptionError, match=r"device='nowhere' is no device that torch knows \(.*; write 'cpu' or"):
        TorchExecutor(Pipeline([Grayscale()]), "nowhere")
    params: Any = None
    with pytest.raises(OptionError, match="params must be a ParamTable, got NoneType; draw them"):
        TorchExecutor(Pipeline([Grayscale()])).run_batch(batch_of(1), params)


def test_a_device_without_float64_is_refused() -> None:
    pipeline = Pipeline([Grayscale()])
    told = r"TorchExecutor needs float64, which torch's device 'mps(:0)?' does not have: .*; augment on 'cpu', and move"
    with pytest.raises(OptionError, match=told):
        TorchExecutor(pipeline, "mps")
    with FakeTensorMode():
        batch = torch.empty((1, 3, 4, 5), dtype=torch.uint8, device="mps")
        with pytest.raises(OptionError, match=told):
            TorchExecutor(pipeline).run_batch(batch, pipeline.params([0]))


class Failing(TorchDispatchMode):
    """Inverting fails with this error."""

    def __init__(self, error: RuntimeError) -> None:
        super().__init__()
        self.error = error

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.bitwise_not.default:
            raise self.error
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB.\nGPU 0 has"),
            r"CUDA out of memory\. Tried to allocate 3\.00 GiB\.; ",
        ),
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:127] err == 0. can't allocate: you tried to allocate 9 bytes."
            ),
            r"err == 0\. can't allocate: you tried to allocate 9 bytes\.; ",
        ),
    ],
)
def test_an_op_that_finds_no_memory_is_named(error: RuntimeError, told: str) -> None:
    pipeline = Pipeline([Grayscale(), Apply([RandomInvert(1)], p=1)])
    params = pipeline.params([0, 1], sizes=(40, 50))
    told = rf"^there is no memory on cpu for RandomInvert of 2 images of up to 40x50: {told}take smaller batches"
    with Failing(error), pytest.raises(type(error), match=told):
        TorchExecutor(pipeline).run_batch(batch_of(2), params)


def test_other_errors_of_torch_stay_as_they_are() -> None:
    pipeline = Pipeline([RandomInvert(1)])
    with Failing(RuntimeError("the device is gone")), pytest.raises(RuntimeError, match=r"^the device is gone$"):
        TorchExecutor(pipeline).run_batch(batch_of(1), pipeline.params([0]))


def test_results_of_several_sizes_are_no_batch() -> None:
    pipeline = Pipeline([Choice([CenterCrop(8), Resize((9, 7))])])
    with pytest.raises(OptionError, match=r"to be one tensor, got .* from \(8, 7\) to \(9, 8\); let it end"):
        TorchExecutor(pipeline).run_batch(batch_of(9), pipeline.params(range(9), sizes=(40, 50)))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("ops", [[RandomRotation(40), Resize((9, 12))], [Resize((30, 40)), TenCrop(7), Grayscale()]])
def test_images_of_several_sizes_on_the_device_become_a_batch(
    ops: list[Op], device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = TorchExecutor(Pipeline(ops), device)
    table = drawn(executor.pipeline, PICTURES, 8)
    expected = np.stack(executor.run(PICTURES, table))
    for most in (1 << 25, 3000):
        monkeypatch.setattr("penstock.augment.executors.torch.executor.PACKED_PIXELS", most)
        images = [torch.tensor(picture, device=device).permute(2, 0, 1) for picture in PICTURES]
        batch = executor.run_images(images, table)
        assert batch.device.type == torch.device(device).type
        np.testing.assert_array_equal(batch.cpu().numpy(), expected)


def test_it_agrees_with_the_native_kernels() -> None:
    pipeline = Pipeline([RandomHorizontalFlip(), ColorJitter(0.4, 0.4, 0.4, 0.1), RandomEqualize(), Grayscale()])
    table = drawn(pipeline, PICTURES, 8)
    for ours, native in zip(
        TorchExecutor(pipeline).run(PICTURES, table), NativeExecutor(pipeline).run(PICTURES, table), strict=True
    ):
        np.testing.assert_array_equal(ours, native)
