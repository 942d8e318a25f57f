"""`penstock doctor`: every state of every check, on facts that are made up; and this machine's own facts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

import penstock
from penstock._machine import Limits, Room
from penstock.cli import checks, facts
from penstock.cli.checks import CHECKS, STATES, TYPICAL_BATCHES, TYPICAL_BYTES, Finding
from penstock.cli.doctor import examine, report, verdict
from penstock.cli.facts import GPU, UNLIMITED, CoreFacts, Facts, Memory, PillowFacts, TorchFacts

GIB = 1 << 30
VERSIONS = {"numpy": "2.4.6", "pandas": "3.0.0", "pyarrow": "26.0", "lmdb": "3.0.0", "tqdm": "4.70.1", "click": "8.5.1"}
EXTRAS = {"matplotlib": "3.11", "torchvision": "0.28", "scikit-learn": "1.9"}
CPU = TorchFacts("2.13.0+cpu", None, (), 8, "")
H100 = GPU("NVIDIA H100", 80 * GIB)
CUDA = TorchFacts("2.13.0+cu130", "13.0", (H100, H100), 8, "")

HEALTHY = Facts(
    python=(3, 12, 1),
    versions={**VERSIONS, **EXTRAS, "pillow-simd": "12.1.1.post0"},
    broken={},
    core=CoreFacts("0.1.0", "3.1.0", ("portable", "avx2", "avx512"), False),
    torch=CPU,
    pillow=PillowFacts("12.1.1.post0", "3.1.0"),
    architecture="x86_64",
    processors=8,
    scheduled=8,
    limits=Limits(None, None),
    memory=Memory(64 * GIB, 48 * GIB),
    shared_memory=Room(32 * GIB, 32 * GIB),
    open_files=(65536, 65536),
    locked_memory=8 << 20,
    start_method="fork",
    driver=None,
)
"""A machine of which there is nothing to say."""


def machine(**changed: Any) -> Facts:
    return replace(HEALTHY, **changed)


def torch_with(**changed: Any) -> Facts:
    return machine(torch=replace(CPU, **changed))


def gpus(**changed: Any) -> Facts:
    return machine(torch=CUDA, driver="580.1", **changed)


def installed(**versions: str | None) -> Facts:
    """HEALTHY with other versions; None: not installed. Underscores stand for hyphens."""
    named = {name.replace("_", "-"): version for name, version in versions.items()}
    kept = {name: version for name, version in HEALTHY.versions.items() if name not in named}
    return machine(versions=kept | {name: version for name, version in named.items() if version is not None})


def test_there_is_nothing_to_say_of_a_healthy_machine() -> None:
    findings = examine(HEALTHY)
    assert [(each.name, each.advice) for each in findings if each.state != "ok" or each.advice] == []
    assert all(each.found for each in findings)
    assert len({each.name for each in findings}) == len(findings) == len(CHECKS)
    assert verdict(findings) == "All is well."


# check, facts, state, words in what was found, words in the advice
CASES: list[tuple[Callable[[Facts], Finding], Facts, str, str, str]] = [
    (checks.check_python, machine(python=(3, 9, 2)), "problem", "3.9.2", "install Python 3.10 or newer"),
    (checks.check_python, machine(python=(3, 10, 0)), "ok", "3.10.0", ""),
    (checks.check_penstock, machine(core="libjpeg.so.62: not found"), "problem", "libjpeg.so.62", "pip install ."),
    (
        checks.check_penstock,
        machine(core=replace(HEALTHY.core, debug=True)),  # type: ignore[type-var]
        "warning",
        "a debug build",
        "PENSTOCK_DEBUG",
    ),
    (checks.check_torch, machine(torch="No module named 'torch'"), "problem", "No module", "pip install torch"),
    (checks.check_torch, torch_with(version="2.5.1"), "problem", "2.5.1", '"torch>=2.6"'),
    (checks.check_torch, torch_with(version="2.6.0a0+git123"), "ok", "2.6.0a0", ""),
    (checks.check_torch, gpus(), "ok", "built for CUDA 13.0", ""),
    (checks.check_libraries, installed(lmdb=None), "problem", "lmdb missing", 'pip install "lmdb>=1.5"'),
    (checks.check_libraries, installed(numpy="1.26.4"), "problem", "numpy too old", 'pip install "numpy>=2.0"'),
    (checks.check_libraries, machine(versions={}), "problem", "numpy missing, pandas missing", '"click>=8.1"'),
    (checks.check_pillow, machine(pillow="No module named 'PIL'"), "problem", "No module", "pip install pillow"),
    (
        checks.check_pillow,
        replace(installed(pillow_simd=None, pillow="13.0.0"), pillow=PillowFacts("13.0.0", "3.1.0")),
        "note",
        "Pillow 13.0.0 with libjpeg-turbo 3.1.0",
        "--no-deps pillow-simd",
    ),
    (
        checks.check_pillow,
        replace(installed(pillow_simd=None, pillow="13.0.0"), architecture="aarch64"),
        "ok",
        "Pillow",
        "",
    ),
    (checks.check_pillow, installed(pillow="13.0.0"), "warning", "both Pillow and pillow-simd", "pip uninstall -y"),
    (
        checks.check_pillow,
        machine(pillow=PillowFacts("13.0.0", None)),
        "warning",
        "a slow libjpeg",
        "--force-reinstall",
    ),
    (checks.check_libjpeg, machine(core="gone"), "note", "unknown", ""),
    (checks.check_instructions, machine(core="gone"), "note", "unknown", ""),
    (
        checks.check_instructions,
        machine(core=CoreFacts("0.1.0", "3.1.0", ("portable",), False)),
        "note",
        "portable in use",
        "lacks AVX2",
    ),
    (
        checks.check_instructions,
        machine(core=CoreFacts("0.1.0", "3.1.0", ("portable",), False), architecture="aarch64"),
        "note",
        "portable in use",
        "on aarch64",
    ),
    (checks.check_instructions, HEALTHY, "ok", "avx512 in use (can run: portable, avx2, avx512)", ""),
    (checks.check_cores, machine(scheduled=2), "note", "2 of 8, by this process's affinity", "num_workers=2"),
    (
        checks.check_cores,
        machine(limits=Limits(2.5, None)),
        "warning",
        "2.5 of 8, by a quota",
        "num_workers=3 is right here; os.cpu_count() says 8",
    ),
    (checks.check_cores, machine(limits=Limits(0.2, None)), "warning", "0.2 of 8", "num_workers=1"),
    (checks.check_cores, machine(limits=Limits(16.0, None)), "ok", "8", ""),
    (checks.check_cores, machine(limits=Limits(4.0, None), scheduled=2), "note", "2 of 8", "num_workers=2"),
    (checks.check_memory, machine(memory=None), "note", "unknown", ""),
    (checks.check_memory, machine(memory=Memory(8 * GIB, GIB)), "warning", "1.1 GB available of 8.6 GB", "batch_size"),
    (
        checks.check_memory,
        machine(memory=Memory(8 * GIB, 1 << 20)),
        "problem",
        "1.0 MB available",
        "end other programs",
    ),
    (
        checks.check_memory,
        machine(limits=Limits(None, 4 * GIB)),
        "note",
        "the control group (container) may use 4.3 GB",
        "kills a worker",
    ),
    (checks.check_memory, machine(limits=Limits(None, GIB)), "warning", "may use 1.1 GB", "batch_size"),
    (checks.check_memory, machine(limits=Limits(None, 64 << 20)), "problem", "may use 67.1 MB", "docker run --memory"),
    (checks.check_memory, machine(limits=Limits(None, 128 * GIB)), "ok", "51.5 GB available of 68.7 GB", ""),
    (checks.check_shared_memory, machine(shared_memory=None), "note", "none on this system", ""),
    (
        checks.check_shared_memory,
        machine(shared_memory=Room(64 << 20, 60 << 20)),
        "warning",
        "62.9 MB free of 67.1 MB",
        "need 2.5 GB",
    ),
    (
        checks.check_shared_memory,
        machine(shared_memory=Room(GIB, GIB)),
        "warning",
        "1.1 GB",
        "docker run --shm-size=8g",
    ),
    (checks.check_shared_memory, machine(shared_memory=Room(GIB, GIB)), "warning", "1.1 GB", "native engine"),
    (checks.check_open_files, machine(open_files=None), "note", "unknown", ""),
    (checks.check_open_files, machine(open_files=(256, UNLIMITED)), "warning", "256", "ulimit -n unlimited"),
    (checks.check_open_files, machine(open_files=(1024, 1 << 20)), "note", "1,024 (could be raised", "ulimit -n 65536"),
    (checks.check_open_files, machine(open_files=(1024, 1024)), "note", "1,024", "nofile=65536"),
    (checks.check_open_files, machine(open_files=(UNLIMITED, UNLIMITED)), "ok", "no limit", ""),
    (checks.check_start_method, machine(start_method="spawn"), "note", "spawn", 'if __name__ == "__main__":'),
    (checks.check_threads, machine(torch="gone"), "note", "unknown", ""),
    (checks.check_threads, torch_with(threads=9), "warning", "9 on 8 cores", "OMP_NUM_THREADS=8"),
    (checks.check_threads, machine(limits=Limits(1.0, None)), "warning", "8 on 1 core", "OMP_NUM_THREADS=1"),
    (checks.check_gpus, machine(torch="gone"), "note", "unknown", ""),
    (checks.check_gpus, HEALTHY, "ok", "none", ""),
    (checks.check_gpus, gpus(), "ok", "NVIDIA H100 (85.9 GB), NVIDIA H100 (85.9 GB); driver 580.1", ""),
    (checks.check_gpus, replace(gpus(), driver=None), "ok", "NVIDIA H100 (85.9 GB), NVIDIA H100 (85.9 GB)", ""),
    (checks.check_gpus, machine(driver="580.1"), "warning", "driver 580.1 is loaded", "without CUDA"),
    (checks.check_gpus, machine(driver=""), "warning", "driver is loaded", "without CUDA"),
    (checks.check_gpus, replace(torch_with(cuda="13.0"), driver="470.1"), "warning", "470.1", "enough for CUDA 13.0"),
    (checks.check_pinning, HEALTHY, "ok", "not needed", ""),
    (checks.check_pinning, machine(torch="gone"), "ok", "not needed", ""),
    (checks.check_pinning, gpus(), "ok", "works", ""),
    (
        checks.check_pinning,
        machine(torch=replace(CUDA, pin_error="out of memory")),
        "warning",
        "out of memory",
        "pin_memory=True will fail",
    ),
    (checks.check_locked_memory, machine(locked_memory=None), "note", "unknown", ""),
    (checks.check_locked_memory, machine(locked_memory=UNLIMITED), "ok", "no limit", ""),
    (checks.check_locked_memory, gpus(), "note", "8.4 MB", "memlock=-1"),
    (checks.check_locked_memory, gpus(locked_memory=1 << 30), "ok", "1.1 GB", ""),
    (checks.check_dali, HEALTHY, "ok", "not installed; worth it with a GPU", ""),
    (checks.check_dali, gpus(), "note", "not installed", "pip install nvidia-dali-cuda130"),
    (checks.check_dali, replace(installed(nvidia_dali_cuda130="1.51"), torch=CUDA), "ok", "1.51 for CUDA 13", ""),
    (
        checks.check_dali,
        replace(installed(nvidia_dali_cuda120="1.51"), torch=CUDA),
        "warning",
        "1.51 for CUDA 12",
        "nvidia-dali-cuda130",
    ),
    (
        checks.check_dali,
        replace(installed(nvidia_dali_cuda120="1.50", nvidia_dali_cuda130="1.51"), torch=CUDA),
        "warning",
        "1.50 for CUDA 12, 1.51 for CUDA 13",
        "keep one of them",
    ),
    (checks.check_extras, installed(matplotlib=None), "note", "torchvision 0.28", "matplotlib (the chart"),
    (checks.check_extras, machine(versions=VERSIONS), "note", "none installed", "scikit-learn"),
    (
        checks.check_extras,
        machine(broken={"torchvision": "operator torchvision::nms does not exist"}),
        "warning",
        "torchvision can't be imported: operator torchvision::nms does not exist (matplotlib",
        "--no-deps torchvision",
    ),
]


@pytest.mark.parametrize(("check", "given", "state", "found", "advice"), CASES)
def test_a_check_says_how_it_is_and_what_to_do(
    check: Callable[[Facts], Finding], given: Facts, state: str, found: str, advice: str
) -> None:
    finding = check(given)
    assert finding.state == state
    assert found in finding.found
    assert advice in finding.advice
    assert bool(finding.advice) == bool(advice)


def test_every_bad_state_has_an_advice() -> None:
    for check, given, *_ in CASES:
        finding = check(given)
        assert finding.advice or finding.state in ("ok", "note")


def test_a_typical_batch_is_what_the_advice_says() -> None:
    exactly = TYPICAL_BATCHES * TYPICAL_BYTES
    assert exactly == 8 * 2 * 256 * 3 * 224 * 224 * 4
    assert checks.check_shared_memory(machine(shared_memory=Room(exactly, exactly))).state == "ok"
    assert checks.check_shared_memory(machine(shared_memory=Room(exactly, exactly - 1))).state == "warning"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (machine(start_method="spawn"), "All is well, with 1 note: start method."),
        (machine(start_method="spawn", scheduled=2, torch=CPU), "Penstock works here, with 1 warning: torch threads."),
        (machine(torch="gone", start_method="spawn"), "1 problem to solve first: torch."),
        (machine(torch="gone", core="gone"), "2 problems to solve first: Penstock, torch."),
    ],
)
def test_the_verdict_is_about_the_worst(given: Facts, expected: str) -> None:
    assert verdict(examine(given)) == expected


@pytest.mark.parametrize("width", [20, 60, 100, 400])
def test_lines_are_aligned_and_commands_stay_whole(width: int) -> None:
    given = replace(installed(pillow_simd=None, pillow="13.0"), shared_memory=Room(1, 1))
    lines = [click.unstyle(line) for line in report(examine(given), width)]
    rows = [line for line in lines[:-2] if not line.startswith(" ")]
    assert len(rows) == len(CHECKS)
    assert {line.split()[0] for line in rows} <= set(STATES)
    columns = {line.index(each.found.split()[0], 12) for line, each in zip(rows, examine(given), strict=True)}
    assert len(columns) == 1
    assert "--shm-size=8g," in " ".join(lines).split()
    assert any(line.strip().startswith("-> ") for line in lines)
    if width >= 100:
        assert max(map(len, lines)) <= width
    assert lines[-2:] == ["", verdict(examine(given))]


# --- gathering


def module(folder: Path, name: str, text: str) -> str:
    (folder / f"{name}.py").write_text(text)
    return name


FAKE_TORCH = """
from types import SimpleNamespace
__version__ = "2.13.0+cu130"
version = SimpleNamespace(cuda="13.0")
class cuda:
    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 2)
    get_device_properties = staticmethod(lambda n: SimpleNamespace(name=f"GPU {n}", total_memory=100 + n))
get_num_threads = lambda: 5
class empty:
    def __init__(self, size): pass
    def pin_memory(self):
"""


@pytest.mark.parametrize(
    ("ending", "error"), [("        return self", ""), ("        raise RuntimeError('no room\\nat all')", "no room")]
)
def test_what_torch_says_of_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, error: str) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    name = module(tmp_path, f"torch_{'bad' if error else 'good'}", FAKE_TORCH + ending)
    expected = TorchFacts("2.13.0+cu130", "13.0", (GPU("GPU 0", 100), GPU("GPU 1", 101)), 5, error)
    assert facts.torch_facts(name) == expected


@pytest.mark.parametrize("gather", [facts.torch_facts, facts.core_facts, facts.pillow_facts])
def test_what_is_missing_is_a_finding(gather: Callable[[str], Any]) -> None:
    assert gather("no_such_module") == "No module named 'no_such_module'"


def test_a_library_that_is_broken_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    name = module(tmp_path, "broken_torch", "raise OSError('libtorch.so: cannot open shared object file')")
    assert facts.torch_facts(name) == "libtorch.so: cannot open shared object file"
    name = module(tmp_path, "silent_torch", "raise ImportError")
    assert facts.torch_facts(name) == "ImportError"


def test_memory_is_that_of_meminfo(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:       1000 kB\nMemFree:  1 kB\nMemAvailable:    400 kB\n")
    assert facts.memory(tmp_path / "meminfo") == Memory(1_024_000, 409_600)
    (tmp_path / "meminfo").write_text("MemTotal:       1000 kB\n")
    assert facts.memory(tmp_path / "meminfo") is None
    assert facts.memory(tmp_path / "none") is None


@pytest.mark.parametrize(
    "line",
    [
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.104.05  Release Build  (builder)\n",
    ],
)
def test_the_driver_says_its_version(tmp_path: Path, line: str) -> None:
    place = tmp_path / "driver" / "nvidia" / "version"
    place.parent.mkdir(parents=True)
    place.write_text(line + "GCC version:  gcc version 12.3.0 (Ubuntu)\n")
    assert facts.nvidia_driver(tmp_path, tmp_path) == "535.104.05"


def test_a_driver_of_unknown_version_is_one(tmp_path: Path) -> None:
    assert facts.nvidia_driver(tmp_path, tmp_path) is None
    (tmp_path / "nvidiactl").touch()
    assert facts.nvidia_driver(tmp_path, tmp_path) == ""


def test_an_extra_that_raises_as_it_is_imported_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "unsuited.py").write_text('raise RuntimeError("operator unsuited::nms does not exist")')
    monkeypatch.syspath_prepend(tmp_path)
    assert facts.broken({"Unsuited": "unsuited", "json": "json"}) == {
        "Unsuited": "operator unsuited::nms does not exist"
    }


def test_this_machine_is_gathered() -> None:
    found = facts.gather()
    assert found.python == sys.version_info[:3]
    assert isinstance(found.core, CoreFacts)
    assert isinstance(found.torch, TorchFacts)
    assert isinstance(found.pillow, PillowFacts)
    assert found.versions["numpy"]
    assert 1 <= found.scheduled <= found.processors


# --- the command


def test_the_command_prints_text(look: Callable[..., Any]) -> None:
    run = look("doctor")
    findings = examine(facts.gather())
    assert run.err == ""
    assert run.code == int(any(each.state == "problem" for each in findings))
    assert run.out.splitlines()[-1] == verdict(findings)
    assert all(each.name in run.out for each in findings)


def test_the_command_prints_json(look: Callable[..., Any]) -> None:
    content = json.loads(look("doctor", "--json").out)
    assert [each["name"] for each in content["checks"]] == [each.name for each in examine(HEALTHY)]
    assert {each["state"] for each in content["checks"]} <= set(STATES)
    assert set(content) == {"verdict", "checks"}


def test_without_torch_the_command_runs_and_says_so(tmp_path: Path) -> None:
    module(tmp_path, "torch", "raise ImportError('torch is not here')")
    paths = [str(tmp_path), str(Path(penstock.__file__).parent.parent)]
    command = [sys.executable, "-m", "penstock", "doctor"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "can't be loaded: torch is not here" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("to solve first: torch.")
