"""Subset, Concat and split: nesting, transforms, records seen through, and sizes."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from support.containers import encoded, folder, lmdb_file, pack, pixels, write_folder

from penstock.errors import ChecksumError, DatasetError, MissingFileError, OptionError
from penstock.formats import Arrays, Concat, Dataset, Folder, Subset, split
from penstock.formats.reading import read_record


def numbered(count: int, start: int = 0, **options: Any) -> Arrays:
    """Images of one pixel whose value and label are their number."""
    numbers = np.arange(start, start + count)
    images = np.broadcast_to(numbers.astype(np.uint8)[:, None, None, None], (count, 1, 1, 3))
    return Arrays(images, numbers, layout="NHWC", **options)


def numbers(dataset: Dataset) -> list[int]:
    """The labels, after a look at whether the images agree."""
    samples = dataset.__getitems__(range(len(dataset)))
    assert [int(image[0, 0, 0]) for image, _ in samples] == [label for _, label in samples]
    assert dataset.labels.tolist() == [label for _, label in samples]
    return [label for _, label in samples]


@given(data=st.data(), count=st.integers(1, 30))
def test_subsets_nest(data: st.DataObject, count: int) -> None:
    dataset: Dataset = numbered(count)
    expected = list(range(count))
    for _ in range(data.draw(st.integers(1, 3))):
        if not expected:
            break
        chosen = data.draw(st.lists(st.integers(-len(expected), len(expected) - 1), max_size=20))
        dataset = Subset(dataset, data.draw(st.sampled_from([list, np.array, tuple]))(chosen))
        expected = [expected[k] for k in chosen]
    assert len(dataset) == len(expected)
    assert numbers(dataset) == expected
    assert [dataset.describe(k) for k in range(len(dataset))] == [f"Arrays, image {k}" for k in expected]


@given(sizes=st.lists(st.integers(0, 5), min_size=1, max_size=6), data=st.data())
def test_concat_is_one_after_the_other(sizes: list[int], data: st.DataObject) -> None:
    starts = np.cumsum([0, *sizes]).tolist()
    dataset = Concat([numbered(size, start) for size, start in zip(sizes, starts, strict=False)])
    total = sum(sizes)
    assert len(dataset) == total
    assert dataset.cumulative_sizes == starts[1:]
    assert numbers(dataset) == list(range(total))
    if total:
        chosen = data.draw(st.lists(st.integers(-total, total - 1), max_size=12))
        assert dataset[chosen][1].tolist() == [k % total for k in chosen]
        records = dataset.records(np.array(chosen, np.int64) % total)
        assert [bytes(read_record(records, row))[0] for row in range(len(chosen))] == [k % total for k in chosen]


@pytest.mark.parametrize("indices", [[3], [-4], np.array([0, 3])])
def test_a_subset_checks_its_indices(indices: Any) -> None:
    with pytest.raises(IndexError, match=r"index -?\d is out of range: the dataset has 3 samples"):
        Subset(numbered(3), indices)


def test_a_mask_is_no_sequence_of_indices() -> None:
    with pytest.raises(TypeError, match=r"got a sequence of bool; turn a mask into indices with numpy\.flatnonzero"):
        Subset(numbered(3), [True, False, True])


def test_views_are_of_penstock_datasets() -> None:
    foreign: Any = torch.utils.data.TensorDataset(torch.zeros(3))
    with pytest.raises(
        OptionError, match=r"Subset is for Penstock .*, got TensorDataset; .* torch\.utils\.data\.Subset"
    ):
        Subset(foreign, [0])
    with pytest.raises(OptionError, match=r"Concat is for .* for any other use torch\.utils\.data\.ConcatDataset"):
        Concat([numbered(1), foreign])
    with pytest.raises(OptionError, match="Concat needs at least one dataset, got none"):
        Concat([])


def test_concat_needs_the_same_classes_and_kinds_of_label() -> None:
    one = numbered(2, classes=["a", "b"])
    with pytest.raises(DatasetError, match="dataset 0 has 'a', 'b', dataset 1 has 'b', 'a'; open them with the same"):
        Concat([one, numbered(2, classes=["b", "a"])])
    with pytest.raises(DatasetError, match="dataset 0 has 'a', 'b', dataset 2 has none"):
        Concat([one, one, numbered(2)])
    several = Arrays(np.zeros((2, 4, 4, 3), np.uint8), np.zeros((2, 2), np.float32))
    with pytest.raises(
        DatasetError, match=r"dataset 0 are int64 of shape \(n\), .* dataset 1 are float32 of shape \(n, 2\)"
    ):
        Concat([numbered(2), several])
    assert Concat([several, several]).labels.shape == (4, 2)
    np.testing.assert_array_equal(Concat([several, several])[3][1], [0, 0])


def mean(image: Image.Image) -> float:
    return float(np.asarray(image).mean())


def minus(label: int) -> int:
    return -label


def tenfold(label: int) -> int:
    return 10 * label


def test_a_view_honours_the_transforms_of_what_it_shows() -> None:
    dataset = numbered(4, transform=mean, target_transform=minus)
    view = Subset(Subset(dataset, [3, 2]), [1])
    assert view.transform is mean
    assert view.target_transform is minus
    assert view[0] == (2.0, -2)
    assert view[:][1].tolist() == [-2]
    dataset.transform = None
    assert view[0][0].shape == (1, 1, 3)


def test_a_views_own_transform_takes_the_place() -> None:
    dataset = numbered(4, transform=mean, target_transform=minus)
    view = Subset(dataset, [1, 3], target_transform=tenfold)
    assert view[1] == (3.0, 30)
    assert dataset[1] == (1.0, -1)
    empty = torch.nn.Sequential()
    view.transform = empty
    assert view.transform is empty
    assert isinstance(view[0][0], Image.Image)


def test_each_part_of_a_concat_keeps_its_transform() -> None:
    view = Concat([numbered(2, transform=mean), numbered(2, 2, target_transform=minus)])
    assert view.transform is mean
    assert view.target_transform is minus
    assert view[1] == (1.0, 1)
    assert view[2][0].shape == (1, 1, 3)
    assert view[2][1] == -2
    view.target_transform = tenfold
    assert [label for _, label in view] == [0, 10, 20, 30]
    assert Subset(view, [3])[0][1] == 30


def test_an_error_names_place_and_index_in_the_view(tmp_path: Path) -> None:
    write_folder(tmp_path / "images")
    source = Folder(tmp_path / "images")
    (tmp_path / "images" / "bird" / "2.jpeg").unlink()
    view = Subset(Concat([source, source]), [0, 11])
    with pytest.raises(MissingFileError, match=r"bird/2\.jpeg: the file is not there; .* \(sample 1\)$"):
        view[1]


def test_a_concat_of_files_and_checksums_loses_no_check(tmp_path: Path) -> None:
    write_folder(tmp_path / "images")
    view = Concat([folder(tmp_path), pack(tmp_path), lmdb_file(tmp_path)])
    assert view.records([0]).checksum is None
    assert view.records([9, 18]).checksum is not None
    mixed = view.records([18, 0, 9])
    assert mixed.checksum is None
    assert mixed.file.tolist() == [-1, 0, -1]
    assert mixed.paths == [f"{tmp_path}/images/bird/0.jpeg"]
    shard = tmp_path / "pack" / "shard-00000.pack"
    broken = bytearray(shard.read_bytes())
    broken[100] ^= 1
    shard.write_bytes(broken)
    for read in (lambda: view[9], lambda: view[[0, 9]], lambda: view.records([0, 9])):
        with pytest.raises(ChecksumError, match=r"shard-00000\.pack, record 0.*checksum mismatch.*\(sample 9\)$"):
            read()


def test_repr_and_attributes_are_torchs() -> None:
    view = Subset(numbered(3), [2, -1])
    assert repr(view) == "Subset(Arrays(3 samples), 2 samples)"
    assert view.indices.tolist() == [2, 2]
    assert isinstance(view.dataset, Arrays)
    assert repr(Concat([view, view])).startswith("Concat([Subset(")
    assert numbers(pickle.loads(pickle.dumps(Concat([view, view])))) == [2, 2, 2, 2]


# --- split --------------------------------------------------------------------------------------------------------


@given(
    count=st.integers(0, 200),
    weights=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    shuffle=st.booleans(),
    seed=st.integers(0, 2**64 - 1),
)
@example(count=57, weights=[1, 4, 1], shuffle=False, seed=0)
def test_parts_hold_each_sample_once(count: int, weights: list[int], shuffle: bool, seed: int) -> None:
    fractions = [weight / sum(weights) for weight in weights]
    parts = split(numbered(count), fractions, shuffle=shuffle, seed=seed)
    order = [index for part in parts for index in part.indices.tolist()]
    assert sorted(order) == list(range(count))
    assert shuffle or order == list(range(count))
    assert all(abs(len(part) - fraction * count) < 1 for part, fraction in zip(parts, fractions, strict=True))
    again = split(numbered(count), fractions, shuffle=shuffle, seed=seed)
    assert [part.indices.tolist() for part in again] == [part.indices.tolist() for part in parts]


def test_one_fraction_gives_two_parts() -> None:
    train, rest = split(numbered(10))
    assert (len(train), len(rest)) == (7, 3)
    train, rest = split(numbered(10), at=0.25, shuffle=False)
    assert numbers(train) == [0, 1, 2]
    assert numbers(rest) == [3, 4, 5, 6, 7, 8, 9]
    assert [len(part) for part in split(numbered(10), (0.7, 0.2, 0.1))] == [7, 2, 1]
    assert [len(part) for part in split(numbered(1), 0.5)] == [1, 0]


def test_the_seed_decides() -> None:
    orders = [split(numbered(50), 0.5, seed=seed)[0].indices.tolist() for seed in (0, 1, 0)]
    assert orders[0] == orders[2]
    assert orders[0] != orders[1]
    assert orders[0] != sorted(orders[0])


def test_the_shuffle_is_the_same_everywhere() -> None:
    assert split(numbered(10), 0.5, seed=0)[0].indices.tolist() == [4, 2, 9, 5, 0]


@pytest.mark.parametrize(
    "at", [0, 1, 1.0, -0.1, 1.5, float("nan"), (), (0.5, 0), (0.5, -0.5, 1), None, "0.5", (0.3, "x")]
)
def test_fractions_must_be_fractions(at: Any) -> None:
    with pytest.raises(
        OptionError, match=r"split\(at=...\) takes a fraction between 0 and 1, or several that sum to 1"
    ):
        split(numbered(3), at)


@pytest.mark.parametrize("at", [(0.5, 0.4), (0.9, 0.2), (0.3,)])
def test_fractions_must_sum_to_1(at: Any) -> None:
    with pytest.raises(OptionError, match=r"the fractions in split\(at=.*\) sum to .*; they must sum to 1"):
        split(numbered(3), at)


def test_images_of_parts_are_those_of_the_whole(tmp_path: Path) -> None:
    for k in range(5):
        (tmp_path / f"{k}.png").write_bytes(encoded(pixels(k), "PNG"))
    for part in split(Folder(tmp_path), (0.6, 0.4)):
        for image, index in zip(part[:][0], part.indices, strict=True):
            np.testing.assert_array_equal(image, pixels(int(index)))
