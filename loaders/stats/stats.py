"""What `loader.stats()` gives: the numbers of one pass, as a table, as a dictionary, and what bounds it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from .diagnosis import Diagnosis, diagnose, duration

__all__ = ["NOTHING_YET", "Counters", "Setup", "StageCounters", "Stats"]


@dataclass(frozen=True, slots=True)
class StageCounters:
    """What one stage has done.

    Attributes:
        seconds: that threads or processes spent in it, added up over all of them.
        samples: that went through it.
        nbytes: that it took in.
        errors: samples that failed in it.
    """

    seconds: float = 0.0
    samples: int = 0
    nbytes: int = 0
    errors: int = 0

    def __sub__(self, other: StageCounters) -> StageCounters:
        return StageCounters(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))

    @property
    def samples_per_second(self) -> float:
        """Of one thread while it is in this stage; 0 before it was."""
        return self.samples / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Counters:
    """What an engine's workers have done since they were started.

    Attributes:
        stages: by name: "read", "decode", "augment" (native threads), "sample" (the dataset's own code), "collate" ...
        idle_seconds: that workers waited for something to do, added up over all of them; None where nobody knows.
    """

    stages: Mapping[str, StageCounters] = field(default_factory=dict)
    idle_seconds: float | None = None

    def since(self, earlier: Counters) -> Counters:
        """What was done after `earlier`, which are counters of the same engine."""
        before = earlier.stages
        idle = None
        if self.idle_seconds is not None:
            idle = max(0.0, self.idle_seconds - (earlier.idle_seconds or 0.0))
        stages = {name: stage - before.get(name, StageCounters()) for name, stage in self.stages.items()}
        return Counters(stages, idle)


@dataclass(frozen=True, slots=True)
class Setup:
    """How a pass is run, as far as a diagnosis has to know.

    Attributes:
        engine: "native", "dali", "processes" (torch's workers), "pool" (Penstock's), "inline"; "none" before any pass.
        workers: threads or processes beside the consumer's; 0: the consumer's thread makes the batches.
        prefetch_factor: batches under way per worker.
        cores: that this process may use.
        codec: how the images are stored: "encoded", "dct", "raw"; None where they are not undecoded records.
        threaded: the workers are Python threads of this process.
    """

    engine: str = "none"
    workers: int = 0
    prefetch_factor: int = 0
    cores: int = 1
    codec: str | None = None
    threaded: bool = False

    @property
    def depth(self) -> int:
        """Batches under way; 0 where nothing is prefetched."""
        return self.workers * self.prefetch_factor


@dataclass(frozen=True, slots=True)
class Stats:
    """The numbers of one pass: of the one under way, or of the latest. All times are wall time in seconds.

    The first batch, whose wait is that for starting up, is counted in `batches`, `samples` and `nbytes` only: shares
    and rates are those of the time after it.

    Attributes:
        setup: engine, workers, depth.
        running: the pass is not over.
        batches, samples, nbytes: that were delivered. Samples are those that batches were asked for: the last one of an
            iterable dataset may have had fewer.
        startup_seconds: that the consumer waited for the first batch.
        elapsed_seconds: from then to the latest batch: `wait_seconds`, and what the consumer took between batches.
        wait_seconds: that the consumer waited for batches (`num_workers=0`: in which it made them).
        handover_seconds: the part of it that went to batches which were finished when the consumer asked.
        timed_samples, timed_nbytes: that were delivered in `elapsed_seconds`.
        recent_steps, recent_waits: of the latest batches (some hundred): what the consumer took before it asked for the
            batch, and what it then waited.
        queue_depth: mean number of batches that were finished when the consumer asked; None where nobody knows.
        idle_seconds: that workers had nothing to do, added up; None where nobody knows.
        stages: what the workers did, by stage, the first stage first.
        consumer_stages: what the consumer's thread did while it waited, by stage ("lookup": sampler and
            `dataset.records()`; "transfer"; "finish": the rest of a pipeline).
        skipped, substituted: samples that failed and were dropped, or replaced.
        restarts: workers that died and were replaced.
    """

    setup: Setup = Setup()
    running: bool = False
    batches: int = 0
    samples: int = 0
    nbytes: int = 0
    startup_seconds: float = 0.0
    elapsed_seconds: float = 0.0
    wait_seconds: float = 0.0
    handover_seconds: float = 0.0
    timed_samples: int = 0
    timed_nbytes: int = 0
    recent_steps: Sequence[float] = field(default=(), repr=False)
    recent_waits: Sequence[float] = field(default=(), repr=False)
    queue_depth: float | None = None
    idle_seconds: float | None = None
    stages: Mapping[str, StageCounters] = field(default_factory=dict)
    consumer_stages: Mapping[str, StageCounters] = field(default_factory=dict)
    skipped: int = 0
    substituted: int = 0
    restarts: int = 0

    @property
    def samples_per_second(self) -> float:
        """Delivered to the consumer, whose own time counts too; 0 before there is a time to divide by."""
        return _ratio(self.timed_samples, self.elapsed_seconds)

    @property
    def bytes_per_second(self) -> float:
        """Of the delivered tensors."""
        return _ratio(self.timed_nbytes, self.elapsed_seconds)

    @property
    def wait_share(self) -> float:
        """The share of `elapsed_seconds` that the consumer waited, 0 to 1."""
        return _ratio(self.wait_seconds, self.elapsed_seconds)

    @property
    def step_seconds(self) -> float:
        """What the consumer takes for a batch on average, without waiting."""
        return _ratio(self.elapsed_seconds - self.wait_seconds, self.batches - 1)

    @property
    def busy_seconds(self) -> float:
        """What all workers spent in stages."""
        return sum(stage.seconds for stage in self.stages.values())

    @property
    def busy_share(self) -> float | None:
        """The share of their time that workers spent in stages, 0 to 1; None where nobody knows."""
        if self.idle_seconds is None:
            return None
        return _ratio(self.busy_seconds, self.busy_seconds + self.idle_seconds)

    @property
    def made(self) -> int:
        """Samples that the workers have finished, those that are not delivered yet too."""
        return max((stage.samples for stage in self.stages.values()), default=0)

    def step_quantile(self, share: float) -> float:
        """Of the latest steps of the consumer, the one that `share` (0 to 1) of them are not longer than."""
        ordered = sorted(self.recent_steps)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0

    @property
    def diagnosis(self) -> Diagnosis:
        """What bounds the pass, why, and what to change."""
        return diagnose(self)

    @property
    def bottleneck(self) -> str:
        """What bounds the pass; see `Diagnosis.bottleneck`."""
        return self.diagnosis.bottleneck

    def to_dict(self) -> dict[str, Any]:
        """The numbers above, but for the single steps, and the diagnosis, of types that JSON has."""
        found = {f.name: getattr(self, f.name) for f in fields(self) if not f.name.startswith("recent_")}
        found["setup"] = {f.name: getattr(self.setup, f.name) for f in fields(Setup)}
        for name in ("stages", "consumer_stages"):
            found[name] = {
                stage: {f.name: getattr(counters, f.name) for f in fields(StageCounters)}
                for stage, counters in found[name].items()
            }
        for name in ("samples_per_second", "bytes_per_second", "wait_share", "busy_share"):
            found[name] = getattr(self, name)
        found["step_seconds_median"], found["step_seconds_p90"] = self.step_quantile(0.5), self.step_quantile(0.9)
        diagnosis = self.diagnosis
        return found | {"bottleneck": diagnosis.bottleneck, "why": diagnosis.why, "change": diagnosis.change}

    def __str__(self) -> str:
        """A table for people."""
        if self.batches == 0:
            return "no batch has been delivered yet: iterate the loader, then ask again"
        diagnosis = self.diagnosis
        return "\n".join(
            [
                *_summary(self),
                *_stage_table(self.stages, self.busy_seconds, "of busy"),
                *_stage_table(self.consumer_stages, self.wait_seconds, "of wait"),
                f"bound by   {diagnosis.bottleneck}: {diagnosis.why}",
                f"to change  {diagnosis.change}",
            ]
        )


NOTHING_YET = Stats()
"""Before any pass."""


def _summary(stats: Stats) -> list[str]:
    setup = stats.setup
    lines = [
        f"pass       {stats.batches:,} batches, {stats.samples:,} samples{' so far' if stats.running else ''}; "
        f"engine {setup.engine}, num_workers={setup.workers}",
        f"rate       {stats.samples_per_second:,.0f} samples/s, {stats.bytes_per_second / 1e6:,.1f} MB/s",
        f"consumer   waited {stats.wait_share:.1%} of {duration(stats.elapsed_seconds)}, and "
        f"{duration(stats.startup_seconds)} for the first batch; step {duration(stats.step_quantile(0.5))} (median), "
        f"{duration(stats.step_quantile(0.9))} (90 %)",
    ]
    if stats.queue_depth is not None:
        lines.append(f"queue      {stats.queue_depth:.1f} of {setup.depth} batches finished on average")
    if stats.busy_share is not None:
        lines.append(f"workers    busy {stats.busy_share:.0%} of their time")
    faults = {"skipped": stats.skipped, "substituted": stats.substituted, "workers restarted": stats.restarts}
    if any(faults.values()):
        lines.append(f"faults     {', '.join(f'{count:,} {what}' for what, count in faults.items() if count)}")
    return lines


def _stage_table(stages: Mapping[str, StageCounters], whole: float, heading: str) -> list[str]:
    if not stages:
        return []
    lines = [f"{'stage':10} {'seconds':>9} {heading:>8} {'samples/s':>10} {'MB':>9} {'errors':>7}"]
    for name, stage in stages.items():
        lines.append(
            f"{name:10} {stage.seconds:9.2f} {_ratio(stage.seconds, whole):8.0%} {stage.samples_per_second:10,.0f} "
            f"{stage.nbytes / 1e6:9,.1f} {stage.errors:7,}"
        )
    return lines


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
