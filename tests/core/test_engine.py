"""The engine gives what decoding a row and applying the program to it give, in whatever way the row is stored."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.records import (
    CROP,
    FLIP,
    TO_FLOAT,
    Row,
    encode,
    expected_results,
    make_records,
    mixed_rows,
    output_for,
    picture,
    submit,
)

from penstock._core import Engine, Program, set_simd_level, simd_levels
from penstock.errors import OptionError
from penstock.formats.image import decode_rgb

PROGRAM = Program([CROP, FLIP])


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    return mixed_rows(tmp_path_factory.mktemp("rows"))


@pytest.mark.parametrize("threads", [0, 1, 2, 5])
@pytest.mark.parametrize(
    "ops", [[CROP, FLIP], [CROP, FLIP, TO_FLOAT], [("resize", (9.0, 7.0)), ("to_dtype", (2.0, 1.0))]]
)
def test_equals_decode_then_apply(rows: list[Row], threads: int, ops: Any) -> None:
    program = Program(ops)
    engine = Engine(program, threads=threads, fallback=decode_rgb)
    ticket, out = submit(engine, program, rows)
    assert engine.wait(ticket) == []
    np.testing.assert_array_equal(out, expected_results(program, rows))
    engine.close()


@pytest.mark.parametrize("level", simd_levels())
@pytest.mark.parametrize(
    "ops",
    [
        [CROP, FLIP],
        [CROP, FLIP, TO_FLOAT],
        [("resize", (9.0, 7.0)), ("to_dtype", (2.0, 1.0))],
        [("resize", (40.0, 53.0))],
    ],
)
def test_channels_last_are_the_same_numbers(rows: list[Row], level: str, ops: Any) -> None:
    program = Program(ops)
    contiguous = output_for(program, len(rows))
    out = np.empty_like(contiguous.transpose(0, 2, 3, 1), order="C")
    set_simd_level(level)
    try:
        for channels_last, result in ((False, contiguous), (True, out)):
            engine = Engine(program, threads=1, fallback=decode_rgb, channels_last=channels_last)
            assert engine.wait(submit(engine, program, rows, out=result)[0]) == []
            engine.close()
    finally:
        set_simd_level(simd_levels()[-1])
    np.testing.assert_array_equal(out.transpose(0, 3, 1, 2), contiguous)


def test_channels_last_needs_a_buffer_of_that_shape(rows: list[Row]) -> None:
    engine = Engine(PROGRAM, threads=1, fallback=decode_rgb, channels_last=True)
    with pytest.raises(OptionError, match=r"out: expected .* of shape \(1, 24, 32, 3\), got .*\(1, 3, 24, 32\)"):
        submit(engine, PROGRAM, rows[:1])
    engine.close()


def test_rows_and_keys_belong_together(rows: list[Row]) -> None:
    engine = Engine(PROGRAM, threads=2, fallback=decode_rgb)
    chosen = [rows[0]] * 6
    keys: dict[str, Any] = {"seed": 2**64 - 1, "epoch": 7, "draws": np.array([0, 1, 2, 0, 2**40, 5])}
    keys["indices"] = np.array([5, 5, 5, 2**40, 5, 0])
    ticket, out = submit(engine, PROGRAM, chosen, **keys)
    assert engine.wait(ticket) == []
    np.testing.assert_array_equal(out, expected_results(PROGRAM, chosen, **keys))
    assert len({image.tobytes() for image in out}) == 6
    engine.close()


def test_an_empty_batch_is_finished_at_once() -> None:
    for threads in (0, 2):
        engine = Engine(PROGRAM, threads=threads, fallback=decode_rgb)
        ticket, out = submit(engine, PROGRAM, [])
        assert engine.wait(ticket) == []
        assert out.shape == (0, 3, 24, 32)


@settings(max_examples=15)
@given(
    threads=st.integers(0, 4),
    batches=st.lists(st.lists(st.integers(0, 47), max_size=5), min_size=1, max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_many_batches_waited_for_in_any_order(
    rows: list[Row], threads: int, batches: list[list[int]], order: Any
) -> None:
    engine = Engine(PROGRAM, threads=threads, fallback=decode_rgb)
    under_way = [(chosen, *submit(engine, PROGRAM, [rows[row] for row in chosen])) for chosen in batches]
    assert len({ticket for _, ticket, _ in under_way}) == len(batches)
    order.shuffle(under_way)
    for chosen, ticket, out in under_way:
        assert engine.wait(ticket) == []
        if chosen:
            np.testing.assert_array_equal(out, expected_results(PROGRAM, [rows[row] for row in chosen]))
    engine.close()


def test_stress_from_several_python_threads(rows: list[Row]) -> None:
    engine = Engine(PROGRAM, threads=3, fallback=decode_rgb)
    expected = expected_results(PROGRAM, rows[:8])
    wrong: list[Any] = []

    def drive() -> None:
        for _ in range(15):
            under_way = [submit(engine, PROGRAM, rows[:8]) for _ in range(4)]
            for ticket, out in reversed(under_way):
                if engine.wait(ticket) != [] or not np.array_equal(out, expected):
                    wrong.append(out)

    drivers = [threading.Thread(target=drive) for _ in range(4)]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    assert wrong == []
    engine.close()


def test_a_slow_image_holds_up_no_other_batch() -> None:
    blocked = threading.Event()

    def slow(data: memoryview) -> NDArray[np.uint8]:
        if not blocked.wait(60):
            raise TimeoutError("nobody let the slow image go")
        return decode_rgb(data)

    image = picture(1, 30, 30)
    fast = [Row(payload=encode(image, "JPEG"))] * 4
    engine = Engine(PROGRAM, threads=2, fallback=slow)
    first, first_out = submit(engine, PROGRAM, [Row(payload=encode(image, "PNG")), *fast])
    second, second_out = submit(engine, PROGRAM, fast)
    assert engine.wait(second) == []
    assert engine.wait(first, timeout_seconds=0.01) is None
    blocked.set()
    assert engine.wait(first) == []
    np.testing.assert_array_equal(second_out, expected_results(PROGRAM, fast))
    np.testing.assert_array_equal(first_out[1:], expected_results(PROGRAM, [fast[0], *fast])[1:])
    engine.close()


@pytest.mark.parametrize("threads", [0, 2])
def test_the_fallback_gets_a_view_that_outlives_the_call(threads: int) -> None:
    seen: list[memoryview] = []

    def keep(data: memoryview) -> NDArray[np.uint8]:
        seen.append(data)
        return decode_rgb(data)

    rows = [Row(payload=encode(picture(n, 20, 20), "PNG")) for n in range(8)]
    engine = Engine(PROGRAM, threads=threads, fallback=keep)
    ticket, _ = submit(engine, PROGRAM, rows)
    assert engine.wait(ticket) == []
    assert sorted(bytes(view) for view in seen) == sorted(bytes(row.payload or b"") for row in rows)
    assert all(view.readonly for view in seen)


def test_buffers_are_held_while_under_way_and_free_afterwards() -> None:
    engine = Engine(PROGRAM, threads=1, fallback=decode_rgb)
    payload = bytearray(encode(picture(0, 500, 500), "PNG"))
    out = bytearray(3 * 24 * 32 * 20)
    view = memoryview(out).cast("B", (20, 3, 24, 32))
    keys: dict[str, Any] = {"seed": 0, "epoch": 0, "indices": np.arange(20), "draws": np.zeros(20, np.int64)}
    ticket = engine.submit(make_records([Row(payload=payload)] * 20), view, **keys)
    del view
    with pytest.raises(BufferError):
        payload.clear()
    with pytest.raises(BufferError):
        out.clear()
    assert engine.wait(ticket) == []
    payload.clear()
    out.clear()
    engine.close()


def test_writes_a_part_of_a_larger_buffer(rows: list[Row]) -> None:
    engine = Engine(PROGRAM, threads=2, fallback=decode_rgb)
    large = output_for(PROGRAM, 10)
    keys: dict[str, Any] = {"seed": 3, "epoch": 1, "indices": np.arange(4) + 100, "draws": np.arange(4) % 2}
    ticket = engine.submit(make_records(rows[:4]), large[3:7], **keys)
    assert engine.wait(ticket) == []
    np.testing.assert_array_equal(large[3:7], expected_results(PROGRAM, rows[:4]))
    assert (large[:3] == 77).all()
    assert (large[7:] == 77).all()


@pytest.mark.parametrize("threads", [0, 2])
def test_photographs_equal_decode_then_apply(photographs: list[Path], threads: int) -> None:
    program = Program([("random_resized_crop", (224.0, 224.0, 0.08, 1.0, 0.75, 4 / 3)), FLIP])
    rows = [Row(path) for path in photographs[::7]]
    engine = Engine(program, threads=threads, fallback=decode_rgb)
    ticket, out = submit(engine, program, rows)
    assert engine.wait(ticket) == []
    np.testing.assert_array_equal(out, expected_results(program, rows))
    engine.close()
