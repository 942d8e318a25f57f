"""Small LMDBs for the tests of their reader and writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.containers import encoded, pixels

from penstock.formats import LMDBWriter


def write(path: Path, labels: Any = (0, 1, -1), classes: Any = ("a", "b"), **options: Any) -> Path:
    """An LMDB of small PNGs with these labels, at `path`."""
    with LMDBWriter(path, classes=classes, **options) as writer:
        for k, label in enumerate(labels):
            writer.add(encoded(pixels(k), "PNG"), label, name=f"n{k}.png")
        writer.commit()
    return path
