"""Reading what `to_dict` and `to_json` wrote: its keys and its version, apart from what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import SpecError
from .ops.values import is_int, shown

__all__ = ["check_keys", "check_version", "read_json"]


def read_json(what: str, text: object, writer: str) -> Any:
    """What JSON text says; a key may be there once.

    Args:
        what: is written in it, to begin messages with: "a pipeline".
        text: as `str`, or UTF-8 in `bytes`.
        writer: what writes such text, for messages.

    Raises:
        SpecError: it is no text, or no JSON.
    """
    if not isinstance(text, str | bytes | bytearray):
        raise SpecError(f"{what} can't be read from {shown(text)}, which is no text; write it with {writer}()")
    try:
        return json.loads(text, object_pairs_hook=_once)
    except SpecError as error:
        raise SpecError(f"{what} can't be read from JSON: {error}") from error
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{what} can't be read from JSON: {error}; write it with {writer}()") from error


def check_keys(what: str, data: object, needed: Sequence[str], optional: Sequence[str] = ()) -> None:
    """Refuses what is no mapping of all these keys, and none else but `optional` ones.

    Raises:
        SpecError: names the key.
    """
    listed = " and ".join(map(repr, needed))
    if not isinstance(data, Mapping):
        raise SpecError(f"{what} must be a mapping with the keys {listed}, got {shown(data)}")
    missing = [key for key in needed if key not in data]
    unknown = [key for key in data if key not in (*needed, *optional)]
    if missing:
        raise SpecError(f"{what} must have the keys {listed}; {missing[0]!r} is missing in {shown(dict(data))}")
    if unknown:
        raise SpecError(f"{what} must have the keys {listed}; {shown(unknown[0])} is not known, leave it out")


def check_version(what: str, version: object, expected: int) -> None:
    """Refuses every other version of a format.

    Raises:
        SpecError: names both.
    """
    if not is_int(version) or version != expected:
        raise SpecError(f"'version' of {what} must be {expected}, got {shown(version)}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise SpecError(f"the key {twice!r} is there twice; keep one of the two")
    return found
