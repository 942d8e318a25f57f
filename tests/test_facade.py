"""The facade and the public modules: what is listed is there, and importing stays cheap."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import penstock
from penstock._public import MODULES, NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_facade_name_is_the_public_object_of_its_module(name: str) -> None:
    module = importlib.import_module(f"penstock.{NAMES[name]}")
    assert name in module.__all__
    assert getattr(penstock, name) is getattr(module, name)


@pytest.mark.parametrize("name", ["augment", "errors", "formats", "loaders", "record"])
def test_facade_has_all_public_names_of_the_module(name: str) -> None:
    listed = importlib.import_module(f"penstock.{name}").__all__
    assert {public: NAMES.get(public) for public in listed} == dict.fromkeys(listed, name)


@pytest.mark.parametrize("name", MODULES)
def test_public_module_lists_what_it_has(name: str) -> None:
    module = getattr(penstock, name)
    listed = module.__all__
    assert len(set(listed)) == len(listed)
    for public in listed:
        assert getattr(module, public) is not None


def test_unknown_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="module 'penstock' has no attribute 'Dataloader'"):
        _ = penstock.Dataloader


def test_dir_lists_the_public_names() -> None:
    assert set(NAMES) | set(MODULES) <= set(dir(penstock))


def test_version_is_that_of_the_distribution() -> None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        expected = version("penstock")
    except PackageNotFoundError:
        pytest.skip("penstock is not installed here, only on the path")
    assert penstock.__version__ == expected


@pytest.mark.parametrize("module", ["penstock", "penstock.formats", "penstock.augment", "penstock.cli.main"])
def test_importing_it_loads_neither_torch_nor_pandas(module: str) -> None:
    script = f"import sys; import {module}; print([m for m in ('torch', 'pandas', 'nvidia.dali') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=_environment()
    )
    assert done.stdout.strip() == "[]"


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
