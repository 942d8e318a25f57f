"""Pipelines with Python functions in loaders: who runs them, with which random numbers, and what their errors say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.loading import arrays, equal

from penstock import rng
from penstock.augment import CenterCrop, ColorJitter, Lambda, Normalize, Pipeline, RandomHorizontalFlip, ToDtype
from penstock.errors import OptionError, SpecError
from penstock.loaders import DataLoader


def noisy(pixels: np.ndarray) -> np.ndarray:
    noise = rng.current().integers(0, 20, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def noisy_by_numpy(pixels: np.ndarray) -> np.ndarray:
    return np.clip(pixels + np.random.randint(0, 20, pixels.shape), 0, 255).astype(np.uint8)


def halved(pixels: np.ndarray) -> np.ndarray:
    return pixels / np.float32(2)


def bright_only(pixels: np.ndarray) -> np.ndarray:
    if pixels[0, 0, 0] < 20:
        raise ArithmeticError("too dark")
    return pixels


FLOATS = [ToDtype("float32", scale=True), Normalize((0.5,) * 3, (0.25,) * 3)]
PIPELINE = Pipeline([CenterCrop(9), Lambda(noisy), RandomHorizontalFlip(), ColorJitter(0.4, 0.4), *FLOATS])

ENGINES: dict[str, dict[str, Any]] = {
    "inline": {},
    "pool": {"num_workers": 2},
    "threads": {"num_workers": 2, "workers": "threads"},
}

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def loader(pipeline: Pipeline = PIPELINE, **arguments: Any) -> DataLoader[Any]:
    return DataLoader(arrays(), **{"batch_size": 4, "shuffle": True, "seed": 3, "augment": pipeline, **arguments})


@pytest.mark.parametrize("engine", ENGINES)
def test_random_numbers_are_those_of_the_sample(engine: str) -> None:
    expected = list(loader())
    assert equal(list(loader(**ENGINES[engine])), expected)
    again = loader(**ENGINES[engine], batch_size=3)
    made = {int(label): image for images, labels in again for image, label in zip(images, labels, strict=True)}
    for images, labels in expected:
        for image, label in zip(images, labels, strict=True):
            assert torch.equal(made[int(label)], image)
    assert not equal(list(again), list(loader(batch_size=3)))  # the next epoch


def test_numpys_generator_is_seeded_in_processes() -> None:
    pipeline = Pipeline([CenterCrop(9), Lambda(noisy_by_numpy)])
    assert equal(list(loader(pipeline, num_workers=2)), list(loader(pipeline, num_workers=1)))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("late", [[], [Lambda(halved)]])
def test_torch_does_what_follows(engine: str, late: list[Any]) -> None:
    pipeline = Pipeline([*PIPELINE[:4], FLOATS[0], *late, FLOATS[1]])
    torchs = loader(pipeline, executor="torch", **ENGINES[engine])
    assert equal(list(torchs), list(loader(pipeline)))
    where = [
        line.rpartition(": ")[2] for line in torchs.explain().splitlines() if line.startswith("  ") and "(" in line
    ]
    assert where.count("torch on cpu") == (0 if late else 4)


def test_explain_says_who_runs_what() -> None:
    text = loader(num_workers=2, executor="torch").explain()
    at = f"Lambda(function='{__name__}:noisy')"
    assert f"  not native: {at} at position 1 is a Python function" in text
    assert (
        f"ops (executor='torch'): {at} at position 1 is a Python function, and all before it runs where it does" in text
    )
    assert "  0 CenterCrop(size=(9, 9)): native kernels in Python workers" in text
    assert f"  1 {at}: Python, in Python workers" in text
    assert "  2 RandomHorizontalFlip(p=0.5): torch on cpu" in text
    assert f"  1 {at}: Python, in the caller's thread" in loader().explain()


def test_the_native_engine_refuses_it_by_name() -> None:
    with pytest.raises(OptionError, match=r"engine='native' was asked for.* at position 1 is a Python function"):
        iter(loader(engine="native"))


@pytest.mark.parametrize("engine", [{}, {"num_workers": 1}, {"num_workers": 1, "workers": "threads"}])
@pytest.mark.parametrize("seed", [3, None])
def test_errors_name_sample_and_op(engine: dict[str, Any], seed: int | None) -> None:
    images = np.full((6, 5, 5, 3), 200, np.uint8)
    images[4] = 3
    dataset = [(image, label) for label, image in enumerate(images)]
    dark: DataLoader[Any] = DataLoader(dataset, 2, augment=Pipeline([Lambda(bright_only)]), seed=seed, **engine)
    iterator = iter(dark)
    assert [next(iterator)[1].tolist() for _ in range(2)] == [[0, 1], [2, 3]]
    with pytest.raises(ArithmeticError) as caught:
        next(iterator)
    text = f"{caught.value} {getattr(caught.value, '__notes__', '')}"
    assert "too dark" in text
    assert f"in Lambda(function='{__name__}:bright_only')" in text
    assert "while making sample 4 (" in text


def test_bad_results_are_errors_of_their_sample() -> None:
    bad: DataLoader[Any] = loader(Pipeline([CenterCrop(9), Lambda(lambda pixels: pixels[1:])]), on_error="skip")
    with pytest.raises(SpecError, match="must give what it was given, uint8 of shape"):
        next(iter(loader(bad.augment)))
    assert list(bad) == []
    assert bad.stats().skipped == 23


@pytest.mark.parametrize("seed", [3, None])
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_functions_that_can_not_be_sent_are_refused_before_the_first_batch(method: str, seed: int | None) -> None:
    inside = Lambda(lambda pixels: pixels)
    sent = loader(Pipeline([CenterCrop(9), inside]), num_workers=1, multiprocessing_context=method, seed=seed)
    with pytest.raises(OptionError) as caught:
        iter(sent)
    text = str(caught.value)
    assert text.startswith(f"{inside!r} at position 1 can't be sent to worker processes that are started by '{method}'")
    assert "define its function with def at the top level of a module, or use multiprocessing_context='fork'" in text
    for helps in ({"multiprocessing_context": "fork"}, {"workers": "threads"}, {"num_workers": 0}):
        given: dict[str, Any] = {"num_workers": 1, **helps}
        assert equal(list(loader(sent.augment, **given)), list(loader(Pipeline([CenterCrop(9)]))))


def test_functions_of_modules_are_sent_to_spawned_workers() -> None:
    sent = loader(num_workers=1, multiprocessing_context="spawn")
    assert equal(list(sent), list(loader()))
