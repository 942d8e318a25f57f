"""The gallery: its page is what the script writes, and its pictures show what the ops do."""

from __future__ import annotations

import importlib.util
from io import BytesIO
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from penstock.augment.ops import OPS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gallery", DOCS / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GALLERY = load()
STRIPS = [ops for strips in GALLERY.SECTIONS.values() for ops in strips]


def test_every_op_is_shown() -> None:
    assert {type(ops[-1]).__name__ for ops in STRIPS} == set(OPS)


def test_the_page_is_what_the_script_writes() -> None:
    assert (DOCS / "gallery.md").read_text() == GALLERY.page(), "run python docs/gallery.py"


@pytest.mark.parametrize("ops", STRIPS, ids=lambda ops: type(ops[-1]).__name__)
def test_a_picture_is_what_the_op_makes(ops: list[object]) -> None:
    written = BytesIO()
    GALLERY.save(GALLERY.strip(ops, GALLERY.photograph()), written)
    committed, drawn = (np.asarray(Image.open(file), np.int16) for file in (DOCS / GALLERY.picture(ops), written))
    assert committed.shape == drawn.shape, "run python docs/gallery.py"
    # Another libjpeg may round otherwise.
    assert np.abs(committed - drawn).mean() < 1, "run python docs/gallery.py"
