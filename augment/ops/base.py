"""What every declared op is: a frozen dataclass that checks its arguments once and lowers itself to the C++ core."""

from __future__ import annotations

import dataclasses
import enum
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

__all__ = ["Lowered", "Op", "Stage", "every_op", "floats", "lower_ops"]

Lowered: TypeAlias = tuple[str, tuple[float, ...]]
"""(name, arguments) as `penstock._core.Program` takes them."""


class Stage(enum.IntEnum):
    """When an op may run."""

    GEOMETRY = 0
    """Moves pixels: uint8 in, uint8 out."""
    COLOUR = 1
    """Changes the colours of pixels: uint8 in, uint8 out. Mixes with geometry in any order."""
    CROPS = 2
    """Makes several images of one: uint8 in, uint8 out. At most once, among geometry and colour."""
    DTYPE = 3
    """Converts to the type of the result."""
    NORMALIZE = 4
    """Arithmetic on floats."""
    ERASE = 5
    """Writes over parts of the result, whatever its type."""
    BATCH = 6
    """Mixes the samples of a finished batch, labels included."""
    FUNCTION = 7
    """A Python function, on whatever reaches it."""


@dataclass(frozen=True, slots=True)
class Op(ABC):
    """One declared step of a pipeline; immutable, hashable, printable, picklable.

    Subclasses are frozen, slotted dataclasses whose `__post_init__` checks every argument (`SpecError`) and stores it
    in one form (tuples, Python numbers), so that equal declarations compare equal however they were written.
    """

    stage: ClassVar[Stage]

    draws_by_size: ClassVar[bool] = False
    """Whether what it draws depends on the size of the image that reaches it."""

    @abstractmethod
    def lower(self) -> Lowered:
        """This op as the core takes it, without the ops inside it."""

    @property
    def branches(self) -> tuple[tuple[Op, ...], ...]:
        """The ops inside this one: lists, of which each runs as a whole or not at all. None but for groups."""
        return ()

    def lower_at(self, path: str) -> Iterator[tuple[str, Lowered]]:
        """This op and all inside it, as the core takes them one after the other, each with what its columns begin with.

        Args:
            path: where this op is: "3", or "3.0" inside a group.
        """
        yield path, self.lower()

    def to_dict(self) -> dict[str, Any]:
        """{"op": class name, argument: value ...}, of types that JSON has."""
        arguments = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {"op": type(self).__name__, **{name: _plain(value) for name, value in arguments.items()}}

    def _store(self, **arguments: object) -> None:
        """Replaces arguments by their checked form, in `__post_init__` only."""
        for name, value in arguments.items():
            object.__setattr__(self, name, value)


def lower_ops(ops: Iterable[Op], path: str = "") -> Iterator[tuple[str, Lowered]]:
    """As `Op.lower_at`, for each of these ops; `path` is what its position follows."""
    for position, op in enumerate(ops):
        yield from op.lower_at(f"{path}{position}")


def every_op(ops: Iterable[Op]) -> Iterator[Op]:
    """These ops and all inside them, each before those that it holds."""
    for op in ops:
        yield op
        for branch in op.branches:
            yield from every_op(branch)


def _plain(value: object) -> object:
    """An argument in types that JSON has."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.to_dict() if isinstance(value, Op) else value


def floats(*values: float | Sequence[float]) -> tuple[float, ...]:
    """Numbers and sequences of numbers, one after the other."""
    flat: list[float] = []
    for value in values:
        flat.extend([float(value)] if isinstance(value, (int, float)) else map(float, value))
    return tuple(flat)
