"""What an engine says of bad rows, and of arguments that it refuses."""

from __future__ import annotations

import dataclasses
import re
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.records import (
    CROP,
    FLIP,
    TO_FLOAT,
    Row,
    encode,
    expected_results,
    make_records,
    output_for,
    picture,
    submit,
)

from penstock._core import Engine, Program, crc32c
from penstock.errors import (
    ChecksumError,
    DecodeError,
    EngineClosedError,
    MissingFileError,
    OptionError,
    RecordError,
    SpecError,
    TruncatedError,
)
from penstock.formats.image import decode_rgb
from penstock.record import Codec

PROGRAM = Program([CROP, FLIP])
JPEG = encode(picture(0, 50, 60), "JPEG")
NO_BYTES = "expected an image, but the file has no bytes; replace or remove it"
PIXELS = picture(1, 5, 7).tobytes()


def bad_rows(folder: Path) -> list[tuple[Row, type[Exception], str]]:
    (folder / "short.jpg").write_bytes(JPEG[:-200])
    (folder / "shard").write_bytes(JPEG)
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("this is no picture")
    return [
        (Row(folder / "missing.jpg"), MissingFileError, "the file is not there; restore it, or leave it out"),
        (
            Row(folder / "empty.jpg"),
            TruncatedError,
            "expected an image, but the file has no bytes; replace or remove it",
        ),
        (Row(payload=b""), TruncatedError, NO_BYTES),
        (Row(folder / "text.jpg"), DecodeError, "expected an image that Pillow reads, but the bytes are of no known"),
        (Row(folder / "short.jpg"), TruncatedError, ""),
        (Row(payload=JPEG, checksum=1), ChecksumError, f"expected CRC-32C 00000001, got {crc32c(JPEG):08x}"),
        (
            Row(folder / "shard", offset=9, length=len(JPEG)),
            TruncatedError,
            f"got {len(JPEG) - 9}: the file is",
        ),
        (Row(folder), RecordError, "the file can't be read: Is a directory"),
        (
            Row(payload=PIXELS[1:], codec=Codec.RAW, size=(5, 7)),
            TruncatedError,
            "expected 105 bytes for raw pixels of 7x5 px, got 104; restore the file, or write the dataset again",
        ),
        (Row(payload=PIXELS + b"1", codec=Codec.RAW, size=(5, 7)), DecodeError, "expected 105 bytes for raw pixels"),
        (Row(payload=PIXELS, codec=Codec.RAW), DecodeError, "expected raw pixels of at least 1x1 px, got 0x0 px"),
    ]


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_a_bad_row_disturbs_no_other(tmp_path: Path, threads: int) -> None:
    bad = bad_rows(tmp_path)
    good = Row(payload=JPEG)
    rows = [row for bad_row, _, _ in bad for row in (good, bad_row)]
    engine = Engine(PROGRAM, threads=threads, fallback=decode_rgb)
    for _ in range(3):
        ticket, out = submit(engine, PROGRAM, rows)
        failures = engine.wait(ticket)
        assert failures is not None
        assert [row for row, _ in failures] == list(range(1, len(rows), 2))
        for (_, error), (_, kind, message) in zip(failures, bad, strict=True):
            assert type(error) is kind
            assert isinstance(error, RecordError)
            assert message in error.reason
            assert error.source == ""
        assert (out[1::2] == 0).all()
        np.testing.assert_array_equal(out[::2], expected_results(PROGRAM, [good] * len(rows))[::2])
    engine.close()


@pytest.mark.parametrize("threads", [0, 2])
def test_exceptions_of_the_fallback_are_passed_on(threads: int) -> None:
    raised = [KeyError("first"), RecordError("second"), ZeroDivisionError()]

    def fail(data: memoryview) -> NDArray[np.uint8]:
        raise raised[bytes(data)[0]]

    engine = Engine(PROGRAM, threads=threads, fallback=fail)
    ticket, out = submit(engine, PROGRAM, [Row(payload=bytes([n])) for n in range(3)])
    failures = engine.wait(ticket)
    assert failures is not None
    assert [error for _, error in failures] == raised
    assert all(error is given for (_, error), given in zip(failures, raised, strict=True))
    assert all(traceback.extract_tb(error.__traceback__)[-1].name == "fail" for error in raised)
    assert (out == 0).all()


@pytest.mark.parametrize(
    ("result", "got"),
    [
        (None, "NoneType"),
        (np.zeros((4, 5, 4), np.uint8), "uint8 of shape (4, 5, 4)"),
        (np.zeros((4, 5), np.uint8), "uint8 of shape (4, 5)"),
        (np.zeros((4, 5, 3)), "float64 of shape (4, 5, 3)"),
        (np.zeros((4, 10, 3), np.uint8)[:, ::2], "uint8 of shape (4, 5, 3)"),
        (np.zeros((0, 5, 3), np.uint8), "uint8 of shape (0, 5, 3)"),
    ],
)
def test_results_of_the_fallback_are_checked(result: Any, got: str) -> None:
    engine = Engine(PROGRAM, threads=1, fallback=lambda data: result)  # noqa: ARG005
    ticket, _ = submit(engine, PROGRAM, [Row(payload=b"x")])
    failures = engine.wait(ticket)
    assert failures is not None
    [(row, error)] = failures
    assert row == 0
    assert isinstance(error, DecodeError)
    assert error.reason == (
        f"expected a C-contiguous uint8 array of (height, width, 3) from the fallback decoder, got {got}"
    )


def test_an_image_that_would_become_enormous_fails_alone() -> None:
    program = Program([("resize_short", (500.0, 0.0)), ("center_crop", (8.0, 8.0))])
    engine = Engine(program, threads=1, fallback=decode_rgb)
    wide = Row(payload=encode(np.zeros((1, 600, 3), np.uint8), "PNG"))
    huge = Row(payload=bytes(3 * 400_000), codec=Codec.RAW, size=(1, 400_000))
    failures = engine.wait(submit(engine, program, [huge])[0])
    assert failures is not None
    assert "would make 200000000x500 px of an image of 400000x1 px" in str(failures[0][1])
    assert engine.wait(submit(engine, program, [wide])[0]) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codec": np.array([7, 0], np.uint8)}, "records.codec: expected a value of Codec .* got 7 in row 0"),
        (
            {"codec": np.array([[0], [0]], np.uint8)},
            "records.codec: expected a one-dimensional numpy array, got uint8",
        ),
        ({"codec": [0, 0]}, "records.codec: expected a one-dimensional numpy array, got list"),
        ({"file": np.array([0, 5], np.int32)}, "records.file: expected 0 to 1 - 1 .* got 5 in row 1"),
        ({"file": np.array([-1, 0], np.int32)}, "records.file: expected 0 to 1 - 1 .* got -1 in row 0"),
        ({"file": np.zeros(2, np.int64)}, r"records.file: .* int32 of shape \(2,\), got int64 of shape \(2,\)"),
        ({"offset": np.array([0, -4])}, "records.offset: expected 0 or more, got -4 in row 1"),
        ({"offset": np.zeros(3, np.int64)}, r"records.offset: expected .* shape \(2,\), got int64 of shape \(3,\)"),
        ({"length": np.array([-2, 0])}, r"records.length: expected 0 or more, or WHOLE_FILE \(-1\), got -2 in row 0"),
        ({"width": np.zeros(1, np.int32)}, r"records.width: expected .* got int32 of shape \(1,\)"),
        ({"checksum": np.zeros(2, np.int64)}, "records.checksum: expected .* uint32 .* got int64"),
        ({"payloads": [b""]}, "records.payloads: expected None or 2 payloads, got 1"),
    ],
)
def test_records_are_checked(changes: dict[str, Any], message: str) -> None:
    records = dataclasses.replace(make_records([Row("a"), Row("a")]), **changes)
    engine = Engine(PROGRAM, threads=1, fallback=decode_rgb)
    with pytest.raises(OptionError, match=message):
        engine.submit(records, output_for(PROGRAM, 2), **key(2))


def test_payloads_and_paths_must_be_bytes_and_text() -> None:
    engine = Engine(PROGRAM, threads=1, fallback=decode_rgb)
    records = make_records([Row("a")])
    with pytest.raises(TypeError, match="bytes-like object is required, not 'str'"):
        engine.submit(dataclasses.replace(records, payloads=["text"]), output_for(PROGRAM, 1), **key(1))  # type: ignore[list-item]
    with pytest.raises(ValueError, match="embedded null"):
        engine.submit(dataclasses.replace(records, paths=["a\0b"]), output_for(PROGRAM, 1), **key(1))
    with pytest.raises(OptionError, match=r"records: expected penstock.record.Records, got dict without `codec`"):
        engine.submit({}, output_for(PROGRAM, 1), **key(1))  # type: ignore[arg-type]


READ_ONLY = np.zeros((1, 3, 24, 32), np.uint8)
READ_ONLY.setflags(write=False)


@pytest.mark.parametrize(
    ("out", "got"),
    [
        (np.zeros((2, 3, 24, 32), np.uint8), "uint8 of shape (2, 3, 24, 32)"),
        (np.zeros((1, 24, 32, 3), np.uint8), "uint8 of shape (1, 24, 32, 3)"),
        (np.zeros((1, 3, 24, 32), np.int8), "int8 of shape (1, 3, 24, 32)"),
        (np.zeros((1, 3, 24, 32), np.float32), "float32 of shape (1, 3, 24, 32)"),
        (np.zeros((1, 3, 24, 64), np.uint8)[..., ::2], "uint8 of shape (1, 3, 24, 32) (ValueError: ndarray is not C-"),
        (READ_ONLY, "uint8 of shape (1, 3, 24, 32) (ValueError: buffer source array is read-only)"),
        (bytearray(3 * 24 * 32), "bytearray"),
        (None, "NoneType (TypeError: a bytes-like object is required"),
    ],
)
def test_output_buffers_are_checked(out: object, got: str) -> None:
    engine = Engine(PROGRAM, threads=1, fallback=decode_rgb)
    message = f"out: expected a writable, C-contiguous buffer, uint8 of shape (1, 3, 24, 32), got {got}"
    with pytest.raises(OptionError, match=re.escape(message)):
        engine.submit(make_records([Row(payload=JPEG)]), out, **key(1))


def test_other_arguments_are_checked() -> None:
    engine = Engine(PROGRAM, threads=1, fallback=decode_rgb)
    records, out = make_records([Row(payload=JPEG)]), output_for(PROGRAM, 1)
    with pytest.raises(OptionError, match=r"indices: expected .* int64 of shape \(1,\), got int64 of shape \(2,\)"):
        engine.submit(records, out, **(key(1) | {"indices": np.arange(2)}))
    with pytest.raises(OptionError, match=r"draws: expected .* int64 of shape \(1,\), got int32 of shape \(1,\)"):
        engine.submit(records, out, **(key(1) | {"draws": np.zeros(1, np.int32)}))
    with pytest.raises(OptionError, match="seed: expected an integer from 0"):
        engine.submit(records, out, **(key(1) | {"seed": -1}))
    with pytest.raises(OptionError, match=r"ticket: expected one from .* that has not been waited for, got 12"):
        engine.wait(12)
    with pytest.raises(OptionError, match=r"timeout_seconds: expected 0 \(no limit\) or more, got -1"):
        engine.wait(0, timeout_seconds=-1.0)
    ticket = engine.submit(records, out, **key(1))
    assert engine.wait(ticket) == []
    with pytest.raises(OptionError, match=f"ticket: .* got {ticket}"):
        engine.wait(ticket)


def test_programs_without_one_size_are_refused() -> None:
    with pytest.raises(SpecError, match=r"program: expected ops that give all images one size, .* add Random"):
        Engine(Program([("resize_short", (256.0, 0.0)), TO_FLOAT]), threads=1, fallback=decode_rgb)


def test_programs_and_buffers_are_one_for_each_view() -> None:
    with pytest.raises(SpecError, match="programs: expected at least one, got none"):
        Engine([], threads=0, fallback=decode_rgb)
    with pytest.raises(TypeError, match="program: expected a Program or a list of them, got str"):
        Engine([PROGRAM, "flip"], threads=0, fallback=decode_rgb)  # type: ignore[list-item]
    engine = Engine([PROGRAM, PROGRAM], threads=0, fallback=decode_rgb)
    with pytest.raises(OptionError, match="out: expected a buffer for each of the 2 views, got 1"):
        submit(engine, PROGRAM, [Row(payload=JPEG)])


def test_arguments_of_the_constructor_are_checked() -> None:
    with pytest.raises(OptionError, match="threads: expected 0 to 1024, got -1"):
        Engine(PROGRAM, threads=-1, fallback=decode_rgb)
    with pytest.raises(OptionError, match="threads: expected 0 to 1024, got 2000"):
        Engine(PROGRAM, threads=2000, fallback=decode_rgb)
    with pytest.raises(OptionError, match="fallback: expected a callable, got int"):
        Engine(PROGRAM, threads=0, fallback=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [0, 2])
def test_a_closed_engine_says_so(threads: int) -> None:
    engine = Engine(PROGRAM, threads=threads, fallback=decode_rgb)
    ticket, _ = submit(engine, PROGRAM, [Row(payload=JPEG)])
    engine.close()
    engine.close()
    with pytest.raises(EngineClosedError, match="the engine is closed; make a new one"):
        engine.wait(ticket)
    with pytest.raises(EngineClosedError, match="the engine is closed; make a new one"):
        submit(engine, PROGRAM, [Row(payload=JPEG)])


@pytest.mark.parametrize("threads", [0, 2])
def test_the_fallback_may_close_its_own_engine(threads: int) -> None:
    engines: list[Engine] = []

    def close(data: memoryview) -> NDArray[np.uint8]:
        engines[0].close()
        return decode_rgb(data)

    engines.append(Engine(PROGRAM, threads=threads, fallback=close))
    ticket, _ = submit(engines[0], PROGRAM, [Row(payload=encode(picture(0, 9, 9), "PNG"))] * 20)
    with pytest.raises(EngineClosedError, match="the engine is closed"):
        engines[0].wait(ticket)
    engines.pop().close()


def test_an_engine_without_threads_is_not_entered_twice() -> None:
    engines: list[Engine] = []

    def enter(data: memoryview) -> NDArray[np.uint8]:
        submit(engines[0], PROGRAM, [Row(payload=JPEG)])
        return decode_rgb(data)

    engines.append(Engine(PROGRAM, threads=0, fallback=enter))
    failures = engines[0].wait(submit(engines[0], PROGRAM, [Row(payload=b"x")])[0])
    assert failures is not None
    assert isinstance(failures[0][1], OptionError)
    assert "submit() was called by the fallback of an engine without threads" in str(failures[0][1])
    engines.pop().close()


def key(n: int) -> dict[str, Any]:
    return {"seed": 0, "epoch": 0, "indices": np.arange(n), "draws": np.zeros(n, np.int64)}
