"""What `penstock doctor` checks: one function per check, from facts to a finding."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .facts import UNLIMITED, Facts
from .text import plural, shown_bytes

__all__ = ["CHECKS", "STATES", "TYPICAL_BATCHES", "TYPICAL_BYTES", "Finding", "State", "cores_of"]

State = Literal["ok", "note", "warning", "problem"]
STATES: tuple[State, ...] = ("ok", "note", "warning", "problem")
"""From good to bad. note: could be better; warning: will be slow or fail in some use; problem: Penstock can't work."""

REQUIRED = {"numpy": (2, 0), "pandas": (2, 2), "pyarrow": (17,), "lmdb": (1, 5), "tqdm": (4, 66), "click": (8, 1)}
OLDEST_TORCH = (2, 6)
OLDEST_PYTHON = (3, 10)
USES = {
    "matplotlib": "the chart of penstock bench",
    "torchvision": "its ImageFolder and transforms",
    "scikit-learn": "the digits of make demo",
}
SIMD_COMMANDS = 'pip uninstall -y pillow; CC="cc -mavx2" pip install --no-binary :all: --no-deps pillow-simd'

TYPICAL_BATCHES = 8 * 2
"""Eight workers with two batches each, torch's prefetch_factor."""
TYPICAL_BYTES = 256 * 3 * 224 * 224 * 4
LEAST_FILES, GOOD_FILES = 1024, 4096
LOW_MEMORY, NO_MEMORY = 2 << 30, 256 << 20
LEAST_LOCKED = 64 << 20


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check: what was found, how good that is, and what to do about it (empty: nothing)."""

    name: str
    state: State
    found: str
    advice: str = ""


def check_python(facts: Facts) -> Finding:
    """The interpreter's version."""
    found = ".".join(map(str, facts.python))
    if facts.python < OLDEST_PYTHON:
        return Finding("Python", "problem", found, "install Python 3.10 or newer")
    return Finding("Python", "ok", found)


def check_penstock(facts: Facts) -> Finding:
    """Whether the C++ core can be loaded, and how it was built."""
    core = facts.core
    if isinstance(core, str):
        advice = "build the C++ core: pip install . in Penstock's folder; it says what is missing"
        return Finding("Penstock", "problem", f"its core can't be loaded: {core}", advice)
    if core.debug:
        advice = "it is several times slower; run pip install . without PENSTOCK_DEBUG set"
        return Finding("Penstock", "warning", f"{core.version}, a debug build", advice)
    return Finding("Penstock", "ok", core.version)


def check_libraries(facts: Facts) -> Finding:
    """What Penstock depends on, besides torch and Pillow."""
    found = ", ".join(f"{name} {facts.versions[name]}" for name in REQUIRED if name in facts.versions)
    wrong = [name for name, oldest in REQUIRED.items() if _version(facts.versions.get(name, "")) < oldest]
    if wrong:
        wanted = " ".join(f'"{name}>={".".join(map(str, REQUIRED[name]))}"' for name in wrong)
        missing = ", ".join(f"{name} {'too old' if name in facts.versions else 'missing'}" for name in wrong)
        return Finding("libraries", "problem", f"{missing} ({found})" if found else missing, f"pip install {wanted}")
    return Finding("libraries", "ok", found)


def check_torch(facts: Facts) -> Finding:
    """torch itself."""
    if isinstance(facts.torch, str):
        advice = "pip install torch, the build for your CPU or CUDA (pytorch.org/get-started); datasets work without it"
        return Finding("torch", "problem", f"can't be loaded: {facts.torch}", advice)
    built = f"for CUDA {facts.torch.cuda}" if facts.torch.cuda else "without CUDA"
    found = f"{facts.torch.version}, built {built}"
    if _version(facts.torch.version) < OLDEST_TORCH:
        return Finding("torch", "problem", found, 'pip install --upgrade "torch>=2.6"')
    return Finding("torch", "ok", found)


def check_pillow(facts: Facts) -> Finding:
    """Pillow or pillow-simd: which is in use, and whether both were installed over each other."""
    pillow = facts.pillow
    if isinstance(pillow, str):
        return Finding("Pillow", "problem", f"can't be loaded: {pillow}", "pip install pillow")
    both = {"pillow", "pillow-simd"} <= facts.versions.keys()
    name = "pillow-simd" if "pillow-simd" in facts.versions else "Pillow"
    jpeg = f"libjpeg-turbo {pillow.libjpeg_turbo}" if pillow.libjpeg_turbo else "a slow libjpeg, not libjpeg-turbo"
    found = f"{name} {pillow.version} with {jpeg}"
    if both:
        advice = f"one was installed over the other's files: pip uninstall -y pillow-simd, then {SIMD_COMMANDS}"
        return Finding(
            "Pillow", "warning", f"both Pillow and pillow-simd are installed; in use: {pillow.version}", advice
        )
    if pillow.libjpeg_turbo is None:
        advice = "Python transforms decode slowly with it (Penstock's own engine does not use it): pip install a wheel"
        return Finding("Pillow", "warning", found, f"{advice}: pip install --force-reinstall pillow")
    if name == "Pillow" and _is_x86(facts):
        return Finding("Pillow", "note", found, f"pillow-simd makes Python transforms faster: {SIMD_COMMANDS}")
    return Finding("Pillow", "ok", found)


def check_libjpeg(facts: Facts) -> Finding:
    """The JPEG library of the C++ core."""
    if isinstance(facts.core, str):
        return Finding("JPEG", "note", "unknown, as the core can't be loaded")
    return Finding("JPEG", "ok", f"libjpeg-turbo {facts.core.libjpeg_turbo} in the core")


def check_instructions(facts: Facts) -> Finding:
    """Instruction sets, of which the core uses the best."""
    if isinstance(facts.core, str):
        return Finding("instructions", "note", "unknown, as the core can't be loaded")
    levels = facts.core.levels
    found = f"{levels[-1]} in use (can run: {', '.join(levels)})"
    if levels[-1] == "portable":
        where = "this processor, or the virtual machine, lacks AVX2" if _is_x86(facts) else f"on {facts.architecture}"
        return Finding("instructions", "note", found, f"vector kernels are for AVX2 and AVX-512: {where}")
    return Finding("instructions", "ok", found)


def check_cores(facts: Facts) -> Finding:
    """Processors that can be used, against those that programs see."""
    usable = cores_of(facts)
    if usable >= facts.processors:
        return Finding("cores", "ok", str(facts.processors))
    advice = f"num_workers={usable} is right here; os.cpu_count() says {facts.processors}"
    if facts.limits.cores is not None and facts.limits.cores < facts.scheduled:
        found = f"{facts.limits.cores:g} of {facts.processors}, by a quota of the control group (container)"
        more = f"more threads are stopped for part of the time: set OMP_NUM_THREADS={usable} too, or raise the quota"
        return Finding("cores", "warning", found, f"{advice}; {more} (docker run --cpus)")
    return Finding("cores", "note", f"{usable} of {facts.processors}, by this process's affinity", advice)


def check_memory(facts: Facts) -> Finding:
    """Memory that is free, and the limit of the control group."""
    memory, limit = facts.memory, facts.limits.memory
    if memory is None:
        return Finding("memory", "note", "unknown on this system")
    limited = limit is not None and limit < memory.total
    found = f"{shown_bytes(memory.available)} available of {shown_bytes(memory.total)}"
    if limit is not None and limited:
        found += f"; the control group (container) may use {shown_bytes(limit)}"
    usable = min(memory.available, limit) if limit is not None else memory.available
    if usable < NO_MEMORY:
        return Finding("memory", "problem", found, "end other programs, or raise the limit (docker run --memory)")
    if usable < LOW_MEMORY:
        advice = "keep batch_size, num_workers and prefetch_factor small, or a worker may be killed"
        return Finding("memory", "warning", found, advice)
    if limited:
        advice = "the system kills a worker at this limit, though free and torch show more memory"
        return Finding("memory", "note", found, advice)
    return Finding("memory", "ok", found)


def check_shared_memory(facts: Facts) -> Finding:
    """Room in /dev/shm for what torch's worker processes send."""
    room = facts.shared_memory
    if room is None:
        return Finding("/dev/shm", "note", "none on this system, so torch shares memory by other means")
    found = f"{shown_bytes(room.free)} free of {shown_bytes(room.size)}"
    typical = TYPICAL_BATCHES * TYPICAL_BYTES
    if room.free >= typical:
        return Finding("/dev/shm", "ok", found)
    needed = f"8 of torch's worker processes with batches of 256 float32 images (3x224x224) need {shown_bytes(typical)}"
    remedy = "give it more (docker run --shm-size=8g, or --ipc=host; mount -o remount,size=8g /dev/shm)"
    ours = 'Penstock\'s native engine and its own workers (workers="threads", on_worker_death="restart") use none'
    return Finding("/dev/shm", "warning", found, f"{needed}, and die of a bus error without: {remedy}; {ours}")


def check_open_files(facts: Facts) -> Finding:
    """How many files may be open: torch's workers send a file descriptor for each tensor."""
    if facts.open_files is None:
        return Finding("open files", "note", "limit unknown on this system")
    soft, hard = facts.open_files
    found = f"{_limit(soft)} (could be raised to {_limit(hard)})" if soft != hard else _limit(soft)
    if soft == UNLIMITED or soft >= GOOD_FILES:
        return Finding("open files", "ok", found)
    better = "ulimit -n unlimited" if hard == UNLIMITED else f"ulimit -n {min(hard, 65536)}"
    raising = better if hard == UNLIMITED or hard >= GOOD_FILES else "docker run --ulimit nofile=65536, or limits.conf"
    advice = f'"Too many open files" comes with many workers and tensors per batch; before starting Python: {raising}'
    return Finding("open files", "warning" if soft < LEAST_FILES else "note", found, advice)


def check_start_method(facts: Facts) -> Finding:
    """How worker processes are started."""
    if facts.start_method == "fork":
        return Finding("start method", "ok", "fork")
    advice = (
        "each worker process imports your script again and gets the dataset by pickling: keep what runs under "
        'if __name__ == "__main__":, and use persistent_workers=True'
    )
    return Finding("start method", "note", facts.start_method, advice)


def check_threads(facts: Facts) -> Finding:
    """torch's own threads, which share the processors with the loader's."""
    if isinstance(facts.torch, str):
        return Finding("torch threads", "note", "unknown, as torch can't be loaded")
    threads, usable = facts.torch.threads, cores_of(facts)
    if threads > usable:
        advice = f"they get in each other's way: set OMP_NUM_THREADS={usable}, or call torch.set_num_threads({usable})"
        return Finding("torch threads", "warning", f"{threads} on {plural(usable, 'core')}", advice)
    return Finding("torch threads", "ok", str(threads))


def check_gpus(facts: Facts) -> Finding:
    """GPUs that torch sees, or why it sees none although there is a driver."""
    if isinstance(facts.torch, str):
        return Finding("GPUs", "note", "unknown, as torch can't be loaded")
    if facts.torch.gpus:
        names = ", ".join(f"{each.name} ({shown_bytes(each.memory)})" for each in facts.torch.gpus)
        return Finding("GPUs", "ok", f"{names}; driver {facts.driver}" if facts.driver else names)
    if facts.driver is None:
        return Finding("GPUs", "ok", "none")
    driver = f"the NVIDIA driver {facts.driver} is loaded".replace("  ", " ")
    if facts.torch.cuda is None:
        advice = "this torch was built without CUDA: install another build (pytorch.org/get-started)"
    else:
        advice = (
            f"check nvidia-smi, CUDA_VISIBLE_DEVICES, and that the driver is new enough for CUDA {facts.torch.cuda}"
        )
    return Finding("GPUs", "warning", f"torch sees none, although {driver}", advice)


def check_pinning(facts: Facts) -> Finding:
    """Whether memory can be pinned, which copies to a GPU need to run beside the training step."""
    if isinstance(facts.torch, str) or not facts.torch.gpus:
        return Finding("pinned memory", "ok", "not needed without a GPU")
    if facts.torch.pin_error:
        advice = "pin_memory=True will fail here; check the driver and the memory limit of the container"
        return Finding("pinned memory", "warning", f"failed: {facts.torch.pin_error}", advice)
    return Finding("pinned memory", "ok", "works")


def check_locked_memory(facts: Facts) -> Finding:
    """The limit of locked memory, which matters to NCCL over InfiniBand."""
    locked = facts.locked_memory
    if locked is None:
        return Finding("locked memory", "note", "limit unknown on this system")
    if locked == UNLIMITED:
        return Finding("locked memory", "ok", "no limit")
    has_gpus = not isinstance(facts.torch, str) and len(facts.torch.gpus) > 0
    if has_gpus and locked < LEAST_LOCKED:
        advice = "too little for NCCL over InfiniBand (pinned batches don't count): ulimit -l unlimited, or docker run "
        return Finding("locked memory", "note", shown_bytes(locked), f"{advice}--ulimit memlock=-1")
    return Finding("locked memory", "ok", shown_bytes(locked))


def check_dali(facts: Facts) -> Finding:
    """NVIDIA DALI: its version, and whether it is for the CUDA that torch uses."""
    found = {name: facts.versions[name] for name in facts.versions if name.startswith("nvidia-dali-cuda")}
    cuda = None if isinstance(facts.torch, str) else facts.torch.cuda
    if not found:
        if cuda is None or isinstance(facts.torch, str) or not facts.torch.gpus:
            return Finding("DALI", "ok", "not installed; worth it with a GPU")
        name = f"nvidia-dali-cuda{cuda.split('.')[0]}0"
        return Finding("DALI", "note", "not installed", f"optional, to augment on the GPU: pip install {name}")
    shown = ", ".join(f"{version} for CUDA {_cuda_of(name)}" for name, version in found.items())
    if len(found) > 1:
        return Finding("DALI", "warning", shown, f"keep one of them: pip uninstall {' or '.join(found)}")
    built = _cuda_of(next(iter(found)))
    if cuda is not None and cuda.split(".")[0] != built:
        advice = f"torch was built for CUDA {cuda}: pip install nvidia-dali-cuda{cuda.split('.')[0]}0 in its place"
        return Finding("DALI", "warning", shown, advice)
    return Finding("DALI", "ok", shown)


def check_extras(facts: Facts) -> Finding:
    """Packages that some commands can use."""
    found = ", ".join(f"{name} {facts.versions[name]}" for name in USES if name in facts.versions)
    missing = [name for name in USES if name not in facts.versions]
    if facts.broken:
        wrong = "; ".join(f"{name} can't be imported: {error}" for name, error in facts.broken.items())
        advice = f"install one that suits the rest: pip install --force-reinstall --no-deps {' '.join(facts.broken)}"
        return Finding("extras", "warning", f"{wrong} ({found})", advice)
    if not missing:
        return Finding("extras", "ok", found)
    uses = ", ".join(f"{name} ({USES[name]})" for name in missing)
    return Finding("extras", "note", found or "none installed", f"optional: pip install {uses}")


CHECKS: tuple[Callable[[Facts], Finding], ...] = (
    check_python,
    check_penstock,
    check_torch,
    check_libraries,
    check_pillow,
    check_libjpeg,
    check_instructions,
    check_cores,
    check_memory,
    check_shared_memory,
    check_open_files,
    check_start_method,
    check_threads,
    check_gpus,
    check_pinning,
    check_locked_memory,
    check_dali,
    check_extras,
)
"""In the order in which they are shown."""


def cores_of(facts: Facts) -> int:
    """Threads that can run at once: as many as processors that we may run on, or as the quota allows."""
    quota = facts.limits.cores
    return facts.scheduled if quota is None else max(1, min(facts.scheduled, math.floor(quota + 0.5)))


def _version(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: (2, 13, 0) of "2.13.0+cpu"; () of nothing."""
    numbers = []
    for part in text.split("+")[0].split("."):
        digits = "".join(each for each in part if each.isdigit()) if part[:1].isdigit() else ""
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def _limit(value: int) -> str:
    return "no limit" if value == UNLIMITED else f"{value:,}"


def _cuda_of(distribution: str) -> str:
    """The major version of CUDA in a name such as "nvidia-dali-cuda120"."""
    return distribution.removeprefix("nvidia-dali-cuda")[:2]


def _is_x86(facts: Facts) -> bool:
    return facts.architecture.lower() in ("x86_64", "amd64")
