"""What `penstock doctor` judges: plain facts about the machine and what is installed on it.

Each gathering function takes the places or modules that it looks at, so that tests show it others.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType
from typing import Any

from .._machine import CGROUPS, PROC, SHARED_MEMORY, Limits, Room, cgroup_limits, shm_room

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

__all__ = ["EXTRAS", "GPU", "UNLIMITED", "CoreFacts", "Facts", "Memory", "PillowFacts", "TorchFacts", "gather"]

UNLIMITED = -1
"""In place of a limit: there is none."""

EXTRAS = {"matplotlib": "matplotlib", "torchvision": "torchvision", "scikit-learn": "sklearn"}
"""Packages that some commands can use, by their names on PyPI, and the modules that they are imported as."""


@dataclass(frozen=True, slots=True)
class CoreFacts:
    """The C++ core. `levels`: instruction sets that it can use here, best last."""

    version: str
    libjpeg_turbo: str
    levels: tuple[str, ...]
    debug: bool


@dataclass(frozen=True, slots=True)
class PillowFacts:
    """The PIL that is imported. `libjpeg_turbo`: its version, None where Pillow was built with another libjpeg."""

    version: str
    libjpeg_turbo: str | None


@dataclass(frozen=True, slots=True)
class GPU:
    """A GPU that torch sees; `memory` in bytes."""

    name: str
    memory: int


@dataclass(frozen=True, slots=True)
class TorchFacts:
    """What torch says of itself.

    Attributes:
        version: with its build ("2.13.0+cpu").
        cuda: the version of CUDA that it was built for; None: none.
        gpus: those that it sees.
        threads: of its own operations, in one process.
        pin_error: why memory can't be pinned for a GPU; empty where it can, or there is no GPU.
    """

    version: str
    cuda: str | None
    gpus: tuple[GPU, ...]
    threads: int
    pin_error: str


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of the machine's memory, and those that programs could have now."""

    total: int
    available: int


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it. A string in place of the facts about a library says why it can't be loaded.

    Attributes:
        versions: of what is installed, by its name on PyPI in small letters.
        broken: why packages of `EXTRAS` that are installed can't be imported, by the same names.
        processors: of the machine; `scheduled`: those that this process may run on.
        limits: of its control groups.
        open_files: soft and hard limit of this process; `locked_memory`: its soft limit in bytes. None: unknown.
        driver: the NVIDIA driver's version; empty: it is loaded, of unknown version; None: none is loaded.
    """

    python: tuple[int, int, int]
    versions: Mapping[str, str]
    broken: Mapping[str, str]
    core: CoreFacts | str
    torch: TorchFacts | str
    pillow: PillowFacts | str
    architecture: str
    processors: int
    scheduled: int
    limits: Limits
    memory: Memory | None
    shared_memory: Room | None
    open_files: tuple[int, int] | None
    locked_memory: int | None
    start_method: str
    driver: str | None


def gather(proc: Path = PROC, cgroups: Path = CGROUPS, devices: Path = Path("/dev")) -> Facts:
    """The facts about this machine and process. Loads torch, which takes a second or two."""
    major, minor, micro = (int(part) for part in platform.python_version_tuple()[:3] if part.isdigit())
    processors = os.cpu_count() or 1
    versions = installed()
    return Facts(
        python=(major, minor, micro),
        versions=versions,
        broken=broken({name: module for name, module in EXTRAS.items() if name in versions}),
        core=core_facts("penstock._core"),
        torch=torch_facts("torch"),
        pillow=pillow_facts("PIL"),
        architecture=platform.machine(),
        processors=processors,
        scheduled=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else processors,
        limits=cgroup_limits(proc, cgroups),
        memory=memory(proc / "meminfo"),
        shared_memory=shm_room(SHARED_MEMORY),
        open_files=_limits("RLIMIT_NOFILE"),
        locked_memory=None if (locked := _limits("RLIMIT_MEMLOCK")) is None else locked[0],
        start_method=multiprocessing.get_context().get_start_method(),
        driver=nvidia_driver(proc, devices),
    )


def installed() -> dict[str, str]:
    """Versions of all distributions that this Python sees, by name as PyPI writes it; of two the first found counts."""
    found: dict[str, str] = {}
    for each in distributions():
        name = each.metadata["Name"]
        if name:
            found.setdefault(name.lower().replace("_", "-"), each.version)
    return found


def broken(modules: Mapping[str, str]) -> dict[str, str]:
    """Why modules can't be imported, by their keys; nothing of those that can."""
    errors = {}
    for name, module in modules.items():
        try:
            importlib.import_module(module)
        except Exception as error:  # torchvision raises RuntimeError where it was built for another torch
            errors[name] = _first_line(error)
    return errors


def core_facts(name: str) -> CoreFacts | str:
    """The C++ core, under its module's name."""
    core = _loaded(name)
    if isinstance(core, str):
        return core
    return CoreFacts(core.__version__, core.libjpeg_turbo_version, tuple(core.simd_levels()), core.debug)


def pillow_facts(name: str) -> PillowFacts | str:
    """Pillow or pillow-simd, whichever is imported under that name."""
    package, features = _loaded(name), _loaded(f"{name}.features")
    if isinstance(package, str) or isinstance(features, str):
        return str(package if isinstance(package, str) else features)
    has_turbo = features.check("jpg") and features.check_feature("libjpeg_turbo")
    return PillowFacts(package.__version__, features.version_feature("libjpeg_turbo") if has_turbo else None)


def torch_facts(name: str) -> TorchFacts | str:
    """torch, under its module's name."""
    torch = _loaded(name)
    if isinstance(torch, str):
        return torch
    seen = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    properties = [torch.cuda.get_device_properties(number) for number in seen]
    return TorchFacts(
        version=str(torch.__version__),
        cuda=torch.version.cuda,
        gpus=tuple(GPU(each.name, each.total_memory) for each in properties),
        threads=torch.get_num_threads(),
        pin_error=_pin_error(torch) if properties else "",
    )


def memory(meminfo: Path) -> Memory | None:
    """What /proc/meminfo says."""
    found = dict(re.findall(r"^(\w+):\s+(\d+) kB$", _text(meminfo), re.MULTILINE))
    if "MemTotal" not in found or "MemAvailable" not in found:
        return None
    return Memory(int(found["MemTotal"]) * 1024, int(found["MemAvailable"]) * 1024)


def nvidia_driver(proc: Path, devices: Path) -> str | None:
    """The version of the driver that is loaded; empty where there is a device but no version; None without."""
    version = re.search(r"Kernel Module.*?\s(\d+\.\d+(?:\.\d+)?)\s", _text(proc / "driver" / "nvidia" / "version"))
    if version is not None:
        return version[1]
    return "" if (devices / "nvidiactl").exists() else None


def _pin_error(torch: Any) -> str:
    try:
        torch.empty(1).pin_memory()
    except RuntimeError as error:
        return _first_line(error)
    return ""


def _loaded(name: str) -> ModuleType | Any | str:
    """A module, or why there is none. OSError: torch's libraries are loaded by ctypes, which raises that."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        return _first_line(error)


def _first_line(error: BaseException) -> str:
    lines: Iterable[str] = str(error).splitlines()
    return next(iter(lines), type(error).__name__)


def _limits(name: str) -> tuple[int, int] | None:
    if resource is None or not hasattr(resource, name):
        return None
    soft, hard = resource.getrlimit(getattr(resource, name))
    return tuple(UNLIMITED if each == resource.RLIM_INFINITY else each for each in (soft, hard))  # type: ignore[return-value]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
