"""stats() and explain() of real passes: consumers that sleep, that are slow now and then, and that race."""

from __future__ import annotations

import gc
import io
import json
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.loading import PIPELINE, Numbers, arrays

from penstock.augment import Pipeline, RandomResizedCrop
from penstock.formats import Folder, Subset
from penstock.loaders import DataLoader
from penstock.loaders.stats.diagnosis import PREFETCH_DEPTH, TRAINING_STEP, UNKNOWN, WORKERS

MAKING = 0.008
"""Seconds that a batch of the slow dataset takes."""

SLEEPS = [0.08] * 12
BURSTS = ([0.3] + [0.0] * 9) * 4
LONGER_BURSTS = ([0.45] + [0.0] * 19) * 3
RACES = [0.0] * 30

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


class Slow(torch.utils.data.Dataset[int]):
    """Its samples are their indices, and take a while."""

    def __len__(self) -> int:
        return 4 * 64

    def __getitem__(self, index: int) -> int:
        time.sleep(MAKING / 4)
        return index


@pytest.fixture(scope="module")
def jpegs(tmp_path_factory: pytest.TempPathFactory) -> Subset:
    """200 large JPEG files with small crops: decoding is what costs."""
    root = tmp_path_factory.mktemp("large") / "class"
    root.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    for number in range(4):
        Image.fromarray(np.roll(noise, number, axis=0)).save(root / f"{number}.jpg", quality=90)
    return Subset(Folder(str(root.parent)), np.arange(200) % 4)


def native(jpegs: Subset, **arguments: Any) -> DataLoader[Any]:
    arguments = {"num_workers": 1, **arguments}
    return DataLoader(jpegs, 2, shuffle=True, seed=1, augment=Pipeline([RandomResizedCrop(32)]), **arguments)


def python(**arguments: Any) -> DataLoader[Any]:
    return DataLoader(Slow(), 4, **{"num_workers": 1, **arguments})


POOLS: dict[str, dict[str, Any]] = {"processes": {"on_worker_death": "restart"}, "threads": {"workers": "threads"}}


def consume(loader: DataLoader[Any], sleeps: list[float]) -> DataLoader[Any]:
    for _, seconds in zip(loader, sleeps, strict=False):
        time.sleep(seconds)
    return loader


def bound_in_quiet(make: Callable[[], DataLoader[Any]], sleeps: list[float], expected: str) -> DataLoader[Any]:
    """A loader whose pass is bound by what it should be; where the machine was busy, another pass is made."""
    for _ in range(5):
        loader = consume(make(), sleeps)
        if bound(loader) == expected:
            return loader
    raise AssertionError(f"five passes, none bound by {expected}; the last one: {loader.explain()}")


def bound(loader: DataLoader[Any]) -> str:
    """What stats() names; explain() says the same."""
    name = loader.stats().bottleneck
    lines = loader.explain().splitlines()
    assert any(line.startswith(f"bound by: {name}: ") for line in lines)
    assert any(line.startswith("to change: ") for line in lines)
    return name


def test_the_native_engine_names_each_consumers_bottleneck(jpegs: Subset) -> None:
    racing = bound_in_quiet(lambda: native(jpegs), RACES, "decode")
    assert "pack-dataset" in racing.explain()
    stats = racing.stats()
    making = stats.elapsed_seconds / (stats.batches - 1)
    bound_in_quiet(lambda: native(jpegs), [20 * making] * 10, TRAINING_STEP)
    bound_in_quiet(lambda: native(jpegs), ([30 * making] + [0.0] * 9) * 3, PREFETCH_DEPTH)


@pytest.mark.parametrize("kind", POOLS)
def test_the_pool_names_each_consumers_bottleneck(kind: str) -> None:
    bound_in_quiet(lambda: python(**POOLS[kind]), SLEEPS, TRAINING_STEP)
    bound_in_quiet(lambda: python(**POOLS[kind]), BURSTS, PREFETCH_DEPTH)
    racing = bound_in_quiet(lambda: python(**POOLS[kind]), RACES, "sample")
    assert ("interpreter lock" in racing.stats().diagnosis.change) == (kind == "threads")


def test_torchs_workers_name_each_consumers_bottleneck() -> None:
    """They tell nothing of what they do: waiting is all that is known."""
    bound_in_quiet(lambda: python(engine="python"), SLEEPS, TRAINING_STEP)
    bound_in_quiet(lambda: python(engine="python"), LONGER_BURSTS, PREFETCH_DEPTH)
    bound_in_quiet(lambda: python(engine="python"), RACES, WORKERS)


def test_without_workers_each_consumers_bottleneck_is_named() -> None:
    bound_in_quiet(lambda: python(num_workers=0), SLEEPS, TRAINING_STEP)
    bound_in_quiet(lambda: python(num_workers=0), RACES, "sample")


@pytest.mark.parametrize("kind", POOLS)
def test_bursts_have_a_depth_that_would_do_named(kind: str) -> None:
    """That it does is measured in benchmarks/bottleneck.py: how long somebody waited is no test."""
    loader = bound_in_quiet(lambda: python(**POOLS[kind]), BURSTS, PREFETCH_DEPTH)
    arguments = dict(loader.stats().diagnosis.arguments)
    assert arguments["prefetch_factor"] > 4


def test_the_reasons_for_penstocks_own_workers_are_told() -> None:
    loader: DataLoader[Any] = DataLoader(
        Numbers(8), 2, num_workers=1, seed=3, workers="threads", on_error="substitute", watchdog=9
    )
    lines = loader.explain().splitlines()
    assert lines[0] == "engine: pool (1 threads of Penstock's own)"
    assert lines[2:] == [
        "  not torch's workers: workers='threads', on_error='substitute', watchdog=9, "
        "seed=3 for samples made by Python",
        "order: 0, 1, 2 ...; rank 0 of 1",
        "samples' own random numbers: those of penstock.rng.current() depend on (seed=3, epoch, index, draw) alone; "
        "random, numpy and torch are shared by all threads, and not exact",
        "bad samples: replaced by others, up to 100 in an epoch",
    ]
    restarting: DataLoader[Any] = DataLoader(
        Numbers(8), 2, num_workers=1, seed=3, on_worker_death="restart", on_error="skip", error_log="bad.jsonl"
    )
    assert restarting.explain().splitlines()[4:] == [
        "samples' own random numbers: random, numpy and torch are seeded for each sample, "
        "by (seed=3, epoch, index, draw)",
        "bad samples: skipped, up to 100 in an epoch; logged to bad.jsonl",
        "workers that die: replaced, up to 10 times",
    ]


def test_delivery_is_told() -> None:
    whole: DataLoader[Any] = DataLoader(Numbers(8), 2, device="cpu", prefetch_to_device=3)
    assert "delivered: to cpu; up to 3 batches ahead" in whole.explain()
    sliced: DataLoader[Any] = DataLoader(Numbers(8), 2, devices=["cpu", "cpu"])
    assert "delivered: in slices to cpu, cpu; up to 2 batches ahead" in sliced.explain()


def test_before_the_first_pass_there_is_nothing_to_tell() -> None:
    loader: DataLoader[Any] = DataLoader(arrays(), 4, augment=PIPELINE, num_workers=1)
    assert "no batch has been delivered yet" in str(loader.stats())
    assert "bound by" not in loader.explain()
    next(iter(loader))
    assert loader.stats().bottleneck == UNKNOWN
    assert "bound by: unknown (too few batches)" in loader.explain()


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_pass_of_the_native_engine_is_counted(workers: int, persistent: bool) -> None:
    loader: DataLoader[Any] = DataLoader(
        arrays(40), 4, augment=PIPELINE, num_workers=workers, persistent_workers=persistent and workers > 0
    )
    for _ in range(2):
        iterator = iter(loader)
        for number, (images, labels) in enumerate(iterator, 1):
            during = loader.stats()
            assert (during.batches, during.samples, during.running) == (number, 4 * number, True)
            assert during.nbytes == number * (images.nbytes + labels.nbytes)
        after = loader.stats()
        assert (after.batches, after.samples, after.running) == (10, 40, False)
        assert {name: stage.samples for name, stage in after.stages.items()} == dict.fromkeys(
            ("read", "decode", "augment"), 40
        )
        assert (after.idle_seconds is None) == (workers == 0)
        assert after.consumer_stages["lookup"].samples == (36 if workers == 0 else 40 - 4 * 5)
        json.dumps(after.to_dict())


@pytest.mark.parametrize("arguments", [{"num_workers": 0}, {"num_workers": 1}, *POOLS.values()])
def test_a_pass_of_python_samples_is_counted(arguments: dict[str, Any]) -> None:
    loader: DataLoader[Any] = DataLoader(Numbers(38), 4, **{"num_workers": 2, **arguments}, seed=3)
    batches = list(loader)
    stats = loader.stats()
    assert (stats.batches, stats.samples, stats.running) == (10, 38, False)
    assert stats.nbytes == sum(batch.nbytes for batch in batches)
    assert stats.setup.workers == loader.num_workers


def test_an_abandoned_pass_can_still_be_asked(jpegs: Subset) -> None:
    loader = consume(native(jpegs), [0.0] * 12)
    gc.collect()
    stats = loader.stats()
    assert stats.batches == 13
    assert stats.stages["decode"].samples >= 26
    assert loader.stats().stages == stats.stages


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(loader: DataLoader[Any], sleeps: list[float]) -> str:
    """What a terminal gets to see of a pass."""
    with redirect_stderr(Terminal()) as screen:
        consume(loader, sleeps)
        gc.collect()
    return screen.getvalue()


def test_a_bar_shows_rate_and_waiting() -> None:
    loader: DataLoader[Any] = DataLoader(arrays(40), 4, augment=PIPELINE, seed=1, progress=True)
    for _ in range(2):
        last = shown(loader, [0.03] * 20).split("\r")[-1]
        assert "10/10" in last
        assert "samples/s, waiting " in last
        assert last.endswith("\n")


@pytest.mark.parametrize("arguments", [{}, {"num_workers": 1}])
def test_leaving_early_ends_the_bar(arguments: dict[str, Any]) -> None:
    loader: DataLoader[Any] = DataLoader(Numbers(40), 4, progress=True, **arguments)
    screen = shown(loader, [0.0] * 3)
    assert "4/10" in screen
    assert screen.endswith("\n")


def test_a_bar_of_persistent_workers_ends_with_the_next_pass() -> None:
    loader: DataLoader[Any] = DataLoader(
        arrays(40), 4, augment=PIPELINE, progress=True, num_workers=1, persistent_workers=True
    )
    with redirect_stderr(Terminal()) as screen:
        consume(loader, [0.0] * 3)
        list(loader)
    lines = screen.getvalue().split("\n")
    assert ["4/10" in lines[0], "10/10" in lines[0], "10/10" in lines[1], lines[2:]] == [True, False, True, [""]]


def test_a_bar_without_a_known_end() -> None:
    class Stream(torch.utils.data.IterableDataset[int]):
        def __iter__(self) -> Any:
            return iter(range(12))

        def __len__(self) -> int:
            return 5  # torch warns of this, but only somebody who has asked

    screen = shown(DataLoader(Stream(), 4, progress=True), [0.0] * 9)
    assert "3 batches" in screen


def test_a_terminal_that_goes_away_does_not_end_the_pass() -> None:
    loader: DataLoader[Any] = DataLoader(arrays(40), 4, augment=PIPELINE, seed=1, progress=True)
    with redirect_stderr(Terminal()) as screen:
        taken = 0
        for _ in loader:
            taken += 1
            time.sleep(0.05)
            screen.close()
        assert taken == 10
        assert len(list(loader)) == 10  # now it is closed from the beginning


def test_no_bar_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    loader: DataLoader[Any] = DataLoader(arrays(40), 4, augment=PIPELINE, seed=1, progress=True)
    assert len(list(loader)) == 10
    assert capsys.readouterr().err == ""
