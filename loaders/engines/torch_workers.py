"""torch's own iterators, in this process and in worker processes, fed with keyed indices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter, _SingleProcessDataLoaderIter

if TYPE_CHECKING:
    from ..dataloader import DataLoader
    from ..keying import Keying

__all__ = ["InlineIterator", "ProcessIterator"]


class InlineIterator(_SingleProcessDataLoaderIter):
    """`num_workers=0`: samples are made in the caller's thread."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        self._keying = loader._keying(self._base_seed)
        self._keyed = loader.augment is not None

    def _next_index(self) -> Any:
        return _next_index(self._keying, self._keyed, self._sampler_iter)


class ProcessIterator(_MultiProcessingDataLoaderIter):
    """`num_workers` of torch's worker processes."""

    def _reset(self, loader: DataLoader[Any], first_iter: bool = False) -> None:
        # Before torch's own reset, which asks for the first batches.
        self._keying = loader._keying(self._base_seed)
        self._keyed = loader.augment is not None
        super()._reset(loader, first_iter)

    def _next_index(self) -> Any:
        return _next_index(self._keying, self._keyed, self._sampler_iter)


def _next_index(keying: Keying, keyed: bool, sampler: Any) -> Any:
    keys, single = keying.next_keys(sampler)
    indices = keys.keyed() if keyed else keys.plain()
    return indices[0] if single else indices
