"""Reading in C++, seen through the engine: the bytes, and the words of errors, of `penstock.formats.reading`."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.records import Row, encode, expected_results, make_records, picture, submit

from penstock._core import Engine, Program
from penstock.errors import ChecksumError, MissingFileError, RecordError, TruncatedError
from penstock.formats.image import decode_rgb
from penstock.formats.reading import read_record
from penstock.record import WHOLE_FILE

PROGRAM = Program([("resize", (16.0, 16.0))])
IMAGES = [encode(picture(n, 30, 40), "PNG" if n % 3 else "JPEG") for n in range(100)]


@pytest.fixture
def engine() -> Engine:
    return Engine(PROGRAM, threads=2, fallback=decode_rgb)


def failure(engine: Engine, row: Row) -> RecordError:
    failures = engine.wait(submit(engine, PROGRAM, [row])[0])
    assert failures is not None
    [(_, error)] = failures
    assert isinstance(error, RecordError)
    return error


def check_same_words(engine: Engine, row: Row, kind: type[RecordError]) -> None:
    with pytest.raises(kind) as raised:
        read_record(make_records([row]), 0)
    error = failure(engine, row)
    assert type(error) is type(raised.value) is kind
    assert error.reason == raised.value.reason


def test_missing_files(engine: Engine, tmp_path: Path) -> None:
    check_same_words(engine, Row(tmp_path / "gone.jpg"), MissingFileError)
    check_same_words(engine, Row(tmp_path / "gone", offset=5, length=7), MissingFileError)
    check_same_words(engine, Row(os.fsdecode(bytes(tmp_path) + b"/\xff\xfe.jpg")), MissingFileError)
    check_same_words(engine, Row(tmp_path / "sch\u00f6n.jpg"), MissingFileError)


def test_files_that_can_not_be_opened_or_read(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_same_words(engine, Row(tmp_path / "file" / "below.jpg"), RecordError)
    check_same_words(engine, Row(tmp_path / ("x" * 300)), RecordError)
    (tmp_path / "loop").symlink_to("loop")
    check_same_words(engine, Row(tmp_path / "loop"), RecordError)
    check_same_words(engine, Row(tmp_path), RecordError)
    check_same_words(engine, Row(tmp_path, length=3), RecordError)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_without_permission(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "secret").touch(mode=0)
    check_same_words(engine, Row(tmp_path / "secret"), RecordError)


def test_ranges_past_the_end(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "shard").write_bytes(bytes(100))
    for offset, length in [(0, 101), (90, 20), (100, 1), (500, 20)]:
        check_same_words(engine, Row(tmp_path / "shard", offset=offset, length=length), TruncatedError)


@pytest.mark.parametrize("length", [WHOLE_FILE, 10])
def test_pipes_and_devices_are_waited_for_by_nobody(engine: Engine, tmp_path: Path, length: int) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        check_same_words(engine, Row(path, length=length), RecordError)
        reason = "the file can't be read: it is a named pipe, socket or device; leave it out"
        assert reason in str(failure(engine, Row(path, length=length)))


def test_a_damaged_index_takes_no_memory(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "shard").write_bytes(bytes(100))
    error = failure(engine, Row(tmp_path / "shard", offset=40, length=2**62))
    assert isinstance(error, TruncatedError)
    assert f"expected {2**62} bytes at offset 40, got 60: the file is shorter" in error.reason
    error = failure(engine, Row(tmp_path / "shard", offset=2**63 - 1, length=2**63 - 1))
    assert "got 0: the file is shorter" in error.reason


def test_checksums(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "shard").write_bytes(b"head" + IMAGES[0])
    check_same_words(engine, Row(tmp_path / "shard", offset=4, length=len(IMAGES[0]), checksum=7), ChecksumError)
    check_same_words(engine, Row(payload=b"abc", checksum=2**32 - 1), ChecksumError)


def test_more_files_than_stay_open(engine: Engine, tmp_path: Path) -> None:
    rows = []
    for number in range(300):
        data = IMAGES[number % len(IMAGES)]
        (tmp_path / str(number)).write_bytes(b"pad" + data)
        rows.append(Row(tmp_path / str(number), offset=3, length=len(data)))
    order = np.random.default_rng(0).permutation(np.tile(np.arange(len(rows)), 2))
    chosen = [rows[number] for number in order]
    ticket, out = submit(engine, PROGRAM, chosen)
    assert engine.wait(ticket) == []
    np.testing.assert_array_equal(out, expected_results(PROGRAM, chosen))
    opened = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if is_open(fd)]
    assert 0 < sum(path.startswith(str(tmp_path)) for path in opened) <= 256 + 2
    engine.close()
    del engine


def is_open(descriptor: str) -> bool:
    return os.path.exists(f"/proc/self/fd/{descriptor}")


def test_a_file_that_is_replaced_while_open_gives_its_old_bytes(engine: Engine, tmp_path: Path) -> None:
    row = Row(tmp_path / "shard", length=len(IMAGES[0]))
    (tmp_path / "shard").write_bytes(IMAGES[0])
    expected = expected_results(PROGRAM, [row])
    for _ in range(3):
        ticket, out = submit(engine, PROGRAM, [row])
        assert engine.wait(ticket) == []
        np.testing.assert_array_equal(out, expected)
        (tmp_path / "new").write_bytes(bytes(len(IMAGES[0])))
        (tmp_path / "new").replace(tmp_path / "shard")


def test_a_file_that_is_cut_short_while_open_is_an_error(engine: Engine, tmp_path: Path) -> None:
    row = Row(tmp_path / "shard", length=len(IMAGES[0]))
    (tmp_path / "shard").write_bytes(IMAGES[0])
    assert engine.wait(submit(engine, PROGRAM, [row])[0]) == []
    os.truncate(tmp_path / "shard", 50)
    check_same_words(engine, row, TruncatedError)
    os.truncate(tmp_path / "shard", 0)
    check_same_words(engine, row, TruncatedError)


def test_files_of_folders_are_read_anew(engine: Engine, tmp_path: Path) -> None:
    row = Row(tmp_path / "image")
    for data in IMAGES[:4]:
        (tmp_path / "image").write_bytes(data)
        ticket, out = submit(engine, PROGRAM, [row])
        assert engine.wait(ticket) == []
        np.testing.assert_array_equal(out, expected_results(PROGRAM, [row]))
    (tmp_path / "image").unlink()
    check_same_words(engine, row, MissingFileError)


def is_cached(path: Path, offset: int) -> bool:
    """Whether the system has the page with this byte in memory; asking does not make it read the page."""
    found = ctypes.c_ubyte()
    with open(path, "rb") as file:
        mapped = np.frombuffer(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ), np.uint8)
    page = mapped[offset // mmap.PAGESIZE * mmap.PAGESIZE :]
    if ctypes.CDLL(None).mincore(ctypes.c_void_p(page.ctypes.data), ctypes.c_size_t(1), ctypes.byref(found)) != 0:
        raise OSError("mincore failed")
    return bool(found.value & 1)


def drop_from_cache(path: Path) -> bool:
    """False where the system keeps the file in memory all the same, as file systems in memory do."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
    return not is_cached(path, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's mincore and posix_fadvise")
@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_the_next_samples_are_read_while_one_is_decoded(tmp_path: Path, batch_size: int) -> None:
    far = 1 << 20  # no system reads that far ahead by itself
    files = [tmp_path / f"{number}.jpg" for number in range(8)]
    for file in files:
        file.write_bytes(IMAGES[0])
    with open(tmp_path / "shard", "wb") as shard:
        for number in range(56):
            shard.seek(number * far)
            shard.write(IMAGES[0])
    ranges = [Row(tmp_path / "shard", offset=number * far, length=len(IMAGES[0])) for number in range(56)]
    dropped = [drop_from_cache(path) for path in [*files, tmp_path / "shard"]]
    if not all(dropped):
        pytest.skip("files stay in memory here")
    submitted = threading.Event()
    calls: list[bool] = []

    def look(data: memoryview) -> NDArray[np.uint8]:
        """Waits, at the last of the PNGs, for the next samples, and notes whether the last one is there too."""
        if not submitted.wait(60):
            raise TimeoutError("the batches were not submitted")
        deadline = time.monotonic() + 30
        while len(calls) == 8 and not all(is_cached(*place) for place in [(file, 0) for file in files] + [near]):
            if time.monotonic() > deadline:
                raise TimeoutError("the next samples were not read")
            time.sleep(0.01)
        calls.append(is_cached(tmp_path / "shard", 55 * far))
        return decode_rgb(data)

    near = (tmp_path / "shard", 20 * far)
    pngs = [Row(payload=encode(picture(0, 9, 9), "PNG"))] * 9
    rows = [*pngs, *map(Row, files), *ranges, Row(tmp_path / "missing")]
    engine = Engine(PROGRAM, threads=1, fallback=look)
    tickets = [
        submit(engine, PROGRAM, rows[start : start + batch_size])[0] for start in range(0, len(rows), batch_size)
    ]
    submitted.set()
    failed = [failure for ticket in tickets for failure in engine.wait(ticket) or []]
    assert [type(error) for _, error in failed] == [MissingFileError]
    assert calls == [False] * 9  # not everything at once
