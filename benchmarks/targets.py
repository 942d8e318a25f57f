"""What Penstock is meant to reach, as ratios of rates that were measured in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

__all__ = ["TARGETS", "Outcome", "Target", "fastest", "outcomes", "rates_of"]

Rates = Mapping[str, Sequence[float]]
"""Images per second of each turn, by contestant's id."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One target and what was measured.

    Attributes:
        text: what is compared with what.
        goal: the least ratio that is wanted.
        ratio: of medians.
        lowest, highest: of the rounds, each taken alone.
        cpu_ratio: the same by processor time instead of wall time, which is steadier on a disturbed machine; None where
            that would say nothing.
        above, below: ids of what is compared.
    """

    text: str
    goal: float
    ratio: float
    lowest: float
    highest: float
    cpu_ratio: float | None
    above: tuple[str, ...]
    below: tuple[str, ...]

    @property
    def met(self) -> bool:
        """Whether the ratio of medians is enough."""
        return self.ratio >= self.goal


@dataclass(frozen=True, slots=True)
class Target:
    """A goal for a ratio.

    Attributes:
        text: what is compared; "{peer}" stands for who was the fastest.
        goal: the least ratio.
        above: ids whose rates are multiplied.
        below: ids by whose rates that is divided; given the contestants and rates, so that the fastest can be found.
    """

    text: str
    goal: float
    above: tuple[str, ...]
    below: Callable[[Sequence[Mapping[str, Any]], Rates], tuple[str, ...]]


def rates_of(result: Mapping[str, Any], clock: str = "seconds") -> dict[str, list[float]]:
    """Images per second of each turn, by id; by wall time, or by processor time for "cpu_seconds"."""
    return {each["id"]: [turn["images"] / turn[clock] for turn in each["turns"]] for each in result["contestants"]}


def fastest(output: str | None) -> Callable[[Sequence[Mapping[str, Any]], Rates], tuple[str, ...]]:
    """The fastest peer with this output; None: with whatever output."""

    def find(contestants: Sequence[Mapping[str, Any]], rates: Rates) -> tuple[str, ...]:
        peers = [
            each["id"]
            for each in contestants
            if each["group"] in ("peer", "torch") and each["threads"] == 1 and output in (None, each["output"])
        ]
        return (max(peers, key=lambda id_: median(rates[id_])),) if peers else ("",)

    return find


def these(*ids: str) -> Callable[[Sequence[Mapping[str, Any]], Rates], tuple[str, ...]]:
    """Always the same."""

    def find(_contestants: Sequence[Mapping[str, Any]], _rates: Rates) -> tuple[str, ...]:
        return ids

    return find


TARGETS = (
    Target("1. dct pack, uint8 : the fastest peer ({below})", 5.0, ("dct-uint8",), fastest(None)),
    Target("1. dct pack, uint8 : torch DataLoader + torchvision", 10.0, ("dct-uint8",), these("torchvision-uint8")),
    Target("1. dct pack, uint8 : libjpeg-turbo decoding whole images", 5.2, ("dct-uint8",), these("decode")),
    Target("2. dct pack, float32 : the fastest float32 peer ({below})", 4.0, ("dct-float32",), fastest("float32")),
    Target("3. folder, uint8 : the fastest peer ({below})", 1.15, ("folder-uint8",), fastest(None)),
    Target(
        "4. gain from a second thread: loader : kernels alone",
        0.97,
        ("dct-uint8-2", "kernels-uint8"),
        these("dct-uint8", "kernels-uint8-2"),
    ),
    Target("5. loader : kernels alone", 0.95, ("dct-uint8",), these("kernels-uint8")),
    Target("7. packing : libjpeg-turbo reading coefficients", 0.8, ("packing",), these("coefficients")),
)


def outcomes(result: Mapping[str, Any]) -> list[Outcome]:
    """Every target whose contestants were measured."""
    rates = {id_: values for id_, values in rates_of(result).items() if values}
    cpu_rates = rates_of(result, "cpu_seconds")
    measured = [each for each in result["contestants"] if each["id"] in rates]
    names = {each["id"]: each["name"] for each in measured}
    found = []
    for target in TARGETS:
        below = target.below(measured, rates)
        if set(target.above) | set(below) <= set(rates):
            text = target.text.format(below=names[below[0]])
            found.append(compared(text, target.goal, target.above, below, (rates, cpu_rates)))
    return found


def compared(
    text: str, goal: float, above: tuple[str, ...], below: tuple[str, ...], both_rates: tuple[Rates, Rates]
) -> Outcome:
    """The ratio of medians, and the range of the rounds' ratios; rates are by wall time and by processor time."""
    rates, cpu_rates = both_rates
    turns = min(len(rates[id_]) for id_ in (*above, *below))
    rounds = [product(rates[id_][k] for id_ in above) / product(rates[id_][k] for id_ in below) for k in range(turns)]
    cpu_ratio = ratio_of_medians(cpu_rates, above, below) if len(above) == 1 else None
    ratio = ratio_of_medians(rates, above, below)
    return Outcome(text, goal, ratio, min(rounds), max(rounds), cpu_ratio, above, below)


def ratio_of_medians(rates: Rates, above: tuple[str, ...], below: tuple[str, ...]) -> float:
    """The product of the one's medians over that of the other's."""
    return product(median(rates[id_]) for id_ in above) / product(median(rates[id_]) for id_ in below)


def product(values: Iterable[float]) -> float:
    """All of them multiplied."""
    result = 1.0
    for value in values:
        result *= value
    return result
