"""Builds `libjpeg_alone.cpp`, the yardstick."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .session import ContestantError

__all__ = ["build"]

SOURCE = Path(__file__).resolve().parent / "libjpeg_alone.cpp"


def build(folder: Path) -> Path:
    """Compiles it with the system's compiler into `folder`, unless it is there; gives the program.

    Raises:
        ContestantError: there is no compiler, or no headers of libjpeg-turbo.
    """
    program = folder / SOURCE.stem
    if program.exists():
        return program
    compiler = os.environ.get("CXX", "c++").split()
    prefix = os.environ.get("CONDA_PREFIX")
    places = [f"-I{prefix}/include", f"-L{prefix}/lib", f"-Wl,-rpath,{prefix}/lib"] if prefix else []
    command = [*compiler, "-std=c++17", "-O3", str(SOURCE), *places, "-ljpeg", "-o", str(program)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ContestantError(f"{compiler[0]} was not found; name a C++ compiler in CXX") from error
    if done.returncode:
        raise ContestantError(f"{SOURCE.name} does not compile: {done.stderr.splitlines()[0]}")
    return program
