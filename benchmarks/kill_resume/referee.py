"""Carries a run out, and compares what its lives were given with an uninterrupted run."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from .cases import CASES, EPOCHS, VARIANTS, Variant
from .life import Entry, Files, read_journal, read_state, train
from .plan import Kill, Life, Plan, plain_life
from .processes import Group, Groups, HungError, start

__all__ = ["Outcome", "Referee", "compare", "references"]

TIMEOUT_S = 60.0
GONE_S = 10.0
TORCH_GONE_S = 60.0
"""Workers that are left so long after their process are a failure; torch's own look for their parent every 5 s only."""

Reference = list[Entry]


@dataclass(slots=True)
class Outcome:
    """What became of a run.

    Attributes:
        number, case, variant: of its plan.
        kills: how often the process was killed, by where: a point, or "outside".
        worker_kills: how many workers were.
        resumes: how often a state was gone on from.
        engines: of its lives.
        batches: that were compared.
        failure: what went wrong; "" if nothing did.
    """

    number: int
    case: str
    variant: Variant
    kills: list[str] = field(default_factory=list)
    worker_kills: int = 0
    resumes: int = 0
    engines: list[str] = field(default_factory=list)
    batches: int = 0
    failure: str = ""

    def record(self) -> dict[str, Any]:
        """Of types that JSON has."""
        return asdict(self)


def references(folder: Path) -> dict[tuple[str, Variant], Reference]:
    """What each case gives in each variant when nobody interrupts it.

    Raises:
        ValueError: it is not what it should be, or can't run.
    """
    found = {}
    for name, case in CASES.items():
        for variant in VARIANTS:
            files = Files(folder / "reference")
            files.folder.mkdir()
            life = plain_life(name)
            work = partial(train, Plan(-1, name, variant, (life,)), life, 0, files)
            if life.engine == "inline":  # here, which also warms up the process that all others are forked from
                with open(os.devnull, "wb") as pulse:
                    work(pulse.fileno())
            else:
                group = start(work, files.errors(0))
                group.join(TIMEOUT_S)
                if group.status:
                    raise ValueError(f"{name}, uninterrupted: {_last_line(files.errors(0))}")
            found[name, variant] = read_journal(files, 0)
            if case.once:
                _check_epochs(name, variant, found[name, variant])
            shutil.rmtree(files.folder)
    return found


def _check_epochs(name: str, variant: Variant, reference: Reference) -> None:
    whole = variant.size - variant.size % variant.batch_size if variant.drop_last else variant.size
    for epoch in range(EPOCHS):
        given = Counter(label for entry in reference if entry.epoch == epoch for label in entry.labels)
        if set(given.values()) != {1} or given.total() != whole:
            raise ValueError(f"{name}, {variant}: epoch {epoch} has not each sample once, but {given}")


class Referee:
    """Carries out one run after the other.

    Args:
        folder: for the runs' files, where `cases.prepare` has written.
        expected: what `references` gave.
    """

    def __init__(self, folder: Path, expected: dict[tuple[str, Variant], Reference]) -> None:
        self.groups = Groups()
        self._folder = folder
        self._expected = expected

    def run(self, plan: Plan) -> Outcome:
        """Lives a plan, each life in a fresh process, and says what was wrong."""
        outcome = Outcome(plan.number, plan.case, plan.variant)
        files = Files(self._folder / f"run-{plan.number}")
        files.folder.mkdir()
        try:
            self._live(plan, files, outcome)
        except (HungError, ValueError) as error:
            outcome.failure = str(error)
        if not outcome.failure:
            shutil.rmtree(files.folder)
        return outcome

    def _live(self, plan: Plan, files: Files, outcome: Outcome) -> None:
        expected = self._expected[plan.case, plan.variant]
        for number, life in enumerate(plan.lives):
            start_at = read_state(files)["delivered"]
            outcome.resumes += files.state.exists()
            outcome.engines.append(life.engine)
            status = self._one_life(plan, number, files, outcome)
            given = read_journal(files, number)
            outcome.batches += len(given)
            compare(given, expected[start_at:], f"life {number}, which went on after {start_at} batches")
            if status == 0:
                if start_at + len(given) != len(expected):
                    raise ValueError(f"life {number} ended after {start_at + len(given)} of {len(expected)} batches")
                return
            if os.WIFEXITED(status) or os.WTERMSIG(status) != signal.SIGKILL:
                raise ValueError(f"life {number} ended with status {status}: {_last_line(files.errors(number))}")
            outcome.kills.append(life.kills[-1].point or "outside")
        raise ValueError("the last life was killed too")

    def _one_life(self, plan: Plan, number: int, files: Files, outcome: Outcome) -> int:
        """Its exit status."""
        life = plan.lives[number]
        group = start(partial(train, plan, life, number, files), files.errors(number), self.groups.check)
        try:
            for kill in life.kills:
                if not kill.point and group.wait(kill.batches + 1, TIMEOUT_S):
                    time.sleep(kill.delay_s)
                    outcome.worker_kills += _strike(group, kill, life)
            group.join(TIMEOUT_S)
        finally:
            group.kill()
            group.join(TIMEOUT_S)
            self.groups.add(group, life.engine, TORCH_GONE_S if life.engine == "torch" else GONE_S)
        if group.status is None:
            raise HungError("it did not end")
        return group.status


def _strike(group: Group, kill: Kill, life: Life) -> bool:
    """Kills: whether that was a worker."""
    if kill.victim == "process":
        group.kill()
        return False
    workers = group.workers()
    if not workers:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(random.Random(life.seed).choice(workers), signal.SIGKILL)
    return True


def compare(given: Reference, expected: Reference, where: str) -> None:
    """Raises ValueError unless a life was given the next batches, in order; `expected` is all that were left."""
    if len(given) > len(expected):
        raise ValueError(f"{where}: {len(given)} batches, where {len(expected)} are left")
    for place, (found, wanted) in enumerate(zip(given, expected, strict=False)):
        if found != wanted:
            raise ValueError(f"{where}: its batch {place} should be {wanted}, and is {found}")


def _last_line(path: Path) -> str:
    lines = path.read_text().splitlines() if path.exists() else []
    return lines[-1] if lines else "no message"
