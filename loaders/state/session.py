"""Where a loader is: the epoch that comes next, the pass under way, and a state to go on from."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import IterableDataset

from ...errors import OptionError
from ..augmented import Augmented
from ..keys.keying import GivenKeying, Keying, OrderKeying, SamplerKeying, visits_once
from ..ordering.sampler import EpochCounter, OrderSampler
from .generators import restore_generators, save_generators, save_own_generators
from .passes import Cursor, Pass
from .state import check_state, describes

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["Session"]


class Session:
    """The epochs and passes of one loader; its state, saved and loaded.

    Attributes:
        epochs: counts them.
        current: the pass that began last, or None.
    """

    def __init__(self) -> None:
        self.epochs = EpochCounter()
        self.current: Pass | None = None
        self._pending: dict[str, Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """A copy of a loader, here or in another process, has no part in the pass under way."""
        return vars(self) | {"current": None}

    def set_epoch(self, epoch: int) -> None:
        """Fixes the next epoch; a loaded state of another epoch is dropped."""
        self.epochs.set(epoch)
        if self._pending is not None and self._pending["epoch"] != self.epochs.next:
            self._pending = None

    def state_dict(self, loader: DataLoader[Any]) -> dict[str, Any]:
        """What is left of the pass under way; the whole next epoch before the first pass and after a finished one."""
        if self._pending is not None:
            return copy.deepcopy(self._pending)
        running = self.current
        if running is None or running.finished:
            return describes(loader) | {"epoch": self.epochs.next, _position_key(loader): 0} | _own_generators(loader)
        if running.obstacle:
            raise OptionError(f"state_dict has nothing exact to say here: {running.obstacle}")
        state = describes(loader) | running.start | {_position_key(loader): running.cursor.position}
        if running.cursor.dataset is not None:
            state["dataset"] = running.cursor.dataset
        return copy.deepcopy(state)

    def load_state_dict(self, loader: DataLoader[Any], state: dict[str, Any]) -> None:
        """The next pass goes on where `state` was taken."""
        check_state(loader, state)
        self._pending = copy.deepcopy(dict(state))
        self.epochs.next = state["epoch"]  # END after the last one

    @contextlib.contextmanager
    def starting(self, loader: DataLoader[Any]) -> Iterator[None]:
        """Around the making of an iterator: counts the epoch, and goes on from a loaded state.

        The generator that torch draws a base seed from is left as it was where Penstock's own order has no use for it,
        and the default one where the past draws of a resumed pass are drawn again.
        """
        self.epochs.check()
        state = self._pending or {}
        for sampler in _samplers(loader):
            if "sampler_epoch" in state and callable(getattr(sampler, "set_epoch", None)):
                sampler.set_epoch(state["sampler_epoch"])
        if "generators" in state and not _under_way(state):  # before torch draws from them
            restore_generators(loader, state["generators"])
        with contextlib.ExitStack() as kept:
            if loader._order_sampler is not None:
                kept.enter_context(_kept(loader.generator or torch.default_generator))
            elif "default" in state.get("generators", {}):
                kept.enter_context(_kept(torch.default_generator))
            yield
        self._pending = None
        self.epochs.take()

    def begin(self, loader: DataLoader[Any], base_seed: int, *, keyed: bool) -> tuple[Pass, Keying, dict[str, Any]]:
        """Starts the pass of an iterator; `base_seed` is what torch drew for it.

        Returns:
            The pass, its requests, and the state that it goes on from ({} for one that starts fresh).
        """
        epoch, state = self.epochs.next, self._pending or {}
        start: dict[str, Any] = {"epoch": epoch}
        if loader._order_sampler is not None:
            start |= describes(loader)
            keying = self._order_keying(loader._order_sampler, epoch, state, single=loader.batch_sampler is None)
        else:
            seed = state.get("base_seed", int(base_seed))
            if _under_way(state):
                restore_generators(loader, state["generators"])
            if not isinstance(loader.dataset, IterableDataset):
                start |= {"base_seed": seed, "generators": save_generators(loader)} | _sampler_epoch(loader)
            keying = self._sampler_keying(loader, seed, epoch, state, keyed=keyed)
        cursor = Cursor(state.get(_position_key(loader), 0), dataset=state.get("dataset"))
        self.current = Pass(epoch, start, cursor)
        return self.current, keying, state

    def _order_keying(self, sampler: OrderSampler, epoch: int, state: dict[str, Any], *, single: bool) -> Keying:
        order = sampler.order.epoch(epoch, state.get("position", 0))
        return OrderKeying(order, sampler.seed, epoch, single=single)

    def _sampler_keying(
        self, loader: DataLoader[Any], seed: int, epoch: int, state: dict[str, Any], *, keyed: bool
    ) -> Keying:
        if isinstance(loader.dataset, IterableDataset):
            return GivenKeying()
        skip = state["batches"] if _under_way(state) else None
        if not keyed:
            return GivenKeying(skip)
        given = loader.dataset.dataset if isinstance(loader.dataset, Augmented) else loader.dataset
        size = len(given) if hasattr(given, "__len__") else 0
        return SamplerKeying(seed, epoch, size, once=visits_once(loader._index_sampler), skip=skip)


@contextlib.contextmanager
def _kept(generator: torch.Generator) -> Iterator[None]:
    """Puts a generator back to where it was."""
    before = generator.get_state()
    try:
        yield
    finally:
        generator.set_state(before)


def _position_key(loader: DataLoader[Any]) -> str:
    return "position" if loader._order_sampler is not None else "batches"


def _under_way(state: dict[str, Any]) -> bool:
    """Whether a state of torch's samplers is one of a pass that had begun, with its seed drawn."""
    return "base_seed" in state


def _own_generators(loader: DataLoader[Any]) -> dict[str, Any]:
    """What the next pass's order will be drawn from, where that is a generator of the loader's or its sampler's own."""
    if loader._order_sampler is not None or isinstance(loader.dataset, IterableDataset):
        return {}
    own = save_own_generators(loader)
    return {"generators": own} if own else {}


def _samplers(loader: DataLoader[Any]) -> list[Any]:
    return [loader.sampler, loader.batch_sampler, getattr(loader.batch_sampler, "sampler", None)]


def _sampler_epoch(loader: DataLoader[Any]) -> dict[str, int]:
    """The epoch of a sampler that shuffles by it, as torch's DistributedSampler does."""
    for sampler in _samplers(loader):
        epoch = getattr(sampler, "epoch", None)
        if callable(getattr(sampler, "set_epoch", None)) and isinstance(epoch, int):
            return {"sampler_epoch": epoch}
    return {}
