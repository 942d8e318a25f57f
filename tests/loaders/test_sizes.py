"""Images of several sizes in one batch: an error that names samples, sizes and what helps, from every engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.loading import Plain, write_folder
from torch.utils.data import Subset

from penstock.augment import CenterCrop, FiveCrop, Pipeline, RandomHorizontalFlip, Resize, Views
from penstock.errors import OptionError
from penstock.formats import Folder
from penstock.loaders import Augmented, DataLoader

FLIP = Pipeline([RandomHorizontalFlip(0)])
ENGINES: dict[str, dict[str, Any]] = {
    "torch's inline": {},
    "inline": {"seed": 3},
    "torch's workers": {"num_workers": 1},
    "pool": {"num_workers": 1, "seed": 3},
    "threads": {"num_workers": 1, "workers": "threads"},
    "substitutes": {"seed": 3, "on_error": "substitute"},
}
TORCHS = "stack expects each tensor to be equal size"

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Images of (33 + k, 40 + 3 k) pixels, k from 0 to 5, in another order."""
    return Folder(write_folder(tmp_path_factory.mktemp("sizes"), 6))


def shown(folder: Any, indices: list[int]) -> str:
    return ", ".join(f"{folder[k][0].shape[:2]} for sample {k} ({folder.describe(k)})" for k in indices)


def first_error(dataset: Any, **arguments: Any) -> Exception:
    loader: DataLoader[Any] = DataLoader(dataset, **{"batch_size": 4, **arguments})
    iterator, errors = iter(loader), []
    for _ in range(len(loader)):
        try:
            next(iterator)
        except (OptionError, RuntimeError) as error:
            errors.append(error)
    with pytest.raises(StopIteration):  # workers that are left in the middle of a pass take torch 5 s to end
        next(iterator)
    return errors[0]


def error_of(dataset: Any, **arguments: Any) -> str:
    error = first_error(dataset, **arguments)
    assert type(error) is OptionError
    return str(error)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("executor", ["auto", "native"])
def test_an_augmented_batch(folder: Folder, engine: str, executor: str) -> None:
    text = error_of(folder, augment=FLIP, executor=executor, **ENGINES[engine])
    assert f"images need one size (height, width) to be stacked into a batch, got {shown(folder, [0, 1, 2])}" in text
    assert " and 1 more; the pipeline has no fixed output size: end its resizing with a crop or a (height, wi" in text
    assert "as RandomResizedCrop(224), CenterCrop(224) and Resize((224, 224)) do; or give collate_fn=, or batch" in text
    assert TORCHS in text


@pytest.mark.parametrize("engine", ENGINES)
def test_a_batch_of_decoded_images(folder: Folder, engine: str) -> None:
    text = error_of(folder, **ENGINES[engine])
    if engine == "torch's workers":  # which don't tell who collates what it has
        assert f"{folder[0][0].shape[:2]} for sample 0 of the batch, " in text
    else:
        assert shown(folder, [0, 1, 2]) in text
    assert "; give augment=Pipeline([...]) that ends its resizing with a crop or a (height, width), as Random" in text
    assert TORCHS in text


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("workers", [0, 1])
def test_views_and_layouts(folder: Folder, memory_format: torch.memory_format, workers: int) -> None:
    views = Views(2, Pipeline([CenterCrop(9)])) + Views(1, FLIP)
    text = error_of(folder, augment=views, memory_format=memory_format, num_workers=workers)
    assert (
        f"images of view 2 need one size (height, width) to be stacked into a batch, got {shown(folder, [0])}" in text
    )


def test_samples_that_python_makes_and_wrapped_datasets(folder: Folder) -> None:
    assert f"(33, 40) for sample 0 (Plain[0]), {folder[1][0].shape[:2]}" in error_of(Plain(folder), augment=FLIP)
    assert shown(folder, [0]) in error_of(Subset(Augmented(folder, FLIP), range(5)))
    text = error_of(Subset(folder, [3, 1, 2]), batch_size=2, augment=FLIP)  # as the user's dataset counts
    assert (
        f"{folder[3][0].shape[:2]} for sample 0 ({folder.describe(3)}), {folder[1][0].shape[:2]} for sample 1" in text
    )
    assert "more" not in text


@pytest.mark.parametrize("name", ["torch", "dali"])
def test_executors_refuse_it_when_the_loader_is_made_or_fall_back(folder: Folder, name: str) -> None:
    if name == "dali":
        pytest.importorskip("nvidia.dali", reason="NVIDIA DALI is not installed")
    with pytest.raises(
        OptionError, match=r"no fixed output size.* end its resizing with a crop or a \(height, width\)"
    ):
        iter(DataLoader(folder, 4, augment=FLIP, executor=name))
    assert shown(folder, [0, 1, 2]) in error_of(folder, augment=FLIP, executor=name, executor_fallback=True)


@pytest.mark.parametrize("augment", [None, FLIP])
@pytest.mark.parametrize("workers", [0, 1])
def test_what_helps_works(folder: Folder, augment: Pipeline | None, workers: int) -> None:
    single: DataLoader[Any] = DataLoader(folder, None, augment=augment, num_workers=workers)
    assert len({tuple(image.shape) for image, _ in single}) == 6
    listed: DataLoader[Any] = DataLoader(folder, 4, augment=augment, num_workers=workers, collate_fn=list)
    assert [len(batch) for batch in listed] == [4, 2]
    for sized in (Resize((8, 9)), CenterCrop(9), FiveCrop(9)):
        loader: DataLoader[Any] = DataLoader(
            folder, 4, augment=Pipeline([*(augment or ()), sized]), num_workers=workers
        )
        assert [len(images) for images, _ in loader] == [4, 2]


def failing(samples: list[Any]) -> Any:
    raise RuntimeError(f"{TORCHS}, said by {type(samples).__name__} of {len(samples)}")


@pytest.mark.parametrize("engine", ENGINES)
def test_errors_of_a_collate_fn_are_its_own(folder: Folder, engine: str) -> None:
    for augment in (None, FLIP):
        error = first_error(folder, augment=augment, collate_fn=failing, **ENGINES[engine])
        assert type(error) is RuntimeError
        assert f"{TORCHS}, said by list of 4" in str(error)


class Growing(torch.utils.data.Dataset[Any]):
    """A user's dataset of tensors of several sizes."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return torch.zeros(3, 2 + index, 2), index


class Odd(Plain):
    """Labels of several sizes."""

    def __getitem__(self, index: int) -> Any:
        return self.inner[index][0], np.zeros(index)


@pytest.mark.parametrize("engine", ENGINES)
def test_all_else_is_torchs(folder: Folder, engine: str) -> None:
    fixed = Pipeline([CenterCrop(9)])
    for dataset, augment in ((Growing(), None), (Odd(folder), fixed), (Plain(folder), None)):
        error = first_error(dataset, augment=augment, **ENGINES[engine])
        assert type(error) is RuntimeError
        assert TORCHS in str(error)
