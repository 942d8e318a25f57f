"""Several crops of each image (`FiveCrop`, `TenCrop`) in loaders: the same batches whoever runs what follows them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.loading import Plain, arrays, equal, write_folder

from penstock.augment import (
    ColorJitter,
    Cutout,
    FiveCrop,
    Normalize,
    Pipeline,
    RandomErasing,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Resize,
    TenCrop,
    ToDtype,
    Views,
)
from penstock.formats import Folder
from penstock.loaders import DataLoader

AFTER = [RandomHorizontalFlip(), ColorJitter(0.4, 0.4, 0.4, 0.1), ToDtype("float32", scale=True)]
NOISE = [Normalize((0.5,) * 3, (0.25,) * 3), RandomErasing(0.6, value="random"), Cutout(3)]
CROPS = {
    "by the native kernels": Pipeline([Resize(15), TenCrop((7, 9)), *AFTER, *NOISE]),
    "by torch": Pipeline([Resize((14, 15)), RandomHorizontalFlip(), FiveCrop((7, 9)), RandomGrayscale(0.5), *AFTER]),
    "last": Pipeline([Resize((14, 15)), FiveCrop(8)]),
}
ENGINES: dict[str, dict[str, Any]] = {
    "native": {"num_workers": 2},
    "inline": {"engine": "python"},
    "torch's workers": {"engine": "python", "num_workers": 1, "seed": None},
    "pool": {"engine": "python", "num_workers": 1},
    "threads": {"engine": "python", "num_workers": 2, "workers": "threads"},
}

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def batches(dataset: Any, augment: Any, executor: str, **arguments: Any) -> list[Any]:
    torch.manual_seed(5)  # from which torch draws the order, and the keys, where there is no seed
    arguments = {"seed": 3, "shuffle": True, "watchdog": 0, **arguments}
    return list(DataLoader(dataset, 5, augment=augment, executor=executor, **arguments))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_torch_gives_the_crops_of_the_native_kernels(engine: str, memory_format: torch.memory_format) -> None:
    dataset, arguments = arrays(), {**ENGINES[engine], "memory_format": memory_format}
    for crops in CROPS.values():
        made = batches(dataset, crops, "torch", **arguments)
        assert equal(made, batches(dataset, crops, "native", **arguments))
        assert made[0][0].shape == (5, crops.crops, 3, *(crops.output_size or ()))
        assert made[0][0].flatten(0, 1).is_contiguous(memory_format=memory_format)


def test_images_of_several_sizes(tmp_path: Any) -> None:
    folder = Folder(write_folder(tmp_path / "images"))
    for dataset in (folder, Plain(folder)):
        for crops in CROPS.values():
            made = batches(dataset, crops, "torch", num_workers=1)
            assert equal(made, batches(dataset, crops, "native", num_workers=1))


def test_views() -> None:
    plain = Pipeline([RandomResizedCrop(9), *AFTER])
    views = Views(1, plain) + Views.of(CROPS.values()) + Views(2, CROPS["by torch"])
    made = batches(arrays(), views, "torch")
    assert equal(made, batches(arrays(), views, "native"))
    assert [view.ndim for view in made[0][0]] == [4] + [5] * 5
    assert not torch.equal(made[0][0][4], made[0][0][5])  # draws of their own


@pytest.mark.parametrize("crops", CROPS.values(), ids=[*CROPS])
def test_devices(crops: Pipeline) -> None:
    whole = batches(arrays(), crops, "native", device="cpu")
    assert equal(batches(arrays(), crops, "torch", device="cpu"), whole)
    slices = batches(arrays(), crops, "torch", devices=["cpu", "cpu"])
    for (images, labels), parts in zip(whole, slices, strict=True):
        assert torch.equal(torch.cat([part[0] for part in parts]), images)
        assert torch.equal(torch.cat([part[1] for part in parts]), labels)


def test_explain_says_who_makes_the_crops() -> None:
    def where(crops: Pipeline, **arguments: Any) -> list[str]:
        loader: DataLoader[Any] = DataLoader(arrays(), 5, augment=crops, executor="torch", **arguments)
        ops = [line for line in loader.explain().splitlines() if line.startswith("  ") and "(" in line]
        return [line.rpartition(": ")[2] for line in ops[: len(crops)]]

    assert where(CROPS["by the native kernels"]) == ["native"] * 2 + ["torch on cpu"] * 6
    assert where(CROPS["by torch"]) == ["native"] + ["torch on cpu"] * 6
    assert where(CROPS["by torch"], device="meta") == ["native"] + ["torch on meta"] * 6


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("crops", CROPS.values(), ids=[*CROPS])
def test_crops_on_a_gpu(crops: Pipeline) -> None:
    expected = batches(arrays(), crops, "native")
    for executor in ("auto", "torch"):
        for (images, labels), (others, of) in zip(
            batches(arrays(), crops, executor, device="cuda:0"), expected, strict=True
        ):
            assert images.device == torch.device("cuda:0")
            assert torch.equal(labels.cpu(), of)
            assert torch.allclose(images.cpu().float(), others.float(), atol=0.04)
