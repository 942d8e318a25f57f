"""How fast `pack-dataset --codec dct` packs with one process: a turn packs the whole folder, start-up left out."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from penstock.cli.pack_dataset import main as pack_dataset

from .protocol import Task, Turn, command_line, images_of, serve, session_cpu_seconds


def opened(task: Task) -> tuple[dict[str, Any], Turn]:
    """What to say about it, and how a turn is timed."""
    images = len(images_of(task.folder))
    target = task.target.with_name(f"{task.target.name}-{os.getpid()}")

    def turn(_: float) -> dict[str, float]:
        cpu, start = session_cpu_seconds(), time.perf_counter()
        pack(task.folder, target, task.threads)
        seconds = time.perf_counter() - start
        measured = {"images": images, "seconds": seconds, "cpu_seconds": session_cpu_seconds() - cpu}
        shutil.rmtree(target)
        return measured

    return {"batch": "dct records", "start_up_seconds": 0.0, "versions": {}}, turn


def pack(folder: Path, target: Path, threads: int) -> None:
    """Packs in this process, or in more."""
    workers = 0 if threads == 1 else threads
    with contextlib.redirect_stdout(sys.stderr):
        pack_dataset([str(folder), str(target), "--codec", "dct", "--workers", str(workers)], standalone_mode=False)


if __name__ == "__main__":
    _, given = command_line()
    serve(lambda: opened(given))
