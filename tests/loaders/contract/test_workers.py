"""Worker processes: who makes which batch, what workers know and draw, how they start, wait and stay."""

from __future__ import annotations

import multiprocessing
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from support.contract import agree, agreed, refused
from support.contract_data import (
    AboutWorker,
    Deadly,
    Draws,
    Held,
    Sharded,
    Slow,
    Squares,
    Stream,
    fail_to_start,
    mark,
    seed_alike,
)
from torch.utils.data import IterableDataset, get_worker_info


def test_no_worker_no_worker_info() -> None:
    assert get_worker_info() is None
    agreed(lambda cls: list(cls(AboutWorker(), batch_size=None)))
    agreed(lambda cls: list(cls(AboutWorker(), batch_size=None, num_workers=1)))
    assert get_worker_info() is None


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("init", [None, mark])
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_batches_go_round_the_workers(workers: int, init: Any) -> None:
    def made(cls: Any) -> Any:
        return list(cls(AboutWorker(), batch_size=None, num_workers=workers, worker_init_fn=init))

    seen = agree(made)
    assert seen.error is None
    assert [sample[1] for sample in seen.value] == [number % workers for number in range(8)]
    assert all(sample[2:4] == [workers, 0] for sample in seen.value)
    assert all(sample[4] == [sample[1] if init else None, True] for sample in seen.value)


def test_worker_info_can_not_be_changed() -> None:
    class Changing(IterableDataset[str]):
        def __iter__(self) -> Any:
            info = get_worker_info()
            try:
                info.id = 5  # type: ignore[union-attr, misc]  # what is tested
            except Exception as error:
                yield f"{type(error).__name__}: {error}"

    agreed(lambda cls: list(cls(Changing(), num_workers=1)))


def test_seeds_of_workers() -> None:
    def draws(cls: Any) -> Any:
        loader = cls(Draws(), 2, num_workers=2)
        return list(loader), list(loader), list(cls(Draws(), 2, num_workers=2, worker_init_fn=seed_alike))

    first, second, alike = agreed(draws)
    assert first[0][3][0] + 1 == first[1][3][0]
    assert not same_seeds(first, second)
    assert torch.equal(alike[0][0], alike[1][0])


def same_seeds(first: Any, second: Any) -> bool:
    return bool(torch.equal(first[0][3], second[0][3]))


def test_a_generator_fixes_the_seeds_of_workers() -> None:
    def draws(cls: Any) -> Any:
        loaders = [cls(Draws(), 3, num_workers=2, generator=torch.Generator().manual_seed(4)) for _ in range(2)]
        return [list(loader) for loader in loaders]

    first, second = agreed(draws)
    assert same_seeds(first, second)


@pytest.mark.parametrize("workers", [0, 1])
def test_worker_init_fn_is_for_workers(workers: int) -> None:
    def counted(cls: Any) -> Any:
        called = multiprocessing.Value("i", 0)

        def count(worker: int) -> None:
            called.value += 1 + worker

        loader = cls(Squares(4), 2, num_workers=workers, worker_init_fn=count)
        return list(loader), list(loader), called.value

    assert agreed(counted)[2] == 2 * workers


def test_worker_init_fn_that_fails() -> None:
    agreed(lambda cls: list(cls(Squares(), 2, worker_init_fn=fail_to_start)))
    refused(
        lambda cls: list(cls(Squares(), 2, num_workers=1, worker_init_fn=fail_to_start)),
        ValueError,
        "Caught ValueError in DataLoader worker process 0.",
    )
    refused(lambda cls: list(cls(Squares(), 2, num_workers=1, worker_init_fn=7)), TypeError, "not callable")


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_prefetch_factor(factor: int) -> None:
    agreed(lambda cls: list(cls(Squares(), 3, num_workers=2, prefetch_factor=factor)))
    agreed(lambda cls: list(cls(Sharded(), 3, num_workers=2, prefetch_factor=factor)))
    assert agreed(lambda cls: cls(Squares(), num_workers=2, prefetch_factor=factor).prefetch_factor) == factor


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # torch's iterator at its end
def test_no_prefetching_is_not_possible_with_workers() -> None:
    agree(lambda cls: list(cls(Squares(), 3, num_workers=1, prefetch_factor=0)))


def test_timeouts() -> None:
    refused(
        lambda cls: list(cls(Slow(0, 5.0), num_workers=1, timeout=0.2)),
        RuntimeError,
        "DataLoader timed out after 0.2 seconds",
    )
    agreed(lambda cls: list(cls(Slow(0, 0.1), num_workers=1, timeout=60)))


def test_a_timeout_without_workers() -> None:
    agree(lambda cls: list(cls(Squares(), timeout=3)))
    agree(lambda cls: iter(cls(Stream(), timeout=3)))


def test_in_order_or_as_they_come(tmp_path: Path) -> None:
    def as_they_come(cls: Any) -> list[int]:
        go, given = tmp_path / cls.__module__, []
        for number in cls(Held(go), batch_size=None, num_workers=2, in_order=False):
            given.append(number)
            go.touch()
        return [given.index(0) > 0, sorted(given)]

    slow = Slow(0, 0.3)
    assert agreed(lambda cls: list(cls(slow, batch_size=None, num_workers=2, in_order=True))) == list(range(8))
    assert agreed(as_they_come) == [True, list(range(8))]
    agreed(lambda cls: list(cls(Squares(), 3, in_order=False)))


def test_streams_that_end_at_different_times() -> None:
    for batch_size in (None, 2):
        agreed(lambda cls, b=batch_size: list(cls(Sharded(13), b, num_workers=2)))
        agreed(lambda cls, b=batch_size: sorted(map(str, cls(Sharded(13), b, num_workers=2, in_order=False))))


@pytest.mark.parametrize("persistent", [False, True])
def test_what_workers_keep_between_passes(persistent: bool) -> None:
    def passes(cls: Any) -> Any:
        dataset = AboutWorker(4)
        loader = cls(dataset, batch_size=None, num_workers=1, persistent_workers=persistent)
        seen = [list(loader)]
        dataset.marked = "changed"
        return [*seen, list(loader)]

    first, second = agreed(passes)
    assert (first == second) == persistent


def test_persistent_workers_stay_the_same_processes() -> None:
    def passes(cls: Any) -> Any:
        loader = cls(Squares(), 4, shuffle=True, num_workers=2, persistent_workers=True)
        first = iter(loader)
        workers = [worker.pid for worker in first._workers]
        seen = [list(first)]
        second = iter(loader)
        return second is first, [worker.pid for worker in second._workers] == workers, seen, list(second)

    same, kept, _, _ = agreed(passes)
    assert same
    assert kept


def test_persistent_workers_draw_on() -> None:
    def passes(cls: Any) -> Any:
        loader = cls(Draws(), 3, num_workers=2, persistent_workers=True)
        return list(loader), list(loader)

    first, second = agreed(passes)
    assert same_seeds(first, second)
    assert not torch.equal(first[0][0], second[0][0])


def test_persistent_workers_after_leaving_early() -> None:
    def passes(cls: Any) -> Any:
        loader = cls(Squares(), 2, num_workers=2, persistent_workers=True)
        return [next(iter(loader)), next(iter(loader)), list(loader)]

    agreed(passes)


@pytest.mark.parametrize("batch_size", [None, 4])
def test_persistent_workers_begin_streams_anew(batch_size: int | None) -> None:
    def passes(cls: Any) -> Any:
        loader = cls(Stream(6), batch_size, num_workers=2, persistent_workers=True)
        return list(loader), next(iter(loader)), list(loader)

    first, _, third = agreed(passes)
    assert str(first) == str(third)


def test_workers_end_with_the_iterator() -> None:
    def ended(cls: Any) -> Any:
        iterator = iter(cls(Squares(50), num_workers=2))
        next(iterator)
        workers = iterator._workers
        alive = [worker.is_alive() for worker in workers]
        del iterator
        return alive, [worker.is_alive() for worker in workers], [worker.exitcode for worker in workers]

    assert agreed(ended) == ([True, True], [False, False], [0, 0])


def test_workers_end_with_the_pass() -> None:
    def ended(cls: Any) -> Any:
        iterator = iter(cls(Squares(6), num_workers=2))
        seen = list(iterator)
        return seen, [worker.is_alive() for worker in iterator._workers], list(iterator)

    assert agreed(ended)[1:] == ([False, False], [])


def test_a_worker_that_is_killed() -> None:
    def kill(cls: Any) -> Any:
        # Not killed from here: it may hold a lock then, for which torch waits for ever.
        try:
            list(cls(Deadly(6, 20), num_workers=2, batch_size=None))
        except RuntimeError as error:
            # which of its two ways of noticing comes first, each with words of its own, is left to chance
            return re.fullmatch(
                r"DataLoader worker \(pid.*\) (is killed by signal: Killed|exited unexpectedly).*", str(error)
            )

    seen = agree(lambda cls: kill(cls) is not None)
    assert seen.value is True


def test_workers_are_daemons_and_have_no_children() -> None:
    class Parent(Squares):
        def __getitem__(self, index: Any) -> Any:
            process = multiprocessing.current_process()
            try:
                multiprocessing.Process(target=print).start()
            except AssertionError as error:
                return process.daemon, str(error)
            return process.daemon, ""

    daemon, message = agreed(lambda cls: next(iter(cls(Parent(), batch_size=None, num_workers=1))))
    assert daemon
    assert message == "daemonic processes are not allowed to have children"


def test_a_loader_with_workers_inside_a_worker_is_refused() -> None:
    class Inside(Squares):
        loader_class: Any

        def __getitem__(self, index: Any) -> Any:
            return list(self.loader_class(Squares(2), num_workers=1))

    def nested(cls: Any) -> Any:
        dataset = Inside()
        dataset.loader_class = cls
        return list(cls(dataset, num_workers=1))

    refused(nested, AssertionError, "daemonic processes are not allowed to have children")


def test_threads_of_torch_in_workers() -> None:
    class Threads(Squares):
        def __getitem__(self, index: Any) -> Any:
            return torch.get_num_threads()

    assert agreed(lambda cls: list(cls(Threads(2), batch_size=None, num_workers=1))) == [1, 1]


def test_what_can_not_be_sent_to_spawned_workers() -> None:
    class Local(Squares):
        pass

    seen = agree(lambda cls: list(cls(Local(), num_workers=1, multiprocessing_context="spawn")))
    assert seen.error is not None
    assert "Local" in seen.error[1]
