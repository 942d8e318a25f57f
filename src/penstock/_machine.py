"""What this process may use of the machine: processors, memory, and room in /dev/shm.

Every function takes the places that it looks at as arguments, so that it can be asked about any tree of files.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

__all__ = [
    "SHARED_MEMORY",
    "Limits",
    "Room",
    "VolumeState",
    "cgroup_limits",
    "processor_name",
    "shm_room",
    "usable_cores",
]

SHARED_MEMORY = "/dev/shm"
CGROUPS = Path("/sys/fs/cgroup")
PROC = Path("/proc")

_NO_LIMIT = 1 << 60
"""Version 1 of control groups says "no limit" with a number of pages near 2^63 bytes."""


class VolumeState(Protocol):
    """What is needed of `os.statvfs_result`; `f_frsize` is the bytes of a block."""

    @property
    def f_frsize(self) -> int: ...
    @property
    def f_blocks(self) -> int: ...
    @property
    def f_bavail(self) -> int: ...


class Room(NamedTuple):
    """Bytes of a file system: in all, and free for us."""

    size: int
    free: int


class Limits(NamedTuple):
    """What control groups allow: processors as a number (2.5: two and a half), memory in bytes; None: no limit."""

    cores: float | None
    memory: int | None


def shm_room(path: str = SHARED_MEMORY, statvfs: Callable[[str], VolumeState] = os.statvfs) -> Room | None:
    """The room for shared memory, or None where the system has no such place (macOS, Windows)."""
    try:
        found = statvfs(path)
    except OSError:
        return None
    return Room(found.f_frsize * found.f_blocks, found.f_frsize * found.f_bavail)


def usable_cores(limits: Limits | None = None) -> int:
    """How many threads can run at once: the processors that we may be scheduled on, or fewer where a quota says so."""
    limits = cgroup_limits() if limits is None else limits
    scheduled = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return scheduled if limits.cores is None else max(1, min(scheduled, int(limits.cores + 0.5)))


def cgroup_limits(proc: Path = PROC, cgroups: Path = CGROUPS) -> Limits:
    """The tightest limits of the control groups (version 1 or 2) that this process is in, and of those above them."""
    cores = [_quota(folder) for folder in _groups(proc, cgroups, "cpu")]
    memory = [_memory(folder) for folder in _groups(proc, cgroups, "memory")]
    return Limits(
        min((each for each in cores if each is not None), default=None),
        min((each for each in memory if each is not None), default=None),
    )


def processor_name(proc: Path = PROC) -> str:
    """The processor's model name."""
    lines = _text(proc / "cpuinfo").splitlines()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _groups(proc: Path, cgroups: Path, controller: str) -> Iterator[Path]:
    """The folders of our group and its parents, which may lie elsewhere as seen from a container: then their top."""
    for line in _text(proc / "self" / "cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            top = cgroups / "unified" if (cgroups / "unified").is_dir() else cgroups
        elif controller in controllers.split(","):
            top = cgroups / controller
        else:
            continue
        folder = top / path.lstrip("/")
        while folder != top:
            yield folder
            folder = folder.parent
        yield top


def _quota(folder: Path) -> float | None:
    fields = _text(folder / "cpu.max").split()
    if not fields:
        fields = (_text(folder / "cpu.cfs_quota_us") + " " + _text(folder / "cpu.cfs_period_us")).split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields) or int(fields[1]) == 0:
        return None  # "max", -1, or no such file
    return int(fields[0]) / int(fields[1])


def _memory(folder: Path) -> int | None:
    text = (_text(folder / "memory.max") or _text(folder / "memory.limit_in_bytes")).strip()
    return int(text) if text.isdigit() and int(text) < _NO_LIMIT else None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
