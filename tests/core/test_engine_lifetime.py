"""Engines leave nothing behind: after close, when dropped, interrupted, forked, or alive as the interpreter ends."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.children import start_python
from support.records import Row, encode, expected_results, picture, submit
from support.waiting import a_signal_comes, wait_until

from penstock._core import Engine, Program
from penstock.errors import EngineClosedError
from penstock.formats.image import decode_rgb

PROGRAM = Program([("resize", (16.0, 16.0))])
SMALL_JPEG = Row(payload=encode(picture(0, 20, 20), "JPEG"))
PNG = Row(payload=encode(picture(0, 20, 20), "PNG"))

linux_only = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")

# What every script of a subprocess starts with. `endless` would take minutes.
PREAMBLE = """
import os, signal, sys, threading, time
from support.records import Row, encode, picture, submit
from penstock._core import Engine, Program
from penstock.errors import EngineClosedError
from penstock.formats.image import decode_rgb
program = Program([("resize", (16.0, 16.0))])
endless = [Row(payload=encode(picture(0, 1500, 1500), "JPEG"))] * 20_000
pngs = [Row(payload=encode(picture(0, 300, 300), "PNG"))] * 20_000
def say(text):
    print(text, flush=True)
"""


def start(script: str) -> subprocess.Popen[str]:
    return start_python("-X", "faulthandler", "-c", PREAMBLE + script)


def run(script: str) -> str:
    """What the script prints; it must end well."""
    process = start(script)
    out, errors = process.communicate(timeout=60)
    assert errors == ""
    assert process.returncode == 0
    return out


class Gate:
    """A fallback that waits until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.entered = threading.Event()

    def __call__(self, data: memoryview) -> NDArray[np.uint8]:
        self.entered.set()
        if not self.opened.wait(60):
            raise TimeoutError("nobody opened the gate")
        return decode_rgb(data)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


def threads() -> set[str]:
    return set(os.listdir("/proc/self/task"))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@linux_only
@pytest.mark.parametrize("leave", ["close", "drop", "fail"])
def test_threads_and_descriptors_go_back_to_what_they_were(tmp_path: Path, leave: str) -> None:
    (tmp_path / "shard").write_bytes(bytes(SMALL_JPEG.payload or b""))
    gc.collect()
    before = threads(), descriptors()
    for _ in range(5):
        engine = Engine(PROGRAM, threads=4, fallback=decode_rgb)
        missing = Row(tmp_path / "missing")
        rows = [Row(tmp_path / "shard", length=(tmp_path / "shard").stat().st_size), PNG, SMALL_JPEG, missing]
        ticket, _ = submit(engine, PROGRAM, rows * 10)
        assert len(threads() - before[0]) == 4
        if leave != "drop":
            assert len(engine.wait(ticket) or []) == 10
            assert descriptors() == before[1] + 1
        if leave == "close":
            engine.close()
        del engine
        # Linux lists a thread for a moment after it was joined.
        wait_until(lambda: threads() <= before[0])
    assert descriptors() == before[1]


def test_close_drops_queued_batches_and_frees_their_buffers(gate: Gate) -> None:
    engine = Engine(PROGRAM, threads=1, fallback=gate)
    payload = bytearray(PNG.payload or b"")
    running, _ = submit(engine, PROGRAM, [Row(payload=payload)])
    queued = [submit(engine, PROGRAM, [Row(payload=payload)] * 100)[1] for _ in range(10)]
    assert gate.entered.wait(60)
    closer = threading.Thread(target=engine.close)
    closer.start()
    with pytest.raises(EngineClosedError):
        engine.wait(running)  # it ends when the closing begins
    with pytest.raises(BufferError):
        payload.clear()
    gate.opened.set()
    closer.join()
    payload.clear()
    assert all((out == 77).all() for out in queued)


def test_close_wakes_who_waits(gate: Gate) -> None:
    engine = Engine(PROGRAM, threads=1, fallback=gate)
    ticket, _ = submit(engine, PROGRAM, [PNG])
    raised: list[BaseException] = []

    def wait() -> None:
        try:
            engine.wait(ticket)
        except EngineClosedError as error:
            raised.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert gate.entered.wait(60)
    closer = threading.Thread(target=engine.close)
    closer.start()
    waiter.join(60)
    assert [str(error) for error in raised] == ["the engine is closed; make a new one"]
    gate.opened.set()
    closer.join()


def test_several_threads_may_close_at_once() -> None:
    engine = Engine(PROGRAM, threads=3, fallback=decode_rgb)
    submit(engine, PROGRAM, [PNG, SMALL_JPEG] * 300)
    closers = [threading.Thread(target=engine.close) for _ in range(5)]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join(60)
    assert not any(closer.is_alive() for closer in closers)


def test_a_signal_ends_the_wait_and_leaves_the_batch_under_way(gate: Gate) -> None:
    def interrupt(number: int, frame: object) -> None:
        raise InterruptedError(f"signal {number}, {type(frame).__name__}")

    engine = Engine(PROGRAM, threads=1, fallback=gate)
    ticket, out = submit(engine, PROGRAM, [PNG])
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(InterruptedError), a_signal_comes(signal.SIGUSR1):
            engine.wait(ticket)
    finally:
        signal.signal(signal.SIGUSR1, before)
    gate.opened.set()
    assert engine.wait(ticket) == []
    np.testing.assert_array_equal(out, expected_results(PROGRAM, [PNG]))


def test_wait_gives_up_after_its_timeout(gate: Gate) -> None:
    engine = Engine(PROGRAM, threads=1, fallback=gate)
    ticket, _ = submit(engine, PROGRAM, [PNG])
    start_time = time.monotonic()
    assert engine.wait(ticket, timeout_seconds=0.25) is None
    assert time.monotonic() - start_time >= 0.25
    gate.opened.set()
    assert engine.wait(ticket, timeout_seconds=60) == []


@linux_only
def test_signals_go_to_pythons_threads() -> None:
    def blocks(thread: str, number: signal.Signals) -> bool:
        mask = Path(f"/proc/self/task/{thread}/status").read_text().split("SigBlk:")[1].split()[0]
        return bool(int(mask, 16) >> number - 1 & 1)

    before = threads()
    engine = Engine(PROGRAM, threads=2, fallback=decode_rgb)
    for thread in threads() - before:
        # A thread that starts blocks everything for a moment; faulthandler wants this one to come through.
        wait_until(lambda thread=thread: not blocks(thread, signal.SIGSEGV))  # type: ignore[misc]
        assert all(blocks(thread, number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
    engine.close()


@pytest.mark.parametrize("threads", [0, 2])
def test_control_c_ends_a_run_at_once(threads: int) -> None:
    process = start(f"""
engine = Engine(program, threads={threads}, fallback=decode_rgb)
say("ready")
ticket, _ = submit(engine, program, endless)
engine.wait(ticket)
""")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)  # the batch takes minutes
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT


def test_an_interrupted_inline_batch_is_dropped() -> None:
    assert (
        run("""
def interrupt(number, frame):
    raise InterruptedError
signal.signal(signal.SIGALRM, interrupt)
engine = Engine(program, threads=0, fallback=decode_rgb)
payload = bytearray(endless[0].payload)
try:
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    submit(engine, program, [Row(payload=payload)] * 20_000)
except InterruptedError:
    payload.clear()
    say("dropped")
ticket, _ = submit(engine, program, endless[:2])
say(engine.wait(ticket))
""")
        == "dropped\n[]\n"
    )


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_fallback_is_no_bad_row_without_threads(interruption: type[BaseException]) -> None:
    calls: list[int] = []

    def interrupted(data: memoryview) -> NDArray[np.uint8]:
        calls.append(len(data))
        if len(calls) == 3:
            raise interruption
        return decode_rgb(data)

    engine = Engine(PROGRAM, threads=0, fallback=interrupted)
    payload = bytearray(PNG.payload or b"")
    with pytest.raises(interruption):
        submit(engine, PROGRAM, [Row(payload=payload)] * 100)
    assert len(calls) == 3
    payload.clear()
    ticket, _ = submit(engine, PROGRAM, [PNG])
    assert engine.wait(ticket) == []


WAIT_IN_A_DAEMON = """
def wait():
    try:
        engine.wait(ticket)
    except EngineClosedError:
        pass
threading.Thread(target=wait, daemon=True).start()
"""


@pytest.mark.parametrize("rows", ["endless", "pngs"])
@pytest.mark.parametrize("ending", ["", "sys.exit(0)", WAIT_IN_A_DAEMON])
def test_the_interpreter_ends_with_a_busy_engine(rows: str, ending: str) -> None:
    assert (
        run(f"""
engine = Engine(program, threads=3, fallback=decode_rgb)
ticket, _ = submit(engine, program, {rows})
say("submitted")
{ending}
""")
        == "submitted\n"
    )


def test_an_engine_in_a_reference_cycle_at_exit() -> None:
    assert (
        run("""
class Loader:
    def __init__(self):
        self.engine = Engine(program, threads=2, fallback=self.decode)
        self.ticket, self.out = submit(self.engine, program, pngs)
    def decode(self, data):
        return decode_rgb(data)
loader = Loader()
say("submitted")
""")
        == "submitted\n"
    )


def test_the_last_reference_may_be_dropped_by_the_engines_own_thread() -> None:
    assert (
        run("""
engines, done = [], threading.Event()
def drop(data):
    image = decode_rgb(data)
    engines.clear()
    done.set()
    return image
for threads in (1, 3):
    done.clear()
    engine = Engine(program, threads=threads, fallback=drop)
    engines.append(engine)
    ticket, out = submit(engine, program, pngs[:50])
    del engine
    say(done.wait(30))
""")
        == "True\nTrue\n"
    )


def test_a_forked_child_has_no_engine() -> None:
    assert (
        run("""
engine = Engine(program, threads=2, fallback=decode_rgb)
ticket, out = submit(engine, program, endless[:40] + pngs[:40])
child = os.fork()
if child == 0:
    for call in (lambda: engine.wait(ticket), lambda: submit(engine, program, endless[:1])):
        try:
            call()
        except EngineClosedError as error:
            parent = os.getppid()
            say(str(error) == f"the engine belongs to process {parent}, and this is process {os.getpid()}, "
                "forked from it; make a new engine here")
    engine.close()
    del engine
    own = Engine(program, threads=2, fallback=decode_rgb)
    say(own.wait(submit(own, program, endless[:2] + pngs[:2])[0]))
    sys.exit(7)
_, status = os.waitpid(child, 0)
say(os.waitstatus_to_exitcode(status))
say(engine.wait(ticket))
""")
        == "True\nTrue\n[]\n7\n[]\n"
    )


@linux_only
def test_threads_that_can_not_be_had_are_an_option_error() -> None:
    assert (
        run("""
import resource
from penstock.errors import OptionError
used = 4096 * int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (used + 400_000_000, -1))
before = len(os.listdir("/proc/self/task"))
try:
    Engine(program, threads=1000, fallback=decode_rgb)
except OptionError as error:
    say(str(error).startswith("threads: can't start 1000 threads, only "))
    say(str(error).endswith("); ask for fewer, or raise the limit of the process"))
deadline = time.monotonic() + 30
while len(os.listdir("/proc/self/task")) > before and time.monotonic() < deadline:
    time.sleep(0.01)  # Linux lists a thread for a moment after it was joined
say(len(os.listdir("/proc/self/task")) - before)
""")
        == "True\nTrue\n0\n"
    )
