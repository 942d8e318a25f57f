"""What `penstock doctor` does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from .checks import CHECKS, STATES, Finding
from .facts import Facts, gather
from .text import plural, wrapped

__all__ = ["doctor", "examine", "report", "verdict"]

COLOURS = {"ok": "green", "note": "cyan", "warning": "yellow", "problem": "red"}
LEAST_WIDTH = 60


def doctor(*, as_json: bool) -> int:
    """Checks this machine and prints what was found; gives the exit code: 1 where there is a problem."""
    findings = examine(gather())
    if as_json:
        checks = [asdict(each) for each in findings]
        click.echo(json.dumps({"verdict": verdict(findings), "checks": checks}, indent=1))
    else:
        for line in report(findings, shutil.get_terminal_size().columns):
            click.echo(line)
    return 1 if any(each.state == "problem" for each in findings) else 0


def examine(facts: Facts) -> list[Finding]:
    """All findings, in the order of the checks."""
    return [check(facts) for check in CHECKS]


def report(findings: Sequence[Finding], width: int) -> Iterator[str]:
    """The findings as aligned lines no longer than `width` where words allow it, then the verdict."""
    names = max(len(each.name) for each in findings)
    states = max(map(len, STATES))
    margin = " " * (states + 2 + names + 2)
    room = max(width, LEAST_WIDTH)
    for each in findings:
        state = click.style(f"{each.state:<{states}}", fg=COLOURS[each.state], bold=each.state == "problem")
        first, *rest = wrapped(each.found, room - len(margin)) or [""]
        yield f"{state}  {each.name:<{names}}  {first}"
        yield from (margin + line for line in rest)
        for number, line in enumerate(wrapped(each.advice, room - len(margin) - 3)):
            yield f"{margin}{'   ' if number else '-> '}{line}"
    yield ""
    yield verdict(findings)


def verdict(findings: Sequence[Finding]) -> str:
    """One line: whether Penstock works here, and what to look at first."""
    named = {state: [each.name for each in findings if each.state == state] for state in STATES}
    if named["problem"]:
        return f"{plural(len(named['problem']), 'problem')} to solve first: {', '.join(named['problem'])}."
    if named["warning"]:
        return f"Penstock works here, with {plural(len(named['warning']), 'warning')}: {', '.join(named['warning'])}."
    if named["note"]:
        return f"All is well, with {plural(len(named['note']), 'note')}: {', '.join(named['note'])}."
    return "All is well."
