"""A row of a batch is done again, with another sample, in the slot that the failed one left empty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.records import CROP, FLIP, TO_FLOAT, Row, expected_results, make_records, mixed_rows, output_for, submit

from penstock._core import BufferPool, Engine, Program
from penstock.errors import OptionError
from penstock.formats.image import decode_rgb

PROGRAM = Program([CROP, FLIP])
BAD = Row(payload=b"\xff\xd8 but no more than this")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    return mixed_rows(tmp_path_factory.mktemp("rows"))


def key_of(index: int, draw: int = 0) -> dict[str, Any]:
    return {"seed": 3, "epoch": 1, "indices": np.array([index]), "draws": np.array([draw])}


@settings(max_examples=15)
@given(
    threads=st.sampled_from([0, 1, 3]),
    kinds=st.lists(st.integers(-12, 47), min_size=1, max_size=12),
    to_float=st.booleans(),
    channels_last=st.booleans(),
)
def test_substitutes_fill_the_slots_of_failed_rows_while_other_batches_run(
    rows: list[Row], threads: int, kinds: list[int], to_float: bool, channels_last: bool
) -> None:
    """Kinds below 0 are bad rows."""
    program = Program([CROP, FLIP, TO_FLOAT]) if to_float else PROGRAM
    engine = Engine(program, threads=threads, fallback=decode_rgb, channels_last=channels_last)
    shape = (len(kinds), 24, 32, 3) if channels_last else (len(kinds), 3, 24, 32)
    pool = BufferPool(program.dtype, kept=4)

    def submit_all() -> tuple[int, np.ndarray]:
        buffer = pool.take(shape)
        return submit(engine, program, [BAD if kind < 0 else rows[kind] for kind in kinds], buffer)

    def images(buffer: np.ndarray) -> np.ndarray:
        return buffer.transpose(0, 3, 1, 2) if channels_last else buffer

    under_way = [submit_all() for _ in range(3)]
    for ticket, buffer in under_way:
        failed = [row for row, _ in engine.wait(ticket) or []]
        assert failed == [row for row, kind in enumerate(kinds) if kind < 0]
        substitutes = {row: rows[-1 - row] for row in failed}
        tickets = []
        for row, substitute in substitutes.items():
            out = buffer[row : row + 1]
            tickets.append(engine.submit(make_records([substitute]), out, **key_of(500 + row)))
        assert all(engine.wait(again) == [] for again in tickets)
        for row, kind in enumerate(kinds):
            wanted = substitutes.get(row, rows[kind])
            key = key_of(500 + row) if kind < 0 else key_of(100 + row, row % 2)
            np.testing.assert_array_equal(images(buffer)[row], expected_results(program, [wanted], **key)[0])
    engine.close()


def test_a_slice_of_a_tensors_memory_may_be_written_again(rows: list[Row]) -> None:
    engine = Engine(PROGRAM, threads=2, fallback=decode_rgb)
    batch = torch.from_numpy(BufferPool("uint8", kept=1).take((4, 3, 24, 32)))
    ticket, _ = submit(engine, PROGRAM, [rows[0], BAD, rows[1], BAD], batch.numpy())
    assert [row for row, _ in engine.wait(ticket) or []] == [1, 3]
    again = engine.submit(make_records([rows[2]]), batch[1:2].numpy(), **key_of(7))
    assert [row for row, _ in engine.wait(again) or []] == []
    np.testing.assert_array_equal(batch[1].numpy(), expected_results(PROGRAM, [rows[2]], **key_of(7))[0])
    assert not batch[3].any()
    engine.close()


def test_a_substitute_that_fails_too_leaves_zeros() -> None:
    engine = Engine(PROGRAM, threads=1, fallback=decode_rgb)
    buffer = output_for(PROGRAM, 3)
    ticket = engine.submit(make_records([BAD]), buffer[1:2], **key_of(1))
    assert [row for row, _ in engine.wait(ticket) or []] == [0]
    assert not buffer[1].any()
    assert (buffer[[0, 2]] == 77).all()
    engine.close()


def test_rows_that_do_not_lie_side_by_side_are_refused(rows: list[Row], tmp_path: Path) -> None:
    engine = Engine(PROGRAM, threads=0, fallback=decode_rgb)
    with pytest.raises(OptionError, match="out: expected a writable, C-contiguous buffer"):
        submit(engine, PROGRAM, [rows[0], Row(tmp_path / "missing")], output_for(PROGRAM, 4)[::2])
    assert not engine.under_way()
