"""open_dataset: which container a path holds, options, and what importing costs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.containers import CLASSES, CONTAINERS, write_folder

import penstock.formats
from penstock.errors import DatasetError, DatasetNotFoundError, OptionError
from penstock.formats import CSV, LMDB, Folder, Pack, open_dataset
from penstock.formats.registry import find_splits, kind_of


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the same images as a folder, CSV, LMDB and pack."""
    write_folder(tmp_path / "images")
    for name in ("csv", "lmdb", "pack"):
        CONTAINERS[name].make(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [("images", Folder, {}), ("list.csv", CSV, {"images": "images"}), ("a.lmdb", LMDB, {}), ("pack", Pack, {})],
)
def test_each_container_is_recognised(place: Path, name: str, kind: type, options: dict[str, Any]) -> None:
    options = {key: place / value for key, value in options.items()}
    reference = Folder(place / "images")
    for path in (place / name, str(place / name)):
        dataset = open_dataset(path, classes=CLASSES[::-1], target_transform=str, **options)
        assert type(dataset) is kind
        assert dataset.classes == CLASSES[::-1]
        np.testing.assert_array_equal(dataset[4][0], reference[4][0])
        assert dataset[0][1] == "2"


def test_an_lmdb_directory_is_recognised(place: Path) -> None:
    (place / "dir").mkdir()
    (place / "a.lmdb").rename(place / "dir" / "data.mdb")
    assert isinstance(open_dataset(place / "dir"), LMDB)
    assert kind_of(str(place / "dir" / "data.mdb")) == "lmdb"


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetNotFoundError, match=r"expected a folder, CSV, LMDB or pack, but .*gone is not there; check"
    ):
        open_dataset(tmp_path / "gone")


def test_a_file_that_may_not_be_read(place: Path) -> None:
    file = place / "a.lmdb"
    file = file / "data.mdb" if file.is_dir() else file
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(DatasetError, match="can't be read: Permission denied; change its permissions, or name another"):
        open_dataset(place / "a.lmdb")


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", bytes(100)])
def test_a_file_of_another_kind(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(data)
    with pytest.raises(
        DatasetError, match=r"x\.tar is none of the files that Penstock reads: a CSV or TSV .* or an LMDB"
    ):
        open_dataset(tmp_path / "x.tar")


@pytest.mark.parametrize("splits", [["train", "val"], ["Test", "training", "validation"], ["train"]])
def test_parts_are_not_taken_for_classes(place: Path, splits: list[str]) -> None:
    root = place / "parted"
    for split in splits:
        write_folder(root / split)
    (root / "README.txt").touch()
    with pytest.raises(DatasetError) as caught:
        open_dataset(root)
    choices = " or ".join(str(root / split) for split in sorted(splits))
    assert str(caught.value) == (
        f"{root} holds no samples itself, only the parts {', '.join(sorted(splits))}; open one of them: {choices} "
        "(or take them for classes: penstock.formats.Folder)"
    )
    assert find_splits(str(root)) == sorted(splits)
    assert open_dataset(root / splits[0]).classes == CLASSES
    write_folder(root / "other")
    assert find_splits(str(root)) == []
    assert isinstance(open_dataset(root), Folder)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "images",
            {"images": "x"},
            "is opened as folder, which has no option images; its options are extensions, classes,",
        ),
        (
            "a.lmdb",
            {"label_column": 1, "x": 2},
            "is opened as lmdb, which has no option label_column, x; its options are ",
        ),
        ("pack", {"extensions": []}, "is opened as pack, which has no option extensions; its options are classes"),
    ],
)
def test_an_option_of_another_container(place: Path, name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        open_dataset(place / name, **options)


def test_public_names_are_there_and_unknown_ones_are_not() -> None:
    for name in penstock.formats.__all__:
        assert getattr(penstock.formats, name) is not None
    assert sorted(penstock.formats.__all__) == dir(penstock.formats)
    with pytest.raises(AttributeError, match=r"module 'penstock\.formats' has no attribute 'Folders'"):
        _ = penstock.formats.Folders  # type: ignore[attr-defined]


def test_split_is_the_function_whatever_was_imported_before() -> None:
    script = "import penstock.formats.splitting; from penstock.formats import split; print(callable(split))"
    assert run(script) == "True"


def test_importing_loads_no_library_that_a_container_needs() -> None:
    heavy = "pandas", "pyarrow", "lmdb", "torch"
    assert run(f"import sys, penstock.formats; print([m for m in {heavy} if m in sys.modules])") == "[]"
    script = f"import sys; from penstock.formats import *; print([m for m in {heavy[3:]} if m in sys.modules])"
    assert run(script) == "[]"


def run(script: str) -> str:
    path = str(Path(penstock.formats.__file__).parents[2])
    script = f"import sys; sys.path.insert(0, {path!r}); {script}"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
