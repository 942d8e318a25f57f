"""Arrays: layouts, labels, what is shared with the caller, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import DatasetError, OptionError, UnknownClassError
from penstock.formats import Arrays

RGB = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), np.uint8)
GREY = RGB[..., 0]


@pytest.mark.parametrize("convert", [np.asarray, torch.tensor, np.asfortranarray, lambda a: a[::-1][::-1]])
@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (RGB, RGB),
        (RGB.transpose(0, 3, 1, 2), RGB),
        (GREY, np.repeat(GREY[..., None], 3, axis=3)),
        (GREY[..., None], np.repeat(GREY[..., None], 3, axis=3)),
        (GREY[:, None], np.repeat(GREY[..., None], 3, axis=3)),
    ],
    ids=["NHWC", "NCHW", "NHW", "NHW1", "N1HW"],
)
def test_layouts(images: np.ndarray, expected: np.ndarray, convert: Any) -> None:
    dataset = Arrays(convert(np.ascontiguousarray(images)))
    np.testing.assert_array_equal(dataset[:][0], expected)
    np.testing.assert_array_equal(dataset[-1][0], expected[-1])
    assert dataset.labels.tolist() == [-1] * 6
    assert dataset.classes == []


@pytest.mark.parametrize(
    ("shape", "layout"),
    [((2, 3, 4, 3), "NHWC"), ((2, 3, 4, 3), "NCHW"), ((2, 1, 4, 1), "NHWC"), ((2, 4, 3), "NHW"), ((5, 2, 1), "NHW")],
)
def test_a_layout_that_the_shape_cannot_tell_is_asked_for(shape: tuple[int, ...], layout: Any) -> None:
    images = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    with pytest.raises(DatasetError, match=rf"can be read in more than one way; say which it is: layout=.*'{layout}'"):
        Arrays(images)
    expected = {"NHWC": images, "NCHW": np.moveaxis(images, 1, -1), "NHW": images[..., None]}[layout]
    got = Arrays(images, layout=layout)[:][0]
    np.testing.assert_array_equal(got, np.broadcast_to(expected, got.shape))


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (
            np.zeros((2, 4, 4, 3), np.float32),
            {},
            r"expected images of dtype uint8 .*, got float32 of shape \(2, 4, 4, 3\)",
        ),
        (
            np.zeros((2, 4, 4, 2), np.uint8),
            {},
            r"expected images of shape \(n, height, width, 3 or 1\).*got \(2, 4, 4, 2\)",
        ),
        (np.zeros((4, 4), np.uint8), {}, r"expected images of shape .*, got \(4, 4\)"),
        (np.zeros((4, 5, 3), np.uint8), {}, r"say which it is: layout='NHW', or images\[None\] for a single image"),
        (np.zeros((2, 0, 4, 3), np.uint8), {}, "at least one pixel"),
        (np.zeros((2, 4, 4, 4), np.uint8), {"layout": "NHWC"}, r"1 or 3 channels .* got shape \(2, 4, 4, 4\) as NHWC"),
        (np.zeros((2, 4, 4, 3), np.uint8), {"layout": "NHW"}, r"layout=NHW has 3 dimensions, but .* \(2, 4, 4, 3\)"),
        ([[1], [1, 2]], {}, "images can't be read as one array in the memory of the CPU"),
        (torch.zeros(2, 4, 4, 3, device="meta", dtype=torch.uint8), {}, "can't be read as one array in the memory of"),
    ],
)
def test_images_that_are_none(images: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Arrays(images, **options)


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(OptionError, match="layout must be one of NHWC, NCHW, NHW, got 'HWC'"):
        Arrays(RGB, layout="HWC")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("labels", "expected", "dtype"),
    [
        ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5], np.int64),
        (np.arange(6, dtype=np.uint8), [0, 1, 2, 3, 4, 5], np.int64),
        (torch.arange(6, dtype=torch.int32), [0, 1, 2, 3, 4, 5], np.int64),
        ([True, False] * 3, [1, 0] * 3, np.int64),
        (np.ones((6, 2), np.int16), [[1, 1]] * 6, np.int64),
        (np.full((6, 1), 0.5), [[0.5]] * 6, np.float32),
    ],
)
def test_labels(labels: Any, expected: list[Any], dtype: Any) -> None:
    dataset = Arrays(RGB, labels)
    assert dataset.labels.tolist() == expected
    assert dataset.labels.dtype == dtype
    assert dataset[2:4][1].tolist() == expected[2:4]
    one = dataset[3][1]
    assert type(one) is int if np.ndim(one) == 0 else one.dtype == dtype


def test_names_as_labels() -> None:
    names = ["b", "a", "b", "c", "a", "a"]
    dataset = Arrays(RGB, np.array(names))
    assert dataset.classes == ["a", "b", "c"]
    assert dataset.labels.tolist() == [1, 0, 1, 2, 0, 0]
    assert Arrays(RGB, names, classes=["c", "b", "a"]).labels.tolist() == [1, 2, 1, 0, 2, 2]
    with pytest.raises(
        UnknownClassError, match=r"label 'c' \(sample 3\) (is|are) not among the 2 classes asked for: 'a', 'b'; add"
    ):
        Arrays(RGB, names, classes=["a", "b"])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], r"expected labels of shape \(6,\) or \(6, k\) for 6 images, got \(2,\)"),
        (np.zeros((6, 2, 2)), r"for 6 images, got \(6, 2, 2\)"),
        (3, r"for 6 images, got \(\)"),
        (np.zeros(6), r"expected labels that are ints or names, .* got float64 of shape \(6,\); .*labels\[:, None\]"),
        ([None] * 6, "expected labels that are ints or names"),
        ([[1], [1, 2]], "labels can't be read as one array"),
    ],
)
def test_labels_that_do_not_fit(labels: Any, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Arrays(RGB, labels)


def test_a_label_out_of_range_is_named() -> None:
    assert Arrays(RGB, [0, 1, -1, 0, 1, 0], classes=["a", "b"]).classes == ["a", "b"]
    with pytest.raises(UnknownClassError, match="labels: label 7 of sample 2 is no position in the 2 classes"):
        Arrays(RGB, [0, 1, 7, 0, 1, 0], classes=["a", "b"])


def test_the_callers_data_are_shared_and_not_frozen() -> None:
    images, labels = RGB.copy(), np.arange(6)
    dataset = Arrays(images, labels)
    assert np.shares_memory(dataset.records([2]).payloads[0], images)
    labels[0] = 9
    assert dataset.labels[0] == 0
    assert images.flags.writeable


def test_no_images_are_a_dataset_without_samples() -> None:
    dataset = Arrays(RGB[:0], [])
    assert len(dataset) == 0
    assert list(dataset) == []
    with pytest.raises(IndexError, match="the dataset has 0 samples"):
        dataset[0]


@given(shape=st.lists(st.integers(0, 4), max_size=5))
def test_any_shape_is_read_or_refused(shape: list[int]) -> None:
    images = np.zeros(shape, np.uint8)
    try:
        dataset = Arrays(images)
    except DatasetError:
        return
    assert len(dataset) == shape[0]
    for image, label in dataset:
        assert image.ndim == 3
        assert image.shape[2] == 3
        assert label == -1
