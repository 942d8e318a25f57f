"""The structure of a batch: lists, tuples, named tuples and mappings of tensors and other things."""

from __future__ import annotations

import copy
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import torch

__all__ = ["map_parts", "map_tensors", "rebuild_mapping", "rebuild_sequence", "tensor_bytes", "tensors_in"]

_COUNTED_PARTS = 1000


def tensors_in(part: Any, place: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor in the lists, tuples and mappings of `part`, and where: `place["key"][0]`."""
    if isinstance(part, torch.Tensor):
        yield place, part
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from tensors_in(value, f"{place}[{key!r}]")
    elif isinstance(part, list | tuple):
        for position, value in enumerate(part):
            yield from tensors_in(value, f"{place}[{position}]")


def tensor_bytes(batch: Any) -> int:
    """Bytes of the tensors in a batch, as far as its first thousand parts tell.

    Unlike the other functions here it is for whatever a `collate_fn` makes: batches that hold themselves, mappings that
    compute their values, a million numbers in lists.
    """
    parts, total, left = [batch], 0, _COUNTED_PARTS
    while parts and left:
        part = parts.pop()
        left -= 1
        if isinstance(part, torch.Tensor):
            total += part.nbytes
        elif isinstance(part, dict | UserDict):
            parts.extend(islice(part.values(), left))
        elif isinstance(part, list | tuple):
            parts.extend(islice(part, left))
    return total


def map_tensors(function: Callable[[torch.Tensor], Any], part: Any) -> Any:
    """`part` in the same structure, with `function` of each tensor in its place."""
    if isinstance(part, torch.Tensor):
        return function(part)
    return map_parts(lambda value: map_tensors(function, value), part)


def map_parts(function: Callable[[Any], Any], part: Any) -> Any:
    """A list, tuple or mapping with `function` of each of its direct parts; anything else as it is."""
    if isinstance(part, Mapping):
        return rebuild_mapping(part, {key: function(value) for key, value in part.items()})
    if isinstance(part, list | tuple):
        return rebuild_sequence(part, [function(value) for value in part])
    return part


def rebuild_mapping(like: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """A mapping of the kind of `like`, with these items for its keys.

    It is a changed copy where the kind allows it, so that a default factory and the like survive, and a dict where
    the kind can't be made from a mapping (as in torch's `pin_memory`).
    """
    if type(like) is dict:
        return items
    try:
        if not hasattr(like, "update"):
            kind: Callable[..., Any] = type(like)
            return kind(items)
        changed = copy.copy(like)
        changed.update(items)
    except TypeError:
        return items
    return changed


def rebuild_sequence(like: Sequence[Any], values: list[Any]) -> Any:
    """A list or (named) tuple of the kind of `like` with these values; a plain one where the kind can't be made so."""
    kind: Callable[..., Any] = type(like)
    if kind is list:
        return values
    if isinstance(like, list):
        changed = copy.copy(like)
        changed[:] = values
        return changed
    try:
        return kind(*values) if hasattr(like, "_fields") else kind(values)
    except TypeError:
        return tuple(values)
