"""What every engine's iterator adds to torch's: where its consumer is, and how long that one waited."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..keying import Keying
from ..passes import Cursor, Pass

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["EngineIterator"]


class EngineIterator:
    """A mixin, to stand before one of torch's iterators.

    A batch is taken, and then delivered: who prefetches to a device takes batches before it delivers them, and only
    what was delivered counts in the loader's state.
    """

    _pass: Pass
    _keying: Keying

    def take(self) -> tuple[Any, Cursor]:
        """The next batch, and where the pass is once it is delivered.

        Raises:
            StopIteration: there is none. Any other error is that of this batch; the next call goes on with the next.
        """
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether `take` would return at once."""
        return False

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        began = perf_counter()
        try:
            batch, cursor = self.take()
        except StopIteration:
            self._pass.finish()
            raise
        self._pass.deliver(cursor, began, perf_counter())
        return batch

    def _begin_pass(self, loader: DataLoader[Any], base_seed: float, *, keyed: bool) -> dict[str, Any]:
        """Starts a pass; gives the state that it goes on from, {} for a fresh one."""
        self._pass, self._keying, state = loader._session.begin(loader, int(base_seed), keyed=keyed)
        return state
