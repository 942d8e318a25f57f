"""torchvision's datasets and transforms run natively without a change: same batches, and a reason where they don't."""

from __future__ import annotations

import copy
import gc
import re
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike
from PIL import Image, ImageFile
from support.loading import arrays, collate, equal, write_folder
from support.torchvision_shim import torchvision_module, transforms_v1, transforms_v2
from torch.utils.data import ConcatDataset, Dataset, Subset

from penstock.augment import CenterCrop, Pipeline, RandomResizedCrop
from penstock.errors import RecordError
from penstock.formats import Arrays, Concat, Folder
from penstock.formats import Subset as PenstockSubset
from penstock.loaders import DataLoader
from penstock.loaders.sources.records import record_source
from penstock.record import FileSamples, RecordSource

T = transforms_v1()
V2 = transforms_v2()
DATASETS = torchvision_module("datasets")
STD = (0.229, 0.224, 0.225)
NORMALIZE = T.Normalize((0.485, 0.456, 0.406), STD)
EXACT = T.Compose([T.CenterCrop(12), T.ToTensor(), NORMALIZE])
VALIDATION = T.Compose([T.Resize(16), T.CenterCrop(12), T.ToTensor(), NORMALIZE])
TRAINING = V2.Compose(
    [V2.RandomResizedCrop(12), V2.RandomHorizontalFlip(), V2.ToImage(), V2.ToDtype(torch.float32, scale=True)]
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("images"), 14)


def folder(root: Path, transform: Any = EXACT, **arguments: Any) -> Any:
    return DATASETS.ImageFolder(str(root), transform, **arguments)


def native(loader: DataLoader[Any]) -> bool:
    return loader.explain().startswith("engine: native")


def torch_batches(dataset: Any, *arguments: Any, **keywords: Any) -> list[Any]:
    return list(torch.utils.data.DataLoader(dataset, *arguments, **keywords))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_torch_s(root: Path, workers: int) -> None:
    loader: DataLoader[Any] = DataLoader(folder(root), 4, num_workers=workers)
    assert native(loader)
    assert loader.augment is None
    assert type(loader.dataset) is DATASETS.ImageFolder
    expected = torch_batches(folder(root), 4)
    assert len(loader) == len(expected) == 4
    for _ in range(2):
        batches = list(loader)
        assert equal(batches, expected)
        assert [type(part) for part in batches[0]] == [torch.Tensor, torch.Tensor]


@pytest.mark.parametrize(
    "end",
    [
        [T.PILToTensor()],
        [V2.ToImage()],
        [V2.ToImage(), V2.ToPureTensor()],
        [T.PILToTensor(), T.ConvertImageDtype(torch.float32)],
    ],
    ids=["PILToTensor", "ToImage", "ToPureTensor", "ConvertImageDtype"],
)
def test_batches_are_of_torch_s_type(root: Path, end: list[Any]) -> None:
    dataset = folder(root, V2.Compose([V2.CenterCrop(9), *end]))
    loader: DataLoader[Any] = DataLoader(dataset, 5, drop_last=True)
    assert native(loader)
    assert equal(list(loader), torch_batches(dataset, 5, drop_last=True))
    assert {type(images) for images, _ in loader} == {torch.Tensor}


def test_resizing_is_within_a_grey_level(root: Path) -> None:
    dataset = folder(root, VALIDATION)
    loader: DataLoader[Any] = DataLoader(dataset, 5, num_workers=2)
    assert native(loader)
    for (images, labels), (expected, others) in zip(loader, torch_batches(dataset, 5), strict=True):
        assert torch.equal(labels, others)
        levels = (images - expected) * torch.tensor(STD).view(3, 1, 1) * 255
        assert levels.abs().max() < 1.001


def test_order_and_use_of_torch_s_generator_are_torch_s(root: Path) -> None:
    results = []
    for kind in (DataLoader, torch.utils.data.DataLoader):
        torch.manual_seed(5)
        results.append(([batch for _ in range(2) for batch in kind(folder(root), 4, shuffle=True)], torch.rand(3)))
    assert equal(*results)


def test_random_transforms_repeat_with_torch_s_seed_and_change_with_the_epoch(root: Path) -> None:
    def epochs(workers: int) -> list[Any]:
        torch.manual_seed(7)
        loader: DataLoader[Any] = DataLoader(folder(root, TRAINING), 4, num_workers=workers)
        return [torch.cat([images for images, _ in loader]) for _ in range(2)]

    first = epochs(0)
    assert equal(first, epochs(2))
    assert not torch.equal(*first)
    seeded: list[DataLoader[Any]] = [DataLoader(folder(root, TRAINING), 4, seed=3, num_workers=k) for k in (0, 2)]
    assert native(seeded[0])
    assert equal(*map(list, seeded))


def test_persistent_workers_draw_anew(root: Path) -> None:
    loader: DataLoader[Any] = DataLoader(folder(root, TRAINING), 14, num_workers=1, persistent_workers=True)
    (first, labels), (second, _) = next(iter(loader)), next(iter(loader))
    assert labels.tolist() == folder(root).targets
    assert not torch.equal(first, second)


def test_torch_s_wrappers_are_seen_through(root: Path) -> None:
    subset = Subset(folder(root), [3, -1, 3, 0])
    both = ConcatDataset([subset, folder(root, T.Compose([EXACT]))])
    for dataset in (subset, both, Subset(both, [9, 1])):
        loader: DataLoader[Any] = DataLoader(dataset, 3)
        assert native(loader)
        assert equal(list(loader), torch_batches(dataset, 3))


def test_other_folders_of_torchvision(root: Path) -> None:
    for loader_name in ("default_loader", "pil_loader"):
        read = getattr(torchvision_module("datasets.folder"), loader_name)
        dataset = DATASETS.DatasetFolder(str(root), read, (".jpg", ".png"), EXACT)
        loader: DataLoader[Any] = DataLoader(dataset, 4)
        assert native(loader)
        assert equal(list(loader), torch_batches(dataset, 4))


class Files(Dataset[Any]):
    """A dataset of its own that says where its samples' files are."""

    def __init__(self, files: list[str], labels: ArrayLike, transform: Any = EXACT) -> None:
        self.files, self.labels, self.transform = files, labels, transform
        self.target_transform: Any = None

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Any:
        image = Image.open(self.files[index]).convert("RGB")
        return self.transform(image), int(np.asarray(self.labels)[index])

    def sample_files(self) -> tuple[list[str], ArrayLike]:
        return self.files, self.labels


class OtherItems(Files):
    def __getitem__(self, index: int) -> Any:
        return super().__getitem__(len(self) - 1 - index)


class Unhashable(Files):
    __hash__ = None  # type: ignore[assignment]  # what an __eq__ of one's own makes of a class


def files(root: Path) -> list[str]:
    return [path for path, _ in folder(root).samples]


@pytest.mark.parametrize("kind", [Files, Unhashable])
@pytest.mark.parametrize(
    "labels", [range(14), np.arange(14, dtype=np.uint8), torch.arange(14)], ids=["ints", "numpy", "torch"]
)
def test_a_dataset_that_says_where_its_files_are(root: Path, kind: type[Files], labels: Any) -> None:
    dataset = kind(files(root), labels)
    assert isinstance(dataset, FileSamples)
    loader: DataLoader[Any] = DataLoader(dataset, 4, num_workers=2)
    assert native(loader)
    assert equal(list(loader), torch_batches(dataset, 4))


def test_penstock_s_own_datasets_with_a_transform(root: Path) -> None:
    single = Folder(root, transform=EXACT)
    views = [
        PenstockSubset(single, [4, 2]),
        PenstockSubset(Folder(root), [4, 2], transform=EXACT),
        Concat([single, PenstockSubset(single, [1])]),
        Concat([Folder(root), Folder(root, transform=len)], transform=EXACT),
    ]
    for dataset in (single, *views):
        loader: DataLoader[Any] = DataLoader(dataset, 3)
        assert native(loader)
        assert equal(list(loader), torch_batches(dataset, 3))


def test_a_declared_pipeline_takes_the_files_too(root: Path) -> None:
    loader: DataLoader[Any] = DataLoader(folder(root, None), 14, augment=Pipeline([CenterCrop(12)]), num_workers=2)
    assert native(loader)
    images, _ = next(iter(loader))
    expected, _ = next(iter(DataLoader(folder(root, T.Compose([T.CenterCrop(12), T.PILToTensor()])), 14)))
    assert torch.equal(images, expected)


def test_the_explanation_says_what_was_recognised(root: Path) -> None:
    loader: DataLoader[Any] = DataLoader(Subset(folder(root, TRAINING), [1, 2]), 2, num_workers=1)
    lines = loader.explain().splitlines()
    assert lines[1].startswith("  recognised: ImageFolder and Compose run as Pipeline([RandomResizedCrop(size=(12, 12)")
    assert lines[1].endswith("ToDtype(dtype='float32', scale=True)]), with draws of Penstock's own")
    assert "random draws: depend on (torch's base seed, epoch, index, draw) alone" in lines


class OwnFolder(DATASETS.ImageFolder):  # type: ignore[misc, name-defined]  # torchvision is not typed here
    """Could do anything."""


class OwnArrays(Arrays):
    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(index)


def read(path: str) -> Any:
    return Image.open(path).convert("RGB")


def changed(dataset: Any, **attributes: Any) -> Any:
    for name, value in attributes.items():
        setattr(dataset, name, value)
    return dataset


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "subclass": (
        lambda root: OwnFolder(str(root), EXACT),
        r"no augment= is declared, and dataset \(OwnFolder\), derived from ImageFolder, of which only the class itself",
    ),
    "in a subset": (lambda root: Subset(OwnFolder(str(root), EXACT), [1]), r".*dataset.dataset \(OwnFolder\)"),
    "no transform": (lambda root: folder(root, None), r"no augment= is declared, and dataset \(ImageFolder\) has no"),
    "unknown transform": (
        lambda root: folder(root, T.Compose([T.ElasticTransform(), EXACT])),
        r"dataset.transform\[0\] \(ElasticTransform\) has no op in Penstock; use RandomAffine or",
    ),
    "function": (
        lambda root: folder(root, T.Compose([T.Lambda(len), EXACT])),
        r"dataset.transform calls a function \(Lambda\), so it is Python",
    ),
    "mixing": (
        lambda root: folder(root, T.Compose([EXACT, V2.MixUp(num_classes=3)])),
        r"dataset.transform mixes batches \(MixUp\), and is called with single images",
    ),
    "no fixed size": (lambda root: folder(root, T.Compose([T.Resize(9), T.ToTensor()])), "the pipeline has no fixed"),
    "target_transform": (lambda root: folder(root, target_transform=float), "dataset .* has a target_transform"),
    "loader": (lambda root: folder(root, loader=read), r"dataset \(ImageFolder\) has loader=<function read"),
    "own method": (
        lambda root: changed(folder(root), __getitems__=lambda indices: [0 for _ in indices]),
        "dataset .* is not as torchvision made it: it has its own __getitems__",
    ),
    "samples of lists": (
        lambda root: changed(folder(root), samples=[["a.jpg", 0]]),
        r"dataset \(ImageFolder\).samples must be tuples",
    ),
    "samples in no list": (
        lambda root: changed(folder(root), samples=np.zeros((2, 2))),
        r"dataset \(ImageFolder\).samples must be a list, as torchvision makes it, got ndarray",
    ),
    "samples with another label": (
        lambda root: changed(folder(root), samples=[("a.jpg", 0), ("b.jpg", 0.5)]),
        r"dataset \(ImageFolder\).samples must be .* got \('b.jpg', 0.5\)",
    ),
    "different transforms": (
        lambda root: ConcatDataset([folder(root), folder(root, VALIDATION)]),
        "the datasets inside have different transforms",
    ),
    "nothing known": (lambda _: arrays(), r"no augment= is declared, and dataset \(Arrays\) has no transform"),
    "own items": (
        lambda _: OwnArrays(np.zeros((4, 9, 9, 3), np.uint8), transform=EXACT),
        r"dataset \(OwnArrays\) overrides __getitem__",
    ),
    "mixed view": (
        lambda root: Concat([Folder(root, transform=EXACT), Folder(root, transform=VALIDATION)]),
        "the datasets inside have different transforms",
    ),
    "no protocol": (
        lambda root: [(read(file), 0) for file in files(root)],
        r"no augment= is declared, and dataset \(list\) offers no undecoded records",
    ),
    "files of other items": (
        lambda root: OtherItems(files(root), range(14)),
        r"dataset \(OtherItems\) overrides __getitem__, so its files",
    ),
    "too few labels": (
        lambda root: Files(files(root), range(13)),
        r"sample_files\(\) of dataset \(Files\) must give 14 paths and as many int labels, got 14 paths and .*\(13,\)",
    ),
    "float labels": (lambda root: Files(files(root), np.ones(14)), "sample_files.* labels float64"),
    "paths": (
        lambda root: Files([file.encode() for file in files(root)], range(14)),
        "sample_files.* paths that are str or os.PathLike, got b'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_recognised_is_torch_s_and_explained(root: Path, name: str) -> None:
    make, reason = REFUSED[name]
    loader: DataLoader[Any] = DataLoader(make(root), 2)
    first, *rest = loader.explain().splitlines()
    assert first.startswith("engine: inline (in the caller's thread")
    assert re.search(f"^  not native: {reason}", "\n".join(rest), re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"collate_fn": collate}, "collate_fn is your own"),
        ({"batch_size": None}, "batch_size=None"),
        ({"worker_init_fn": print}, "worker_init_fn is for worker processes"),
    ],
)
def test_arguments_that_need_python_leave_it_to_torch(root: Path, arguments: dict[str, Any], reason: str) -> None:
    loader: DataLoader[Any] = DataLoader(folder(root), **arguments)
    assert re.search(f"not native: {reason}", loader.explain())
    images = [images for images, _ in loader]
    assert equal(images, [images for images, _ in torch_batches(folder(root), **arguments)])


def test_truncated_files_that_pillow_was_told_to_load_stay_loadable(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    loader: DataLoader[Any] = DataLoader(folder(root), 4)
    assert "not native: PIL.ImageFile.LOAD_TRUNCATED_IMAGES is set" in loader.explain()


def test_a_limit_that_pillow_was_told_is_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    loader: DataLoader[Any] = DataLoader(folder(root), 4)
    assert "not native: PIL.Image.MAX_IMAGE_PIXELS is 50, below the usual 89478485" in loader.explain()
    with pytest.raises(Image.DecompressionBombError):
        next(iter(loader))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert loader.explain().startswith("engine: native")


def test_files_may_be_paths(root: Path) -> None:
    paths: Any = [*map(Path, files(root))]
    loader: DataLoader[Any] = DataLoader(Files(paths, range(14)), 3)
    assert loader.explain().startswith("engine: native")
    assert equal(list(loader), list(DataLoader(Files(files(root), range(14)), 3)))


def test_another_image_backend_is_python(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["torchvision"], "_image_backend", "accimage")
    assert "torchvision's image backend is 'accimage'" in DataLoader(folder(root), 4).explain()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_corrupt_file_is_an_error_that_names_it(tmp_path: Path, workers: int) -> None:
    write_folder(tmp_path, 8)
    dataset = folder(tmp_path)
    bad, gone = Path(dataset.samples[2][0]), Path(dataset.samples[5][0])
    bad.write_bytes(bad.read_bytes()[:150])
    gone.unlink()
    iterator = iter(DataLoader(dataset, 2, num_workers=workers))
    assert next(iterator)[1].tolist() == [0, 0]
    with pytest.raises(RecordError, match=rf"{re.escape(str(bad))}: .* \(sample 2\)"):
        next(iterator)
    with pytest.raises(FileNotFoundError, match=re.escape(str(gone))):
        next(iterator)
    assert next(iterator)[1].tolist() == [1, 1]


def source(dataset: Any) -> RecordSource:
    found = record_source(dataset)
    assert not isinstance(found, str)
    return found


def test_a_source_is_made_once_and_again_when_samples_change(root: Path) -> None:
    for dataset, samples in ((folder(root), "samples"), (Files(files(root), range(14)), "files")):
        made = source(dataset)
        assert source(dataset) is made
        setattr(dataset, samples, list(getattr(dataset, samples)))
        assert source(dataset) is made
        getattr(dataset, samples).reverse()
        assert source(dataset) is not made
        assert source(dataset).describe(0) == made.describe(13)


def test_indices_of_a_subset_may_change(root: Path) -> None:
    subset = Subset(folder(root), [0, 13, -1])
    loader: DataLoader[Any] = DataLoader(subset, 3)
    assert native(loader)
    for indices, expected in (([0, 13, -1], [0, 1, 1]), ([0, 13, -14], [0, 1, 0]), (range(12, 14), [1, 1])):
        if isinstance(indices, list):
            subset.indices[:] = indices
        else:
            subset.indices = indices
        for _ in range(2):
            assert [labels.tolist() for _, labels in loader] == [expected]


def test_replaced_samples_and_transforms_count(root: Path) -> None:
    dataset = folder(root)
    loader: DataLoader[Any] = DataLoader(dataset, 14)
    assert [labels.tolist() for _, labels in loader] == [[0] * 7 + [1] * 7]
    dataset.samples = dataset.samples[5:9]
    dataset.transform = TRAINING
    ((images, labels),) = DataLoader(dataset, 14)
    assert labels.tolist() == [0, 0, 1, 1]
    assert 0 <= images.min() <= images.max() <= 1
    dataset.transform = len
    assert not native(loader)


def test_sources_hold_neither_the_dataset_nor_an_object_per_sample(root: Path) -> None:
    dataset = folder(root)
    made = source(dataset)
    alive = weakref.ref(dataset)
    copies = copy.copy(dataset)
    del dataset
    gc.collect()
    assert alive() is None
    assert len(gc.get_referents(made)) < 12
    assert made.describe(3) == copies.samples[3][0]


def test_nothing_is_asked_of_a_dataset_that_is_not_known() -> None:
    class Careful(Dataset[int]):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> int:
            return index

        def __getattr__(self, name: str) -> Any:
            if name in ("records", "describe", "sample_files", "transform", "target_transform"):
                raise RuntimeError(f"asked for {name}")
            raise AttributeError(name)

    assert [batch.tolist() for batch in DataLoader(Careful(), 2)] == [[0, 1], [2]]


def test_random_crops_look_like_torchvision_s(tmp_path: Path) -> None:
    """The mean of each pixel over many crops of a ramp."""
    (tmp_path / "a").mkdir()
    ramp = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], (48, 64, 3))
    Image.fromarray(ramp).save(tmp_path / "a" / "ramp.png")
    crops = T.Compose([T.RandomResizedCrop(6), T.RandomHorizontalFlip(0.2), T.ToTensor()])
    dataset = Subset(folder(tmp_path, crops), [0] * 1500)
    torch.manual_seed(1)
    ours, theirs = (
        torch.cat([images for images, _ in kind(dataset, 100)]) for kind in (DataLoader, torch.utils.data.DataLoader)
    )
    assert native(DataLoader(dataset, 100))
    assert (ours.mean(0) - theirs.mean(0)).abs().max() < 0.03
    assert (ours.std(0) - theirs.std(0)).abs().max() < 0.03


def test_translated_draws_are_those_of_the_declared_pipeline(root: Path) -> None:
    declared: DataLoader[Any] = DataLoader(Folder(root), 4, seed=9, augment=Pipeline([RandomResizedCrop(12)]))
    transform = T.Compose([T.RandomResizedCrop(12), T.PILToTensor()])
    assert equal(list(declared), list(DataLoader(folder(root, transform), 4, seed=9)))


@pytest.mark.parametrize("seed", [None, 4])
def test_a_pass_goes_on_from_its_state(root: Path, seed: int | None) -> None:
    def make(workers: int) -> DataLoader[Any]:
        torch.manual_seed(2)
        return DataLoader(folder(root, TRAINING), 3, shuffle=True, num_workers=workers, seed=seed)

    whole = list(make(2))
    for stop in range(len(whole)):
        loader = make(1)
        iterator = iter(loader)
        for _ in range(stop):
            next(iterator)
        resumed = make(0)
        resumed.load_state_dict(loader.state_dict())
        assert equal(list(resumed), whole[stop:])
