"""What Penstock is measured against does the work that it should."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.images import image_folder, pixels
from support.torchvision_shim import transforms_v1

from penstock.formats import Folder
from penstock.loaders.torch_baseline import PillowTransform, torch_loader, torchvision_transform

STATS = ((0.5, 0.4, 0.3), (0.2, 0.25, 0.5))


def image(width: int = 60, height: int = 40) -> Image.Image:
    return Image.fromarray(pixels(1, width, height))


@pytest.mark.parametrize(("width", "height"), [(60, 40), (3, 90), (90, 3), (1, 1)])
def test_crops_have_the_size_that_was_asked_for(width: int, height: int) -> None:
    random.seed(3)
    for _ in range(20):
        result = PillowTransform(24)(image(width, height))
        assert (result.shape, result.dtype) == ((3, 24, 24), torch.uint8)
        assert result.is_contiguous()


def test_an_image_of_one_colour_stays_one() -> None:
    result = PillowTransform(16)(Image.new("RGB", (50, 70), (10, 20, 30)))
    assert torch.equal(result, torch.tensor([10, 20, 30], dtype=torch.uint8).view(3, 1, 1).expand(3, 16, 16))


def test_half_of_the_images_are_mirrored_and_crops_differ() -> None:
    ramp = Image.fromarray(np.broadcast_to(np.arange(100, dtype=np.uint8)[None, :, None], (80, 100, 3)).copy())
    random.seed(0)
    rising = [bool(result[0, 0, -1] > result[0, 0, 0]) for result in (PillowTransform(8)(ramp) for _ in range(400))]
    assert 150 < sum(rising) < 250


def test_floats_are_the_normalised_bytes() -> None:
    random.seed(5)
    whole = PillowTransform(16)(image())
    random.seed(5)
    normalised = PillowTransform(16, STATS)(image())
    mean, std = (torch.tensor(part).view(3, 1, 1) for part in STATS)
    assert normalised.dtype == torch.float32
    torch.testing.assert_close(normalised, (whole.float() / 255 - mean) / std)


def test_crops_are_distributed_as_torchvisions() -> None:
    """Of a ramp, a crop's mean says where it was, and its spread how wide it was."""
    transforms = transforms_v1()
    ramp = Image.fromarray(np.broadcast_to(np.arange(200, dtype=np.uint8)[None, :, None], (120, 200, 3)).copy())
    random.seed(11)
    torch.manual_seed(11)
    ours = [PillowTransform(8)(ramp)[0].float() for _ in range(1500)]
    theirs_of = transforms.Compose([transforms.RandomResizedCrop(8), transforms.PILToTensor()])
    theirs = [theirs_of(ramp)[0].float() for _ in range(1500)]
    for measure in (torch.Tensor.mean, lambda crop: crop.max() - crop.min()):
        a, b = (np.array([float(measure(crop)) for crop in crops]) for crops in (ours, theirs))
        assert abs(a.mean() - b.mean()) < 5 * np.hypot(a.std(), b.std()) / np.sqrt(1500)
        assert 0.85 < a.std() / b.std() < 1.18


@pytest.mark.parametrize(("normalization", "dtype"), [(None, torch.uint8), (STATS, torch.float32)])
def test_torchvision_does_the_same_where_it_can_be_loaded(normalization: object, dtype: torch.dtype) -> None:
    transforms_v1()
    transform = torchvision_transform(16, normalization)  # type: ignore[arg-type]
    assert transform is not None
    result = transform(image())
    assert (result.shape, result.dtype) == ((3, 16, 16), dtype)


def test_the_loader_is_torchs_and_goes_on_past_the_images(tmp_path: Path) -> None:
    dataset = Folder(image_folder(tmp_path / "in", {"a": 3, "b": 2}))
    loader = torch_loader(dataset, np.array([0, 3, 4]), PillowTransform(8), batch_size=4, num_workers=0, num_samples=10)
    assert type(loader) is torch.utils.data.DataLoader
    batches = list(loader)
    assert [tuple(images.shape) for images, _ in batches] == [(4, 3, 8, 8)] * 2
    first = torch.cat([labels for _, labels in batches])[:6]
    assert sorted(first[:3].tolist()) == sorted(first[3:].tolist()) == [0, 1, 1]
