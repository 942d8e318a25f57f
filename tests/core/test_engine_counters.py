"""The engine says what it has done, what it is doing, and whether a batch is finished, while it works."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.records import CROP, FLIP, Row, encode, mixed_rows, output_for, picture, submit

from penstock import _core
from penstock._core import Engine, Program
from penstock.errors import DecodeError, EngineClosedError, OptionError
from penstock.formats.image import decode_rgb
from penstock.record import Codec

PROGRAM = Program([CROP, FLIP])
RESULT_BYTES = output_for(PROGRAM, 1).nbytes
PICTURE = picture(1, 30, 30)
JPEG = Row(payload=encode(PICTURE, "JPEG"))
PNG = Row(payload=encode(PICTURE, "PNG"))
NO_IMAGE = Row(payload=b"\xff\xd8 but no more than this")
STAGES = ("read", "decode", "augment")


class Gate:
    """A fallback whose calls wait until they are let through."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.passes = threading.Semaphore(0)

    def __call__(self, data: memoryview) -> NDArray[np.uint8]:
        self.entered.release()
        if not self.passes.acquire(timeout=60):
            raise TimeoutError("nobody let the image through")
        return decode_rgb(data)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.passes.release(1000)


def stage_column(engine: Engine, name: str) -> list[Any]:
    """One counter of all stages, in their order."""
    return [engine.counters()["stages"][stage][name] for stage in STAGES]


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_samples_and_bytes_add_up(tmp_path: Path, threads: int) -> None:
    rows = mixed_rows(tmp_path)
    engine = Engine(PROGRAM, threads=threads, fallback=decode_rgb)
    assert stage_column(engine, "images") == [0, 0, 0]
    for _ in range(3):
        assert engine.wait(submit(engine, PROGRAM, rows)[0]) == []
    count = 3 * len(rows)
    assert stage_column(engine, "images") == [count] * 3
    assert stage_column(engine, "errors") == [0] * 3
    assert stage_column(engine, "bytes")[2] == count * RESULT_BYTES
    assert all(seconds > 0 for seconds in stage_column(engine, "seconds"))
    counters = engine.counters()
    assert (counters["threads"], counters["queued"]) == (threads, 0)
    assert sum(stage_column(engine, "seconds")) <= max(1, threads) * engine.counters()["seconds"]
    engine.close()


@pytest.mark.parametrize("threads", [0, 2])
def test_what_each_codec_reads_and_decodes(threads: int) -> None:
    jpeg, png = bytes(JPEG.payload or b""), bytes(PNG.payload or b"")
    dct, _ = _core.encode_dct(jpeg)
    raw = Row(payload=PICTURE.tobytes(), codec=Codec.RAW, size=(30, 30))
    expected = {
        "jpeg": (JPEG, len(jpeg), PICTURE.nbytes),
        "png": (PNG, len(png), PICTURE.nbytes),
        "raw": (raw, PICTURE.nbytes, 0),
        "dct": (Row(payload=dct, codec=Codec.DCT, size=(30, 30)), None, PICTURE.nbytes),
    }
    program = Program([("resize", (9.0, 7.0))])
    for row, read, decoded in expected.values():
        engine = Engine(program, threads=threads, fallback=decode_rgb)
        assert engine.wait(submit(engine, program, [row] * 4)[0]) == []
        counted = stage_column(engine, "bytes")
        if read is None:
            # Its head, read again where it is longer than usual, and its rows.
            assert 4 * len(dct) <= counted[0] <= 8 * len(dct)
        else:
            assert counted[0] == 4 * read
        assert counted[1:] == [4 * decoded, 4 * 3 * 9 * 7]
        engine.close()


def test_failures_count_where_they_happen(tmp_path: Path) -> None:
    def failing(data: memoryview) -> NDArray[np.uint8]:
        raise ValueError(f"no decoder for {len(data)} bytes")

    missing, wrong_size = Row(tmp_path / "missing"), Row(payload=b"123", codec=Codec.RAW, size=(2, 2))
    engine = Engine(PROGRAM, threads=2, fallback=failing)
    failed = engine.wait(submit(engine, PROGRAM, [missing, JPEG, NO_IMAGE, PNG, JPEG, wrong_size, missing])[0])
    assert [row for row, _ in failed or []] == [0, 2, 3, 5, 6]
    assert stage_column(engine, "errors") == [2, 3, 0]
    assert stage_column(engine, "images") == [5, 2, 2]
    engine.close()


def test_queued_under_way_and_ready(gate: Gate) -> None:
    engine = Engine(PROGRAM, threads=2, fallback=gate)
    assert engine.under_way() == []
    keys: dict[str, Any] = {"indices": np.array([70, 71, 72]), "draws": np.zeros(3, np.int64)}
    first, _ = submit(engine, PROGRAM, [PNG] * 3, **keys)
    second, _ = submit(engine, PROGRAM, [JPEG] * 5)
    assert all(gate.entered.acquire(timeout=60) for _ in range(2))
    assert engine.counters()["queued"] == 6
    samples = engine.under_way()
    assert sorted(sample[:4] for sample in samples) == [(first, 0, 70, "decode"), (first, 1, 71, "decode")]
    assert [engine.ready(first), engine.ready(second)] == [False, False]
    later = engine.under_way()
    assert all(now[4] > before[4] > 0 for before, now in zip(samples, later, strict=True))
    gate.passes.release(2)
    assert gate.entered.acquire(timeout=60)
    assert eventually(lambda: engine.ready(second))
    ((ticket, row, index, stage, _),) = engine.under_way()  # any of the three: who wakes first is open
    assert (ticket, index - row, stage) == (first, 70, "decode")
    assert not engine.ready(first)
    gate.passes.release()
    assert eventually(lambda: engine.ready(first))
    assert engine.wait(first) == []
    assert engine.wait(second) == []
    assert engine.under_way() == []
    assert engine.counters()["queued"] == 0
    engine.close()


def test_the_longest_sample_comes_first(gate: Gate) -> None:
    engine = Engine(PROGRAM, threads=3, fallback=gate)
    tickets = []
    for _ in range(3):
        tickets.append(submit(engine, PROGRAM, [PNG])[0])
        assert gate.entered.acquire(timeout=60)
    assert [sample[0] for sample in engine.under_way()] == tickets
    gate.passes.release(3)
    engine.close()


def test_time_goes_where_it_is_spent(gate: Gate) -> None:
    engine = Engine(PROGRAM, threads=2, fallback=gate)
    assert eventually(lambda: engine.counters()["idle_seconds"] > 0.05)  # also while a thread still waits
    ticket, _ = submit(engine, PROGRAM, [PNG])
    assert gate.entered.acquire(timeout=60)
    assert eventually(lambda: stage_column(engine, "seconds")[1] > 0.05)  # also while it is still decoding
    idle = engine.counters()["idle_seconds"]
    assert eventually(lambda: engine.counters()["idle_seconds"] > idle + 0.05)  # the other thread
    assert stage_column(engine, "images") == [0, 0, 0]
    gate.passes.release()
    assert engine.wait(ticket) == []
    engine.close()


def test_counters_never_run_backwards_while_threads_write_them() -> None:
    engine = Engine(PROGRAM, threads=3, fallback=decode_rgb)
    tickets = [submit(engine, PROGRAM, [JPEG, NO_IMAGE] * 40)[0] for _ in range(20)]
    names = ("seconds", "images", "bytes", "errors")
    before = [stage_column(engine, name) for name in names]
    while not engine.ready(tickets[-1]):
        now = [stage_column(engine, name) for name in names]
        assert all(a <= b for old, new in zip(before, now, strict=True) for a, b in zip(old, new, strict=True))
        before = now
    for ticket in tickets:
        failed = engine.wait(ticket) or []
        assert [row for row, _ in failed] == list(range(1, 80, 2))
        assert {type(error) for _, error in failed} == {DecodeError}
    assert stage_column(engine, "errors") == [0, 800, 0]
    assert stage_column(engine, "images") == [1600, 800, 800]
    engine.close()


@pytest.mark.parametrize("threads", [0, 2])
def test_a_closed_engine_keeps_its_counters(threads: int) -> None:
    engine = Engine(PROGRAM, threads=threads, fallback=decode_rgb)
    ticket, _ = submit(engine, PROGRAM, [JPEG] * 6)
    assert engine.wait(ticket) == []
    engine.close()
    counters = engine.counters()
    assert stage_column(engine, "images") == [6] * 3
    assert engine.under_way() == []
    time.sleep(0.02)
    assert engine.counters() == counters
    with pytest.raises(EngineClosedError, match="the engine is closed; make a new one"):
        engine.ready(ticket)


@pytest.mark.parametrize("threads", [0, 2])
def test_ready_knows_only_tickets_that_were_not_waited_for(threads: int) -> None:
    engine = Engine(PROGRAM, threads=threads, fallback=decode_rgb)
    ticket, _ = submit(engine, PROGRAM, [])
    assert engine.ready(ticket)
    assert engine.wait(ticket) == []
    with pytest.raises(OptionError, match=f"ticket: expected one from submit.. .* got {ticket}"):
        engine.ready(ticket)
    engine.close()


def test_without_threads_nobody_is_idle() -> None:
    engine = Engine(PROGRAM, threads=0, fallback=decode_rgb)
    time.sleep(0.01)
    assert engine.counters()["idle_seconds"] == 0
    engines: list[Engine] = []  # emptied below: nobody collects an engine that its fallback reaches
    seen: list[Any] = []

    def look(data: memoryview) -> NDArray[np.uint8]:
        seen.append((engines[0].under_way(), engines[0].counters()["queued"]))
        return decode_rgb(data)

    engines.append(Engine(PROGRAM, threads=0, fallback=look))
    ticket, _ = submit(engines[0], PROGRAM, [PNG, JPEG], indices=np.array([8, 9]))
    ((sample,), queued) = seen[0]
    assert (*sample[:4], queued) == (ticket, 0, 8, "decode", 1)
    assert engines.pop().wait(ticket) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_is_told_that_the_engine_is_not_its_own() -> None:
    engine = Engine(PROGRAM, threads=2, fallback=decode_rgb)
    ticket, _ = submit(engine, PROGRAM, [JPEG] * 200)
    child = os.fork()
    if child == 0:
        refused = 0
        for call in (engine.counters, engine.under_way, lambda: engine.ready(ticket)):
            try:
                call()
            except EngineClosedError as error:
                refused += "forked from it; make a new engine here" in str(error)
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    assert engine.wait(ticket) == []
    engine.close()
