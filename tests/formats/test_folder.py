"""Folder: which files are samples, in which order, with which label; and what is wrong with a folder."""

from __future__ import annotations

import contextlib
import os
import pickle
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.containers import decoded, encoded, pixels
from support.torchvision_shim import torchvision_module

from penstock.errors import (
    DatasetError,
    DatasetNotFoundError,
    DecodeError,
    MissingFileError,
    OptionError,
    RecordError,
    TruncatedError,
    UnknownClassError,
)
from penstock.formats import Folder
from penstock.formats.tree import Tree


def touch(root: Path, *names: str, data: bytes = b"x") -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def names(dataset: Folder) -> list[str]:
    return [dataset.name(k) for k in range(len(dataset))]


def torchvision_order(root: Path, ending: str) -> list[tuple[str, int]]:
    """What torchvision's `ImageFolder(root).samples` holds (torchvision/datasets/folder.py, make_dataset)."""
    classes = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    return [
        (os.path.relpath(os.path.join(folder, file), root), label)
        for label, name in enumerate(classes)
        for folder, _, files in sorted(os.walk(root / name, followlinks=True))
        for file in sorted(files)
        if file.endswith(ending)
    ]


parts = st.text(st.sampled_from("ab-.Z0é "), min_size=1, max_size=3).filter(lambda part: part.strip("."))


@given(files=st.lists(st.lists(parts, min_size=2, max_size=4), min_size=1, max_size=12))
def test_order_and_labels_are_torchvisions(tmp_path_factory: pytest.TempPathFactory, files: list[list[str]]) -> None:
    root = tmp_path_factory.mktemp("tree")
    for file in files:
        touch(root, os.path.join(*[f"{part}_" for part in file[:-1]], file[-1] + ".jpg"))
    dataset = Folder(root)
    assert list(zip(names(dataset), dataset.labels.tolist(), strict=True)) == torchvision_order(root, ".jpg")


def test_samples_are_those_of_torchvisions_image_folder(tmp_path: Path) -> None:
    touch(
        tmp_path, "b/2.jpg", "b/1.PNG", "b/x-y/3.jpg", "b/x/4.jpg", "b/notes.txt", "a/z/1.webp", "a.b/0.tif", "A/9.bmp"
    )
    theirs = torchvision_module("datasets").ImageFolder(tmp_path)
    ours = Folder(tmp_path)
    assert ours.classes == theirs.classes
    assert [(ours.file(k), label) for k, label in enumerate(ours.labels.tolist())] == theirs.samples


def test_extensions_match_in_any_case_and_others_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.JPG", "a/2.jpeg", "a/3.txt", "a/4.WebP", "b/5.png", "b/jpg", "b/6.jpg.bak")
    assert names(Folder(tmp_path)) == ["a/1.JPG", "a/2.jpeg", "a/4.WebP", "b/5.png"]
    assert names(Folder(tmp_path, extensions=["TXT", ".bak"])) == ["a/3.txt", "b/6.jpg.bak"]
    assert names(Folder(tmp_path, extensions="png", allow_empty=True)) == ["b/5.png"]


@pytest.mark.parametrize("extensions", [[], "", ["."], [".jpg", ""], [1]])
def test_extensions_must_be_endings(tmp_path: Path, extensions: Any) -> None:
    with pytest.raises(OptionError, match=r"extensions must be file endings such as '\.jpg', got"):
        Folder(touch(tmp_path, "a/1.jpg"), extensions=extensions)


def test_a_flat_folder_has_no_classes(tmp_path: Path) -> None:
    touch(tmp_path, "b.jpg", "a.png", "notes.txt", "empty/notes.txt")
    dataset = Folder(tmp_path)
    assert names(dataset) == ["a.png", "b.jpg"]
    assert dataset.classes == []
    assert dataset.labels.tolist() == [-1, -1]
    assert dataset.labels.dtype == np.int64
    assert repr(dataset) == f"Folder({str(tmp_path)!r}, 2 samples)"
    assert Folder(tmp_path, classes=["x"]).classes == ["x"]


def test_images_beside_class_folders_are_left_out_with_a_warning(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "montage.jpg")
    with pytest.warns(UserWarning, match=r"1 images beside them belong to no class and are left out: 'montage\.jpg'"):
        dataset = Folder(tmp_path)
    assert names(dataset) == ["a/1.jpg"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"expected a folder of images, but .*gone is not there"):
        Folder(tmp_path / "gone")
    with pytest.raises(DatasetError, match="is a file; open it with open_dataset"):
        Folder(touch(tmp_path, "file.csv") / "file.csv")


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no images in .*: expected files that end in \.bmp .* found no files"):
        Folder(tmp_path)
    touch(tmp_path, "a/1.npy", "a/2.npy", "b/README")
    with pytest.raises(DatasetError, match=r"found other files: '\.npy x 2', 'no ending x 1'; check the path, or give"):
        Folder(tmp_path)


def test_empty_class_folders_are_an_error_unless_allowed(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "b/notes.txt", "c/2.jpg")
    (tmp_path / "d" / "deep").mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"2 of 4 class folders of .* have no images .*'b', 'd'; remove them, or"):
        Folder(tmp_path)
    dataset = Folder(tmp_path, allow_empty=True)
    assert dataset.classes == ["a", "b", "c", "d"]
    assert dataset.labels.tolist() == [0, 2]


def test_classes_asked_for_need_no_folder(tmp_path: Path) -> None:
    touch(tmp_path, "b/1.jpg")
    assert Folder(tmp_path, classes=["a", "b"]).labels.tolist() == [1]
    with pytest.raises(UnknownClassError, match=r"class folders 'b' of .* are not among the 1 classes asked for: 'a'"):
        Folder(tmp_path, classes=["a"])


def test_links_are_followed_and_loops_are_not_fatal(tmp_path: Path) -> None:
    outside = touch(tmp_path / "outside", "1.jpg", "deep/2.jpg")
    root = touch(tmp_path / "root", "a/0.jpg", "a/x/3.jpg", "b/y/4.jpg")
    (root / "linked").symlink_to(outside)
    (root / "a" / "up").symlink_to(root / "a")
    (root / "a" / "x" / "self.jpg.d").symlink_to("self.jpg.d")
    (root / "a" / "x" / "b").symlink_to(root / "b")
    (root / "b" / "y" / "a").symlink_to(root / "a" / "x")
    (root / "again").symlink_to(root)
    assert names(Folder(root)) == [
        *("a/0.jpg", "a/x/3.jpg", "a/x/b/y/4.jpg"),
        *("b/y/4.jpg", "b/y/a/3.jpg", "linked/1.jpg", "linked/deep/2.jpg"),
    ]


def test_a_dangling_link_is_a_sample_whose_file_is_missing(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", data=encoded(pixels(0), "JPEG"))
    (tmp_path / "a" / "2.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "a" / "3.jpg").symlink_to("3.jpg")
    dataset = Folder(tmp_path)
    assert len(dataset) == 3
    with pytest.raises(MissingFileError, match=r"a/2\.jpg: the file is not there; restore it, or .* \(sample 1\)"):
        dataset[1]
    with pytest.raises(RecordError, match=r"a/3\.jpg: the file can't be opened: Too many levels of symbolic links"):
        dataset[2]


def test_a_directory_named_as_an_image_is_a_directory(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg/inner.jpg", "a/2.jpg")
    assert names(Folder(tmp_path)) == ["a/2.jpg", "a/1.jpg/inner.jpg"]


def test_entries_that_are_no_files_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg")
    os.mkfifo(tmp_path / "a" / "2.jpg")
    with pytest.raises(DatasetError, match=r"1 entries of .* can't be read: '.*a/2\.jpg: not a regular file'; change"):
        Folder(tmp_path)


class Vanishing(Tree):
    """A tree of which some folders can't be listed any more when it gets there."""

    def _scan(self, folder: str) -> tuple[list[str], list[str]]:
        if folder.endswith("locked"):
            os.rename(os.path.join(self.root, folder), os.path.join(self.root, folder) + ".moved")
        return super()._scan(folder)


def test_folders_that_cannot_be_listed_are_collected(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "a/locked/2.jpg", "b/locked/3.jpg")
    tree = Vanishing(str(tmp_path), (".jpg",))
    assert sorted(tree.unreadable) == [f"{tmp_path}/{name}/locked: No such file or directory" for name in ("a", "b")]
    assert tree.folders == {"a": ["a/1.jpg"], "b": []}


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Root may read everything, so be somebody else for a while."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_folder_without_permission_is_named(shared: Path) -> None:
    touch(shared, "a/1.jpg", "b/2.jpg", "b/deep/3.jpg")
    (shared / "b").chmod(0)
    with without_privileges(), pytest.raises(DatasetError, match=r"1 entries of .* '.*/b: Permission denied'; change"):
        Folder(shared)


def test_a_file_without_permission_is_named(shared: Path) -> None:
    touch(shared, "a/1.jpg", "a/2.jpg")
    (shared / "a" / "2.jpg").chmod(0)
    dataset = Folder(shared)
    with (
        without_privileges(),
        pytest.raises(RecordError, match=r"a/2\.jpg: .* opened: Permission denied \(sample 1\)$"),
    ):
        dataset[1]


def test_file_names_of_any_kind_survive(tmp_path: Path) -> None:
    image = encoded(pixels(1), "PNG")
    odd = ["ü ñ 漢字.png", "\udcff\udcfe.png", "new\nline.png", "'quote\".png", "x" * 251 + ".png", " .png"]
    for name in odd:
        Path(tmp_path / "a").mkdir(exist_ok=True)
        with open(os.path.join(tmp_path, "a", name), "wb") as stream:
            stream.write(image)
    dataset = pickle.loads(pickle.dumps(Folder(tmp_path)))
    assert sorted(names(dataset)) == sorted(f"a/{name}" for name in odd)
    for got, _ in dataset:
        np.testing.assert_array_equal(got, pixels(1))


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"", TruncatedError, "the file has no bytes; replace or remove it"),
        (b"hello world, this is text", DecodeError, "the bytes are of no known image format"),
        (encoded(pixels(0), "JPEG")[:-200], TruncatedError, "Pillow can't decode the image: Truncated File Read"),
        (encoded(pixels(0, 300, 200), "JPEG")[:-900], TruncatedError, "image file is truncated"),
        (encoded(pixels(0), "PNG")[:60], RecordError, "Pillow can't decode the image"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, data: bytes, kind: type[RecordError], message: str) -> None:
    touch(tmp_path, "a/0.jpg", data=encoded(pixels(0), "JPEG"))
    touch(tmp_path, "a/bad.jpg", data=data)
    dataset = Folder(tmp_path)
    for read in (lambda: dataset[1], lambda: dataset[:], lambda: list(dataset)):
        with pytest.raises(kind) as caught:
            read()
        assert str(caught.value).startswith(f"{tmp_path}/a/bad.jpg: ")
        assert str(caught.value).endswith(" (sample 1)")
        assert message in str(caught.value)
        assert (caught.value.source, caught.value.index) == (f"{tmp_path}/a/bad.jpg", 1)


def test_images_of_different_sizes_are_a_list(tmp_path: Path) -> None:
    touch(tmp_path, "a/0.png", data=encoded(pixels(0), "PNG"))
    touch(tmp_path, "a/1.png", data=encoded(pixels(1, 5, 7), "PNG"))
    batch, labels = Folder(tmp_path)[:]
    assert [image.shape for image in batch] == [(24, 32, 3), (5, 7, 3)]
    assert isinstance(batch, list)
    assert labels.tolist() == [0, 0]


def test_a_relative_root_survives_a_change_of_directory(tmp_path: Path) -> None:
    touch(tmp_path, "data/a/0.png", data=encoded(pixels(0), "PNG"))
    os.chdir(tmp_path)
    dataset = Folder("data")
    os.chdir("/")
    np.testing.assert_array_equal(dataset[0][0], pixels(0))


def test_samples_cost_no_python_objects(tmp_path: Path) -> None:
    touch(tmp_path, *(f"a/{k:06}.jpg" for k in range(2000)))
    tracemalloc.start()
    try:
        dataset = Folder(tmp_path)
        kept = sum(line.count for line in tracemalloc.take_snapshot().statistics("filename") if "penstock" in str(line))
    finally:
        tracemalloc.stop()
    assert len(dataset) == 2000
    assert kept < 1000
    assert len(pickle.dumps(dataset)) < 2000 * 40


def test_real_photographs_are_as_pillow_reads_them(photographs: list[Path]) -> None:
    root = photographs[0].parent.parent
    dataset = Folder(root)
    assert len(dataset) == len(photographs)
    for k in range(0, len(dataset), 29):
        np.testing.assert_array_equal(dataset[k][0], decoded(Path(dataset.file(k)).read_bytes()))
