"""What a loader's state says, and whether it fits a loader."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch.utils.data import IterableDataset

from ...errors import OptionError
from ..ordering.sampler import END
from .generators import check_generators
from .stateful import has_state

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["VERSION", "check_state", "describes", "known_length"]

VERSION = 1
"""Version of the states that `DataLoader.state_dict` writes."""


def describes(loader: DataLoader[Any]) -> dict[str, Any]:
    """What a state says of its loader, so that no other one goes on from it.

    - {version, seed, size, shuffle} for Penstock's own order, and a checksum of its weights if there are some: any
      number of workers and ranks and any batch size can go on.
    - {version, batch_size, sampler, samples, ranks} for torch's samplers, whose batches are counted: their classes,
      length and number of ranks, as far as they have them.
    - {version, batch_size, workers} for an iterable dataset.
    """
    if loader._order_sampler is not None:
        order = loader._order_sampler.order
        drawn = {} if order.weights is None else {"weights": order.weights.checksum}
        return {"version": VERSION, "seed": order.seed, "size": order.size, "shuffle": order.shuffle} | drawn
    if isinstance(loader.dataset, IterableDataset):
        return {"version": VERSION, "batch_size": loader.batch_size, "workers": loader.num_workers}
    inner = loader.sampler if loader.batch_sampler is None else getattr(loader.batch_sampler, "sampler", None)
    kinds = [type(sampler).__name__ for sampler in (loader.batch_sampler, inner) if sampler is not None]
    return {
        "version": VERSION,
        "batch_size": loader.batch_size,
        "sampler": " of ".join(kinds),
        "samples": known_length(loader._index_sampler if inner is None else inner),
        "ranks": getattr(inner, "num_replicas", None),
    }


def check_state(loader: DataLoader[Any], state: Any) -> None:
    """Raises OptionError unless `state` is one that this loader can go on from; the message names what differs."""
    if not isinstance(state, Mapping) or type(state.get("version")) is not int:
        raise OptionError(f"a loader's state is the dict that state_dict() gave, got {_shown(state)}")
    if state["version"] != VERSION:
        raise OptionError(f"this Penstock reads states of version {VERSION}, got version {state['version']!r}")
    here = describes(loader)
    position = "position" if "seed" in here else "batches"
    for key in (*here, "epoch", position):
        if key not in state:
            raise OptionError(
                f"a state of {_kind(here)} was expected, which has {key!r}; got one with the keys "
                f"{', '.join(map(str, state))}: the loader needs the seed=, sampler and dataset kind of then"
            )
    for key, value in here.items():
        if state[key] != value:
            raise OptionError(
                f"the state was taken with {key}={state[key]!r}, this loader has {key}={value!r}{_hint(here, key)}"
            )
    _check_number(state, "epoch", END)
    _check_number(state, position, here.get("size", 2**63 - 1))
    if "sampler" in here:
        _check_drawn(loader, state)
    elif "workers" in here and state["batches"]:
        _check_iteration(loader, state.get("dataset"))


def _check_drawn(loader: DataLoader[Any], state: Mapping[str, Any]) -> None:
    """What torch's samplers have drawn, or will draw from."""
    if state["batches"] and "base_seed" not in state:
        raise OptionError(
            "a state of batches that were delivered has a base_seed, and this one has none: it is damaged"
        )
    if "base_seed" in state:
        _check_number(state, "base_seed", 2**63 - 1)
    if "sampler_epoch" in state:
        _check_number(state, "sampler_epoch", 2**63 - 1)
    if "base_seed" in state or "generators" in state:
        check_generators(loader, state.get("generators"))


def _check_iteration(loader: DataLoader[Any], place: Any) -> None:
    """Where an iterable dataset and its workers were."""
    if not has_state(loader.dataset):
        return  # everything is given again
    workers = place.get("workers") if isinstance(place, Mapping) else None
    count = max(1, loader.num_workers)
    whole = isinstance(workers, list) and len(workers) == count and type(place.get("turn")) is int
    if not whole or not 0 <= place["turn"] < count:
        raise OptionError(
            f"a state of the iterable dataset {type(loader.dataset).__name__} says where each of {count} workers was, "
            f"got {_shown(place)}; did the dataset have state_dict() when it was taken?"
        )


def _check_number(state: Mapping[str, Any], key: str, most: int) -> None:
    value = state[key]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise OptionError(f"a state's {key} is an int from 0 to {most}, got {value!r}")


def known_length(owner: Any) -> int | None:
    """The length of a sampler or loader; None where it has none."""
    try:
        return len(owner)
    except (TypeError, NotImplementedError):  # a sampler without a length
        return None


def _kind(here: Mapping[str, Any]) -> str:
    if "seed" in here:
        return "a loader in Penstock's own order"
    return "a loader of an iterable dataset" if "workers" in here else "a loader with torch's samplers"


def _hint(here: Mapping[str, Any], key: str) -> str:
    if "sampler" not in here or key not in ("batch_size", "ranks"):
        return ""
    return "; with seed= and without a sampler, states go on with any batch size and number of ranks"


def _shown(state: Any) -> str:
    try:
        return json.dumps(state)[:120]
    except (TypeError, ValueError):
        return f"{type(state).__name__} {state!r:.100}"
