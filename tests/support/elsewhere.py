"""A device without values, on which whatever a GPU would have to wait for, or copy behind one's back, fails.

Tensors of torch's device "meta", in its `FakeTensorMode`: reading a value (`item`, `bool`, `tolist`), shapes that
depend on values (`nonzero`, masks) and most mixtures of devices are refused there; the rest is refused here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["DEVICE", "Traffic", "elsewhere"]

DEVICE = torch.device("meta")


class Traffic(TorchDispatchMode):
    """Counts what goes to the device, and lets nothing else cross.

    Attributes:
        uploads: how many copies went there.
        kernels: how many operations ran there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.uploads = 0
        self.kernels = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = _devices((args, kwargs), scalars=False)
        result = func(*args, **(kwargs or {}))
        made = _devices(result, scalars=True)
        if func is torch.ops.aten._to_copy.default and given == {"cpu"} and made == {DEVICE.type}:
            self.uploads += 1
            return result
        if len(given | made) > 1:
            raise AssertionError(f"{func} takes tensors of {sorted(given)} and makes some of {sorted(made)}")
        self.kernels += made == {DEVICE.type} and not func.is_view
        return result


def _devices(values: Any, *, scalars: bool) -> set[str]:
    tensors = (value for value in tree_leaves(values) if isinstance(value, torch.Tensor))
    return {tensor.device.type for tensor in tensors if scalars or tensor.ndim}


@contextmanager
def elsewhere() -> Iterator[Traffic]:
    """Tensors made here are fakes."""
    with warnings.catch_warnings(), FakeTensorMode(allow_non_fake_inputs=False), Traffic() as traffic:
        # Whose memory a tensor has may be asked: the host knows.
        warnings.filterwarnings("ignore", "Accessing the data pointer of FakeTensor", UserWarning)
        yield traffic
