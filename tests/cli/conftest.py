"""Running our commands in tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from click.testing import CliRunner

from penstock.cli.main import main as penstock
from penstock.cli.pack_dataset import main as pack_dataset


@dataclass(frozen=True)
class Run:
    """What a command left behind."""

    code: int
    out: str
    err: str


def _run(command: object, arguments: tuple[object, ...]) -> Run:
    result = CliRunner().invoke(command, [str(each) for each in arguments], catch_exceptions=False)
    return Run(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def pack() -> Callable[..., Run]:
    """`pack-dataset` with these arguments, in this process alone unless they say otherwise."""
    return lambda *arguments: _run(pack_dataset, ("--workers", 0, *arguments))


@pytest.fixture
def look() -> Callable[..., Run]:
    """`penstock` with these arguments."""
    return lambda *arguments: _run(penstock, arguments)
