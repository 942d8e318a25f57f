"""`on_error`: what becomes of samples that can't be made, in every engine."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.loading import PIPELINE, Numbers, arrays, collate, equal, write_folder
from torch.utils.data import DistributedSampler, IterableDataset, Subset, SubsetRandomSampler

from penstock.errors import DecodeError, OptionError, TooManyErrorsError
from penstock.formats import Folder
from penstock.loaders import DataLoader
from penstock.loaders.faults.substitutes import substitute
from penstock.loaders.keys.keys import KeyedIndex


class Broken(Numbers):
    """Samples are their indices, but for those that can't be made."""

    def __init__(self, size: int, bad: tuple[int, ...]) -> None:
        super().__init__(size)
        self.bad = bad

    def __getitem__(self, index: int) -> int:
        if index in self.bad:
            raise ValueError(f"sample {int(index)} is broken")
        return int(index)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 images, of which number 3 is no image, number 6 is cut short and number 8 is gone."""
    root = write_folder(tmp_path_factory.mktemp("broken"), 12, (".jpg",))
    paths = [str(path) for path in Folder(root).paths] if hasattr(Folder(root), "paths") else []
    paths = paths or [Folder(root).describe(index) for index in range(12)]
    Path(paths[3]).write_bytes(b"no image at all")
    whole = Path(paths[6]).read_bytes()
    Path(paths[6]).write_bytes(whole[: len(whole) // 2])
    return root


BAD = (3, 6)


def labels(loader: DataLoader[Any]) -> list[list[int]]:
    return [batch[1].tolist() for batch in loader]


ENGINES: dict[str, dict[str, Any]] = {
    "native": {"num_workers": 2},
    "native-inline": {},
    "inline": {"engine": "python"},
    "pool": {"engine": "python", "num_workers": 2},
    "threads": {"engine": "python", "num_workers": 2, "workers": "threads"},
}


def broken_images(root: Path, engine: str, **arguments: Any) -> DataLoader[Any]:
    dataset = Folder(root)
    return DataLoader(dataset, 4, augment=PIPELINE, seed=3, shuffle=True, **ENGINES[engine], **arguments)


@pytest.mark.parametrize("engine", ENGINES)
def test_skipped_samples_make_their_batch_shorter(folder: Path, engine: str, tmp_path: Path) -> None:
    log = tmp_path / "errors.jsonl"
    loader = broken_images(folder, engine, on_error="skip", error_log=log)
    batches = list(loader)
    assert sum(len(images) for images, _ in batches) == 10
    assert len(loader) == 3
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert sorted(line["record"] for line in lines) == [3, 6]
    for line in lines:
        assert line["source"] == Folder(folder).describe(line["record"])
        assert (line["rank"], line["epoch"], line["action"], line["substitute"]) == (0, 0, "skip", None)
        assert line["reason"]
        assert line["error"] in ("DecodeError", "TruncatedError")
    stats = loader.stats()
    assert (stats.skipped, stats.substituted) == (2, 0)


@pytest.mark.parametrize("policy", ["skip", "substitute"])
def test_every_engine_gives_the_same(folder: Path, policy: Any) -> None:
    expected = list(broken_images(folder, "native", on_error=policy))
    for engine in ENGINES:
        assert equal(list(broken_images(folder, engine, on_error=policy)), expected), engine


@pytest.mark.parametrize("engine", ENGINES)
def test_substitutes_keep_batches_whole(folder: Path, engine: str, tmp_path: Path) -> None:
    log = tmp_path / "errors.jsonl"
    loader = broken_images(folder, engine, on_error="substitute", error_log=log)
    assert [len(images) for images, _ in loader] == [4, 4, 4]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["record"] for line in lines} == {3, 6}
    assert all(line["source"] == Folder(folder).describe(line["record"]) for line in lines)
    assert all(line["action"] == "substitute" and 0 <= line["substitute"] < 12 for line in lines)
    assert loader.stats().substituted == 2


@pytest.mark.parametrize("policy", ["skip", "substitute"])
@pytest.mark.parametrize("weights", [None, [1.0, 9.0, 1.0] * 4])
def test_every_engine_logs_the_same(folder: Path, policy: Any, weights: Any, tmp_path: Path) -> None:
    """Half of the images are bad, so that substitutes fail, too."""
    root = tmp_path / "half"
    shutil.copytree(folder, root)
    for index in (0, 1, 5, 9):
        Path(Folder(root).describe(index)).write_bytes(b"no image either")
    order: dict[str, Any] = {"shuffle": True} if weights is None else {"weights": weights}

    def logged(engine: str) -> list[dict[str, Any]]:
        log = tmp_path / f"{engine}.jsonl"
        arguments = {"augment": PIPELINE, "seed": 5, "on_error": policy, "error_log": log, **order, **ENGINES[engine]}
        loader: DataLoader[Any] = DataLoader(Folder(root), 6, **arguments)
        for _ in range(3):
            list(loader)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        # What is wrong with a JPEG that was cut short, each decoder says in its own words.
        return [line | {"reason": line["record"] == 6 or line["reason"]} for line in lines]

    lines = {engine: logged(engine) for engine in ENGINES}
    assert all(found == lines["native"] for found in lines.values())
    for line in lines["native"]:
        assert line["source"] == Folder(root).describe(line["record"])
        assert (line["instead_of"] is None) == (line["attempt"] == 0)
        assert line["record"] in {0, 1, 3, 5, 6, 9}
    assert (policy == "substitute") == any(line["attempt"] > 0 for line in lines["native"])
    for before, after in itertools.pairwise(lines["native"]):
        if after["attempt"]:
            assert after["attempt"] == before["attempt"] + 1
            assert after["record"] == before["substitute"]
            assert after["instead_of"] == (before["instead_of"] if before["attempt"] else before["record"])


@pytest.mark.parametrize("engine", ENGINES)
def test_raising_names_the_sample(folder: Path, engine: str) -> None:
    loader = broken_images(folder, engine)
    failures = []
    iterator = iter(loader)
    for _ in range(3):
        try:
            next(iterator)
        except DecodeError as error:
            failures.append(str(error))
        except OSError as error:
            failures.append(str(error))
    assert len(failures) >= 1
    described = [Folder(folder).describe(index) for index in BAD]
    assert all(any(path in failure for path in described) for failure in failures)


@pytest.mark.parametrize("workers", [{}, {"num_workers": 2}, {"num_workers": 2, "workers": "threads"}])
def test_errors_of_python_samples_say_which_sample(workers: dict[str, Any]) -> None:
    loader: DataLoader[Any] = DataLoader(Broken(6, (4,)), 3, seed=0, **workers)
    iterator = iter(loader)
    assert next(iterator).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="sample 4 is broken") as caught:
        next(iterator)
    text = "".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert "while making sample 4 (Broken[4])" in text


@given(
    bad=st.sets(st.integers(0, 19), max_size=12),
    batch_size=st.integers(1, 7),
    policy=st.sampled_from(["skip", "substitute"]),
    seed=st.one_of(st.none(), st.integers(0, 2**64 - 1)),
)
@settings(deadline=None)
def test_policies_of_python_samples(bad: set[int], batch_size: int, policy: Any, seed: int | None) -> None:
    torch.manual_seed(0)
    loader: DataLoader[Any] = DataLoader(
        Broken(20, tuple(bad)), batch_size, shuffle=True, seed=seed, on_error=policy, max_errors=1000
    )
    given = [batch.tolist() for batch in loader]
    flat = [index for batch in given for index in batch]
    assert not set(flat) & bad
    assert set(range(20)) - bad <= set(flat)
    if policy == "skip":
        assert sorted(flat) == sorted(set(range(20)) - bad)
        assert all(given)
    else:
        assert [len(batch) for batch in given] == [len(batch) for batch in DataLoader(Numbers(20), batch_size)]


def test_a_batch_of_bad_samples_only_is_dropped() -> None:
    loader: DataLoader[Any] = DataLoader(Broken(9, (3, 4, 5)), 3, on_error="skip")
    assert [batch.tolist() for batch in loader] == [[0, 1, 2], [6, 7, 8]]
    assert len(loader) == 3


def test_dropped_batches_keep_their_position() -> None:
    def make() -> DataLoader[Any]:
        return DataLoader(Broken(9, (3, 4, 5)), 3, seed=1, on_error="skip")

    loader = make()
    iterator = iter(loader)
    next(iterator)
    next(iterator)
    assert loader.state_dict()["position"] == 9
    again = make()
    again.load_state_dict(loader.state_dict() | {"position": 3})
    assert [batch.tolist() for batch in again] == [[6, 7, 8]]


@pytest.mark.parametrize("workers", [0, 2])
def test_there_may_be_max_errors(workers: int) -> None:
    def make(most: int) -> DataLoader[Any]:
        return DataLoader(Broken(9, (1, 4, 7)), 3, on_error="skip", max_errors=most, num_workers=workers)

    assert sum(len(batch) for batch in make(3)) == 6
    loader = make(2)
    with pytest.raises(TooManyErrorsError, match=r"3 samples of this epoch could not be made, and max_errors is 2; .*"):
        list(loader)
    assert sum(len(batch) for batch in make(3)) == 6
    assert len(list(make(3))) == 3


def test_each_epoch_has_its_own_max_errors() -> None:
    loader: DataLoader[Any] = DataLoader(Broken(9, (1, 4)), 3, on_error="skip", max_errors=2)
    for _ in range(3):
        assert len(list(loader)) == 3


def test_substitutes_that_all_fail_end_the_pass() -> None:
    loader: DataLoader[Any] = DataLoader(Broken(5, (0, 1, 2, 3, 4)), 2, seed=0, on_error="substitute")
    with pytest.raises(
        TooManyErrorsError,
        match=r"^4 substitutes for sample 0 \(Broken\[0\]\) failed one after the other, the last one being "
        r"sample \d \(Broken\[\d\]\): ValueError: sample \d is broken. Mend the data, or use on_error='skip'$",
    ):
        list(loader)
    loader = DataLoader(Broken(50, tuple(range(50))), 2, seed=0, on_error="substitute")
    with pytest.raises(TooManyErrorsError, match=r"^16 substitutes for sample 0 "):
        list(loader)


@pytest.mark.parametrize("engine", ENGINES)
def test_images_that_all_fail_end_the_pass(engine: str, tmp_path: Path) -> None:
    root = write_folder(tmp_path, 3, (".jpg",))
    for index in range(3):
        Path(Folder(root).describe(index)).write_bytes(b"no image")
    own = re.escape(Folder(root).describe(0))
    loader: DataLoader[Any] = DataLoader(
        Folder(root), 3, augment=PIPELINE, seed=0, on_error="substitute", **ENGINES[engine]
    )
    with pytest.raises(
        TooManyErrorsError, match=rf"^2 substitutes for sample 0 \({own}\) .* being sample [12] \(.*: DecodeError: "
    ):
        list(loader)


@pytest.mark.parametrize("engine", [{}, {"num_workers": 2}])
def test_places_are_counted_and_not_attempts(engine: dict[str, Any], tmp_path: Path) -> None:
    """All but one are bad, so most substitutes fail as well."""
    bad = tuple(range(1, 8))

    def make(most: int) -> DataLoader[Any]:
        arguments = {"on_error": "substitute", "max_errors": most, "error_log": tmp_path / f"{most}.jsonl", **engine}
        return DataLoader(Broken(8, bad), 4, seed=0, **arguments)

    loader = make(7)
    assert [batch.tolist() for batch in loader] == [[0] * 4] * 2
    assert loader.stats().substituted == 7
    assert len((tmp_path / "7.jsonl").read_text().splitlines()) > 7
    with pytest.raises(
        TooManyErrorsError, match=r"^7 samples of this epoch could not be made, .* is 6; the last one was sample 7 "
    ):
        list(make(6))


def test_substitutes_come_from_what_the_sampler_gives() -> None:
    kept = [0, 2, 4, 6, 8]
    for seed in range(5):
        torch.manual_seed(seed)
        loader: DataLoader[Any] = DataLoader(
            Broken(10, (4,)), 2, sampler=SubsetRandomSampler(kept), on_error="substitute"
        )
        assert {index for batch in loader for index in batch.tolist()} <= set(kept) - {4}
        custom: DataLoader[Any] = DataLoader(Broken(10, (4,)), batch_sampler=[[0, 4], [6, 8]], on_error="substitute")
        assert [batch.tolist() for batch in custom] == [[0, 0], [6, 8]]


@given(
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(1, 16),
    st.integers(1, 50),
)
def test_a_substitute_is_a_function_of_its_key(index: int, seed: int, epoch: int, attempt: int, size: int) -> None:
    key = KeyedIndex(index, seed, epoch, 0)
    chosen = substitute(key, attempt, size, [])
    assert chosen == substitute(KeyedIndex(index, seed, epoch, 7), attempt, size, [1])
    assert (chosen is None) == (attempt > size - (index < size))
    if chosen is None:
        return
    assert 0 <= chosen < size
    assert (chosen.seed, chosen.epoch) == (seed, epoch)
    assert 2**62 <= chosen.draw < 2**63


@given(st.integers(0, 30), st.integers(0, 2**64 - 1), st.sets(st.integers(0, 30), min_size=1))
def test_no_index_is_tried_twice(index: int, seed: int, among: set[int]) -> None:
    key = KeyedIndex(index, seed, 0, 0)
    others = among - {index}
    for candidates, batch in ((np.array(sorted(among)), []), (None, [*among, *among])):
        chain = [substitute(key, attempt, candidates, batch) for attempt in range(1, 33)]
        tried = [int(chosen) for chosen in chain if chosen is not None]
        assert len(set(tried)) == len(tried) == min(16, len(others))
        assert set(tried) <= others
        assert chain[len(tried) :] == [None] * (32 - len(tried))


@pytest.mark.parametrize("attempt", [1, 2, 9])
def test_substitutes_are_spread_evenly(attempt: int) -> None:
    chosen = [substitute(KeyedIndex(3, seed, 0, 0), attempt, 10, []) for seed in range(4500)]
    counts = np.bincount([int(each) for each in chosen if each is not None], minlength=10)
    assert counts[3] == 0
    assert abs(np.delete(counts, 3) - 500).max() < 5 * np.sqrt(500)


def test_nothing_to_choose_from_is_told() -> None:
    loader: DataLoader[Any] = DataLoader(Broken(3, (1,)), batch_sampler=[[0], [1]], on_error="substitute")
    with pytest.raises(
        OptionError, match="there is no other sample to take the place of sample 1; use on_error='skip'"
    ):
        list(loader)


def test_skipping_is_refused_with_several_ranks() -> None:
    ranked: DataLoader[Any] = DataLoader(Broken(9, ()), 3, seed=0, rank=1, world_size=2, on_error="skip")
    with pytest.raises(OptionError, match=r"on_error='skip' makes batches shorter on one rank only.* rank 1 of 2"):
        iter(ranked)
    data = Broken(9, ())
    sampled: DataLoader[Any] = DataLoader(data, 3, sampler=DistributedSampler(data, 4, 2), on_error="skip")
    with pytest.raises(OptionError, match="this is rank 2 of 4; use on_error='substitute'"):
        iter(sampled)
    assert len(list(DataLoader(Broken(8, ()), 2, seed=0, rank=1, world_size=2, on_error="substitute"))) == 2


class Stream(IterableDataset[int]):
    def __iter__(self) -> Any:
        return iter(range(5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"on_error": "ignore"}, "on_error must be 'raise' or 'skip' or 'substitute', got 'ignore'"),
        ({"on_worker_death": "retry"}, "on_worker_death must be 'raise' or 'restart', got 'retry'"),
        ({"engine": "dali"}, "engine must be 'auto' or 'native' or 'python', got 'dali'"),
        ({"workers": "greenlets"}, "workers must be 'processes' or 'threads', got 'greenlets'"),
        ({"max_errors": -1}, "max_errors must be 0 or more, got -1"),
        ({"max_errors": 1.5}, "max_errors must be an int, got 1.5"),
        ({"max_restarts": -2}, "max_restarts must be 0 or more, got -2"),
        ({"watchdog": -1}, r"watchdog must be a number of seconds, 0 \(off\) or None, got -1"),
        ({"watchdog": float("nan")}, "watchdog must be a number of seconds"),
        ({"error_log": 3}, "error_log must be the path of a file, or None, got 3"),
    ],
)
def test_options_that_are_none_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        DataLoader(Numbers(3), **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"on_error": "skip"}, "is about single samples of map-style datasets, got the IterableDataset Stream"),
        ({"workers": "threads"}, "workers='threads' needs a map-style dataset, got the IterableDataset Stream"),
        ({"on_worker_death": "restart"}, r"must know where the IterableDataset Stream was .*give it state_dict\(\)"),
    ],
)
def test_iterable_datasets_refuse_what_needs_an_index(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        DataLoader(Stream(), **arguments)


def test_the_native_engine_asked_for_where_it_cannot_run_is_refused() -> None:
    with pytest.raises(OptionError, match="engine='native' was asked for, and it can't run: collate_fn is your own"):
        iter(DataLoader(arrays(), 2, augment=PIPELINE, engine="native", collate_fn=collate))
    assert "engine: native" in DataLoader(arrays(), 2, augment=PIPELINE, engine="native").explain()
    assert "engine='python' asks for Python" in DataLoader(arrays(), 2, augment=PIPELINE, engine="python").explain()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_log_that_cannot_be_opened_is_told_before_the_first_batch(tmp_path: Path, workers: int) -> None:
    for path in (tmp_path / "nowhere" / "log.jsonl", tmp_path):
        loader: DataLoader[Any] = DataLoader(Numbers(3), 3, on_error="skip", error_log=path, num_workers=workers)
        with pytest.raises(OptionError, match=r"error_log='.*' can't be written: .*; give the path of a file"):
            iter(loader)


def test_a_log_that_breaks_costs_no_batch(caplog: pytest.LogCaptureFixture) -> None:
    loader: DataLoader[Any] = DataLoader(Broken(9, (1, 4, 7)), 3, on_error="skip", error_log="/dev/full")
    with caplog.at_level("WARNING", "penstock.loaders"):
        assert [batch.tolist() for batch in loader] == [[0, 2], [3, 5], [6, 8]]
    (record,) = caplog.records
    assert "error_log /dev/full can't be written any more" in record.getMessage()
    assert "No space left on device" in record.getMessage()


def test_lines_of_the_log_have_their_rank_and_epoch(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    loader: DataLoader[Any] = DataLoader(
        Broken(8, (1, 6)), 2, seed=0, rank=1, world_size=2, on_error="substitute", error_log=log
    )
    loader.set_epoch(2)
    list(loader)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines
    assert all((line["rank"], line["epoch"]) == (1, 2) for line in lines)


def test_every_part_of_a_key_counts_in_the_choice_of_a_substitute() -> None:
    def chosen(index: int = 7, seed: int = 1, epoch: int = 2, attempt: int = 1) -> int:
        return int(substitute(KeyedIndex(index, seed, epoch, 0), attempt, 10**15, []))

    varied = [chosen(), chosen(index=8), chosen(seed=2), chosen(seed=1 + 2**32), chosen(epoch=3), chosen(attempt=2)]
    assert len(set(varied)) == len(varied)


@pytest.mark.parametrize("arguments", [{}, {"batch_size": None}, {"on_error": "raise", "seed": 0}])
def test_errors_in_the_callers_thread_name_their_sample(arguments: dict[str, Any]) -> None:
    loader: DataLoader[Any] = DataLoader(Broken(4, (2,)), **arguments)
    with pytest.raises(ValueError, match=r"^sample 2 is broken") as caught:
        list(loader)
    assert getattr(caught.value, "__notes__", []) == ["while making sample 2 (Broken[2])"]


def test_explain_names_arguments_that_have_nothing_to_do() -> None:
    def told(**arguments: Any) -> str:
        return DataLoader(Numbers(3), **arguments).explain()

    assert "not used here: workers='threads', on_worker_death='restart', watchdog=3" in told(
        workers="threads", on_worker_death="restart", watchdog=3
    )
    assert "not used here: error_log='x'" in told(error_log="x")
    assert "not used" not in told(num_workers=1, on_worker_death="restart", watchdog=3)
    assert "order: shuffled by RandomSampler, as in torch" in told(shuffle=True)


def test_a_subset_is_named_by_its_own_index(folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    subset = Subset(Folder(folder), [5, 3, 6, 1])
    loader: DataLoader[Any] = DataLoader(subset, 2, augment=PIPELINE, seed=0, on_error="skip", error_log=log)
    assert sum(len(images) for images, _ in loader) == 2
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["record"] for line in lines] == [1, 2]
    assert lines[0]["source"] == Folder(folder).describe(3)
