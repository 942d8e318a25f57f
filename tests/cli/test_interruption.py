"""`pack-dataset` when it, or one of its workers, is killed or interrupted, or hits a limit on file sizes."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.children import start_python
from support.images import image_folder
from support.packs import files_of

from penstock.formats import open_dataset
from penstock.formats.pack.shard import read_footer

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for left-over processes in /proc")

OPTIONS = ("--shard-size", "240kB", "--resize", "40", "--workers", "2")
SHARDS = 15
COMMAND = "from penstock.cli.pack_dataset import main; main(prog_name='pack-dataset')"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images that are small in bytes and slow to shrink: about a second of packing."""
    return image_folder(tmp_path_factory.mktemp("source") / "in", {"a": 30, "b": 30}, width=500, height=400)


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole") / "out"
    assert finish(start(source, out)).startswith(f"{out}: packed 60 images")
    assert len(list(out.glob("*.pack"))) == SHARDS
    return files_of(out)


def start(*arguments: object, limit: int | None = None) -> subprocess.Popen[str]:
    """The command in a session of its own, as a terminal would run it; `limit` is the largest file it may write."""
    shell = ["bash", "-c", f'ulimit -f {limit} && exec "$@"', "bash"] if limit else []
    return start_python("-c", COMMAND, *arguments, *OPTIONS, shell=shell)


def finish(run: subprocess.Popen[str]) -> str:
    """What a run that ends well has printed."""
    printed, errors = run.communicate()
    assert (run.returncode, errors) == (0, "")
    return printed


def wait_for_shards(run: subprocess.Popen[str], out: Path, count: int) -> None:
    while run.poll() is None and len(list(out.glob("shard-*.pack"))) < count:
        time.sleep(0.002)


def alive(session: int) -> list[str]:
    """Command lines of the processes of a session that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            command = (folder / "cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(command)
    return found


def disturbed(attempt: Callable[[Path], subprocess.Popen[str]], folder: Path) -> tuple[int, Path, tuple[int, str, str]]:
    """Attempts to disturb a run until one has not ended before: packing takes a second, and a test may be slower.

    Args:
        attempt: starts a run into a folder, and disturbs it.
        folder: where they go.

    Returns:
        (the run's session, where it went, (exit code, what it printed, errors))
    """
    for number in range(8):
        out = folder / f"out-{number}"
        run = attempt(out)
        printed, errors = run.communicate(timeout=60)
        if run.returncode != 0:
            return run.pid, out, (run.returncode, printed, errors.strip())
    raise AssertionError("eight runs ended before they were disturbed")


def interrupt(run: subprocess.Popen[str]) -> subprocess.Popen[str]:
    with contextlib.suppress(ProcessLookupError):  # it has ended
        os.killpg(run.pid, signal.SIGINT)
    return run


def wait_for_silence(session: int) -> None:
    deadline = time.monotonic() + 60
    while alive(session) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert alive(session) == []


def test_killed_at_any_moment_a_second_run_goes_on(source: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    out, chance = tmp_path / "out", random.Random(7)
    finished: dict[str, int] = {}
    for count in (0, 1, 5, 9, SHARDS):
        run = start(source, out)
        wait_for_shards(run, out, count)
        time.sleep(chance.uniform(0, 0.05))
        run.kill()
        run.communicate()
        wait_for_silence(run.pid)
        for number in range(SHARDS):
            if (out / f"shard-{number:05d}.pack").exists():
                read_footer(out, number)
        found = {path.name: path.stat().st_ino for path in out.glob("shard-*.pack")}
        assert found.items() >= finished.items()
        finished = found
    assert len(finished) >= 9
    run = start(source, out)
    assert "60 images" in finish(run)
    assert {name: (out / name).stat().st_ino for name in finished} == finished
    assert files_of(out) == whole


@pytest.mark.parametrize("moment", ["while starting", "while packing"])
def test_an_interrupt_stops_everything_at_once(
    source: Path, whole: dict[str, bytes], tmp_path: Path, moment: str
) -> None:
    def attempt(out: Path) -> subprocess.Popen[str]:
        run = start(source, out)
        if moment == "while packing":
            wait_for_shards(run, out, 2)
        else:
            while run.poll() is None and not (out / "plan.json").exists():
                time.sleep(0.002)
        return interrupt(run)

    session, out, ended = disturbed(attempt, tmp_path)
    assert ended == (130, "", "Interrupted.")
    wait_for_silence(session)
    left = {path.name for path in out.iterdir()} if out.exists() else set()
    if "pack.json" in left:  # it was interrupted when all was written
        assert left >= whole.keys()
    else:
        assert left <= {f"shard-{number:05d}.pack" for number in range(SHARDS)} | {"plan.json"}
    finish(start(source, out))
    assert files_of(out) == whole


def test_a_killed_worker_is_one_clear_error(source: Path, tmp_path: Path) -> None:
    killed = 0

    def attempt(out: Path) -> subprocess.Popen[str]:
        nonlocal killed
        run = start(source, out)
        wait_for_shards(run, out, 1)
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, StopIteration):  # it has ended
            children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
            killed = next(int(pid) for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text())
            os.kill(killed, signal.SIGKILL)
        return run

    session, out, (code, printed, errors) = disturbed(attempt, tmp_path)
    assert (code, printed) == (1, "")
    assert errors.startswith(f"Error: worker process {killed} was killed by signal 9 at shard-")
    assert "run the same command again to go on" in errors
    assert errors.count("\n") == 0
    wait_for_silence(session)
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_a_limit_on_file_sizes_is_one_clear_error(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = start(source, out, limit=3)  # units of 1024 bytes
    printed, errors = run.communicate(timeout=60)
    assert (run.returncode, printed) == (1, "")
    assert errors.startswith("Error: ")
    assert "can't be written: File too large" in errors
    assert errors.count("\n") == 1
    assert not out.exists()


def test_an_interrupted_lmdb_leaves_nothing(source: Path, tmp_path: Path) -> None:
    def started(out: Path) -> subprocess.Popen[str]:
        run = start(source, out, "--to", "lmdb")
        while run.poll() is None and not list(out.glob(".penstock-*")):
            time.sleep(0.002)
        return run

    def interrupted(out: Path) -> subprocess.Popen[str]:
        run = started(out)
        time.sleep(0.3)
        return interrupt(run)

    def killed(out: Path) -> subprocess.Popen[str]:
        run = started(out)
        run.kill()
        return run

    _, out, (code, _, errors) = disturbed(interrupted, tmp_path / "interrupted")
    assert (code, errors) == (130, "Interrupted.")
    assert not out.exists()
    session, out, _ = disturbed(killed, tmp_path / "killed")
    wait_for_silence(session)
    finish(start(source, out, "--to", "lmdb"))
    assert len(open_dataset(out)) == 60
    assert {path.name for path in out.iterdir()} <= {"data.mdb", "lock.mdb"}
