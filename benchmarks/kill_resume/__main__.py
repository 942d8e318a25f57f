"""Kills loaders at random and resumes them: `python -m benchmarks.kill_resume --runs 10000`."""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from .. import results
from ..report import table
from .cases import CASES, Variant, prepare
from .life import Entry
from .plan import POINTS, draw_plan
from .processes import adopt_orphans, start
from .referee import TIMEOUT_S, Referee, references

VERSION = 1
NO_THREADS = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""numpy and pyarrow start threads as they are imported; a process that forks must have none."""

Expected = dict[tuple[str, Variant], list[Entry]]


@dataclass(frozen=True, slots=True)
class Job:
    """Some of the runs, one after the other.

    Attributes:
        seed: what they are drawn from.
        numbers: which they are.
        until_s: when no further one is begun (`time.monotonic`).
        folder: for their files.
        report: gets an outcome a line, and then how long groups took to end.
    """

    seed: int
    numbers: Sequence[int]
    until_s: float
    folder: Path
    report: Path

    def carry_out(self, expected: Expected, _pulse: int) -> None:
        """Does it, in a process of its own."""
        adopt_orphans()
        referee = Referee(self.folder, expected)
        with open(self.report, "w", buffering=1) as lines:
            for number in self.numbers:
                if time.monotonic() > self.until_s:
                    break
                lines.write(json.dumps(referee.run(draw_plan(self.seed, number)).record()) + "\n")
            referee.groups.finish()
            lines.write(json.dumps({"late": referee.groups.late(), "took_s": referee.groups.took_s}) + "\n")


def run_all(jobs: Sequence[Job], folder: Path) -> dict[str, Any]:
    """Carries out jobs, all at the same time: their outcomes, times, and what was left over."""
    preparing = start(lambda _: prepare(folder), folder / "errors")  # apart: what it imports, no other needs
    preparing.join(TIMEOUT_S)
    if preparing.status:
        raise ValueError((folder / "errors").read_text())
    expected = references(folder)
    gc.collect()
    gc.freeze()  # a collection in a forked process would copy every page that this one has filled
    began = time.perf_counter()
    errors = [job.report.with_suffix(".errors") for job in jobs]
    groups = [start(partial(job.carry_out, expected), path) for job, path in zip(jobs, errors, strict=True)]
    runs = sum(len(job.numbers) for job in jobs)
    while sum(group.over() for group in groups) < len(groups):
        _show(sum(_lines(job.report) for job in jobs), runs)
        time.sleep(0.2)
    seconds = time.perf_counter() - began
    for group, path in zip(groups, errors, strict=True):
        if group.status:
            raise ValueError(path.read_text())
    lines = [json.loads(line) for job in jobs for line in job.report.read_text().splitlines()]
    ends = [line for line in lines if "late" in line]
    outcomes = sorted((line for line in lines if "late" not in line), key=lambda line: line["number"])
    return {"seconds": seconds, "jobs": len(jobs), "seed": jobs[0].seed, **summary(outcomes, ends)}


def summary(outcomes: Sequence[dict[str, Any]], ends: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Counts, and each failure as it is; its run is `--seed` and `--run` again."""
    cases = {}
    for name in CASES:
        of_case = [outcome for outcome in outcomes if outcome["case"] == name]
        cases[name] = {
            "runs": len(of_case),
            "process_kills": sum(len(outcome["kills"]) for outcome in of_case),
            "worker_kills": sum(outcome["worker_kills"] for outcome in of_case),
            "resumes": sum(outcome["resumes"] for outcome in of_case),
            "batches": sum(outcome["batches"] for outcome in of_case),
            "lives": dict(Counter(engine for outcome in of_case for engine in outcome["engines"])),
            "failures": sum(bool(outcome["failure"]) for outcome in of_case),
        }
    took_s: dict[str, list[float]] = {}
    for end in ends:
        for kind, seconds in end["took_s"].items():
            took_s.setdefault(kind, []).extend(seconds)
    return {
        "runs": len(outcomes),
        "cases": cases,
        "kills_by_place": dict(Counter(kill for outcome in outcomes for kill in outcome["kills"])),
        "workers_gone_after_s": {kind: _spread(seconds) for kind, seconds in took_s.items()},
        "workers_left_over": [group for end in ends for group in end["late"]],
        "failures": [outcome for outcome in outcomes if outcome["failure"]],
    }


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    """What nine and 99 of ten and 100 stay under, and the largest."""
    ordered = sorted(seconds)
    shares = {"90%": 0.9, "99%": 0.99, "largest": 1.0}
    return {name: round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 3) for name, share in shares.items()}


def markdown(result: dict[str, Any]) -> str:
    """Counts by case, in total, and by where the process was killed."""
    columns = ("runs", "process_kills", "worker_kills", "resumes", "batches", "failures")
    counted = list(result["cases"].items())
    counted.append(("all", {column: sum(case[column] for _, case in counted) for column in columns}))
    rows = [[name, *(f"{case[column]:,}" for column in columns)] for name, case in counted]
    heading = ["case", "runs", "process killed", "workers killed", "resumed", "batches compared", "failures"]
    places = result["kills_by_place"]
    gone = [
        [engine, *(f"{seconds:.2f}" for seconds in spread.values())]
        for engine, spread in result["workers_gone_after_s"].items()
    ]
    return "\n".join(
        [
            table(heading, rows, "<>>>>>>"),
            "",
            table(["killed", "times"], [[at, f"{places.get(at, 0):,}"] for at in ("outside", *POINTS)], "<>"),
            "",
            "Seconds from the end of a process, by a kill or by itself, to that of its last worker:",
            "",
            table(["engine", "90%", "99%", "largest"], gone, "<>>>"),
            "",
            f"{result['runs']:,} runs took {result['seconds'] / 60:.1f} minutes, {result['jobs']} at a time; all are "
            f"drawn from --seed {result['seed']}.",
        ]
    )


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _show(done: int, runs: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{min(done, runs):,} of {runs:,} runs")


def main() -> int:
    """Runs the suite, writes the result and prints its tables; 1: something was lost, repeated, altered or left."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill_resume", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="how many (default: 10,000)")
    parser.add_argument("--run", type=int, action="append", help="only the run of this number")
    parser.add_argument("--seed", type=int, default=4, help="what all runs are drawn from (default: 4)")
    parser.add_argument("--jobs", type=int, default=3, help="runs at a time (default: 3)")
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="begin no further run after so many (default: no end)"
    )
    parser.add_argument("--output", type=Path, help="the JSON result (default: a new file in benchmarks/results/)")
    given = parser.parse_args()
    if not NO_THREADS.items() <= os.environ.items():
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **NO_THREADS})
    torch.set_num_threads(1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    numbers = given.run or range(given.runs)
    until_s = time.monotonic() + 60 * given.minutes
    with tempfile.TemporaryDirectory(prefix="kill-resume-") as scratch:
        folder = Path(scratch)
        count = min(given.jobs, len(numbers))
        jobs = [Job(given.seed, numbers[job::count], until_s, folder, folder / f"report-{job}") for job in range(count)]
        found = run_all(jobs, folder)
    result = results.stamped("kill_resume", VERSION, found)
    text = markdown(result)
    if given.run:
        print(json.dumps(result["failures"], indent=1))
        return bool(result["failures"])
    path = results.write(result, text, given.output)
    print(text)
    print(f"\nwritten to {path} and .md", file=sys.stderr)
    for failure in result["failures"]:
        print(json.dumps(failure), file=sys.stderr)
    return bool(result["failures"] or result["workers_left_over"])


if __name__ == "__main__":
    sys.exit(main())
