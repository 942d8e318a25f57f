"""How fast `pack-dataset --codec dct` packs with one process: a turn packs the whole folder, start-up left out.

What is written goes to memory (/dev/shm) where there is room, so that it is not the disk that is measured.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from penstock.cli.pack_dataset import main as pack_dataset

from .protocol import Task, Turn, command_line, images_of, serve, session_cpu_seconds

MEMORY = Path("/dev/shm")
ROOM = 3
"""Times the files' size: what a pack may take."""


def opened(task: Task) -> tuple[dict[str, Any], Turn]:
    """What to say about it, and how a turn is timed."""
    files = images_of(task.folder)
    needed = ROOM * sum(path.stat().st_size for path in files)
    place = MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > needed else task.target.parent

    with tempfile.TemporaryDirectory(prefix="penstock-packing-", dir=place) as scratch:
        start_up(files[0], Path(scratch), task.threads)

    def turn(_: float) -> dict[str, float]:
        # Once uncounted: memory that nobody had for a while is slow to get, on virtual machines above all.
        with tempfile.TemporaryDirectory(prefix="penstock-packing-", dir=place) as scratch:
            pack(task.folder, Path(scratch, "pack"), task.threads)
        with tempfile.TemporaryDirectory(prefix="penstock-packing-", dir=place) as scratch:
            cpu, start = session_cpu_seconds(), time.perf_counter()
            pack(task.folder, Path(scratch, "pack"), task.threads)
            seconds = time.perf_counter() - start
            return {"images": len(files), "seconds": seconds, "cpu_seconds": session_cpu_seconds() - cpu}

    return {"batch": "dct records", "start_up_seconds": 0.0, "versions": {}, "written_to": os.fspath(place)}, turn


def start_up(file: Path, scratch: Path, threads: int) -> None:
    """Packs a folder of one file, so that what is imported on first use is there."""
    folder = scratch / "images" / "one"
    folder.mkdir(parents=True)
    (folder / file.name).symlink_to(file.resolve())
    pack(folder.parent, scratch / "pack", threads)


def pack(folder: Path, target: Path, threads: int) -> None:
    """Packs in this process, or in more."""
    workers = 0 if threads == 1 else threads
    with contextlib.redirect_stdout(sys.stderr):
        pack_dataset([str(folder), str(target), "--codec", "dct", "--workers", str(workers)], standalone_mode=False)


if __name__ == "__main__":
    _, given = command_line()
    serve(lambda: opened(given))
