"""The progress bar: on a terminal, and nowhere else."""

from __future__ import annotations

import io
import sys

import pytest

from penstock.cli.bar import Bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "100")
    with Bar("packing") as bar:
        bar.start(100, 40)
        for _ in range(60):
            bar.advance(1, 1_000_000)
        bar._bar.refresh()
    return stream.getvalue()


def test_a_terminal_sees_images_and_megabytes_per_second(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(Terminal(), monkeypatch)
    assert "40/100" in text
    assert "100/100" in text
    assert "images/s" in text
    assert "MB/s" in text


def test_a_file_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(io.StringIO(), monkeypatch) == ""
