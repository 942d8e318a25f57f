"""docs/parity.md says what the tests hold."""

from __future__ import annotations

from support import parity

from penstock.augment import NativeExecutor, ReferenceExecutor
from penstock.augment.executors.dali.table import steps_of
from penstock.augment.executors.torch.dispatch import apply_op
from penstock.augment.ops import OPS


def test_page_shows_the_numbers_that_tests_use() -> None:
    expected = parity.render()
    assert parity.PAGE.read_text() == expected, "run: PYTHONPATH=src:tests python -m support.parity"


def test_every_op_has_a_row_for_every_executor() -> None:
    executors = {kind.__name__.removesuffix("Executor").lower() for kind in (NativeExecutor, ReferenceExecutor)}
    rows = {(row.op, row.executor) for row in parity.TABLE if row.op in OPS}
    of_torch = {(op.__name__, "torch") for op in apply_op.registry if op is not object}
    of_dali = {(op.__name__, "dali") for op in steps_of.registry if op is not object}
    assert rows == {(op, executor) for op in OPS for executor in executors} | of_torch | of_dali
