"""docs/parity.md says what the tests hold."""

from __future__ import annotations

from support import parity

from penstock.augment import Lambda, NativeExecutor, ReferenceExecutor
from penstock.augment.executors.dali.table import steps_of
from penstock.augment.executors.torch.dispatch import apply_op
from penstock.augment.ops import OPS
from penstock.augment.ops.base import Stage


def test_page_shows_the_numbers_that_tests_use() -> None:
    expected = parity.render()
    assert parity.PAGE.read_text() == expected, "run: PYTHONPATH=src:tests python -m support.parity"


def test_every_op_has_a_row_for_every_executor() -> None:
    executors = {kind.__name__.removesuffix("Executor").lower() for kind in (NativeExecutor, ReferenceExecutor)}
    rows = {(row.op, row.executor) for row in parity.TABLE if row.op in OPS}
    batches = {op for op, kind in OPS.items() if kind.stage is Stage.BATCH}
    of_torch = {(op.__name__, "torch") for op in apply_op.registry if op is not object}
    refused = (object, Lambda)  # registered for what is said of it
    of_dali = {(op.__name__, "dali") for op in steps_of.registry if op not in refused}
    of_batches = {(op, executor) for op in batches for executor in ("reference", "torch")}
    of_samples = {(op, executor) for op in OPS.keys() - batches for executor in executors}
    assert rows == of_samples | of_torch | of_dali | of_batches
