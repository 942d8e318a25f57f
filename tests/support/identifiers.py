"""Identifiers of parametrised tests."""

from __future__ import annotations

import re


def described(value: object) -> str:
    """Its repr without addresses: processes that share the tests must agree on what these are called."""
    return re.sub(r" object at 0x[0-9a-f]+", "", repr(value))
