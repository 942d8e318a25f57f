"""What a run does, drawn from its seed: which case, by whom in each life, and where it is killed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from .cases import CASES, ENGINES, VARIANTS, Variant

__all__ = ["POINTS", "Kill", "Life", "Plan", "draw_plan", "plain_life"]

POINTS = ("after batch", "after journal", "half a state", "before rename", "after rename", "end of epoch")
"""Where in its own loop a training process can be killed. The parent kills it anywhere else."""

_MOST_BATCHES = 10
_LONGEST_DELAY_S = 0.004


@dataclass(frozen=True, slots=True)
class Kill:
    """A SIGKILL.

    Attributes:
        victim: "process"; "worker": one of its worker processes.
        point: one of `POINTS`, which the process reaches itself; "": from outside.
        batches: after so many batches of this life,
        delay_s: and so long after that.
    """

    victim: str
    point: str
    batches: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class Life:
    """One process.

    Attributes:
        engine: a name in `ENGINES`.
        arguments: of the loader, beside the case's.
        seed: of torch's generator when the process starts.
        kills: in the order of their batches; the last one may be of the process.
    """

    engine: str
    arguments: dict[str, Any]
    seed: int
    kills: tuple[Kill, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """One run: lives that end by being killed, and one more that may come to the end.

    Attributes:
        number: of the run.
        case: a name in `CASES`.
        variant: of the case.
        lives: one after the other.
    """

    number: int
    case: str
    variant: Variant
    lives: tuple[Life, ...]


def draw_plan(seed: int, number: int) -> Plan:
    """The run of this number; the same at any time."""
    draw = random.Random(f"{seed}/{number}")
    name = draw.choice(list(CASES))
    variant = draw.choice(VARIANTS)
    killed = draw.choices((0, 1, 2, 3), (1, 24, 4, 1))[0]
    lives = [_draw_life(draw, name, kill=number < killed) for number in range(killed + 1)]
    return Plan(number, name, variant, tuple(lives))


def plain_life(name: str) -> Life:
    """An uninterrupted one, by the simplest that can run the case."""
    case = CASES[name]
    engine = "inline" if "inline" in case.engines else case.engines[0]
    return Life(engine, ENGINES[engine] | {"num_workers": case.workers or 0}, seed=0)


def _draw_life(draw: random.Random, name: str, *, kill: bool) -> Life:
    case = CASES[name]
    engine = draw.choice(case.engines)
    least = 0 if engine == "native" else 1
    workers = draw.choices((0, 1, 2, 3), (2, 8, 4, 1))[0] if case.workers is None else case.workers
    workers = 0 if engine == "inline" else max(least, workers)
    arguments = ENGINES[engine] | {"num_workers": workers}
    if workers:
        arguments["prefetch_factor"] = draw.choice((1, 2, 3))
        arguments["persistent_workers"] = case.persistent and draw.random() < 0.5
    if draw.random() < 0.15:
        arguments |= {"device": "cpu", "prefetch_to_device": draw.choice((1, 2, 4))}
    kills = []
    if engine == "pool" and draw.random() < 0.4:
        batches = sorted(draw.randrange(_MOST_BATCHES) for _ in range(draw.choice((1, 1, 2))))
        kills += [Kill("worker", "", each, draw.uniform(0, _LONGEST_DELAY_S)) for each in batches]
    if kill:
        point = draw.choice(POINTS) if draw.random() < 0.4 else ""
        batches_before = draw.randrange(_MOST_BATCHES)
        kills = [each for each in kills if each.batches <= batches_before]
        kills.append(Kill("process", point, batches_before, draw.uniform(0, _LONGEST_DELAY_S)))
    return Life(engine, arguments, draw.getrandbits(62), tuple(kills))
