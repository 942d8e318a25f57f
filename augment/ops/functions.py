"""Python functions as ops."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from multiprocessing.context import get_spawning_popen
from multiprocessing.reduction import ForkingPickler
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..._notes import add_note
from ...errors import SpecError
from . import arguments as check
from .base import Lowered, Op, Stage

__all__ = ["Lambda", "sending_error"]


@dataclass(frozen=True, slots=True, repr=False)
class Lambda(Op):
    """Calls a Python function on each image. The pipeline then runs in Python (workers), which `explain()` says.

    Before `ToDtype` the function is given a (height, width, 3) uint8 array, after a conversion to floats a (3, height,
    width) float32 array (rounding to float16 comes last). The array is its own to change. It gives an array of the same
    shape and dtype: ops around it draw for images of known sizes.

    Random numbers are repeatable, and independent of who makes the sample, if the function takes them from
    `penstock.rng.current()`, or with `seed=` in worker processes from the generators of `random`, `numpy.random` and
    torch, which are then seeded for each sample.

    Args:
        function: what is called; or "module:name", from where it is imported. To be sent to worker processes that are
            spawned it has to be picklable, and for `to_dict` at the top level of a module.

    Raises:
        SpecError: `function` is neither; when it is called: it gives something else than an array of that shape and
            dtype; when it is sent to a process that is being spawned: it can't be pickled. Its own errors go through,
            with a note that names this op.
    """

    function: Callable[[NDArray[Any]], NDArray[Any]] | str

    stage: ClassVar[Stage] = Stage.FUNCTION

    def __post_init__(self) -> None:
        function = _imported(self.function) if isinstance(self.function, str) else self.function
        if not callable(function) or isinstance(function, Op | type):
            expected = 'a function of an image, or where to import it from, as "module:name"'
            raise check.refusal(self, "function", expected, function, "for example Lambda(np.ascontiguousarray)")
        self._store(function=function)

    def __repr__(self) -> str:
        address = _address(self.function)
        return f"Lambda(function={self.function!r})" if address is None else f"Lambda(function={address!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        starting = get_spawning_popen()  # of the process that this is pickled for, if it is one's
        if starting is not None:
            self._check_sendable(starting.method)
        return Lambda, (self.function,)

    def _check_sendable(self, method: str) -> None:
        error = sending_error(self)
        if error is not None:
            raise SpecError(
                f"{self!r} can't be sent to processes that are started by {method!r}: {error}; define its function "
                "with def at the top level of a module, or start them by 'fork'"
            ) from error

    def lower(self) -> Lowered:
        return "lambda", ()

    def to_dict(self) -> dict[str, Any]:
        """{"op": "Lambda", "function": "module:name"}.

        Raises:
            SpecError: the function can't be imported: a lambda, a function inside another, or one of `__main__`.
        """
        address = _address(self.function)
        if address is None:
            raise SpecError(
                f"Lambda: function must be importable to be written as a dictionary, got {self.function!r}; define it "
                "with def at the top level of a module"
            )
        return {"op": "Lambda", "function": address}

    def call(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """What the function makes of an image, checked.

        Args:
            pixels: as the function takes it; not changed.
        """
        function: Any = self.function
        try:
            made = function(np.array(pixels, order="C"))
        except Exception as error:
            add_note(error, f"in {self!r}")
            raise
        if isinstance(made, np.ndarray) and made.dtype == pixels.dtype and made.shape == pixels.shape:
            return made
        got = f"{made.dtype} of shape {made.shape}" if isinstance(made, np.ndarray) else type(made).__name__
        raise SpecError(
            f"{self!r} must give what it was given, {pixels.dtype} of shape {pixels.shape}, got {got}; convert its "
            "result, and leave changes of the size to Resize, crops and Pad"
        )


def sending_error(op: Lambda) -> Exception | None:
    """What is raised where the function is sent to a process that is not a fork of this one; None if it can be."""
    try:
        ForkingPickler.dumps(op.function)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        return error
    return None


def _imported(address: str) -> Any:
    module, _, name = address.partition(":")
    if not name or not module or module.startswith("."):
        raise SpecError(
            f"Lambda: function {address!r} can't be imported (a module and a name in it are needed); write it as "
            "'module:name'"
        )
    try:
        return reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError, ValueError) as error:
        raise SpecError(
            f"Lambda: function {address!r} can't be imported ({error}); write it as 'module:name'"
        ) from error


def _address(function: Any) -> str | None:
    """ "module:name", where the function is found there."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__" or "<" in name:
        return None
    try:
        found = _imported(f"{module}:{name}")
    except SpecError:
        return None
    return f"{module}:{name}" if found is function else None
