"""What of a batch can be pinned and moved to a device: tensors, and objects that bring `to` themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from .tree import map_parts

__all__ = ["holders", "move", "pin"]

# What a tensor of another layout than torch.strided consists of; `record_stream` is there for strided ones only.
_COMPONENTS = {
    torch.sparse_coo: ("_indices", "_values"),
    torch.sparse_csr: ("crow_indices", "col_indices", "values"),
    torch.sparse_bsr: ("crow_indices", "col_indices", "values"),
    torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_bsc: ("ccol_indices", "row_indices", "values"),
    torch.jagged: ("offsets", "values"),
}


def pin(part: Any) -> Any:
    """`part` in pinned memory, in the same structure; what is pinned already, or on a device, is not copied.

    As with torch's `pin_memory`, an object with a method `pin_memory()` is asked for it. Strides, and so memory
    formats, are kept.
    """
    if isinstance(part, torch.Tensor):
        pinnable = part.device.type == "cpu" and part.layout == torch.strided and not part.is_nested
        return part.pin_memory() if pinnable else part
    if _has_method(part, "pin_memory"):
        return part.pin_memory()
    return map_parts(pin, part)


def move(part: Any, device: torch.device, *, non_blocking: bool) -> Any:
    """`part` on `device`, in the same structure; what is there already is not copied.

    An object with a method `to(device)` (and `non_blocking`, if it takes that) is moved by it, if its tensors can be
    seen (`holders`): what uses memory unseen could lose it to another batch. Other things stay as they are.
    """
    if isinstance(part, torch.Tensor):
        return part.to(device, non_blocking=non_blocking)
    if _has_method(part, "to"):
        return _move_object(part, device, non_blocking) if next(holders(part), None) is not None else part
    return map_parts(lambda value: move(value, device, non_blocking=non_blocking), part)


def holders(part: Any) -> Iterator[Any]:
    """All in `part` that has device memory and a method `record_stream`.

    These are tensors in lists, tuples, mappings and the attributes of objects with a method `to`, and such objects
    themselves where they have `record_stream`.
    """
    return _holders(part, set())


def _holders(part: Any, seen: set[int]) -> Iterator[Any]:
    if isinstance(part, torch.Tensor):
        yield from _strided(part)
    elif id(part) in seen:
        return
    elif isinstance(part, Mapping | list | tuple):
        seen.add(id(part))
        for value in part.values() if isinstance(part, Mapping) else part:
            yield from _holders(value, seen)
    elif _has_method(part, "to"):
        seen.add(id(part))
        if _has_method(part, "record_stream"):
            yield part
            return
        for value in _attributes(part):
            yield from _holders(value, seen)


def _strided(tensor: torch.Tensor) -> Iterator[torch.Tensor]:
    if tensor.layout == torch.strided:
        yield tensor
    for name in _COMPONENTS.get(tensor.layout, ()):
        yield getattr(tensor, name)()


def _attributes(thing: Any) -> Iterator[Any]:
    yield from getattr(thing, "__dict__", {}).values()
    for kind in type(thing).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            yield getattr(thing, name, None)


def _has_method(thing: Any, name: str) -> bool:
    return not isinstance(thing, type) and callable(getattr(thing, name, None))


def _move_object(thing: Any, device: torch.device, non_blocking: bool) -> Any:
    moved = thing.to(device, non_blocking=True) if non_blocking and _takes_non_blocking(thing.to) else thing.to(device)
    return thing if moved is None else moved  # None: it moved in place


def _takes_non_blocking(method: Any) -> bool:
    try:
        parameters = inspect.signature(method).parameters
    except (TypeError, ValueError):  # a compiled method that does not say
        return False
    return "non_blocking" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
