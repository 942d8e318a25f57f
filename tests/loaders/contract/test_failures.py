"""What fails in datasets reaches the caller as from torch: kind, words, which step, and what goes on afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from support.contract import agree, agreed, refused
from support.contract_data import FAILURES, Failing, FailingStream, Squares


@pytest.mark.parametrize("batch_size", [None, 2])
@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("failure", FAILURES)
def test_a_sample_that_fails(failure: str, workers: int, batch_size: int | None) -> None:
    seen = agree(lambda cls: list(cls(Failing(failure), batch_size, num_workers=workers)))
    assert seen.error is not None or failure == "stop"
    if workers and seen.error is not None:
        assert "in DataLoader worker process 0" in seen.error[1]


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("failure", ["value", "key", "arguments"])
def test_the_pass_goes_on_after_a_failure(failure: str, workers: int) -> None:
    def steps(cls: Any) -> Any:
        iterator = iter(cls(Failing(failure), 2, num_workers=workers))
        seen: list[Any] = []
        while len(seen) < 9:
            try:
                seen.append(next(iterator))
            except StopIteration:
                seen.append("end")
            except Exception as error:
                seen.append((type(error).__name__, "worker process" in str(error)))
        return seen

    seen = agreed(steps)
    assert [isinstance(step, tuple) for step in seen[:5]] == [False, True, False, False, False]
    assert seen[5:] == ["end"] * 4


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("at", [0, 3])
def test_a_stream_that_fails(at: int, workers: int) -> None:
    words = "no beginning" if at == 0 else "no further"
    refused(lambda cls: list(cls(FailingStream(at), 2, num_workers=workers)), ValueError, words)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_stream_after_its_failure(workers: int) -> None:
    def steps(cls: Any) -> Any:
        iterator = iter(cls(FailingStream(), 2, num_workers=workers))
        seen: list[Any] = []
        for _ in range(5):
            try:
                seen.append(next(iterator).tolist())
            except (StopIteration, ValueError) as error:
                seen.append(type(error).__name__)
        return seen

    assert agreed(steps) == [[0, 1], "ValueError", "StopIteration", "StopIteration", "StopIteration"]


def test_the_traceback_of_a_worker_names_the_line() -> None:
    def text(cls: Any) -> Any:
        try:
            list(cls(Failing("value"), num_workers=1))
        except ValueError as error:
            return "contract_data.py" in str(error) and "__getitem__" in str(error) and "fetch" in str(error)

    assert agreed(text)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_dataset_without_getitem(workers: int) -> None:
    class Bare(Squares):
        __getitem__ = None  # type: ignore[assignment]

    class Untold:
        def __len__(self) -> int:
            return 2

    refused(lambda cls: list(cls(Bare(), num_workers=workers)), TypeError, "NoneType")
    refused(lambda cls: list(cls(Untold(), num_workers=workers)), TypeError, "subscriptable")
    refused(lambda cls: list(cls(3)), TypeError, "has no len()")
    refused(lambda cls: cls(None, shuffle=True), TypeError, "has no len()")


@pytest.mark.parametrize("workers", [0, 1])
def test_what_leaves_through_more_than_exceptions(workers: int) -> None:
    class Leaving(Squares):
        def __getitem__(self, index: Any) -> Any:
            raise KeyboardInterrupt if workers == 0 else TimeoutError("late")

    def left(cls: Any) -> Any:
        try:
            list(cls(Leaving(), num_workers=workers))
        except BaseException as error:
            return type(error)

    assert agreed(left) is (KeyboardInterrupt if workers == 0 else TimeoutError)


@pytest.mark.parametrize("persistent", [False, True])
def test_a_pass_after_one_that_failed(persistent: bool) -> None:
    def passes(cls: Any) -> Any:
        loader = cls(Failing("value", at=9), 3, num_workers=2, persistent_workers=persistent)
        seen = []
        for _ in range(2):
            try:
                seen += list(loader)
            except ValueError:
                seen.append("failed")
        return seen

    assert agreed(passes) == ["failed", "failed"]


def test_a_consumer_that_fails_leaves_no_worker() -> None:
    def consume(cls: Any) -> Any:
        workers: list[Any] = []
        try:
            iterator = iter(cls(Squares(40), num_workers=2))
            for _ in iterator:
                workers += iterator._workers
                raise RuntimeError("enough")
        except RuntimeError:
            del iterator
        return [worker.is_alive() for worker in workers]

    assert agreed(consume) == [False, False]
