"""Pickling that leaves the bytes of tensors and arrays to someone else."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import torch

from .memory import Bytes

__all__ = ["Pickler", "StoredBytes", "loads"]

_COMPRESSED = {
    torch.sparse_csr: ("crow_indices", "col_indices"),
    torch.sparse_bsr: ("crow_indices", "col_indices"),
    torch.sparse_csc: ("ccol_indices", "row_indices"),
    torch.sparse_bsc: ("ccol_indices", "row_indices"),
}


@dataclass(slots=True)
class StoredBytes:
    """A range of a storage."""

    storage: torch.UntypedStorage
    start: int
    stop: int

    def bytes(self) -> Bytes:
        whole = torch.empty(0, dtype=torch.uint8).set_(self.storage)
        array: Bytes = whole.numpy()[self.start : self.stop]
        return array


class Pickler(ForkingPickler):
    """Leaves the bytes of storages and buffers out of the stream.

    Of a storage, the range that the tensors of this value look at is sent, once: views stay views of the same memory.

    Attributes:
        buffers: of arrays and other objects that offer them, in the order in which `loads` wants them.
        storages: of tensors, likewise.
    """

    def __init__(self, file: BytesIO) -> None:
        self.buffers: list[pickle.PickleBuffer] = []
        self.storages: list[StoredBytes] = []
        self._numbers: dict[int, int] = {}
        super().__init__(file, 5, True, self.buffers.append)

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, torch.Tensor):
            return self._tensor(obj)
        if isinstance(obj, torch.UntypedStorage) and obj.device.type == "cpu":
            return _rebuild_storage, (self._number(obj, 0, obj.nbytes()),)
        if isinstance(obj, torch.TypedStorage) and obj._untyped_storage.device.type == "cpu":
            untyped = obj._untyped_storage
            return _rebuild_typed_storage, (self._number(untyped, 0, untyped.nbytes()), obj.dtype)
        if type(obj) is np.ndarray and not obj.dtype.hasobject and not obj.flags.forc:
            return np.ascontiguousarray(obj).__reduce_ex__(5)  # out of band, as pickle does with contiguous ones only
        return NotImplemented

    def _tensor(self, tensor: torch.Tensor) -> Any:
        if tensor.requires_grad and not tensor.is_leaf:
            raise RuntimeError(
                "a result holds a tensor that requires grad and is not a leaf: autograd does not cross processes; "
                "detach() it first"
            )
        if tensor.device.type not in ("cpu", "meta"):
            return NotImplemented  # torch.multiprocessing knows how
        if tensor.layout in _COMPRESSED or tensor.layout is torch.sparse_coo:
            return _reduce_sparse(tensor)
        if not _is_plain(tensor):
            return tensor.__reduce_ex__(5)  # type: ignore[no-untyped-call]
        item = tensor.element_size()
        start = int(tensor.storage_offset()) * item
        steps = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True))
        stop = start + (steps + 1) * item if tensor.numel() else start
        number = self._number(tensor.untyped_storage(), start, stop)
        return _rebuild_tensor, (
            number,
            tensor.dtype,
            start,
            tuple(tensor.shape),
            tensor.stride(),
            tensor.requires_grad,
        )

    def _number(self, storage: torch.UntypedStorage, start: int, stop: int) -> int:
        start = start // 64 * 64  # a multiple of every dtype's size
        number = self._numbers.setdefault(storage._cdata, len(self.storages))
        if number == len(self.storages):
            self.storages.append(StoredBytes(storage, start, stop))
        else:
            known = self.storages[number]
            known.start, known.stop = min(known.start, start), max(known.stop, stop)
        return number


def _is_plain(tensor: torch.Tensor) -> bool:
    return (
        type(tensor) is torch.Tensor
        and tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and not tensor.is_nested
        and not tensor.is_quantized
        and not tensor.is_conj()
        and not tensor.is_neg()
        and not tensor._is_zerotensor()
        and not tensor.__dict__
    )


def _reduce_sparse(tensor: torch.Tensor) -> Any:
    # torch's own reduction is for torch.load, which looks at every such tensor again: pickle would keep them for ever.
    if tensor.layout is torch.sparse_coo:
        parts = tensor._indices(), tensor._values()
        return _rebuild_coo, (*parts, tensor.shape, tensor.is_coalesced(), tensor.requires_grad)
    outer, inner = _COMPRESSED[tensor.layout]
    parts = getattr(tensor, outer)(), getattr(tensor, inner)()
    return _rebuild_compressed, (*parts, tensor.values(), tensor.shape, tensor.layout, tensor.requires_grad)


def loads(stream: memoryview, storages: Sequence[tuple[torch.UntypedStorage, int]], buffers: Sequence[Bytes]) -> Any:
    """The value that a `Pickler` wrote.

    Args:
        stream: what it wrote.
        storages: what stands for its `storages`, and at which byte of the original each begins.
        buffers: what stands for its `buffers`. The value refers to them, and to the storages.
    """
    previous, _opening.storages = getattr(_opening, "storages", None), storages
    try:
        return pickle.loads(stream, buffers=buffers)
    finally:
        _opening.storages = previous


_opening = threading.local()  # what the functions below, which pickle calls, take storages from


def _rebuild_tensor(
    number: int, dtype: torch.dtype, start: int, shape: tuple[int, ...], stride: tuple[int, ...], requires_grad: bool
) -> torch.Tensor:
    storage, sent_from = _opening.storages[number]
    tensor = torch.empty(0, dtype=dtype)
    tensor.set_(storage, (start - sent_from) // dtype.itemsize, shape, stride)
    return tensor.requires_grad_() if requires_grad else tensor


def _rebuild_storage(number: int) -> torch.UntypedStorage:
    storage: torch.UntypedStorage = _opening.storages[number][0]
    return storage


def _rebuild_typed_storage(number: int, dtype: torch.dtype) -> torch.TypedStorage:
    return torch.TypedStorage(wrap_storage=_rebuild_storage(number), dtype=dtype, _internal=True)  # type: ignore[no-untyped-call]


def _rebuild_coo(
    indices: torch.Tensor, values: torch.Tensor, shape: torch.Size, is_coalesced: bool, requires_grad: bool
) -> torch.Tensor:
    return torch.sparse_coo_tensor(
        indices, values, shape, is_coalesced=is_coalesced, check_invariants=False, requires_grad=requires_grad
    )


def _rebuild_compressed(
    outer: torch.Tensor,
    inner: torch.Tensor,
    values: torch.Tensor,
    shape: torch.Size,
    layout: torch.layout,
    requires_grad: bool,
) -> torch.Tensor:
    return torch.sparse_compressed_tensor(
        outer, inner, values, shape, layout=layout, check_invariants=False, requires_grad=requires_grad
    )
