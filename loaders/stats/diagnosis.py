"""What bounds a pass, why, and what to change: a function of the pass's numbers alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .advice import STAGE_ADVICE

if TYPE_CHECKING:
    from .stats import Stats

__all__ = [
    "HANDOVER",
    "PREFETCH_DEPTH",
    "TRAINING_STEP",
    "UNKNOWN",
    "WORKERS",
    "Diagnosis",
    "depth_needed",
    "diagnose",
    "duration",
]

TRAINING_STEP = "training step"
HANDOVER = "hand-over"
PREFETCH_DEPTH = "prefetch depth"
WORKERS = "workers"
UNKNOWN = "unknown (too few batches)"

_ENOUGH_BATCHES = 8
_NEGLIGIBLE_WAIT = 0.05
_OCCASIONAL_WAIT = 0.2
"""So long a consumer may wait for batches that take unevenly long, while most are there when it asks."""
_SMALLER_PART = 1 / 3
"""Without workers, a pass is the consumer's steps and the making of batches in turns: this share of it is the smaller
part, and a loader that makes batches meanwhile would hide it well."""
_KEEPS_UP = 0.9
"""A loader that needs less than this share of the consumer's time would keep up, had it a queue long enough."""
_STARVED = 0.4
"""Workers that are idle for more than this share of the time that the consumer waits lack work."""
_LARGEST_DEPTH = 64
"""More batches than this under way is no remedy, but memory."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What bounds a pass.

    Attributes:
        bottleneck: "training step": the consumer, which hardly waits; "prefetch depth": the loader is fast enough on
            average, but its queue runs empty; "hand-over": batches are finished, and what is left to do in the
            consumer's thread takes the time; the name of the stage that takes most of the workers' time, or of the one
            in the consumer's thread that it waits for; "workers": making the batches, of which no stages are known; or
            "unknown (too few batches)".
        why: a sentence.
        change: a sentence: what would make the pass faster.
        arguments: the part of it that is arguments of the `DataLoader`, by name.
    """

    bottleneck: str
    why: str
    change: str
    arguments: Mapping[str, int] = field(default_factory=dict)


def diagnose(stats: Stats) -> Diagnosis:
    """What bounds the pass that these numbers are of."""
    enough = max(_ENOUGH_BATCHES, stats.setup.depth + 2)
    if stats.batches < enough:
        return Diagnosis(
            UNKNOWN,
            f"{stats.batches} batches were delivered, and {enough} tell something",
            "iterate further, ask again",
        )
    if _hardly_waits(stats):
        return _training_step(stats)
    for name, stage in stats.consumer_stages.items():
        if stage.seconds > stats.wait_seconds / 2:
            return _stage_of_consumer(stats, name)
    if stats.handover_seconds > stats.wait_seconds / 2:
        return _handover(stats)
    needed = _remedy_depth(stats)
    if needed is not None:
        return _prefetch_depth(stats, needed)
    starved = _starved_share(stats)
    return _starved_workers(stats, starved) if starved > _STARVED else _making(stats)


def depth_needed(steps: Iterable[float], batch_seconds: float) -> int:
    """Batches under way with which a loader, ready with one every `batch_seconds`, never keeps this consumer waiting.

    It is the largest backlog of a queue with these inter-arrival times and a constant service time (Lindley's
    recursion, "The theory of queues with a single server", 1952), and the batch that is being made.
    """
    backlog = largest = 0.0
    for step in steps:
        backlog = max(0.0, backlog + 1 - step / batch_seconds)
        largest = max(largest, backlog)
    return math.ceil(largest) + 1


def batch_seconds(stats: Stats) -> float | None:
    """The seconds in which all workers together could make a batch, if nothing held them up; None if nobody knows."""
    if stats.setup.workers == 0:
        return stats.wait_seconds / (stats.batches - 1)
    if stats.made and stats.busy_seconds > 0 and stats.samples:
        return stats.busy_seconds / stats.made * (stats.samples / stats.batches) / stats.setup.workers
    return _paced_seconds(stats)


def duration(seconds: float) -> str:
    """For people: "0.35 ms", "35 ms", "3.5 s"."""
    if seconds < 0.01:
        return f"{1000 * seconds:.2f} ms"
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _paced_seconds(stats: Stats) -> float | None:
    """Seconds from batch to batch where the loader set the pace: from a wait to the next long step of the consumer."""
    mean = stats.elapsed_seconds / (stats.batches - 1)
    seconds, batches, paced = 0.0, 0, False
    for step, wait in zip(stats.recent_steps, stats.recent_waits, strict=True):
        paced = paced and step < (2 * mean if wait > step / 20 else mean / 2)
        if paced:
            seconds += step + wait
            batches += 1
        paced = paced or wait > mean / 10
    return seconds / batches if seconds > 0 else None


def _hardly_waits(stats: Stats) -> bool:
    if stats.setup.workers == 0:
        return stats.wait_share < _SMALLER_PART
    if stats.wait_share < _NEGLIGIBLE_WAIT or stats.wait_share > _OCCASIONAL_WAIT:
        return stats.wait_share < _NEGLIGIBLE_WAIT
    making = batch_seconds(stats)
    if making is None or not stats.busy_seconds:
        return True  # of torch's workers nothing is known but this: steps take most of the time
    keeps_up = making <= _KEEPS_UP * stats.step_seconds
    return keeps_up and depth_needed(stats.recent_steps, making) <= stats.setup.depth


def _remedy_depth(stats: Stats) -> int | None:
    """Batches under way that would end the waiting; None where the workers are too slow for any number of them."""
    making = batch_seconds(stats)
    if not making or making > _KEEPS_UP * stats.step_seconds:
        return None
    depth = stats.setup.depth
    needed = depth_needed(stats.recent_steps, making)
    if needed > max(_LARGEST_DEPTH, 2 * depth):
        return None
    return needed if needed > depth else 2 * depth  # a queue that seems long enough runs empty if batches are uneven


def _training_step(stats: Stats) -> Diagnosis:
    making, setup = batch_seconds(stats), stats.setup
    why = f"a step takes {duration(stats.step_seconds)}, and waits for data {stats.wait_share:.1%} of the time"
    if setup.workers == 0 and stats.wait_share >= _NEGLIGIBLE_WAIT:
        arguments = _prefetching(stats, depth_needed(stats.recent_steps, making or stats.step_seconds))
        change = f"a faster step; {_listed(arguments)} would hide the time in which the consumer makes batches itself"
        return Diagnosis(TRAINING_STEP, why, change, arguments)
    change = "nothing in the loader: a faster step is all that helps"
    if making and making < stats.step_seconds:
        why += f"; the loader could deliver {stats.step_seconds / making:.1f} times as fast"
        enough = math.ceil(setup.workers * making / (_KEEPS_UP * stats.step_seconds))
        if enough < setup.workers:
            change += f" (num_workers={max(1, enough)} would do)"
    return Diagnosis(TRAINING_STEP, why, change)


def _prefetch_depth(stats: Stats, needed: int) -> Diagnosis:
    setup = stats.setup
    making = duration(batch_seconds(stats) or 0.0)
    step, longest = duration(stats.step_seconds), duration(max(stats.recent_steps))
    why = f"a batch can be made in {making}, and a step takes {step} on average, up to {longest}, but "
    if setup.workers == 0:
        why += f"nothing is prefetched: {stats.wait_share:.0%} of the time the consumer makes batches itself"
    else:
        why += (
            f"with {setup.depth} batches under way the queue runs empty between long steps: the consumer waits "
            f"{stats.wait_share:.0%} of the time"
        )
    arguments = _prefetching(stats, needed)
    change = f"{_listed(arguments)} (one more batch takes {stats.nbytes / stats.batches / 1e6:.1f} MB)"
    return Diagnosis(PREFETCH_DEPTH, why, change, arguments)


def _prefetching(stats: Stats, depth: int) -> Mapping[str, int]:
    """The arguments that give at least this depth."""
    workers = stats.setup.workers
    if workers:
        return {"prefetch_factor": math.ceil(depth / workers)}
    return {"num_workers": 1, "prefetch_factor": max(2, min(depth, _LARGEST_DEPTH))}


def _listed(arguments: Mapping[str, int]) -> str:
    return ", ".join(f"{name}={value}" for name, value in arguments.items())


def _starved_share(stats: Stats) -> float:
    """The share of the time that the consumer waits in which workers, at the least, have nothing to do."""
    if stats.idle_seconds is None or stats.setup.workers == 0:
        return 0.0
    while_stepping = stats.elapsed_seconds - stats.wait_seconds
    return max(0.0, stats.idle_seconds / stats.setup.workers - while_stepping) / stats.wait_seconds


def _starved_workers(stats: Stats, share: float) -> Diagnosis:
    setup, arguments = stats.setup, _prefetching(stats, 2 * stats.setup.depth)
    return Diagnosis(
        PREFETCH_DEPTH,
        f"the consumer waits {stats.wait_share:.0%} of the time, though workers have nothing to do for {share:.0%} of "
        f"that: {setup.depth} batches under way don't keep {setup.workers} of them at work",
        f"{_listed(arguments)}, or larger batches",
        arguments,
    )


def _stage_of_consumer(stats: Stats, name: str) -> Diagnosis:
    share = stats.consumer_stages[name].seconds / stats.wait_seconds
    why = f"the consumer waits {stats.wait_share:.0%} of the time, {share:.0%} of it in this stage, in its own thread"
    return Diagnosis(name, why, STAGE_ADVICE[name](stats.setup))


def _handover(stats: Stats) -> Diagnosis:
    each = duration(stats.wait_seconds / (stats.batches - 1))
    return Diagnosis(
        HANDOVER,
        f"the consumer waits {stats.wait_share:.0%} of the time, mostly for batches that are finished: to receive one, "
        f"and to ask for the next, takes {each} in its own thread",
        STAGE_ADVICE[HANDOVER](stats.setup),
    )


def _making(stats: Stats) -> Diagnosis:
    """The workers are too slow: more of them, where cores are idle, or less work in the stage that takes most."""
    why = f"the consumer waits {stats.wait_share:.0%} of the time"
    if stats.setup.workers == 0:
        why += " (num_workers=0: it makes the batches itself)"
    name, stage = WORKERS, "sample"
    if stats.busy_seconds:
        name = stage = max(stats.stages, key=lambda each: stats.stages[each].seconds)
        share = stats.stages[name].seconds / stats.busy_seconds
        why += f", and {share:.0%} of the time that batches take goes into this stage"
    advice = STAGE_ADVICE[stage](stats.setup)
    workers = _workers_wanted(stats)
    if workers is None:
        return Diagnosis(name, why, advice)
    arguments = {"num_workers": workers}
    return Diagnosis(name, why, f"{_listed(arguments)} ({stats.setup.cores} cores may be used), or {advice}", arguments)


def _workers_wanted(stats: Stats) -> int | None:
    """So many that the loader keeps up, but not more than cores; None where all cores have one."""
    setup, making = stats.setup, batch_seconds(stats)
    if setup.workers >= setup.cores:
        return None
    if not making or stats.step_seconds <= 0:
        return setup.cores
    enough = math.ceil(max(1, setup.workers) * making / (_KEEPS_UP * stats.step_seconds))
    return min(setup.cores, max(setup.workers + 1, enough))
