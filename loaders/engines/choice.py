"""Which engine runs a loader, and why: decided at each iteration, from the loader as it is then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ...record import RecordSource
from ..augmented import Augmented
from ..layout import default_collating
from ..records import record_source
from ..wrappers import levels

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["EngineChoice", "EngineName", "choose_engine"]

EngineName: TypeAlias = Literal["native", "processes", "inline"]


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine of a loader.

    Attributes:
        name: native: C++ threads; processes: torch's workers; inline: torch in the caller's thread.
        obstacles: why it is not native, each in words; empty if it is.
        source: the records that the native engine reads; None for the others.
    """

    name: EngineName
    obstacles: tuple[str, ...] = ()
    source: RecordSource | None = None


def choose_engine(loader: DataLoader[Any]) -> EngineChoice:
    """The fastest engine that gives what this loader's arguments ask for."""
    obstacles = []
    if isinstance(loader.dataset, Augmented):
        source = record_source(loader.dataset.dataset)
        if isinstance(source, str):
            obstacles.append(source)
        if loader.dataset.pipeline.output_size is None:
            obstacles.append("the pipeline has no fixed output size: end its resizing with a crop or a (height, width)")
    else:
        source = _no_pipeline(loader.dataset)
        obstacles.append(source)
    if loader.batch_sampler is None:
        obstacles.append("batch_size=None: samples come one by one")
    elif loader.collate_fn is not default_collating(loader.memory_format):
        obstacles.append("collate_fn is your own")
    if loader.worker_init_fn is not None:
        obstacles.append("worker_init_fn is for worker processes")
    if obstacles or isinstance(source, str):
        return EngineChoice("processes" if loader.num_workers else "inline", tuple(obstacles))
    return EngineChoice("native", source=source)


def _no_pipeline(dataset: Any) -> str:
    for place, level in levels(dataset):
        if isinstance(level, Augmented):
            return f"the pipeline is inside, at {place}: wrap the outermost dataset instead, with Augmented or augment="
    return "no augment= is declared, so samples are made by Python"
