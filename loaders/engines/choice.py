"""Which engine runs a loader, and why: decided at each iteration, from the loader as it is then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from torch.utils.data import IterableDataset

from ...augment import Augmentation
from ...augment.views import pipelines_of
from ...errors import OptionError
from ...record import RecordSource
from ..augmented import Augmented
from ..collating import NO_SIZE, unsized
from ..layout import default_collating
from ..sources.recognition import Work, recognise
from ..sources.records import record_source
from ..state.stateful import has_state
from .placement import Placement

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["EngineChoice", "EngineName", "choose_engine"]

EngineName: TypeAlias = Literal["native", "dali", "processes", "pool", "inline"]


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine of a loader.

    Attributes:
        name: native: C++ threads; dali: NVIDIA DALI; processes: torch's workers; pool: Penstock's own; inline: the
            caller's thread.
        obstacles: why it is not native, each in words; empty if it is.
        source: the records that the native or the DALI engine reads; None for the others.
        pipeline: what it makes of them; None for the others.
        recognised: in whose place the pipeline is, where it is not declared; else empty.
    """

    name: EngineName
    obstacles: tuple[str, ...] = ()
    source: RecordSource | None = None
    pipeline: Augmentation | None = None
    recognised: str = ""


def choose_engine(loader: DataLoader[Any], placement: Placement) -> EngineChoice:
    """The fastest engine that gives what this loader's arguments ask for."""
    work = _work(placement.dataset(loader.dataset))
    obstacles = list(work) if isinstance(work, tuple) else []
    if loader.batch_sampler is None:
        obstacles.append("batch_size=None: samples come one by one")
    elif loader.collate_fn is not default_collating(loader.memory_format):
        obstacles.append("collate_fn is your own")
    if loader.worker_init_fn is not None:
        obstacles.append("worker_init_fn is for worker processes")
    if loader.engine == "python":
        obstacles.append("engine='python' asks for Python")
    if loader.engine == "native" and obstacles:
        raise OptionError(
            f"engine='native' was asked for, and it can't run: {'; '.join(obstacles)}. Change that, or use 'auto'"
        )
    if obstacles and placement.dali and not loader.executor_fallback:
        raise OptionError(
            f"executor='dali' can't run in this loader: {'; '.join(obstacles)}. Change that, use executor='auto', or "
            "allow executor_fallback=True"
        )
    if obstacles or isinstance(work, tuple):
        return EngineChoice(_python_engine(loader), tuple(obstacles))
    name: EngineName = "dali" if placement.dali else "native"
    return EngineChoice(name, source=work.source, pipeline=work.pipeline, recognised=work.recognised)


def _python_engine(loader: DataLoader[Any]) -> EngineName:
    """Who makes the samples, where it is not the native engine."""
    if loader.num_workers == 0:
        return "inline"
    if isinstance(loader.dataset, IterableDataset):
        own = loader._options.needs_own_pool() or has_state(loader.dataset)
    else:
        own = loader._options.needs_own_pool() or loader._order_sampler is not None
    return "pool" if own else "processes"


def _work(dataset: Any) -> Work | tuple[str, ...]:
    """The records and the pipeline behind a dataset, or the reasons why the native engine can't have them."""
    if not isinstance(dataset, Augmented):
        known = recognise(dataset)
        return known if isinstance(known, tuple) else _obstacles(known.pipeline) or known
    source = record_source(dataset.dataset)
    obstacles = _obstacles(dataset.pipeline)
    if isinstance(source, str):
        return (source, *obstacles)
    return obstacles or Work(source, dataset.pipeline)


def _obstacles(augmentation: Augmentation) -> tuple[str, ...]:
    return (*([NO_SIZE] if unsized(augmentation) else []), *_functions(augmentation))


def _functions(augmentation: Augmentation) -> tuple[str, ...]:
    return tuple(
        f"{pipeline[position]!r} at position {position} is a Python function"
        for pipeline in dict.fromkeys(pipelines_of(augmentation))
        for position in pipeline.functions
    )
