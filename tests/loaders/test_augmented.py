"""A dataset with its pipeline: what it takes, what it gives, and what it refuses."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.loading import FLOAT_PIPELINE, PIPELINE, Numbers, Plain, arrays
from torch.utils.data import ConcatDataset, IterableDataset, Subset

from penstock.augment import CenterCrop, Pipeline, RandomResizedCrop
from penstock.errors import OptionError
from penstock.formats import Concat
from penstock.formats import Subset as PenstockSubset
from penstock.loaders import Augmented, DataLoader
from penstock.loaders.keys.keys import KeyedIndex

KEY = KeyedIndex(3, seed=5, epoch=2, draw=1)


def expected(pipeline: Pipeline = PIPELINE) -> torch.Tensor:
    image, _ = arrays()[3]
    return torch.from_numpy(pipeline.apply(image, index=3, seed=5, epoch=2, draw=1))


@pytest.mark.parametrize(
    "convert",
    [
        lambda image: image,
        Image.fromarray,
        lambda image: torch.from_numpy(image).permute(2, 0, 1),
        np.asfortranarray,
    ],
)
@pytest.mark.parametrize("pipeline", [PIPELINE, FLOAT_PIPELINE])
def test_images_of_every_kind_become_the_same_tensor(convert: Callable[[Any], Any], pipeline: Pipeline) -> None:
    dataset = Augmented(Plain(arrays(), convert), pipeline)
    image, label = dataset[KEY]
    assert label == 3
    assert image.dtype == (torch.uint8 if pipeline is PIPELINE else torch.float32)
    assert torch.equal(image, expected(pipeline))
    assert torch.equal(dataset.__getitems__([KEY, 4])[0][0], expected(pipeline))


@pytest.mark.parametrize(
    "convert",
    [
        lambda image: image[:, :, 0],
        lambda image: image[:, :, :1],
        lambda image: Image.fromarray(image[:, :, 0]),
        lambda image: torch.from_numpy(image[:, :, 0].copy()),
        lambda image: torch.from_numpy(image[:, :, :1]).permute(2, 0, 1),
    ],
)
def test_grey_images_become_rgb(convert: Callable[[Any], Any]) -> None:
    grey = np.repeat(arrays()[3][0][:, :, :1], 3, 2)
    image, _ = Augmented(Plain(arrays(), convert), PIPELINE)[KEY]
    assert torch.equal(image, torch.from_numpy(PIPELINE.apply(grey, index=3, seed=5, epoch=2, draw=1)))


def test_a_palette_image_is_converted_as_pillow_does() -> None:
    def palette(image: Any) -> Image.Image:
        return Image.fromarray(image).quantize(16)

    rgb = np.asarray(palette(arrays()[3][0]).convert("RGB"))
    image, _ = Augmented(Plain(arrays(), palette), PIPELINE)[KEY]
    assert torch.equal(image, torch.from_numpy(PIPELINE.apply(rgb, index=3, seed=5, epoch=2, draw=1)))


@pytest.mark.parametrize(
    ("convert", "message"),
    [
        (lambda image: image.astype(np.float32), r"got ndarray float32 of shape \(21, 26, 3\) as sample 3 of Plain"),
        (lambda image: image.transpose(2, 0, 1), r"got ndarray uint8 of shape \(3, 21, 26\)"),
        (torch.from_numpy, r"got Tensor torch.uint8 of shape \(21, 26, 3\)"),
        (lambda image: image[:0], r"got ndarray uint8 of shape \(0, 26, 3\)"),
        (lambda image: np.repeat(image, 2, 2), r"got ndarray uint8 of shape \(21, 26, 6\)"),
        (lambda _: "text", r"got str as sample 3"),
    ],
)
def test_other_images_are_refused(convert: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Augmented(Plain(arrays(), convert), PIPELINE)[3]


def test_samples_that_are_no_tuples_are_refused() -> None:
    with pytest.raises(OptionError, match=r"needs samples \(image, label\), got int as sample 2 of Numbers"):
        Augmented(Numbers(4), PIPELINE)[2]


class Several(torch.utils.data.Dataset[Any]):
    def __getitem__(self, index: int) -> Any:
        return [*arrays()[index], f"name {index}", {"box": index}]


def test_what_follows_the_image_stays() -> None:
    image, *rest = Augmented(Several(), PIPELINE)[KEY]
    assert torch.equal(image, expected())
    assert rest == [3, "name 3", {"box": 3}]


def test_a_dataset_without_a_length_goes_with_a_sampler() -> None:
    loader: DataLoader[Any] = DataLoader(Several(), sampler=[3, 1], augment=PIPELINE)
    assert [batch[1].item() for batch in loader] == [3, 1]


def test_a_plain_index_draws_from_torchs_generator() -> None:
    dataset = Augmented(arrays(), PIPELINE)
    torch.manual_seed(0)
    first, second = dataset[3][0], dataset[3][0]
    torch.manual_seed(0)
    again = [image for image, _ in dataset.__getitems__([3, 3])]
    assert not torch.equal(first, second)
    assert torch.equal(first, again[0])
    assert torch.equal(second, again[1])


def test_a_keyed_index_leaves_torchs_generator_alone() -> None:
    before = torch.get_rng_state()
    Augmented(arrays(), PIPELINE)[KEY]
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("index", [slice(2, 5), [2, 3, 4], np.array([2, 3, 4]), torch.tensor([2, 3, 4])])
def test_several_indices_give_a_batch(index: Any) -> None:
    images, labels = Augmented(arrays(), PIPELINE)[index]
    assert images.shape == (3, 3, 9, 9)
    assert labels.tolist() == [2, 3, 4]
    assert labels.dtype == torch.int64


def test_a_batch_of_several_sizes_is_a_list() -> None:
    class Sizes(Numbers):
        def __getitem__(self, index: int) -> Any:
            return np.zeros((index + 1, 2, 3), np.uint8), index

    images, labels = Augmented(Sizes(3), Pipeline())[:]
    assert [tuple(image.shape) for image in images] == [(3, 1, 2), (3, 2, 2), (3, 3, 2)]
    assert labels.tolist() == [0, 1, 2]
    images, labels = Augmented(Sizes(3), Pipeline())[:0]
    assert (images, labels.tolist()) == ([], [])


def test_it_is_a_torch_dataset_with_the_attributes_of_the_one_inside() -> None:
    inner = arrays(classes=[f"class {k}" for k in range(23)])
    dataset = Augmented(inner, PIPELINE)
    assert isinstance(dataset, torch.utils.data.Dataset)
    assert len(dataset) == 23
    assert dataset.classes == inner.classes
    assert dataset.labels is inner.labels
    assert dataset.describe(2) == inner.describe(2)
    assert dataset.records([4, 1]).labels.tolist() == [4, 1]
    with pytest.raises(AttributeError, match="none_such"):
        _ = dataset.none_such
    assert not hasattr(Augmented(Several(), PIPELINE), "records")


def test_it_pickles() -> None:
    dataset = pickle.loads(pickle.dumps(Augmented(arrays(), PIPELINE)))
    assert dataset.pipeline == PIPELINE
    assert torch.equal(dataset[KEY][0], expected())


class Stream(IterableDataset[int]):
    def __iter__(self) -> Any:
        return iter(())


class Joint(Numbers):
    """As torchvision's datasets have it: one transform of image and target together."""

    transform = None
    target_transform = None

    def __init__(self, transforms: Any) -> None:
        super().__init__(1)
        self.transforms = transforms


def test_iterable_datasets_are_refused_by_name() -> None:
    with pytest.raises(OptionError, match="needs a map-style dataset, got the IterableDataset Stream"):
        Augmented(Stream(), PIPELINE)


@pytest.mark.parametrize("pipeline", [None, [CenterCrop(3)], CenterCrop(3), str])
def test_only_pipelines_are_taken(pipeline: Any) -> None:
    with pytest.raises(OptionError, match=r"augment must be a penstock.augment.Pipeline or Views, got"):
        Augmented(arrays(), pipeline)


@pytest.mark.parametrize("given", [RandomResizedCrop(3), [RandomResizedCrop(3)], (RandomResizedCrop(3),)])
@pytest.mark.parametrize("dataset", [arrays(), Augmented(arrays(), PIPELINE)], ids=["plain", "augmented"])
def test_ops_outside_a_pipeline_are_to_be_wrapped(dataset: Any, given: Any) -> None:
    message = r"^wrap it in a pipeline: augment=Pipeline\(\[RandomResizedCrop\(\.\.\.\)\]\); augment must be a .*, got "
    with pytest.raises(OptionError, match=message + type(given).__name__):
        DataLoader(dataset, augment=given)


@pytest.mark.parametrize(
    ("make", "place"),
    [
        (lambda: arrays(transform=str), r"dataset \(Arrays\)"),
        (lambda: Subset(arrays(transform=str), [0]), r"dataset.dataset \(Arrays\)"),
        (lambda: ConcatDataset([arrays(), arrays(transform=str)]), r"dataset.datasets\[1\] \(Arrays\)"),
        (lambda: PenstockSubset(arrays(transform=str), [0]), r"dataset \(Subset\)"),
        (lambda: PenstockSubset(arrays(), [0], transform=str), r"dataset \(Subset\)"),
        (lambda: Concat([arrays(), arrays(transform=str)]), r"dataset \(Concat\)"),
        (lambda: Subset(ConcatDataset([Joint(str)]), [0]), r"dataset.dataset.datasets\[0\] \(Joint\)"),
    ],
)
def test_a_transform_at_any_level_is_refused(make: Callable[[], Any], place: str) -> None:
    for wrap in (lambda dataset: Augmented(dataset, PIPELINE), lambda dataset: DataLoader(dataset, augment=PIPELINE)):
        with pytest.raises(OptionError, match=f"augment and a transform exclude each other: {place} has transform="):
            wrap(make())


def test_a_transform_of_targets_is_welcome() -> None:
    assert Augmented(arrays(target_transform=str), PIPELINE)[KEY][1] == "3"


def test_a_method_called_transform_is_no_transform() -> None:
    class Method(Plain):
        def transform(self) -> None:
            """Something of its own."""

    assert Augmented(Method(arrays()), PIPELINE)[KEY][1] == 3


def test_nothing_is_augmented_twice() -> None:
    dataset = Augmented(arrays(), PIPELINE)
    with pytest.raises(OptionError, match="dataset is augmented already"):
        Augmented(dataset, PIPELINE)
    with pytest.raises(OptionError, match=r"dataset.dataset is augmented already"):
        DataLoader(Subset(dataset, [0]), augment=PIPELINE)
    with pytest.raises(OptionError, match="augment conflicts with the dataset's pipeline"):
        DataLoader(dataset, augment=FLOAT_PIPELINE)
