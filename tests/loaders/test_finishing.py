"""What is done to batches after their engine: in which stream, with which keys, and whose errors it has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.delivery import Engine, LateDevice

from penstock.augment import CenterCrop, ColorJitter, ParamTable, Pipeline, RandomHorizontalFlip
from penstock.errors import OptionError
from penstock.loaders.devices.delivery import DeviceIterator
from penstock.loaders.devices.devices import InPlace
from penstock.loaders.devices.finishing import ExecutorStep, Finishing, Part
from penstock.loaders.keys.keys import SampleKeys
from penstock.loaders.state.passes import Cursor

Batch = list[Any]


class KeyedEngine(Engine):
    """Batch k has samples of the indices 10 * k and so on."""

    def take(self) -> tuple[Any, Cursor]:
        batch, cursor = super().take()
        indices = np.arange(len(batch[1])) + 10 * (cursor.position - 1)
        return batch, Cursor(cursor.position, len(indices), keys=SampleKeys(7, 2, indices, indices % 3))


def batches(count: int, size: int = 5) -> list[Batch]:
    return [[torch.full((size, 3, 2, 2), float(k)), torch.arange(size)] for k in range(count)]


class Adding:
    """A step that adds the samples' indices to labels and images, and remembers where it ran."""

    def __init__(self, device: LateDevice | None = None) -> None:
        self.device = device
        self.in_side_stream: list[bool] = []

    def __call__(self, batch: Batch, keys: SampleKeys) -> Batch:
        if self.device is not None:
            self.in_side_stream.append(self.device.in_side_stream)
        indices = torch.from_numpy(keys.indices)
        return [batch[0] + indices.view(-1, 1, 1, 1), batch[1] + indices, *batch[2:]]


def test_batches_are_finished_with_the_keys_of_their_samples() -> None:
    iterator = DeviceIterator(KeyedEngine(batches(4)), device="cpu", finishings=[Finishing(Adding())])
    for number, (images, labels) in enumerate(iterator):
        assert labels.tolist() == [10 * number + 2 * k for k in range(5)]
        assert images[:, 0, 0, 0].tolist() == [11 * number + k for k in range(5)]


def test_steps_run_in_order_in_the_side_stream_of_the_copies() -> None:
    device = LateDevice()
    first = Adding(device)

    def second(batch: Batch, keys: SampleKeys) -> Batch:
        assert len(first.in_side_stream) > 0
        return [batch[0], batch[1], keys.epoch]

    engine = KeyedEngine(batches(3))
    iterator = DeviceIterator(engine, device="cpu", finishings=[Finishing(first, second)], streams=lambda _: device)
    made = [batch for batch, _ in (iterator.take() for _ in range(3))]
    assert first.in_side_stream == [True] * 3
    assert [batch[2] for batch in made] == [2, 2, 2]
    # What the consumer's stream is given is what was made, not what was sent.
    assert {id(tensor) for tensor in device.received} == {id(tensor) for batch in made for tensor in batch[:2]}


@pytest.mark.parametrize(("size", "lengths"), [(5, [2, 2, 1]), (4, [2, 2]), (1, [1]), (6, [2, 2, 2])])
def test_each_slice_has_its_own_keys_and_its_own_finishing(size: int, lengths: list[int]) -> None:
    devices = [LateDevice() for _ in range(3)]
    steps = [Adding(device) for device in devices]
    given = iter(devices)
    iterator = DeviceIterator(
        KeyedEngine(batches(2, size)),
        devices=["cpu"] * 3,
        finishings=[Finishing(step) for step in steps],
        streams=lambda _: next(given),
    )
    for number in range(2):
        slices = iterator.take()[0]
        assert [len(images) for images, _ in slices] == lengths
        firsts = np.cumsum([0, *lengths[:-1]])
        for first, (images, _) in zip(firsts, slices, strict=True):
            assert (images[:, 0, 0, 0] - images[0, 0, 0, 0]).tolist() == list(range(len(images)))
            assert [step.in_side_stream[number] for step in steps[: len(lengths)]] == [True] * len(lengths)
            assert first < size


def test_an_error_is_raised_at_the_step_of_its_batch() -> None:
    def refusing(batch: Batch, keys: SampleKeys) -> Batch:
        if keys.indices[0] == 10:
            raise ValueError("no batch 1")
        return batch

    iterator = DeviceIterator(KeyedEngine(batches(3)), device="cpu", finishings=[Finishing(refusing)])
    assert next(iterator)[0][0, 0, 0, 0] == 0
    with pytest.raises(ValueError, match="no batch 1"):
        next(iterator)
    assert next(iterator)[0][0, 0, 0, 0] == 2


def test_without_a_device_things_stay_where_they_are() -> None:
    class Movable:
        """What a delivery would move."""

        def __init__(self) -> None:
            self.tensor = torch.zeros(1)

        def to(self, device: Any) -> Any:  # noqa: ARG002
            raise RuntimeError("moved")

    batch = [*batches(1)[0], Movable()]
    finishings = [Finishing(Adding())]
    iterator = DeviceIterator(
        KeyedEngine([batch]), device="cpu", ahead=1, finishings=finishings, streams=lambda _: InPlace()
    )
    assert next(iterator)[2] is batch[2]
    assert iterator._pass.meter.stats().consumer_stages == {}
    assert batch[1].tolist() == [0, 1, 2, 3, 4]


def test_the_consumers_modes_have_no_part_in_it() -> None:
    def multiplied(batch: Batch, keys: SampleKeys) -> Batch:  # noqa: ARG001
        return [batch[0] @ weights, batch[1]]

    weights = torch.ones((2, 2), requires_grad=True)
    iterator = DeviceIterator(KeyedEngine(batches(2)), device="cpu", finishings=[Finishing(multiplied)])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        images, _ = next(iterator)
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    assert images.dtype == torch.float32
    assert not images.requires_grad


class Executor:
    """Notes what it is asked for, and inverts."""

    def __init__(self) -> None:
        self.params: list[ParamTable] = []

    def run_batch(self, batch: torch.Tensor, params: ParamTable) -> torch.Tensor:
        self.params.append(params)
        return 255 - batch


def test_an_executor_gets_what_the_rest_of_the_whole_draws() -> None:
    whole = Pipeline([CenterCrop((4, 6)), RandomHorizontalFlip(), ColorJitter(0.5)])
    first, rest = whole.split(1)
    assert first.output_size == (4, 6)
    executor = Executor()
    keys = SampleKeys(5, 3, np.array([4, 70_000]), np.array([0, 8]))
    batch = [torch.zeros((2, 3, 4, 6), dtype=torch.uint8), torch.arange(2)]
    images, labels = Finishing(ExecutorStep([Part(executor, rest, (4, 6))]))(batch, keys)
    assert labels is batch[1]
    assert int(images.min()) == 255
    expected = whole.params(keys.indices, 3, 5, (90, 80), keys.draws)
    assert np.array_equal(executor.params[0].values, expected.values)


@pytest.mark.parametrize("batch", [torch.zeros(1), {"image": torch.zeros(1)}, ["name", torch.zeros(1)], [{}]])
def test_batches_of_another_structure_are_refused(batch: Any) -> None:
    keys = SampleKeys(0, 0, np.arange(1), np.zeros(1, np.int64))
    with pytest.raises(OptionError, match=r"works on batches \[images, labels\] of samples with keys, got "):
        Finishing()(batch, keys)
    with pytest.raises(OptionError, match="of samples with keys, got list; use executor='native'"):
        Finishing()([torch.zeros(1)], None)
