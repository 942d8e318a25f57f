"""What every container promises, whatever its samples rest in. A new one joins `support.containers.CONTAINERS`."""

from __future__ import annotations

import enum
import multiprocessing
import os
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.containers import CLASSES, CONTAINERS, HEIGHT, LABELS, WIDTH, Container, decoded, write_folder

from penstock._core import decode_dct
from penstock.errors import OptionError, UnknownClassError
from penstock.formats import Dataset
from penstock.formats.reading import read_record
from penstock.record import Codec, RecordSource

COUNT = len(LABELS)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conformance")


@pytest.fixture(scope="module")
def images(place: Path) -> list[np.ndarray]:
    return write_folder(place / "images")


@pytest.fixture(scope="module", params=CONTAINERS)
def container(request: pytest.FixtureRequest) -> Container:
    return CONTAINERS[request.param]


@pytest.fixture(scope="module")
def dataset(container: Container, place: Path, images: list[np.ndarray]) -> Dataset:
    del images
    return container.make(place)


def test_numpy_asks_no_enum_for_attributes(dataset: Dataset) -> None:
    """For a `Codec` it runs Python code of enum's to look for them, and drops a Ctrl-C that comes there."""
    asked: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename == enum.__file__ and frame.f_code.co_name == "__getattr__":
            asked.append(f"{frame.f_back and frame.f_back.f_code.co_filename}:{frame.f_back and frame.f_back.f_lineno}")

    indices = list(range(COUNT))
    sys.setprofile(note)
    try:
        dataset.records(indices)
        dataset.__getitems__(indices)
    finally:
        sys.setprofile(None)
    assert asked == []


def test_length_classes_and_labels(dataset: Dataset) -> None:
    assert isinstance(dataset, Dataset)
    assert isinstance(dataset, RecordSource)
    assert len(dataset) == COUNT
    assert dataset.classes == CLASSES
    assert dataset.labels.dtype == np.int64
    assert dataset.labels.tolist() == LABELS
    assert dataset.transform is None
    assert dataset.target_transform is None


def test_one_sample_is_an_rgb_image_and_an_int(dataset: Dataset, images: list[np.ndarray]) -> None:
    for index in range(COUNT):
        image, label = dataset[index]
        assert type(label) is int
        assert label == LABELS[index]
        assert image.dtype == np.uint8
        np.testing.assert_array_equal(image, images[index])
        assert image.flags.writeable
        assert image.flags.c_contiguous


def test_a_sample_is_the_callers_own(dataset: Dataset, images: list[np.ndarray]) -> None:
    image, _ = dataset[1]
    image[:] = 0
    np.testing.assert_array_equal(dataset[1][0], images[1])


@pytest.mark.parametrize("kind", [int, np.int64, np.int8, np.array, torch.tensor])
def test_an_index_may_be_of_any_integer_kind(dataset: Dataset, images: list[np.ndarray], kind: Any) -> None:
    image, label = dataset[kind(-2)]
    assert label == LABELS[-2]
    np.testing.assert_array_equal(image, images[-2])


@pytest.mark.parametrize("index", [COUNT, -COUNT - 1, 10**12])
def test_an_index_out_of_range_is_an_index_error(dataset: Dataset, index: int) -> None:
    for form in (index, [0, index], np.array([index])):
        with pytest.raises(IndexError, match=f"index {index} is out of range: the dataset has {COUNT} samples"):
            dataset[form]


@pytest.mark.parametrize("index", ["1", 1.0, None, [1.5], ["a"], [[1]], np.zeros(COUNT, bool)])
def test_an_index_that_is_none_is_a_type_error(dataset: Dataset, index: Any) -> None:
    with pytest.raises(TypeError, match="expected an int, a slice or a sequence of ints as the index, got"):
        dataset[index]


@given(chosen=st.slices(COUNT))
def test_a_slice_is_a_batch(dataset: Dataset, images: list[np.ndarray], chosen: slice) -> None:
    batch, labels = dataset[chosen]
    expected = images[chosen]
    assert isinstance(labels, np.ndarray)
    assert labels.dtype == np.int64
    assert labels.tolist() == LABELS[chosen]
    if expected:
        assert isinstance(batch, np.ndarray)
        np.testing.assert_array_equal(batch, np.stack(expected))
    else:
        assert len(batch) == 0


@given(chosen=st.lists(st.integers(-COUNT, COUNT - 1), max_size=12), form=st.sampled_from([list, tuple, np.array]))
def test_a_sequence_is_a_batch_in_its_order(
    dataset: Dataset, images: list[np.ndarray], chosen: list[int], form: Any
) -> None:
    batch, labels = dataset[form(chosen)]
    assert labels.tolist() == [LABELS[k] for k in chosen]
    assert len(batch) == len(chosen)
    for image, k in zip(batch, chosen, strict=True):
        np.testing.assert_array_equal(image, images[k])


def test_getitems_gives_torch_its_samples(dataset: Dataset) -> None:
    samples = dataset.__getitems__([3, 1, 2])
    assert [label for _, label in samples] == [LABELS[k] for k in (3, 1, 2)]
    for (image, label), k in zip(samples, (3, 1, 2), strict=True):
        np.testing.assert_array_equal(image, dataset[k][0])
        assert type(label) is int
    assert dataset.__getitems__([]) == []


def test_iterating_gives_each_sample_once(dataset: Dataset, images: list[np.ndarray]) -> None:
    samples = list(dataset)
    assert [label for _, label in samples] == LABELS
    np.testing.assert_array_equal([image for image, _ in samples], images)


@given(chosen=st.lists(st.integers(0, COUNT - 1), max_size=12))
def test_records_lead_to_the_same_pixels(dataset: Dataset, images: list[np.ndarray], chosen: list[int]) -> None:
    records = dataset.records(np.array(chosen, np.int64))
    assert len(records) == len(chosen)
    assert records.labels.tolist() == [LABELS[k] for k in chosen]
    kinds = {"codec": np.uint8, "file": np.int32, "offset": np.int64, "length": np.int64}
    for column, kind in {**kinds, "width": np.int32, "height": np.int32}.items():
        assert getattr(records, column).dtype == kind
        assert getattr(records, column).shape == (len(chosen),)
    for row, k in enumerate(chosen):
        data = bytes(read_record(records, row))
        assert (records.file[row] == -1) == (records.payloads is not None and records.payloads[row] is not None)
        if records.codec[row] == Codec.RAW:
            assert (records.height[row], records.width[row]) == (HEIGHT, WIDTH)
            image = np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH, 3)
        elif records.codec[row] == Codec.DCT:
            assert (records.height[row], records.width[row]) == (HEIGHT, WIDTH)
            image = decode_dct(data)
        else:
            image = decoded(data)
        np.testing.assert_array_equal(image, images[k])


def test_describe_and_name_tell_samples_apart(dataset: Dataset, container: Container) -> None:
    assert len({dataset.describe(k) for k in range(COUNT)}) == COUNT
    if container.same_names:
        assert dataset.name(0) == "bird/0.jpeg"
        assert dataset.name(COUNT - 1) == "dög/8.jpeg"
        assert "dög/8.jpeg" in dataset.describe(COUNT - 1)


def test_repr_tells_kind_and_size(dataset: Dataset) -> None:
    assert repr(dataset).startswith(type(dataset).__name__ + "(")
    assert f"{COUNT} samples" in repr(dataset)
    assert "3 classes" in repr(dataset)


def test_pickling_keeps_everything(dataset: Dataset, images: list[np.ndarray]) -> None:
    dataset[0]
    copy = pickle.loads(pickle.dumps(dataset))
    assert copy.classes == CLASSES
    assert copy.labels.tolist() == LABELS
    np.testing.assert_array_equal(copy[:][0], images)


def _bytes(dataset: Dataset) -> bytes:
    return dataset[:][0].tobytes()


def test_a_forked_child_reads_it(dataset: Dataset, images: list[np.ndarray]) -> None:
    expected = np.stack(images).tobytes()
    assert _bytes(dataset) == expected
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        same = _bytes(dataset) == expected and _bytes(dataset) == expected
        os.write(writer, b"y" if same else b"n")
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    answer = os.read(reader, 1)
    os.close(reader)
    assert answer == b"y"
    assert _bytes(dataset) == expected


def test_a_spawned_process_reads_all_of_them(place: Path, images: list[np.ndarray]) -> None:
    datasets = [container.make(place) for container in CONTAINERS.values()]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(_bytes, datasets) == [np.stack(images).tobytes()] * len(datasets)
        pool.close()  # leaving the block would terminate its process, which may hold a lock then
        pool.join()


def test_threads_read_it_at_once(dataset: Dataset, images: list[np.ndarray]) -> None:
    fresh = pickle.loads(pickle.dumps(dataset))
    with ThreadPoolExecutor(8) as threads:
        for k, (image, label) in enumerate(threads.map(lambda k: fresh[k % COUNT], range(20 * COUNT))):
            assert label == LABELS[k % COUNT]
            np.testing.assert_array_equal(image, images[k % COUNT])


def _tenfold(label: int) -> int:
    return 10 * label


def _grey(image: Image.Image) -> np.ndarray:
    assert image.mode == "RGB"
    return np.asarray(image.convert("L"))


def test_transforms_are_applied_as_in_torchvision(container: Container, place: Path, images: list[np.ndarray]) -> None:
    dataset = container.make(place, transform=_grey, target_transform=_tenfold)
    assert dataset.transform is _grey
    assert dataset.target_transform is _tenfold
    image, label = dataset[4]
    np.testing.assert_array_equal(image, np.asarray(Image.fromarray(images[4]).convert("L")))
    assert label == 10
    batch, labels = dataset[2:5]
    assert batch.shape == (3, HEIGHT, WIDTH)
    assert labels.tolist() == [0, 10, 10]
    assert dataset.labels.tolist() == LABELS
    dataset.transform = dataset.target_transform = None
    np.testing.assert_array_equal(dataset[4][0], images[4])
    assert dataset[4][1] == 1


def test_errors_of_a_transform_are_the_users_own(container: Container, place: Path) -> None:
    def fail(image: Image.Image) -> None:
        raise OSError(f"mine: {image.mode}")

    with pytest.raises(OSError, match="mine: RGB") as caught:
        container.make(place, transform=fail)[0]
    assert type(caught.value) is OSError


@pytest.mark.parametrize("count", [0, 2])
def test_torchs_loader_reads_it(dataset: Dataset, images: list[np.ndarray], count: int) -> None:
    loader = torch.utils.data.DataLoader(dataset, batch_size=4, num_workers=count)
    batches = list(loader)
    assert [len(labels) for _, labels in batches] == [4, 4, 1]
    assert torch.cat([labels for _, labels in batches]).tolist() == LABELS
    np.testing.assert_array_equal(torch.cat([image for image, _ in batches]).numpy(), images)


def test_classes_asked_for_decide_the_labels(container: Container, place: Path) -> None:
    asked = ["dög", "wolf", "bird", "cat"]
    dataset = container.make(place, classes=asked)
    assert dataset.classes == asked
    assert dataset.labels.tolist() == [asked.index(CLASSES[label]) for label in LABELS]
    assert dataset[0][1] == 2
    other = container.make(place, classes=dataset)
    assert other.classes == asked
    assert other.labels.tolist() == dataset.labels.tolist()


def test_an_unknown_label_is_an_error_that_names_it(container: Container, place: Path) -> None:
    asked = ["bird", "cat"]
    with pytest.raises(UnknownClassError) as caught:
        container.make(place, classes=asked)
    assert "'dög'" in str(caught.value)
    assert "'bird', 'cat'" in str(caught.value)


@pytest.mark.parametrize("asked", ["bird", [], ["a", "a"], [1, 2]])
def test_classes_must_be_distinct_names(container: Container, place: Path, asked: Any) -> None:
    with pytest.raises(OptionError, match="classes"):
        container.make(place, classes=asked)
