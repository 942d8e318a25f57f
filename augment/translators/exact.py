"""Whether an object is a library's own, without importing the library: its exact class, with nothing replaced."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FunctionType

__all__ = ["class_in", "library_name", "replaced"]

_LIBRARIES = frozenset({"torch", "torchvision"})
_HOOKS = ("_forward_pre_hooks", "_forward_hooks")


def class_in(module: str, names: Iterable[str], kind: type) -> str | None:
    """Which of `names` in `module` is the class `kind`; None if none is, or if nobody has imported the module."""
    imported = sys.modules.get(module)
    return next((name for name in names if getattr(imported, name, None) is kind), None) if imported else None


def library_name(kind: type) -> str | None:
    """The name of the nearest class of torch's or torchvision's that `kind` derives from, or is."""
    return next((level.__name__ for level in kind.__mro__ if _of_library(level.__module__)), None)


def replaced(value: object) -> str | None:
    """What this object has that is not its library's: a method or table, set on it or its class, or a hook; or None."""
    own = vars(value)
    for level in type(value).__mro__:
        if not _of_library(level.__module__):
            continue
        for name, member in vars(level).items():
            function = getattr(member, "__func__", member)
            shadowed = name in own and level.__module__.startswith("torchvision.")  # a table of its own, for example
            if shadowed or (
                isinstance(function, FunctionType) and (name in own or not _of_library(function.__module__))
            ):
                return f"its own {name}"
    return "a forward hook" if any(own.get(name) for name in _HOOKS) else None


def _of_library(module: str) -> bool:
    return module.partition(".")[0] in _LIBRARIES
