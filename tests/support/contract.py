"""torch's loader as the oracle: a scenario runs with both classes, and everything that a caller can see must agree."""

from __future__ import annotations

import dataclasses
import random
import re
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.utils.data

from penstock.loaders import DataLoader

Scenario = Callable[[Any], Any]

_SEED = 20260


@dataclasses.dataclass(frozen=True)
class Observed:
    """What a caller sees of a scenario.

    Attributes:
        value: what it returned; None if it raised.
        error: the type and the message of what it raised.
        warned: category and message of each warning, in order.
        generators: states of torch's, NumPy's and Python's global generators afterwards.
    """

    value: Any
    error: tuple[type[BaseException], str] | None
    warned: tuple[tuple[type[Warning], str], ...]
    generators: tuple[Any, ...]


def observe(scenario: Scenario, loader_class: Any) -> Observed:
    """Runs a scenario with one class, from the same random numbers each time."""
    torch.manual_seed(_SEED)
    np.random.seed(_SEED)
    random.seed(_SEED)
    value, error = None, None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # From Python 3.12: depends on the threads that are there, which the two classes share.
        warnings.filterwarnings("ignore", message=".*multi-threaded", category=DeprecationWarning)
        try:
            value = scenario(loader_class)
        except Exception as raised:  # whatever it is, the other class must raise it too
            error = type(raised), steady(str(raised))
            # The iterator is in a cycle with its traceback: nobody's workers must inherit it, nor should it wait.
            traceback.clear_frames(raised.__traceback__)
    return Observed(
        value,
        error,
        tuple((warning.category, steady(str(warning.message))) for warning in caught),
        (torch.get_rng_state(), np.random.get_state()[1], np.random.get_state()[2], random.getstate()),
    )


def agree(scenario: Scenario) -> Observed:
    """Checks that a scenario looks the same with both classes; returns what was seen, which is torch's too."""
    theirs = observe(scenario, torch.utils.data.DataLoader)
    ours = observe(scenario, DataLoader)
    assert ours.error == theirs.error
    assert ours.warned == theirs.warned
    assert same(ours.value, theirs.value), f"{ours.value!r} is not torch's {theirs.value!r}"
    assert same(ours.generators, theirs.generators), "the global generators are not where torch leaves them"
    return ours


def agreed(scenario: Scenario) -> Any:
    """The value that a scenario has with both classes; it must neither raise nor warn."""
    seen = agree(scenario)
    assert seen.error is None, seen.error
    assert seen.warned == ()
    return seen.value


def refused(scenario: Scenario, kind: type[BaseException], message: str) -> None:
    """Checks that a scenario raises this kind of exception with both classes, in the same words."""
    seen = agree(scenario)
    assert seen.error is not None, f"{kind.__name__} was expected, it returned {seen.value!r}"
    assert seen.error[0] is kind
    assert message in seen.error[1]


def steady(message: str) -> str:
    """A message without what changes from run to run (process ids, addresses), nor a traceback's frames."""
    message = re.sub(r"0x[0-9a-f]+", "0x*", re.sub(r"(pid(?:\(s\))?:?) \d+(, \d+)*", r"\1 *", message))
    start, mark, frames = message.partition("Original Traceback (most recent call last):\n")
    return start + mark + "".join(line for line in frames.splitlines(keepends=True) if not line.startswith("  "))


def same(first: Any, second: Any) -> bool:
    """Whether two values are equal in type and content, also inside containers."""
    if type(first) is not type(second):
        return False
    if isinstance(first, torch.Tensor):
        return first.dtype == second.dtype and first.shape == second.shape and torch.equal(first, second)
    if isinstance(first, np.ndarray):
        return first.dtype == second.dtype and np.array_equal(first, second)
    if isinstance(first, Mapping):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    if isinstance(first, Sequence) and not isinstance(first, str | bytes):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)
