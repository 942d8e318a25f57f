"""CSV: columns, labels of each kind, where files are looked for, and what is wrong with a table."""

from __future__ import annotations

import gzip
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.containers import encoded, pixels

from penstock.errors import DatasetError, DatasetNotFoundError, MissingFileError, UnknownClassError
from penstock.formats import CSV


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the images a.png, b.png, c.png and sub/d.png."""
    (tmp_path / "sub").mkdir()
    for seed, name in enumerate(["a.png", "b.png", "c.png", "sub/d.png"]):
        (tmp_path / name).write_bytes(encoded(pixels(seed), "PNG"))
    return tmp_path


def written(root: Path, text: str | bytes, name: str = "list.csv") -> Path:
    path = root / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def names(dataset: CSV) -> list[str]:
    return [dataset.name(k) for k in range(len(dataset))]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("file,label,extra", "sub/d.png,cat,9"),
        ("extra,IMAGE,Class", "9,sub/d.png,cat"),
        ("label, path", "cat, sub/d.png"),
        ("first,second", "sub/d.png,cat"),
        ("x,filename", "cat,sub/d.png"),
    ],
)
def test_columns_are_found_by_their_usual_names_or_place(root: Path, header: str, row: str) -> None:
    dataset = CSV(written(root, f"{header}\n{row}\n"))
    assert names(dataset) == ["sub/d.png"]
    assert dataset.classes == ["cat"]
    np.testing.assert_array_equal(dataset[0][0], pixels(3))


@pytest.mark.parametrize("header", ["file,cat,dog", "cat,file,dog", "first,cat,dog"])
def test_several_columns_that_may_be_the_labels_are_listed(root: Path, header: str) -> None:
    cells = ",".join("1" if name in ("cat", "dog") else "a.png" for name in header.split(","))
    path = written(root, f"{header}\n{cells}\n")
    message = (
        r"list\.csv has 2 columns that may hold the labels: 'cat', 'dog'; pass label_column= with one of them, or with "
        r"several for several labels per image \(on the command line --label-column, once for each\)"
    )
    with pytest.raises(DatasetError, match=message):
        CSV(path)
    assert CSV(path, label_column="dog").labels.tolist() == [1]
    assert CSV(path, label_column=["cat", "dog"]).labels.tolist() == [[1, 1]]


@pytest.mark.parametrize(("image", "label"), [("z", "y"), (2, 1), (-1, -2), ("z", 1)])
def test_columns_by_name_and_position(root: Path, image: Any, label: Any) -> None:
    path = written(root, "image,y,z\nnothing,dog,a.png\nnothing,cat,b.png\n")
    dataset = CSV(path, image_column=image, label_column=label)
    assert names(dataset) == ["a.png", "b.png"]
    assert dataset.classes == ["cat", "dog"]
    assert dataset.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"image_column": "picture"},
            r"has no column named 'picture' \(image_column=\); it has the columns 'file', 'x'",
        ),
        ({"label_column": "y"}, r"has no column named 'y' \(label_column=\); it has the columns 'file', 'x'"),
        ({"label_column": ["file", "y"]}, r"has no column named 'y' \(label_column=\)"),
        ({"image_column": 3}, r"has no column 3 \(image_column=\); it has the columns 'file', 'x', 'x'"),
        ({"label_column": -4}, r"has no column -4 \(label_column=\)"),
        ({"label_column": "x"}, r"has 2 columns named 'x' \(label_column=\); .*; give its position instead"),
    ],
)
def test_a_column_that_is_not_there(root: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        CSV(written(root, "file,x,x\na.png,1,2\n"), **options)


def test_a_column_named_twice_can_be_had_by_position(root: Path) -> None:
    assert CSV(written(root, "file,x,x\na.png,1,2\n"), label_column=2).labels.tolist() == [2]


def test_labels_that_are_whole_numbers_stay_as_they_are(root: Path) -> None:
    path = written(root, "file,label\na.png,7\nb.png,-1\n\nc.png,3.0\n\n")
    dataset = CSV(path)
    assert dataset.labels.tolist() == [7, -1, 3]
    assert dataset.labels.dtype == np.int64
    assert dataset.classes == []
    assert CSV(path, classes=[f"c{k}" for k in range(8)]).labels.tolist() == [7, -1, 3]
    with pytest.raises(UnknownClassError, match=r"label 7 of sample 0 is no position in the 2 classes \('x', 'y'\)"):
        CSV(path, classes=["x", "y"])


def test_whole_numbers_mean_the_classes_of_that_name(root: Path) -> None:
    path = written(root, "file,label\na.png,10\nb.png,002\n")
    assert CSV(path, classes=["10", "2"]).labels.tolist() == [0, 1]
    assert CSV(path, classes=["001", "002", "010"]).labels.tolist() == [2, 1]
    with pytest.raises(
        UnknownClassError, match=r"label '10' \(.*list\.csv, column 'label', row 2\) (is|are) not among the 2"
    ):
        CSV(path, classes=["1", "2"])


def test_truth_values_are_labels_0_and_1(root: Path) -> None:
    assert CSV(written(root, "file,label\na.png,True\nb.png,False\n")).labels.tolist() == [1, 0]


@pytest.mark.parametrize("name", ["NA", "nan", "None", "null", "", "N/A"])
def test_only_an_empty_cell_is_missing(root: Path, name: str) -> None:
    path = written(root, f"file,label\na.png,{name}\nb.png,cat\n")
    if name:
        assert CSV(path).classes == sorted([name, "cat"])
    else:
        with pytest.raises(DatasetError, match="has 1 empty cells in column 'label', in row 2; fill them in"):
            CSV(path)


def test_no_label_column_gives_minus_1(root: Path) -> None:
    assert CSV(written(root, "file\na.png\nb.png\n")).labels.tolist() == [-1, -1]
    dataset = CSV(written(root, "file,x\na.png,1\n"), label_column=[])
    assert dataset.labels.tolist() == [-1]
    assert dataset.classes == []


def test_a_label_column_is_named_once(root: Path) -> None:
    path = written(root, "file,p,q\na.png,1,0\n")
    for columns in (["p", "p"], ["p", 1]):
        with pytest.raises(DatasetError, match=r"label_column=\['p', .*\] names a column of .* twice; name each once"):
            CSV(path, label_column=columns)


def test_several_columns_of_numbers(root: Path) -> None:
    path = written(root, "file,sea,sky,deep\na.png,1,0,0.5\nb.png,0,1,2\n")
    dataset = CSV(path, label_column=["sky", "sea"])
    assert dataset.classes == ["sky", "sea"]
    assert dataset.labels.dtype == np.int64
    assert dataset.labels.tolist() == [[0, 1], [1, 0]]
    np.testing.assert_array_equal(dataset[1][1], [1, 0])
    assert dataset[:][1].shape == (2, 2)
    assert CSV(path, label_column=["sky", "sea"], classes=["sea", "sky"]).labels.tolist() == [[1, 0], [0, 1]]
    fractions = CSV(path, label_column=[1, -1])
    assert fractions.labels.dtype == np.float32
    assert fractions.labels.tolist() == [[1, 0.5], [0, 2]]
    assert fractions[0][1].dtype == np.float32
    assert CSV(path, label_column=["deep"]).labels.tolist() == [[0.5], [2]]
    with pytest.raises(UnknownClassError, match=r"label columns 'sky' of .* are not the classes asked for: 'sea'"):
        CSV(path, label_column=["sky"], classes=["sea"])


def test_several_columns_of_names(root: Path) -> None:
    path = written(root, "file,what,colour\na.png,cat,red\nb.png,dog,cat\n")
    dataset = CSV(path, label_column=["what", "colour"])
    assert dataset.classes == ["cat", "dog", "red"]
    assert dataset.labels.tolist() == [[0, 2], [1, 0]]
    asked = CSV(path, label_column=["what", "colour"], classes=["red", "dog", "cat"])
    assert asked.labels.tolist() == [[2, 0], [1, 2]]
    with pytest.raises(UnknownClassError, match=r"label 'red' \(.*list\.csv, row 2\) (is|are) not among the 2 classes"):
        CSV(path, label_column=["what", "colour"], classes=["cat", "dog"])


def test_columns_of_mixed_kinds_are_refused(root: Path) -> None:
    path = written(root, "file,a,b\na.png,cat,1\n")
    with pytest.raises(DatasetError, match=r"are of mixed kinds: 'a \(.*\)', 'b \(int64\)'; use only numbers or only"):
        CSV(path, label_column=["a", "b"])


# pandas 2 reads a column with a number over 64 bits as text, so that its cells are names of classes.
WIDER_THAN_64_BITS = pytest.param(
    "99999999999999999999", marks=pytest.mark.skipif(pandas.__version__ < "3", reason="pandas 2 reads text here")
)


@pytest.mark.parametrize("cell", ["0.5", "inf", "1e300", WIDER_THAN_64_BITS, "18446744073709551615"])
def test_a_label_that_is_no_whole_number(root: Path, cell: str) -> None:
    with pytest.raises(
        DatasetError, match=r"column 'label': expected names or whole numbers as labels, got .* in row 3"
    ):
        CSV(written(root, f"file,label\na.png,1\nb.png,{cell}\n"))


def test_an_unknown_label_is_named_with_its_row(root: Path) -> None:
    path = written(root, "file,label\na.png,cat\nb.png,dog\nc.png,dog\nsub/d.png,emu\n")
    with pytest.raises(UnknownClassError, match=r"labels 'dog', 'emu' \(.*, row 3\) (is|are) not among the 1 classes"):
        CSV(path, classes=["cat"])


def test_files_start_from_the_csv_or_from_images(root: Path) -> None:
    path = written(root, "file,label\nd.png,cat\n", name="sub/list.csv")
    assert len(CSV(path)) == 1
    elsewhere = written(root, f"file,label\nd.png,cat\n{root}/a.png,dog\n")
    dataset = CSV(elsewhere, root / "sub")
    np.testing.assert_array_equal(dataset[0][0], pixels(3))
    np.testing.assert_array_equal(dataset[1][0], pixels(0))
    os.chdir(root)
    assert CSV("list.csv", images="sub").describe(1) == f"{elsewhere}, row 3: {root}/a.png"


def test_all_missing_files_are_reported_at_once(root: Path) -> None:
    rows = ["a.png,0", "gone.png,1", "", "sub,2", "b.png,3", "/no/where.png,4"]
    with pytest.raises(DatasetError) as caught:
        CSV(written(root, "\n".join(["file,label", *rows])))
    assert str(caught.value) == (
        f"3 of the 5 images in {root}/list.csv are not there; relative names start from {root} "
        "(change it with images=):\n"
        "  row 3: 'gone.png'\n  row 5: 'sub'\n  row 7: '/no/where.png'"
    )
    with pytest.raises(DatasetError, match=r"500 of the 500 images(.|\n)*row 21: '19\.png'\n  \.\.\. and 480 more$"):
        CSV(written(root, "file\n" + "\n".join(f"{k}.png" for k in range(500))))


def test_a_file_that_vanishes_later_is_named_with_its_row(root: Path) -> None:
    dataset = CSV(written(root, "file,label\na.png,0\nb.png,1\n"))
    (root / "b.png").unlink()
    with pytest.raises(MissingFileError, match=r"list\.csv, row 3: .*/b\.png: the file is not there; .* \(sample 1\)"):
        dataset[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is empty: expected a header row and one row per image"),
        (b"\n\n", "is empty: expected a header row"),
        (b"file,label\n", "has the columns 'file', 'label', but no rows below the header"),
        (b"file,label\n,cat\nb.png,x\n", "has 1 empty cells in column 'file', in row 2"),
        (b"file,label\na.png,cat,x\n", r"rows with more cells than its header has columns \('file', 'label'\); quote"),
        (b"file,label\na.png,cat\nb.png,a,b\n", "can't be read as a CSV: .*Expected 2 fields in line 3, saw 3"),
        (b'file,label\n"a.png,cat\n', "can't be read as a CSV: .*EOF inside string"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "is not text in UTF-8: .* save it as a CSV in UTF-8"),
        (b"file,label\nb\xe4r.png,cat\n", "is not text in UTF-8"),
        (bytes(100), "list.csv"),
    ],
)
def test_a_table_that_is_none(root: Path, text: bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        CSV(written(root, text))
    assert str(caught.value).startswith(f"{root}/list.csv ") or "list.csv are not there" in str(caught.value)


@given(text=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    root = tmp_path_factory.mktemp("any")
    with pytest.raises(DatasetError, match=r"list\.csv"):
        CSV(written(root, text))


def test_a_csv_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"expected a CSV, but .*gone\.csv is not there; check the path"):
        CSV(tmp_path / "gone.csv")
    with pytest.raises(DatasetError, match=r"can't be read as a CSV: .*Is a directory"):
        CSV(tmp_path)


def test_tables_as_programs_write_them(root: Path) -> None:
    text = 'file,label\r\na.png, cat\r\n"b.png","a, b"\r\n'
    expected = ["a, b", "cat"]
    assert CSV(written(root, b"\xef\xbb\xbf" + text.encode())).classes == expected
    assert CSV(written(root, text.replace(", ", ",")).rename(root / "x.CSV")).classes == ["a,b", "cat"]
    assert CSV(written(root, "file\tlabel\na.png\ta, b\nb.png\tcat\n", "list.tsv")).classes == expected
    assert CSV(written(root, gzip.compress(text.encode()), "list.csv.gz")).classes == expected


def test_numbers_as_file_names_keep_their_zeros(root: Path) -> None:
    (root / "007").write_bytes(encoded(pixels(0), "PNG"))
    assert names(CSV(written(root, "file,label\n007,1\n"))) == ["007"]


def test_pickling_keeps_rows(root: Path) -> None:
    dataset = pickle.loads(pickle.dumps(CSV(written(root, "file,label\n\na.png,x\n"))))
    assert dataset.describe(0) == f"{root}/list.csv, row 3: {root}/a.png"
    assert repr(dataset) == f"CSV('{root}/list.csv', 1 samples, 1 class)"
