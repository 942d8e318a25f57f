"""Where results go: JSON with every single measurement, Markdown and a picture beside it, and the README's section."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .environment import describe

__all__ = ["README", "RESULTS", "replace_section", "result_path", "stamped", "write"]

RESULTS = Path(__file__).resolve().parent / "results"
README = RESULTS.parent / "README.md"


def stamped(suite: str, version: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """A result: suite, version of its form, date, what was measured, environment."""
    date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    return {"suite": suite, "version": version, "date": date, **body, "environment": describe()}


def result_path(result: Mapping[str, Any]) -> Path:
    """Where a result goes when nobody says: suite, day, processor."""
    processor = re.sub(r"[^a-z0-9]+", "-", result["environment"]["processor"].lower()).strip("-")
    return RESULTS / f"{result['suite']}-{result['date'][:10]}-{processor}.json"


def write(result: Mapping[str, Any], text: str, output: Path | None) -> Path:
    """Writes JSON and Markdown, to `output` or where results go.

    Only then, it replaces the suite's section of the README too.
    """
    path = output or result_path(result)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    path.with_suffix(".md").write_text(text + "\n")
    if output is None:
        README.write_text(replace_section(README.read_text(), result["suite"], section(result, text, path)))
    return path


def section(result: Mapping[str, Any], text: str, path: Path) -> str:
    """What the README shows of a result."""
    environment = result["environment"]
    lines = [
        f"`results/{path.name}`, {result['date'][:10]}, {environment['processor']}, commit {environment['commit']}:",
        "",
        text,
    ]
    if path.with_suffix(".png").exists():
        lines += ["", f"![{result['suite']}](results/{path.with_suffix('.png').name})"]
    return "\n".join(lines)


def replace_section(readme: str, suite: str, text: str) -> str:
    """The README with `text` between a suite's marks.

    Raises:
        ValueError: the marks are not there.
    """
    begin, end = f"<!-- {suite}: begin -->", f"<!-- {suite}: end -->"
    head, found_begin, rest = readme.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"README.md must hold {begin} and {end}")
    return f"{head}{begin}\n{text}\n{end}{tail}"
