"""Several results of each sample, in every engine: the same numbers, layouts, policies and states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.loading import FLOAT_PIPELINE, PIPELINE, Plain, arrays, equal, write_folder

from penstock.augment import (
    CenterCrop,
    FiveCrop,
    Pipeline,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Resize,
    TenCrop,
    ToDtype,
    Views,
    simclr,
)
from penstock.errors import DecodeError, OptionError
from penstock.formats import Folder, Pack
from penstock.formats.pack.writer import write_pack
from penstock.loaders import Augmented, DataLoader
from penstock.loaders.keys.keys import KeyedIndex

LOCAL = Pipeline([RandomResizedCrop((5, 6), (0.05, 0.2)), ToDtype("float16", scale=True)])
VIEWS = Views(2, PIPELINE) + Views(1, FLOAT_PIPELINE) + Views(3, LOCAL)

ENGINES: dict[str, dict[str, Any]] = {
    "native": {"num_workers": 2},
    "native-inline": {},
    "inline": {"engine": "python"},
    "pool": {"engine": "python", "num_workers": 1},
    "threads": {"engine": "python", "num_workers": 2, "workers": "threads"},
}


def loader_of(dataset: Any, engine: str, **arguments: Any) -> DataLoader[Any]:
    common = {"batch_size": 5, "shuffle": True, "seed": 3, "augment": VIEWS, "watchdog": 0}
    return DataLoader(dataset, **{**common, **ENGINES[engine], **arguments})


def expected(dataset: Any, labels: torch.Tensor, epoch: int = 0) -> list[torch.Tensor]:
    """The views of samples whose labels are their indices."""
    samples = [VIEWS.apply(dataset[index][0], index, epoch, seed=3) for index in labels.tolist()]
    return [torch.from_numpy(np.stack(view)) for view in zip(*samples, strict=True)]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Files of several formats and sizes, raw pixels, and a pack whose records are mostly dct."""
    root = tmp_path_factory.mktemp("views")
    folder = Folder(write_folder(root / "folder", 12))
    return {"folder": folder, "arrays": arrays(), "pack": packed(folder, root / "pack")}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_batches_have_a_tensor_for_each_view(engine: str, memory_format: torch.memory_format) -> None:
    dataset = arrays()
    loader = loader_of(dataset, engine, memory_format=memory_format)
    assert loader.explain().startswith("engine: native") == engine.startswith("native")
    for epoch in range(2):
        for views, labels in loader:
            assert type(views) is list
            assert equal(views, expected(dataset, labels, epoch))
            for view in views:
                assert view.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("kind", ["folder", "pack"])
@pytest.mark.parametrize("threads", [0, 2])
def test_the_native_engine_gives_what_python_gives_for_files_and_packs(
    sources: dict[str, Any], kind: str, threads: int
) -> None:
    native = DataLoader(sources[kind], 5, augment=VIEWS, seed=3, shuffle=True, num_workers=threads, engine="native")
    python = DataLoader(Plain(sources[kind]), 5, augment=VIEWS, seed=3, shuffle=True)
    for _ in range(3):
        assert equal(list(native), list(python))


def test_small_crops_of_large_images_are_those_of_the_whole_image(tmp_path: Path) -> None:
    # Views that are far apart are decoded apart.
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (3, 180, 420, 3), np.uint8)
    folder = Folder(_written(tmp_path / "images", images))
    pack = packed(folder, tmp_path / "pack")
    small = [RandomResizedCrop(8, (0.001, 0.02), interpolation=name) for name in ("bilinear", "bicubic", "lanczos")]
    enlarged = RandomResizedCrop(40, (0.001, 0.002), interpolation="bicubic")
    views = Views.of([Pipeline([op]) for op in (*small, *small, enlarged, CenterCrop(16))])
    python = list(DataLoader(Plain(folder), 3, augment=views, seed=0))
    for dataset in (folder, pack):
        for threads in (0, 1):
            loader: DataLoader[Any] = DataLoader(dataset, 3, augment=views, seed=0, num_workers=threads)
            for _ in range(2):
                loader.set_epoch(0)
                assert equal(list(loader), python)


def test_samples_have_a_list_of_views() -> None:
    dataset = arrays()
    key = KeyedIndex(4, seed=3, epoch=0, draw=0)
    views, label = Augmented(dataset, VIEWS)[key]
    assert label == 4
    assert equal(views, [view[0] for view in expected(dataset, torch.tensor([4]))])
    batch, labels = Augmented(dataset, VIEWS)[[1, 2, 3]]
    assert [tuple(view.shape) for view in batch] == [(3, 3, *pipeline.output_size) for pipeline in VIEWS]  # type: ignore[misc]
    assert labels.tolist() == [1, 2, 3]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_several_crops_are_a_dimension_of_the_batch(engine: str, memory_format: torch.memory_format) -> None:
    dataset = arrays()
    crops = Pipeline([Resize((16, 18)), TenCrop((7, 9)), RandomHorizontalFlip(), ToDtype("float32", scale=True)])
    for augment in (crops, Views(2, PIPELINE) + Views(1, crops)):
        loader = loader_of(dataset, engine, augment=augment, memory_format=memory_format)
        assert loader.explain().startswith("engine: native") == engine.startswith("native")
        for batch, labels in loader:
            images = batch[2] if isinstance(batch, list) else batch
            assert images.shape == (len(labels), 10, 3, 7, 9)
            assert images.flatten(0, 1).is_contiguous(memory_format=memory_format)
            view = 0 if augment is crops else 2
            samples = [crops.apply(dataset[index][0], index, seed=3, view=view) for index in labels.tolist()]
            assert torch.equal(images, torch.from_numpy(np.stack(samples)))


@pytest.mark.parametrize("engine", ["native", "inline"])
def test_an_image_smaller_than_its_crops_is_a_bad_sample(sources: dict[str, Any], engine: str) -> None:
    crops = Pipeline([FiveCrop((39, 20))])
    loader = loader_of(sources["pack"], engine, augment=crops, batch_size=12, on_error="skip")
    kept = [index for index in range(12) if sources["pack"][index][0].shape[0] >= 39]
    assert 0 < len(kept) < 12
    assert sum(len(images) for images, _ in loader) == len(kept)
    with pytest.raises(DecodeError, match="FiveCrop: size must fit the image, which is"):
        list(loader_of(sources["pack"], engine, augment=crops))


def test_explain_says_where_the_ops_of_each_view_run() -> None:
    lines = loader_of(arrays(), "native").explain().splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("  2 views:"))
    assert lines[begin + 1].startswith("    0 RandomResizedCrop(size=(9, 9)")
    assert lines[begin + 1].endswith(": native")
    assert [line for line in lines if line.endswith((" views:", "1 view:"))] == [
        "  2 views:",
        "  1 view:",
        "  3 views:",
    ]


@pytest.mark.parametrize("engine", ["native", "pool"])
def test_torch_finishes_each_view(engine: str) -> None:
    loader = loader_of(arrays(), engine, executor="torch")
    assert equal(list(loader), list(loader_of(arrays(), engine)))
    assert any(line.endswith("torch on cpu") for line in loader.explain().splitlines())


def test_views_of_no_fixed_size_go_through_python() -> None:
    views = Views(1, PIPELINE) + Views(1, Pipeline([Resize(12)]))
    loader: DataLoader[Any] = DataLoader(arrays(), 2, augment=views)
    assert "the pipeline has no fixed output size" in loader.explain()
    assert [tuple(view.shape) for view in next(iter(loader))[0]] == [(2, 3, 9, 9), (2, 3, 12, 14)]


def test_an_image_is_decoded_once_for_all_views() -> None:
    loader = loader_of(arrays(), "native", augment=Views(4, PIPELINE))
    list(loader)
    stages = loader.stats().stages
    assert [stages[name].samples for name in ("read", "decode", "augment")] == [23, 23, 23]
    assert stages["augment"].nbytes == 4 * 23 * 3 * 9 * 9
    assert loader.stats().samples == 23


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("on_error", ["skip", "substitute"])
def test_bad_samples_are_left_out_or_replaced_in_all_views(tmp_path: Path, engine: str, on_error: str) -> None:
    dataset = _damaged(tmp_path)
    loader = loader_of(dataset, engine, batch_size=4, on_error=on_error)
    batches = list(loader)
    sizes = [[len(view) for view in views] for views, _ in batches]
    assert all(len(set(lengths)) == 1 for lengths in sizes)
    assert sum(lengths[0] for lengths in sizes) == (10 if on_error == "skip" else 12)
    assert equal(batches, list(loader_of(dataset, "inline", batch_size=4, on_error=on_error)))


@pytest.mark.parametrize("engine", ["native", "native-inline", "inline"])
def test_an_error_comes_at_its_batch_with_its_place(tmp_path: Path, engine: str) -> None:
    dataset = _damaged(tmp_path)
    iterator = iter(loader_of(dataset, engine, batch_size=3, shuffle=False))
    assert len(next(iterator)[0]) == len(VIEWS)
    with pytest.raises(DecodeError) as raised:
        next(iterator)
    assert raised.value.index == 3
    assert raised.value.source == dataset.describe(3)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_resumed_loader_goes_on_with_the_same_views(engine: str) -> None:
    whole = list(loader_of(arrays(), engine))
    first = loader_of(arrays(), engine)
    iterator = iter(first)
    for _ in range(2):
        next(iterator)
    second = loader_of(arrays(), engine)
    second.load_state_dict(first.state_dict())
    assert equal(list(second), whole[2:])


def test_views_are_sent_to_devices() -> None:
    plain = list(loader_of(arrays(), "native"))
    assert equal(list(loader_of(arrays(), "native", device="cpu")), plain)
    halves = next(iter(loader_of(arrays(), "native", batch_size=6, devices=["cpu", "meta"])))
    assert [[tuple(view.shape[:1]) for view in views] for views, _ in halves] == [[(3,)] * 6, [(3,)] * 6]
    assert halves[1][0][0].device.type == "meta"


def test_memory_that_is_used_again_holds_the_next_batch_and_kept_views_stay() -> None:
    loader = loader_of(arrays(), "native", batch_size=2)
    kept = [views for views, _ in loader]
    loader.set_epoch(0)
    again = [[view.clone() for view in views] for views, _ in loader]
    assert equal(kept, again)


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ([PIPELINE, LOCAL], r"give one view of each pipeline: augment=Views.of\(\[...\]\); augment must be a"),
        (print, "augment must be a penstock.augment.Pipeline or Views, got builtin_function_or_method"),
        (simclr, r"or Views, got function; call a preset, as in augment=simclr\(\); give another Python"),
        (Views, r"or Views, got the class Views; call it: Views\(...\)$"),
        (
            RandomHorizontalFlip,
            r"got the class RandomHorizontalFlip; call it: Pipeline\(\[RandomHorizontalFlip\(...\)\]\)",
        ),
        (
            "simclr",
            r"or Views, got str; read it with Pipeline.from_json\(text\) or .*, or call a preset, as simclr\(\)",
        ),
        (PIPELINE.to_dict(), r"or Views, got dict; read it with Pipeline.from_dict\(...\) or Views.from_dict\(...\)"),
    ],
)
def test_what_is_no_declaration_is_refused(augment: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        DataLoader(arrays(), augment=augment)


def test_other_views_than_the_dataset_has_are_refused() -> None:
    dataset = Augmented(arrays(), VIEWS)
    assert DataLoader(dataset, augment=Views.of(list(VIEWS))).dataset is dataset
    with pytest.raises(OptionError, match="augment conflicts with the dataset's pipeline"):
        DataLoader(dataset, augment=VIEWS[1:])


def packed(dataset: Folder, to: Path) -> Pack:
    write_pack(dataset, to)
    return Pack(to)


def _written(root: Path, images: Any) -> Path:
    (root / "class").mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(root / "class" / f"{number}.jpg", quality=90)
    return root


def _damaged(root: Path) -> Folder:
    """12 files, of which number 3 is no image and number 6 is cut short."""
    dataset = Folder(write_folder(root / "damaged", 12, (".jpg",)))
    Path(dataset.describe(3)).write_bytes(b"no image at all")
    whole = Path(dataset.describe(6)).read_bytes()
    Path(dataset.describe(6)).write_bytes(whole[: len(whole) // 2])
    return dataset
