"""What every declared op is: a frozen dataclass that checks its arguments once and lowers itself to the C++ core."""

from __future__ import annotations

import dataclasses
import enum
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

__all__ = ["Lowered", "Op", "Stage", "floats"]

Lowered: TypeAlias = tuple[str, tuple[float, ...]]
"""(name, arguments) as `penstock._core.Program` takes them."""


class Stage(enum.IntEnum):
    """When an op may run."""

    GEOMETRY = 0
    """Moves pixels: uint8 in, uint8 out."""
    COLOUR = 1
    """Changes the colours of pixels: uint8 in, uint8 out. Mixes with geometry in any order."""
    DTYPE = 2
    """Converts to the type of the result."""
    NORMALIZE = 3
    """Arithmetic on floats."""


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
        """This op as the core takes it."""

    def to_dict(self) -> dict[str, Any]:
        """{"op": class name, argument: value ...}, of types that JSON has."""
        arguments = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in arguments.items()}
        return {"op": type(self).__name__, **plain}

    def _store(self, **arguments: object) -> None:
        """Replaces arguments by their checked form, in `__post_init__` only."""
        for name, value in arguments.items():
            object.__setattr__(self, name, value)


def floats(*values: float | Sequence[float]) -> tuple[float, ...]:
    """Numbers and sequences of numbers, one after the other."""
    flat: list[float] = []
    for value in values:
        flat.extend([float(value)] if isinstance(value, (int, float)) else map(float, value))
    return tuple(flat)
