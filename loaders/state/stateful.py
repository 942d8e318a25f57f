"""Iterable datasets that can say where they are: torchdata's protocol, `state_dict()` and `load_state_dict(state)`."""

from __future__ import annotations

from typing import Any

__all__ = ["has_state", "iteration_state", "resumed_iteration"]


def has_state(owner: Any) -> bool:
    """Whether a dataset, or an iterator over one, has a state of its own."""
    return all(callable(getattr(owner, name, None)) for name in ("state_dict", "load_state_dict"))


def iteration_state(dataset: Any, iterator: Any) -> Any:
    """Where a running iteration is: the iterator's state if it has one, else the dataset's, else None."""
    for owner in (iterator, dataset):
        if has_state(owner):
            return owner.state_dict()
    return None


def resumed_iteration(dataset: Any, state: Any) -> Any:
    """An iteration that goes on where `iteration_state` was taken."""
    if has_state(dataset):
        dataset.load_state_dict(state)
    iterator: Any = iter(dataset)
    if has_state(iterator):
        iterator.load_state_dict(state)
    return iterator
