"""One batch for several devices: cut it, send each device its slice, join what comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch

from ...errors import OptionError
from .tree import map_parts, map_tensors, rebuild_mapping, rebuild_sequence, tensors_in

__all__ = ["cut", "gather", "scatter"]

Device: TypeAlias = torch.device | str | int
"""Where a batch or a slice of it goes, as torch names devices."""


def scatter(batch: Any, devices: Sequence[Device]) -> list[Any]:
    """Cuts a batch along its first dimension and sends each device its slice directly.

    The cut is `torch.chunk`'s (and `DataParallel`'s): slices of ceil(n / devices) samples, the last one smaller, and
    fewer slices than devices where the samples don't suffice. Gradients flow back through the cut and the transfer.

    Args:
        batch: a tensor, or lists, tuples, named tuples and mappings of them, nested as you like:

            - a tensor with dimensions is cut; all must agree in their first dimension n, the batch size;
            - a numpy array of n rows, and a list or tuple of n things with no tensor inside (names, say), is cut and
              stays on the host;
            - any other list, tuple or mapping keeps its structure, and its parts are treated likewise;
            - anything else (a number, a string, None, a tensor without dimensions) goes to every slice as it is; such
              a tensor is copied to the slice's device.
        devices: where slice k goes; one device may be named several times.

    Returns:
        One batch of the same structure for each slice. A slice that needs no transfer shares memory with `batch`.
        Transfers from pinned memory are asynchronous (`non_blocking`): keep `batch` unchanged until they are done.

    Raises:
        OptionError: there is no device, no tensor to cut, or tensors differ in their first dimension.
    """
    targets = [torch.device(device) for device in devices]
    if not targets:
        raise OptionError("scatter needs at least one device, got an empty list")
    return [map_tensors(_sender(device), part) for part, device in zip(cut(batch, len(targets)), targets, strict=False)]


def cut(batch: Any, count: int) -> list[Any]:
    """At most `count` slices of a batch, as `scatter` makes them, that share the batch's memory."""
    size = _batch_size(batch)
    step = max(1, -(-size // count))
    starts = range(0, max(1, size), step)
    return [_slice(batch, size, slice(start, start + step)) for start in starts]


def gather(outputs: Sequence[Any], device: Device) -> Any:
    """Joins the outputs of several devices into one, on `device`: the inverse of `scatter`.

    Tensors are concatenated along their first dimension; tensors without dimensions (a loss from each device) become
    a vector. Gradients flow back to each output. Lists, tuples, named tuples and mappings keep their structure; any
    other part must be equal in all outputs and is given back once.

    Raises:
        OptionError: there is nothing to gather, or the outputs differ in structure; the message says where.
    """
    if len(outputs) == 0:
        raise OptionError("gather needs the output of at least one device, got none")
    return _join(list(outputs), torch.device(device), "outputs")


def _sender(device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda tensor: tensor.to(device, non_blocking=tensor.is_pinned())


def _batch_size(batch: Any) -> int:
    first: tuple[str, int] | None = None
    for place, tensor in tensors_in(batch, "batch"):
        if tensor.ndim == 0:
            continue
        if first is None:
            first = place, tensor.shape[0]
        elif tensor.shape[0] != first[1]:
            raise OptionError(
                f"scatter cuts all tensors alike: {first[0]} has {first[1]} rows, but {place} has {tensor.shape[0]}; "
                "make their first dimensions equal, or give what belongs to every slice as a tensor without dimensions"
            )
    if first is None:
        raise OptionError(
            f"scatter found no tensor with a first dimension to cut in the batch, a {type(batch).__name__}; collate "
            "samples into tensors (torch's default_collate does), or send whole batches to one device"
        )
    return first[1]


def _slice(part: Any, size: int, rows: slice) -> Any:
    if isinstance(part, torch.Tensor):
        return part[rows] if part.ndim else part
    if isinstance(part, np.ndarray) and part.ndim and len(part) == size:
        return part[rows]
    if isinstance(part, list | tuple) and len(part) == size and next(tensors_in(part), None) is None:
        return rebuild_sequence(part, list(part[rows])) if not hasattr(part, "_fields") else part
    return map_parts(lambda value: _slice(value, size, rows), part)


def _join(parts: list[Any], device: torch.device, place: str) -> Any:
    first = parts[0]
    if any(type(part) is not type(first) for part in parts) and not all(isinstance(p, torch.Tensor) for p in parts):
        kinds = ", ".join(type(part).__name__ for part in parts)
        raise OptionError(f"gather needs outputs of one structure: {place} is of types {kinds}")
    if isinstance(first, torch.Tensor):
        return _join_tensors(parts, device, place)
    if isinstance(first, Mapping):
        if any(part.keys() != first.keys() for part in parts):
            keys = "; ".join(str(list(part)) for part in parts)
            raise OptionError(f"gather needs outputs of one structure: {place} has the keys {keys}")
        return rebuild_mapping(
            first, {key: _join([part[key] for part in parts], device, f"{place}[{key!r}]") for key in first}
        )
    if isinstance(first, list | tuple):
        if any(len(part) != len(first) for part in parts):
            lengths = ", ".join(str(len(part)) for part in parts)
            raise OptionError(f"gather needs outputs of one structure: {place} has the lengths {lengths}")
        columns = zip(*parts, strict=True)
        return rebuild_sequence(first, [_join(list(c), device, f"{place}[{k}]") for k, c in enumerate(columns)])
    if any(part != first for part in parts):
        raise OptionError(
            f"gather joins tensors: {place} is no tensor and differs between devices ({', '.join(map(repr, parts))}); "
            "return a tensor instead"
        )
    return first


def _join_tensors(parts: list[torch.Tensor], device: torch.device, place: str) -> torch.Tensor:
    moved = [part.to(device, non_blocking=False) for part in parts]
    shapes = {tuple(part.shape[1:]) if part.ndim else None for part in moved}
    if len(shapes) > 1:
        given = ", ".join(str(tuple(part.shape)) for part in moved)
        raise OptionError(f"gather joins along the first dimension only: {place} has the shapes {given}")
    return torch.stack(moved) if moved[0].ndim == 0 else torch.cat(moved)
