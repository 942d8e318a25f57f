"""The native engine's life: errors at their batch, early ends, forks, exits, and nothing left behind."""

from __future__ import annotations

import dataclasses
import gc
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from support.loading import PIPELINE, arrays, collate, equal, native_threads, patiently, settles, write_folder
from support.waiting import a_signal_comes, drop_and_wait

from penstock.augment import Pipeline, Resize, ToDtype
from penstock.errors import DecodeError, EngineClosedError, MissingFileError, OptionError, RecordError, TruncatedError
from penstock.formats import Arrays, Folder
from penstock.loaders import DataLoader
from penstock.record import Codec, Records

ROOT = Path(__file__).parents[2]


@pytest.fixture
def threads() -> Iterator[int]:
    """Native threads before the test; afterwards there must be as many."""
    gc.collect()
    before = native_threads()
    yield before
    gc.collect()
    assert settles(lambda: native_threads() <= before)


def loader_of(dataset: Any, **arguments: Any) -> DataLoader[Any]:
    # Without the watchdog, whose thread of Python's may be counted among the native ones for a moment as it ends.
    common = {"batch_size": 4, "num_workers": 2, "augment": PIPELINE, "seed": 1, "watchdog": 0}
    return DataLoader(dataset, **{**common, **arguments})


@pytest.fixture
def damaged(tmp_path: Path) -> Folder:
    """16 JPEGs, batches of 4: batch 1 holds a truncated file and a text, batch 2 has lost one."""
    root = write_folder(tmp_path, 16, (".jpg",))
    dataset = Folder(str(root))
    paths = [Path(dataset.describe(index)) for index in range(16)]
    paths[7].write_bytes(paths[7].read_bytes()[:200])
    paths[5].write_text("this is no image")
    paths[8].unlink()
    return dataset


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_error_is_raised_at_its_batch_and_the_next_batch_follows(damaged: Folder, workers: int) -> None:
    iterator = iter(loader_of(damaged, num_workers=workers))
    assert len(next(iterator)[1]) == 4
    with pytest.raises(DecodeError, match="no known image format") as decode:
        next(iterator)
    assert (decode.value.index, decode.value.source) == (5, damaged.describe(5))
    with pytest.raises(MissingFileError) as missing:
        next(iterator)
    assert (missing.value.index, missing.value.source) == (8, damaged.describe(8))
    assert next(iterator)[1].tolist() == damaged.labels[12:].tolist()
    with pytest.raises(StopIteration):
        next(iterator)


def test_the_lowest_row_is_reported_first(damaged: Folder) -> None:
    loader = DataLoader(damaged, batch_sampler=[[7, 5]], num_workers=2, augment=PIPELINE)
    with pytest.raises(TruncatedError) as error:
        next(iter(loader))
    assert error.value.index == 7


def test_worker_processes_raise_the_same_errors_at_the_same_batches(damaged: Folder) -> None:
    iterator = iter(loader_of(damaged, collate_fn=collate, num_workers=1))
    kinds: list[Any] = []
    while len(kinds) < 5:
        try:
            kinds.append(len(next(iterator)[1]))
        except (RecordError, StopIteration) as error:
            kinds.append(type(error))
    assert kinds == [4, DecodeError, MissingFileError, 4, StopIteration]


class Failing(Arrays):
    """Records of some samples can't even be listed."""

    def records(self, indices: Any) -> Records:
        if 5 in list(indices):
            raise LookupError("the index is gone")
        return super().records(indices)


class Counting(Arrays):
    """Counts the batches whose records were asked for: those are started."""

    started = 0

    def records(self, indices: Any) -> Records:
        self.started += 1
        return super().records(indices)


@pytest.mark.parametrize(("workers", "factor", "ahead"), [(0, None, 0), (1, None, 2), (2, 1, 2), (2, 3, 6), (2, 9, 12)])
def test_no_more_batches_are_under_way_than_asked_for(workers: int, factor: int | None, ahead: int) -> None:
    dataset = Counting(np.zeros((12, 9, 9, 3), np.uint8))
    iterator = iter(loader_of(dataset, batch_size=1, num_workers=workers, prefetch_factor=factor))
    assert dataset.started == ahead
    for taken, _ in enumerate(iterator, 1):
        assert dataset.started == min(taken + ahead, 12)
    assert taken == 12


@pytest.mark.parametrize("workers", [0, 2])
def test_what_records_raises_belongs_to_its_batch_too(workers: int) -> None:
    iterator = iter(loader_of(Failing(np.zeros((12, 9, 9, 3), np.uint8)), num_workers=workers))
    assert len(next(iterator)[1]) == 4
    with pytest.raises(LookupError, match="the index is gone"):
        next(iterator)
    assert len(list(iterator)) == 1


def test_the_end_closes_the_engine_and_stays_the_end(threads: int) -> None:
    iterator = iter(loader_of(arrays()))
    assert native_threads() > threads
    assert len(list(iterator)) == 6
    assert settles(lambda: native_threads() <= threads)
    with pytest.raises(StopIteration):
        next(iterator)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_an_early_break_leaves_no_thread(threads: int, steps: int) -> None:
    loader = loader_of(arrays())
    for _ in range(3):
        iterator = iter(loader)
        for _ in range(steps):
            next(iterator)
        del iterator
    assert settles(lambda: native_threads() <= threads)


def test_an_exception_in_the_consumer_leaves_no_thread(threads: int) -> None:
    def consume() -> None:
        for _ in loader_of(arrays()):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        consume()
    assert settles(lambda: native_threads() <= threads)


def test_an_iterator_in_a_reference_cycle_is_collected(threads: int) -> None:
    holder: list[Any] = [iter(loader_of(arrays()))]
    holder.append(holder)
    del holder
    gc.collect()
    assert settles(lambda: native_threads() <= threads)


@pytest.mark.parametrize("workers", [0, 2])
def test_threads_that_share_an_iterator_share_out_its_batches(workers: int) -> None:
    dataset = arrays(64)
    iterator = iter(loader_of(dataset, num_workers=workers))
    seen: list[int] = []

    def consume() -> None:
        for _, labels in iterator:
            seen.extend(labels.tolist())

    consumers = [threading.Thread(target=consume) for _ in range(4)]
    for consumer in consumers:
        consumer.start()
    for consumer in consumers:
        consumer.join()
    assert sorted(seen) == sorted(dataset.labels.tolist())


def test_persistent_workers_keep_their_threads(threads: int) -> None:
    loader = loader_of(arrays(), shuffle=True, persistent_workers=True)
    fresh = loader_of(arrays(), shuffle=True)
    before = set(os.listdir("/proc/self/task"))
    first = iter(loader)
    own = set(os.listdir("/proc/self/task")) - before
    assert len(own) == 2
    assert equal(list(first), list(fresh))
    for _ in range(2):
        second = iter(loader)
        assert second is first
        assert equal([next(second), next(second)], list(fresh)[:2])  # and then it breaks off
        assert settles(lambda: set(os.listdir("/proc/self/task")) - before == own)
    del first, second, loader
    assert settles(lambda: native_threads() <= threads)


@pytest.mark.usefixtures("threads")
def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    loader = loader_of(Folder(str(write_folder(tmp_path))))
    list(loader)
    before = descriptors()
    for _ in range(3):
        list(loader)
        next(iter(loader))
    assert settles(lambda: descriptors() <= before)


class Stalled:
    """Three samples; decoding the second stalls until `release` is set, and then says that it is no image."""

    def __init__(self, release: threading.Event) -> None:
        self.release = release

    def __len__(self) -> int:
        return 3

    def records(self, indices: NDArray[np.int64]) -> Records:
        raw = arrays(3).records(indices)
        stalls = np.asarray(indices) == 1
        payloads = [MAGIC if stall else data for stall, data in zip(stalls, raw.payloads or (), strict=True)]
        codec = np.where(stalls, Codec.ENCODED, Codec.RAW).astype(np.uint8)
        return dataclasses.replace(raw, codec=codec, payloads=payloads)

    def describe(self, index: int) -> str:
        return f"stalled sample {index}"


MAGIC = b"a format that takes its time"


@pytest.fixture
def stalled() -> Iterator[Stalled]:
    release = threading.Event()

    def open_image(*_: Any) -> None:
        assert release.wait(60)
        raise SyntaxError("no image")

    formats, openers = list(Image.ID), dict(Image.OPEN)
    Image.register_open("STALLED", open_image, lambda prefix: prefix == MAGIC[:16])  # type: ignore[arg-type]
    yield Stalled(release)
    release.set()
    Image.ID[:] = formats
    Image.OPEN.clear()
    Image.OPEN.update(openers)


@pytest.mark.parametrize("timeout", [0.3, 1])
def test_a_batch_that_takes_too_long_is_a_timeout_and_comes_later(stalled: Stalled, timeout: float) -> None:
    iterator = iter(DataLoader(stalled, batch_size=1, num_workers=1, timeout=timeout, augment=PIPELINE))
    assert patiently(iterator)[1].tolist() == [0]
    with pytest.raises(RuntimeError, match=f"DataLoader timed out after {timeout} seconds"):
        next(iterator)
    stalled.release.set()
    with pytest.raises(DecodeError) as error:
        patiently(iterator)
    assert (error.value.index, error.value.source) == (1, "stalled sample 1")
    assert patiently(iterator)[1].tolist() == [2]


def test_a_timeout_without_workers_is_refused() -> None:
    with pytest.raises(OptionError, match="timeout=5 needs num_workers > 0"):
        iter(loader_of(arrays(), num_workers=0, timeout=5))


@pytest.mark.parametrize("workers", [0, 1])
def test_ctrl_c_while_waiting_loses_no_batch(stalled: Stalled, workers: int) -> None:
    iterator = iter(DataLoader(stalled, batch_size=1, num_workers=workers, augment=PIPELINE))
    next(iterator)
    with pytest.raises(KeyboardInterrupt), a_signal_comes():
        next(iterator)
    stalled.release.set()
    with pytest.raises(DecodeError):
        next(iterator)
    assert next(iterator)[1].tolist() == [2]


@pytest.mark.usefixtures("threads")
def test_ctrl_c_while_an_iterator_ends_is_heard_when_it_has_ended(stalled: Stalled) -> None:
    held = [iter(loader_of(stalled, batch_size=1, num_workers=1))]
    next(held[0])
    threading.Timer(0.6, stalled.release.set).start()
    with pytest.raises(KeyboardInterrupt), a_signal_comes():
        drop_and_wait(held)


def in_child(iterator: Any, loader: Any, answers: Any) -> None:
    try:
        next(iterator)
    except EngineClosedError as error:
        answers.put(str(error))
    answers.put([labels.tolist() for _, labels in loader])


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.usefixtures("threads")
def test_a_fork_while_iterating_hurts_nobody(persistent: bool) -> None:
    loader = loader_of(arrays(), persistent_workers=persistent)
    expected = [labels.tolist() for _, labels in loader]
    iterator = iter(loader)
    next(iterator)
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=in_child, args=(iterator, loader, answers))
    child.start()
    assert f"belongs to process {os.getpid()}" in answers.get()
    assert answers.get() == expected
    child.join(60)
    assert child.exitcode == 0
    assert [labels.tolist() for _, labels in iterator] == expected[1:]


@pytest.mark.parametrize("ending", ["", "import os; os.kill(os.getpid(), 15)", "import sys; sys.exit(3)"])
@pytest.mark.parametrize("persistent", [False, True])
def test_the_interpreter_exits_while_batches_are_under_way(ending: str, persistent: bool, tmp_path: Path) -> None:
    write_folder(tmp_path, 12, (".png",))
    script = f"""
from penstock.augment import Pipeline, RandomResizedCrop
from penstock.formats import Folder
from penstock.loaders import DataLoader
loader = DataLoader(Folder({str(tmp_path)!r}), 2, num_workers=2, prefetch_factor=3, persistent_workers={persistent},
                    augment=Pipeline([RandomResizedCrop(8)]))
iterator = iter(loader)
next(iterator)
print("under way", flush=True)
{ending}
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "under way\n"
    assert done.stderr == ""
    assert done.returncode == (-15 if "kill" in ending else 3 if "exit(3)" in ending else 0)


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is something to pin memory for")
def test_pinning_without_an_accelerator_warns_as_torch_does() -> None:
    for loader in (loader_of(arrays(), pin_memory=True), DataLoader(arrays(), pin_memory=True)):
        with pytest.warns(UserWarning, match="'pin_memory' argument is set as true but no accelerator is found"):
            iter(loader)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_batches_come_in_pinned_memory() -> None:
    for images, labels in loader_of(arrays(), pin_memory=True):
        assert images.is_pinned()
        assert labels.is_pinned()


def test_torchs_profiler_sees_each_step() -> None:
    iterator = iter(loader_of(arrays(12)))
    next(iterator)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        assert len(list(iterator)) == 2
    steps = [event for event in profiler.key_averages() if event.key == "enumerate(DataLoader)#NativeIterator.__next__"]
    assert [event.count for event in steps] == [3]


def test_a_batch_beyond_all_memory_is_refused_with_its_size() -> None:
    dataset = Arrays(np.zeros((100_000, 1, 1, 3), np.uint8), np.zeros(100_000, np.int64), layout="NHWC")
    large = Pipeline([Resize((13_000, 13_000)), ToDtype("float32")])
    loader: DataLoader[Any] = DataLoader(dataset, 100_000, augment=large)
    with pytest.raises(
        OptionError,
        match=r"a batch of 100000 results of shape \(3, 13000, 13000\) and torch.float32 needs "
        r"202,800.0 GB, and there is not so much memory; give a smaller batch_size",
    ):
        next(iter(loader))
