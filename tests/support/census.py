"""Counts what a program may leak."""

from __future__ import annotations

import gc
import os
import threading
import time
from pathlib import Path


def children() -> set[int]:
    """Processes of this one, those that ended and were not waited for included."""
    return {int(pid) for task in os.listdir("/proc/self/task") for pid in _children_of(task)}


def _children_of(task: str) -> list[str]:
    try:
        return Path(f"/proc/self/task/{task}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return []


def mappings() -> int:
    """Anonymous files that are mapped."""
    return Path("/proc/self/maps").read_text().count("/memfd:")


def census() -> dict[str, int]:
    """Threads, processes, descriptors, and mappings of anonymous files."""
    gc.collect()
    return {
        "threads": threading.active_count(),
        "processes": len(children()),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "mappings": mappings(),
    }


def more_than(before: dict[str, int]) -> dict[str, int]:
    """What there is more of than at an earlier census; less may be what other tests had left."""
    return {name: count - before[name] for name, count in census().items() if count > before[name]}


def wait_until_no_more_than(before: dict[str, int]) -> None:
    """Fails where something stays that an earlier census did not count."""
    deadline = time.monotonic() + 30
    while more_than(before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert more_than(before) == {}
