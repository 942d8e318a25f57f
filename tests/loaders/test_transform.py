"""`Transform`: a pipeline where torchvision's transforms go, in torch's loaders and in ours."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data
from PIL import Image
from support.loading import equal, write_folder
from support.torchvision_shim import torchvision_module

from penstock.augment import (
    CenterCrop,
    Lambda,
    MixUp,
    Normalize,
    Op,
    Pipeline,
    RandomHorizontalFlip,
    RandomResizedCrop,
    ToDtype,
    Views,
)
from penstock.errors import OptionError, SpecError
from penstock.formats import Folder
from penstock.loaders import DataLoader, Transform

CENTRAL = Pipeline([CenterCrop(12), ToDtype("float32", scale=True), Normalize((0.5,) * 3, (0.25,) * 3)])
RANDOM = Pipeline([RandomResizedCrop((7, 9)), RandomHorizontalFlip()])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("images"), 10)


def folder(root: Path, pipeline: Any) -> Any:
    return torchvision_module("datasets").ImageFolder(str(root), transform=Transform(pipeline))


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


@pytest.mark.parametrize("convert", [Image.fromarray, np.copy, lambda image: torch.from_numpy(image).permute(2, 0, 1)])
def test_it_takes_what_datasets_give(convert: Any) -> None:
    made = Transform(CENTRAL)(convert(picture()))
    assert isinstance(made, torch.Tensor)
    assert np.array_equal(made.numpy(), CENTRAL.apply(picture()))


def test_grey_becomes_rgb() -> None:
    grey = picture()[:, :, 0]
    expected = CENTRAL.apply(np.repeat(grey[:, :, None], 3, axis=2))
    assert np.array_equal(Transform(CENTRAL)(Image.fromarray(grey)), expected)


def test_random_numbers_come_from_torchs_generator() -> None:
    transform = Transform(RANDOM)
    torch.manual_seed(3)
    first = [transform(picture()) for _ in range(4)]
    assert len({image.numpy().tobytes() for image in first}) == 4
    torch.manual_seed(3)
    assert equal([transform(picture()) for _ in range(4)], first)


def test_views_are_a_list() -> None:
    views = Transform(Views(2, RANDOM))(picture())
    assert [tuple(view.shape) for view in views] == [(3, 7, 9)] * 2
    assert not torch.equal(*views)


def test_copies_are_equal() -> None:
    transform = Transform(RANDOM)
    for again in (pickle.loads(pickle.dumps(transform)), copy.deepcopy(transform)):
        assert again == transform
        assert hash(again) == hash(transform)
    assert transform != Transform(CENTRAL)
    assert repr(transform) == f"Transform(pipeline={RANDOM!r})"


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_torchs_loader_with_workers(root: Path, context: str) -> None:
    def loader(pipeline: Pipeline, workers: int = 1) -> torch.utils.data.DataLoader[Any]:
        own = {"num_workers": 1, "multiprocessing_context": context} if workers else {}
        return torch.utils.data.DataLoader(Folder(root, transform=Transform(pipeline)), 4, **own)

    assert equal(list(loader(CENTRAL)), list(loader(CENTRAL, 0)))
    if context == "spawn":  # which takes seconds for each pass
        return
    drawn = loader(RANDOM)
    torch.manual_seed(7)
    first = list(drawn)
    torch.manual_seed(7)
    assert equal(list(drawn), first)
    assert not equal(list(drawn), first)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize(
    ("kind", "options"), [(torch.utils.data.DataLoader, {}), (DataLoader, {}), (DataLoader, {"seed": 3})]
)
def test_functions_that_can_not_be_sent_are_named_with_a_fix(
    root: Path, method: str, kind: Any, options: dict[str, Any]
) -> None:
    inside = Lambda(lambda pixels: pixels)
    dataset = Folder(root, transform=Transform(Pipeline([inside, *CENTRAL])))
    loader = kind(dataset, 4, num_workers=1, multiprocessing_context=method, **options)
    message = (
        f"^{re.escape(repr(inside))} can't be sent to processes that are started by '{method}': .*; define its "
        "function with def at the top level of a module, or start them by 'fork'$"
    )
    with pytest.raises(SpecError, match=message):
        iter(loader)


def test_outside_of_spawning_pickle_says_itself_what_it_can_not_do() -> None:
    """Other picklers, as cloudpickle, can send such functions."""
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(Transform(Pipeline([Lambda(lambda pixels: pixels)])))


@pytest.mark.parametrize("pipeline", [CENTRAL, RANDOM, Views(2, RANDOM) + Views(1, CENTRAL)])
def test_our_loader_runs_it_natively(root: Path, pipeline: Any) -> None:
    loader: DataLoader[Any] = DataLoader(folder(root, pipeline), 4, shuffle=True, seed=3, num_workers=2)
    text = loader.explain()
    assert text.startswith("engine: native")
    assert "  recognised: ImageFolder and Transform run as " in text
    assert equal(list(loader), list(DataLoader(Folder(root), 4, shuffle=True, seed=3, augment=pipeline)))


def test_our_own_folders_know_it_too(root: Path) -> None:
    loader: DataLoader[Any] = DataLoader(Folder(root, transform=Transform(CENTRAL)), 4)
    assert "recognised: Folder and Transform run as Pipeline([CenterCrop(size=(12, 12)), ToDtype(" in loader.explain()
    assert equal(list(loader), list(DataLoader(Folder(root), 4, augment=CENTRAL)))


def test_functions_keep_it_in_python(root: Path) -> None:
    pipeline = Pipeline([CenterCrop(12), Lambda(np.ascontiguousarray)])
    loader: DataLoader[Any] = DataLoader(folder(root, pipeline), 4)
    assert "not native: Lambda(function='numpy:ascontiguousarray') at position 1 is a Python" in loader.explain()
    assert equal(list(loader), list(torch.utils.data.DataLoader(folder(root, pipeline), 4)))


class Changed(Transform):
    """May do anything."""


def test_a_class_of_ones_own_stays_python(root: Path) -> None:
    dataset = torchvision_module("datasets").ImageFolder(str(root), transform=Changed(CENTRAL))
    assert not DataLoader(dataset, 4).explain().startswith("engine: native")


@pytest.mark.parametrize(
    "image", [picture().astype(np.float32), torch.zeros(3, 4, 5), "name", np.zeros((2, 2, 4), "u1")]
)
def test_other_things_are_no_images(image: Any) -> None:
    with pytest.raises(OptionError, match=r"^Transform takes PIL images, \(height, width, 3\) uint8 arrays or .* got "):
        Transform(CENTRAL)(image)


def test_what_is_no_pipeline_is_refused() -> None:
    ops: Any = [CenterCrop(3)]
    with pytest.raises(OptionError, match=r"a penstock.augment.Pipeline or Views, got list; wrap ops in Pipeline"):
        Transform(ops)
    mixing: list[Op] = [CenterCrop(3), MixUp(num_classes=4)]
    with pytest.raises(OptionError, match=r"^Transform is called on single images, and MixUp\(.*\) mixes batches"):
        Transform(Pipeline(mixing))
