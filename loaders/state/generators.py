"""The torch generators that a pass draws its order from: their states, saved and put back."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import torch

from ...errors import OptionError

__all__ = ["check_generators", "restore_generators", "save_generators", "save_own_generators"]


class _Loader(Protocol):
    generator: Any
    sampler: Any
    batch_sampler: Any


def save_generators(loader: _Loader) -> dict[str, str]:
    """Name -> state (base64) of the generators that the loader's samplers draw from.

    "default" is torch's own, "generator" the loader's argument, "sampler" one that a sampler was given by itself.
    """
    return {name: _encoded(generator.get_state()) for name, generator in _generators(loader).items()}


def save_own_generators(loader: _Loader) -> dict[str, str]:
    """The same without torch's own, which belongs to the whole program: who resumes that puts it back."""
    return {name: state for name, state in save_generators(loader).items() if name != "default"}


def restore_generators(loader: _Loader, states: Mapping[str, str]) -> None:
    """Puts generators back to where `save_generators` or `save_own_generators` found them.

    Raises:
        OptionError: as `check_generators`.
    """
    check_generators(loader, states)
    for name, generator in _generators(loader).items():
        if name in states:
            generator.set_state(_decoded(states[name]))


def check_generators(loader: _Loader, states: Any) -> None:
    """Raises OptionError unless these are states of the generators that the loader's samplers draw from."""
    if not isinstance(states, Mapping) or not states:
        raise OptionError(
            f"a state has the generators that its order was drawn from, got {states!r:.80}: it is damaged"
        )
    generators = _generators(loader)
    if "default" not in states:
        generators.pop("default", None)
    if set(generators) != set(states):
        raise OptionError(
            f"the state is of a loader whose samplers draw from {_named(states)}, this one's draw from "
            f"{_named(generators)}; give it the same generator= and sampler as then"
        )
    for name in generators:
        try:
            torch.Generator().set_state(_decoded(states[name]))
        except (ValueError, TypeError, RuntimeError) as error:
            raise OptionError(f"the state of generator {name!r} can't be used: {error}") from error


def _generators(loader: _Loader) -> dict[str, torch.Generator]:
    found = {"default": torch.default_generator} if loader.generator is None else {"generator": loader.generator}
    for sampler in (loader.sampler, loader.batch_sampler, getattr(loader.batch_sampler, "sampler", None)):
        own = getattr(sampler, "generator", None)
        if isinstance(own, torch.Generator) and own is not loader.generator:
            found["sampler"] = own
    return found


def _named(names: Iterable[Any]) -> str:
    return " and ".join(sorted(map(str, names))) or "none"


def _encoded(state: torch.Tensor) -> str:
    return base64.b64encode(state.numpy(force=True).tobytes()).decode("ascii")


def _decoded(text: str) -> torch.Tensor:
    return torch.from_numpy(np.frombuffer(base64.b64decode(text, validate=True), np.uint8).copy())
