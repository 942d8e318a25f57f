"""What bounds a pass, why, and what to change: a function of the pass's numbers alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .advice import STAGE_ADVICE

if TYPE_CHECKING:
    from .stats import Stats

__all__ = ["PREFETCH_DEPTH", "TRAINING_STEP", "UNKNOWN", "WORKERS", "Diagnosis", "depth_needed", "diagnose", "duration"]

TRAINING_STEP = "training step"
PREFETCH_DEPTH = "prefetch depth"
WORKERS = "workers"
UNKNOWN = "unknown (too few batches)"

_ENOUGH_BATCHES = 8
_NEGLIGIBLE_WAIT = 0.05
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
            average, but its queue runs empty; the name of the stage that takes most of the workers' time, or of the
            one in the consumer's thread that it waits for; "workers": making the batches, of which no stages are
            known; or "unknown (too few batches)".
        why: a sentence.
        change: a sentence: what would make the pass faster.
    """

    bottleneck: str
    why: str
    change: str


def diagnose(stats: Stats) -> Diagnosis:
    """What bounds the pass that these numbers are of."""
    enough = max(_ENOUGH_BATCHES, stats.setup.depth + 2)
    if stats.batches < enough:
        return Diagnosis(
            UNKNOWN,
            f"{stats.batches} batches were delivered, and {enough} tell something",
            "iterate further, ask again",
        )
    if stats.wait_share < _NEGLIGIBLE_WAIT:
        return _training_step(stats)
    for name, stage in stats.consumer_stages.items():
        if stage.seconds > stats.wait_seconds / 2:
            return _stage_of_consumer(stats, name)
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
        paced = paced and step < 2 * mean
        if paced:
            seconds += step + wait
            batches += 1
        paced = paced or wait > mean / 10
    return seconds / batches if seconds > 0 else None


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
    pace = f"a batch can be made in {making}, and a step takes {step} on average, up to {longest}"
    if setup.workers == 0:
        factor = f", prefetch_factor={needed}" if needed > 2 else ""
        return Diagnosis(
            PREFETCH_DEPTH,
            f"{pace}, but num_workers=0 prefetches nothing: {stats.wait_share:.0%} of the time the consumer makes "
            "batches itself",
            f"num_workers=1{factor}",
        )
    factor = f"prefetch_factor={math.ceil(needed / setup.workers)} instead of {setup.prefetch_factor}"
    return Diagnosis(
        PREFETCH_DEPTH,
        f"{pace}, but with {setup.depth} batches under way the queue runs empty between long steps: the consumer waits "
        f"{stats.wait_share:.0%} of the time",
        f"{factor} (one more batch is {stats.nbytes / stats.batches / 1e6:.1f} MB)",
    )


def _starved_share(stats: Stats) -> float:
    """The share of the time that the consumer waits in which workers, at the least, have nothing to do."""
    if stats.idle_seconds is None or stats.setup.workers == 0:
        return 0.0
    while_stepping = stats.elapsed_seconds - stats.wait_seconds
    return max(0.0, stats.idle_seconds / stats.setup.workers - while_stepping) / stats.wait_seconds


def _starved_workers(stats: Stats, share: float) -> Diagnosis:
    setup = stats.setup
    return Diagnosis(
        PREFETCH_DEPTH,
        f"the consumer waits {stats.wait_share:.0%} of the time, though workers have nothing to do for {share:.0%} of "
        f"that: {setup.depth} batches under way don't keep {setup.workers} of them at work",
        f"prefetch_factor={2 * setup.prefetch_factor} instead of {setup.prefetch_factor}, or larger batches",
    )


def _stage_of_consumer(stats: Stats, name: str) -> Diagnosis:
    share = stats.consumer_stages[name].seconds / stats.wait_seconds
    why = f"the consumer waits {stats.wait_share:.0%} of the time, {share:.0%} of it in this stage, in its own thread"
    return Diagnosis(name, why, STAGE_ADVICE[name](stats.setup))


def _making(stats: Stats) -> Diagnosis:
    """The workers are too slow."""
    waits = f"the consumer waits {stats.wait_share:.0%} of the time"
    if stats.setup.workers == 0:
        waits += " (num_workers=0: it makes the batches itself)"
    if not stats.busy_seconds:
        return Diagnosis(WORKERS, waits, _with_more_workers(stats, STAGE_ADVICE["sample"](stats.setup)))
    name = max(stats.stages, key=lambda each: stats.stages[each].seconds)
    why = (
        f"{waits}, and {stats.stages[name].seconds / stats.busy_seconds:.0%} of the workers' time goes into this stage"
    )
    return Diagnosis(name, why, _with_more_workers(stats, STAGE_ADVICE[name](stats.setup)))


def _with_more_workers(stats: Stats, advice: str) -> str:
    """Idle cores first, where there are any."""
    setup, making = stats.setup, batch_seconds(stats)
    if setup.workers >= setup.cores:
        return advice
    wanted = setup.cores
    if making and stats.step_seconds > 0:
        now = max(1, setup.workers)
        wanted = min(wanted, max(now + 1, math.ceil(now * making / (_KEEPS_UP * stats.step_seconds))))
        wanted = max(1, wanted) if setup.workers == 0 else wanted
    return f"num_workers={wanted} ({setup.cores} cores may be used); or {advice}"
