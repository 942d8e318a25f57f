"""Fixtures that every folder's tests share."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from support.children import end_all

settings.register_profile("penstock", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("penstock")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What compiles for minutes comes first, or the last process would be at it alone."""
    items.sort(key=lambda item: item.get_closest_marker("compiles") is None)


@pytest.fixture(autouse=True)
def _restore_global_state() -> Iterator[None]:
    """No test leaves traces in the global generators, the environment or the working directory."""
    states = random.getstate(), np.random.get_state()
    environment, folder = dict(os.environ), Path.cwd()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
    os.chdir(folder)
    # Only what changed: a thread that reads the environment while it is written may crash.
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update({name: value for name, value in environment.items() if os.environ.get(name) != value})


@pytest.fixture(autouse=True)
def _end_children() -> Iterator[None]:
    yield
    end_all()


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard() -> None:
    """Background jobs of a shell start with Ctrl-C ignored, and their children inherit it: tests interrupt children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def photographs() -> list[Path]:
    """Real photographs: the image files of the class folders in PENSTOCK_TEST_IMAGES, sorted. Skips without it."""
    folder = os.environ.get("PENSTOCK_TEST_IMAGES")
    if not folder:
        pytest.skip("PENSTOCK_TEST_IMAGES names no folder of photographs")
    files = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    if not files:
        raise FileNotFoundError(f"PENSTOCK_TEST_IMAGES={folder} holds no JPEG files")
    return files
