"""Batches on their way to devices: order, what is sent ahead, errors, slices, and care for streams and memory."""

from __future__ import annotations

import gc
import threading
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.delivery import Engine, LateDevice
from support.loading import PIPELINE, arrays, equal

from penstock.errors import EngineClosedError, OptionError
from penstock.loaders import DataLoader, scatter
from penstock.loaders.devices.delivery import DeviceIterator, check_devices
from penstock.loaders.state.passes import Cursor

WITHOUT_CUDA = pytest.mark.skipif(torch.cuda.is_available(), reason="here is a CUDA device")


class Pair(NamedTuple):
    images: torch.Tensor
    labels: torch.Tensor


class Delivering(DataLoader[Any]):
    """A loader with deliveries in place of its engine's iterators."""

    targets: dict[str, Any] = {"device": "cpu"}  # noqa: RUF012

    def _get_iterator(self) -> Any:
        return DeviceIterator(super()._get_iterator(), ahead=3, **self.targets)


def batch(number: int, size: int = 4) -> dict[str, Any]:
    labels = torch.arange(size) + 100 * number
    return {"pair": Pair(torch.rand(size, 3, 2, 2), labels), "names": [f"{number}/{k}" for k in range(size)]}


def collect(iterator: DeviceIterator) -> list[Any]:
    """All outcomes of a pass: (batch, cursor), or the error's text."""
    outcomes: list[Any] = []
    while True:
        try:
            outcomes.append(iterator.take())
        except StopIteration:
            return outcomes
        except RuntimeError as error:
            outcomes.append(str(error))


@given(
    failing=st.lists(st.booleans(), max_size=9),
    readiness=st.lists(st.booleans(), min_size=1, max_size=20),
    ahead=st.integers(1, 5),
    sliced=st.booleans(),
)
def test_the_consumer_sees_the_engines_steps(
    failing: list[bool], readiness: list[bool], ahead: int, sliced: bool
) -> None:
    tensors = [torch.arange(3) + 10 * k for k in range(len(failing))]
    outcomes = [RuntimeError(f"error {k}") if fails else tensors[k] for k, fails in enumerate(failing)]
    targets: dict[str, Any] = {"devices": ["cpu", "cpu"]} if sliced else {"device": "cpu"}
    device = LateDevice()
    got = collect(DeviceIterator(Engine(outcomes, readiness), ahead=ahead, streams=lambda _: device, **targets))
    for k, fails in enumerate(failing):
        if fails:
            assert got[k] == f"error {k}"
        else:
            delivered, cursor = got[k]
            assert torch.equal(torch.cat(delivered) if sliced else delivered, tensors[k])
            assert cursor == Cursor(k + 1, samples=1)
    assert len(got) == len(failing)


@pytest.mark.parametrize("ahead", [1, 2, 4])
def test_what_is_ready_is_sent_ahead(ahead: int) -> None:
    engine, device = Engine([torch.tensor([k]) for k in range(9)]), LateDevice()
    iterator = DeviceIterator(engine, device="cpu", ahead=ahead, streams=lambda _: device)
    assert engine.takes == 0
    for step in range(9):
        iterator.take()
        assert engine.takes == len(device.copies) == min(9, step + 1 + ahead)
        assert device.done == step + 1


def test_nothing_is_taken_before_its_time_where_it_might_block() -> None:
    engine = Engine([torch.tensor([k]) for k in range(5)], readiness=[False])
    iterator = DeviceIterator(engine, device="cpu", ahead=3)
    for step in range(1, 6):
        assert next(iterator).item() == step - 1
        assert engine.takes == step


def test_it_is_ready_where_a_batch_is_sent_or_the_engine_is() -> None:
    engine = Engine([torch.tensor([k]) for k in range(3)], readiness=[False, True, True, False])
    iterator = DeviceIterator(engine, device="cpu", ahead=1)
    assert [iterator.ready(), iterator.ready()] == [False, True]
    iterator.take()
    assert engine.takes == 2
    assert iterator.ready()
    iterator.take()
    assert not iterator.ready()


def test_nothing_is_sent_ahead_of_an_error() -> None:
    engine = Engine([torch.tensor([0]), RuntimeError("no"), torch.tensor([2])])
    iterator = DeviceIterator(engine, device="cpu", ahead=2)
    assert next(iterator).item() == 0
    assert engine.takes == 2
    with pytest.raises(RuntimeError, match="no"):
        next(iterator)
    assert next(iterator).item() == 2
    with pytest.raises(StopIteration):
        next(iterator)
    with pytest.raises(StopIteration):
        next(iterator)


@pytest.mark.parametrize("interrupted", ["copying", "send", "receive"])
def test_ctrl_c_loses_no_batch(interrupted: str) -> None:
    device = LateDevice()

    class Interrupts:
        pending = 2

        def __getattr__(self, name: str) -> Any:
            if name == interrupted:
                self.pending -= 1
                if self.pending == 0:
                    raise KeyboardInterrupt
            return getattr(device, name)

    streams = Interrupts()
    iterator = DeviceIterator(Engine([torch.tensor([k]) for k in range(5)]), device="cpu", streams=lambda _: streams)
    got: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        got.extend(part.item() for part in iterator)
    assert len(got) < 2
    got.extend(part.item() for part in iterator)
    assert got == [0, 1, 2, 3, 4]


def test_structure_and_what_is_no_tensor_stay() -> None:
    original = batch(1)
    moved = next(DeviceIterator(Engine([original]), device=torch.device("meta")))
    assert isinstance(moved["pair"], Pair)
    assert [tensor.device.type for tensor in moved["pair"]] == ["meta", "meta"]
    assert [tensor.device.type for tensor in original["pair"]] == ["cpu", "cpu"]
    assert moved["names"] == original["names"]


@pytest.mark.parametrize("size", [1, 4, 5])
def test_slices_are_those_of_scatter(size: int) -> None:
    batches = [batch(k, size) | {"weight": torch.tensor(0.5), "array": np.arange(size)} for k in range(3)]
    devices = ["cpu", "cpu", "cpu"]
    for got, original in zip(DeviceIterator(Engine(batches), devices=devices), batches, strict=True):
        expected = scatter(original, devices)
        assert len(got) == len(expected)
        for part, wanted in zip(got, expected, strict=True):
            assert equal(list(part["pair"]), list(wanted["pair"]))
            assert (part["names"], part["weight"]) == (wanted["names"], wanted["weight"])
            assert part["array"].tolist() == wanted["array"].tolist()


def test_each_slice_goes_straight_to_its_device() -> None:
    first, second = LateDevice(), LateDevice()
    streams = {"cpu": first, "meta": second}
    iterator = DeviceIterator(
        Engine([torch.arange(5), torch.arange(5)]), devices=["cpu", "meta"], streams=lambda device: streams[device.type]
    )
    parts = next(iterator)
    assert [part.tolist() for part in parts] == [[0, 1, 2], [3, 4]]
    assert [len(target) for _, target in first.copies] == [3, 3]
    assert [len(target) for _, target in second.copies] == [2, 2]
    assert [device.done for device in (first, second)] == [1, 1]
    assert [device.received[0] is part for device, part in zip((first, second), parts, strict=True)] == [True, True]


def test_the_consumers_stream_is_given_all_that_it_gets() -> None:
    device = LateDevice()
    iterator = DeviceIterator(Engine([batch(0), batch(1)]), device="cpu", streams=lambda _: device)
    got = next(iterator)
    assert [id(tensor) for tensor in device.received] == [id(got["pair"].images), id(got["pair"].labels)]


def test_host_memory_lives_until_the_copy_is_done_and_no_longer() -> None:
    device = LateDevice()
    iterator = DeviceIterator(Engine([torch.tensor([k]) for k in range(4)]), device="cpu", streams=lambda _: device)
    assert next(iterator).item() == 0
    gc.collect()
    assert [pinned() is not None for pinned in device.pinned[1:]] == [True, True]
    assert [next(iterator).item() for _ in range(2)] == [1, 2]
    assert device.pinned[0]() is None


@pytest.mark.parametrize("leave", ["close", "drop"])
def test_leaving_waits_for_the_copies_that_read_host_memory(leave: str) -> None:
    device, engine = LateDevice(), Engine([torch.tensor([k]) for k in range(4)])
    iterator = DeviceIterator(engine, device="cpu", streams=lambda _: device)
    next(iterator)
    if leave == "close":
        iterator.close()
        iterator.close()
        assert engine.closed == 2
        with pytest.raises(EngineClosedError, match=r"was closed; call iter\(loader\)"):
            next(iterator)
    else:
        del iterator
        gc.collect()
    assert device.done == 3
    assert [target.item() for _, target in device.copies] == [0, 1, 2]
    assert [pinned() for pinned in device.pinned] == [None] * 3


def test_a_failed_transfer_is_the_error_of_its_step() -> None:
    batches = [torch.arange(2), {"name": "a", "size": 3}, [torch.arange(2), torch.arange(3)], torch.arange(2)]
    iterator = DeviceIterator(Engine(batches), devices=["cpu", "cpu"])
    assert len(next(iterator)) == 2
    with pytest.raises(OptionError, match=r"no tensor with a first dimension .* a dict; .*default_collate.*device="):
        next(iterator)
    with pytest.raises(OptionError, match=r"devices= can't share out this batch: .*batch\[1\] has 3"):
        next(iterator)
    assert len(next(iterator)) == 2


def test_threads_share_out_a_pass() -> None:
    iterator = DeviceIterator(Engine([torch.tensor([k]) for k in range(200)]), device="cpu", ahead=3)
    got: list[int] = []
    threads = [threading.Thread(target=lambda: got.extend(part.item() for part in iterator)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(200))


def test_it_stands_for_the_engines_iterator() -> None:
    engine = Engine([torch.tensor([k]) for k in range(4)])
    iterator = DeviceIterator(engine, device="cpu")
    assert iter(iterator) is iterator
    assert len(iterator) == 4
    assert iterator.outcomes is engine.outcomes
    with pytest.raises(AttributeError, match="nothing"):
        _ = iterator.nothing
    next(iterator)
    iterator._reset("loader", False)
    assert engine.resets == [("loader", False)]
    assert [part.item() for part in iterator] == [0, 1, 2, 3]


def test_the_pass_knows_what_was_delivered_and_not_what_was_sent() -> None:
    engine = Engine([torch.zeros(3)] * 4)
    iterator = DeviceIterator(engine, device="cpu", ahead=2)
    for step in range(1, 5):
        next(iterator)
        assert engine._pass.cursor.position == step
        assert engine.takes == min(4, step + 2)
    assert not engine._pass.finished
    assert list(iterator) == []
    assert engine._pass.finished
    stats = engine._pass.meter.stats()
    assert (stats.batches, stats.samples) == (4, 4)
    after_the_first_step = stats.consumer_stages["transfer"]  # in which three were sent
    assert (after_the_first_step.samples, after_the_first_step.nbytes) == (1, 12)


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loaders_state_is_that_of_its_consumer(engine: Any, num_workers: int) -> None:
    def loader() -> Delivering:
        return Delivering(arrays(), 5, augment=PIPELINE, seed=3, shuffle=True, num_workers=num_workers, engine=engine)

    whole, stopped = list(loader()), loader()
    for step, _ in enumerate(stopped, 1):
        resumed = loader()
        resumed.load_state_dict(stopped.state_dict())
        assert equal(list(resumed), whole[step:])


@pytest.mark.parametrize("engine", ["native", "python"])
def test_persistent_workers_start_each_pass_afresh(engine: Any) -> None:
    loaders = [
        kind(arrays(), 5, augment=PIPELINE, seed=3, num_workers=2, persistent_workers=True, engine=engine)
        for kind in (DataLoader, Delivering)
    ]
    for loader in loaders:
        next(iter(loader))  # a pass that is left early, with batches sent ahead
    plain, delivered = ([list(loader), list(loader)] for loader in loaders)
    assert equal(plain, delivered)


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_loaders_batches_arrive_as_they_are(num_workers: int, memory_format: torch.memory_format) -> None:
    def loader() -> DataLoader[Any]:
        return DataLoader(
            arrays(), 5, augment=PIPELINE, seed=3, shuffle=True, num_workers=num_workers, memory_format=memory_format
        )

    expected = list(loader())
    got = list(DeviceIterator(iter(loader()), device="cpu"))
    assert equal(got, expected)
    assert all(images.is_contiguous(memory_format=memory_format) for images, _ in got)
    sliced = list(DeviceIterator(iter(loader()), devices=["cpu", "cpu"]))
    assert equal(sliced, [scatter(part, ["cpu", "cpu"]) for part in expected])
    away = next(DeviceIterator(iter(loader()), device="meta"))
    assert away[0].is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize(
    ("device", "devices", "expected"),
    [
        (None, None, (None, None)),
        ("cpu", None, (torch.device("cpu"), None)),
        (torch.device("cpu", 0), None, (torch.device("cpu", 0), None)),
        (None, ["cpu", torch.device("meta")], (None, (torch.device("cpu"), torch.device("meta")))),
    ],
)
def test_devices_become_torchs(device: Any, devices: Any, expected: Any) -> None:
    assert check_devices(device, devices, 2) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cpu", ["cpu"], 2), r"device='cpu' .* and devices=\['cpu'\] .* both were given; leave out one"),
        (("gpu", None, 2), r"device='gpu' is no device that torch knows \(.*Expected one of.*\); write a name such as"),
        (("cpu:x", None, 2), r"device='cpu:x' is no device that torch knows \(Invalid device string.*\); write a name"),
        ((1.5, None, 2), r"device=1\.5 is no device; write a name such as \"cuda:0\""),
        ((True, None, 2), r"device=True is no device; write a name"),
        ((None, ["cpu", "gpu"], 2), r"devices\[1\]='gpu' is no device that torch knows"),
        ((None, [], 2), r"devices needs at least one device, got an empty list; name them"),
        ((None, "cpu", 2), r"devices must be a list of devices, got 'cpu'; write devices=\['cpu'\], or device="),
        (("cpu", None, 0), r"prefetch_to_device must be an int of at least 1, got 0; it is how many"),
        (("cpu", None, -1), r"prefetch_to_device must be an int of at least 1, got -1"),
        ((None, None, True), r"prefetch_to_device must be an int of at least 1, got True"),
        ((None, None, 1.5), r"prefetch_to_device must be an int of at least 1, got 1\.5"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        check_devices(*arguments)


@WITHOUT_CUDA
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "xpu:0"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(
        OptionError, match=rf"device='{name}' can't be used: torch .* sees no {name[:-2]}.*(install|check)"
    ):
        check_devices(name, None, 2)
    with pytest.raises(OptionError, match=rf"devices\[1\]='{name}' can't be used"):
        check_devices(None, ["cpu", name], 2)


def test_a_delivery_goes_somewhere() -> None:
    with pytest.raises(OptionError, match="device= or devices=, got neither"):
        DeviceIterator(Engine([]))
