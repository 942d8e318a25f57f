"""Workers that die, hang or fail, at the level of the loader: nothing lost or repeated, and words about it."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import threading
import traceback
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from support.faulty import Dying, Hanging, Shards, stateless
from support.loading import PIPELINE, Numbers, arrays, equal, patiently, settles, write_folder
from support.waiting import done_once, wait_until

from penstock.errors import OptionError, WorkerDeathError
from penstock.formats import Folder
from penstock.loaders import DataLoader

WAYS = {
    "SIGKILL": r"was killed by SIGKILL \(often the kernel's out-of-memory killer",
    "SIGSEGV": "was killed by SIGSEGV",
    "exit": "exited with code 3",
}


def dying(deaths: dict[int, str], folder: Path | None, bad: tuple[int, ...] = (), **arguments: Any) -> DataLoader[Any]:
    arguments = {"num_workers": 2, "shuffle": True, "seed": 6, **arguments}
    return DataLoader(Dying(13, deaths, folder, bad), 3, **arguments)


@pytest.fixture(autouse=True)
def _no_core_dumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("how", WAYS)
def test_a_death_is_an_error_that_says_how_and_where(how: str) -> None:
    loader = dying({4: how}, None)
    with pytest.raises(RuntimeError, match=WAYS[how]) as caught:
        list(loader)
    text = str(caught.value)
    assert isinstance(caught.value, WorkerDeathError)
    assert text.startswith("DataLoader worker (pid(s) ")
    assert "exited unexpectedly" in text
    assert "sample 4 [Dying[4]] stage 'sample'" in text


def test_so_it_is_at_each_further_step_and_the_next_pass_starts_anew(tmp_path: Path) -> None:
    loader = dying({4: "SIGKILL"}, tmp_path)
    iterator = iter(loader)
    for _ in range(2):
        with pytest.raises(WorkerDeathError, match="SIGKILL"):
            list(iterator)
    loader.set_epoch(0)
    assert equal(list(loader), list(dying({}, None, num_workers=0)))


@pytest.mark.parametrize("how", WAYS)
def test_restarting_loses_and_repeats_nothing(how: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    loader = dying({4: how, 9: how}, tmp_path, on_worker_death="restart")
    assert equal(list(loader), list(dying({}, None)))
    assert loader.stats().restarts == 2
    warnings = [record.getMessage() for record in caplog.records if record.name == "penstock.loaders"]
    assert len(warnings) == 2
    assert all("a new one takes its place (restart" in warning for warning in warnings)
    assert {4, 9} == {int(warning.split(" at sample ")[1].split()[0]) for warning in warnings}


@given(data=st.data())
@settings(max_examples=5)
def test_deaths_anywhere(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    samples = data.draw(st.sets(st.integers(0, 12), max_size=4))
    arguments: dict[str, Any] = {
        "num_workers": data.draw(st.integers(1, 2)),
        "prefetch_factor": data.draw(st.integers(1, 3)),
        "persistent_workers": data.draw(st.booleans()),
    }
    stop = data.draw(st.integers(0, 5))
    folder = tmp_path_factory.mktemp("deaths")
    deaths = dict.fromkeys(samples, "SIGKILL")
    expected = dying({}, None, num_workers=0)
    whole = [*expected, *expected]
    loader = dying(deaths, folder, on_worker_death="restart", **arguments)
    iterator = iter(loader)
    head = [next(iterator) for _ in range(stop)]
    state = loader.state_dict()
    assert equal([*head, *iterator, *loader], whole)
    again = dying({}, None)
    again.load_state_dict(state)
    assert equal([*head, *again], whole[:5])
    del iterator
    loader._iterator = None


def test_there_may_be_max_restarts(tmp_path: Path) -> None:
    loader = dying({4: "SIGKILL"}, None, on_worker_death="restart", max_restarts=2)
    with pytest.raises(WorkerDeathError, match="max_restarts=2 is used up") as caught:
        list(loader)
    assert str(caught.value).count("sample 4 [Dying[4]]") == 3
    with pytest.raises(WorkerDeathError, match="max_restarts=0 is used up"):
        list(dying({4: "SIGKILL"}, tmp_path, on_worker_death="restart", max_restarts=0))


@pytest.mark.parametrize("policy", ["skip", "substitute"])
def test_bad_samples_beside_deaths(policy: Any, tmp_path: Path) -> None:
    log = tmp_path / "errors.jsonl"
    folder = tmp_path / "deaths"
    folder.mkdir()
    bad = (2, 7, 9)
    loader = dying(
        {2: "SIGKILL", 5: "SIGKILL", 11: "exit"}, folder, bad,
        on_worker_death="restart", on_error=policy, error_log=log, max_errors=20,
    )  # fmt: skip
    expected = list(dying({}, None, bad, num_workers=0, on_error=policy, max_errors=20))
    assert equal(list(loader), expected)
    assert loader.stats().restarts == 3
    failed = [json.loads(line)["record"] for line in log.read_text().splitlines()]
    assert sorted(set(failed)) == sorted(bad)


def test_a_dying_substitute_is_redone(tmp_path: Path) -> None:
    bad = tuple(range(0, 13, 2))
    deaths = dict.fromkeys(range(1, 13, 2), "SIGKILL")
    expected = list(dying({}, None, bad, num_workers=0, on_error="substitute"))
    loader = dying(deaths, tmp_path, bad, on_error="substitute", on_worker_death="restart")
    assert equal(list(loader), expected)


def test_torchs_samplers_too(tmp_path: Path) -> None:
    def flat(**arguments: Any) -> list[float]:
        torch.manual_seed(1)
        return [
            row[0]
            for batch in dying(arguments.pop("deaths", {}), tmp_path, seed=None, **arguments)
            for row in batch.tolist()
        ]

    assert flat(deaths={4: "SIGKILL", 7: "exit"}, on_worker_death="restart") == flat(num_workers=0)


def test_persistent_workers_are_replaced_in_any_epoch() -> None:
    expected = dying({}, None, num_workers=0)
    loader = dying({}, None, on_worker_death="restart", persistent_workers=True)
    for epoch in range(3):
        iterator = iter(loader)
        first = next(iterator)
        os.kill(loader._iterator._pool.pids()[epoch % 2], 9)  # type: ignore[union-attr]
        assert equal([first, *iterator], list(expected))
    del iterator
    loader._iterator = None


def test_new_processes_start_like_the_first(tmp_path: Path) -> None:
    loader = dying({4: "SIGKILL"}, tmp_path, on_worker_death="restart", multiprocessing_context="spawn", num_workers=1)
    assert equal(list(loader), list(dying({}, None, num_workers=0)))


def test_torchs_own_workers_raise_as_torch_does() -> None:
    loader = dying({4: "SIGKILL"}, None, seed=None)
    assert "torch's workers" in loader.explain()
    handler = signal.getsignal(signal.SIGCHLD)
    message = ""
    try:
        list(loader)
    except RuntimeError as error:
        # Torch's handler of this signal raises again as other workers end, wherever the program is then.
        handler = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        message = str(error)
        traceback.clear_frames(error.__traceback__)
    signal.signal(signal.SIGCHLD, handler)
    assert re.search(r"DataLoader worker \(pid.*\) (exited unexpectedly|is killed by)", message)


# Iterable datasets that have a state.

SIZES = [5, 0, 7, 2, 9, 1]


def shards(**arguments: Any) -> DataLoader[Any]:
    given = {name: arguments.pop(name) for name in ("deaths", "folder", "bad") if name in arguments}
    return DataLoader(Shards(arguments.pop("sizes", SIZES), **given), **{"batch_size": 3, **arguments})


def values(batches: Any) -> list[Any]:
    return [batch.tolist() if isinstance(batch, torch.Tensor) else batch for batch in batches]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("batch_size", [None, 3])
@pytest.mark.parametrize("drop_last", [False, True])
def test_shards_come_in_torchs_order(workers: int, batch_size: int | None, drop_last: bool) -> None:
    more: dict[str, Any] = {"num_workers": workers, "batch_size": batch_size}
    if batch_size is not None:
        more["drop_last"] = drop_last
    expected = torch.utils.data.DataLoader(Shards(SIZES), **more)
    loader = shards(**more)
    assert "pool" in loader.explain()
    for _ in range(2):
        assert values(loader) == values(expected)


@pytest.mark.filterwarnings("ignore:This DataLoader will create 3 worker processes")
@pytest.mark.parametrize(("workers", "persistent"), [(1, False), (2, True), (3, False)])
def test_the_state_of_every_worker_at_every_step(workers: int, persistent: bool) -> None:
    arguments: dict[str, Any] = {"num_workers": workers, "persistent_workers": persistent}
    whole = values(shards(**arguments))
    assert sorted(number for batch in whole for number in batch) == sorted(Shards(SIZES))
    loader = shards(**arguments)
    iterator, states = iter(loader), []
    for _ in range(len(whole) + 1):
        states.append(json.loads(json.dumps(loader.state_dict())))
        next(iterator, None)
    again = shards(**arguments)
    for step, state in enumerate(states):
        again.load_state_dict(state)
        assert values(again) == whole[step:]
    assert values(again) == whole
    del iterator
    again._iterator = loader._iterator = None


def test_a_state_of_other_workers_is_refused() -> None:
    loader = shards(num_workers=2)
    next(iter(loader))
    with pytest.raises(OptionError, match="taken with workers=2, this loader has workers=1"):
        shards(num_workers=1).load_state_dict(loader.state_dict())


@given(
    sizes=st.lists(st.integers(0, 6), min_size=1, max_size=5),
    workers=st.integers(1, 2),
    batch_size=st.sampled_from([None, 1, 4]),
    data=st.data(),
)
@settings(max_examples=5)
def test_restarted_iterables_lose_and_repeat_nothing(
    sizes: list[int],
    workers: int,
    batch_size: int | None,
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    numbers = [100 * shard + at for shard, size in enumerate(sizes) for at in range(size)]
    chosen = data.draw(st.sets(st.sampled_from(numbers), max_size=3)) if numbers else set()
    more: dict[str, Any] = {"sizes": sizes, "num_workers": workers, "batch_size": batch_size}
    whole = values(shards(**more))
    folder = tmp_path_factory.mktemp("deaths")
    loader = shards(deaths=dict.fromkeys(chosen, "SIGKILL"), folder=folder, on_worker_death="restart", **more)
    iterator = iter(loader)
    head = values(next(iterator) for _ in range(data.draw(st.integers(0, len(whole)))))
    state = loader.state_dict()
    assert head + values(iterator) == whole
    assert loader.stats().restarts == len(chosen)
    again = shards(**more)
    again.load_state_dict(state)
    assert head + values(again) == whole


def test_an_error_in_the_middle_is_raised_and_others_go_on() -> None:
    loader = shards(num_workers=2, bad=(201,))
    iterator, given, errors = iter(loader), [], []
    while True:
        try:
            given += values([next(iterator)])
        except StopIteration:
            break
        except ValueError as error:
            errors.append(str(error))
    assert len(errors) == 1
    assert "number 201 is broken" in errors[0]
    assert "worker process 0" in errors[0]
    flat = [number for batch in given for number in batch]
    assert sorted(flat) == sorted(set(Shards(SIZES)) - {201, *lost_with(201)})


def lost_with(number: int) -> set[int]:
    """What torch's workers lose with it: what was read for the same batch before."""
    own = [value for shard in (0, 2, 4) for value in range(100 * shard, 100 * shard + SIZES[shard])]
    start = own.index(number) // 3 * 3
    return set(own[start : own.index(number)])


def test_an_iterable_without_a_state_is_not_restarted() -> None:
    with pytest.raises(OptionError, match=r"give it state_dict\(\) and load_state_dict\(\)"):
        DataLoader(stateless(SIZES), 3, num_workers=2, on_worker_death="restart")


# What hangs.


@pytest.mark.parametrize("workers", ["processes", "threads"])
def test_the_timeout_names_the_sample(workers: Any, tmp_path: Path) -> None:
    data = Hanging(6, 4, tmp_path / "go")
    loader: DataLoader[Any] = DataLoader(data, 2, seed=0, num_workers=2, workers=workers, timeout=0.3)
    iterator = iter(loader)
    given = values([patiently(iterator), patiently(iterator)])

    def names_the_sample() -> bool:
        with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0.3 seconds") as caught:
            next(iterator)
        return "at sample 4 [file 4.jpg] stage 'sample'" in str(caught.value)

    wait_until(names_the_sample)
    (tmp_path / "go").touch()
    assert given + values([patiently(iterator)]) == [[0, 1], [2, 3], [4, 5]]


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "penstock.loaders"]


def doubling(logged: list[str]) -> bool:
    """Whether a hang was told at most after 0.2 seconds, 0.4, 0.8 ..., all of which are rounded in the messages."""
    seconds = [float(re.findall(r" for ([\d.]+) s\n", message)[0]) for message in logged]
    return seconds[0] >= 0.2 and all(later >= 2 * each - 0.15 for each, later in pairwise(seconds))


@pytest.mark.parametrize("workers", ["processes", "threads"])
def test_the_watchdog_logs_sample_stage_and_stacks(
    workers: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def logged() -> list[str]:
        return [message for message in messages(caplog) if "sample 4 [file 4.jpg]" in message]

    def shown() -> list[str]:
        return [message for message in logged() if "(no stacks came" not in message]  # as from a process that waits

    before = len(watchdogs())
    data = Hanging(6, 4, tmp_path / "go")
    loader: DataLoader[Any] = DataLoader(data, 2, num_workers=2, workers=workers, watchdog=0.2)
    with done_once(lambda: len(shown()) >= 2, (tmp_path / "go").touch):
        assert values(loader) == [[0, 1], [2, 3], [4, 5]]
    assert doubling(logged())
    assert all("stage 'sample'" in message for message in logged())
    assert all("in __getitem__" in message and "faulty.py" in message for message in shown()[:2])
    assert settles(lambda: len(watchdogs()) <= before)


def watchdogs() -> list[str]:
    gc.collect()
    return [thread.name for thread in threading.enumerate() if thread.name == "penstock-watchdog"]


class SlowImage(ImageFile.ImageFile):
    """A format for Pillow that is found broken when somebody says so."""

    format = "SLOW"
    go_on = threading.Event()

    def _open(self) -> None:
        self.go_on.wait(60)
        raise SyntaxError("no image")


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Folder]:
    """A folder of images of which number 3 takes until `SlowImage.go_on` is set."""
    SlowImage.go_on.clear()
    Image.register_open("SLOW", SlowImage, lambda prefix: prefix.startswith(b"SLOW"))
    dataset = Folder(write_folder(tmp_path / "images", 6, (".jpg",)))
    Path(dataset.describe(3)).write_bytes(b"SLOWLY BUT SURELY")
    yield dataset
    Image.ID.remove("SLOW")
    del Image.OPEN["SLOW"]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("executor", ["native", "dali"])
def test_the_watchdog_of_the_native_engine_and_of_dalis(
    workers: int, executor: Any, slow: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    if executor == "dali":
        pytest.importorskip("nvidia.dali", reason="NVIDIA DALI is not installed")

    def logged() -> list[str]:
        return [message for message in messages(caplog) if f"sample 3 [{slow.describe(3)}]" in message]

    before = len(watchdogs())
    loader: DataLoader[Any] = DataLoader(
        slow, 2, seed=0, num_workers=workers, augment=PIPELINE, watchdog=0.2, on_error="skip", executor=executor
    )
    with done_once(lambda: len(logged()) >= 2, SlowImage.go_on.set):
        assert sum(len(labels) for _, labels in loader) == 5
    assert doubling(logged())
    assert all(message.startswith(f"the {executor} engine has been at sample 3 [") for message in logged())
    assert all("stage 'decode' for" in message for message in logged())
    assert all("(MainThread)" in message and "in decode_rgb" in message for message in logged()[:2])
    assert settles(lambda: len(watchdogs()) <= before)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_watchdog_can_be_off(workers: int, slow: Folder, caplog: pytest.LogCaptureFixture) -> None:
    before = watchdogs()
    loader: DataLoader[Any] = DataLoader(
        slow, 2, seed=0, num_workers=workers, augment=PIPELINE, watchdog=0, on_error="skip"
    )
    iterator = iter(loader)
    assert watchdogs() == before
    threading.Timer(1.0, SlowImage.go_on.set).start()
    assert sum(len(labels) for _, labels in iterator) == 5
    assert messages(caplog) == []


def test_the_native_engine_is_watched_by_default_where_threads_work() -> None:
    def started(workers: int) -> list[str]:
        loader: DataLoader[Any] = DataLoader(arrays(), 4, num_workers=workers, augment=PIPELINE)
        iterator = iter(loader)
        next(iterator)
        return watchdogs()

    before = watchdogs()
    assert started(0) == before
    assert started(2) == [*before, "penstock-watchdog"]
    assert settles(lambda: len(watchdogs()) <= len(before))


def test_persistent_workers_that_died_are_new_in_the_next_pass() -> None:
    loader: Any = DataLoader(Numbers(20), 2, seed=0, num_workers=2, persistent_workers=True)
    iterator = iter(loader)
    next(iterator)
    for pid in iterator._pool.pids():
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerDeathError, match="exited unexpectedly"):
        list(iterator)
    assert sorted(index for batch in loader for index in batch.tolist()) == list(range(20))
