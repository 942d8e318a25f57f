"""Ops that hold ops: what they draw decides which of those run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...errors import SpecError
from . import arguments as check
from .base import Lowered, Op, Stage, floats, lower_ops
from .mixing import CutMix, MixUp
from .values import members

__all__ = ["MAX_DEPTH", "Apply", "Choice", "mixing_ops"]

MAX_DEPTH = 16
"""How deep groups may hold groups."""

_FIX = "for example [ColorJitter(0.4), RandomGrayscale(0.2)]"


@dataclass(frozen=True, slots=True)
class Apply(Op):
    """Applies all of `ops`, one after the other, with probability `p`, else none; torchvision's `RandomApply`.

    Args:
        ops: ops on uint8 images, that move pixels or change colours, in any order, also groups.
        p: the probability.

    Draws: `apply`, 0 or 1. What the op at place k of `ops` draws is in the columns "<position>.k.<field>" for an
    `Apply` at that position, and 0 where it was left out.
    """

    ops: Sequence[Op]
    p: float = 0.5

    stage: ClassVar[Stage] = Stage.COLOUR

    def __post_init__(self) -> None:
        self._store(ops=_members(self, "ops", self.ops), p=check.probability(self, "p", self.p))
        if not self.ops:
            raise check.refusal(self, "ops", "a list of at least one op", self.ops, _FIX)
        _check_depth(self, "ops")

    @property
    def branches(self) -> tuple[tuple[Op, ...], ...]:
        return (tuple(self.ops),)

    def lower(self) -> Lowered:
        return "apply", floats(self.p, _count(self.ops))

    def lower_at(self, path: str) -> Iterator[tuple[str, Lowered]]:
        yield path, self.lower()
        yield from lower_ops(self.ops, f"{path}.")


@dataclass(frozen=True, slots=True)
class Choice(Op):
    """Applies one of `choices`, at random; torchvision's `RandomChoice`.

    Args:
        choices: each an op on uint8 images, or a list of them that are applied one after the other (an empty one leaves
            the image as it is); also groups. A list of one op is stored as the op.
        p: a weight for each, not all 0; they need not sum up to 1. None: all alike.

    Draws: `choice`, from 0. What is drawn by the op at place k of `choices` is in the columns "<position>.k.<field>"
    for a `Choice` at that position, for place i of a list "<position>.k.i.<field>", and 0 where another was chosen.
    """

    choices: Sequence[Op | Sequence[Op]]
    p: Sequence[float] | None = None

    @property
    def stage(self) -> Stage:  # type: ignore[override]  # of this choice, not of all
        """`Stage.BATCH` for a choice of ops that mix batches."""
        return Stage.BATCH if any(op.stage is Stage.BATCH for op in _first_of(self.branches)) else Stage.COLOUR

    def __post_init__(self) -> None:
        given = members(self.choices)
        if not given:
            expected = "a list of at least one choice, each an op or a list of ops"
            raise check.refusal(self, "choices", expected, self.choices, _FIX)
        lists = [choice if isinstance(choice, Iterable) else [choice] for choice in given]
        mixing = [choice for choice in given if isinstance(choice, Op) and choice.stage is Stage.BATCH]
        if len(mixing) == len(given):
            _check_classes(mixing)
            stored: list[tuple[Op, ...]] = [(choice,) for choice in mixing]
        else:
            stored = [_members(self, "choices", choice) for choice in lists]
        weights = None if self.p is None else check.weights(self, "p", self.p, len(stored))
        self._store(choices=tuple(branch[0] if len(branch) == 1 else branch for branch in stored), p=weights)
        _check_depth(self, "choices")

    @property
    def branches(self) -> tuple[tuple[Op, ...], ...]:
        return tuple((choice,) if isinstance(choice, Op) else tuple(choice) for choice in self.choices)

    def lower(self) -> Lowered:
        return "choice", floats(len(self.choices))

    def lower_at(self, path: str) -> Iterator[tuple[str, Lowered]]:
        yield path, self.lower()
        weights = self.p or [1.0] * len(self.choices)
        for place, (choice, branch, weight) in enumerate(zip(self.choices, self.branches, weights, strict=True)):
            inner = f"{path}.{place}"
            yield inner, ("branch", floats(weight, _count(branch)))
            yield from choice.lower_at(inner) if isinstance(choice, Op) else lower_ops(branch, f"{inner}.")


def _members(group: Op, argument: str, value: Any) -> tuple[Op, ...]:
    found = members(value)
    if found is None:
        raise check.refusal(group, argument, "a list of ops", value, _FIX)
    name = type(group).__name__
    for member in found:
        if isinstance(member, type) and issubclass(member, Op):
            raise SpecError(f"{name}: {argument} holds the class {member.__name__}; call it: {member.__name__}(...)")
        if not isinstance(member, Op):
            raise check.refusal(group, argument, "ops of penstock.augment", member, _FIX)
        if member.stage not in (Stage.GEOMETRY, Stage.COLOUR):
            where = "before or behind" if member.stage is Stage.CROPS else "behind"
            fix = f"put {type(member).__name__} {where} the {name}"
            if member.stage is Stage.BATCH:
                fix += ", or make each choice one op that mixes batches (their p= leaves them out at times)"
            raise check.refusal(group, argument, "ops on uint8 images", member, fix)
    return found


def _first_of(branches: Iterable[Sequence[Op]]) -> list[Op]:
    return [branch[0] for branch in branches if branch]


def _check_classes(mixing: Sequence[Op]) -> None:
    numbers = {op.num_classes for op in mixing_ops(mixing)}
    if len(numbers) > 1:
        raise SpecError(
            f"Choice: choices must have the same num_classes, got {sorted(numbers)}; labels of all batches have one "
            "shape"
        )


def mixing_ops(ops: Iterable[Op]) -> list[MixUp | CutMix]:
    """The ops that mix batches among these, and in choices of them."""
    found: list[MixUp | CutMix] = []
    for op in ops:
        if isinstance(op, MixUp | CutMix):
            found.append(op)
        found += mixing_ops(_first_of(op.branches))
    return found


def _check_depth(group: Op, argument: str) -> None:
    if _depth(group) > MAX_DEPTH:
        raise SpecError(f"{type(group).__name__}: {argument} holds groups more than {MAX_DEPTH} deep; nest them less")


def _depth(op: Op) -> int:
    """How many groups lie around the innermost op; 0 for an op that is no group."""
    inner = [_depth(member) for branch in op.branches for member in branch]
    return 1 + max(inner, default=0) if op.branches else 0


def _count(ops: Sequence[Op]) -> int:
    return sum(1 for _ in lower_ops(ops))
