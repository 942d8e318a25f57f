"""What `penstock verify` does."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..formats import open_dataset
from ..formats.pack.verify import Verification, verify_dataset, verify_pack
from ..formats.registry import kind_of
from .bar import Bar
from .parts import parts_of
from .text import plural, shown_bytes

__all__ = ["verify"]


def verify(path: str, *, decode: bool, as_json: bool) -> int:
    """Checks the dataset at `path`, or each of its parts, and prints what is wrong; gives the exit code."""
    found = {place: _verified(place, decode) for place in parts_of(path).values()}
    if as_json:
        content = [
            {
                "path": place,
                "records": each.records,
                "bytes": each.size,
                "decoded": each.decoded,
                "problems": list(each.problems),
            }
            for place, each in found.items()
        ]
        click.echo(json.dumps(content, indent=1))
    else:
        for place, each in found.items():
            for problem in each.problems:
                click.echo(problem)
            verdict = plural(len(each.problems), "problem") if each.problems else "all right"
            decoded = f", {each.decoded:,} decoded" if each.decoded else ""
            click.echo(f"{place}: {plural(each.records, 'record')}, {shown_bytes(each.size)}{decoded}: {verdict}")
    return 1 if any(each.problems for each in found.values()) else 0


def _verified(place: str, decode: bool) -> Verification:
    with Bar("verifying") as bar:
        if kind_of(place) == "pack":
            return verify_pack(Path(place), bar.advance, decode=decode)
        dataset = open_dataset(place)
        bar.start(len(dataset), 0)
        return verify_dataset(dataset, bar.advance, decode=decode)
