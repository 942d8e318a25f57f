"""Memory of processes, as Linux counts it in /proc."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["PeakMemory", "children", "private_bytes"]


def children() -> list[int]:
    """The processes that this process has started and that are still there."""
    lists = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
    return sorted(int(pid) for each in lists for pid in each.split())


def private_bytes(pid: int | str = "self") -> int:
    """What a process has for itself (unique set size): what would be free if it ended. Swapped pages count too."""
    return sum(_kilobytes(pid, "smaps_rollup", name) for name in ("Private_Clean", "Private_Dirty", "Swap")) * 1024


class PeakMemory:
    """How much more memory than now this process has had, at most, since this was made."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak is from now on
        self._start = _kilobytes("self", "status", "VmRSS")

    def bytes(self) -> int:
        """Of resident memory, shared pages too."""
        return (_kilobytes("self", "status", "VmHWM") - self._start) * 1024


def _kilobytes(pid: int | str, table: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path(f"/proc/{pid}/{table}").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0
