"""What a pass measures, and what is made of the numbers: true bottlenecks of simulated and real consumers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.loaders.stats.diagnosis import HANDOVER, PREFETCH_DEPTH, TRAINING_STEP, UNKNOWN, WORKERS, depth_needed
from penstock.loaders.stats.meter import Meter
from penstock.loaders.stats.stats import NOTHING_YET, Counters, Setup, StageCounters, Stats

SAMPLES = 10
"""Of a simulated batch."""

NATIVE = Setup("native", workers=2, prefetch_factor=2, cores=2, codec="encoded")
DECODING = {"read": 0.1, "decode": 0.7, "augment": 0.2}


class Simulation:
    """A loader whose workers, together, make a batch in `making` seconds, and queue `depth` of them."""

    def __init__(self, setup: Setup, making: float, stages: dict[str, float]) -> None:
        self.setup, self.making, self.stages = setup, making, stages
        self.made = 0
        self.idle_seconds = 0.0
        self.meter = Meter(setup, self.counters)

    def counters(self) -> Counters:
        busy = self.made * self.making * max(1, self.setup.workers)
        counted = {name: StageCounters(busy * share, self.made * SAMPLES) for name, share in self.stages.items()}
        return Counters(counted, self.idle_seconds if self.stages else None)

    def run(self, steps: list[float]) -> Stats:
        """A consumer that takes steps[k] seconds before it asks for batch k."""
        now = 0.0
        finished: list[float] = []  # when each batch is
        slots = [0.0] * max(1, self.setup.depth)  # when batches could be begun
        for taken, step in enumerate(steps):
            now += step
            while len(finished) < taken + max(1, self.setup.depth):
                begin = max(slots[len(finished) % len(slots)], finished[-1] if finished else 0.0)
                begin = max(begin, now) if self.setup.depth == 0 else begin
                self.idle_seconds += (begin - (finished[-1] if finished else 0.0)) * self.setup.workers
                finished.append(begin + self.making)
            began, now = now, max(now, finished[taken])
            slots[taken % len(slots)] = now
            self.made = max(taken + 1, sum(1 for end in finished if end <= now))
            self.meter.waited(began, now)
            self.meter.delivered(SAMPLES, 1000 * SAMPLES)
        return self.meter.stats()


def simulated(making: float, steps: list[float], setup: Setup = NATIVE, stages: dict[str, float] = DECODING) -> Stats:
    return Simulation(setup, making, stages).run(steps)


SLEEPS = [0.02] * 100
BURSTS = ([0.0] * 9 + [0.1]) * 10
RACES = [0.0] * 100
TORCH = replace(NATIVE, engine="processes", codec=None)
INLINE = Setup("inline", cores=4)


@pytest.mark.parametrize("stages", [DECODING, {}])
def test_a_sleeping_consumer_is_the_bottleneck(stages: dict[str, float]) -> None:
    stats = simulated(0.001, SLEEPS, stages=stages)
    assert stats.bottleneck == TRAINING_STEP
    assert stats.wait_share < 0.01
    if stages:
        assert "20.0 times as fast" in stats.diagnosis.why
        assert "num_workers=1 would do" in stats.diagnosis.change


@pytest.mark.parametrize("stages", [DECODING, {}])
def test_a_consumer_that_is_slow_now_and_then_needs_a_longer_queue(stages: dict[str, float]) -> None:
    stats = simulated(0.005, BURSTS, stages=stages)
    assert stats.bottleneck == PREFETCH_DEPTH
    assert stats.diagnosis.change.startswith("prefetch_factor=5 (one more batch takes 0.0 MB)")
    assert stats.diagnosis.arguments == {"prefetch_factor": 5}
    longer = simulated(0.005, BURSTS, replace(NATIVE, prefetch_factor=5), stages)
    assert longer.wait_share < 0.05  # of the first burst, before which no queue was filled
    assert longer.bottleneck == TRAINING_STEP


@pytest.mark.parametrize("making", [0.001, 0.02])
def test_a_consumer_that_takes_all_it_gets_is_held_up_by_the_stage_that_takes_most(making: float) -> None:
    for stage in DECODING:
        shares = {name: 0.8 if name == stage else 0.1 for name in DECODING}
        stats = simulated(making, RACES, stages=shares)
        assert stats.bottleneck == stage
        assert "80% of the time that batches take" in stats.diagnosis.why
        assert "num_workers" not in stats.diagnosis.change
    assert simulated(making, RACES, TORCH, stages={}).bottleneck == WORKERS


def test_bursts_that_the_loader_could_never_keep_up_with_are_no_matter_of_depth() -> None:
    assert simulated(0.02, BURSTS).bottleneck == "decode"
    assert simulated(0.02, BURSTS, TORCH, {}).bottleneck == WORKERS
    pauses = ([0.0] * 400 + [10.0]) * 3  # a checkpoint: no queue should hold 400 batches
    assert simulated(0.005, pauses).bottleneck == "decode"


def test_idle_cores_are_offered_first() -> None:
    change = simulated(0.02, RACES, replace(NATIVE, cores=8)).diagnosis.change
    assert change.startswith("num_workers=8 (8 cores may be used), or pack the images with pack-dataset (codec dct)")
    assert simulated(0.02, [0.012] * 100, replace(NATIVE, cores=8)).diagnosis.arguments == {"num_workers": 4}
    assert simulated(0.02, [0.012] * 100, replace(NATIVE, cores=3)).diagnosis.arguments == {"num_workers": 3}


def test_packed_images_are_not_to_be_packed_again() -> None:
    change = simulated(0.02, RACES, replace(NATIVE, codec="dct")).diagnosis.change
    assert change == "smaller images: pack-dataset --resize"


def test_without_workers_the_consumer_makes_the_batches() -> None:
    assert simulated(0.001, [0.05] * 50, INLINE, {}).bottleneck == TRAINING_STEP
    slow = simulated(0.02, [0.05] * 50, INLINE, {})
    assert slow.bottleneck == TRAINING_STEP
    assert "num_workers=1, prefetch_factor=2 would hide" in slow.diagnosis.change
    racing = simulated(0.01, RACES, INLINE, {"sample": 0.9, "collate": 0.1})
    assert racing.bottleneck == "sample"
    assert "num_workers=0: it makes the batches itself" in racing.diagnosis.why
    assert racing.diagnosis.change.startswith("num_workers=4 ")
    bursts = simulated(0.008, BURSTS, INLINE, {})
    assert bursts.bottleneck == PREFETCH_DEPTH
    assert bursts.diagnosis.arguments == {"num_workers": 1, "prefetch_factor": 10}


def test_workers_without_work_are_seen() -> None:
    waits = {
        "wait_seconds": 9.0,
        "elapsed_seconds": 10.0,
        "batches": 100,
        "samples": 1000,
        "recent_steps": [0.01] * 99,
        "recent_waits": [0.09] * 99,
    }
    starved = Stats(NATIVE, stages={"decode": StageCounters(8.0, 1000)}, idle_seconds=12.0, **waits)
    assert starved.bottleneck == PREFETCH_DEPTH
    assert "workers have nothing to do for 56% of that" in starved.diagnosis.why
    assert starved.diagnosis.change.startswith("prefetch_factor=4, or larger batches")
    busy = replace(starved, stages={"decode": StageCounters(18.0, 1000)}, idle_seconds=2.0)
    assert busy.bottleneck == "decode"


def test_finished_batches_that_take_long_to_receive_are_seen() -> None:
    meter = Meter(NATIVE, lambda: Counters(idle_seconds=5.0))
    for number in range(50):
        meter.queue(0 if number % 10 == 0 else 2)
        meter.queue(1)  # one more, taken ahead of the consumer
        meter.waited(number, number + 0.5)
    stats = meter.stats()
    assert stats.bottleneck == HANDOVER
    assert "takes 500 ms in its own thread" in stats.diagnosis.why
    assert "larger batches" in stats.diagnosis.change
    assert stats.handover_seconds == 45 * 0.5
    assert stats.queue_depth == (45 * 2 + 50) / 100


@pytest.mark.parametrize("stage", ["lookup", "transfer", "something new"])
def test_a_stage_in_the_consumers_own_thread_is_seen(stage: str) -> None:
    simulation = Simulation(NATIVE, 0.001, DECODING)
    simulation.meter.spent(stage, 1.0)  # while starting up
    simulation.run([0.0] * 50)
    simulation.meter.spent(stage, 0.03, SAMPLES * 50)
    simulation.meter.spent(stage, 0.01)
    stats = simulation.meter.stats()
    assert stats.bottleneck == stage
    assert stats.diagnosis.change
    assert stats.consumer_stages[stage] == StageCounters(0.04, 500)


@pytest.mark.parametrize("stages", [{"decode": StageCounters(0.4, 1000)}, {}])
def test_a_few_batches_that_come_late_do_not_make_the_loader_slow(stages: dict[str, StageCounters]) -> None:
    waits = [0.06 if number % 10 == 0 else 0.0 for number in range(99)]  # hiccups
    stats = Stats(
        NATIVE,
        batches=100,
        samples=1000,
        elapsed_seconds=99 * 0.05 + sum(waits),
        wait_seconds=sum(waits),
        recent_steps=[0.05] * 99,
        recent_waits=waits,
        stages=stages,
    )
    assert 0.1 < stats.wait_share < 0.15
    assert stats.bottleneck == TRAINING_STEP
    assert "waits for data 10.8% of the time" in stats.diagnosis.why


def test_few_batches_tell_nothing() -> None:
    assert simulated(0.02, [0.0] * 7).bottleneck == UNKNOWN
    deep = replace(NATIVE, prefetch_factor=8)
    assert simulated(0.001, [0.1] * 17, deep).bottleneck == UNKNOWN
    assert simulated(0.001, [0.1] * 18, deep).bottleneck == TRAINING_STEP


def test_before_any_pass_there_is_nothing_and_it_says_so() -> None:
    assert NOTHING_YET.bottleneck == UNKNOWN
    assert NOTHING_YET.samples_per_second == NOTHING_YET.wait_share == NOTHING_YET.step_quantile(0.5) == 0
    assert "no batch has been delivered yet" in str(NOTHING_YET)
    json.dumps(NOTHING_YET.to_dict())


durations = st.floats(0, 0.2)
setups = st.builds(
    Setup,
    st.sampled_from(["native", "pool", "processes", "inline"]),
    workers=st.integers(0, 8),
    prefetch_factor=st.integers(1, 4),
    cores=st.integers(1, 16),
    codec=st.sampled_from([None, "dct", "encoded", "raw"]),
)


@given(setups, st.lists(durations, max_size=60), st.floats(1e-5, 0.1), st.sampled_from([DECODING, {}, {"sample": 1.0}]))
def test_every_pass_gets_a_diagnosis_that_fits_its_numbers(
    setup: Setup, steps: list[float], making: float, stages: dict[str, float]
) -> None:
    stats = simulated(making, steps, setup, stages)
    diagnosis = stats.diagnosis
    assert diagnosis.why
    assert diagnosis.change
    known = {TRAINING_STEP, PREFETCH_DEPTH, UNKNOWN, WORKERS, *stages}
    assert diagnosis.bottleneck in known
    assert (diagnosis.bottleneck == TRAINING_STEP) <= (stats.wait_share < (0.2 if setup.workers else 1 / 3))
    assert (stats.wait_share >= 0.05) or diagnosis.bottleneck in (TRAINING_STEP, UNKNOWN)
    assert all(f"{name}={value}" in diagnosis.change for name, value in diagnosis.arguments.items())
    assert stats.batches == len(steps)
    assert stats.timed_samples == SAMPLES * max(0, len(steps) - 1)
    assert 0 <= stats.wait_share <= 1
    assert json.loads(json.dumps(stats.to_dict()))["bottleneck"] == diagnosis.bottleneck
    assert diagnosis.bottleneck in str(stats) or not steps


@given(st.lists(durations, min_size=30, max_size=60), st.floats(0.001, 0.05))
def test_the_depth_that_is_named_is_the_least_that_ends_the_waiting(steps: list[float], making: float) -> None:
    needed = depth_needed(steps, making)

    def waits(depth: int) -> list[float]:
        setup = Setup("native", workers=1, prefetch_factor=depth)
        found = simulated(making, [depth * making, *steps], setup).recent_waits  # it starts with a full queue
        return [wait for wait in found if wait > 1e-9]

    assert not waits(needed)
    assert needed <= 2 or waits(needed - 2)


def test_only_the_latest_steps_are_kept_but_all_are_counted() -> None:
    meter = Meter(NATIVE)
    for number in range(2000):
        meter.waited(number, number + 0.25)
        meter.delivered(3, 12)
        meter.queue(number % 2)
    stats = meter.stats()
    assert (stats.batches, stats.samples, stats.nbytes, stats.queue_depth) == (2000, 6000, 24000, 0.5)
    assert stats.elapsed_seconds == pytest.approx(1999.0)
    assert stats.wait_share == pytest.approx(0.25)
    assert stats.samples_per_second == pytest.approx(3)
    assert len(stats.recent_steps) == len(stats.recent_waits) == 512
    meter.waited(3000, 3001)
    assert (meter.stats().recent_steps[-1], meter.stats().recent_waits[-1]) == (1000.75, 1)


def test_counters_start_with_the_pass_and_end_with_it() -> None:
    now = Counters({"decode": StageCounters(5.0, 50, 500, 1)}, idle_seconds=2.0)
    meter = Meter(NATIVE, lambda: now)
    now = Counters({"decode": StageCounters(7.0, 90, 800, 2), "read": StageCounters(1.0, 40)}, idle_seconds=2.5)
    stats = meter.stats()
    assert stats.stages == {"decode": StageCounters(2.0, 40, 300, 1), "read": StageCounters(1.0, 40)}
    assert (stats.idle_seconds, stats.busy_share, stats.made, stats.running) == (0.5, 3 / 3.5, 40, True)
    meter.close()
    now = Counters()
    meter.close()
    assert replace(meter.stats(), running=True) == stats


def test_the_table_shows_what_was_measured() -> None:
    simulation = Simulation(NATIVE, 0.02, DECODING)
    simulation.meter.skipped, simulation.meter.restarts = 3, 1
    simulation.meter.queue(1)
    table = str(simulation.run(RACES))
    for part in ("100 batches, 1,000 samples so far", "500 samples/s", "waited 100.0%", "1.0 of 4 batches finished"):
        assert part in table
    assert "faults     3 skipped, 1 workers restarted" in table
    (decode,) = [line for line in table.splitlines() if line.startswith("decode")]
    assert decode.split()[1:3] == ["2.80", "70%"]
